"""Fresh address: change goes to an address that nobody has seen before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.clustering.rules import Tier

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class FreshAddress:
    """An output whose address the chain shows for the first time may be change; one seen before may not."""

    id: str = "fresh_address"
    title: str = "change goes to a fresh address"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 50
    family: str = "history"
    counts: bool = False
    references: tuple[str, ...] = (
        "Androulaki et al. 2013, Evaluating User Privacy in Bitcoin (shadow addresses)",
        "Meiklejohn et al. 2013, A Fistful of Bitcoins, definition 4.3 (13 % false without further care)",
    )
    limitations: tuple[str, ...] = (
        "It only rules out: payees take fresh addresses too, so what it leaves is no evidence (measured: about two "
        "in five are the payee's where the payer's own address is not among the outputs).",
        "A wallet that reuses its change address is not seen.",
    )

    def possible(self) -> pl.Expr:
        """See `ChangeHeuristic.possible`."""
        import polars as pl

        return pl.col("fresh")
