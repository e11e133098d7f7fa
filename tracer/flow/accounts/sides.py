"""By which transfer each side of a conversion moved: what a document may name, and a service can look up.

A conversion stands for all transfers of its parties, netted. A side of it is named by a transfer only where the party
moved the asset by that one alone in the whole transaction; else the amount is a net one, and no transfer has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.db import named_sql
from tracer.flow.accounts.rows import PLAIN, WRAP
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "sides.sql")


def sides(ledger: Ledger, rows: pl.DataFrame) -> pl.DataFrame:
    """For each of these rows, in their order: in_place, out_place (position of its transfer), paid (address id, int64).

    `paid` is whom the transfer of the near side went to: of a plain one the target. -1 where there is no one transfer.
    """
    import polars as pl

    plain = rows.select(
        "basis", in_place=pl.col("position").cast(pl.Int64), out_place=pl.col("position").cast(pl.Int64),
        paid=pl.col("target").cast(pl.Int64).fill_null(-1),
    )  # fmt: skip
    if not (plain["basis"] != PLAIN).any():
        return plain.drop("basis")
    key = ["tx_id", "party", "asset_id", "units"]
    ends = (("source", "asset_in", "amount_in"), ("target", "asset_out", "amount_out"))
    asked = [rows.select("tx_id", "basis", party=a, asset_id=b, units=c) for a, b, c in ends]
    wanted = pl.concat(asked).filter(pl.col("basis") != PLAIN).select("tx_id", "party", "asset_id")
    with ledger.db.table("asked", wanted.drop_nulls().unique().sort("tx_id", "party", "asset_id")):
        found = ledger.db.polars(_SQL["alone"])
    alone = found.with_columns(pl.col("units").cast(pl.Int128), pl.col("place").cast(pl.Int64))
    gave, got = (side.join(alone, on=key, how="left", maintain_order="left") for side in asked)
    basis = pl.col("basis")
    return plain.with_columns(
        in_place=pl.when(basis == PLAIN).then("in_place").otherwise(gave["place"].fill_null(-1)),
        # what a wrap makes or gives back is one transfer, whatever else moved
        out_place=pl.when((basis == PLAIN) | (basis == WRAP)).then("out_place").otherwise(got["place"].fill_null(-1)),
        paid=pl.when(basis == PLAIN).then("paid").otherwise(gave["paid"].cast(pl.Int64).fill_null(-1)),
    ).drop("basis")  # fmt: skip
