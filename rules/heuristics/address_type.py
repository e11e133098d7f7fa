"""Address type: a wallet gives itself change of its own script kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.clustering.rules import Tier

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class AddressType:
    """Where all inputs are of one script kind, an output of another kind is not the change."""

    id: str = "address_type"
    title: str = "change has the inputs' script kind"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 60
    family: str = "script"
    counts: bool = True
    references: tuple[str, ...] = (
        "BlockSci change_address.cpp (address type change)",
        "Moeser, Narayanan 2022, Resurrecting Address Clustering in Bitcoin",
    )
    limitations: tuple[str, ...] = (
        "Script hashes hide what they are: a nested SegWit payee of a multisig payer looks like its change.",
        "Newer wallets match the payee's kind on purpose, to defeat this.",
        "It says nothing where all outputs have one kind.",
    )

    def possible(self) -> pl.Expr:
        """See `ChangeHeuristic.possible`."""
        import polars as pl

        return pl.col("kind") == pl.col("in_kind")
