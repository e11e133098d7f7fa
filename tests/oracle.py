"""A second implementation of tracing, in plain Python: the engine must equal it to the base unit.

Written from DESIGN section 5 and heuristics.md section C, not from the engine, and imports nothing of it.
It walks the whole ledger in execution order with dictionaries and integers, unit-exact and slow.

A ledger is a list of `OracleTx`. What a service, mixer or window decides is given from outside as `ends`:
the engine's claims are tested elsewhere, here only what money does under them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

Outpoint = tuple[str, int]
Segment = tuple[int, bool]
"""A run of units, tainted or clean."""


@dataclass(frozen=True)
class OracleOut:
    """`script` orders ties; `address` is None where there is nobody's; `burn` marks an OP_RETURN."""

    value: int
    script: bytes
    address: str | None
    burn: bool = False


@dataclass(frozen=True)
class OracleTx:
    """Inputs are outpoints of earlier transactions; none for a coinbase."""

    name: str
    ins: tuple[Outpoint, ...]
    outs: tuple[OracleOut, ...]


@dataclass(frozen=True)
class OracleSeeds:
    """Lots are outpoints. `members` is a set of addresses, seeded by transactions named in `window`.

    With `unit="entity"` what leaves the set is seeded, else what arrives in it from outside. What an entity
    puts into the transactions named in `mixes` is no outflow: nobody can tell whose their outputs are.
    """

    lots: frozenset[Outpoint] = frozenset()
    members: frozenset[str] = frozenset()
    unit: str = "lot"
    window: frozenset[str] | None = None
    mixes: frozenset[str] = frozenset()


@dataclass
class OracleTaint:
    """Taint that arrived in each outpoint, where it rests and why, and the totals per reason."""

    amount: dict[Outpoint, int] = field(default_factory=dict)
    rests: dict[Outpoint, tuple[str, int]] = field(default_factory=dict)
    hops: dict[Outpoint, int] = field(default_factory=dict)
    seed: int = 0
    fees: int = 0

    def totals(self) -> dict[str, int]:
        """Reason -> base units that rest there; fees among them."""
        found: dict[str, int] = {"fees": self.fees} if self.fees else {}
        for reason, units in self.rests.values():
            found[reason] = found.get(reason, 0) + units
        return found


def trace(
    ledger: Sequence[OracleTx],
    seeds: OracleSeeds,
    method: str,
    *,
    address_ends: Mapping[str, str] | None = None,
    outpoint_ends: Mapping[Outpoint, str] | None = None,
    hops: int | None = None,
    floor: int = 0,
) -> OracleTaint:
    """Follow the seeds through the whole ledger under `fifo` or `haircut`.

    `address_ends`: address -> reason (a service, a pool); `outpoint_ends`: outpoint -> reason, for ends that
    belong to one output (a deposit, the door of a mixer, a cut window). They are stronger.
    """
    address_ends, outpoint_ends = address_ends or {}, outpoint_ends or {}
    result = OracleTaint()
    made = {(tx.name, vout): out for tx in ledger for vout, out in enumerate(tx.outs)}
    spent_later = {point for tx in ledger for point in tx.ins}
    held: dict[Outpoint, list[Segment]] = {}
    cut: dict[Outpoint, str] = {}

    def end_of(point: Outpoint) -> str | None:
        out = made[point]
        if out.burn:
            return "burned"
        if point in outpoint_ends:
            return outpoint_ends[point]
        if out.address is not None and out.address in address_ends:
            return address_ends[out.address]
        return None if point in spent_later else "unspent"

    def tainted(point: Outpoint) -> int:
        return sum(units for units, dirty in held.get(point, []) if dirty)

    for tx in ledger:
        fee = sum(made[p].value for p in tx.ins) - sum(o.value for o in tx.outs) if tx.ins else 0
        live = [p for p in tx.ins if tainted(p) > 0 and end_of(p) is None]
        for point in live:
            if tainted(point) < floor:
                cut[point] = "value_floor"
        live = [p for p in live if p not in cut]
        step = min((result.hops[p] for p in live), default=-1) + 1
        if live and hops is not None and step > hops:
            cut.update(dict.fromkeys(live, "hop_limit"))
            live = []
        inputs = [
            held[p] if p in live else [(made[p].value, False)] for p in tx.ins
        ]  # what stays behind is clean here
        if live:
            filled, fee_taint = (_fifo if method == "fifo" else _haircut)(inputs, tx.outs, fee)
            result.fees += fee_taint
            for vout, segments in enumerate(filled):
                if any(dirty for units, dirty in segments if units):
                    held[tx.name, vout] = segments
                    result.hops[tx.name, vout] = step
        for vout, units in _arrivals(tx, seeds, made, held).items():
            if units > 0:
                point = (tx.name, vout)
                held[point] = _mark(held.get(point, [(made[point].value, False)]), units)
                result.hops[point] = 0
                result.seed += units
    for point in held:
        result.amount[point] = tainted(point)
        reason = cut.get(point) or end_of(point)
        if reason:
            result.rests[point] = (reason, tainted(point))
    return result


