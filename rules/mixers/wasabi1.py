"""Wasabi 1.0 and 1.1 (ZeroLink): one base denomination, in 1.1 also its doublings, and change.

The base was about 0.1 BTC, in autumn 2018 about 0.05 BTC, and sank by the fee of every round. A client registers
up to seven coins, which may be of one address.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "GraphSense graphsense-lib, heuristics_service.py (Wasabi 1.0 and 1.1)",
    "mmstanone/blocksci (mode 0.08 to 0.12 BTC; all outputs P2WPKH)",
    "nopara73/ZeroLink",
)


@dataclass(frozen=True)
class Parameters:
    """Thresholds.

    bases          base denominations in sat
    below, above   how far the mode may lie from a base, in thousandths
    inputs         least inputs
    participants   least outputs of the base denomination
    inputs_per_participant  most distinct input scripts per equal output
    same_address   most inputs of one address, as a divisor of the inputs: 5 means a fifth
    inputs_per_client  so many inputs of one address are accepted in any round
    short          how many participants may seem unfunded (a base that had sunk between two of their rounds)
    levels         1.1: most doublings of the base
    fee            how far a level may lie from its doubling, in thousandths: the coordinator took 0.003 % for
                   each of up to 100 participants
    """

    bases: tuple[int, ...] = (5_000_000, 10_000_000)
    below: int = 150
    above: int = 100
    inputs: int = 10
    participants: int = 10
    inputs_per_participant: int = 7
    same_address: int = 5
    inputs_per_client: int = 7
    short: int = 1
    levels: int = 10
    fee: int = 3


@dataclass(frozen=True)
class Wasabi1:
    """Detects a Wasabi 1.x round by its base denomination and its scripts (P2WPKH throughout)."""

    id: str = "wasabi1"
    kind: str = "wasabi1"
    reads: str = "equal"
    title: str = "Wasabi 1.0 / 1.1 CoinJoin"
    version: int = 3
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "Rounds of fewer than ten are seen as JoinMarket-shaped.",
        "A JoinMarket round of ten or more, all P2WPKH, near 0.05 or 0.1 BTC is named Wasabi.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. Unknown inputs may be of the right kind; they lower the confidence."""
        p, c = self.parameters, pl.col
        near_base = pl.any_horizontal(
            [
                c("mode_value").is_between(base * (1000 - p.below) // 1000, base * (1000 + p.above) // 1000)
                for base in p.bases
            ]
        )
        mixed = 2 * c("repeated_outputs") >= c("n_out") - 1
        mostly_change = c("repeated_outputs") >= c("n_out") - c("in_scripts") - 1
        known = c("in_unknown") == 0
        possible = shapes.filter((c("n_in") >= p.inputs) & (c("mode_count") >= p.participants) & near_base)
        return mixes(
            possible.join(self._levels(possible), on="tx_id"),
            self,
            where=(c("op_returns") == 0)
            & ((c("in_same") <= p.inputs_per_client) | (c("in_same") * p.same_address <= c("n_in")))
            & (c("in_p2wpkh") + c("in_unknown") == c("n_in"))
            & (c("out_p2wpkh") == c("n_out"))
            & (c("out_scripts") == c("n_out"))
            & c("in_scripts").is_between(c("mode_count"), c("mode_count") * p.inputs_per_participant)
            & (c("fundable") + p.short >= c("mode_count"))
            & (mixed | mostly_change),
            participants=c("mode_count"),
            denominations=c("levels"),
            confidence=pl.when(mixed & known).then(60).when(mixed | known).then(40).otherwise(30),
        )

    def _levels(self, rounds: pl.DataFrame) -> pl.DataFrame:
        """tx_id and `levels`: the base and what stands twice or more about a doubling of it, ascending."""
        value, base = pl.col("repeated"), pl.col("mode_value")
        doublings = [base * 2**i for i in range(1, self.parameters.levels + 1)]
        near = [(value - level).abs() * 1000 <= level * self.parameters.fee for level in doublings]
        return (
            rounds.select("tx_id", "mode_value", "repeated")
            .explode("repeated")
            .filter((value == base) | pl.any_horizontal(near))
            .group_by("tx_id")
            .agg(levels=value.sort())
        )
