"""JoinMarket-shaped rounds: n equal outputs, one for each participant, and change.

Makers and taker bring what they like; each funds one equal output, so the inputs must fall into n groups
that can pay it. Nobody's address is reused and no data output is made.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "GraphSense graphsense-lib, heuristics_service.py (JoinMarket)",
    "Goldfeder, Kalodner, Reisman, Narayanan 2018, as in BlockSci tx_identification.cpp",
)


@dataclass(frozen=True)
class Parameters:
    """Thresholds.

    participants     least equal outputs
    least            the equal value is above this (sat)
    large            from this many inputs on, the two ratios hold
    inputs_per_participant   most inputs per equal output of a large round
    outputs_per_participant  least outputs per equal output of a large round, in tenths
    """

    participants: int = 3
    least: int = 2_730
    large: int = 50
    inputs_per_participant: int = 20
    outputs_per_participant: int = 17


@dataclass(frozen=True)
class JoinMarket:
    """Detects the shape of a JoinMarket round."""

    id: str = "joinmarket"
    kind: str = "joinmarket"
    title: str = "JoinMarket CoinJoin"
    version: int = 1
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "One owner of many coins who pays several people the same amount looks alike.",
        "Rounds of two are seen as generic equal-output mixes.",
        "A round whose participants reuse addresses is not seen.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. An unknown input may fund a participant; it lowers the confidence."""
        p, c = self.parameters, pl.col
        n = c("mode_count")
        ratios = (c("n_in") <= n * p.inputs_per_participant) & (
            c("n_out") * 10 >= n * p.outputs_per_participant
        )
        return mixes(
            shapes,
            self,
            where=(c("mode_value") > p.least)
            & (n >= p.participants)
            & (2 * n >= c("n_out"))
            & (n < c("n_out"))
            & (n <= c("in_scripts"))
            & (n <= c("fundable"))
            & (c("out_scripts") == c("n_out"))
            & (c("mode_fresh") == n)
            & (c("op_returns") == 0)
            & ((c("n_in") < p.large) | ratios),
            participants=n,
            denomination=c("mode_value"),
            confidence=pl.when(c("in_unknown") == 0).then(49).otherwise(25),
        )
