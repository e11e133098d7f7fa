"""What queues held before the trace met them, and whether that is known.

A share, a first unit and a last unit are of a balance. It is known where a node told it, or the whole history was
read, and every movement since was: no block missing in between, no amount too great to read, and of the native coin
no block whose internal transfers were not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import TX_INDEX_BITS
from tracer.db import named_sql
from tracer.flow.accounts.closure import SQL as CLOSURE
from tracer.flow.accounts.rows import QUEUE, wide
from tracer.flow.movements import I64
from tracer.flow.queues.columns import Bools
from tracer.flow.queues.wide import MOST, Wide, from_ints
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "openings.sql")

Runs = Sequence[tuple[int, int]]
"""Heights, first and last of each run."""

NATIVE = 0


@dataclass(frozen=True)
class Openings:
    """Balances of queues, in their order.

    start    int64[q]  the first transaction of which a kernel must know; that of the queue, or where its history begins
    balance  Wide[q]   before that; 0 where unknown
    known    bool[q]
    told     bool[q]   a node told it: a negative balance is then bad data
    """

    start: I64
    balance: Wide
    known: Bools
    told: Bools


def openings(ledger: Ledger, queues: pl.DataFrame, runs: Runs, *, backward: bool) -> Openings:
    """Balances before the stretch of each queue (address_id, asset_id, first, last).

    Backward a queue is followed to the beginning of its history: that is where its balance is needed.
    """
    import polars as pl

    tip = runs[-1][1]
    first, last = (queues[end].to_numpy() >> TX_INDEX_BITS for end in ("first", "last"))
    begun, read_to = _run_of(np.minimum(last, tip) if backward else first, runs)
    high = np.minimum(last, tip)
    asked = queues.select(QUEUE).with_columns(
        low=pl.Series(first, dtype=pl.Int64), begun=pl.Series(begun, dtype=pl.Int64)
    )
    told = _told(ledger, asked, backward=backward)
    said = told["height"].is_not_null().to_numpy()
    base = told["height"].cast(pl.Int64).fill_null(asked["begun"] - 1).to_numpy()
    start = np.maximum(queues["first"].to_numpy(), (base + 1) << TX_INDEX_BITS)
    bounds = queues.select(QUEUE).with_columns(
        base=pl.Series(((base + 1) << TX_INDEX_BITS) - 1, dtype=pl.Int64),
        first=pl.Series(start, dtype=pl.Int64),
    )
    with ledger.db.table("frontier", bounds):
        sums = ledger.db.polars(_SQL["sums"])
    moved = queues.select(QUEUE).join(sums, on=QUEUE, how="left", maintain_order="left")
    balance, fit = _balances(told["amount"].fill_null(0), moved["high"], moved["low"])
    begins = np.where(said, told["amount"].is_not_null().to_numpy(), begun == 0)
    whole = (queues["asset_id"].to_numpy() != NATIVE) | ~_meets(
        base, high, ledger.db.rows(CLOSURE["untraced"])
    )
    read = moved["unread"].fill_null(0).to_numpy() == 0
    known = begins & whole & (high <= read_to) & fit & read
    balance[~known] = 0
    return Openings(start, balance, known, said)


def _run_of(heights: I64, runs: Runs) -> tuple[I64, I64]:
    """First and last of the run of blocks that each height is in; (0, -1) where it is in none."""
    firsts, lasts = (np.array(ends, np.int64) for ends in zip(*runs, strict=True))
    place = np.maximum(np.searchsorted(firsts, heights, "right") - 1, 0)
    inside = (firsts[place] <= heights) & (heights <= lasts[place])
    return np.where(inside, firsts[place], 0), np.where(inside, lasts[place], -1)


def _meets(base: I64, high: I64, untraced: Runs) -> Bools:
    """Whether a run of blocks whose calls were not read lies, in part, after `base` and not after `high`."""
    if not untraced:
        return np.zeros(len(base), np.bool_)
    firsts, lasts = (np.array(ends, np.int64) for ends in zip(*untraced, strict=True))
    place = np.searchsorted(lasts, base, "right")
    beyond = np.append(firsts, np.iinfo(np.int64).max)
    return beyond[place] <= high


def _told(ledger: Ledger, asked: pl.DataFrame, *, backward: bool) -> pl.DataFrame:
    """What nodes told of queues (address_id, asset_id, low, begun): height, amount (Int128); null where nothing.

    The last told below `low` and not before the run of blocks that began at `begun`; backward a history that begins
    later than the stretch is all there is: then the first one told.
    """
    import polars as pl

    with ledger.db.table("frontier", asked.select(QUEUE)):
        found = ledger.db.polars(_SQL["told"])
    found = found.with_columns(pl.col("height").cast(pl.Int64), pl.col("amount").cast(pl.Int128))
    found = found.join(asked, on=QUEUE, how="left").filter(pl.col("height") >= pl.col("begun") - 1)
    below = pl.col("height") < pl.col("low")
    chosen = found.filter(below).sort("height").unique(QUEUE, keep="last")
    if backward:
        later = found.filter(~below).sort("height").unique(QUEUE, keep="first")
        chosen = pl.concat([chosen, later.join(chosen, on=QUEUE, how="anti")])
    return asked.join(chosen.select(*QUEUE, "height", "amount"), on=QUEUE, how="left", maintain_order="left")


_SMALL = 10**37
"""Three numbers below it add up inside 128 bits."""


def _balances(told: pl.Series, high: pl.Series, low: pl.Series) -> tuple[Wide, Bools]:
    """What was told and moved, `high` times 10^19 and `low`; and where that is a balance: 0 to `MOST`. Else it is 0."""
    import polars as pl

    parts = pl.DataFrame({"told": told, "high": high, "low": low}).select(
        pl.all().cast(pl.Int128).fill_null(0)
    )
    told_small, low_small = (pl.col(name).abs() < _SMALL for name in ("told", "low"))
    small = told_small & low_small & (pl.col("high").abs() < _SMALL // 10**19)
    summed = pl.col("told") + pl.col("high") * 10**19 + pl.col("low")
    units = parts.select(pl.when(small).then(summed).alias("units"), small.alias("small"))
    fit = (units["units"] >= 0).fill_null(value=False)
    column, held = wide(units["units"].fill_null(0).clip(0)), fit.to_numpy().copy()
    large = np.flatnonzero(~units["small"].to_numpy())
    for place, row in zip(large.tolist(), parts[large.tolist()].iter_rows(), strict=True):
        exact = row[0] + row[1] * 10**19 + row[2]
        held[place] = 0 <= exact <= MOST
        column[place] = from_ints([exact if held[place] else 0])[0]
    return column, held
