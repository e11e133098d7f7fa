"""A second implementation of tracing over account queues, in plain Python: the engine must equal it.

Written from DESIGN section 5, ADR 9 and heuristics.md section C ("Account-model FIFO"), not from the engine, and
imports nothing of it. It walks a ledger in execution order with deques, Fractions and integers, unit-exact and slow.
A queue is `(address, asset)`. What a service or a window decides is given from outside as `ends`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

Queue = tuple[str, str]

MOST = 2**128 - 1
"""What a balance can be told up to."""

FOLLOWED = ("unspent", "unread", "time_window", "tx_limit")
"""Ends of queues whose money is followed on; any other end keeps what enters."""


@dataclass(frozen=True)
class OracleTransfer:
    """One movement of one asset. No source: out of nothing; no target: into nothing, or a fee.

    Units of None: nobody could read them. `into` and `out_of` name a conversion instead of a target or a source.
    """

    name: str
    source: str | None
    target: str | None
    units: int | None
    asset: str = "ETH"
    fee: bool = False
    into: str | None = None
    out_of: str | None = None


@dataclass
class Bit:
    """A run of units: whose they are (-1 for nobody's) and which transfer brought them."""

    units: int
    owner: int
    came: str


@dataclass
class OracleQueueTaint:
    """Per transfer name: taint carried or seeded, what was cut and why, hop, via, taint per seed. Per queue: rest."""

    amount: dict[str, int] = field(default_factory=dict)
    seeded: dict[str, int] = field(default_factory=dict)
    cut: dict[str, tuple[str, int]] = field(default_factory=dict)
    hops: dict[str, int] = field(default_factory=dict)
    via: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[int, int]] = field(default_factory=dict)
    rests: dict[Queue, tuple[str, int]] = field(default_factory=dict)
    unopened: set[Queue] = field(default_factory=set)


def trace_queues(
    ledger: Sequence[OracleTransfer],
    seeds: Mapping[str, tuple[int, int]],
    method: str,
    *,
    openings: Mapping[Queue, int | None] | None = None,
    ends: Mapping[Queue, str] | None = None,
    hops: int | None = None,
    floor: int = 0,
    floors: Mapping[str, int] | None = None,
) -> OracleQueueTaint:
    """Follow seeds (transfer name -> units that enter there, whose) under one of the four methods.

    An opening of None is unknown; one not named is 0. A queue not named in `ends` is `unspent`. `floors` are by
    asset; one not named has `floor`.
    """
    rule: Callable[[int | None], _Held] = {"fifo": _Line, "lifo": _Pile, "haircut": _Share, "poison": _Stain}[
        method
    ]
    openings, ends, floors = openings or {}, ends or {}, floors or {}
    found = OracleQueueTaint()
    order = {transfer.name: place for place, transfer in enumerate(ledger)}
    held: dict[Queue, _Held] = {}
    converting: dict[str, tuple[str, list[Bit]]] = {}

    def end_of(queue: Queue) -> str:
        return ends.get(queue, "unspent")

    blind = {queue for queue, opening in openings.items() if opening is None}
    blind = {queue for queue in blind if end_of(queue) in FOLLOWED}

    def of(queue: Queue) -> _Held:
        if queue not in held:
            sunk = end_of(queue) not in FOLLOWED or (queue in blind and method != "poison")
            held[queue] = _Sunk() if sunk else rule(openings.get(queue, 0))
        return held[queue]

    def lose_sight(queue: Queue) -> None:
        if end_of(queue) in FOLLOWED and queue not in blind:
            blind.add(queue)
            held[queue] = of(queue).unseen()

    for transfer in ledger:
        target = (transfer.target, transfer.asset) if transfer.target is not None else None
        source = (transfer.source, transfer.asset) if transfer.source is not None else None
        if transfer.units is None:
            for queue in (source, target):
                if queue is not None:
                    lose_sight(queue)
            came = None
            if source is not None and end_of(source) in FOLLOWED:
                if of(source).marked():
                    found.unopened.add(source)
                came = of(source).pay_unknown()
            if came and (hops is None or found.hops[came] < hops):
                found.hops[transfer.name], found.via[transfer.name] = found.hops[came] + 1, came
                if target is not None:
                    of(target).take([Bit(0, 0, transfer.name)], found.hops[transfer.name])
            continue
        if transfer.units == 0:
            continue
        bits = [Bit(transfer.units, -1, "")]
        if source is not None:
            box = of(source)
            if source in blind and box.marked():
                found.unopened.add(source)
            bits = box.pay(transfer.units)
        if transfer.out_of is not None and transfer.out_of in converting:
            before, bits = converting[transfer.out_of]
            bits = _exchanged(bits, transfer.units, whole=method == "poison")
            if any(bit.owner >= 0 for bit in bits):
                found.hops[transfer.name], found.via[transfer.name] = found.hops[before], before
        dirty = [bit for bit in bits if bit.owner >= 0]
        units = sum(bit.units for bit in dirty)
        if units and transfer.out_of is None:
            nearest = min((found.hops[bit.came], order[bit.came], bit.came) for bit in dirty)
            reason = None
            if units < floors.get(transfer.asset, floor) and not transfer.fee:
                reason = "value_floor"
            elif hops is not None and nearest[0] + 1 > hops:
                reason = "hop_limit"
            if reason:
                found.cut[transfer.name] = (reason, units)
                for bit in dirty:
                    bit.owner = -1
            else:
                found.hops[transfer.name] = nearest[0] + 1
                found.via[transfer.name] = nearest[2]
        wanted, owner = seeds.get(transfer.name, (0, -1))
        clean = sum(bit.units for bit in bits if bit.owner < 0)
        if min(wanted, clean):
            found.seeded[transfer.name] = min(wanted, clean)
            found.hops[transfer.name] = 0
            bits = _enter(bits, min(wanted, clean), owner)
        for bit in bits:
            bit.came = transfer.name
            if bit.owner >= 0:
                mine = found.labels.setdefault(transfer.name, {})
                mine[bit.owner] = mine.get(bit.owner, 0) + bit.units
        found.amount[transfer.name] = sum(bit.units for bit in bits if bit.owner >= 0)
        if transfer.into is not None:
            converting[transfer.into] = (transfer.name, bits)
        if target is not None:
            if of(target).balance() + transfer.units > MOST:
                lose_sight(target)
            of(target).take(bits, found.hops.get(transfer.name, -1))
    for queue, box in held.items():
        lost = queue in found.unopened and method != "poison"
        found.rests[queue] = ("unread" if lost else end_of(queue), box.tainted())
    return found


