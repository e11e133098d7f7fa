"""Which rows of a trace on an account chain a bridge ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.flow.beyond import Beyond

if TYPE_CHECKING:
    import polars as pl


def with_ends(rows: pl.DataFrame, beyond: Beyond, far: str) -> pl.DataFrame:
    """Rows with `crossed`: whether what a bridge took (brought) here is followed on another chain; null elsewhere.

    A swap that ends in a bridge is one row in place of the transfer: known by its asset and amount. `far`: "out", the
    side of a conversion that meets the bridge; backward "in".
    """
    import polars as pl

    if beyond.ends is None or not beyond.ends.height:
        return rows.with_columns(crossed=pl.lit(None, pl.Boolean))
    plain = beyond.ends.select("tx_id", "position", pl.col("crossed").alias("by_place"))
    amounts = [f"asset_{far}", f"amount_{far}"]
    lone = pl.len().over("tx_id", "asset_id", "units") == 1
    swapped = beyond.ends.filter(lone).select(
        "tx_id", pl.col("asset_id").alias(amounts[0]), pl.col("units").alias(amounts[1]),
        pl.col("crossed").alias("by_amount"),
    )  # fmt: skip
    joined = rows.join(plain, on=["tx_id", "position"], how="left", maintain_order="left").join(
        swapped, on=["tx_id", *amounts], how="left", maintain_order="left"
    )
    crossed = pl.when(pl.col("basis") == 0).then("by_place").otherwise("by_amount")
    return joined.with_columns(crossed=crossed).drop("by_place", "by_amount")
