"""What may be a CoinJoin, or one owner who pays several people the same amount from several coins.

About half of the outputs or more are equal and the inputs can fund each of them, but the count is not that of one
change for each participant. A payroll, an exchange's payouts and a mix without change all look so: no mix is
claimed and a trace goes on, but a missed union costs less than a false one.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "Goldfeder, Kalodner, Reisman, Narayanan 2018, as in BlockSci tx_identification.cpp (count loosened)",
)


@dataclass(frozen=True)
class Parameters:
    """Thresholds.

    participants  least equal outputs
    least         the equal value is above this (sat): 546 and 2,730 are dust
    fees          this many others may stand beside one change output each (a coordinator's fee)
    returning     most participants whose equal output goes back to an address that pays
    """

    participants: int = 3
    least: int = 2_730
    fees: int = 1
    returning: int = 1


@dataclass(frozen=True)
class MixPossible:
    """Detects what may be a CoinJoin of any make, or one owner's payout."""

    id: str = "equal_output_possible"
    kind: str = "mix_possible"
    reads: str = "equal"
    title: str = "equal outputs: a CoinJoin, or one owner's payout"
    version: int = 1
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "One owner who pays several people the same amount from several coins looks alike; its link is not made.",
        "Mixes with fewer equal outputs than half are not seen.",
        "A trace goes on through a mix that is seen only here.",
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
            & (c("mode_fresh") >= n - p.returning),
            participants=pl.lit(1),
            denominations=pl.concat_list("mode_value"),
            confidence=pl.when(c("in_unknown") == 0).then(25).otherwise(15),
        )