def _exchanged(bits: Sequence[Bit], units: int, *, whole: bool) -> list[Bit]:
    """The same run of units as so many of another asset; `whole`: all of them tainted, if any is.

    The taint as a whole is scaled first, then each boundary among the tainted units and among the clean ones.
    """
    dirty = sum(bit.units for bit in bits if bit.owner >= 0)
    clean = sum(bit.units for bit in bits) - dirty
    if whole and dirty:
        return [Bit(units, 0, "")]
    new_dirty = _nearest(Fraction(dirty * units, dirty + clean))
    sizes = {True: (dirty, new_dirty), False: (clean, units - new_dirty)}
    seen = {True: 0, False: 0}
    made = []
    for bit in bits:
        side = bit.owner >= 0
        old, new = sizes[side]
        start = _nearest(Fraction(seen[side] * new, old))
        seen[side] += bit.units
        made.append(Bit(_nearest(Fraction(seen[side] * new, old)) - start, bit.owner, bit.came))
    return [bit for bit in made if bit.units]


def _nearest(exact: Fraction) -> int:
    """To the nearest unit, a half up."""
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def _enter(bits: Sequence[Bit], units: int, owner: int) -> list[Bit]:
    """Give the first `units` clean units to a seed."""
    marked = []
    for bit in bits:
        fresh = min(units, bit.units) if bit.owner < 0 else 0
        units -= fresh
        marked += [Bit(fresh, owner, ""), Bit(bit.units - fresh, bit.owner, bit.came)]
    return [bit for bit in marked if bit.units]


class _Held(ABC):
    """What a queue holds, under one convention."""

    @abstractmethod
    def pay(self, units: int) -> list[Bit]: ...

    @abstractmethod
    def take(self, bits: Sequence[Bit], hop: int) -> None: ...

    @abstractmethod
    def tainted(self) -> int: ...

    def marked(self) -> bool:
        """Whether there is taint in it."""
        return self.tainted() > 0

    @abstractmethod
    def balance(self) -> int:
        """What it holds, tainted or clean; 0 where nobody counts."""

    def unseen(self) -> _Held:
        """The same once nobody knows what it holds."""
        return _Sunk(self.tainted())

    def pay_unknown(self) -> str | None:
        """What brought the taint that leaves with nobody knows how much; None where none is said to leave."""
        return None


