"""Stops that nobody tagged, as a trace meets them: pools, and addresses of too many transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.clustering import pools
from tracer.clustering.pools import Thresholds
from tracer.db import named_sql
from tracer.flow.movements import I64
from tracer.flow.sets import among, distinct, minus, union
from tracer.ledger import partial
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow", "closure.sql")


MANY = 20_000
"""From so many clusters asked at once on, one pass over all transactions costs less than their histories (P)."""


class Untagged:
    """The untagged stops of one question.

    evidence  rows of `tracer.clustering.pools.pool_like` of those that are pools
    """

    def __init__(self, ledger: Ledger, thresholds: Thresholds | None, degree: int = 0) -> None:
        """Without `thresholds` tagged pools are all there are; `degree` 0: no address has too many transactions."""
        import polars as pl

        self._ledger = ledger
        self._thresholds = thresholds
        self._degree = degree
        self._asked = np.empty(0, np.int64)
        self._counted = np.empty(0, np.int64)
        self._payers: I64 | None = None
        self._partial: bool | None = None
        self.evidence = pools.none()
        self._crowded = pl.DataFrame(schema={"cluster_id": pl.Int32})
        self._degrees = pl.DataFrame(schema={"address_id": pl.Int32, "degree": pl.Int64})

    def ends(self, outputs: pl.DataFrame) -> pl.DataFrame:
        """Those of these outputs that no claim stops and that end a trail: tx_id, vout, cluster_id, degree.

        `cluster_id` is that of a pool, else `degree` is the number of transactions of the address; the other is null.
        """
        import polars as pl

        pooled = self.pools(outputs).with_columns(degree=pl.lit(None, pl.Int64))
        if not self._degree:
            return pooled
        free = _free(outputs)
        self._told(distinct(free["address_id"].to_numpy()))
        in_crowd = free.join(self._crowded, on="cluster_id", how="semi", maintain_order="left")
        fresh = minus(distinct(in_crowd["address_id"].to_numpy()), self._counted)
        if len(fresh):
            self._counted = union(self._counted, fresh)
            asked = pl.DataFrame({"address_id": fresh}, schema={"address_id": pl.Int32})
            with self._ledger.db.table("asked", asked):
                found = self._ledger.db.polars(_SQL["degree"], {"most": self._degree})
            self._degrees = pl.concat([self._degrees, found])
        crowded = free.join(pooled, on=["tx_id", "vout"], how="anti", maintain_order="left").join(
            self._degrees, on="address_id", maintain_order="left"
        )
        cluster = pl.lit(None, pl.Int32).alias("cluster_id")
        return pl.concat([pooled, crowded.select("tx_id", "vout", cluster, "degree")])

    def _told(self, addresses: I64) -> None:
        """Note which of these addresses an explorer said to have too many transactions; few of them need be here."""
        import polars as pl

        if self._partial is None:
            self._partial = bool(partial.hosts(self._ledger))
        fresh = minus(addresses, self._counted)
        if not self._partial or not len(fresh):
            return
        asked = pl.DataFrame({"address_id": fresh}, schema={"address_id": pl.Int32})
        found = partial.crowded(self._ledger, asked, self._degree)
        self._counted = union(self._counted, found["address_id"].to_numpy().astype(np.int64))
        self._degrees = pl.concat([self._degrees, found])

    def pools(self, outputs: pl.DataFrame) -> pl.DataFrame:
        """Those of these outputs that no claim stops and that stand in a pool: tx_id, vout, cluster_id."""
        import polars as pl

        free = _free(outputs)
        fresh = minus(distinct(free["cluster_id"].to_numpy()), self._asked)
        if len(fresh) and (self._thresholds or self._degree):
            self._asked = union(self._asked, fresh)
            if len(fresh) > MANY:
                # whoever pays batches is looked up once, and degrees are asked of every address
                self._crowded = pl.concat([self._crowded, pl.DataFrame({"cluster_id": fresh}).cast(pl.Int32)])
                fresh = self._batch_payers(fresh)
            # an address of many transactions lies in a cluster of many
            least = [self._thresholds.appearances] if self._thresholds else []
            least += [self._degree + 1] if self._degree else []
            found = pools.busy(self._ledger, fresh.tolist(), min(least))
            crowded = found.clusters.filter(pl.col("appearances") > self._degree).select("cluster_id")
            self._crowded = pl.concat([self._crowded, crowded]).unique()
            if self._thresholds:
                told = pools.pool_like_of_busy(self._ledger, found, self._thresholds).filter("pool_like")
                self.evidence = pl.concat([self.evidence, told]).sort("cluster_id")
        return free.join(self.evidence, on="cluster_id", how="semi", maintain_order="left").select(
            "tx_id", "vout", "cluster_id"
        )

    def _batch_payers(self, clusters: I64) -> I64:
        """Those of these clusters that sign batches at all: no other is a pool."""
        if self._thresholds is None:
            return clusters[:0]
        if self._payers is None:
            self._payers = distinct(
                pools.batch_payers(self._ledger, self._thresholds)["cluster_id"].to_numpy()
            )
        return clusters[among(clusters, self._payers)]


def _free(outputs: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return outputs.filter(pl.col("holding").is_null() & pl.col("cluster_id").is_not_null())
