"""Whirlpool mixes: as many inputs as outputs, every output exactly the pool's denomination.

Newcomers bring the denomination and their part of the miner's fee; those who mix again bring exactly the
denomination, and both are there in every mix. Every input comes from a Tx0 or from an earlier mix of the pool,
whose coins are P2WPKH; one participant may take his output on an address that he spends from.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from rules.mixers.pools import FEES, SURPLUS
from tracer.clustering.rules import mixes

_REFERENCES = (
    "GraphSense graphsense-lib, heuristics_service.py (Whirlpool: inputs within 110,000 sat of the pool)",
    "Dumplings (5 to 10 participants)",
    "crocs-muni/coinjoin-analysis (pools of Samourai and Ashigaru)",
)


@dataclass(frozen=True)
class Parameters:
    """Published pools and sizes.

    pools         denominations in sat
    participants  least and most of one mix (5, and up to 10 in surge cycles)
    surplus       most sat an input may bring above the denomination
    returning     most outputs that go back to an address that pays
    parents       what a mix descends from
    """

    pools: tuple[int, ...] = tuple(FEES)
    participants: tuple[int, int] = (5, 10)
    surplus: int = SURPLUS
    returning: int = 1
    parents: tuple[str, ...] = ("whirlpool_mix", "whirlpool_tx0")


@dataclass(frozen=True)
class Whirlpool:
    """Detects a Whirlpool mix by its amounts, and trusts it more where its lineage was read."""

    id: str = "whirlpool"
    kind: str = "whirlpool_mix"
    reads: str = "equal"
    title: str = "Whirlpool mix"
    version: int = 3
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "A pool with another denomination is seen as a generic equal-output mix.",
        "One owner who pays himself the same amounts from as many coins looks alike where lineage was not read.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. Where inputs were not read, the outputs decide, with less confidence."""
        p, c = self.parameters, pl.col
        least, most = p.participants
        both = (c("in_max") > c("mode_value")) & (c("in_min") == c("mode_value"))
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
            & (c("in_p2wpkh") + c("in_unknown") == c("n_in"))
            & (c("mode_fresh") >= c("n_out") - p.returning)
            & (c("in_min") >= c("mode_value")).fill_null(True)
            & (c("in_max") <= c("mode_value") + p.surplus).fill_null(True)
            & ((c("in_unknown") > 0) | both),
            participants=c("n_out"),
            denominations=pl.concat_list("mode_value"),
            confidence=pl.when(c("in_unknown") == 0).then(60).otherwise(40),
        )

    def with_ancestors(self, hits: pl.DataFrame, ancestors: pl.DataFrame) -> pl.DataFrame:
        """See `DescentDetector`: 90 where an input comes from a Tx0 or a mix of the same pool."""
        c = pl.col
        parents = ancestors.filter(c("kind").is_in(self.parameters.parents)).select("tx_id", "denominations")
        descended = hits.join(parents, on=["tx_id", "denominations"], how="semi")["tx_id"]
        sure = c("tx_id").is_in(descended.implode())
        return hits.with_columns(confidence=pl.when(sure).then(90).otherwise("confidence").cast(pl.Int32))
