"""Generic equal-output CoinJoins: half of the outputs equal, exactly, and inputs that can fund each of them.

Goldfeder's form: one amount and one change for each participant, the change of one at most missing. With more
equal outputs it may as well be a payroll: see `mix_possible.py`. With two nobody can tell: see `stonewall.py`.
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
    returning     most participants whose equal output goes back to an address that pays
    """

    participants: int = 3
    least: int = 2_730
    returning: int = 1


@dataclass(frozen=True)
class OtherMix:
    """Detects a CoinJoin of any make by the exact count of its equal outputs."""

    id: str = "equal_output"
    kind: str = "other_mix"
    reads: str = "equal"
    title: str = "equal-output CoinJoin, maker unknown"
    version: int = 3
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "One owner who pays several people the same amount, and as many others, from several coins looks alike.",
        "A mix with any other count of equal outputs is not named: at most it is kept apart as possible.",
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
            & (n == (c("n_out") + 1) // 2)
            & (c("op_returns") == 0)
            & (n <= c("in_scripts"))
            & (n <= c("fundable"))
            & (c("mode_fresh") >= n - p.returning),
            participants=n,
            denominations=pl.concat_list("mode_value"),
            confidence=pl.when(c("in_unknown") == 0).then(40).otherwise(25),
        )
