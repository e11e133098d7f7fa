"""A second implementation of tracing over account queues, in plain Python: the engine must equal it.

Written from DESIGN section 5 and heuristics.md section C ("Account-model FIFO"), not from the engine, and imports
nothing of it. It walks a ledger in execution order with deques, Fractions and integers, unit-exact and slow.
A queue is `(address, asset)`. What a service or a window decides is given from outside as `ends`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

Queue = tuple[str, str]

FOLLOWED = ("unspent", "unread", "time_window", "tx_limit")
"""Ends of queues whose money is followed on; any other end keeps what enters."""


@dataclass(frozen=True)
class OracleTransfer:
    """One movement of one asset. No source: out of nothing; no target: into nothing, or a fee."""

    name: str
    source: str | None
    target: str | None
    units: int
    asset: str = "ETH"
    fee: bool = False


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
) -> OracleQueueTaint:
    """Follow seeds (transfer name -> units that enter there, whose) under one of the four methods.

    An opening of None is unknown; one not named is 0. A queue not named in `ends` is `unspent`.
    """
    rule: Callable[[int | None], _Held] = {"fifo": _Line, "lifo": _Pile, "haircut": _Share, "poison": _Stain}[
        method
    ]
    openings, ends = openings or {}, ends or {}
    found = OracleQueueTaint()
    order = {transfer.name: place for place, transfer in enumerate(ledger)}
    held: dict[Queue, _Held] = {}

    def end_of(queue: Queue) -> str:
        return ends.get(queue, "unspent")

    def of(queue: Queue) -> _Held:
        opening = openings.get(queue, 0)
        if end_of(queue) not in FOLLOWED:
            return held.setdefault(queue, _Sunk())
        if opening is None and method != "poison":
            return held.setdefault(queue, _Sunk())
        return held.setdefault(queue, rule(opening))

    for transfer in ledger:
        if transfer.units == 0:
            continue
        bits = [Bit(transfer.units, -1, "")]
        if transfer.source is not None:
            queue = (transfer.source, transfer.asset)
            box = of(queue)
            if end_of(queue) in FOLLOWED and openings.get(queue, 0) is None and box.tainted():
                found.unopened.add(queue)
            bits = box.pay(transfer.units)
        dirty = [bit for bit in bits if bit.owner >= 0]
        units = sum(bit.units for bit in dirty)
        if units:
            nearest = min((found.hops[bit.came], order[bit.came], bit.came) for bit in dirty)
            reason = None
            if units < floor and not transfer.fee:
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
        if transfer.target is not None:
            of((transfer.target, transfer.asset)).take(bits, found.hops.get(transfer.name, -1))
    for queue, box in held.items():
        lost = queue in found.unopened and method != "poison"
        found.rests[queue] = ("unread" if lost else end_of(queue), box.tainted())
    return found


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


class _Sunk(_Held):
    """A service, a pool, an account whose opening nobody knows: taint stays, clean money comes out."""

    def __init__(self) -> None:
        self.units = 0

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
        self.balance, self.dirty = opening or 0, 0
        self.nearest: tuple[int, str] | None = None

    def pay(self, units: int) -> list[Bit]:
        exact = Fraction(self.dirty * units, self.balance)
        leaving, staying = int(exact), int(self.dirty - exact)
        if leaving + staying < self.dirty and exact - leaving >= self.dirty - exact - staying:
            leaving += 1
        self.balance -= units
        self.dirty -= leaving
        came = self.nearest[1] if self.nearest else ""
        if not self.dirty:
            self.nearest = None
        return [bit for bit in (Bit(leaving, 0, came), Bit(units - leaving, -1, "")) if bit.units]

    def take(self, bits: Sequence[Bit], hop: int) -> None:
        self.balance += sum(bit.units for bit in bits)
        fresh = [bit for bit in bits if bit.owner >= 0]
        self.dirty += sum(bit.units for bit in fresh)
        if fresh and (self.nearest is None or hop < self.nearest[0]):
            self.nearest = (hop, fresh[0].came)

    def tainted(self) -> int:
        return self.dirty


class _Stain(_Held):
    """Poison: once tainted, all of it is, until the balance is zero; never, where the opening is unknown."""

    def __init__(self, opening: int | None) -> None:
        self.balance, self.known = opening or 0, opening is not None
        self.nearest: tuple[int, str] | None = None

    def pay(self, units: int) -> list[Bit]:
        paid = Bit(units, 0, self.nearest[1]) if self.nearest else Bit(units, -1, "")
        self.balance = self.balance - units if self.known else max(0, self.balance - units)
        if self.known and self.balance == 0:
            self.nearest = None
        return [paid]

    def take(self, bits: Sequence[Bit], hop: int) -> None:
        self.balance += sum(bit.units for bit in bits)
        fresh = [bit for bit in bits if bit.owner >= 0]
        if fresh and (self.nearest is None or hop < self.nearest[0]):
            self.nearest = (hop, fresh[0].came)

    def tainted(self) -> int:
        return self.balance if self.nearest else 0
