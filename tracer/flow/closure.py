"""The set of movements a trace can reach, found hop by hop with one join per hop.

The closure knows static stops only: services, mixers, windows, budgets that depend on no amount. Which of
its movements carry taint is the kernel's to say; whatever the kernel needs is in here, so a hop limit or a
value floor never makes its answer inexact (DESIGN section 5, "Closure, then kernel").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import ScriptKind
from tracer.flow import miners
from tracer.flow.deposits import find_sweeps
from tracer.flow.fates import Fate
from tracer.flow.kernels.reach import GOES, LIVE
from tracer.flow.movements import I64
from tracer.flow.points import Points, of_points
from tracer.flow.record import NEVER, Record
from tracer.flow.sets import among, distinct, minus, union
from tracer.flow.sweep import Reached, Stops, Sweep
from tracer.flow.trail import Trail
from tracer.flow.walk import SQL, ids

if TYPE_CHECKING:
    import polars as pl

_MEMORY = "400MB"
"""What DuckDB keeps while the chain is read in order (P): more makes it no faster, and is not there for columns."""

SWEEP_FROM = 1_000
"""A trail of fewer transactions is followed hop by hop in any case (P)."""

SPREAD = 10_000
"""When one in so many of all transactions from the seeds on is reached, the next hop looks in nearly every row group of
the store, and the chain is read in order instead (P): measured on 10 M transactions."""


class Closure(Record):
    """Grows a trail from seeded outputs. One use: `Closure(...).grow(entries)`."""

    def grow(self, entries: pl.DataFrame, *, sweep_from: int | None = SWEEP_FROM) -> Trail:
        """Follow `entries` (tx_id int64, vout int32: seeded outputs, distinct) as far as the budget goes.

        A trail of more than `sweep_from` transactions, and more than one in `SPREAD` of those it may come to, is found
        in one pass (`tracer.flow.sweep`), None: never. It is the same trail.
        """
        self._entries = entries
        seeds = distinct(entries["tx_id"].to_numpy())
        if self._budget.miners or not len(seeds):
            sweep_from = None  # a coinbase that takes fees is reached by what comes after it
        self._fetch(seeds)
        self._heads.append(self._rows("heads", wanted=ids(seeds)))
        frontier = self._outputs_of(seeds).join(
            entries, on=["tx_id", "vout"], how="semi", maintain_order="left"
        )
        reached, fresh = np.empty(0, np.int64), np.empty(0, np.int64)
        if self._own_set_stops:
            self._end_untagged(frontier)
        else:  # a lot goes on from where it was seeded, in a pool too: the answer says so
            pooled = self._untagged.pools(frontier)
            self._seed_pools = distinct(pooled["cluster_id"].to_numpy())
        for depth in range(1, self._budget.hops + 2):
            if sweep_from is not None and len(reached) > sweep_from and self._wide(len(reached), seeds):
                with self._ledger.db.lean(_MEMORY):
                    return self._in_order(seeds)
            live = frontier.filter(self._live())
            paid = self._collected(fresh)
            if not live.height and not len(paid):
                break
            onward = union(self._spend(live), paid)
            if depth > self._budget.hops:
                break
            if not self._pulse(depth, len(reached)):
                self._stopped = True
                break
            fresh = minus(onward, reached)
            reached = self._within_limit(union(reached, fresh))
            fresh = fresh[among(fresh, reached)]
            self._fetch(minus(fresh, self._known))
            # outputs that are seeds themselves were looked at in the first hop
            frontier = self._outputs_of(fresh).join(entries, on=["tx_id", "vout"], how="anti")
            self._end_untagged(frontier)
        return self._trail(seeds, reached)

    def _wide(self, reached: int, seeds: I64) -> bool:
        """Whether so much is reached that reading the chain in order, from its first seed on, costs less than a hop."""
        after = self._ledger.db.value(SQL["after"], {"height": int(seeds[0]) >> 24})
        return (reached + 1) * SPREAD > int(after)

    def _in_order(self, seeds: I64) -> Trail:
        """The same in one pass over the chain; hops were a beginning, and are forgotten."""
        import polars as pl

        live = self._live().cast(pl.UInt8) * LIVE
        goes = (pl.col("value") >= self._budget.floor).cast(pl.UInt8) * GOES
        stops = Stops(self._passing(), (live | goes).cast(pl.UInt8), self._ended)
        found = Sweep(self._ledger.db, self._budget, self._entries, stops, self._pulse).run()
        self._heads, self._outputs, self._inputs = [found.heads], [found.outputs], found.inputs
        self._spends, self._sweeps, self._ends = [], [], [found.ends]
        self._stopped = found.stopped
        self._cut = NEVER if found.cut is None else found.cut
        self._known = distinct(found.heads["tx_id"].to_numpy())
        later = minus(seeds, self._known)  # beyond the last transaction that was followed
        self._fetch(later)
        self._heads.append(self._rows("heads", wanted=ids(later)))
        self._record_beside(found)
        reached = found.ids
        del found  # the columns are large
        return self._trail(seeds, reached)

    def _record_beside(self, found: Reached) -> None:
        """Record what spends outputs of a sweep: what it met on its way, and what comes after its end."""
        import polars as pl

        outputs = pl.concat(self._outputs).filter(self._live()).select("tx_id", "vout", "value", "address_id")
        live = outputs.filter(pl.Series(self._followed(outputs, found.ids)))
        met = Points.of(live).find(found.edges["from_tx"].to_numpy(), found.edges["from_vout"].to_numpy())
        unmet = np.ones(live.height, np.bool_)
        unmet[met[met >= 0]] = False
        left = live.filter(pl.Series(unmet))
        beyond = self._rows("spenders", frontier=left.select("tx_id", "vout"))
        self._record(pl.concat([found.edges.select(beyond.columns), beyond]), live)

    def _ended(
        self, outputs: pl.DataFrame, edges: pl.DataFrame, met: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """`Stops.ends`: what `grow` asks hop by hop."""
        import polars as pl

        self._end_untagged(outputs if self._own_set_stops else outputs.filter(~pl.col("seeded")))
        swept = find_sweeps(
            self._ledger, self._services, edges if self._looks_for_sweeps else edges.clear(), met, self._named
        )
        return self._ends[-1], swept.frame.select(
            pl.col("from_tx").alias("tx_id"), pl.col("from_vout").alias("vout")
        )

    def _live(self) -> pl.Expr:
        """Whether an output may go on: nobody is claimed to hold it, and it can be spent."""
        import polars as pl

        ends = [int(ScriptKind.OP_RETURN), int(ScriptKind.SHIELDED)]
        live = pl.col("holding").is_null() & ~pl.col("kind").is_in(ends)
        if self._own_set_stops:
            home = pl.col("address_id").is_in(pl.Series(self._home, dtype=pl.Int32).implode())
            live &= ~home.fill_null(value=False)
        return live

    def _within_limit(self, reached: I64) -> I64:
        """At most as many transactions as allowed, the first ones; what is cut is cut from there on."""
        if len(reached) <= self._budget.max_txs:
            return reached
        order = np.sort(miners.execution(reached) if self._fees else reached)
        self._cut = min(self._cut, int(order[self._budget.max_txs - 1]))
        return reached[self._before_cut(reached)]

    def _spend(self, live: pl.DataFrame) -> I64:
        """Find who spends these outputs, record it with its reason; -> transactions that may be followed."""
        import polars as pl

        spends = self._rows("spenders", frontier=live.select("tx_id", "vout"))
        self._heads.append(
            spends.select("tx_id", "fee", "inputs", "time").unique("tx_id", maintain_order=True)
        )
        edges = self._record(spends, live)
        going = edges.filter((pl.col("fate") == int(Fate.SPENT)) & pl.col("service").is_null())
        # a deposit in a pool may still be one that was swept to a known service; nothing else goes on from there
        for ends in self._ends[-1:]:
            going = going.join(ends, left_on=["from_tx", "from_vout"], right_on=["tx_id", "vout"], how="anti")
        onward = distinct(going["tx_id"].to_numpy())
        return onward[self._before_cut(onward)]

    def _record(self, spends: pl.DataFrame, live: pl.DataFrame) -> pl.DataFrame:
        """Keep what spends these outputs (rows of `spenders`) with its reason, and the deposits swept by it."""
        import polars as pl

        stopping = pl.col("mix") if self._budget.mixers else pl.lit(value=False)
        if self._looks_for_sweeps:
            self._fetch(minus(distinct(spends.filter(~stopping)["tx_id"].to_numpy()), self._known))
        edges = of_points(spends, live, ("value", "address_id"), ("from_tx", "from_vout"))
        edges = edges.with_columns(self._passing(), mixes=stopping)
        spent = edges.filter(~stopping) if self._looks_for_sweeps else edges.clear()
        paid = self._outputs_of(distinct(spent["tx_id"].to_numpy()))
        sweeps = find_sweeps(self._ledger, self._services, spent, paid, self._named)
        self._sweeps.append(sweeps)
        edges = edges.join(sweeps.frame, on=["from_tx", "from_vout"], how="left", maintain_order="left")
        edges = edges.select("from_tx", "from_vout", "tx_id", "fate", "mixes", "service", "swept_to")
        self._spends.append(edges)
        return edges

    def _collected(self, paying: I64) -> I64:
        """The coinbases to which the fees of these transactions go on, where they are followed."""
        if self._fees is None or not len(paying):
            return np.empty(0, np.int64)
        coinbases = self._fees.coinbases(self._heads_of(paying))
        fresh = minus(coinbases, self._known)
        self._fetch(fresh)
        self._heads.append(self._rows("heads", wanted=ids(fresh)))
        return coinbases[self._before_cut(coinbases)]

    def _fetch(self, tx_ids: I64) -> None:
        """Read all outputs of transactions not read before, with the holdings that stop them."""
        if len(tx_ids) or not self._outputs:
            self._outputs.append(self._rows("outputs", wanted=ids(tx_ids)))
            self._known = union(self._known, tx_ids)

    def _outputs_of(self, tx_ids: I64) -> pl.DataFrame:
        """All outputs of transactions that were read; those of the last hop are found at once."""
        import polars as pl

        found, left = [], tx_ids
        for frame in reversed(self._outputs):
            part = frame.join(ids(left), on="tx_id", how="semi", maintain_order="left")
            found.append(part)
            left = minus(left, distinct(part["tx_id"].to_numpy()))
            if not len(left):
                break
        return pl.concat(found)
