"""A second implementation of tracing, in plain Python: the engine must equal it to the base unit.

Written from DESIGN section 5 and heuristics.md section C, not from the engine, and imports nothing of it.
It walks the whole ledger with dictionaries and integers, unit-exact and slow: in execution order, or, to
say where money came from, from the last transaction to the first.

A ledger is a list of `OracleTx`. What a service, mixer or window decides is given from outside as `ends`:
the engine's claims are tested elsewhere, here only what money does under them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.oracle_units import Outpoint, Segment, mark_units, pass_units, spread_units

SUBSIDY = -1
"""The vout by which money that a coinbase made anew is called, where it is one of its inputs."""

POOLED = -1_000_000
"""The vout by which what a transaction takes out of a shielded pool is called, where it is one of its inputs."""


@dataclass(frozen=True)
class OracleOut:
    """`script` orders ties; `address` is None where there is nobody's; `burn` marks an OP_RETURN.

    `fee` marks the output that `fees="miners"` makes of a fee, `pool` what goes into a shielded pool.
    """

    value: int
    script: bytes
    address: str | None
    burn: bool = False
    fee: bool = False
    pool: bool = False


@dataclass(frozen=True)
class OracleTx:
    """Inputs are outpoints of earlier transactions; none for a coinbase.

    `collects` names the transactions whose fees this coinbase takes, in the order of the block. It runs after
    them; it counts only where fees go to miners. `from_pool` units come out of a shielded pool: its input
    `(name, POOLED)`, which nobody made.
    """

    name: str
    ins: tuple[Outpoint, ...]
    outs: tuple[OracleOut, ...]
    collects: tuple[str, ...] = ()
    from_pool: int = 0


@dataclass(frozen=True)
class OracleSeeds:
    """Lots are outpoints. `members` is a set of addresses, seeded by transactions named in `window`.

    With `unit="entity"` what leaves the set is seeded, else what arrives in it from outside. What an entity
    puts into the transactions named in `mixes` is no outflow: nobody can tell whose their outputs are.
    Backward both units ask for what arrived.
    """

    lots: frozenset[Outpoint] = frozenset()
    members: frozenset[str] = frozenset()
    unit: str = "lot"
    window: frozenset[str] | None = None
    mixes: frozenset[str] = frozenset()


@dataclass
class OracleTaint:
    """Taint that arrived in each outpoint, where it rests and why, and the totals per reason.

    `came` says of fifo, lifo and tiho where each outpoint's taint entered the trace; `spread`, backward, of what was
    spread over the inputs of a transaction, by which of its outputs the set received it (the first).
    """

    amount: dict[Outpoint, int] = field(default_factory=dict)
    rests: dict[Outpoint, tuple[str, int]] = field(default_factory=dict)
    hops: dict[Outpoint, int] = field(default_factory=dict)
    came: dict[Outpoint, dict[Outpoint, int]] = field(default_factory=dict)
    spread: dict[Outpoint, Outpoint] = field(default_factory=dict)
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
    direction: str = "forward",
    fees: str = "sink",
) -> OracleTaint:
    """Follow the seeds through the whole ledger under `fifo`, `lifo`, `tiho`, `haircut` or `poison`.

    `address_ends`: address -> reason (a service, a pool); `outpoint_ends`: outpoint -> reason, for ends that
    belong to one output (a deposit, the door of a mixer, a cut window). They are stronger. Backward, who holds
    a seed is no source, and what a coinbase made rests as `minted`. What goes into a shielded pool, and backward what
    comes out of one, rests as `mixer`. With `fees="miners"` a fee is the last
    output of its transaction.
    """
    ledger = fees_as_outputs(ledger) if fees == "miners" else list(ledger)
    made = {(tx.name, v): out for tx in ledger for v, out in enumerate(tx.outs)}
    made |= {(tx.name, POOLED): OracleOut(tx.from_pool, b"", None) for tx in ledger if tx.from_pool}
    walk = _Walk(method, hops, floor, made)
    ends = (address_ends or {}, outpoint_ends or {})
    (_forward if direction == "forward" else _backward)(walk, ledger, seeds, *ends)
    return walk.found()


def fees_as_outputs(ledger: Iterable[OracleTx]) -> list[OracleTx]:
    """The same ledger with every fee that a coinbase collects as the last output of who paid it."""
    ledger = list(ledger)
    value = {(tx.name, vout): out.value for tx in ledger for vout, out in enumerate(tx.outs)}
    value |= {(tx.name, POOLED): tx.from_pool for tx in ledger}
    collected = {name for tx in ledger for name in tx.collects}
    paid: dict[str, Outpoint] = {}
    rewritten, waiting = [], []
    for tx in ledger:
        if tx.collects:
            waiting.append(tx)
        else:
            fee = sum(value[p] for p in tx.ins) - sum(out.value for out in tx.outs) if tx.ins else 0
            if fee and tx.name in collected:
                paid[tx.name] = (tx.name, len(tx.outs))
                tx = replace(tx, outs=(*tx.outs, OracleOut(fee, b"", None, fee=True)))
            rewritten.append(tx)
        written = {tx.name for tx in rewritten}
        for coinbase in [c for c in waiting if written.issuperset(c.collects)]:
            waiting.remove(coinbase)
            taken = tuple(paid[name] for name in coinbase.collects if name in paid)
            rewritten.append(replace(coinbase, ins=taken))
    assert not waiting, "a coinbase collects from a transaction that is not in the ledger"
    return rewritten


class _Walk:
    """What every outpoint holds while the ledger is walked, in either direction."""

    def __init__(self, method: str, hops: int | None, floor: int, made: Mapping[Outpoint, OracleOut]) -> None:
        self.method, self.most_hops, self.floor = method, hops, floor
        self.made = made
        self.held: dict[Outpoint, list[Segment]] = {}
        self.cut: dict[Outpoint, str] = {}
        self.result = OracleTaint()
        self.end_of: Callable[[Outpoint], str | None] = lambda _point: None

    def minted(self, tx: OracleTx) -> int:
        """What a coinbase that also takes fees made anew."""
        return max(0, -self.over(tx)) if tx.collects and tx.ins else 0

    def fee(self, tx: OracleTx) -> int:
        return self.over(tx) + self.minted(tx)

    def over(self, tx: OracleTx) -> int:
        return sum(self.made[p].value for p in tx.ins) - sum(out.value for out in tx.outs)

    def tainted(self, point: Outpoint) -> int:
        return sum(units for units, label in self.held.get(point, []) if label)

    def room(self, point: Outpoint) -> int:
        """Units of an outpoint that a seed can still take; poison takes no room from a seed."""
        return self.made[point].value - (0 if self.method == "poison" else self.tainted(point))

    def enter(self, points: Sequence[Outpoint]) -> tuple[list[Outpoint], int]:
        """Those whose taint moves on, and the hop of the movement; notes what is cut."""
        live = [p for p in points if self.tainted(p) > 0 and self.end_of(p) is None]
        self.cut.update({p: "value_floor" for p in live if self.tainted(p) < self.floor})
        live = [p for p in live if p not in self.cut]
        step = min((self.result.hops[p] for p in live), default=-1) + 1
        if live and self.most_hops is not None and step > self.most_hops:
            self.cut.update(dict.fromkeys(live, "hop_limit"))
            return [], step
        return live, step

    def carry(self, live: Sequence[Outpoint], points: Sequence[Outpoint]) -> list[list[Segment]]:
        """What inputs bring; of those that stay behind, clean units."""
        return [self.held[p] if p in live else [(self.made[p].value, None)] for p in points]

    def put(self, point: Outpoint, segments: list[Segment], step: int) -> None:
        if any(label for units, label in segments if units):
            self.held[point] = segments
            self.result.hops[point] = step

    def seed(self, point: Outpoint, units: int) -> None:
        if units > 0:
            clean: list[Segment] = [(self.made[point].value, None)]
            self.held[point] = mark_units(self.held.get(point, clean), units, point)
            self.result.hops[point] = 0
            self.result.seed += units

    def found(self) -> OracleTaint:
        for point, segments in self.held.items():
            self.result.amount[point] = self.tainted(point)
            reason = self.cut.get(point) or self.end_of(point)
            if reason:
                self.result.rests[point] = (reason, self.tainted(point))
            came: dict[Outpoint, int] = {}
            for units, label in segments:
                if label and units:
                    came[label] = came.get(label, 0) + units
            self.result.came[point] = came
        return self.result


def _forward(
    walk: _Walk,
    ledger: Sequence[OracleTx],
    seeds: OracleSeeds,
    address_ends: Mapping[str, str],
    outpoint_ends: Mapping[Outpoint, str],
) -> None:
    spent_later = {point for tx in ledger for point in tx.ins}

    def end_of(point: Outpoint) -> str | None:
        out = walk.made[point]
        if out.burn:
            return "burned"
        if out.pool:
            return "mixer"
        if point in outpoint_ends:
            return outpoint_ends[point]
        if out.address is not None and out.address in address_ends:
            return address_ends[out.address]
        return None if point in spent_later else "unspent"

    walk.end_of = end_of
    for tx in ledger:
        live, step = walk.enter(tx.ins)
        if live:
            inputs: list[list[Segment]] = [*walk.carry(live, tx.ins), [(walk.minted(tx), None)]]
            keys = [(out.fee, out.script, out.value, vout) for vout, out in enumerate(tx.outs)]
            values = [*(out.value for out in tx.outs), walk.fee(tx)]
            *filled, fee = pass_units(walk.method, inputs, values, [*keys, (True, b"", 0, len(keys))])
            walk.result.fees += sum(units for units, label in fee if label)
            for vout, segments in enumerate(filled):
                walk.put((tx.name, vout), segments, step)
        for vout, units in _arrivals(walk, tx, seeds, address_ends).items():
            walk.seed((tx.name, vout), units)


def _backward(
    walk: _Walk,
    ledger: Sequence[OracleTx],
    seeds: OracleSeeds,
    address_ends: Mapping[str, str],
    outpoint_ends: Mapping[Outpoint, str],
) -> None:
    """What an outpoint holds goes to what its maker spent, in vin order; a fee was paid with clean units."""
    asked = {
        point: walk.made[point].value for point in seeds.lots
    }  # outputs that are gone back from themselves
    net = {}  # what is asked for of these transactions is spread over their inputs from outside
    for tx in ledger:
        got, mine = _received(walk, tx, seeds, address_ends)
        left = sum(walk.made[p].value for p in got) - sum(walk.made[p].value for p in mine)
        left -= sum(walk.made[p].value for p in got if p in seeds.lots)
        if tx.ins and tx.name not in seeds.mixes and (mine or seeds.unit == "entity"):
            net[tx.name] = left
            continue
        for point in [p for p in got if p not in seeds.lots]:
            asked[point] = max(0, min(left, walk.made[point].value))
            left -= asked[point]
    asked = {point: units for point, units in asked.items() if units}
    spent = {point for tx in ledger for point in tx.ins}
    held = {p: walk.made[p].address or "" for p in asked if walk.made[p].address in address_ends}
    twins = {came_back(point): address_ends[address] for point, address in held.items()}
    minted = {(tx.name, vout) for tx in ledger if not tx.ins for vout in range(len(tx.outs))}

    def end_of(point: Outpoint) -> str | None:
        if point[1] == POOLED:
            return "mixer"
        if point in twins:
            return twins[point]
        address = walk.made[point].address
        if point not in asked and address is not None and address in address_ends:
            return address_ends[address]
        if point in outpoint_ends:
            return outpoint_ends[point]
        return "minted" if point in minted or point[1] == SUBSIDY else None

    walk.end_of = end_of
    new = {(tx.name, SUBSIDY): OracleOut(walk.minted(tx), b"", None) for tx in ledger if walk.minted(tx)}
    walk.made = {**walk.made, **new, **{came_back(point): walk.made[point] for point in held}}
    for point in (set(asked) - spent) | set(held):
        walk.seed(point, asked[point])
    for tx in reversed(ledger):
        sources = [came_back(point) if point in held else point for point in tx.ins]
        sources += [point for point in new if point[0] == tx.name]
        outs = [(tx.name, vout) for vout in range(len(tx.outs))]
        live, step = walk.enter(outs)
        if live:
            inputs: list[list[Segment]] = [*walk.carry(live, outs), [(walk.fee(tx), None)]]
            keys = [(False, b"", 0, vin) for vin in range(len(sources))]
            filled = pass_units(walk.method, inputs, [walk.made[p].value for p in sources], keys)
            for point, segments in zip(sources, filled, strict=True):
                walk.put(point, segments, step)
        for point in tx.ins:
            if point in asked and point not in held:
                walk.seed(point, min(asked[point], walk.room(point)))
        if net.get(tx.name, 0) > 0:
            got, mine = _received(walk, tx, seeds, address_ends)
            others = {
                vin: p for vin, p in enumerate(sources) if vin >= len(tx.ins) or tx.ins[vin] not in mine
            }
            keys = [(False, b"", 0, vin) for vin in others]
            parts = spread_units(net[tx.name], [walk.room(p) for p in others.values()], keys)
            for point, units in zip(others.values(), parts, strict=True):
                walk.seed(point, units)
                walk.result.spread[point] = got[0]


def came_back(point: Outpoint) -> Outpoint:
    """An output that is asked for and whose holder ends the trail, as what comes back through its spender finds it.

    What is asked for goes on to its maker; what comes back through it came from whoever held it.
    """
    return (point[0], -2 - point[1])


def _asked(tx: OracleTx, seeds: OracleSeeds) -> bool:
    return seeds.window is None or tx.name in seeds.window


def _received(
    walk: _Walk, tx: OracleTx, seeds: OracleSeeds, address_ends: Mapping[str, str]
) -> tuple[list[Outpoint], set[Outpoint]]:
    """Outputs by which the set receives, and what it paid itself; nothing of either outside the window.

    A trace of lots ends where a service holds an address of the set. What the service pays out there comes from
    outside, where it is as much as comes back to such addresses: these have then received nothing.
    """
    if not _asked(tx, seeds):
        return [], set()
    mine = {p for p in tx.ins if walk.made[p].address in seeds.members or p in seeds.lots}
    got = [(tx.name, vout) for vout, out in enumerate(tx.outs) if out.address in seeds.members]
    if seeds.unit == "lot":
        held = {p for p in mine if walk.made[p].address in address_ends}
        ended = [p for p in got if walk.made[p].address in address_ends]
        paid = sum(walk.made[p].value for p in held)
        if paid >= sum(walk.made[p].value for p in ended):
            mine -= held
            got = [p for p in got if not paid or p not in ended]
    return got, mine


def _arrivals(
    walk: _Walk, tx: OracleTx, seeds: OracleSeeds, address_ends: Mapping[str, str]
) -> dict[int, int]:
    """Units that enter the trace in each output, after what was carried there."""
    room = {vout: walk.room((tx.name, vout)) for vout in range(len(tx.outs))}
    placed = {vout: room[vout] for vout in room if (tx.name, vout) in seeds.lots}
    got, mine = _received(walk, tx, seeds, address_ends)
    inside = sum(walk.made[p].value for p in mine)
    back = sum(walk.made[p].value for p in got)
    member = [vout for _, vout in got]
    if seeds.unit == "lot":
        net = max(0, back - inside) - sum(units for vout, units in placed.items() if vout in member)
        for vout in member:
            units = max(0, min(net, room[vout] - placed.get(vout, 0)))
            placed[vout] = placed.get(vout, 0) + units
            net -= units
        return placed
    if not seeds.members or tx.name in seeds.mixes or not _asked(tx, seeds):
        return placed
    outside = [vout for vout in room if vout not in member and not tx.outs[vout].fee]
    left = min(sum(tx.outs[vout].value for vout in outside), max(0, inside - back))
    clean = [room[vout] - placed.get(vout, 0) for vout in outside]
    keys = [(False, tx.outs[vout].script, tx.outs[vout].value, vout) for vout in outside]
    for vout, units in zip(outside, spread_units(left, clean, keys), strict=True):
        placed[vout] = placed.get(vout, 0) + units
    return placed
