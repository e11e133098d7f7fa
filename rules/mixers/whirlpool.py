"""Whirlpool mixes: as many inputs as outputs, every output exactly the pool's denomination.

Newcomers bring the denomination and their part of the miner's fee; those who mix again bring exactly the
denomination. The funding transaction (Tx0) pays from one wallet into premix outputs that are a little
above the denomination: it is not a mix, and co-spend holds for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "GraphSense graphsense-lib, heuristics_service.py (Whirlpool: inputs within 110,000 sat of the pool)",
    "Dumplings (5 to 10 participants)",
    "crocs-muni/coinjoin-analysis (pools of Samourai and Ashigaru)",
)


@dataclass(frozen=True)
class Parameters:
    """Published pools and sizes.

    pools         denominations in sat: Samourai 0.001, 0.01, 0.05, 0.5 BTC; Ashigaru 0.025, 0.25 BTC
    participants  least and most of one mix (5, and up to 10 in surge cycles)
    surplus       most sat an input may bring above the denomination
    """

    pools: tuple[int, ...] = (100_000, 1_000_000, 2_500_000, 5_000_000, 25_000_000, 50_000_000)
    participants: tuple[int, int] = (5, 10)
    surplus: int = 110_000


@dataclass(frozen=True)
class Whirlpool:
    """Detects a Whirlpool mix by its amounts."""

    id: str = "whirlpool"
    kind: str = "whirlpool_mix"
    title: str = "Whirlpool mix"
    version: int = 1
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "A pool with another denomination is seen as a generic equal-output mix.",
        "Lineage (that re-mixed inputs come from mixes) is not checked.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. Where inputs were not read, the outputs decide, with less confidence."""
        p, c = self.parameters, pl.col
        least, most = p.participants
        return mixes(
            shapes,
            self,
            where=(c("n_in") == c("n_out"))
            & c("n_in").is_between(least, most)
            & (c("op_returns") == 0)
            & (c("mode_count") == c("n_out"))
            & c("mode_value").is_in(p.pools)
            & (c("out_scripts") == c("n_out"))
            & (c("in_scripts") == c("n_in"))
            & (c("mode_fresh") == c("n_out"))
            & (c("in_min") >= c("mode_value")).fill_null(True)
            & (c("in_max") <= c("mode_value") + p.surplus).fill_null(True),
            participants=c("n_out"),
            denomination=c("mode_value"),
            confidence=pl.when(c("in_unknown") == 0).then(60).otherwise(40),
        )
