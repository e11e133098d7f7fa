"""Rows of a trace on an account chain: transfers, and the conversions that stand for several of them.

A row moves `amount_in` units of `asset_in` out of `source`, and `amount_out` units of `asset_out` into `target`. Of a
plain transfer both are the same; a conversion is one row, and two transfers for a kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.chain import FEES, TransferKind
from tracer.flow.queues.wide import Wide, from_arrow

if TYPE_CHECKING:
    import polars as pl

PLAIN = 0
"""`basis` of a row that is a transfer; the others are conversions: by netting a swap, by wrapping."""

SWAP, WRAP = 1, 2

EARNED = 1 << 40
"""What `turn` is moved by where a producer gets the gas of a transaction: behind all of it."""

QUEUE = ["address_id", "asset_id"]
"""Key of what holds interchangeable units."""


def schema() -> dict[str, pl.DataType]:
    """Columns of a row.

    turn      order in the transaction: the position, but where a wrap joins two orders of facts into one
    position  the transfer's position; of a conversion that of what came out of it
    source, target  address ids; null where it came out of nothing, or went into nothing
    amount_in, amount_out  base units; null where nobody could read them
    basis     PLAIN, SWAP or WRAP
    """
    import polars as pl

    return {
        "tx_id": pl.Int64(), "turn": pl.Int64(), "position": pl.Int32(), "kind": pl.UInt8(), "basis": pl.UInt8(),
        "source": pl.Int32(), "asset_in": pl.Int32(), "amount_in": pl.Int128(),
        "target": pl.Int32(), "asset_out": pl.Int32(), "amount_out": pl.Int128(),
    }  # fmt: skip


def plain(transfers: pl.DataFrame) -> pl.DataFrame:
    """Transfers of the ledger (tx_id, position, kind, asset_id, source, target, amount) as rows.

    Gas that somebody gets is two: what the payer pays, and what comes to the producer out of nothing. So a fee ends
    where it was paid, and no producer's money is traced to everybody who ever paid one. What producers
    got comes behind all others: whoever needs an order sorts by (tx_id, turn, position, kind).
    """
    import polars as pl

    asset, amount = pl.col("asset_id").cast(pl.Int32), pl.col("amount").cast(pl.Int128)
    rows = transfers.select(
        "tx_id", pl.col("position").cast(pl.Int64).alias("turn"), pl.col("position").cast(pl.Int32),
        pl.col("kind").cast(pl.UInt8), pl.lit(PLAIN, pl.UInt8).alias("basis"),
        pl.col("source").cast(pl.Int32), asset.alias("asset_in"), amount.alias("amount_in"),
        pl.col("target").cast(pl.Int32), asset.alias("asset_out"), amount.alias("amount_out"),
    )  # fmt: skip
    tips = (pl.col("kind") == int(TransferKind.FEE_PAID)) & pl.col("target").is_not_null()
    nobody = pl.lit(None, pl.Int32)
    earned = rows.filter(tips).with_columns(
        kind=pl.lit(int(TransferKind.REWARD), pl.UInt8), source=nobody, turn=pl.col("turn") + EARNED
    )
    if not earned.height:
        return rows
    paid = rows.with_columns(target=pl.when(tips).then(nobody).otherwise("target"))
    return pl.concat([paid, earned])


def is_fee() -> pl.Expr:
    """Whether a row is gas."""
    import polars as pl

    return pl.col("kind").is_in([int(kind) for kind in FEES])


def is_half_wrap() -> pl.Expr:
    """Whether a row makes or unmakes a wrapped coin, and the native coin that came or went for it was not read."""
    import polars as pl

    wraps = pl.col("kind").is_in([int(TransferKind.WRAP), int(TransferKind.UNWRAP)])
    return wraps & (pl.col("basis") == PLAIN)


def wide(units: pl.Series) -> Wide:
    """A column of amounts (Int128) as kernels read it, to be written to."""
    import polars as pl

    return from_arrow(units.cast(pl.Decimal(38, 0)).to_arrow()).copy()
