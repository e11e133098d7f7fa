"""Peel chain: a large coin is peeled payment by payment; what is peeled further is the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.clustering.rules import Tier

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class PeelChain:
    """In a chain of payments with one input and two outputs, the output that goes on like that is the change."""

    id: str = "peel_chain"
    title: str = "the chain is peeled on from here"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 60
    family: str = "spender"
    counts: bool = True
    references: tuple[str, ...] = (
        "Meiklejohn et al. 2013, A Fistful of Bitcoins, section 5.2",
        "BlockSci change_address.cpp (peeling chain)",
    )
    limitations: tuple[str, ...] = (
        "A payee who spends the coin in the same manner looks alike; it is one signal with `fingerprint`.",
        "It looks at later transactions: it may change its mind when an output is spent.",
    )

    def possible(self) -> pl.Expr:
        """See `ChangeHeuristic.possible`."""
        import polars as pl

        goes_on = ~pl.col("spent") | ((pl.col("s_in") == 1) & (pl.col("s_out") == 2))
        return pl.when("peeled").then(goes_on)
