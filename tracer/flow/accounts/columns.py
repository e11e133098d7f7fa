"""What kernels read of a closure: transfers between numbered queues, in order of execution.

Followed queues come first, then sinks: one for each asset and fate, where what is not followed rests. Money that meets
an account while somebody is claimed to hold it ends in a sink; where the same account is followed at other times, as
many clean units come into its queue, so that its balance stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import TransferKind
from tracer.flow.accounts.closure import SQL, Reach
from tracer.flow.accounts.openings import NATIVE, Openings
from tracer.flow.accounts.rows import EARNED, QUEUE, is_fee, plain, wide
from tracer.flow.accounts.swaps import Swaps
from tracer.flow.fates import Fate
from tracer.flow.movements import I64, U8
from tracer.flow.queues.columns import CONVERSION, FEE_SINK, OUTSIDE, Naming, QueueSeeding, Transfers
from tracer.flow.queues.wide import zeros
from tracer.flow.sets import distinct
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

WHOLE, INTO, OUT_OF, BESIDE = 0, 1, 2, 3
"""What part of its row a transfer is: all of it, a conversion's two sides, clean units beside what ended."""


@dataclass(frozen=True)
class Book:
    """Rows of a trail and the transfers that kernels read for them.

    rows      as `Verdicts.judge` gives them, in order; `fate` is SPENT where the far end is followed or is none
    transfers as kernels read them forward in time
    row       int64[m]  the row of each transfer
    part      uint8[m]  WHOLE, INTO, OUT_OF or BESIDE
    queues    address_id, asset_id, first, last of the followed ones, which are numbered first
    openings  of these
    """

    rows: pl.DataFrame
    transfers: Transfers
    row: I64
    part: U8
    queues: pl.DataFrame
    openings: Openings

    def seeding(self, entering: pl.DataFrame) -> QueueSeeding:
        """`entering` (tx_id, position, kind, units, seed) by transfer; of a conversion the side that `gave` tells."""
        import polars as pl

        found = self.rows.select("tx_id", "position", "kind", "gave").with_row_index("row").join(
            entering.select("tx_id", "position", "kind", "units", "seed"),
            on=["tx_id", "position", "kind"], how="left", maintain_order="left",
        )  # fmt: skip
        units = found["units"].fill_null(0).gather(self.row)
        owner = found["seed"].fill_null(-1).cast(pl.Int64).gather(self.row)
        side = np.where(found["gave"].gather(self.row).to_numpy(), INTO, OUT_OF)
        here = ((self.part == WHOLE) | (self.part == side)) & (owner.to_numpy() >= 0) & (units > 0).to_numpy()
        fixed = wide(units)
        fixed[~here] = 0
        return QueueSeeding(fixed, np.where(here, owner.to_numpy(), -1))


def with_sides(rows: pl.DataFrame, entered: pl.DataFrame) -> pl.DataFrame:
    """Rows with `gave`: whether a seed is what a conversion took, not what came out of it."""
    import polars as pl

    key = ["tx_id", "position", "kind"]
    gave = entered.select(*key, gave=pl.col("asset_id") != pl.col("asset_out"))
    return rows.join(gave, on=key, how="left", maintain_order="left").with_columns(
        pl.col("gave").fill_null(value=False)
    )


def rows_of(
    ledger: Ledger, swaps: Swaps, reach: Reach, found: Openings, seeds: pl.DataFrame, *, backward: bool
) -> pl.DataFrame:
    """All rows that touch followed queues, and the seeded ones, in order, with what ends them."""
    import polars as pl

    queues = reach.queues.with_columns(first=pl.Series(found.start, dtype=pl.Int64))
    with ledger.db.table("frontier", queues):
        moved = plain(ledger.db.polars(SQL["touching"]))
    converted = swaps.of(distinct(moved["tx_id"].to_numpy())).filter(pl.col("basis") > 0)
    ends = [
        converted.join(queues.select(QUEUE), left_on=[end, asset], right_on=QUEUE, how="semi")
        for end, asset in (("source", "asset_in"), ("target", "asset_out"))
    ]
    key = ["tx_id", "position", "kind"]
    moved = _at_queues(swaps.applied(moved), queues)
    others = pl.concat([*ends, seeds.select(moved.columns)]).unique(key, keep="first", maintain_order=True)
    same = moved.filter(pl.col("tx_id").is_in(others["tx_id"].implode())).select(key)
    rows = pl.concat([moved, others.join(same, on=key, how="anti")]).sort("tx_id", "turn", "position", "kind")
    told = reach.ended.filter(_noteworthy()).drop("time", *(c for c in moved.columns if c not in key))
    rows = rows.join(told, on=key, how="left", maintain_order="left")
    return _decided(rows, queues, stopped=reach.stopped, backward=backward)


