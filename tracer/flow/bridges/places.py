"""Which transfer of its transaction the side of a crossing speaks of.

An event says who, which token and how much, or less than that. What it says in full is looked for first: the transfer
into a pinned contract (out), or to the recipient (in), of that token and amount, or of native coin, which bridges
wrap on their way; then a transfer of that amount to anybody else (a burn, a vault that is not listed). Where the event
names no amount, or another one than was moved, there must be one transfer only that it can mean. Two sides of one
transaction that say the same mean the first and the second such transfer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.bridges", "crossings.sql")

_SAID, _LONE = 2, 3
"""Ranks up to the first are of transfers as the event says; from the second on there must be one only."""


def placed(ledger: Ledger, sides: pl.DataFrame, emitters: pl.DataFrame) -> pl.DataFrame:
    """Sides (`side_schema`) with position, asset_id, units, giver and getter of their transfers; null where none.

    emitters  address_id, payload: the pinned contracts of the bridge
    """
    import polars as pl

    said = ["tx_id", "side", "token", "amount", "recipient"]
    rows = sides.with_row_index("row").with_columns(nth=pl.int_range(pl.len()).over(said))
    with ledger.db.table("wanted", sides.select("tx_id").unique().sort("tx_id")):
        moved = ledger.db.polars(_SQL["moved"])
    pinned = pl.Series(emitters["address_id"], dtype=pl.Int32).implode()
    moved = moved.with_columns(
        from_pinned=pl.col("source").is_in(pinned).fill_null(value=False),
        into_pinned=pl.col("target").is_in(pinned).fill_null(value=False),
    ).rename({"amount": "units"})
    pairs = rows.join(moved, on="tx_id", how="inner").with_columns(
        rank=pl.when(pl.col("side") == "out").then(_left()).otherwise(_came())
    )
    # of what an unnamed recipient got, the last transfer is the one that reached him
    last = (pl.col("side") == "in") & (pl.col("rank") == _SAID)
    turn = pl.when(last).then(-pl.col("position")).otherwise("position")
    best = pairs.filter(pl.col("rank").is_not_null()).filter(
        pl.col("rank") == pl.col("rank").min().over("row")
    )
    best = best.sort("row", turn).with_columns(
        place=pl.int_range(pl.len()).over("row"), count=pl.len().over("row")
    )
    lone = (pl.col("count") == 1) & (pl.col("nth") == 0)
    chosen = best.filter(
        pl.when(pl.col("rank") <= _SAID).then(pl.col("place") == pl.col("nth")).otherwise(lone)
    )
    found = chosen.select(
        "row", "position", "asset_id", pl.col("units").cast(pl.Int128), pl.col("source").alias("giver"),
        pl.col("target").alias("getter"),
    )  # fmt: skip
    return rows.join(found, on="row", how="left", maintain_order="left").drop("row", "nth")


def _token() -> pl.Expr:
    """Whether the transfer is of the token that the event names, if it names one."""
    import polars as pl

    return pl.col("token").is_null() | (pl.col("contract") == pl.col("token")).fill_null(value=False)


def _left() -> pl.Expr:
    """Rank of a transfer as what left by a side; null where it cannot be."""
    import polars as pl

    into, given = pl.col("into_pinned"), pl.col("source").is_not_null() & ~pl.col("from_pinned")
    same = (pl.col("units") == pl.col("amount")).fill_null(value=False)
    burnt = pl.col("target").is_null() & pl.col("amount").is_null()
    return (
        pl.when(~given).then(None)
        .when(into & same & _token()).then(0)
        .when(into & same & pl.col("contract").is_null()).then(1)
        .when(same & _token()).then(_SAID)
        .when(into & _token()).then(_LONE)
        .when(into).then(_LONE + 1)
        .when(burnt & _token()).then(_LONE + 2)
    )  # fmt: skip


def _came() -> pl.Expr:
    """Rank of a transfer as what came by a side."""
    import polars as pl

    named = pl.col("recipient").is_not_null()
    his = (pl.col("paid") == pl.col("recipient")).fill_null(value=False)
    same = (pl.col("units") == pl.col("amount")).fill_null(value=False)
    away = ~named & pl.col("target").is_not_null() & ~pl.col("into_pinned")
    sent = pl.col("from_pinned") | pl.col("source").is_null()
    return (
        pl.when(his & same & _token()).then(0)
        .when(his & same & pl.col("contract").is_null()).then(1)
        .when(away & same & _token()).then(_SAID)
        .when(his & _token()).then(_LONE)
        .when(his).then(_LONE + 1)
        .when(away & sent & _token()).then(_LONE + 2)
    )  # fmt: skip
