"""Round value: people pay round amounts; what is left over is not round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.clustering.rules import Tier

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Parameters:
    """`unit`: values divisible by it are round (base units; 0.01 BTC, BlockSci's power of ten, six digits)."""

    unit: int = 1_000_000


@dataclass(frozen=True)
class RoundValue:
    """An output of a round value is not the change, where another is not round."""

    id: str = "round_value"
    title: str = "change is not a round amount"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 60
    family: str = "amount"
    counts: bool = True
    references: tuple[str, ...] = (
        "BlockSci change_address.cpp (power of ten change, six digits)",
        "Moeser, Narayanan 2022 (round number: .86 precision on 578 labels of one day, as replicated)",
    )
    limitations: tuple[str, ...] = (
        "Amounts that are round in another currency are not seen.",
        "An exact payment out of a round coin leaves round change.",
    )
    parameters: Parameters = Parameters()

    def possible(self) -> pl.Expr:
        """See `ChangeHeuristic.possible`."""
        import polars as pl

        return pl.col("value") % self.parameters.unit != 0
