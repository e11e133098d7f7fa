"""The queues a trace can reach on an account chain, hop by hop, with one join per hop.

A queue is `(address, asset)`. It is followed from the first transaction on that can have brought traced money into it;
backward up to the last that can have taken it out. What leaves it then may carry such money: whether it does, and how
much, is the kernel's to say. So a queue that is reached again by an earlier transaction is gone through
again, for the stretch in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import first_tx_id
from tracer.db import named_sql
from tracer.flow.accounts.deposits import Deposits, Thresholds
from tracer.flow.accounts.rows import QUEUE, is_fee, plain
from tracer.flow.accounts.swaps import Swaps
from tracer.flow.accounts.verdicts import Verdicts
from tracer.flow.beyond import NOTHING, Beyond
from tracer.flow.fates import Fate
from tracer.flow.movements import I64
from tracer.flow.services import Services
from tracer.flow.sets import distinct, union
from tracer.flow.trail import Budget, Pulse
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

SQL = named_sql("tracer.flow.accounts", "closure.sql")

LAST = (1 << 62) - 1
"""Beyond every transaction."""


@dataclass(frozen=True)
class Reach:
    """What a closure found.

    queues    address_id, asset_id, first, last: followed, and between which transactions (both included)
    ended     rows that were met, as `Verdicts.judge` gives them
    horizon   tx_ids (first, last) beyond which nothing was followed
    limited   why `horizon` is where it is: TX_LIMIT or TIME_WINDOW; SPENT where nothing limits it
    stopped   whether the person at the keyboard ended it before its time
    """

    queues: pl.DataFrame
    ended: pl.DataFrame
    horizon: tuple[int, int]
    limited: Fate
    stopped: bool


class Closure:
    """Grows a trail from seeded rows. One use: `Closure(...).grow(rows)`."""

    def __init__(
        self,
        ledger: Ledger,
        services: Services,
        swaps: Swaps,
        budget: Budget,
        *,
        home: I64,
        own_set_stops: bool,
        degree: int,
        backward: bool,
        sweeps: Thresholds | None,
        pulse: Pulse = lambda _hop, _txs: True,
        beyond: Beyond = NOTHING,
    ) -> None:
        """`home`: address ids of the seed set; with `own_set_stops` (entity seeds) what comes back to it is in a pool.

        `degree`: unknown accounts of more transactions end it; 0: none does. `sweeps`: what makes a deposit address;
        None: they are not looked for.
        """
        self._ledger, self._swaps, self._budget, self._pulse = ledger, swaps, budget, pulse
        self._backward = backward
        self._horizon, self._limited = (0, LAST), Fate.SPENT
        self._near = ("target", "asset_out") if backward else ("source", "asset_in")
        self._far = ("source", "asset_in") if backward else ("target", "asset_out")
        self._place_window()
        deposits = None if backward or sweeps is None else Deposits(ledger, services, sweeps)
        self.verdicts = Verdicts(
            ledger, services, swaps, budget, deposits, home=home, own_set_stops=own_set_stops, degree=degree,
            far=self._far, backward=backward, beyond=beyond,
        )  # fmt: skip

    def _place_window(self) -> None:
        """The end of the window in the direction of the trace: nothing beyond it is followed."""
        time = self._budget.after if self._backward else self._budget.before
        if time is None:
            return
        height = self._ledger.db.value(SQL["since"], {"time": time})
        if self._backward:
            self._horizon = (LAST if height is None else first_tx_id(height), LAST)
        elif height is not None:
            self._horizon = (0, first_tx_id(height) - 1)
        self._limited = Fate.TIME_WINDOW

    def grow(self, seeds: pl.DataFrame) -> Reach:
        """Follow seeded rows (`rows.schema`) as far as the budget goes."""
        import polars as pl

        met = [self.verdicts.judge(seeds, seeded=True)]
        known = pl.DataFrame(schema={"address_id": pl.Int32, "asset_id": pl.Int32, "edge": pl.Int64})
        frontier, stopped, txs = self._onward(met[0], known), False, np.empty(0, np.int64)
        for depth in range(1, self._budget.hops + 2):
            if not frontier.height:
                break
            within = depth <= self._budget.hops
            if within and not self._pulse(depth, len(txs)):
                stopped = True
                break
            known = _merged(known, frontier, backward=self._backward)
            if not within:  # what leaves these is beyond the hop limit: kernels say so where it carries money
                break
            found = self.verdicts.judge(self._leaving(frontier), seeded=False)
            met.append(found)
            txs = self._within_limit(union(txs, distinct(found.filter(~is_fee())["tx_id"].to_numpy())))
            frontier = self._onward(found, known)
        low, high = self._horizon
        edge = pl.col("edge")
        first, last = (pl.lit(low), edge) if self._backward else (edge, pl.lit(high))
        # of what lies beyond the horizon the stretch is empty
        queues = known.select(*QUEUE, first.cast(pl.Int64).alias("first"), last.cast(pl.Int64).alias("last"))
        ended = pl.concat(met).unique(["tx_id", "position", "kind"], keep="first", maintain_order=True)
        return Reach(queues.sort(QUEUE), ended, self._horizon, self._limited, stopped)

    def _leaving(self, frontier: pl.DataFrame) -> pl.DataFrame:
        """Rows out of these queues (into them, backward) in their stretch, and inside the horizon."""
        import polars as pl

        low, high = self._horizon
        asked = frontier.select(*QUEUE, pl.col("first").clip(low), pl.col("last").clip(upper_bound=high))
        with self._ledger.db.table("frontier", asked.filter(pl.col("first") <= pl.col("last")).sort(QUEUE)):
            found = self._ledger.db.polars(SQL["backward" if self._backward else "forward"])
        moved = plain(found)
        converted = self._swaps.of(distinct(moved["tx_id"].to_numpy())).filter(pl.col("basis") > 0)
        near = converted.join(
            asked, left_on=list(self._near), right_on=QUEUE, how="inner", maintain_order="left"
        )
        near = near.filter(pl.col("tx_id").is_between(pl.col("first"), pl.col("last")))
        return pl.concat([self._swaps.applied(moved), near.select(moved.columns)])

    def _onward(self, met: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
        """Queues that these rows lead to, for stretches not gone through: address_id, asset_id, edge, first, last."""
        import polars as pl

        low, high = self._horizon
        goes = (pl.col("fate") == int(Fate.SPENT)) & pl.col(self._far[0]).is_not_null() & ~is_fee()
        inside = pl.col("tx_id").is_between(low, high) | pl.col("seeded")
        large = pl.col("amount_out").is_null() | (pl.col("amount_out") > 0)
        tx = pl.col("tx_id").max() if self._backward else pl.col("tx_id").min()
        reached = (
            met.filter(goes & inside & large)
            .group_by(pl.col(self._far[0]).alias("address_id"), pl.col(self._far[1]).alias("asset_id"))
            .agg(tx.alias("edge"))
            .join(known.rename({"edge": "old"}), on=QUEUE, how="left")
        )
        edge, old = pl.col("edge"), pl.col("old")
        if self._backward:
            return reached.filter(old.is_null() | (edge > old)).select(
                *QUEUE, "edge", (old + 1).fill_null(0).alias("first"), edge.alias("last")
            )
        return reached.filter(old.is_null() | (edge < old)).select(
            *QUEUE, "edge", edge.alias("first"), (old - 1).fill_null(LAST).alias("last")
        )

    def _within_limit(self, txs: I64) -> I64:
        """At most as many transactions as allowed, the first (backward: the last) ones; the horizon moves there."""
        most = self._budget.max_txs
        if len(txs) <= most:
            return txs
        low, high = self._horizon
        self._limited = Fate.TX_LIMIT
        kept = txs[-most:] if self._backward else txs[:most]
        self._horizon = (int(kept[0]), high) if self._backward else (low, int(kept[-1]))
        return kept


def _merged(known: pl.DataFrame, frontier: pl.DataFrame, *, backward: bool) -> pl.DataFrame:
    import polars as pl

    edge = pl.col("edge").max() if backward else pl.col("edge").min()
    return pl.concat([known, frontier.select(known.columns)]).group_by(QUEUE).agg(edge)
