"""Self-change: an output that goes back to whoever paid is the change, and then no other is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.clustering.rules import Tier

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class SelfChange:
    """An output to an address of the inputs, or of their conservative cluster, is the payer's own."""

    id: str = "self_change"
    title: str = "an output back to the payer's own cluster"
    version: int = 1
    tier: Tier = Tier.CONSERVATIVE
    confidence: int = 95
    family: str = "own"
    counts: bool = True
    references: tuple[str, ...] = (
        "Meiklejohn et al. 2013, A Fistful of Bitcoins, section 4.2 (23 % of transactions in 2013)",
        "GraphSense graphsense-lib, heuristics_service.py (direct change)",
    )
    limitations: tuple[str, ...] = (
        "It makes no link of its own: the address is in the cluster already. It says that no other output of the "
        "payment is change, which is wrong where a payer takes change at two addresses.",
        "Who moves coins between wallets of their own looks alike.",
    )

    def possible(self) -> pl.Expr:
        """See `ChangeHeuristic.possible`."""
        import polars as pl

        own = pl.col("own")
        return pl.when(own.any().over("tx_id")).then(own)
