"""Generic equal-output CoinJoins: about half of the outputs equal, and inputs that can fund each of them.

Goldfeder's form, which also holds where a coordinator takes a fee. With two equal outputs it is only
possible: Stonewall (one wallet that imitates two), a JoinMarket round of two, or a payment of one amount to
two people. A missed union costs less than a false one, so these stay out of co-spend too.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rules.mixers.tx0 import is_tx0
from tracer.clustering.rules import mixes

_REFERENCES = (
    "Goldfeder, Kalodner, Reisman, Narayanan 2018, as in BlockSci tx_identification.cpp",
    "GraphSense graphsense-lib, heuristics_service.py (Stonewall)",
)


@dataclass(frozen=True)
class Parameters:
    """Thresholds.

    least      the equal value is above this (sat): 546 and 2730 are dust
    stonewall  with two equal outputs, the value is at least this (sat)
    fees       with three or more equal outputs, this many others may stand beside one change output each
               (a coordinator's fee)
    """

    least: int = 2_730
    stonewall: int = 5_000
    fees: int = 1


@dataclass(frozen=True)
class EqualOutput:
    """Detects what may be a CoinJoin of any make."""

    id: str = "equal_output"
    kind: str = "other_mix"
    title: str = "equal-output CoinJoin, maker unknown"
    version: int = 1
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "One owner who pays two people the same amount from two coins looks alike; its link is not made.",
        "Mixes with fewer equal outputs than half, and PayJoins, are not seen.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. An unknown input may fund a participant; it lowers the confidence."""
        p, c = self.parameters, pl.col
        n = c("mode_count")
        known, several = c("in_unknown") == 0, n > 2
        return mixes(
            shapes,
            self,
            where=(c("mode_value") > pl.when(several).then(p.least).otherwise(p.stonewall - 1))
            & (2 * n + pl.when(several).then(p.fees).otherwise(0) >= c("n_out"))
            & (n <= c("in_scripts"))
            & (n <= c("fundable"))
            & (c("mode_fresh") == n)
            & ~is_tx0(),
            participants=n,
            denomination=c("mode_value"),
            confidence=pl.when(several & known).then(40).when(several | known).then(25).otherwise(15),
        )
