"""Source of funds: the set of movements that money can have come through, found hop by hop, backward.

The mirror of `closure`: what is found are outputs that were spent on the way to the seeds. An output goes on to what
paid it, its maker, unless whoever is claimed to have held it when it was spent ends the trail: a service it came
from, a pool, a mix that made it, a coinbase. What comes out of a shielded pool has no maker: it ends there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import ScriptKind
from tracer.errors import StoreDamaged
from tracer.flow.facts import UNREAD_VOUT
from tracer.flow.fates import Fate
from tracer.flow.kernels.reverse import reverse
from tracer.flow.movements import I64, U8, Movements
from tracer.flow.points import Points
from tracer.flow.sets import among, distinct, minus, union
from tracer.flow.trail import Trail
from tracer.flow.walk import Walk, column, ids, starts

if TYPE_CHECKING:
    import polars as pl


class Sources(Walk):
    """Grows a trail back from seeded outputs. One use: `Sources(...).grow(entries, arrivals)`."""

    def grow(self, entries: pl.DataFrame, arrivals: I64) -> Trail:
        """Follow `entries` (tx_id, vout: seeded outputs, distinct), and what the transactions `arrivals` spent.

        An entry goes on to its maker whoever holds it: the seed's holder is no source.
        """
        import polars as pl

        self._cut = -1
        self._spent: list[pl.DataFrame] = []
        self._doors: list[pl.DataFrame] = []
        made = union(entries["tx_id"].to_numpy(), arrivals)
        outputs = self._rows("plain_outputs", wanted=ids(made))
        own = outputs.join(entries, on=["tx_id", "vout"], how="semi", maintain_order="left")
        if own.height != entries.height:
            raise StoreDamaged("a seeded output is not in the store.")
        arrived = distinct(arrivals)
        reached = arrived
        self._heads.append(self._rows("makers", wanted=ids(reached)).drop("mix"))
        own = own.with_columns(ended=pl.lit(value=False), spender=pl.lit(None, pl.Int64))
        frontier = pl.concat([own, self._put_in(reached)], how="diagonal")
        for depth in range(1, self._budget.hops + 2):
            live = frontier.filter(~pl.col("ended")).unique(["tx_id", "vout"], maintain_order=True)
            if not live.height:
                break
            onward = self._open(live)
            if depth > self._budget.hops:
                break
            if not self._pulse(depth, len(reached)):
                self._stopped = True
                break
            fresh = minus(onward, reached)
            reached = union(reached, fresh)
            beyond = minus(reached, arrived)  # what arrived is the seed, whatever the budget
            if len(beyond) > self._budget.max_txs:  # the latest ones are kept
                self._cut = max(self._cut, int(beyond[-self._budget.max_txs]))
                reached = union(arrived, beyond[beyond >= self._cut])
            frontier = self._put_in(fresh[fresh >= self._cut])
        return self._trail(entries, reached)

    def _put_in(self, tx_ids: I64) -> pl.DataFrame:
        """The outputs that these transactions spend: tx_id, vout, spender ..., with the stops there."""
        import polars as pl

        spent = self._rows("spent", wanted=ids(tx_ids))
        self._spent.append(spent)
        found = spent.select(
            pl.col("prev_tx_id").alias("tx_id"), pl.col("prev_vout").alias("vout"), "value", "address_id",
            "cluster_id", "holding", "kind", pl.col("tx_id").alias("spender"),
        )  # fmt: skip
        self._end_untagged(found)
        ends = self._ends[-1].select("tx_id", "vout", untagged=pl.lit(value=True))
        home = pl.col("address_id").is_in(pl.Series(self._home, dtype=pl.Int32).implode())
        ended = pl.col("holding").is_not_null() | pl.col("untagged") | (home & self._own_set_stops)
        ended |= (pl.col("kind") == int(ScriptKind.SHIELDED)) | (pl.col("vout") <= UNREAD_VOUT)
        found = found.join(ends, on=["tx_id", "vout"], how="left", maintain_order="left")
        return found.with_columns(ended=ended.fill_null(value=False)).drop("untagged", "kind")

    def _open(self, live: pl.DataFrame) -> I64:
        """Find what made these outputs, record it with its reason; -> transactions that may be followed."""
        import polars as pl

        makers = self._rows("makers", wanted=ids(distinct(live["tx_id"].to_numpy())))
        self._heads.append(makers.drop("mix"))
        doors = live.join(makers, on="tx_id", how="left", maintain_order="left").with_columns(self._passing())
        minted = (pl.col("inputs") == 0) & (pl.col("fate") != int(Fate.TIME_WINDOW))
        doors = doors.with_columns(
            fate=pl.when(minted).then(int(Fate.MINTED)).otherwise(pl.col("fate")).cast(pl.UInt8)
        )
        self._doors.append(doors.select("tx_id", "vout", "fate"))
        going = doors.filter(pl.col("fate") == int(Fate.SPENT))
        onward = distinct(going["tx_id"].to_numpy())
        return onward[onward >= self._cut]

    def _trail(self, entries: pl.DataFrame, reached: I64) -> Trail:
        import polars as pl

        txs = union(entries["tx_id"].to_numpy(), reached)
        heads = self._heads_of(txs)
        outputs = self._rows("plain_outputs", wanted=ids(txs))
        spent = self._ended(pl.concat(self._spent).join(ids(reached), on="tx_id", how="semi")).sort(
            "tx_id", "vin"
        )
        moved = among(txs, reached)
        if heads.height != len(txs):
            raise StoreDamaged("the look-up tables name transactions that the store does not hold.")
        made = Points.of(outputs)
        previous = spent["prev_tx_id"].to_numpy(), spent["prev_vout"].to_numpy()
        # a lot whose holder ends the trail is two: what is asked for goes on, what comes back through it ends there
        lots = Points.of(entries)
        apart = (lots.find(*previous) >= 0) & (spent["end"].fill_null(0).to_numpy() > 0)
        forward = Movements(
            in_start=starts(txs, spent),
            in_ref=np.where(apart, -1, made.find(*previous)),
            in_value=spent["value"].to_numpy(),
            out_start=starts(txs, outputs),
            out_value=outputs["value"].to_numpy(),
            out_rank=np.zeros(outputs.height, np.int32),
            out_fate=np.zeros(outputs.height, np.uint8),
            fee=np.where(moved, heads["fee"].fill_null(0).to_numpy(), 0).astype(np.int64),
        )
        forward.check()
        turned = reverse(forward)
        r, put = turned.movements, turned.input >= 0
        # an output is known as what a transaction of the trail spent, else as a seed
        at_input, at_output = _beside(spent, turned.input), _beside(outputs, turned.output)
        point = np.where(put, at_input("prev_tx_id"), at_output("tx_id"))
        vout = np.where(put, at_input("prev_vout"), at_output("vout")).astype(np.int32)
        address = np.where(put, at_input("address_id"), at_output("address_id"))
        met = np.where(put, at_input("tx_id"), point)
        points = Points(point, vout)
        seeds = points.find(entries["tx_id"].to_numpy(), entries["vout"].to_numpy())
        since = np.where(put, at_input("time"), 0)
        since[seeds] = heads["time"].to_numpy()[np.searchsorted(txs, point[seeds])]
        fate, beyond = self._fates(points, point, reached)
        end = at_input("end")
        fate[end >= 0] = end[end >= 0]
        return Trail(
            movements=replace(r, out_fate=fate),
            tx_id=np.append(-1, txs[turned.tx[1:]]).astype(np.int64),
            point=point,
            vout=vout,
            met=met,
            time=np.where(put, at_input("time"), since),
            since=since,
            address=address,
            holding=at_input("holding"),
            beyond=beyond,
            swept_to=np.full(len(point), -1, np.int64),
            pool=at_input("pool"),
            degree=at_input("degree"),
            mixes=self._rows("mixes", wanted=ids(union(txs, met, beyond[beyond >= 0]))),
            pools=self._untagged.evidence,
            seed_pools=np.empty(0, np.int64),
            seen=union(column(self._spent, "address_id"), column([outputs], "address_id")),
            looked_at=union(column(self._spent, "holding"), column(self._spent, "cluster_holding")),
            backward=True,
            stopped=self._stopped,
        )

    def _fates(self, points: Points, point: I64, reached: I64) -> tuple[U8, I64]:
        """Fate of every output by what made it, and its maker where that was looked at."""
        fate = np.full(len(point), int(Fate.UNREAD), np.uint8)
        beyond = np.full(len(point), -1, np.int64)
        limit = int(Fate.INTERRUPTED if self._stopped else Fate.HOP_LIMIT)
        for doors in self._doors:
            at = points.find(doors["tx_id"].to_numpy(), doors["vout"].to_numpy())
            ok = at >= 0
            at, given, maker = at[ok], doors["fate"].to_numpy()[ok], doors["tx_id"].to_numpy()[ok]
            why_not = np.where(maker >= self._cut, limit, int(Fate.TX_LIMIT))
            follow = (given == int(Fate.SPENT)) & ~among(maker, reached)
            fate[at] = np.where(follow, why_not, given)
            beyond[at] = maker
        return fate, beyond

    def _ended(self, spent: pl.DataFrame) -> pl.DataFrame:
        """What was spent, with how whoever held it then ends the trail: end (fate), pool, degree; null where not."""
        import polars as pl

        ends = pl.concat(self._ends).unique(["tx_id", "vout"]).rename({"cluster_id": "pool"})
        spent = spent.drop("cluster_id").join(
            ends, left_on=["prev_tx_id", "prev_vout"], right_on=["tx_id", "vout"], how="left"
        )
        held = spent["holding"].drop_nulls().unique().to_numpy().astype(np.int64)
        fates = pl.DataFrame({"holding": held, "held": self._services.fates(held)})
        spent = spent.join(fates.cast({"holding": spent["holding"].dtype}), on="holding", how="left")
        home = pl.col("address_id").is_in(pl.Series(self._home, dtype=pl.Int32).implode())
        return spent.with_columns(
            end=pl.when(pl.col("kind") == int(ScriptKind.SHIELDED)).then(int(Fate.MIXER))
            .when(pl.col("held").is_not_null()).then(pl.col("held"))
            .when(home & self._own_set_stops).then(int(Fate.CUSTODIAL_POOL))
            .when(pl.col("degree").is_not_null()).then(int(Fate.HIGH_DEGREE))
            .when(pl.col("pool").is_not_null()).then(int(Fate.CUSTODIAL_POOL))
        )  # fmt: skip


def _beside(frame: pl.DataFrame, rows: I64) -> Callable[[str], I64]:
    """Columns of a frame at these rows, -1 where the row is -1 or holds nothing."""

    def column(name: str) -> I64:
        values = np.append(frame[name].fill_null(-1).to_numpy().astype(np.int64), -1)
        found: I64 = values[rows]
        return found

    return column
