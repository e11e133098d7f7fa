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
from tracer.intel.claims import TLPS, Leg
from tracer.ledger.store import txid_bytes

Followed = tuple[Facts, list[Answer]]
"""What a set of lots led to, under every method of the question."""

_KEPT = (
    "totals",
    "endpoints",
    "other_endpoints",
    "stops",
    "unspent",
    "unread",
    "protected",
    "claims",
    "tlp",
    "graph",
)


@dataclass(frozen=True)
class Continuation:
    """One link that a trace reached, and what was found behind it.

    claim     id of the link; after: that of the link whose continuation reached this one, None at first
    output    index of the deposit in the trail of `before`
    behind    None where the withdrawal cannot be followed here; `note` says why
    """

    claim: str
    after: str | None
    leg: Leg
    output: int
    before: Followed
    behind: Followed | None
    note: str | None


def continuations(
    first: Followed,
    legs: Sequence[tuple[str, Leg]],
    follow: Callable[[Lots], Followed],
    lots_of: Callable[..., Lots],
) -> list[Continuation]:
    """All links that are reached, to a fixed point; each once, in the order of the claims.

    `follow` traces lots, `lots_of` resolves seeds to them.
    """
    found: list[Continuation] = []
    queue: list[tuple[Followed, str | None]] = [(first, None)]
    known: set[str] = set()
    while queue:
        before, after = queue.pop(0)
        for claim, leg, output in _reached(before, legs):
            if claim in known:
                continue
            known.add(claim)
            behind, note = _behind(before[0], leg, follow, lots_of)
            found.append(Continuation(claim, after, leg, output, before, behind, note))
            if behind is not None:
                queue.append((behind, claim))
    return found


def with_links(
    said: dict[str, Any],
    found: Sequence[Continuation],
    document: Callable[[Facts, Answer, Sequence[Answer]], dict[str, Any]],
) -> dict[str, Any]:
    """One method's document with the links that the method reaches, and the claims these lean on."""
    rows = [row for link in found if (row := _row(link, said["method"], document)) is not None]
    claims = {*said["claims"], *(row["claim"] for row in rows)}
    for row in rows:
        claims.update(row["continuation"]["claims"] if row["continuation"] else ())
    marks = [
        said["tlp"],
        *(row["tlp"] for row in rows),
        *(r["continuation"]["tlp"] for r in rows if r["continuation"]),
    ]
    tlp = max((mark for mark in marks if mark), key=TLPS.index, default=None)
    return {**said, "claims": sorted(claims), "tlp": tlp, "offchain": rows}


def _row(
    link: Continuation, method: str, document: Callable[[Facts, Answer, Sequence[Answer]], dict[str, Any]]
) -> dict[str, Any] | None:
    """A link as one method's document shows it; None where the method brings no money to it."""
    facts, answers = link.before
    units = int(_of(answers, method).taint.amount[link.output])
    if not units:
        return None
    behind = None
    if link.behind is not None:
        whole = document(link.behind[0], _of(link.behind[1], method), link.behind[1])
        behind = {key: whole[key] for key in _KEPT}
    leg = link.leg
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
        "note": link.note,
    }


def _reached(before: Followed, legs: Sequence[tuple[str, Leg]]) -> Iterator[tuple[str, Leg, int]]:
    """Links whose deposit carries traced money under any method, with the deposit's place in the trail."""
    facts, answers = before
    chain = facts.ledger.chain.name
    for claim, leg in legs:
        if leg.chain != chain:
            continue
        txid, _, vout = leg.origin.partition(":")
        for tx_id in facts.ledger.find_tx(txid_bytes(txid)):
            place = int(facts.trail.index(np.array([tx_id]), np.array([int(vout)]))[0])
            inside = place >= 0 and int(facts.trail.vout[place]) == int(vout)
            if inside and any(int(answer.taint.amount[place]) for answer in answers):
                yield claim, leg, place
                break


def _behind(
    facts: Facts, leg: Leg, follow: Callable[[Lots], Followed], lots_of: Callable[..., Lots]
) -> tuple[Followed | None, str | None]:
    chain = facts.ledger.chain
    if leg.to_chain != chain.name:
        return None, f"the withdrawal is on {leg.to_chain}: trace {leg.target} there"
    try:
        lots = lots_of([parse(leg.target, chain)], unit="lot")
    except UsageError as error:
        return None, error.problem
    return follow(lots), None


def _of(answers: Sequence[Answer], method: str) -> Answer:
    return next(answer for answer in answers if answer.method == method)
