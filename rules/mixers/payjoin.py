"""What may be a PayJoin: the receiver adds an input to the payment he receives.

Nothing in a PayJoin shows it for certain. The sign is an input that no wallet would have added: without its
smallest input the transaction could still pay its greater output and the fee (UIH2), and the inputs are of
different script kinds, as of two wallets. Ordinary consolidation of an old wallet and a new one looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tracer.clustering.rules import mixes

_REFERENCES = (
    "BIP 78",
    "Ghesmati et al. 2021 (unnecessary input heuristics)",
    "D. Gould, notes on UIH1 and UIH2",
)


@dataclass(frozen=True)
class Parameters:
    """Thresholds.

    kinds  least script kinds among the inputs
    """

    kinds: int = 2


@dataclass(frozen=True)
class PayJoin:
    """Detects an unnecessary input of another script kind in a payment with change."""

    id: str = "payjoin"
    kind: str = "payjoin_possible"
    reads: str = "pair"
    title: str = "possible PayJoin"
    version: int = 1
    references: tuple[str, ...] = _REFERENCES
    limitations: tuple[str, ...] = (
        "Most PayJoins are not seen: BIP 78 advises the receiver to add an input of the sender's kind.",
        "A wallet that merges coins of two script kinds looks alike; its link is not made.",
    )
    parameters: Parameters = Parameters()

    def detect(self, shapes: pl.DataFrame) -> pl.DataFrame:
        """See `MixDetector.detect`.

        The smaller output is the change of UIH2 exactly where it is no less than the smallest input. Unknown
        inputs can only lower that and add kinds: what holds among the known holds.
        """
        p, c = self.parameters, pl.col
        return mixes(
            shapes,
            self,
            where=(c("in_kinds") >= p.kinds) & (c("out_min") >= c("in_min")),
            participants=pl.lit(1),
            denominations=pl.lit([], dtype=pl.List(pl.Int64)),
            confidence=pl.when(c("in_unknown") == 0).then(15).otherwise(10),
        )
