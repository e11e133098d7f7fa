"""Account ledgers written as small tables of named transfers; read by the oracle and by the engine alike.

    Move("fund", NOTHING, "ann", 5)               a mint
    Move("pay", "ann", "bob", 3, fee=1)           and then 1 from ann as gas, the transfer `pay/fee`
    Move("burn", "bob", NOTHING, 1)
    Move("send", "bob", "cid", 7, asset="USDT")   gas is always ETH
    Move("huge", "bob", "cid", None)              of an amount that nobody could read
    Swap("swap", "bob", 3, "ETH", 9, "USDT")      the transfers `swap/in` and, from nowhere, `swap/out`

A queue is `(address, asset)`; in ETH it is written as the address alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests.oracle_queues import OracleTransfer, Queue
from tracer.flow.fates import Fate
from tracer.flow.movements import NO_LIMIT, Limits
from tracer.flow.queues.balances import reverse
from tracer.flow.queues.ceiling import ceiling
from tracer.flow.queues.columns import CONVERSION, FEE_SINK, OUTSIDE, QueueSeeding, Transfers
from tracer.flow.queues.methods import queue_apart, queue_method
from tracer.flow.queues.taint import QueueTaint
from tracer.flow.queues.wide import Wide, from_ints, to_ints

NOTHING = ""
ETH = "ETH"


@dataclass(frozen=True)
class Move:
    """One row of a scenario."""

    name: str
    source: str
    target: str
    units: int | None
    fee: int = 0
    asset: str = ETH


@dataclass(frozen=True)
class Swap:
    """A party gives so much of one asset and gets so much of another; `receiver` gets it where named."""

    name: str
    party: str
    gives: int
    of: str
    gets: int
    asset: str
    receiver: str = NOTHING


def transfers_of(moves: Iterable[Move | Swap]) -> list[OracleTransfer]:
    """The same table as transfers, gas after the value of its transaction."""
    rows = []
    for move in moves:
        if isinstance(move, Swap):
            name, to = move.name, move.receiver or move.party
            rows.append(OracleTransfer(f"{name}/in", move.party, None, move.gives, move.of, into=name))
            rows.append(OracleTransfer(f"{name}/out", None, to, move.gets, move.asset, out_of=name))
            continue
        rows.append(
            OracleTransfer(move.name, move.source or None, move.target or None, move.units, move.asset)
        )
        if move.fee:
            rows.append(OracleTransfer(f"{move.name}/fee", move.source, None, move.fee, fee=True))
    return rows


def queue(name: str | Queue) -> Queue:
    """`ann` is `("ann", "ETH")`."""
    return (name, ETH) if isinstance(name, str) else name


@dataclass(frozen=True)
class QueueFound:
    """What the engine found, with the names put back; only what is not zero."""

    columns: Transfers
    taint: QueueTaint
    names: Sequence[str]
    queues: Sequence[Queue]
    assets: Sequence[str]

    def by_transfer(self, column: Wide) -> dict[str, int]:
        return {name: units for name, units in zip(self.names, to_ints(column), strict=True) if units}

    @property
    def carried(self) -> dict[str, int]:
        """Transfer -> taint in it."""
        return self.by_transfer(self.taint.amount)

    @property
    def cut(self) -> dict[str, tuple[str, int]]:
        """Transfer -> why taint did not leave with it, and how much."""
        units = self.by_transfer(self.taint.cut)
        return {
            name: (Fate(int(self.taint.cut_fate[i])).reason, units[name])
            for i, name in enumerate(self.names)
            if name in units
        }

    @property
    def hops(self) -> dict[str, int]:
        return {name: int(hop) for name, hop in zip(self.names, self.taint.hop, strict=True) if hop >= 0}

    @property
    def via(self) -> dict[str, str]:
        pairs = zip(self.names, self.taint.via.tolist(), strict=True)
        return {name: self.names[via] for name, via in pairs if via >= 0}

    @property
    def rests(self) -> dict[Queue, tuple[str, int]]:
        """Queue -> why taint rests in it, and how much."""
        units = to_ints(self.taint.rest)
        return {
            name: (Fate(int(self.taint.fate[i])).reason, units[i])
            for i, name in enumerate(self.queues)
            if units[i]
        }

    @property
    def held(self) -> dict[str, int]:
        """The same in short: address -> units, for ledgers of one asset."""
        return {name: units for (name, _), (_, units) in self.rests.items()}

    @property
    def totals(self) -> dict[str, dict[str, int]]:
        """Asset -> reason -> units."""
        return {self.assets[i]: dict(row) for i, row in self.taint.totals(self.columns).items()}

    @property
    def unopened(self) -> set[Queue]:
        return {name for name, lost in zip(self.queues, self.taint.unopened, strict=True) if lost}


@dataclass(frozen=True)
class QueueLedger:
    """A table with what its queues held before (None: nobody knows) and how they end."""

    rows: Sequence[OracleTransfer]
    openings: Mapping[Queue, int | None]
    ends: Mapping[Queue, str]

    @classmethod
    def of(
        cls,
        moves: Iterable[Move | Swap],
        openings: Mapping[str, int | None] | None = None,
        ends: Mapping[str, str] | None = None,
    ) -> QueueLedger:
        """Written by hand."""
        return cls(
            transfers_of(moves),
            {queue(name): units for name, units in (openings or {}).items()},
            {queue(name): end for name, end in (ends or {}).items()},
        )

    @cached_property
    def queues(self) -> list[Queue]:
        pairs = [(end, row.asset) for row in self.rows for end in (row.source, row.target) if end is not None]
        return list(dict.fromkeys(pairs))

    @cached_property
    def assets(self) -> list[str]:
        return sorted({asset for _, asset in self.queues})

    @cached_property
    def columns(self) -> Transfers:
        """As the engine reads it."""
        number = {name: i for i, name in enumerate(self.queues)}
        opened = [self.openings.get(name, 0) for name in self.queues]
        numbers = {row.into: i for i, row in enumerate(row for row in self.rows if row.into is not None)}

        def end(row: OracleTransfer, address: str | None, conversion: str | None) -> int:
            if address is not None:
                return number[address, row.asset]
            return OUTSIDE if conversion is None else CONVERSION - numbers[conversion]

        columns = Transfers(
            np.array([end(row, row.source, row.out_of) for row in self.rows], np.int64),
            np.array([FEE_SINK if r.fee else end(r, r.target, r.into) for r in self.rows], np.int64),
            from_ints(r.units or 0 for r in self.rows),
            np.array([self.assets.index(asset) for _, asset in self.queues]),
            from_ints(units or 0 for units in opened),
            np.array([units is not None for units in opened]),
            np.array([Fate[self.ends.get(name, "unspent").upper()] for name in self.queues], np.uint8),
            name=lambda place: self.rows[place].name,
            unknown=np.array([row.units is None for row in self.rows], np.bool_),
        )
        columns.check()
        return columns

    def seeding(self, seeds: Mapping[str, tuple[int, int]]) -> QueueSeeding:
        """Transfer name -> units that enter there and the number of their seed."""
        return QueueSeeding(
            from_ints(seeds.get(row.name, (0, -1))[0] for row in self.rows),
            np.array([seeds.get(row.name, (0, -1))[1] for row in self.rows], np.int64),
        )

    def limits(self, hops: int | None, floor: int, floors: Mapping[str, int] | None) -> Limits:
        """`floors` by asset; one not named has `floor`."""
        of_assets = () if floors is None else tuple(floors.get(asset, floor) for asset in self.assets)
        return Limits(NO_LIMIT if hops is None else hops, floor, of_assets)

    def run(
        self,
        method: str,
        seeds: Mapping[str, tuple[int, int]],
        *,
        hops: int | None = None,
        floor: int = 0,
        floors: Mapping[str, int] | None = None,
    ) -> QueueFound:
        """Forward."""
        limits = self.limits(hops, floor, floors)
        taint = queue_method(method)(self.columns, self.seeding(seeds), limits)
        return self._found(self.columns, taint)

    def ceilings(self, seeds: Mapping[str, tuple[int, int]]) -> dict[str, int]:
        """Transfer -> the most that any convention can have carried in it."""
        names = [row.name for row in self.rows]
        found = to_ints(ceiling(self.columns, self.seeding(seeds)))
        return {name: units for name, units in zip(names, found, strict=True) if units}

    def apart(
        self,
        method: str,
        seeds: Mapping[str, tuple[int, int]],
        *,
        hops: int | None = None,
        floor: int = 0,
        floors: Mapping[str, int] | None = None,
    ) -> dict[int, dict[str, int]]:
        """Seed -> transfer -> its taint."""
        limits = self.limits(hops, floor, floors)
        found = queue_apart(method)(self.columns, self.seeding(seeds), limits)
        names = [row.name for row in self.rows]
        return {
            number: {name: units for name, units in zip(names, to_ints(column), strict=True) if units}
            for number, column in found.items()
        }

    def lots(self, *names: str) -> dict[str, tuple[int, int]]:
        """Whole transfers as seeds, each of its own."""
        units = {row.name: row.units for row in self.rows}
        return {name: (units[name] or 0, number) for number, name in enumerate(names)}

    def follow(self, method: str, *names: str, hops: int | None = None, floor: int = 0) -> QueueFound:
        """Forward from whole transfers."""
        return self.run(method, self.lots(*names), hops=hops, floor=floor)

    def back(self, method: str, *names: str) -> QueueFound:
        """Backward from whole transfers."""
        columns = reverse(self.columns)
        order = [row.name for row in self.rows][::-1]
        seeding = QueueSeeding.whole(columns, [order.index(name) for name in names])
        return self._found(columns, queue_method(method)(columns, seeding, Limits()))

    def _found(self, columns: Transfers, taint: QueueTaint) -> QueueFound:
        names = [row.name for row in self.rows]
        return QueueFound(
            columns, taint, names[::-1] if columns.backward else names, self.queues, self.assets
        )
