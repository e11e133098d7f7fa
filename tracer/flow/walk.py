"""What a walk through the ledger does alike in both directions: read by hop, end at static stops, cut by budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tracer.db import named_sql
from tracer.flow.fates import Fate
from tracer.flow.movements import I64, U8
from tracer.flow.points import Points
from tracer.flow.services import Services
from tracer.flow.sets import among, distinct
from tracer.flow.trail import Budget, Pulse
from tracer.flow.untagged import Untagged
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

SQL = named_sql("tracer.flow", "closure.sql")


class Walk:
    """The common half of `Closure` and `Sources`. One use each."""

    def __init__(
        self,
        ledger: Ledger,
        services: Services,
        budget: Budget,
        untagged: Untagged,
        *,
        home: I64,
        own_set_stops: bool,
        pulse: Pulse = lambda _hop, _txs: True,
    ) -> None:
        """`home`: address ids of the seed set. With `own_set_stops` (entity seeds) money that comes back to it, or
        from it, is in a pool. `pulse` may end the walk at a hop.
        """
        self._ledger = ledger
        self._services = services
        self._budget = budget
        self._untagged = untagged
        self._home = distinct(home)
        self._own_set_stops = own_set_stops
        self._pulse = pulse
        self._stopped = False
        self._heads: list[pl.DataFrame] = []
        self._ends: list[pl.DataFrame] = []

    def _rows(self, query: str, **frame: pl.DataFrame) -> pl.DataFrame:
        ((name, data),) = frame.items()
        with self._ledger.db.table(name, data):
            return self._ledger.db.polars(SQL[query])

    def _passing(self) -> pl.Expr:
        """Fate of what enters a transaction (time, fee, inputs, mix, and the output's value): SPENT, or why not."""
        import polars as pl

        budget, never = self._budget, pl.lit(value=False)
        late = pl.col("time") >= budget.before if budget.before is not None else never
        early = pl.col("time") < budget.after if budget.after is not None else never
        mixing = pl.col("mix") if budget.mixers else never
        return (
            pl.when(late | early).then(int(Fate.TIME_WINDOW))
            .when(mixing).then(int(Fate.MIXER))
            .when(pl.col("value") < budget.floor).then(int(Fate.VALUE_FLOOR))
            .when(pl.col("fee").is_null() & (pl.col("inputs") > 0)).then(int(Fate.UNREAD))
            .otherwise(int(Fate.SPENT)).cast(pl.UInt8).alias("fate")
        )  # fmt: skip

    def _heads_of(self, txs: I64) -> pl.DataFrame:
        """Of these transactions, sorted: tx_id, fee, inputs, time."""
        import polars as pl

        heads = pl.concat(self._heads).unique("tx_id", keep="first")
        return heads.join(ids(txs), on="tx_id", how="semi").sort("tx_id")

    def _end_untagged(self, outputs: pl.DataFrame) -> None:
        """Note where untagged pools and addresses of high degree end the trail; moves inside the set do not."""
        import polars as pl

        inside = pl.col("address_id").is_in(pl.Series(self._home, dtype=pl.Int32).implode())
        self._ends.append(self._untagged.ends(outputs.filter(~inside.fill_null(value=False))))

    def _untagged_stops(
        self, points: Points, count: int, fate: U8, followed: npt.NDArray[np.bool_]
    ) -> tuple[I64, I64]:
        """Pool and degree of every output that was `followed`, and their fates, written into `fate`."""
        pool, degree = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
        for ends in self._ends:
            at = points.find(ends["tx_id"].to_numpy(), ends["vout"].to_numpy())
            ok = (at >= 0) & followed[at]
            pool[at[ok]] = ends["cluster_id"].fill_null(-1).to_numpy()[ok]
            degree[at[ok]] = ends["degree"].fill_null(-1).to_numpy()[ok]
        fate[pool >= 0] = int(Fate.CUSTODIAL_POOL)
        fate[degree >= 0] = int(Fate.HIGH_DEGREE)
        return pool, degree

    def _at_home(self, address: I64) -> npt.NDArray[np.bool_]:
        return among(address, self._home)


def ids(tx_ids: I64) -> pl.DataFrame:
    """A frame to ask the ledger with."""
    import polars as pl

    return pl.DataFrame({"tx_id": tx_ids}, schema={"tx_id": pl.Int64})


def column(frames: list[pl.DataFrame], name: str) -> I64:
    """What stands in a column of all these frames, each once; nulls are nothing."""
    import polars as pl

    if not frames:
        return np.empty(0, np.int64)
    found = pl.concat([frame.select(name) for frame in frames]).to_series().drop_nulls()
    return distinct(found.to_numpy())


def starts(txs: I64, rows: pl.DataFrame) -> I64:
    """Where the rows (tx_id) of each of these transactions begin, int64[m+1]; both are in one order."""
    of_rows = rows["tx_id"].to_numpy()
    if np.all(txs[1:] > txs[:-1]):
        return np.append(np.searchsorted(of_rows, txs), len(of_rows))
    order = np.argsort(txs, kind="stable")
    owner = order[np.searchsorted(txs, of_rows, sorter=order)]
    return np.append(0, np.cumsum(np.bincount(owner, minlength=len(txs)))).astype(np.int64)
