"""A queue kernel's findings as documents read them: outputs that money came into, each with a fate.

A document of an account chain is written from the same columns as one of a UTXO chain. An output is a transfer that
carried money; behind the transfers stand what was cut at one, and what rests in a followed account. Amounts do not
fit 64 bits: they are Python integers in object arrays, of what is shown alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tracer.flow.accounts.columns import BESIDE, INTO, Book
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.movements import I64, Movements, Taint
from tracer.flow.queues.columns import FEE_SINK, OUTSIDE, QueueSeeding, Transfers
from tracer.flow.queues.taint import QueueTaint
from tracer.flow.queues.wide import Wide, to_ints
from tracer.flow.trail import Trail

if TYPE_CHECKING:
    import polars as pl

Units = npt.NDArray[Any]
"""Python integers in an object array."""


@dataclass(frozen=True)
class View:
    """Which transfers, cuts and accounts the outputs of a trail are.

    Places are of the transfers as kernels read them, turned round where the trace is.

    place   int64[a]  transfers that carried money under any method, and those that may have brought some to a service
    cut     int64[b]  transfers at which money was cut under any method
    queue   int64[c]  accounts in which money rests under any method
    """

    book: Book
    transfers: Transfers
    place: I64
    cut: I64
    queue: I64

    @classmethod
    def of(cls, book: Book, transfers: Transfers, taints: Sequence[QueueTaint], ceiling: Wide) -> View:
        """What any of the methods met, and the services and crossings they can have met."""
        into = np.where(transfers.target >= 0, transfers.fate[np.maximum(transfers.target, 0)], 0)
        carried = ceiling.any(axis=1) & np.isin(into, (int(Fate.SERVICE), int(Fate.CROSSED)))
        cut = np.zeros(len(transfers), np.bool_)
        rests = np.zeros(len(transfers.asset), np.bool_)
        for taint in taints:
            carried |= taint.amount.any(axis=1)
            cut |= taint.cut.any(axis=1)
            rests |= taint.rest.any(axis=1)
        followed = np.arange(len(rests)) < book.queues.height
        return cls(
            book, transfers, np.flatnonzero(carried), np.flatnonzero(cut), np.flatnonzero(rests & followed)
        )

    def __len__(self) -> int:
        return len(self.place) + len(self.cut) + len(self.queue)

    def row(self, places: I64) -> I64:
        """The rows of transfers as kernels read them."""
        own = len(self.transfers) - 1 - places if self.transfers.backward else places
        return self.book.row[own]

    def part(self, places: I64) -> npt.NDArray[np.uint8]:
        """What part of their row they are."""
        own = len(self.transfers) - 1 - places if self.transfers.backward else places
        return self.book.part[own]

    def ints(self, column: Wide, where: I64) -> Units:
        """Numbers of a column, as Python integers."""
        found = np.empty(len(where), object)
        found[:] = to_ints(column[where])
        return found

    def units(self, amount: Wide) -> Units:
        """A column of transfers for all outputs; 0 where they are none."""
        found = np.zeros(len(self), object)
        found[: len(self.place)] = self.ints(amount, self.place)
        return found

    def taint(self, found: QueueTaint) -> Taint:
        """One method's findings."""
        a, b = len(self.place), len(self.place) + len(self.cut)
        amount, seeded = self.units(found.amount), self.units(found.seeded)
        amount[a:b], amount[b:] = self.ints(found.cut, self.cut), self.ints(found.rest, self.queue)
        fate = self.fates()
        fate[a:b] = found.cut_fate[self.cut]
        fate[b:] = found.fate[self.queue]
        hop = np.full(len(self), -1, np.int32)
        hop[:a] = found.hop[self.place]
        via = np.full(len(self), -1, np.int64)
        via[:a] = self._at(found.via[self.place])
        return Taint(amount, seeded, hop, fate, np.empty(0, np.int64), via)

    def _at(self, places: I64) -> I64:
        """Outputs of transfers, -1 for none."""
        where = np.minimum(np.searchsorted(self.place, places), max(len(self.place) - 1, 0))
        if not len(self.place):
            return np.full(len(places), -1, np.int64)
        return np.where((places >= 0) & (self.place[where] == places), where, -1)

    def fates(self) -> npt.NDArray[np.uint8]:
        """What becomes of money at each output under static stops."""
        fate = np.full(len(self), int(Fate.SPENT), np.uint8)
        target = self.transfers.target[self.place]
        sink = target >= self.book.queues.height
        fate[: len(self.place)][sink] = self.transfers.fate[target[sink]]
        outside = int(Fate.MINTED if self.transfers.backward else Fate.BURNED)
        fate[: len(self.place)][target == OUTSIDE] = outside
        fate[: len(self.place)][target == FEE_SINK] = int(Fate.SPENT)
        return fate

    def owner(self, seeding: QueueSeeding) -> I64:
        """Seed number of each output, -1 where none."""
        found = np.full(len(self), -1, np.int64)
        found[: len(self.place)] = seeding.owner[self.place]
        return found

    def _places(self, sides: pl.DataFrame) -> I64:
        """Position of the one transfer that each transfer, or what was cut at it, stands for; -1: for several."""
        own = np.concatenate([self.place, self.cut])
        given, got = (sides[name].to_numpy()[self.row(own)] for name in ("in_place", "out_place"))
        return np.where(self.part(own) == INTO, given, got).astype(np.int64)

    def trail(self, sides: pl.DataFrame, seen: I64, looked_at: I64, *, stopped: bool) -> Trail:
        """The outputs with the ledger's names for them; `sides`: of the book's rows."""
        import polars as pl

        rows = self.book.rows
        backward = self.transfers.backward
        last = self._last_into()
        own = np.concatenate([self.place, self.cut, last[self.queue]])
        whose = self.row(own)
        table = (
            rows.hstack(sides)
            .select(
                "paid",
                "tx_id",
                "position",
                "time",
                "source",
                "target",
                "holding",
                "swept_to",
                "left",
                "degree",
                "pool",
            )
            .with_columns(pl.col("source", "target").fill_null(-1).cast(pl.Int64))[whose]
        )
        a, b = len(self.place), len(self.place) + len(self.cut)
        source, target = table["source"].to_numpy(), table["target"].to_numpy()
        far, near = (source, target) if backward else (target, source)
        address = np.where(far >= 0, far, near)  # what was minted came to somebody
        address[a:b] = near[a:b]
        queues = self.book.queues["address_id"].to_numpy().astype(np.int64)
        address[b:] = queues[self.queue]
        into = self.part(own) == INTO
        on = into & (
            np.arange(len(self)) < a
        )  # the money went on in the same transaction, where nothing ends it
        on[:a] &= self.transfers.target[self.place] < self.book.queues.height
        address[on] = near[on]
        fate = self.fates()
        ended = (fate != int(Fate.SPENT)) & (np.arange(len(self)) < a)
        tx_id = table["tx_id"].to_numpy().astype(np.int64)

        def where(column: str) -> I64:
            return np.where(ended, table[column].to_numpy().astype(np.int64), -1)

        asset = np.concatenate([self.transfers.asset_of()[own[:b]], self.transfers.asset[self.queue]]).astype(
            np.int64
        )
        point = tx_id.copy()
        point[b:] = -1
        value = np.zeros(len(self), object)
        value[:a] = self.ints(self.transfers.amount, self.place)
        time = table["time"].to_numpy().astype(np.int64)
        movements = Movements(
            in_start=np.zeros(1, np.int64), in_ref=np.empty(0, np.int64), in_value=np.empty(0, np.int64),
            out_start=np.array([0, len(self)]), out_value=value, out_rank=None, out_fate=fate,
            fee=np.empty(0, np.int64),
        )  # fmt: skip
        return Trail(
            movements=movements, tx_id=np.empty(0, np.int64), point=point,
            vout=np.where(np.arange(len(self)) < a, table["position"].to_numpy(), -1).astype(np.int32),
            met=tx_id, time=time, since=time, address=address,
            holding=where("holding"), beyond=where("left"), swept_to=where("swept_to"),
            pool=np.where(where("pool") > 0, address, -1), degree=where("degree"),
            mixes=no_mixes(), pools=no_pools(), seed_pools=np.empty(0, np.int64), seen=seen, looked_at=looked_at,
            backward=backward, stopped=stopped, asset=asset,
            paid_to=np.where(into, table["paid"].to_numpy(), target),
            shown=np.concatenate([self._places(sides), np.full(len(self.queue), -1, np.int64)]),
        )  # fmt: skip

    def _last_into(self) -> I64:
        """The last transfer into each queue that money can have come by; one into it at all where there is none."""
        found = np.zeros(len(self.transfers.asset), np.int64)
        into = np.flatnonzero(
            (self.transfers.target >= 0) & (self.part(np.arange(len(self.transfers))) != BESIDE)
        )
        np.maximum.at(found, self.transfers.target[into], into)
        carried = self.place[self.transfers.target[self.place] >= 0]
        best = np.full(len(found), -1, np.int64)
        np.maximum.at(best, self.transfers.target[carried], carried)
        return np.where(best >= 0, best, found)


