"""Behind a service's back: links that no chain shows, on the word of the service that was asked.

An exchange's reply to a request says which withdrawal paid out what a deposit brought in. Where a trace
reaches the deposit, it goes on at the withdrawal as a trace of its own: its totals stand apart, because
inside the service coins are interchangeable and the link is a statement, not a transaction. Of the
withdrawal all is followed; how much of it the traced money paid for, only the service knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracer.errors import UsageError
from tracer.flow.facts import Answer, Facts
from tracer.flow.grammar import parse
from tracer.flow.seeds import Lots
from tracer.intel.claims import Leg, most_closed

Followed = tuple[Facts, list[Answer]]
"""What a set of lots led to, under every method of the question."""

Document = Callable[[Facts, Answer, Sequence[Answer]], dict[str, Any]]
"""Writes one method's document."""

_KEPT = (
    "coverage",
    "totals",
    "endpoints",
    "other_endpoints",
    "stops",
    "unspent",
    "unread",
    "heuristics",
    "overrides",
    "protected",
    "claims",
    "tlp",
    "graph",
)


@dataclass(frozen=True)
class Continuation:
    """One link at one place where one method's money reached it, and what was found behind it.

    claim     id of the link; after: that of the link behind which this one was reached, None in the first trace
    output    index of the deposit in the trail of `before`
    behind    None where it was not followed, or not again
    lost      why it could not be followed: money went on that this answer did not look at; else None
    above     claim of the earlier row that shows what lies behind the same withdrawal; else None
    """

    claim: str
    after: str | None
    leg: Leg
    output: int
    before: Followed
    behind: Followed | None
    lost: str | None
    above: str | None


class Links:
    """The links of all claims; each withdrawal is traced once, whatever methods and links lead to it."""

    def __init__(
        self,
        legs: Sequence[tuple[str, Leg]],
        follow: Callable[[Lots], Followed],
        lots_of: Callable[..., Lots],
    ) -> None:
        """`follow` traces lots, `lots_of` resolves seeds to them."""
        self._legs = legs
        self._follow = follow
        self._lots_of = lots_of
        self._lots: dict[str, Lots | str] = {}
        self._traced: dict[str, Followed] = {}

    def reached(self, first: Followed, method: str) -> list[Continuation]:
        """The links one method's money reached, to a fixed point: place by place, in the order of the claims.

        A withdrawal is shown once, so circles end. Other methods of the question change nothing here.
        """
        found: list[Continuation] = []
        shown: dict[str, str] = {}  # withdrawal -> claim of the row that shows what lies behind it
        queue: list[tuple[Followed, str | None]] = [(first, None)]
        while queue:
            before, after = queue.pop(0)
            for claim, leg, output in self._at(before, method):
                behind, above, lots = None, None, self._withdrawal(before[0], leg, output)
                if not isinstance(lots, str):
                    above = shown.get(leg.target)
                    if above is None:
                        shown[leg.target] = claim
                        behind = self._traced.get(leg.target) or self._follow(lots)
                        self._traced[leg.target] = behind
                        queue.append((behind, claim))
                lost = lots if isinstance(lots, str) else None
                found.append(Continuation(claim, after, leg, output, before, behind, lost, above))
        return found

    def _at(self, before: Followed, method: str) -> Iterator[tuple[str, Leg, int]]:
        """Links whose deposit carries money under the method, with the deposit's index in the trail."""
        facts, answers = before
        own = [(claim, leg) for claim, leg in self._legs if leg.chain == facts.ledger.chain.name]
        carrying = np.flatnonzero(_of(answers, method).taint.amount).tolist() if own else []
        places = {(facts.txid(output), int(facts.trail.vout[output])): output for output in carrying}
        for claim, leg in own:
            txid, _, vout = leg.origin.partition(":")
            if (output := places.get((txid, int(vout)))) is not None:
                yield claim, leg, output

    def _withdrawal(self, facts: Facts, leg: Leg, paid: int) -> Lots | str:
        """What to follow behind a link whose deposit is the output `paid`; else why it cannot be followed."""
        chain, trail = facts.ledger.chain, facts.trail
        if leg.to_chain != chain.name:
            return f"the withdrawal is on {leg.to_chain}: trace {leg.target} there"
        if leg.target not in self._lots:
            try:
                self._lots[leg.target] = self._lots_of([parse(leg.target, chain)], unit="lot")
            except UsageError as error:
                self._lots[leg.target] = error.problem
        lots = self._lots[leg.target]
        if isinstance(lots, str):
            return lots
        deposit, withdrawal = int(trail.tx_id[trail.out_tx[paid]]), max(tx_id for tx_id, _ in lots.points)
        if withdrawal < deposit:
            return (
                f"the withdrawal is earlier than the deposit (block {withdrawal >> 24}, block {deposit >> 24}): "
                "it was not followed"
            )
        return lots


