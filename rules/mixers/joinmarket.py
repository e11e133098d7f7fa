"""JoinMarket rounds: n equal outputs, one for each participant, and the change of all makers.

A taker announces an amount; each maker signs only a transaction that pays him that amount once and his change
once. So the outputs are twice the participants, or one less where the taker sweeps his coins. Each participant
funds his equal output, so the inputs must fall into n groups that can pay it. Wallets give a fresh address for
each output, and makers see to it; one taker may take his on an address that he spends from. Nobody adds a data
output.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "joinmarket-clientserver, maker.py, verify_unsigned_tx (amount and change exactly once for each maker)",
    "GraphSense graphsense-lib, heuristics_service.py (JoinMarket)",
    "Goldfeder, Kalodner, Reisman, Narayanan 2018, as in BlockSci tx_identification.cpp",
)


@dataclass(frozen=True)
class Parameters:
    """Thresholds.

    participants     least equal outputs
    least            the equal value is above this (sat)
    large            from this many inputs on, the ratio holds
    inputs_per_participant   most inputs per equal output of a large round
    returning       most participants whose equal output goes back to an address that pays: the taker
    """

    participants: int = 3
    least: int = 2_730
    large: int = 50
    inputs_per_participant: int = 20
    returning: int = 1


@dataclass(frozen=True)
class JoinMarket:
    """Detects the shape of a JoinMarket round."""

    id: str = "joinmarket"
    kind: str = "joinmarket"
    reads: str = "equal"
    title: str = "JoinMarket CoinJoin"
    version: int = 3
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "One owner of many coins who pays several people the same amount, and as many others, looks alike.",
        "Rounds of two are Stonewall-shaped and named so.",
        "A round of which two participants or more reuse addresses is not seen.",
        "A taker who adds many outputs of another equal amount makes that the most frequent: not seen.",
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
            & c("n_out").is_between(2 * n - 1, 2 * n)
            & (n <= c("in_scripts"))
            & (n <= c("fundable"))
            & (c("out_scripts") == c("n_out"))
            & (c("mode_fresh") >= n - p.returning)
            & (c("op_returns") == 0)
            & ((c("n_in") < p.large) | (c("n_in") <= n * p.inputs_per_participant)),
            participants=n,
            denominations=pl.concat_list("mode_value"),
            confidence=pl.when(c("in_unknown") == 0).then(49).otherwise(25),
        )
