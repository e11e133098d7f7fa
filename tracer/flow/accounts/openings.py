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

from tracer.chain import TX_INDEX_BITS, first_tx_id
from tracer.db import named_sql
from tracer.flow.accounts.closure import SQL as CLOSURE
from tracer.flow.accounts.rows import QUEUE
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

    start: np.ndarray[tuple[int], np.dtype[np.int64]]
    balance: Wide
    known: np.ndarray[tuple[int], np.dtype[np.bool_]]
    told: np.ndarray[tuple[int], np.dtype[np.bool_]]


def openings(ledger: Ledger, queues: pl.DataFrame, runs: Runs, *, backward: bool) -> Openings:
    """Balances before the stretch of each queue (address_id, asset_id, first, last).

    Backward a queue is followed to the beginning of its history: that is where its balance is needed.
    """
    import polars as pl

    untraced = ledger.db.rows(CLOSURE["untraced"])
    with ledger.db.table("frontier", queues.select(QUEUE).with_columns(base=0, first=0)):
        told = ledger.db.polars(_SQL["told"])
    rows = told.group_by(QUEUE).agg("height", pl.col("amount").cast(pl.String))
    known = queues.join(rows, on=QUEUE, how="left", maintain_order="left")
    tip = runs[-1][1]
    bases, starts, amounts, sure, said = [], [], [], [], []
    for asset, first, last, heights, units in known.select(
        "asset_id", "first", "last", "height", "amount"
    ).iter_rows():
        low, high = first >> TX_INDEX_BITS, min(last >> TX_INDEX_BITS, tip)
        run = next(((a, b) for a, b in runs if a <= (high if backward else low) <= b), (0, -1))
        pairs = [
            pair for pair in sorted(zip(heights or (), units or (), strict=True)) if pair[0] >= run[0] - 1
        ]
        below = [pair for pair in pairs if pair[0] < low]
        # backward a history that begins later than the stretch is all there is
        chosen = below[-1] if below else pairs[0] if backward and pairs else None
        base = chosen[0] if chosen else run[0] - 1
        whole = asset != NATIVE or not any(a <= high and b > base for a, b in untraced)
        bases.append(first_tx_id(base + 1) - 1)
        starts.append(max(first, first_tx_id(base + 1)))
        amounts.append(int(chosen[1]) if chosen and chosen[1] is not None else 0)
        begins = chosen[1] is not None if chosen else run[0] == 0
        sure.append(begins and whole and high <= run[1])
        said.append(chosen is not None)
    start = pl.Series(starts, dtype=pl.Int64)
    asked = queues.select(QUEUE).with_columns(base=pl.Series(bases, dtype=pl.Int64), first=start)
    with ledger.db.table("frontier", asked):
        sums = ledger.db.polars(_SQL["sums"])
    moved = asked.join(sums, on=QUEUE, how="left", maintain_order="left").select(
        pl.col("unread").fill_null(0), *(pl.col(c).cast(pl.Int128).fill_null(0) for c in ("high", "low"))
    )
    balances = [
        units + high * 10**19 + low for units, (_, high, low) in zip(amounts, moved.iter_rows(), strict=True)
    ]
    fit = np.array([0 <= units <= MOST for units in balances], np.bool_)
    read = moved["unread"].to_numpy() == 0
    certain = np.array(sure, np.bool_) & fit & read
    return Openings(
        start.to_numpy(), from_ints(units if ok else 0 for units, ok in zip(balances, certain, strict=True)), certain,
        np.array(said, np.bool_),
    )  # fmt: skip
