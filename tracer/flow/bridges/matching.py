"""Two sides that are one crossing: the same key on both, once each, over all chains that are open.

An identifier names one crossing. Where a key is made of fields that need not be unique, the same rule holds: exactly
one candidate on each side, of those that name the same recipient where both name one. A key met twice is no match, and
said. The tokens of the two sides need not be the same nor the amounts equal, for bridges swap and keep fees: that is a
note, the key is what decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer.flow.bridges.rules import Pinned

if TYPE_CHECKING:
    import polars as pl

CLOCKS = 7_200
"""Seconds by which the clocks of two chains may differ: a block of Bitcoin may be two hours ahead (BIP 113 and the rule
on future blocks); what came that much earlier than it left is no crossing (P for other chains)."""


@dataclass(frozen=True)
class Matched:
    """Sides of all open chains, matched.

    crossings  one row each: `number`, bridge, join, key, and of both sides (`_out`, `_in`) chain, tx_id, position,
               asset_id, units, giver, getter, time; by (bridge, key)
    single     sides that have no other one, with `chain` and `why` (words for people; "" where the other side was
               simply not found)
    """

    crossings: pl.DataFrame
    single: pl.DataFrame


_KEY = ["bridge", "key"]
_ENDS = ["chain", "tx_id", "log_index", "position", "asset_id", "units", "giver", "getter", "time", "note"]
_TWICE = "its key stands on several events: which is the other side, nobody can say"
_OTHERS = "the events of its key name other recipients"


def match(told: Mapping[str, pl.DataFrame]) -> Matched:
    """Match the sides (`told_schema`) that the chains tell."""
    import polars as pl

    every = pl.concat([sides.with_columns(chain=pl.lit(name)) for name, sides in sorted(told.items())])
    every = every.with_row_index("side_no").with_columns(lost=pl.col("position").is_null())
    ends = [*_ENDS, "home", "far", "lost", "recipient", "side_no"]
    out, came = (
        every.filter(pl.col("side") == side).select(
            *_KEY, "join", *(pl.col(name).alias(f"{name}_{side}") for name in ends)
        )
        for side in ("out", "in")
    )
    pairs = out.join(came.drop("join"), on=_KEY, how="inner")
    # anybody may make a bridge pay somebody else under a number that is taken: who is to be paid must agree
    agree = (pl.col("recipient_out") == pl.col("recipient_in")).fill_null(value=True)
    alike = pairs.filter(agree)
    lone = (pl.len().over("side_no_out") == 1) & (pl.len().over("side_no_in") == 1)
    met = alike.filter(lone).with_columns(why=_why())
    good = met.filter(pl.col("why") == "").sort(_KEY).with_row_index("number")
    sides = [f"{name}_{side}" for side in ("out", "in") for name in _ENDS]
    said = pl.concat(
        [
            _of_sides(good, pl.lit("")), _of_sides(met.filter(pl.col("why") != ""), pl.col("why")),
            _of_sides(alike, pl.lit(_TWICE)), _of_sides(pairs, pl.lit(_OTHERS)),
        ]
    ).unique("side_no", keep="first", maintain_order=True)  # fmt: skip
    matched = pl.concat([good.select(side_no=f"side_no_{side}") for side in ("out", "in")])
    single = every.join(matched, on="side_no", how="anti", maintain_order="left").join(
        said, on="side_no", how="left", maintain_order="left"
    )
    twice = pl.len().over("bridge", "key", "side") > 1
    why = pl.coalesce("why", pl.when(twice).then(pl.lit(_TWICE)), pl.lit(""))
    return Matched(
        good.select(pl.col("number").cast(pl.Int64), *_KEY, "join", *sides),
        single.with_columns(why=why).drop("side_no"),
    )


def _of_sides(pairs: pl.DataFrame, why: pl.Expr) -> pl.DataFrame:
    """side_no, why: of both sides of these pairs."""
    import polars as pl

    return pl.concat([pairs.select(side_no=f"side_no_{side}", why=why) for side in ("out", "in")])


def _why() -> pl.Expr:
    """Why two sides of one key are no crossing after all; "" where they are."""
    import polars as pl

    elsewhere = (pl.col("far_out") != pl.col("home_in")).fill_null(value=False)
    elsewhere |= (pl.col("far_in") != pl.col("home_out")).fill_null(value=False)
    early = pl.col("time_in") + CLOCKS < pl.col("time_out")
    return (
        pl.when(elsewhere).then(pl.lit("the two sides name other chains than each other's"))
        .when(pl.col("lost_out")).then(pl.lit("the transfer that left was not found in its transaction"))
        .when(pl.col("lost_in")).then(pl.lit("the transfer that came was not found in its transaction"))
        .when(early).then(pl.lit("what came is earlier than what left"))
        .otherwise(pl.lit(""))
    )  # fmt: skip


def far_chain(row: Mapping[str, Any], pinned: Mapping[str, Pinned]) -> str | None:
    """The chain at the other end of a side, by our name where a list says it; else None."""
    lists = pinned.get(row["bridge"])
    return None if lists is None or row["far"] is None else lists.chain_of(row["far"])


def chains_beyond(sides: pl.DataFrame, pinned: Mapping[str, Pinned]) -> set[str]:
    """The chains on which the other sides of these may be: as told, else all that the bridge knows."""
    rows = sides.select("bridge", "far", "home").unique().iter_rows(named=True)
    found: set[str] = set()
    for row in rows:
        if row["far"] is None:
            found.update(pinned[row["bridge"]].networks)
        elif (name := far_chain(row, pinned)) is not None:
            found.add(name)
    return found
