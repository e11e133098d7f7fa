"""What ends a trail where a transfer meets an account: claims, pools, deposit addresses, degree, the window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tracer.db import named_sql
from tracer.flow.accounts.deposits import Deposits
from tracer.flow.accounts.ends import with_ends
from tracer.flow.accounts.rows import QUEUE, is_fee, is_half_wrap, schema
from tracer.flow.accounts.swaps import Swaps
from tracer.flow.beyond import NOTHING, Beyond
from tracer.flow.fates import Fate
from tracer.flow.movements import I64
from tracer.flow.services import Services
from tracer.flow.sets import distinct, union
from tracer.flow.spans import FOREVER
from tracer.flow.trail import Budget
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "closure.sql")


class Verdicts:
    """The static stops of one question, as its closure meets accounts.

    seen       ids of all accounts that were looked at
    looked_at  numbers of all holdings that were met
    """

    def __init__(
        self,
        ledger: Ledger,
        services: Services,
        swaps: Swaps,
        budget: Budget,
        deposits: Deposits | None,
        *,
        home: I64,
        own_set_stops: bool,
        degree: int,
        far: tuple[str, str],
        backward: bool,
        beyond: Beyond = NOTHING,
    ) -> None:
        import polars as pl

        self._ledger, self._services, self._swaps, self._budget = ledger, services, swaps, budget
        self._beyond = beyond
        self._deposits, self._home, self._own_set_stops = deposits, distinct(home), own_set_stops
        self._most, self._far, self._backward = degree, far, backward
        # a claim that has ended, a mention and a person's tag say nothing of whose deposit address it is
        tagged = services.tagged.frame.filter(
            (pl.col("tag_type") != "mention") & (pl.col("until") == FOREVER[1])
        )
        self._named = union(tagged["address_id"].to_numpy(), self._home)
        self._counted = pl.DataFrame(schema={"address_id": pl.Int32, "asset_id": pl.Int32})
        self._degrees = self._counted.with_columns(degree=pl.lit(0, pl.Int64))
        self.seen, self.looked_at = np.empty(0, np.int64), np.empty(0, np.int64)

    def judge(self, rows: pl.DataFrame, *, seeded: bool) -> pl.DataFrame:
        """Rows with what ends them at their far end.

        -> `rows.schema`, seeded bool, fate uint8 (SPENT: nothing ends them), holding int64 (-1: none), swept_to
        int64, left int64 (the sweep's transaction; -1 where it is no deposit), pool bool, degree int64 (-1)
        """
        import polars as pl

        rows = self.timed(rows)
        met = self._held(rows)
        rows = rows.with_columns(far=pl.col(self._far[0]), far_asset=pl.col(self._far[1]))
        joined = rows.join(
            met, left_on=["far", "tx_id"], right_on=["address_id", "tx_id"], how="left", maintain_order="left"
        )
        arrived = joined.filter(pl.col("holding").is_null() & pl.col("far").is_not_null() & ~is_fee())
        free = arrived.clear() if seeded else arrived
        joined = joined.join(
            self._crowded(free.select(address_id="far", asset_id="far_asset")),
            left_on=["far", "far_asset"], right_on=["address_id", "asset_id"], how="left", maintain_order="left",
        )  # fmt: skip
        joined = joined.join(
            self._swept(arrived.select("tx_id", address_id="far", asset_id="far_asset")),
            left_on=["far", "far_asset", "tx_id"], right_on=["address_id", "asset_id", "tx_id"],
            how="left", maintain_order="left",
        )  # fmt: skip
        pooled = _among("far", self._swaps.unlabelled)
        home = _among("far", self._home) if self._own_set_stops else pl.lit(value=False)
        at_home = _among("far", self._home)
        joined = joined.with_columns(held=self._fates(joined["holding"]))
        joined = with_ends(joined, self._beyond, "in" if self._backward else "out")
        stop = (
            pl.when(self._outside(seeded=seeded)).then(int(Fate.TIME_WINDOW))
            .when(pl.col("crossed")).then(int(Fate.CROSSED))
            .when(pl.col("crossed").is_not_null() & pl.col("holding").is_null()).then(int(Fate.BRIDGE))
            .when(pl.col("far").is_null() & is_half_wrap()).then(int(Fate.UNREAD))
            .when(pl.col("far").is_null()).then(int(Fate.SPENT))
            .when(pl.col("holding").is_not_null()).then("held")
            .when(home).then(int(Fate.CUSTODIAL_POOL))
            .when(_among("far", self._beyond.holding(Fate.MIXER))).then(int(Fate.MIXER))
            .when(_among("far", self._beyond.holding(Fate.BRIDGE))).then(int(Fate.BRIDGE))
            .when(pl.col("service").is_not_null()).then(int(Fate.SERVICE))
            .when(pooled).then(int(Fate.CUSTODIAL_POOL))
            .when(pl.col("degree").is_not_null() & ~at_home).then(int(Fate.HIGH_DEGREE))
            .otherwise(int(Fate.SPENT)).cast(pl.UInt8)
        )  # fmt: skip
        told = joined.with_columns(fate=stop)
        fate = pl.col("fate")
        unheld = pl.col("holding").is_null()
        deposit = unheld & pl.col("service").is_not_null() & (fate == int(Fate.SERVICE))
        return told.select(
            *schema(), pl.lit(seeded).alias("seeded"), "fate", "time",
            pl.when(fate == int(Fate.TIME_WINDOW)).then(-1).when(deposit).then("service").otherwise("holding")
            .fill_null(-1).cast(pl.Int64).alias("holding"),
            pl.when(deposit).then("swept_to").fill_null(-1).cast(pl.Int64).alias("swept_to"),
            pl.when(deposit).then("left").fill_null(-1).cast(pl.Int64).alias("left"),
            (unheld & pooled.fill_null(value=False) & (fate == int(Fate.CUSTODIAL_POOL))).alias("pool"),
            pl.when(fate == int(Fate.HIGH_DEGREE)).then("degree").fill_null(-1).cast(pl.Int64).alias("degree"),
        )  # fmt: skip

    def _held(self, rows: pl.DataFrame) -> pl.DataFrame:
        """address_id, tx_id, holding of the far ends."""
        import polars as pl

        met = rows.select(pl.col(self._far[0]).alias("address_id"), "tx_id").drop_nulls().unique()
        self.seen = union(self.seen, distinct(met["address_id"].to_numpy()))
        with self._ledger.db.table("met", met.sort("tx_id", "address_id")):
            found = self._ledger.db.polars(_SQL["held"])
        for column in ("holding", "cluster_holding"):
            self.looked_at = union(self.looked_at, distinct(found[column].drop_nulls().to_numpy()))
        return found.drop("cluster_holding")

    def timed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with the `time` of their block, unix seconds."""
        import polars as pl

        height = (pl.col("tx_id") // (1 << 24)).cast(pl.Int32).alias("height")
        with self._ledger.db.table("asked", rows.select(height.unique()).sort("height")):
            times = self._ledger.db.polars(_SQL["times"])
        return (
            rows.with_columns(height)
            .join(times, on="height", how="left", maintain_order="left")
            .drop("height")
        )

    def _fates(self, holdings: pl.Series) -> pl.Series:
        """What a trace does at each of these holdings, uint8; null where there is none."""
        import polars as pl

        numbers = holdings.drop_nulls().unique().sort()
        fates = (
            self._services.fates(numbers.to_numpy().astype(np.int64)) if len(numbers) else numbers.to_numpy()
        )
        return holdings.replace_strict(numbers, pl.Series(fates, dtype=pl.UInt8), return_dtype=pl.UInt8)

    def _crowded(self, free: pl.DataFrame) -> pl.DataFrame:
        """Of these queues (address_id, asset_id), which nobody is claimed to hold, those of too many transactions.

        What moved other assets does not count: anybody can have a token of their own name an account a thousand times.
        """
        import polars as pl

        if not self._most:
            return self._degrees
        free = free.unique().filter(~_among("address_id", self._home))
        fresh = free.join(self._counted, on=QUEUE, how="anti").sort(QUEUE)
        if fresh.height:
            self._counted = pl.concat([self._counted, fresh])
            with self._ledger.db.table("asked", fresh):
                found = self._ledger.db.polars(_SQL["degree"], {"most": self._most})
            self._degrees = pl.concat([self._degrees, found])
        return self._degrees.join(free, on=QUEUE, how="semi")

    def _swept(self, arrived: pl.DataFrame) -> pl.DataFrame:
        """Those of these arrivals that are deposits of a service (`Deposits.swept`)."""
        import polars as pl

        if self._deposits is None or not len(self._services.clusters) + len(self._services.addresses):
            columns = {"address_id": pl.Int32, "tx_id": pl.Int64, "asset_id": pl.Int32}
            told = {"service": pl.Int64, "swept_to": pl.Int64, "left": pl.Int64}
            return pl.DataFrame(schema={**columns, **told})
        possible = arrived.filter(~_among("address_id", self._named)).unique()
        found = self._deposits.swept(possible)
        self.looked_at = union(self.looked_at, distinct(np.array(sorted(self._deposits.looked_at), np.int64)))
        return found.select("address_id", "tx_id", "asset_id", "service", "swept_to", "left")

    def unsure(self, queues: pl.DataFrame) -> pl.DataFrame:
        """Those of these queues (address_id, asset_id) that are deposit accounts only if they held little before."""
        return queues.clear() if self._deposits is None else self._deposits.unsure(queues)

    def _outside(self, *, seeded: bool) -> pl.Expr:
        """Whether a transfer lies outside the window of the question at the side that is nearer to the seeds."""
        import polars as pl

        budget = self._budget
        if seeded:
            return pl.lit(value=False)
        if self._backward:
            return pl.lit(value=False) if budget.before is None else pl.col("time") >= budget.before
        return pl.lit(value=False) if budget.after is None else pl.col("time") < budget.after


def _among(column: str, ids: I64 | Sequence[int]) -> pl.Expr:
    import polars as pl

    return pl.col(column).is_in(pl.Series(ids, dtype=pl.Int32).implode()).fill_null(value=False)