def totals(found: QueueTaint, transfers: Transfers, assets: int) -> list[dict[str, int]]:
    """What of each asset rests in which bucket, by the names of `totals`."""
    told = found.totals(transfers)
    buckets = {fate.reason: name for name, fates in BUCKETS.items() for fate in fates}
    sums = []
    for number in range(assets):
        row = dict.fromkeys((*_PLAIN, *BUCKETS), 0)
        reasons: Mapping[str, int] = told.get(number, {})
        for reason, units in reasons.items():
            name = reason if reason in _PLAIN else buckets[reason]
            row[name] += units
        sums.append(row)
    return sums


_PLAIN = ("seed", "converted_in", "converted_out", "fees")


def no_mixes() -> pl.DataFrame:
    """No transaction of an account chain mixes outputs."""
    import polars as pl

    return pl.DataFrame(
        schema={
            "tx_id": pl.Int64, "kind": pl.String, "stops": pl.Boolean, "participants": pl.Int32,
            "denominations": pl.List(pl.Int64), "confidence": pl.Int32,
        }
    )  # fmt: skip


def no_pools() -> pl.DataFrame:
    """Nor do wallets that behave like pools: accounts have rules of their own."""
    import polars as pl

    return pl.DataFrame(schema={"cluster_id": pl.Int32})
