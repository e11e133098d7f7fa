"""Ways from a subject to its counterparties, along the taint; and their money by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tracer.flow.movements import I64, Taint
from tracer.flow.worth import DAY
from tracer.screening.exposure.cut import Cut
from tracer.screening.exposure.trails import Many
from tracer.screening.model import METHODS


def paths(
    many: Many, part: Cut, taints: Mapping[str, Taint], top: Iterable[int], *, mixed: bool
) -> list[list[int]]:
    """Transactions from the subject to the counterparty of these outputs, each way once."""
    found: list[list[int]] = []
    for output in top:
        for name in METHODS:
            if taints[name].amount[output]:
                way = _path(many, part, taints[name], output)
                break
        if mixed:
            way.append(int(many.trail.beyond[part.source[output]]))
        if way not in found:
            found.append(way)
    return sorted(found, key=len)


def _path(many: Many, part: Cut, taint: Taint, output: int) -> list[int]:
    trail, steps = many.trail, list[int]()
    while output >= 0:
        source = int(part.source[output])
        lot = bool(part.seeding.fixed[output] and taint.seeded[output])
        # a lot gone back from was made by the last transaction of the way already
        if not (trail.backward and lot):
            steps.append(int(trail.met[source]))
        if taint.seeded[output]:
            break
        output = int(taint.via[output])
    return steps[::-1]


def by_day(
    time: I64, taints: Mapping[str, Taint], at: Sequence[int], units: Mapping[str, int]
) -> dict[int, int]:
    """UTC day -> base units of the larger method."""
    larger = max(METHODS, key=lambda name: units[name])
    days: dict[int, int] = {}
    for day, amount in zip((time // DAY).tolist(), taints[larger].amount[at].tolist(), strict=True):
        if amount:
            days[day] = days.get(day, 0) + amount
    return days
