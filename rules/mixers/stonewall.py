"""Stonewall-shaped payments: two equal outputs, and inputs that could be two people's.

Samourai's Stonewall is one wallet that imitates two, StonewallX2 is two; a JoinMarket round of two looks the
same, and so do two payments of one amount. Nobody can tell them apart: no mix is claimed and a trace goes on,
but a missed union costs less than a false one.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "GraphSense graphsense-lib, heuristics_service.py (Stonewall: 3 or 4 outputs, one value twice, from 5,000 sat)",
    "BlockSci tx_identification.cpp (possible CoinJoin: inputs fill two buckets of the equal amount)",
)


@dataclass(frozen=True)
class Parameters:
    """Thresholds.

    least    the equal value is at least this (sat)
    outputs  most outputs: two equal ones and the change of two
    """

    least: int = 5_000
    outputs: int = 4


@dataclass(frozen=True)
class Stonewall:
    """Detects what may be the transaction of two, or of one who imitates two."""

    id: str = "stonewall"
    kind: str = "stonewall"
    reads: str = "equal"
    title: str = "two equal outputs: Stonewall, a round of two, or two payments"
    version: int = 1
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = ("One owner who pays two people the same amount looks alike.",)
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. An unknown input may fund a participant; it lowers the confidence."""
        p, c = self.parameters, pl.col
        return mixes(
            shapes,
            self,
            where=(c("mode_count") == 2)
            & (c("n_out") <= p.outputs)
            & (c("mode_value") >= p.least)
            & (c("in_scripts") >= 2)
            & (c("fundable") >= 2)
            & (c("mode_fresh") == 2),
            participants=pl.lit(1),
            denominations=pl.concat_list("mode_value"),
            confidence=pl.when(c("in_unknown") == 0).then(25).otherwise(15),
        )