def _fifo(
    inputs: list[list[Segment]], outs: Sequence[OracleOut], fee: int
) -> tuple[list[list[Segment]], int]:
    queue = [segment for segments in inputs for segment in segments]
    filled = []
    for room in [*(out.value for out in outs), fee]:
        taken: list[Segment] = []
        while room:
            units, dirty = queue.pop(0)
            piece = min(units, room)
            taken.append((piece, dirty))
            room -= piece
            if units > piece:
                queue.insert(0, (units - piece, dirty))
        filled.append(taken)
    return filled[:-1], sum(units for units, dirty in filled[-1] if dirty)


def _haircut(
    inputs: list[list[Segment]], outs: Sequence[OracleOut], fee: int
) -> tuple[list[list[Segment]], int]:
    total = sum(units for segments in inputs for units, dirty in segments if dirty)
    keys = [(0, out.script, out.value, vout) for vout, out in enumerate(outs)] + [(1, b"", 0, 0)]
    parts = _hamilton(total, [*(out.value for out in outs), fee], keys)
    marked = [[(part, True), (out.value - part, False)] for part, out in zip(parts, outs, strict=False)]
    return marked, parts[-1]


def _hamilton(total: int, weights: Sequence[int], keys: Sequence[tuple[int, bytes, int, int]]) -> list[int]:
    """Largest remainder; ties to the lower key."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(share) for share in exact]
    order = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], keys[i]))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _arrivals(
    tx: OracleTx,
    seeds: OracleSeeds,
    made: Mapping[Outpoint, OracleOut],
    held: Mapping[Outpoint, list[Segment]],
) -> dict[int, int]:
    """Units that enter the trace in each output, after what was carried there."""
    room = {
        vout: out.value - sum(units for units, dirty in held.get((tx.name, vout), []) if dirty)
        for vout, out in enumerate(tx.outs)
    }
    placed = {vout: room[vout] for vout in room if (tx.name, vout) in seeds.lots}
    if not seeds.members or (seeds.window is not None and tx.name not in seeds.window):
        return placed
    inside = sum(made[p].value for p in tx.ins if made[p].address in seeds.members or p in seeds.lots)
    member = [vout for vout, out in enumerate(tx.outs) if out.address in seeds.members]
    back = sum(tx.outs[vout].value for vout in member)
    if seeds.unit == "lot":
        net = max(0, back - inside) - sum(units for vout, units in placed.items() if vout in member)
        for vout in member:
            units = max(0, min(net, room[vout] - placed.get(vout, 0)))
            placed[vout] = placed.get(vout, 0) + units
            net -= units
        return placed
    if tx.name in seeds.mixes:
        return placed
    outside = [vout for vout in room if vout not in member]
    left = min(sum(tx.outs[vout].value for vout in outside), max(0, inside - back))
    clean = [room[vout] - placed.get(vout, 0) for vout in outside]
    if left and sum(clean):
        keys = [(0, tx.outs[vout].script, tx.outs[vout].value, vout) for vout in outside]
        for vout, units in zip(outside, _hamilton(min(left, sum(clean)), clean, keys), strict=True):
            placed[vout] = placed.get(vout, 0) + units
    return placed


def _mark(segments: Sequence[Segment], units: int) -> list[Segment]:
    """Taint the first `units` clean units."""
    marked: list[Segment] = []
    for length, dirty in segments:
        fresh = 0 if dirty else min(units, length)
        units -= fresh
        marked += [(length, True)] if dirty else [(fresh, True), (length - fresh, False)]
    return [segment for segment in marked if segment[0]]
