"""What enters a trace on an account chain: lots, and what arrives in a seed set from outside, net, per asset.

Of one transaction and asset what the set received is set against what it sent before, so that change which comes back
is no arrival; who passes on what came is seeded with it. What the set itself swapped or wrapped is no arrival either.
An entity is seeded with what left it and did not come back. A lot that a conversion stands for is one side of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.chain import TransferKind
from tracer.db import named_sql
from tracer.flow.accounts.rows import plain
from tracer.flow.accounts.swaps import Swaps
from tracer.flow.sets import distinct
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

    from tracer.flow.seeding.seeds import Lots

_SQL = named_sql("tracer.flow.accounts", "receipts.sql")

_MOST = 10**30
"""Amounts from here on are set against nothing (P): sums could outgrow 128 bits, and no honest asset has so many."""


KEPT = [
    "tx_id", "turn", "position", "kind", "basis", "source", "asset_in", "amount_in", "target", "asset_out",
    "amount_out", "units", "seed", "time", "asset_id", "lot",
]  # fmt: skip
"""Columns of what enters: those of a row (`rows.schema`), and what enters of it."""


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
    with null units. `asset_id` is what enters, of a conversion one of its two; `lot`: whether it was named itself. Lots
    that conversions stand for are not here (`tracer.flow.accounts.converted`).
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
    net = _netted(rows.filter(~lot & ~inside).with_columns(way=way), leaving=leaving)
    counted = net.filter("way").with_columns(seed=pl.col("seed_out" if leaving else "seed_in"))
    found = pl.concat([part.with_columns(asset_id=asset).select(KEPT) for part in (own, counted)])
    return found.filter(pl.col("units").is_null() | (pl.col("units") > 0)).sort("tx_id", "turn", "position")


def _netted(rows: pl.DataFrame, *, leaving: bool) -> pl.DataFrame:
    """`units` of what goes the right `way`, without those that came back; rows are in order.

    Of a transaction and asset what arrives is first what was sent before it and did not come back yet; what left, read
    from the end, is first what came back after it. Conversions are set against nothing.
    """
    import polars as pl

    key = ["tx_id", "asset_out"]
    units, way = pl.col("amount_out"), pl.col("way")
    hostile = (units.max() >= _MOST).over(key).fill_null(value=False)
    step = pl.when(hostile | (pl.col("basis") > 0) | units.is_null()).then(0).otherwise(units)
    turned = rows.reverse() if leaving else rows
    turned = turned.with_columns(
        step=pl.when(way).then(pl.lit(0, pl.Int128) - step).otherwise(step).cast(pl.Int128)
    )
    turned = turned.with_columns(level=pl.col("step").cum_sum().over(key))
    least = pl.col("level").cum_min().clip(upper_bound=0).over(key)
    turned = turned.with_columns(out=pl.col("level") - least)
    before = pl.col("out").shift(1, fill_value=0).over(key)
    back = (before - pl.col("out")).clip(lower_bound=0)
    netted = turned.with_columns(units=pl.when(way).then(units - back).otherwise(units))
    return netted.reverse() if leaving else netted


def _swapped(moved: pl.DataFrame, swaps: Swaps) -> pl.DataFrame:
    """Conversions by which the set and others traded: one of the two ends is in the set."""
    import polars as pl

    converted = swaps.of(distinct(moved["tx_id"].to_numpy())).filter(pl.col("basis") > 0)
    ends = (("target", "seed_in"), ("source", "seed_out"))
    beside = moved.filter(~pl.col("lot"))
    members = pl.concat([beside.select("tx_id", a=end, s=seed).drop_nulls() for end, seed in ends])
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
