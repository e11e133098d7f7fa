"""Where what is left in followed accounts rests: unspent only where all that could have moved it was read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import TX_INDEX_BITS
from tracer.flow.accounts.closure import LAST, SQL, Reach
from tracer.flow.accounts.openings import NATIVE, Runs
from tracer.flow.accounts.rows import QUEUE, SWAP, is_half_wrap
from tracer.flow.fates import Fate
from tracer.flow.movements import I64, U8
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl


class Rests:
    """Fates of what stays in the queues of a closure.

    fates  uint8[q]
    gaps   why part of it cannot be said, for coverage
    """

    def __init__(
        self, ledger: Ledger, reach: Reach, runs: Runs, rows: pl.DataFrame, pools: I64, *, backward: bool
    ) -> None:
        """`rows`: all of the trail, `pools`: address ids of whatever swaps (`Swaps.pools`)."""
        queues = reach.queues
        last_gap = max([-1, *(b[0] - 1 for _, b in pairwise(runs))])
        untraced = ledger.db.rows(SQL["untraced"])
        native = queues["asset_id"].to_numpy() == NATIVE
        edge = queues["last" if backward else "first"].to_numpy() >> TX_INDEX_BITS
        self.gaps: list[str] = []
        if untraced and (native.any() or _half_read(rows, pools, untraced)):
            shown = ", ".join(f"{a}-{b}" for a, b in untraced[:3]) + (", ..." if len(untraced) > 3 else "")
            self.gaps.append(f"internal transfers of blocks {shown} were not read")
        if backward:
            self.fates: U8 = np.full(queues.height, int(Fate.UNREAD), np.uint8)
        else:
            moved = max([-1, *(b for _, b in untraced)])
            unread = (edge < last_gap) | (native & (edge <= moved))
            self.fates = np.where(unread, int(Fate.UNREAD), int(Fate.UNSPENT)).astype(np.uint8)
        limited = reach.horizon[0] > 0 if backward else reach.horizon[1] < LAST
        if reach.limited is not Fate.SPENT and limited:
            on = self._going_on(ledger, reach, backward=backward)
            self.fates[on] = int(reach.limited)

    @staticmethod
    def _going_on(
        ledger: Ledger, reach: Reach, *, backward: bool
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which queues more leaves than was looked at."""
        import polars as pl

        low, high = reach.horizon
        ends = {"first": pl.lit(low, pl.Int64), "last": pl.lit(high, pl.Int64)}
        with ledger.db.table("frontier", reach.queues.select(QUEUE).with_columns(**ends)):
            found = ledger.db.polars(SQL["came_before" if backward else "goes_on"])
        on = reach.queues.select(QUEUE).join(
            found.with_columns(on=pl.lit(value=True)), on=QUEUE, how="left", maintain_order="left"
        )
        return on["on"].fill_null(value=False).to_numpy()


def _half_read(rows: pl.DataFrame, pools: I64, untraced: Sequence[tuple[int, int]]) -> bool:
    """Whether coin that was not read can have answered a token: at a pool, or at a contract that wraps."""
    import polars as pl

    height = pl.col("tx_id") // (1 << TX_INDEX_BITS)
    unread = pl.any_horizontal(height.is_between(first, last) for first, last in untraced)
    swapping = pl.Series(pools, dtype=pl.Int32).implode()
    pooled = pl.any_horizontal(pl.col("source", "target").is_in(swapping)).fill_null(value=False)
    swapped = pl.col("basis") == SWAP
    return bool(rows.select((unread & (pooled | swapped | is_half_wrap())).any()).item())
