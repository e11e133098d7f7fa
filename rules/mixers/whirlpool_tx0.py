"""Whirlpool's funding transaction (Tx0): one wallet cuts its coins into premix outputs. Not a mix.

Co-spend holds for it: all its inputs are one wallet's. It is named so that nobody takes its equal outputs for a
CoinJoin's, and because mixes descend from it. Where as many addresses pay as there are premix outputs, and each could
fund one by itself, it may be a mix dressed as a Tx0: it is not named, and `mix_possible` keeps it apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from rules.mixers.pools import FEES, SURPLUS
from tracer.clustering.rules import mixes

_REFERENCES = (
    "GraphSense graphsense-lib, heuristics_service.py (Whirlpool Tx0: one data output, 1 to 70 premix outputs, "
    "the fee of half to three times the pool's, two others at most)",
)


@dataclass(frozen=True)
class Parameters:
    """Published pools, fees and counts.

    fees     denomination -> coordinator's fee, sat
    surplus  most sat a premix output stands above the denomination
    premix   most premix outputs
    others   most outputs beside the premix and the fee
    funders  from this many premix outputs on, fewer addresses than those could each fund one
    """

    fees: Mapping[int, int] = field(default_factory=lambda: dict(FEES))
    surplus: int = SURPLUS
    premix: int = 70
    others: int = 2
    funders: int = 3


@dataclass(frozen=True)
class WhirlpoolTx0:
    """Detects a Tx0 by its data output, its premix outputs and the coordinator's fee."""

    id: str = "whirlpool_tx0"
    kind: str = "whirlpool_tx0"
    reads: str = "noted"
    title: str = "Whirlpool Tx0 (funds a mix, is none)"
    version: int = 2
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "A Tx0 that pays no fee (a full discount code) is not named.",
        "A payment with a data output and amounts that happen to fit a pool and its fee looks alike.",
        "A mix dressed as a Tx0 whose participants bring several small coins each is named one.",
        "That its premix outputs are later spent in a mix is not asked: it would change the past.",
    )
    parameters: Parameters = field(default_factory=Parameters)

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. An input that was not read could fund a premix output."""
        p, c = self.parameters, pl.col
        outputs = shapes.select("tx_id", "n_out", value="out_values").explode("value")
        funding = [self._of_pool(outputs, pool, fee) for pool, fee in p.fees.items()]
        best = (
            pl.concat(funding)
            .sort("tx_id", "premix", "pool")
            .unique("tx_id", keep="last", maintain_order=True)
        )
        return mixes(
            best.join(self._funders(shapes, best), on="tx_id", how="left"),
            self,
            where=(c("premix") <= p.premix)
            & (c("n_out") <= c("premix") + 1 + p.others)
            & ((c("premix") < p.funders) | (c("funders").fill_null(0) < c("premix"))),
            participants=pl.lit(1),
            denominations=pl.concat_list("pool"),
            confidence=pl.lit(60),
        )

    def _of_pool(self, outputs: pl.DataFrame, pool: int, fee: int) -> pl.DataFrame:
        """Per transaction that pays the pool's fee: how many outputs share one premix value."""
        value = pl.col("value")
        paid = outputs.filter(value.is_between(fee // 2, 3 * fee))
        return (
            outputs.filter(value.is_between(pool + 1, pool + self.parameters.surplus))
            .join(paid, on="tx_id", how="semi")
            .group_by("tx_id", "n_out", "value")
            .agg(premix=pl.len().cast(pl.Int64))
            .select("tx_id", "n_out", "value", "premix", pool=pl.lit(pool, dtype=pl.Int64))
        )

    def _funders(self, shapes: pl.DataFrame, best: pl.DataFrame) -> pl.DataFrame:
        """tx_id and `funders`: addresses that hold, or may hold, a premix output each."""
        held = pl.col("in_sums")
        return (
            shapes.select("tx_id", "in_sums")
            .join(best.select("tx_id", "value"), on="tx_id")
            .explode("in_sums")
            .filter(held.is_null() | (held >= pl.col("value")))
            .group_by("tx_id")
            .agg(funders=pl.len().cast(pl.Int64))
        )
