"""The set of movements a trace can reach, found hop by hop with one join per hop.

The closure knows static stops only: services, mixers, windows, budgets that depend on no amount. Which of
its movements carry taint is the kernel's to say; whatever the kernel needs is in here, so a hop limit or a
value floor never makes its answer inexact (DESIGN section 5, "Closure, then kernel").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import ScriptKind
from tracer.db import named_sql
from tracer.errors import StoreDamaged
from tracer.flow.deposits import Sweeps, find_sweeps
from tracer.flow.fates import Fate
from tracer.flow.movements import I64, Movements
from tracer.flow.services import Services
from tracer.flow.spans import FOREVER
from tracer.flow.trail import Budget, Trail, locate
from tracer.flow.untagged import Untagged
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow", "closure.sql")
_NEVER = np.iinfo(np.int64).max


class Closure:
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
    ) -> None:
        """`home`: address ids of the seed set; `last_gap`: greatest missing height below the tip, or -1.

        With `own_set_stops` (entity seeds) money that comes back to the set has entered a pool. Without `sweeps` no
        deposit is recognised by where it was swept to.
        """
        import polars as pl

        self._ledger = ledger
        self._services = services
        self._budget = budget
        self._untagged = untagged
        self._home = np.unique(home)
        self._own_set_stops = own_set_stops
        self._looks_for_sweeps = sweeps
        self._last_gap = last_gap
        self._cut = _NEVER
        self._outputs: list[pl.DataFrame] = []
        self._heads: list[pl.DataFrame] = []
        self._spends: list[pl.DataFrame] = []
        self._sweeps: list[Sweeps] = []
        self._pooled: list[pl.DataFrame] = []
        self._seed_pools = np.empty(0, np.int64)
        self._known = np.empty(0, np.int64)
        # a claim that has ended, a mention and a person's tag say nothing of whose deposit address it is
        tagged = services.tagged.frame.filter(
            (pl.col("tag_type") != "mention") & (pl.col("until") == FOREVER[1])
        )
        self._named = np.union1d(tagged["address_id"].to_numpy().astype(np.int64), self._home)

    def grow(self, entries: pl.DataFrame) -> Trail:
        """Follow `entries` (tx_id int64, vout int32: seeded outputs, distinct) as far as the budget goes."""
        import polars as pl

        seeds = np.unique(entries["tx_id"].to_numpy())
        self._fetch(seeds)
        self._heads.append(self._ledger_rows("heads", wanted=_ids(seeds)))
        frontier, reached = self._with_outputs(entries), np.empty(0, np.int64)
        pooled = self._untagged.among(frontier)
        if self._own_set_stops:
            self._pooled.append(pooled)
        else:  # a lot goes on from where it was seeded, in a pool too: the answer says so
            self._seed_pools = np.unique(pooled["cluster_id"].to_numpy()).astype(np.int64)
        for depth in range(1, self._budget.hops + 2):
            live = frontier.filter(
                pl.col("holding").is_null() & (pl.col("kind") != int(ScriptKind.OP_RETURN))
            )
            if self._own_set_stops:
                live = live.filter(~pl.col("address_id").is_in(self._home.tolist()))
            if not live.height:
                break
            onward = self._spend(live)
            if depth > self._budget.hops:
                break
            fresh = np.setdiff1d(onward, reached)
            reached = np.union1d(reached, fresh)
            if len(reached) > self._budget.max_txs:
                self._cut = min(self._cut, int(reached[self._budget.max_txs - 1]))
                reached = reached[reached <= self._cut]
            fresh = fresh[fresh <= self._cut]
            step = pl.concat([frame.join(_ids(fresh), on="tx_id", how="semi") for frame in self._outputs])
            # outputs that are seeds themselves were looked at in the first hop
            frontier = step.join(entries, on=["tx_id", "vout"], how="anti")
            inside = pl.col("address_id").is_in(self._home.tolist())
            self._pooled.append(self._untagged.among(frontier.filter(~inside)))
        return self._trail(seeds, reached)

    def _spend(self, live: pl.DataFrame) -> I64:
        """Find who spends these outputs, record it with its reason; -> transactions that may be followed."""
        import polars as pl

        spends = self._ledger_rows("spenders", frontier=live.select("tx_id", "vout"))
        seen = spends.filter(~pl.col("mix"))["tx_id"].unique().to_numpy()
        self._fetch(np.setdiff1d(seen, self._known))
        self._heads.append(
            spends.select("tx_id", "fee", "inputs", "time").unique("tx_id", maintain_order=True)
        )
        edges = spends.join(
            live.select("tx_id", "vout", "value", "address_id"),
            left_on=["from_tx", "from_vout"], right_on=["tx_id", "vout"], how="left",
        )  # fmt: skip
        budget = self._budget
        late = pl.col("time") >= budget.before if budget.before is not None else pl.lit(value=False)
        early = pl.col("time") < budget.after if budget.after is not None else pl.lit(value=False)
        fate = (
            pl.when(late | early).then(int(Fate.TIME_WINDOW))
            .when(pl.col("mix")).then(int(Fate.MIXER))
            .when(pl.col("value") < budget.floor).then(int(Fate.VALUE_FLOOR))
            .when(pl.col("fee").is_null() & (pl.col("inputs") > 0)).then(int(Fate.UNREAD))
            .otherwise(int(Fate.SPENT)).cast(pl.UInt8).alias("fate")
        )  # fmt: skip
        edges = edges.with_columns(fate)
        spent = edges.filter(~pl.col("mix")) if self._looks_for_sweeps else edges.clear()
        sweeps = find_sweeps(self._ledger, self._services, spent, self._outputs, self._named)
        self._sweeps.append(sweeps)
        edges = edges.join(sweeps.frame, on=["from_tx", "from_vout"], how="left")
        self._spends.append(edges.select("from_tx", "from_vout", "tx_id", "fate", "service", "swept_to"))
        going = edges.filter((pl.col("fate") == int(Fate.SPENT)) & pl.col("service").is_null())
        # a deposit in a pool may still be one that was swept to a known service; nothing else goes on from there
        for pooled in self._pooled[-1:]:
            going = going.join(
                pooled, left_on=["from_tx", "from_vout"], right_on=["tx_id", "vout"], how="anti"
            )
        onward: I64 = going["tx_id"].unique().sort().to_numpy()
        return onward[onward <= self._cut]

    def _fetch(self, tx_ids: I64) -> None:
        """Read all outputs of transactions not read before, with the holdings that stop them."""
        if len(tx_ids) or not self._outputs:
            self._outputs.append(self._ledger_rows("outputs", wanted=_ids(tx_ids)))
            self._known = np.union1d(self._known, tx_ids)

    def _with_outputs(self, points: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        return pl.concat(self._outputs).join(points, on=["tx_id", "vout"], how="semi", maintain_order="left")

    def _ledger_rows(self, query: str, **frame: pl.DataFrame) -> pl.DataFrame:
        ((name, data),) = frame.items()
        with self._ledger.db.table(name, data):
            return self._ledger.db.polars(_SQL[query])

    def _trail(self, seeds: I64, reached: I64) -> Trail:
        import polars as pl

        txs = np.union1d(seeds, reached)
        inside = pl.col("tx_id").is_in(pl.Series(txs).implode())
        outputs = pl.concat(self._outputs).filter(inside).sort("tx_id", "vout")
        heads = pl.concat(self._heads).unique("tx_id", keep="first").filter(inside).sort("tx_id")
        ranks = self._ledger_rows("ranks", wanted=_ids(txs))
        inputs = self._ledger_rows("inputs", wanted=_ids(reached))
        out_tx_id = outputs["tx_id"].to_numpy()
        out_start = np.append(np.searchsorted(out_tx_id, txs), len(out_tx_id)).astype(np.int64)
        in_tx = inputs["tx_id"].to_numpy()
        in_start = np.append(np.searchsorted(in_tx, txs), len(in_tx)).astype(np.int64)
        if heads.height != len(txs) or ranks.height != outputs.height:
            raise StoreDamaged("the look-up tables name transactions that the store does not hold.")
        moved = np.isin(txs, reached)
        fate, holding, spender, swept_to, pool = self._fates(outputs, txs, out_start, reached)
        touched = np.union1d(txs, spender[spender >= 0])
        previous = inputs.select(pl.col("prev_tx_id").fill_null(-1), "prev_vout")
        movements = Movements(
            in_start=in_start,
            in_ref=locate(
                txs,
                out_start,
                previous["prev_tx_id"].to_numpy(),
                previous["prev_vout"].to_numpy().astype(np.int64),
            ),
            in_value=inputs["value"].to_numpy(),
            out_start=out_start,
            out_value=outputs["value"].to_numpy(),
            out_rank=ranks["rank"].to_numpy(),
            out_fate=fate,
            fee=np.where(moved, heads["fee"].fill_null(0).to_numpy(), 0).astype(np.int64),
        )
        movements.check()
        return Trail(
            movements=movements,
            tx_id=txs,
            time=heads["time"].to_numpy(),
            out_tx=np.repeat(np.arange(len(txs)), np.diff(out_start)),
            vout=outputs["vout"].to_numpy(),
            address=outputs["address_id"].fill_null(-1).to_numpy().astype(np.int64),
            holding=holding,
            spender=spender,
            swept_to=swept_to,
            pool=pool,
            shapes=self._ledger_rows("shapes", wanted=_ids(touched)),
            pools=self._untagged.evidence,
            seed_pools=self._seed_pools,
            seen=self._distinct("address_id"),
            looked_at=np.union1d(
                np.union1d(self._distinct("holding"), self._distinct("cluster_holding")),
                self._swept_through(),
            ),
        )

    def _distinct(self, column: str) -> I64:
        """What stands in a column of all outputs that were read, each once."""
        import polars as pl

        found = pl.concat([frame.select(column) for frame in self._outputs]).to_series().drop_nulls()
        return np.unique(found.to_numpy()).astype(np.int64)

    def _swept_through(self) -> I64:
        """Holdings that decided whether an address is a customer's deposit address."""
        met = [sweeps.holdings for sweeps in self._sweeps]
        return np.unique(np.concatenate(met)) if met else np.empty(0, np.int64)

    def _fates(
        self, outputs: pl.DataFrame, txs: I64, out_start: I64, reached: I64
    ) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], I64, I64, I64, I64]:
        """Fate, holding, spender, hot wallet and untagged pool of every output, under static stops."""
        k = outputs.height
        heights = outputs["tx_id"].to_numpy() >> 24
        fate = np.where(heights < self._last_gap, int(Fate.UNREAD), int(Fate.UNSPENT)).astype(np.uint8)
        holding = outputs["holding"].fill_null(-1).to_numpy().astype(np.int64)
        spender, swept_to = np.full(k, -1, np.int64), np.full(k, -1, np.int64)
        for edges in self._spends:
            at = locate(
                txs, out_start, edges["from_tx"].to_numpy(), edges["from_vout"].to_numpy().astype(np.int64)
            )
            ok = at >= 0
            at, edges_tx = at[ok], edges["tx_id"].to_numpy()[ok]
            given = edges["fate"].to_numpy()[ok]
            cut = np.where(edges_tx > self._cut, int(Fate.TX_LIMIT), int(Fate.HOP_LIMIT))
            follow = given == int(Fate.SPENT)
            fate[at] = np.where(follow & ~np.isin(edges_tx, reached), cut, given)
            spender[at] = edges_tx
            service = edges["service"].fill_null(-1).to_numpy()[ok]
            swept = service >= 0
            fate[at[swept]] = int(Fate.SERVICE)
            holding[at[swept]] = service[swept]
            swept_to[at[swept]] = edges["swept_to"].fill_null(-1).to_numpy()[ok][swept]
        pool = np.full(k, -1, np.int64)
        for pooled in self._pooled:
            at = locate(
                txs, out_start, pooled["tx_id"].to_numpy(), pooled["vout"].to_numpy().astype(np.int64)
            )
            pool[at[at >= 0]] = pooled["cluster_id"].to_numpy()[at >= 0]
        pool[swept_to >= 0] = -1
        fate[pool >= 0] = int(Fate.CUSTODIAL_POOL)
        held = (holding >= 0) & (swept_to < 0)
        if self._own_set_stops:
            address = outputs["address_id"].fill_null(-1).to_numpy()
            fate[np.isin(address, self._home)] = int(Fate.CUSTODIAL_POOL)
        fate[held] = self._services.fates(holding[held])
        fate[outputs["kind"].to_numpy() == int(ScriptKind.OP_RETURN)] = int(Fate.BURNED)
        return fate, holding, spender, swept_to, pool


def _ids(tx_ids: I64) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({"tx_id": tx_ids}, schema={"tx_id": pl.Int64})
