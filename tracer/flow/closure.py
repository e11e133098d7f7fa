"""The set of movements a trace can reach, found hop by hop with one join per hop.

The closure knows static stops only: services, mixers, windows, budgets that depend on no amount. Which of
its movements carry taint is the kernel's to say; whatever the kernel needs is in here, so a hop limit or a
value floor never makes its answer inexact (DESIGN section 5, "Closure, then kernel").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import ScriptKind
from tracer.errors import StoreDamaged
from tracer.flow import miners
from tracer.flow.deposits import Sweeps, find_sweeps
from tracer.flow.fates import Fate
from tracer.flow.kernels.reach import GOES, LIVE, Bools
from tracer.flow.movements import I64, U8, Movements
from tracer.flow.services import Services
from tracer.flow.sets import among, distinct, minus, union
from tracer.flow.spans import FOREVER
from tracer.flow.sweep import Reached, Stops, Sweep
from tracer.flow.trail import Budget, Points, Pulse, Trail
from tracer.flow.untagged import Untagged
from tracer.flow.walk import Walk, column, ids, starts
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_NEVER = np.iinfo(np.int64).max

SWEEP_FROM = 20_000
"""Transactions reached from which on the chain is read in order, not hop by hop (P): a hop of so many reads as much."""


class Closure(Walk):
    """Grows a trail from seeded outputs. One use: `Closure(...).grow(entries)`."""

    def __init__(
        self,
        ledger: Ledger,
        services: Services,
        budget: Budget,
        untagged: Untagged,
        *,
        home: I64,
        last_gap: int,
        own_set_stops: bool,
        sweeps: bool = True,
        pulse: Pulse = lambda _hop, _txs: True,
        sweep_from: int | None = SWEEP_FROM,
    ) -> None:
        """`last_gap`: greatest missing height below the tip, or -1; the rest as `Walk`.

        Without `sweeps` no deposit is recognised by where it was swept to. More than `sweep_from` transactions are
        found in one pass (`tracer.flow.sweep`), None: never; the trail is the same.
        """
        import polars as pl

        super().__init__(
            ledger, services, budget, untagged, home=home, own_set_stops=own_set_stops, pulse=pulse
        )
        self._looks_for_sweeps = sweeps and bool(services.clusters.height + services.addresses.height)
        self._last_gap = last_gap
        self._cut = _NEVER
        self._outputs: list[pl.DataFrame] = []
        self._spends: list[pl.DataFrame] = []
        self._sweeps: list[Sweeps] = []
        self._seed_pools = np.empty(0, np.int64)
        self._known = np.empty(0, np.int64)
        self._fees = miners.Fees(ledger) if budget.miners else None
        self._inputs: pl.DataFrame | None = None
        # a coinbase that takes fees is reached by what comes after it
        self._sweep_from = None if budget.miners else sweep_from
        # a claim that has ended, a mention and a person's tag say nothing of whose deposit address it is
        tagged = services.tagged.frame.filter(
            (pl.col("tag_type") != "mention") & (pl.col("until") == FOREVER[1])
        )
        self._named = union(tagged["address_id"].to_numpy(), self._home)

    def grow(self, entries: pl.DataFrame) -> Trail:
        """Follow `entries` (tx_id int64, vout int32: seeded outputs, distinct) as far as the budget goes."""
        self._entries = entries
        seeds = distinct(entries["tx_id"].to_numpy())
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
            if len(seeds) and self._sweep_from is not None and len(reached) > self._sweep_from:
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
        self._cut = _NEVER if found.cut is None else found.cut
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
        left = live.join(
            found.edges, left_on=["tx_id", "vout"], right_on=["from_tx", "from_vout"], how="anti"
        )
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

        live = pl.col("holding").is_null() & (pl.col("kind") != int(ScriptKind.OP_RETURN))
        if self._own_set_stops:
            home = pl.col("address_id").is_in(pl.Series(self._home, dtype=pl.Int32).implode())
            live &= ~home.fill_null(value=False)
        return live

    def _followed(self, outputs: pl.DataFrame, reached: I64) -> Bools:
        """Which of these outputs (tx_id, vout) the trail goes on from, if it can: seeds, and what was reached."""
        seeded = outputs.select("tx_id", "vout").join(
            self._entries.select("tx_id", "vout", seeded=True),
            on=["tx_id", "vout"], how="left", maintain_order="left",
        )["seeded"]  # fmt: skip
        found: Bools = among(outputs["tx_id"].to_numpy(), reached) | seeded.is_not_null().to_numpy()
        return found

    def _within_limit(self, reached: I64) -> I64:
        """At most as many transactions as allowed, the first ones; what is cut is cut from there on."""
        if len(reached) <= self._budget.max_txs:
            return reached
        order = np.sort(miners.execution(reached) if self._fees else reached)
        self._cut = min(self._cut, int(order[self._budget.max_txs - 1]))
        return reached[self._before_cut(reached)]

    def _before_cut(self, tx_ids: I64) -> Bools:
        return (miners.execution(tx_ids) if self._fees else tx_ids) <= self._cut

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
        edges = spends.join(
            live.select("tx_id", "vout", "value", "address_id"),
            left_on=["from_tx", "from_vout"], right_on=["tx_id", "vout"], maintain_order="left",
        )  # fmt: skip
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

    def _trail(self, seeds: I64, reached: I64) -> Trail:
        import polars as pl

        txs = union(seeds, reached)
        heads = self._heads_of(txs)
        seen = pl.concat(self._outputs)
        outputs = seen.filter(among(seen["tx_id"].to_numpy(), txs))
        if not outputs["tx_id"].is_sorted():  # each transaction was read at once, by vout
            outputs = outputs.sort("tx_id", "vout")
        made = outputs.select("tx_id", "vout", "value", "kind", "address_id")
        ranks = self._rows("ranks", made=made)
        inputs = self._rows("inputs", wanted=ids(reached)) if self._inputs is None else self._inputs
        if heads.height != len(txs):
            raise StoreDamaged("the look-up tables name transactions that the store does not hold.")
        outputs = outputs.with_columns(ranks["rank"])
        heads = heads.with_columns(moved=pl.Series(among(heads["tx_id"].to_numpy(), reached)))
        heads = heads.with_columns(fee=pl.when("moved").then(pl.col("fee").fill_null(0)).otherwise(0))
        fee_lot = None
        if self._fees:
            heads, outputs, inputs = miners.in_execution_order(*self._fees.carried_on(heads, outputs, inputs))
            fee_lot = miners.lots(heads["tx_id"].to_numpy(), outputs)
        out_start, in_start = (starts(heads["tx_id"].to_numpy(), frame) for frame in (outputs, inputs))
        vout = outputs["vout"].to_numpy()
        point = outputs["tx_id"].to_numpy()
        points = Points(point, vout.astype(np.int64))
        followed = self._followed(outputs, reached)
        fate, holding, beyond, swept_to, pool, degree = self._fates(outputs, points, followed, reached)
        seen = seen.filter(among(seen["tx_id"].to_numpy(), union(txs, self._deposits(beyond))))
        touched = union(txs, beyond[beyond >= 0])
        movements = Movements(
            in_start=in_start,
            in_ref=points.find(
                inputs["prev_tx_id"].fill_null(-1).to_numpy(), inputs["prev_vout"].to_numpy().astype(np.int64)
            ),
            in_value=inputs["value"].to_numpy(),
            out_start=out_start,
            out_value=outputs["value"].to_numpy(),
            out_rank=outputs["rank"].to_numpy(),
            out_fate=fate,
            fee=heads["fee"].to_numpy().astype(np.int64),
            fee_lot=fee_lot,
        )
        movements.check()
        time = np.repeat(heads["time"].to_numpy(), np.diff(out_start))
        return Trail(
            movements=movements,
            tx_id=heads["tx_id"].to_numpy(),
            point=point,
            vout=vout,
            met=point,
            time=time,
            since=time,
            address=outputs["address_id"].fill_null(-1).to_numpy().astype(np.int64),
            holding=holding,
            beyond=beyond,
            swept_to=swept_to,
            pool=pool,
            degree=degree,
            mixes=self._rows("mixes", wanted=ids(touched)),
            pools=self._untagged.evidence.filter(
                pl.col("cluster_id").is_in(union(pool[pool >= 0], self._seed_pools).tolist())
            ),
            seed_pools=self._seed_pools,
            seen=column([seen], "address_id"),
            looked_at=union(
                column([seen], "holding"),
                column([seen], "cluster_holding"),
                *(sweeps.holdings for sweeps in self._sweeps),
            ),
            stopped=self._stopped,
        )

    def _deposits(self, beyond: I64) -> I64:
        """Of the transactions that spend what is on the trail, those that were read to tell where deposits go."""
        import polars as pl

        if not self._looks_for_sweeps:
            return beyond[:0]
        mixes = (
            pl.concat([spends.filter("mixes").select("tx_id") for spends in self._spends])
            if self._spends
            else None
        )
        spenders = distinct(beyond[beyond >= 0])
        return spenders if mixes is None else minus(spenders, distinct(mixes["tx_id"].to_numpy()))

    def _fates(
        self, outputs: pl.DataFrame, points: Points, followed: Bools, reached: I64
    ) -> tuple[U8, I64, I64, I64, I64, I64]:
        """Fate, holding, spender, hot wallet, untagged pool and degree of every output, under static stops."""
        k = outputs.height
        heights = outputs["tx_id"].to_numpy() >> 24
        fate = np.where(heights < self._last_gap, int(Fate.UNREAD), int(Fate.UNSPENT)).astype(np.uint8)
        holding = outputs["holding"].fill_null(-1).to_numpy().astype(np.int64)
        spender, swept_to = np.full(k, -1, np.int64), np.full(k, -1, np.int64)
        for edges in self._spends:
            at = points.find(edges["from_tx"].to_numpy(), edges["from_vout"].to_numpy().astype(np.int64))
            ok = (at >= 0) & followed[at]
            at, edges_tx = at[ok], edges["tx_id"].to_numpy()[ok]
            given = edges["fate"].to_numpy()[ok]
            follow = given == int(Fate.SPENT)
            fate[at] = np.where(follow & ~among(edges_tx, reached), self._why_not(edges_tx), given)
            spender[at] = edges_tx
            service = edges["service"].fill_null(-1).to_numpy()[ok]
            swept = service >= 0
            fate[at[swept]] = int(Fate.SERVICE)
            holding[at[swept]] = service[swept]
            swept_to[at[swept]] = edges["swept_to"].fill_null(-1).to_numpy()[ok][swept]
        if self._fees:
            lots = outputs["vout"].to_numpy() < 0
            coinbase = miners.coinbase_of(outputs["tx_id"].to_numpy()[lots])
            given = np.where(among(coinbase, reached), int(Fate.SPENT), self._why_not(coinbase))
            fate[lots] = np.where(self._fees.known(coinbase), given, int(Fate.UNREAD))
            spender[lots] = coinbase
        swept_fate = fate[swept_to >= 0]
        pool, degree = self._untagged_stops(points, k, fate, followed)
        fate[swept_to >= 0] = swept_fate
        pool[swept_to >= 0] = degree[swept_to >= 0] = -1
        held = (holding >= 0) & (swept_to < 0)
        if self._own_set_stops:
            fate[self._at_home(outputs["address_id"].fill_null(-1).to_numpy())] = int(Fate.CUSTODIAL_POOL)
        fate[held] = self._services.fates(holding[held])
        fate[outputs["kind"].to_numpy() == int(ScriptKind.OP_RETURN)] = int(Fate.BURNED)
        return fate, holding, spender, swept_to, pool, degree

    def _why_not(self, tx_ids: I64) -> U8:
        """Fate of what would go on into these transactions, were they reached: which limit kept them out."""
        limit = int(Fate.INTERRUPTED if self._stopped else Fate.HOP_LIMIT)
        return np.where(self._before_cut(tx_ids), limit, int(Fate.TX_LIMIT)).astype(np.uint8)
