"""Generic equal-output CoinJoins: about half of the outputs equal, and inputs that can fund each of them.

Goldfeder's form, which also holds where a coordinator takes a fee. With two equal outputs nobody can tell:
see `stonewall.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = ("Goldfeder, Kalodner, Reisman, Narayanan 2018, as in BlockSci tx_identification.cpp",)


@dataclass(frozen=True)
class Parameters:
    """Thresholds.

    participants  least equal outputs
    least         the equal value is above this (sat): 546 and 2,730 are dust
    fees          this many others may stand beside one change output each (a coordinator's fee)
    """

    participants: int = 3
    least: int = 2_730
    fees: int = 1


@dataclass(frozen=True)
class OtherMix:
    """Detects what may be a CoinJoin of any make."""

    id: str = "equal_output"
    kind: str = "other_mix"
    reads: str = "equal"
    title: str = "equal-output CoinJoin, maker unknown"
    version: int = 2
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "One owner who pays several people the same amount from several coins looks alike; its link is not made.",
        "Mixes with fewer equal outputs than half are not seen.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. An unknown input may fund a participant; it lowers the confidence."""
        p, c = self.parameters, pl.col
        n = c("mode_count")
        return mixes(
            shapes,
            self,
            where=(c("mode_value") > p.least)
            & (n >= p.participants)
            & (2 * n + p.fees >= c("n_out"))
            & (n <= c("in_scripts"))
            & (n <= c("fundable"))
            & (c("mode_fresh") == n),
            participants=n,
            denominations=pl.concat_list("mode_value"),
            confidence=pl.when(c("in_unknown") == 0).then(40).otherwise(25),
        )
