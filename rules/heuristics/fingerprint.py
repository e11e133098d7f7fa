"""Fingerprint agreement: the wallet that gets the change spends it as it made this payment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.clustering.rules import Tier

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Fingerprint:
    """An output spent by a transaction of another version, locktime habit, fee signal or input kind is not change."""

    id: str = "fingerprint"
    title: str = "the spender writes transactions alike"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 60
    family: str = "spender"
    counts: bool = True
    references: tuple[str, ...] = (
        "Kappos et al. 2022, How to Peel a Million (version, locktime, sequence)",
        "Moeser, Narayanan 2022 (consistent fingerprint of the spender)",
    )
    limitations: tuple[str, ...] = (
        "On labels that do not come from co-spend its precision falls to .60 to .74, as replicated in the open: "
        "many people use the same wallet.",
        "It looks at later transactions: it may change its mind when an output is spent.",
        "What was not spent cannot be ruled out.",
    )

    def possible(self) -> pl.Expr:
        """See `ChangeHeuristic.possible`."""
        import polars as pl

        alike = (
            (pl.col("s_version") == pl.col("version"))
            & (pl.col("s_locked") == pl.col("locked"))
            & (pl.col("s_replaceable") == pl.col("replaceable"))
            & pl.col("s_kind").eq_missing(pl.col("in_kind"))
        )
        return ~pl.col("spent") | alike