def _at_queues(rows: pl.DataFrame, queues: pl.DataFrame) -> pl.DataFrame:
    """Rows without that half of a tip, what was paid or what was earned, that is no followed queue's."""
    import polars as pl

    own = queues.filter(pl.col("asset_id") == NATIVE)["address_id"].implode()
    paid = pl.col("kind") == int(TransferKind.FEE_PAID)
    earned = (pl.col("kind") == int(TransferKind.REWARD)) & (pl.col("turn") >= EARNED)
    elsewhere = (paid & ~pl.col("source").is_in(own)) | (earned & ~pl.col("target").is_in(own))
    return rows.filter(~elsewhere)


def _noteworthy() -> pl.Expr:
    """Whether a closure said of a row more than that it goes on."""
    import polars as pl

    said = pl.any_horizontal(pl.col("holding", "swept_to", "left", "degree") >= 0)
    return (pl.col("fate") != int(Fate.SPENT)) | pl.col("seeded") | pl.col("pool") | said


def _decided(rows: pl.DataFrame, queues: pl.DataFrame, *, stopped: bool, backward: bool) -> pl.DataFrame:
    """Rows with the queues at their ends (-1: not followed there), and a fate for each."""
    import polars as pl

    far = "source" if backward else "target"
    numbered = queues.with_row_index("queue").with_columns(pl.col("queue").cast(pl.Int64))
    for end, asset in (("source", "asset_in"), ("target", "asset_out")):
        own = numbered.select(
            pl.col("address_id").alias(end), pl.col("asset_id").alias(asset),
            pl.col("queue").alias(f"{end}_queue"), "first", "last",
        )  # fmt: skip
        rows = rows.join(own, on=[end, asset], how="left", maintain_order="left")
        inside = pl.col("tx_id").is_between(pl.col("first"), pl.col("last"))
        if end == far:  # a seed beyond the horizon rests where it is
            inside |= pl.col("seeded").fill_null(value=False)
        rows = rows.with_columns(
            pl.when(inside).then(f"{end}_queue").otherwise(-1).fill_null(-1).alias(f"{end}_queue")
        ).drop("first", "last")
    limit = int(Fate.INTERRUPTED if stopped else Fate.HOP_LIMIT)
    spent = pl.col("fate").is_null() | (pl.col("fate") == int(Fate.SPENT))
    followed = (pl.col(f"{far}_queue") >= 0) | pl.col(far).is_null()
    return rows.with_columns(
        fate=pl.when(spent & followed).then(int(Fate.SPENT)).when(spent).then(limit).otherwise("fate").cast(pl.UInt8),
        seeded=pl.col("seeded").fill_null(value=False), pool=pl.col("pool").fill_null(value=False),
        **{name: pl.col(name).fill_null(-1) for name in ("holding", "swept_to", "left", "degree")},
    )  # fmt: skip


def book(
    rows: pl.DataFrame, queues: pl.DataFrame, found: Openings, numbers: pl.DataFrame, rests: U8, name: Naming,
    *, backward: bool,
) -> Book:  # fmt: skip
    """The transfers of rows. `numbers` (asset_id, number): assets as kernels count them; `rests`: the queues' fates."""
    import polars as pl

    near, far = ("target", "source") if backward else ("source", "target")
    far_asset = "asset_in" if backward else "asset_out"
    ended = pl.col("fate") != int(Fate.SPENT)
    # a seed needs an end of its own where neither end is a queue: it came out of nothing, or out of a conversion
    alone = pl.col("seeded") & (pl.col(f"{near}_queue") < 0)
    bare = pl.col(far).is_null() | ((pl.col("basis") > 0) & (pl.col("gave") != pl.lit(backward)))
    enters = pl.when("gave").then("asset_in").otherwise("asset_out").alias("enters")
    rows = rows.with_columns(enters, entry=pl.when(alone & bare).then(int(Fate.UNREAD)).cast(pl.UInt8))
    sinks = pl.concat(
        [
            rows.filter(ended).select(pl.col(far_asset).alias("asset_id"), "fate", enters=False),
            rows.drop_nulls("entry").select(pl.col("enters").alias("asset_id"), fate="entry", enters=True),
        ]
    )
    # by one of these money only enters: nothing rests there, so that nothing that rested elsewhere leaves it
    sinks = sinks.unique().sort("asset_id", "fate", "enters").with_row_index("sink", offset=queues.height)
    sinks = sinks.with_columns(pl.col("sink").cast(pl.Int64))
    for end, why, sink in ((far_asset, "fate", "sink"), ("enters", "entry", "entry_sink")):
        of_kind = sinks.filter(pl.col("enters") == (sink == "entry_sink")).drop("enters")
        rows = rows.join(
            of_kind.rename({"asset_id": end, "fate": why, "sink": sink}),
            on=[end, why], how="left", maintain_order="left",
        )  # fmt: skip
    pieces = _pieces(rows, near, far).with_columns(number=pl.int_range(pl.len()))
    pieces = _numbered(pieces)
    unknown = pieces["amount"].is_null().to_numpy()
    asset = pl.concat([queues.select("asset_id"), sinks.select("asset_id")]).join(
        numbers, on="asset_id", how="left", maintain_order="left"
    )
    fates = np.concatenate([rests, sinks["fate"].to_numpy()]).astype(np.uint8)
    extra = sinks.height
    row = pieces["row"].to_numpy().astype(np.int64)
    transfers = Transfers(
        source=pieces["source"].to_numpy().copy(),
        target=pieces["target"].to_numpy().copy(),
        amount=wide(pieces["amount"].fill_null(0)),
        asset=asset["number"].to_numpy().astype(np.int64),
        opening=np.concatenate([found.balance, zeros(extra)]),
        known=np.concatenate([found.known, np.zeros(extra, np.bool_)]),
        fate=fates,
        name=lambda place: name(int(row[place])),
        unknown=unknown if unknown.any() else None,
    )
    transfers.check()
    return Book(
        rows.drop("sink", "entry", "entry_sink", "enters"),
        transfers,
        row,
        pieces["part"].to_numpy().astype(np.uint8),
        queues,
        found,
    )


