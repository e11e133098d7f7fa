"""Payments in a burst to addresses that are claimed for extortion: whoever pays so may be its victim.

Rule CSE-6 of heuristics.md. Amounts are judged where prices are loaded, in the currency of the question; without, the
rhythm alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tracer.flow.question import utc
from tracer.flow.worth import DAY, Worth

WORDS = frozenset({"extortion", "sextortion"})

LEAST = 3
"""Payments (P)."""

WITHIN = DAY
"""Seconds between the first and the last of a burst (P)."""

QUIET = 7 * DAY
"""Seconds without a payment after which it has stopped (P)."""

FIRST, TOTAL = 250, 1_500
"""Of the currency of the question: what the first payment is below, and all of them at most (P; published in EUR)."""


class Payment(NamedTuple):
    """One payment of a set to one of them: base units, block time, transaction."""

    time: int
    tx_id: int
    units: int


def bursts(
    paid: Sequence[Payment], worth: Worth, tip: int, txids: Mapping[int, str]
) -> tuple[dict[str, Any], ...]:
    """What was counted of each burst, in the order of time; `tip` is the time of the last block."""
    rows, found = sorted(paid), list[dict[str, Any]]()
    while rows:
        group = [row for row in rows if row.time - rows[0].time <= WITHIN]
        later = rows[len(group) :]
        quiet = not later or later[0].time - group[-1].time > QUIET
        if len(group) >= LEAST and quiet and (row := _counted(group, worth, tip, txids)):
            found.append(row)
        rows = later if len(group) >= LEAST else rows[1:]
    return tuple(found)


def _counted(
    group: Sequence[Payment], worth: Worth, tip: int, txids: Mapping[int, str]
) -> dict[str, Any] | None:
    first, days = worth.on(group[0].units, group[0].time // DAY)["fiat"], dict[int, int]()
    for row in group:
        days[row.time // DAY] = days.get(row.time // DAY, 0) + row.units
    whole = worth.over(days)
    total = whole["fiat"]
    if (
        first is not None
        and total is not None
        and (_over(first["value"], FIRST) or _over(total["value"], TOTAL))
    ):
        return None
    return {
        "payments": len(group),
        "first_time": utc(group[0].time),
        "last_time": utc(group[-1].time),
        "first": str(group[0].units),
        "total": whole["base_units"],
        "first_fiat": first,
        "total_fiat": total,
        "stopped": tip - group[-1].time > QUIET,
        "txids": [txids[tx_id] for tx_id in dict.fromkeys(row.tx_id for row in group)],
    }


def _over(value: str, limit: int) -> bool:
    """Whether an exact decimal text is above a whole number."""
    whole, _, part = value.partition(".")
    return int(whole) > limit or (int(whole) == limit and bool(part.strip("0")))
