"""Lots that a conversion stands for: one into a swap or wrap enters as what was given, one out of it as what came.

Of a swap several transfers may pass the same money on: what who gave paid, and what who got received, adds up; of what
passed between others one transfer alone is told. Where both sides are named, the one that is named whole stands for
both. Anything else is refused: what part of the swap it is nobody can say, and nothing is never the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.errors import UsageError
from tracer.flow.accounts.receipts import KEPT
from tracer.flow.accounts.rows import SWAP
from tracer.flow.accounts.swaps import Swaps
from tracer.flow.sets import distinct
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_KEY = ["tx_id", "position", "kind"]
_GAVE, _GOT = 0, 1


def with_converted(
    ledger: Ledger, came: pl.DataFrame, moved: pl.DataFrame, swaps: Swaps, *, backward: bool
) -> pl.DataFrame:
    """What enters (`receipts.entering`) with the lots of `moved` (`receipts.touching`) that conversions stand for.

    Raises `UsageError` for a lot of which nobody can say what part of the conversion it is.
    """
    import polars as pl

    named = moved.filter("lot")
    told = swaps.of(distinct(named["tx_id"].to_numpy()))
    if not told.height:
        return came
    converted = told.filter(pl.col("basis") > 0)
    lots = named.join(told.select("tx_id").unique(), on="tx_id", how="semi", maintain_order="left").join(
        told.filter(pl.col("basis") == 0), on=["tx_id", "position"], how="anti", maintain_order="left"
    )
    if not lots.height:
        return came
    sides = _sides(lots, converted)
    sided = sides.select("tx_id", seed_in="seed").unique()
    # change that came back is part of what was netted: it needs no side where the same seed names one
    lost = lots.join(
        sides, left_on=["tx_id", "position"], right_on=["tx_id", "place"], how="anti", maintain_order="left"
    )
    _refuse(ledger, lost.join(sided, on=["tx_id", "seed_in"], how="anti", maintain_order="left"), converted)
    twice = sides.filter(pl.len().over("tx_id", "place") > 1).select("tx_id", position="place")
    _refuse(ledger, twice, converted)
    arrived = came.join(sides, on=_KEY, how="semi", maintain_order="left")
    own = arrived.select(
        *_KEY, place=pl.col("position"), side=pl.lit(_GOT), party=pl.lit(value=True), units="units", seed="seed",
        time="time",
    )  # fmt: skip
    chosen = _chosen(
        pl.concat([sides, own.select(pl.col(name).cast(kind) for name, kind in sides.schema.items())]),
        converted,
        backward=backward,
    )
    _refuse(ledger, chosen.filter(pl.col("units").is_null()), converted)
    gave = pl.col("side") == _GAVE
    entered = chosen.with_columns(
        asset_id=pl.when(gave).then("asset_in").otherwise("asset_out"), lot=pl.lit(value=True)
    ).select(pl.col(name).cast(came.schema[name]) for name in KEPT)
    rest = came.join(chosen, on=_KEY, how="anti", maintain_order="left")
    return pl.concat([rest, entered]).sort("tx_id", "turn", "position")


def _sides(lots: pl.DataFrame, converted: pl.DataFrame) -> pl.DataFrame:
    """Of which conversion each lot is which side: its key, place (the lot's position), side, party, units, seed, time.

    `party`: whether it is paid by who gave, or received by who got.
    """
    import polars as pl

    lots = lots.select(
        "tx_id",
        "asset_id",
        "amount",
        "time",
        place="position",
        seed="seed_in",
        payer="source",
        payee="target",
    )
    pairs = converted.join(lots, on="tx_id", maintain_order="left")
    swap, asset = pl.col("basis") == SWAP, pl.col("asset_id")
    gave = (asset == pl.col("asset_in")) & pl.when(swap).then(
        pl.col("payee").ne_missing(pl.col("source"))
    ).otherwise((pl.col("amount") == pl.col("amount_in")) & pl.col("payer").eq_missing(pl.col("source")))
    got = (asset == pl.col("asset_out")) & pl.when(swap).then(
        pl.col("payer").ne_missing(pl.col("target"))
    ).otherwise(pl.col("place") == pl.col("position"))
    party = pl.when(gave).then(pl.col("payer").eq_missing(pl.col("source"))).otherwise(
        pl.col("payee").eq_missing(pl.col("target"))
    )  # fmt: skip
    return pairs.filter(gave | got).select(
        *_KEY, "place", pl.when(gave).then(_GAVE).otherwise(_GOT).cast(pl.Int8).alias("side"),
        party.alias("party"), pl.col("amount").cast(pl.Int128).alias("units"), pl.col("seed").cast(pl.Int32),
        pl.col("time").cast(pl.Int64),
    )  # fmt: skip


def _chosen(sides: pl.DataFrame, converted: pl.DataFrame, *, backward: bool) -> pl.DataFrame:
    """One side of each conversion: its row, `place`, `side`, `units` (null: nobody can say), `seed`, `time`."""
    import polars as pl

    party, units = pl.col("party"), pl.col("units")
    summed = (
        sides.group_by(*_KEY, "side")
        .agg(
            place=pl.col("place").min(), own=units.filter(party).sum(), owned=party.sum(),
            others=(~party).sum(), passed=units.filter(~party).max(), seed=pl.col("seed").min(),
            time=pl.col("time").min(),
        )
        .join(converted, on=_KEY)
        .with_columns(most=pl.when(pl.col("side") == _GAVE).then("amount_in").otherwise("amount_out"))
    )  # fmt: skip
    own, most = pl.col("own").fill_null(0).clip(upper_bound=pl.col("most")), pl.col("most")
    alone = (pl.col("owned") == 0) & (pl.col("others") == 1)
    summed = summed.with_columns(
        units=pl.when((pl.col("others") == 0) | (own == most)).then(own)
        .when(alone).then(pl.min_horizontal("passed", "most"))
    )  # fmt: skip
    whole = (pl.col("units") == most).fill_null(value=False)
    first = pl.col("side") == (_GOT if backward else _GAVE)
    chosen = (
        summed.with_columns(whole=whole, both=pl.len().over(_KEY) > 1, first=first)
        .sort(*_KEY, "whole", "first", descending=[False, False, False, True, True])
        .unique(_KEY, keep="first", maintain_order=True)
    )
    return chosen.with_columns(units=pl.when(pl.col("both") & ~pl.col("whole")).then(None).otherwise("units"))


def _refuse(ledger: Ledger, lots: pl.DataFrame, converted: pl.DataFrame) -> None:
    """Raise for the first of these lots (tx_id, position)."""
    import polars as pl

    if not lots.height:
        return
    tx_id, position = lots.select("tx_id", pl.col("place" if "place" in lots.columns else "position")).row(0)
    giver, getter = converted.filter(pl.col("tx_id") == tx_id).select("source", "target").row(0)
    names = ledger.render_addresses([giver, getter])
    txid = ledger.render_txids([tx_id])[tx_id]
    raise UsageError(
        f"transfer {position} of {txid} is part of a conversion, of what {names[giver]} gave into what {names[getter]} "
        "got: how much of it this is nobody can say.",
        hint=f"Seed what came out of it: {txid}@{names[getter]}",
    )
