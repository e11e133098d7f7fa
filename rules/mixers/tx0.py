"""Whirlpool's funding transaction (Tx0): one wallet cuts its coins into premix outputs. Not a mix.

Co-spend holds for it, so it must not be taken for an equal-output CoinJoin.
"""

from __future__ import annotations

import polars as pl

POOL_FEES = {
    100_000: 5_000,
    1_000_000: 50_000,
    2_500_000: 125_000,
    5_000_000: 175_000,
    25_000_000: 1_250_000,
    50_000_000: 1_750_000,
}
"""Pool denomination -> coordinator fee, sat (graphsense-lib; Ashigaru's 0.025 and 0.25 BTC: 5 % assumed)."""

SURPLUS = 110_000
"""Most sat a premix output stands above its pool's denomination."""


def is_tx0() -> pl.Expr:
    """True for the shape of a Tx0, over the columns of `shapes.sql`.

    Exactly one data output; equal outputs a little above a pool's denomination; at most three others, among
    them the coordinator's fee of half to three times the pool's (no others at all: a free one).
    """
    c = pl.col
    shape = pl.lit(False)
    for pool, fee in POOL_FEES.items():
        premix = c("mode_value").is_between(pool + 1, pool + SURPLUS)
        has_fee = c("out_values").list.eval(pl.element().is_between(fee // 2, 3 * fee)).list.any()
        shape = shape | (premix & (has_fee | (c("n_out") == c("mode_count"))))
    return (c("op_returns") == 1) & (c("n_out") <= c("mode_count") + 3) & shape
