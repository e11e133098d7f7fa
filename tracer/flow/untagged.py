"""Pools that nobody tagged, as a trace meets them: each cluster is asked once (`tracer.clustering.pools`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.clustering import pools
from tracer.clustering.pools import Thresholds
from tracer.flow.movements import I64
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl


class Untagged:
    """The untagged pools of one question.

    evidence  rows of `tracer.clustering.pools.pool_like` of those that are pools
    """

    def __init__(self, ledger: Ledger, thresholds: Thresholds | None) -> None:
        """Without `thresholds` nothing is recognised: tagged pools are all there are."""
        self._ledger = ledger
        self._thresholds = thresholds
        self._asked = np.empty(0, np.int64)
        self.evidence = pools.none()

    def among(self, outputs: pl.DataFrame) -> pl.DataFrame:
        """Those of these outputs that no claim stops and that stand in a pool: tx_id, vout, cluster_id."""
        import polars as pl

        free = outputs.filter(pl.col("holding").is_null() & pl.col("cluster_id").is_not_null())
        if self._thresholds is None:
            free = free.clear()
        clusters = np.unique(free["cluster_id"].to_numpy()).astype(np.int64)
        fresh = np.setdiff1d(clusters, self._asked)
        if len(fresh):
            self._asked = np.union1d(self._asked, fresh)
            found = pools.pool_like(self._ledger, fresh.tolist(), self._thresholds).filter("pool_like")
            self.evidence = pl.concat([self.evidence, found]).sort("cluster_id")
        return free.join(self.evidence, on="cluster_id", how="semi", maintain_order="left").select(
            "tx_id", "vout", "cluster_id"
        )

    def holds(self, clusters: I64) -> I64:
        """Those of these cluster ids that are known to be pools, each once."""
        return np.intersect1d(clusters, self.evidence["cluster_id"].to_numpy().astype(np.int64))