def _pieces(rows: pl.DataFrame, near: str, far: str) -> pl.DataFrame:
    """Transfers of each row in order: row, part, source, target (queue number or end), amount.

    Source or target is CONVERSION where it is of a conversion, whose number is not given yet.
    """
    import polars as pl

    rows = rows.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    nothing = pl.lit(OUTSIDE, pl.Int64)
    ended = pl.col("fate") != int(Fate.SPENT)
    near_end = (
        pl.when(pl.col(f"{near}_queue") >= 0)
        .then(f"{near}_queue")
        .otherwise(pl.col("entry_sink").fill_null(OUTSIDE))
    )
    carries = (pl.col(f"{near}_queue") >= 0) | pl.col("seeded")
    # what is not followed keeps what comes to it; what comes from there is clean
    far_end = (
        pl.when(ended & carries)
        .then("sink")
        .when(pl.col(f"{far}_queue") >= 0)
        .then(f"{far}_queue")
        .otherwise(nothing)
    )
    rows = rows.with_columns(near_end=near_end.cast(pl.Int64), far_end=far_end.cast(pl.Int64))
    source = pl.col("near_end") if near == "source" else pl.col("far_end")
    target = pl.col("far_end") if near == "source" else pl.col("near_end")
    fee, swap = is_fee(), pl.col("basis") > 0
    through = swap & (source >= 0) & (target >= 0)
    into, out = pl.lit(CONVERSION, pl.Int64), pl.lit(FEE_SINK, pl.Int64)

    def part(number: int, which: pl.Expr, source: pl.Expr, target: pl.Expr, amount: str) -> pl.DataFrame:
        return rows.filter(which).select(
            "row", pl.lit(number, pl.UInt8).alias("part"), source.alias("source"), target.alias("target"),
            pl.col(amount).alias("amount"),
        )  # fmt: skip

    clean = ended & carries & (pl.col(f"{far}_queue") >= 0)
    beside = (nothing, pl.col(f"{far}_queue")) if near == "source" else (pl.col(f"{far}_queue"), nothing)
    whole = ~fee & ~through & ~swap
    parts = [
        part(WHOLE, whole & ((source >= 0) | (target >= 0)), source, target, "amount_in"),
        part(WHOLE, fee & (pl.col("source_queue") >= 0), pl.col("source_queue"), out, "amount_in"),
        part(INTO, through, source, into, "amount_in"),
        part(OUT_OF, through, into, target, "amount_out"),
        part(INTO, swap & ~through & (source >= 0), source, nothing, "amount_in"),
        part(OUT_OF, swap & ~through & (target >= 0), nothing, target, "amount_out"),
        part(BESIDE, clean & ~fee, *beside, "amount_out" if near == "source" else "amount_in"),
    ]
    return pl.concat(parts).sort("row", "part")


def _numbered(pieces: pl.DataFrame) -> pl.DataFrame:
    """Conversions numbered from 0, in order."""
    import polars as pl

    converts = (pl.col("source") == CONVERSION) | (pl.col("target") == CONVERSION)
    numbers = pieces.filter(converts).select("row").unique().sort("row").with_row_index("conversion")
    end = CONVERSION - pl.col("conversion").cast(pl.Int64)
    numbered = pieces.join(numbers, on="row", how="left", maintain_order="left")
    return numbered.with_columns(
        *(pl.when(pl.col(e) == CONVERSION).then(end).otherwise(e).alias(e) for e in ("source", "target"))
    )
