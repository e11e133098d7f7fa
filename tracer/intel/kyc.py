"""What a service asked of its customers on a day, as its dated statements have it.

A level holds inside the interval its evidence supports and nowhere else (`evidence_interval`). Both ends of
an interval belong to it. Where several statements hold, the one that began last wins, then the one assessed
last; if these still disagree, the level is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tracer.intel.claims import KycLevel, Vasp

REVIEW_DAYS = 365
"""How long an assessment that names no interval is evidence, in days. Our default (P): it has no published
basis; a register that states `next_review` overrides it."""

Known = tuple[str, Vasp]
"""A statement with its claim id."""


@dataclass(frozen=True)
class KycAt:
    """The KYC level of a service at one time, with what was known before where that is all there is.

    claims       ids of the statements this rests on: that of the level, of the last known, or those that tie
    disagreeing  levels that tie, where that makes it unknown
    """

    level: KycLevel
    last_known: KycLevel | None
    interval: tuple[str, str] | None
    claims: tuple[str, ...] = field(default=(), compare=False)
    disagreeing: tuple[str, ...] = field(default=(), compare=False)


def evidence_interval(row: Vasp) -> tuple[str, str]:
    """ISO dates from and to which a statement is evidence, "" where open.

    It begins with its `valid_from`, else with the day it was assessed or captured. It ends with its `valid_to`;
    where that is open, with its `next_review`; where it states none, `REVIEW_DAYS` after the last of these days:
    a register entry of 2022 is not today's truth. A statement that nobody dated, but for the days between which
    it held, is taken by its word, and one without any date holds always.
    """
    seen = max(row.assessed_at, row.captured_at)
    start = row.valid_from or ("" if row.valid_to else seen)
    if row.valid_to or row.next_review or not seen:
        return start, row.valid_to or row.next_review
    until = date.fromisoformat(max(seen, row.valid_from)) + timedelta(days=REVIEW_DAYS)
    return start, until.isoformat()


def holds(row: Vasp, day: str) -> bool:
    """Whether a statement is evidence for a day (ISO date)."""
    start, end = evidence_interval(row)
    return start <= day and (not end or day <= end)


def kyc_at(history: Sequence[Known], day: str) -> KycAt:
    """The level on a day; outside every interval unknown with the last level known before.

    Before all evidence nothing is known. `history` are all statements about one service, in a total order.
    """
    # a statement that tells no level says nothing against one that does
    telling = [known for known in history if known[1].kyc_level != KycLevel.UNKNOWN]
    best = strongest([known for known in telling if holds(known[1], day)])
    levels = {row.kyc_level for _, row in best}
    claims = tuple(claim for claim, _ in best)
    if len(levels) == 1:
        return KycAt(best[0][1].kyc_level, None, evidence_interval(best[0][1]), claims[:1])
    disagreeing = tuple(sorted(str(level) for level in levels)) if len(levels) > 1 else ()
    ended = [known for known in telling if (end := evidence_interval(known[1])[1]) and end < day]
    if not ended:
        return KycAt(KycLevel.UNKNOWN, None, None, claims, disagreeing)
    newest = max(evidence_interval(row)[1] for _, row in ended)
    last = strongest([known for known in ended if evidence_interval(known[1])[1] == newest])
    if len({row.kyc_level for _, row in last}) > 1:
        return KycAt(KycLevel.UNKNOWN, None, None, claims, disagreeing)
    claim, row = last[0]
    return KycAt(
        KycLevel.UNKNOWN, row.kyc_level, (evidence_interval(row)[0], newest), (*claims, claim), disagreeing
    )


def speaking_for(history: Sequence[Known], day: str) -> Known | None:
    """Who a service is: the statement that holds on the day, else the last before, else the first after it.

    None for a service nobody spoke of. For its level ask `kyc_at`: this row's own may be of another time.
    """
    if holding := strongest([known for known in history if holds(known[1], day)]):
        return holding[0]
    if ended := [known for known in history if (end := evidence_interval(known[1])[1]) and end < day]:
        return max(ended, key=lambda known: evidence_interval(known[1])[1])
    return history[0] if history else None


def newest(history: Sequence[Known]) -> Known | None:
    """The statement that was made last, by the days it gives; None for a service nobody spoke of."""

    def made(known: Known) -> tuple[str, str, str]:
        claim, row = known
        return max(row.assessed_at, row.captured_at, row.valid_from), row.valid_from, claim

    return max(history, key=made, default=None)


def strongest(rows: Sequence[Known]) -> list[Known]:
    """The statements that began last and, of these, were assessed last; several where they tie."""

    def strength(known: Known) -> tuple[str, str]:
        return evidence_interval(known[1])[0], known[1].assessed_at

    best = max(map(strength, rows), default=None)
    return [known for known in rows if strength(known) == best]
