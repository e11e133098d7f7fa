"""What watches must raise, in plain Python from the transactions by name: a second implementation, for tests.

One block is one transaction here (`tests.scenarios.ledger`). An alert is (type, watch, transaction, direction, units).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.scenarios.ledger import Tx

Told = tuple[str, str, str, str, int]


@dataclass(frozen=True)
class OracleWatch:
    """An address under watch; `services` are addresses where a trail ends."""

    address: str
    types: Sequence[str] = ("transfer",)
    start: int = 0
    least: int = 0
    direction: str = "both"
    trail: int = 0


@dataclass
class _Trail:
    hops: dict[tuple[str, int], int] = field(default_factory=dict)
    values: dict[tuple[str, int], int] = field(default_factory=dict)


def expected(
    rows: Sequence[Tx], watches: Sequence[OracleWatch], services: frozenset[str] = frozenset()
) -> set[Told]:
    """All alerts of these watches over a chain."""
    outs = {(row.name, vout): out for row in rows for vout, out in enumerate(row.outs)}
    found: set[Told] = set()
    for watch in watches:
        trail = _Trail()
        for height, row in enumerate(rows):
            if height > watch.start:
                found |= _of_row(row, watch, outs, services, trail)
    return found


def _of_row(
    row: Tx,
    watch: OracleWatch,
    outs: Mapping[tuple[str, int], tuple[str, int]],
    services: frozenset[str],
    trail: _Trail,
) -> set[Told]:
    points = [(name, int(vout)) for name, _, vout in (point.rpartition(":") for point in row.ins)]
    came = sum(value for address, value in row.outs if address == watch.address)
    went = sum(outs[point][1] for point in points if outs[point][0] == watch.address)
    fee = sum(outs[point][1] for point in points) - sum(value for _, value in row.outs)
    net = came - went
    direction = "inbound" if net > 0 else "outbound"
    if row.ins and came and went and net <= 0 and -net <= fee:
        direction = "internal"
    touched = bool(came or went)
    wanted = touched and abs(net) >= watch.least and watch.direction in ("both", direction)
    found: set[Told] = set()
    if wanted and "transfer" in watch.types:
        found.add(("transfer", watch.address, row.name, direction, abs(net)))
    if "reached_service" not in watch.types:
        return found
    left = touched and direction == "outbound"
    lots = [point for point in points if point in trail.hops]
    if not left and not lots:
        return found
    number = 1 if left else 1 + min(trail.hops[point] for point in lots)
    value = -net if left else sum(trail.values[point] for point in lots)
    paid = sum(v for address, v in row.outs if address in services and address != watch.address)
    if paid and (wanted or not left):
        found.add(("reached_service", watch.address, row.name, "outbound", min(paid, value)))
    for vout, (address, amount) in enumerate(row.outs):
        if address not in services and address != watch.address and number < watch.trail:
            trail.hops[row.name, vout] = number
            trail.values[row.name, vout] = amount
    return found
