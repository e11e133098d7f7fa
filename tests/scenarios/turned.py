"""A scenario turned round, without any store: what its backward seeds are, and what its outpoints are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from tests.oracle import SUBSIDY, OracleOut, OracleTx, came_back
from tests.scenarios.ledger import ScenarioSource
from tracer.flow.fates import Fate
from tracer.flow.kernels.reverse import reverse
from tracer.flow.movements import LEAVING, Movements, Seeding


@dataclass(frozen=True)
class Turned:
    """Backward columns of a scenario with their seeds; `points` names every container."""

    movements: Movements
    seeding: Seeding
    points: list[tuple[str, int]]


def turned(
    source: ScenarioSource,
    lots: Iterable[tuple[str, int]],
    members: Iterable[str] = (),
    unit: str = "lot",
    mixes: Iterable[str] = (),
) -> Turned:
    """Where these lots, and what arrived in this set, came from (docs/adr/0008-flows.md).

    What arrives is the set's outputs where nothing of the set paid; where it paid too, and of an entity always, the
    net is spread over the other inputs. Who holds a seed is no source: what comes back through a seed to a holder that
    ends the trail is a container of its own.
    """
    lots, members, mixes = frozenset(lots), frozenset(members), frozenset(mixes)
    outs = dict(zip(source.points, _outs(source), strict=True))
    stops = {point for point, out in outs.items() if out.address in source.address_ends}
    asked = {point: outs[point].value for point in lots}
    net: dict[int, tuple[int, set[tuple[str, int]]]] = {}
    for t, tx in enumerate(source.ledger):
        got = [(tx.name, vout) for vout, out in enumerate(tx.outs) if out.address in members]
        paid = {p for p in tx.ins if p in lots or outs[p].address in members}
        if unit == "lot":
            # what a service pays out of an address of the set is no money of the set, and came from the service,
            # but for what it keeps at such addresses
            at_stops = sum(outs[p].value for p in paid & stops)
            if at_stops >= sum(outs[p].value for p in got if p in stops):
                paid -= stops
                got = [p for p in got if not at_stops or p not in stops]
        units = sum(outs[p].value for p in got if p not in lots) - sum(outs[p].value for p in paid)
        if tx.ins and tx.name not in mixes and (paid or unit == "entity"):
            net[t] = max(0, units), paid
            continue
        for point in got:
            if point not in lots:
                asked[point] = max(0, min(units, outs[point].value))
                units -= asked[point]
    forward = source.movements()
    spends = [(tx.name, point) for tx in source.ledger for point in [*tx.ins, *_minted(tx, source)]]
    apart = [asked.get(point, 0) > 0 and point in stops for _, point in spends]
    forward = replace(forward, in_ref=np.where(apart, -1, forward.in_ref) if apart else forward.in_ref)
    back = reverse(forward)
    columns = Seeding.empty(back.movements)
    points = [
        source.points[ref] if ref >= 0 else came_back(spends[i][1]) if apart[i] else spends[i][1]
        for ref, i in zip(back.output.tolist(), back.input.tolist(), strict=True)
    ]
    for c, point in enumerate(points):
        columns.fixed[c] = asked.get(point, 0)
    for t, (units, paid) in net.items():
        columns.left[back.turned[t]] = units
        within = (back.input >= forward.in_start[t]) & (back.input < forward.in_start[t + 1])
        for container in np.flatnonzero(within).tolist():
            if spends[back.input[container]][1] not in paid:
                columns.flag[container] = LEAVING
    fates = back.movements.out_fate.copy()
    fates[fates != Fate.SPENT] = Fate.MINTED
    known = {came_back(point): out for point, out in outs.items()} | {
        point: out for point, out in outs.items() if not asked.get(point)
    }
    for c, point in enumerate(points):
        address = known[point].address if point in known else None
        if reason := source.address_ends.get(address or "") or source.outpoint_ends.get(point):
            fates[c] = Fate[reason.upper()]
    return Turned(replace(back.movements, out_fate=fates), columns, points)


def _outs(source: ScenarioSource) -> list[OracleOut]:
    return [out for tx in source.ledger for out in tx.outs]


def _minted(tx: OracleTx, source: ScenarioSource) -> list[tuple[str, int]]:
    """What a coinbase that takes fees made anew, as the last of its inputs."""
    values = dict(zip(source.points, (out.value for out in _outs(source)), strict=True))
    made = sum(out.value for out in tx.outs)
    taken = sum(values[point] for point in tx.ins)
    return [(tx.name, SUBSIDY)] if tx.ins and tx.collects and taken < made else []