class _Sunk(_Held):
    """A service, a pool, an account whose balance nobody knows: taint stays, clean money comes out."""

    def __init__(self, units: int = 0) -> None:
        self.units = units

    def balance(self) -> int:
        return 0

    def pay(self, units: int) -> list[Bit]:
        return [Bit(units, -1, "")]

    def take(self, bits: Sequence[Bit], hop: int) -> None:
        self.units += sum(bit.units for bit in bits if bit.owner >= 0)

    def tainted(self) -> int:
        return self.units


class _Line(_Held):
    """FIFO: units leave in the order in which they came; the opening balance was there first."""

    def __init__(self, opening: int | None) -> None:
        self.bits = deque([Bit(opening or 0, -1, "")])

    def next(self) -> Bit:
        return self.bits.popleft()

    def back(self, bit: Bit) -> None:
        self.bits.appendleft(bit)

    def pay(self, units: int) -> list[Bit]:
        taken = []
        while units:
            bit = self.next()
            piece = min(units, bit.units)
            taken.append(Bit(piece, bit.owner, bit.came))
            units -= piece
            if bit.units > piece:
                self.back(Bit(bit.units - piece, bit.owner, bit.came))
        return [bit for bit in taken if bit.units]

    def take(self, bits: Sequence[Bit], hop: int) -> None:
        self.bits.extend(bits)

    def balance(self) -> int:
        return sum(bit.units for bit in self.bits)

    def tainted(self) -> int:
        return sum(bit.units for bit in self.bits if bit.owner >= 0)


class _Pile(_Line):
    """LIFO: the unit that came last leaves first."""

    def next(self) -> Bit:
        return self.bits.pop()

    def back(self, bit: Bit) -> None:
        self.bits.append(bit)


class _Share(_Held):
    """Haircut: what leaves carries its share of the taint; the shares of what leaves and what stays add up."""

    def __init__(self, opening: int | None) -> None:
        self.held, self.dirty = opening or 0, 0
        self.nearest: tuple[int, str] | None = None

    def pay(self, units: int) -> list[Bit]:
        exact = Fraction(self.dirty * units, self.held)
        leaving, staying = int(exact), int(self.dirty - exact)
        if leaving + staying < self.dirty and exact - leaving >= self.dirty - exact - staying:
            leaving += 1
        self.held -= units
        self.dirty -= leaving
        came = self.nearest[1] if self.nearest else ""
        if not self.dirty:
            self.nearest = None
        return [bit for bit in (Bit(leaving, 0, came), Bit(units - leaving, -1, "")) if bit.units]

    def take(self, bits: Sequence[Bit], hop: int) -> None:
        self.held += sum(bit.units for bit in bits)
        fresh = [bit for bit in bits if bit.owner >= 0]
        self.dirty += sum(bit.units for bit in fresh)
        if fresh and (self.nearest is None or hop < self.nearest[0]):
            self.nearest = (hop, fresh[0].came)

    def balance(self) -> int:
        return self.held

    def tainted(self) -> int:
        return self.dirty


class _Stain(_Held):
    """Poison: once tainted, all of it is, until the balance is zero; never, where the opening is unknown."""

    def __init__(self, opening: int | None) -> None:
        self.held, self.known = opening or 0, opening is not None
        self.nearest: tuple[int, str] | None = None

    def pay(self, units: int) -> list[Bit]:
        paid = Bit(units, 0, self.nearest[1]) if self.nearest else Bit(units, -1, "")
        self.held = self.held - units if self.known else max(0, self.held - units)
        if self.known and self.held == 0:
            self.nearest = None
        return [paid]

    def take(self, bits: Sequence[Bit], hop: int) -> None:
        self.held += sum(bit.units for bit in bits)
        fresh = [bit for bit in bits if bit.owner >= 0]
        if fresh and (self.nearest is None or hop < self.nearest[0]):
            self.nearest = (hop, fresh[0].came)

    def balance(self) -> int:
        return self.held

    def tainted(self) -> int:
        return self.held if self.nearest else 0

    def marked(self) -> bool:
        return self.nearest is not None

    def unseen(self) -> _Held:
        self.known = False
        return self

    def pay_unknown(self) -> str | None:
        self.held = 0  # it may have paid all it had
        return self.nearest[1] if self.nearest else None
