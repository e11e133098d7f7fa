"""Inflow that nobody asked for: dust, and payments made beside many equal ones to strangers.

Who is paid cannot refuse it, so it is set apart: it says something of who sent it, and nothing of who got it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

DUST = 1_000
"""Base units up to which an output is dust, where nobody says otherwise (P): about what spending it costs."""

SPAM = 10_000
"""Base units up to which equal outputs to many are spam (P)."""

SPAM_OUTPUTS = 10
"""... from so many in one transaction on (P)."""


@dataclass(frozen=True)
class Unasked:
    """What counts as unsolicited; all bounds are inclusive, amounts in base units."""

    dust: int = DUST
    spam: int = SPAM
    outputs: int = SPAM_OUTPUTS

    def runs(self, received: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
        """Receipts (seed, tx_id, vout, value ...) in their order with their `run`: 2 * seed, and 1 more where unasked.

        `made`: all outputs of these transactions.
        """
        import polars as pl

        unasked = received["value"] <= self.dust
        if not (received["value"] <= self.spam).any():
            return received.with_columns(run=pl.col("seed") * 2 + unasked.cast(pl.Int32))
        tiny = made.filter(pl.col("value") <= self.spam)
        fans = tiny.group_by("tx_id", "value").len("equal").filter(pl.col("equal") >= self.outputs)
        rows = received.join(fans, on=["tx_id", "value"], how="left", maintain_order="left")
        unasked |= rows["equal"].is_not_null()
        return rows.with_columns(run=pl.col("seed") * 2 + unasked.cast(pl.Int32)).drop("equal")