def with_links(said: dict[str, Any], found: Sequence[Continuation], document: Document) -> dict[str, Any]:
    """One method's document with the links its money reached, and all that the answer then rests on.

    Its totals, endpoints and stops stay as they are; its coverage is that of the links too.
    """
    rows = [_row(link, said["method"], document) for link in found]
    behind = [row["continuation"] for row in rows if row["continuation"]]
    claims = {*said["claims"], *(row["claim"] for row in rows)}.union(*(part["claims"] for part in behind))
    return {
        **said,
        "coverage": _coverage(said["coverage"], rows, found),
        "heuristics": _heuristics(said["heuristics"], behind),
        "claims": sorted(claims),
        "tlp": most_closed([said["tlp"], *(part["tlp"] for part in (*rows, *behind))]),
        "offchain": rows,
    }


def _row(link: Continuation, method: str, document: Document) -> dict[str, Any]:
    """A link as one method's document shows it."""
    facts, answers = link.before
    units = int(_of(answers, method).taint.amount[link.output])
    behind, leg = None, link.leg
    if link.behind is not None:
        whole = document(link.behind[0], _of(link.behind[1], method), link.behind[1])
        behind = {key: whole[key] for key in _KEPT}
    return {
        "claim": link.claim,
        "after": link.after,
        "drawn": "dashed",
        "from": leg.origin,
        "to_chain": leg.to_chain,
        "to": leg.target,
        "reference": leg.reference,
        "source": leg.source,
        "said_at": leg.said_at or None,
        "author": leg.author,
        "tlp": leg.tlp or None,
        "traced_in": facts.amount(units, link.output),
        "continuation": behind,
        "note": f"shown above, with claim {link.above}" if link.above else link.lost,
    }


def _coverage(
    said: dict[str, Any], rows: Sequence[dict[str, Any]], found: Sequence[Continuation]
) -> dict[str, Any]:
    """The trace's coverage together with that behind its links: what is open there is open here."""
    notes: dict[str, None] = {}
    partial = False
    for row, link in zip(rows, found, strict=True):
        more = [link.lost] if link.lost else []
        if behind := row["continuation"]:
            more = [note for note in behind["coverage"]["notes"] if note not in said["notes"]]
            if behind["coverage"]["status"] != "complete":
                partial = True
                more = more or [f"{behind['coverage']['status']}, as the trace itself"]
        partial = partial or link.lost is not None
        notes.update({f"behind {row['reference']}: {note}": None for note in more})
    status = "partial" if partial and said["status"] == "complete" else said["status"]
    return {**said, "status": status, "notes": [*said["notes"], *notes]}


def _heuristics(said: Sequence[dict[str, Any]], behind: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the trace, then those that only what lies behind its links leans on."""
    found = list(said)
    for used in (used for part in behind for used in part["heuristics"] if used not in said):
        marked = {**used, "used_for": f"{used['used_for']} (behind a link)"}
        found += [marked] if marked not in found else []
    return found


def _of(answers: Sequence[Answer], method: str) -> Answer:
    return next(answer for answer in answers if answer.method == method)
