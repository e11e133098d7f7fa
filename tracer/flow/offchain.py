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
from tracer.flow.movements import Taint
from tracer.flow.seeding.grammar import parse
from tracer.flow.seeding.seeds import Lots
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
    "minted",
    "heuristics",
    "overrides",
    "protected",
    "claims",
    "tlp",
    "graph",
)


@dataclass(frozen=True)
class Near:
    """Where a trail reached a link: the transaction that made the output, what was traced there, and its UTC day."""

    tx_id: int
    units: int
    day: int


@dataclass(frozen=True)
class Continuation:
    """One link at one place where one method's money reached it, and what was found behind it.

    claim     id of the link; after: that of the link behind which this one was reached, None in the first trace
    near      where the trail reached it, in `before`
    behind    None where it was not followed, or not again
    lost      why it could not be followed: money went on that this answer did not look at; else None
    above     claim of the earlier row that shows what lies behind the same withdrawal; else None
    """

    claim: str
    after: str | None
    leg: Leg
    near: Near
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
        *,
        backward: bool = False,
    ) -> None:
        """`follow` traces lots, `lots_of` resolves seeds to them. Backward it goes on at what was paid in."""
        self._backward = backward
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
            for claim, leg, near in self._at(before, method):
                behind, above, lots = None, None, self._withdrawal(before[0], leg, near)
                if not isinstance(lots, str):
                    above = shown.get(self._far(leg)[1])
                    if above is None:
                        shown[self._far(leg)[1]] = claim
                        behind = self._traced.get(self._far(leg)[1]) or self._follow(lots)
                        self._traced[self._far(leg)[1]] = behind
                        queue.append((behind, claim))
                lost = lots if isinstance(lots, str) else None
                found.append(Continuation(claim, after, leg, near, before, behind, lost, above))
        return found

    def _near(self, leg: Leg) -> tuple[str, str]:
        """Chain and output at which the trail reaches a link: what the service received; backward, what it paid."""
        return (leg.to_chain, leg.target) if self._backward else (leg.chain, leg.origin)

    def _far(self, leg: Leg) -> tuple[str, str]:
        """Chain and output at which it goes on."""
        return (leg.chain, leg.origin) if self._backward else (leg.to_chain, leg.target)

    def _at(self, before: Followed, method: str) -> Iterator[tuple[str, Leg, Near]]:
        """Links whose near end carries money under the method, and how much."""
        facts, answers = before
        own = [(claim, leg) for claim, leg in self._legs if self._near(leg)[0] == facts.ledger.chain.name]
        places = _carrying(facts, _of(answers, method).taint) if own else {}
        for claim, leg in own:
            txid, _, vout = self._near(leg)[1].partition(":")
            if (near := places.get((txid, int(vout)))) is not None:
                yield claim, leg, near

    def _withdrawal(self, facts: Facts, leg: Leg, near: Near) -> Lots | str:
        """What to follow behind a link that was reached at `near`; else why it cannot be followed."""
        chain = facts.ledger.chain
        (far_chain, far), what = self._far(leg), "deposit" if self._backward else "withdrawal"
        if far_chain != chain.name:
            return f"the {what} is on {far_chain}: trace {far} there"
        if far not in self._lots:
            try:
                self._lots[far] = self._lots_of([parse(far, chain)], unit="lot")
            except UsageError as error:
                self._lots[far] = error.problem
        lots = self._lots[far]
        if isinstance(lots, str):
            return lots
        ends = near.tx_id, max(tx_id for tx_id, _ in lots.points)
        deposit, withdrawal = ends[::-1] if self._backward else ends
        if withdrawal < deposit:
            return (
                f"the withdrawal is earlier than the deposit (block {withdrawal >> 24}, block {deposit >> 24}): "
                "it was not followed"
            )
        return lots


def _carrying(facts: Facts, taint: Taint) -> dict[tuple[str, int], Near]:
    """Outputs that carry money, by name; also receipts of a set that are seeded as what they were paid from."""
    places = {
        facts.outpoint(o): Near(int(facts.trail.point[o]), int(taint.amount[o]), facts.day(o))
        for o in np.flatnonzero((taint.amount > 0) & (facts.trail.point >= 0)).tolist()
    }
    for row in facts.arrived.iter_rows(named=True) if facts.arrived is not None else ():
        name = facts.txids[row["tx_id"]], row["vout"]
        o = int(np.flatnonzero(facts.trail.met == row["tx_id"])[0])
        units = row["units"] + (places[name].units if name in places else 0)
        places[name] = Near(row["tx_id"], min(units, row["value"]), facts.day(o))
    return places


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
    facts, _ = link.before
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
        "traced_in": facts.worth.on(link.near.units, link.near.day),
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
