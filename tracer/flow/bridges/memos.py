"""Crossings that memos tell: on a chain of outputs the words of an OP_RETURN, beside a payment to or from a vault.

Anybody can write a memo. It counts only in a transaction that pays an address tagged as a bridge at that time
(out), or that such an address signed (in): vaults change, and a list that is out of date shows less, never more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.chain import ScriptKind
from tracer.db import named_sql
from tracer.flow.bridges.rules import Bridge, ReadsMemos
from tracer.flow.fates import Fate
from tracer.flow.services import Services
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.bridges", "crossings.sql")


def memo_sides(ledger: Ledger, services: Services, bridge: Bridge) -> pl.DataFrame | None:
    """The sides that memos tell, with the outputs they speak of (`placed`); None where the bridge reads no memos."""
    import polars as pl

    if not isinstance(bridge, ReadsMemos):
        return None
    vaults = (
        services.tagged.frame.filter(pl.col("fate") == int(Fate.BRIDGE))
        .select("address_id", "since", "until").unique().sort("address_id", "since", "until")
    )  # fmt: skip
    op_return = {"op_return": int(ScriptKind.OP_RETURN)}
    with ledger.db.table("vaults", vaults):
        memos = ledger.db.polars(_SQL["memos"], op_return)
        names = ledger.render_txids(memos["tx_id"].to_list())
        sides = bridge.from_memos(
            memos.select(
                "tx_id",
                pl.col("tx_id").replace_strict(names, return_dtype=pl.String).alias("txid")
                if names else pl.lit(None, pl.String).alias("txid"),
                pl.col("vout").alias("log_index"), _text(pl.col("script")).alias("memo"),
            )
        )  # fmt: skip
        with ledger.db.table("wanted", sides.select("tx_id").unique().sort("tx_id")):
            signed = ledger.db.polars(_SQL["signed"])
            outputs = ledger.db.polars(_SQL["paid"], op_return)
    by_vault = pl.col("tx_id").is_in(pl.Series(signed["tx_id"], dtype=pl.Int64).implode())
    # a vault answers, whoever pays it asks
    sides = sides.filter(pl.when(pl.col("side") == "in").then(by_vault).otherwise(~by_vault))
    lone = (
        outputs.group_by("tx_id", pl.when("vault").then(pl.lit("out")).otherwise(pl.lit("in")).alias("side"))
        .agg(pl.len().alias("count"), pl.col("position", "value", "address_id").first())
        .filter(pl.col("count") == 1)
    )
    return sides.join(lone, on=["tx_id", "side"], how="left", maintain_order="left").with_columns(
        asset_id=pl.lit(0, pl.Int32), units=pl.col("value").cast(pl.Int128), giver=pl.lit(None, pl.Int32),
        getter=pl.col("address_id"),
    )  # fmt: skip


def _text(script: pl.Expr) -> pl.Expr:
    """What an OP_RETURN script pushes first, as text; null where it is none."""
    import polars as pl

    opcode = script.bin.slice(1, 1)
    short = opcode <= pl.lit(b"\x4b")
    first = (
        pl.when(short).then(2).when(opcode == pl.lit(b"\x4c")).then(3).when(opcode == pl.lit(b"\x4d")).then(4)
    )
    return script.bin.slice(first).cast(pl.String, strict=False)
