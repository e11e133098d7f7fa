"""What enters a trace on an account chain: lots, and what arrives in a seed set from outside, net, per asset.

Of one transaction and asset what the set sent is set against what it received, so that change which comes back is no
arrival. What the set itself swapped or wrapped is no arrival either. An entity is seeded with what left it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.chain import TransferKind
from tracer.db import named_sql
from tracer.flow.accounts.rows import plain, schema
from tracer.flow.accounts.swaps import Swaps
from tracer.flow.sets import distinct
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

    from tracer.flow.seeding.seeds import Lots

_SQL = named_sql("tracer.flow.accounts", "receipts.sql")

_MOST = 10**30
"""Amounts from here on are set against nothing (P): sums could outgrow 128 bits, and no honest asset has so many."""


def touching(ledger: Ledger, lots: Lots, members: pl.DataFrame, window: dict[str, int]) -> pl.DataFrame:
    """The transfers that are lots, and those that touch the set in the window.

    -> tx_id, position, kind, asset_id, source, target, amount, time, seed_in and seed_out (number of the seed at each
    end; null where it is not in the set), lot
    """
    import polars as pl

    points = pl.DataFrame(
        [(tx_id, position, seed) for (tx_id, position), seed in sorted(lots.points.items())],
        schema={"tx_id": pl.Int64, "position": pl.Int32, "seed": pl.Int32}, orient="row",
    )  # fmt: skip
    with ledger.db.table("members", members), ledger.db.table("points", points):
        moved = ledger.db.polars(_SQL["touching"], window)
        own = ledger.db.polars(_SQL["lots"])
    beside = moved.join(points, on=["tx_id", "position"], how="anti", maintain_order="left")
    seeds = pl.col("seed_in", "seed_out").cast(pl.Int32)
    return pl.concat([own.with_columns(seeds), beside.with_columns(seeds)])


def entering(moved: pl.DataFrame, swaps: Swaps, *, leaving: bool) -> pl.DataFrame:
    """What of these transfers (`touching`) enters the trace: rows with `units`, `seed` and `time`.

    `leaving`: what left the set (an entity, forward), else what arrived in it. Amounts that nobody could read enter
    with null units.
    """
    import polars as pl

    tip = (pl.col("kind") == int(TransferKind.FEE_PAID)) & pl.col("seed_in").is_not_null()
    moved = moved.filter(pl.col("seed_in").is_not_null() | (pl.col("kind") != int(TransferKind.FEE_PAID)))
    moved = moved.with_columns(
        kind=pl.when(tip).then(int(TransferKind.REWARD)).otherwise("kind").cast(pl.UInt8),
        source=pl.when(tip).then(None).otherwise("source"),
        seed_out=pl.when(tip).then(None).otherwise("seed_out"),
    )
    sides = moved.select("tx_id", "position", "kind", "time", "seed_in", "seed_out", "lot")
    rows = pl.concat([plain(moved), _swapped(moved, swaps)])
    sides = pl.concat([_sides(rows, moved), sides]).unique(["tx_id", "position", "kind"], keep="first")
    rows = swaps.applied(rows.filter(pl.col("basis") == 0)).vstack(rows.filter(pl.col("basis") > 0))
    rows = rows.join(sides, on=["tx_id", "position", "kind"], how="left").sort("tx_id", "turn", "position")
    inside = pl.col("seed_in").is_not_null() & pl.col("seed_out").is_not_null() & ~pl.col("lot")
    out = pl.col("seed_out").is_not_null()
    way = out if leaving else ~out
    lot, asset = pl.col("lot"), pl.col("asset_out")
    own = rows.filter(lot).with_columns(units=pl.col("amount_out"), seed=pl.col("seed_in"))
    net = rows.filter(~lot & ~inside).with_columns(way=way)
    units = pl.col("amount_out")
    sent = units.filter(~pl.col("way")).sum().over("tx_id", asset).fill_null(0)
    hostile = (units.max() >= _MOST).over("tx_id", asset).fill_null(value=False)
    counted = net.with_columns(against=pl.when(hostile).then(0).otherwise(sent)).filter(pl.col("way"))
    # the first units of a transaction are those that came back
    passed = (units.clip(upper_bound=_MOST).cum_sum() - units).over("tx_id", asset)
    taken = (pl.col("against") - passed).clip(lower_bound=0)
    counted = counted.with_columns(
        units=pl.when(pl.col("against") > 0).then((units - taken).clip(lower_bound=0)).otherwise(units),
        seed=pl.col("seed_out" if leaving else "seed_in"),
    )
    kept = [*schema(), "units", "seed", "time"]
    found = pl.concat([own.select(kept), counted.select(kept)])
    return found.filter(pl.col("units").is_null() | (pl.col("units") > 0)).sort("tx_id", "turn", "position")


def _swapped(moved: pl.DataFrame, swaps: Swaps) -> pl.DataFrame:
    """Conversions by which the set and others traded: one of the two ends is in the set."""
    import polars as pl

    converted = swaps.of(distinct(moved["tx_id"].to_numpy())).filter(pl.col("basis") > 0)
    ends = (("target", "seed_in"), ("source", "seed_out"))
    members = pl.concat([moved.select("tx_id", a=end, s=seed).drop_nulls() for end, seed in ends])
    inside = [
        converted.join(members.select("tx_id", pl.col("a").alias(end)), on=["tx_id", end], how="semi")
        for end in ("source", "target")
    ]
    return pl.concat(inside).unique(["tx_id", "position"])


def _sides(rows: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """Which ends of conversions are in the set, as `touching` says it of transfers."""
    import polars as pl

    converted = rows.filter(pl.col("basis") > 0).select("tx_id", "position", "kind", "source", "target")
    ends = [
        moved.filter(~pl.col("lot"))
        .select("tx_id", pl.col(end).alias("a"), pl.col(seed).alias("s"), "time")
        .drop_nulls()
        for end, seed in (("target", "seed_in"), ("source", "seed_out"))
    ]
    members = pl.concat(ends).unique(["tx_id", "a"], keep="first")
    told = converted
    for end, seed in (("target", "seed_in"), ("source", "seed_out")):
        told = told.join(
            members.select("tx_id", pl.col("a").alias(end), pl.col("s").alias(seed), pl.col("time").alias(f"t_{end}")),
            on=["tx_id", end], how="left",
        )  # fmt: skip
    return told.select(
        "tx_id", "position", "kind", pl.coalesce("t_target", "t_source").alias("time"), "seed_in", "seed_out",
        pl.lit(value=False).alias("lot"),
    )  # fmt: skip
