"""Litecoin's MWEB: the HogEx transaction, through which money goes into the extension block and comes out of it.

It is the last of its block. It spends the HogEx before it and the block's peg-ins (witness version 9), and pays the
whole pool to itself (witness version 8) and the block's peg-outs. Amounts and owners inside are hidden, so whose coins
come out nobody can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "LIP-0002, extension blocks",
    "LIP-0003, MWEB",
    "Litecoin Core 0.21 (witness_mweb_hogaddr, witness_mweb_pegin)",
)


@dataclass(frozen=True)
class Parameters:
    """No threshold: consensus rules make the shape."""


@dataclass(frozen=True)
class Mweb:
    """Detects a HogEx that takes money in or pays money out; one that only hands the pool on is none."""

    id: str = "mweb"
    kind: str = "mweb"
    reads: str = "pegged"
    title: str = "MWEB peg-ins and peg-outs"
    version: int = 1
    assets: tuple[str, ...] = ("LTC",)
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "Equal amounts pegged in and out soon after each other are not matched.",
        "How many people have coins in the pool is not known; `participants` says 1.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`. An input that was not read may be a peg-in."""
        c = pl.col
        return mixes(
            shapes,
            self,
            where=(c("in_other") == 0) & (c("put_in") + c("taken_out") + c("in_unknown") > 0),
            participants=pl.lit(1),
            denominations=pl.lit([], dtype=pl.List(pl.Int64)),
            confidence=pl.when(c("in_unknown") == 0).then(99).otherwise(90),
        )
