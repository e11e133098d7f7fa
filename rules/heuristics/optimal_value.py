"""Optimal value: change is less than every input, or one of them would not have been needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.clustering.rules import Tier

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class OptimalValue:
    """Of a payment with two inputs or more, an output that is not below the least input is not the change."""

    id: str = "optimal_value"
    title: str = "change is less than every input"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 60
    family: str = "amount"
    counts: bool = True
    references: tuple[str, ...] = (
        "BlockSci change_address.cpp (optimal change)",
        "Ghesmati et al. 2021 (unnecessary input heuristic)",
    )
    limitations: tuple[str, ...] = (
        "Wallets that merge small coins on purpose add inputs they do not need.",
        "A payment below every input with change above one looks the wrong way round.",
    )

    def possible(self) -> pl.Expr:
        """See `ChangeHeuristic.possible`."""
        import polars as pl

        return pl.when(pl.col("n_in") > 1).then(pl.col("value") < pl.col("in_min"))
