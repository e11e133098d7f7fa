"""What a closure recorded on its way, and the trail made of it: columns for kernels, a fate for every output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import ScriptKind
from tracer.errors import StoreDamaged
from tracer.flow import miners
from tracer.flow.deposits import Sweeps
from tracer.flow.fates import Fate
from tracer.flow.kernels.reach import Bools
from tracer.flow.movements import I64, U8, Movements
from tracer.flow.points import Points
from tracer.flow.services import Services
from tracer.flow.sets import among, distinct, minus, union
from tracer.flow.spans import FOREVER
from tracer.flow.trail import Budget, Pulse, Trail
from tracer.flow.untagged import Untagged
from tracer.flow.walk import Walk, column, ids, starts
from tracer.ledger import partial
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

NEVER = np.iinfo(np.int64).max

_RANKED = ("tx_id", "vout", "value", "kind", "address_id")


class Record(Walk):
    """The half of `Closure` that looks back.

    _entries  seeded outputs                 _outputs  of every transaction that was read (`closure.sql`)
    _inputs   of those reached, where known  _spends   what spends an output that may go on: a reason, a swept deposit
    _known    transactions that were read    _sweeps   what told that an output was a deposit
    _cut      the last transaction that may be reached
    """

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
        ties: bool = True,
        pulse: Pulse = lambda _hop, _txs: True,
    ) -> None:
        """`last_gap`: `fates.last_gap`; the rest as `Walk`.

        Without `sweeps` no deposit is recognised by where it was swept to; without `ties` the movements have no
        `out_rank`, unless the budget or an entity needs it.
        """
        import polars as pl

        super().__init__(
            ledger, services, budget, untagged, home=home, own_set_stops=own_set_stops, pulse=pulse
        )
        self._looks_for_sweeps = sweeps and bool(services.clusters.height + services.addresses.height)
        self._last_gap = last_gap
        self._ties = ties or budget.miners or own_set_stops
        self._cut = NEVER
        self._entries = pl.DataFrame(schema={"tx_id": pl.Int64, "vout": pl.Int32})
        self._outputs: list[pl.DataFrame] = []
        self._spends: list[pl.DataFrame] = []
        self._sweeps: list[Sweeps] = []
        self._seed_pools = np.empty(0, np.int64)
        self._known = np.empty(0, np.int64)
        self._fees = miners.Fees(ledger) if budget.miners else None
        self._inputs: pl.DataFrame | None = None
        # a claim that has ended, a mention and a person's tag say nothing of whose deposit address it is
        tagged = services.tagged.frame.filter(
            (pl.col("tag_type") != "mention") & (pl.col("until") == FOREVER[1])
        )
        self._named = union(tagged["address_id"].to_numpy(), self._home)

    def _followed(self, outputs: pl.DataFrame, reached: I64) -> Bools:
        """Which of these outputs (tx_id, vout) the trail goes on from, if it can: seeds, and what was reached."""
        txs, vouts = outputs["tx_id"].to_numpy(), outputs["vout"].to_numpy()
        found: Bools = among(txs, reached) | (Points.of(self._entries).find(txs, vouts) >= 0)
        return found

    def _before_cut(self, tx_ids: I64) -> Bools:
        return (miners.execution(tx_ids) if self._fees else tx_ids) <= self._cut

    def _trail(self, seeds: I64, reached: I64) -> Trail:
        import polars as pl

        txs = union(seeds, reached)
        heads = self._heads_of(txs)
        seen = pl.concat(self._outputs)
        outputs = seen.filter(among(seen["tx_id"].to_numpy(), txs))
        if not outputs["tx_id"].is_sorted():  # each transaction was read at once, by vout
            outputs = outputs.sort("tx_id", "vout")
        rank = self._rows("ranks", made=outputs.select(_RANKED))["rank"] if self._ties else None
        inputs = self._rows("inputs", wanted=ids(reached)) if self._inputs is None else self._inputs
        if heads.height != len(txs):
            raise StoreDamaged("the look-up tables name transactions that the store does not hold.")
        if rank is not None:
            outputs = outputs.with_columns(rank)
        heads = heads.with_columns(moved=pl.Series(among(heads["tx_id"].to_numpy(), reached)))
        heads = heads.with_columns(fee=pl.when("moved").then(pl.col("fee").fill_null(0)).otherwise(0))
        fee_lot = None
        if self._fees:
            heads, outputs, inputs = miners.in_execution_order(*self._fees.carried_on(heads, outputs, inputs))
            fee_lot = miners.lots(heads["tx_id"].to_numpy(), outputs)
        out_start, in_start = (starts(heads["tx_id"].to_numpy(), frame) for frame in (outputs, inputs))
        vout = outputs["vout"].to_numpy()
        point = outputs["tx_id"].to_numpy()
        points = Points(point, vout)
        followed = self._followed(outputs, reached)
        fate, holding, beyond, swept_to, pool, degree = self._fates(outputs, points, followed, reached)
        seen = seen.filter(among(seen["tx_id"].to_numpy(), union(txs, self._deposits(beyond))))
        touched = union(txs, beyond[beyond >= 0])
        movements = Movements(
            in_start=in_start,
            in_ref=points.find(inputs["prev_tx_id"].fill_null(-1).to_numpy(), inputs["prev_vout"].to_numpy()),
            in_value=inputs["value"].to_numpy(),
            out_start=out_start,
            out_value=outputs["value"].to_numpy(),
            out_rank=outputs["rank"].to_numpy() if self._ties else None,
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
                self._told_by(points, followed),
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

    def _told_by(self, points: Points, followed: Bools) -> I64:
        """Numbers of the holdings that told whether what is spent from here was a deposit."""
        import polars as pl

        if not self._sweeps:
            return np.empty(0, np.int64)
        told = pl.concat([sweeps.looked_at for sweeps in self._sweeps])
        at = points.find(told["from_tx"].to_numpy(), told["from_vout"].to_numpy())
        return distinct(told["holding"].to_numpy()[(at >= 0) & followed[at]])

    def _fates(
        self, outputs: pl.DataFrame, points: Points, followed: Bools, reached: I64
    ) -> tuple[U8, I64, I64, I64, I64, I64]:
        """Fate, holding, spender, hot wallet, untagged pool and degree of every output, under static stops."""
        import polars as pl

        k = outputs.height
        heights = outputs["tx_id"].to_numpy() >> 24
        unread = heights <= self._last_gap
        fate = np.where(unread, int(Fate.UNREAD), int(Fate.UNSPENT)).astype(np.uint8)
        if unread.any():
            fate[self._told_unspent(points, outputs.filter(pl.Series(unread)))] = int(Fate.UNSPENT)
        holding = outputs["holding"].fill_null(-1).to_numpy().astype(np.int64)
        spender, swept_to = np.full(k, -1, np.int64), np.full(k, -1, np.int64)
        for edges in self._spends:
            at = points.find(edges["from_tx"].to_numpy(), edges["from_vout"].to_numpy())
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
        kind = outputs["kind"].to_numpy()
        fate[kind == int(ScriptKind.OP_RETURN)] = int(Fate.BURNED)
        fate[kind == int(ScriptKind.SHIELDED)] = int(Fate.MIXER)
        return fate, holding, spender, swept_to, pool, degree

    def _told_unspent(self, points: Points, unread: pl.DataFrame) -> I64:
        """Where those of these outputs stand which nothing spends, as somebody said who was asked for them alone."""
        tip = self._ledger.tip()
        asked = unread.select("tx_id", "vout").filter(unread["vout"] >= 0)
        told = partial.unspent(self._ledger, asked, tip.height if tip else 0)
        return points.find(told["tx_id"].to_numpy(), told["vout"].to_numpy())

    def _why_not(self, tx_ids: I64) -> U8:
        """Fate of what would go on into these transactions, were they reached: which limit kept them out."""
        limit = int(Fate.INTERRUPTED if self._stopped else Fate.HOP_LIMIT)
        return np.where(self._before_cut(tx_ids), limit, int(Fate.TX_LIMIT)).astype(np.uint8)
