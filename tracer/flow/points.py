"""Outpoints, and frames that are named by them: found by one look-up in a hash table each, put in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from tracer.flow.kernels.table import slot, table
from tracer.flow.movements import I32, I64, fixed

if TYPE_CHECKING:
    import polars as pl


def in_order(frame: pl.DataFrame, place: str) -> pl.DataFrame:
    """The frame by (tx_id, `place`); it is looked at first whether it is."""
    if _ascending(fixed(frame["tx_id"].to_numpy()), fixed(frame[place].to_numpy())):
        return frame
    return frame.sort("tx_id", place)


def of_points(
    rows: pl.DataFrame, outputs: pl.DataFrame, columns: tuple[str, ...], name: tuple[str, str]
) -> pl.DataFrame:
    """Rows whose two columns `name` an outpoint that is among `outputs` (tx_id, vout), with its `columns`."""
    import polars as pl

    found = Points.of(outputs).find(*(rows[column].to_numpy() for column in name))
    known = found >= 0
    return rows.filter(pl.Series(known)).with_columns(outputs.select(columns)[found[known]])


class Points:
    """Outpoints, found by name: `Points(tx_ids, vouts).find(...)` says where they stand, of equals the first."""

    @classmethod
    def of(cls, outputs: pl.DataFrame) -> Points:
        """Those of a frame: tx_id, vout."""
        return cls(outputs["tx_id"].to_numpy(), outputs["vout"].to_numpy())

    def __init__(self, tx_ids: I64, vouts: I64 | I32) -> None:
        ordered = _ascending(fixed(tx_ids), fixed(vouts))
        self._order = None if ordered else np.lexsort((vouts, tx_ids))
        txs = tx_ids if self._order is None else tx_ids[self._order]
        self._vouts = fixed(vouts if self._order is None else vouts[self._order])
        first = np.flatnonzero(np.append(True, txs[1:] != txs[:-1])) if len(txs) else np.empty(0, np.int64)
        self._txs, self._starts = fixed(txs[first]), np.append(first, len(txs))
        self._table = table(self._txs)

    def find(self, tx_ids: I64, vouts: I64 | I32) -> I64:
        """Their places, -1 for outpoints that are not among them; int64."""
        found: I64 = _find(fixed(tx_ids), fixed(vouts), self._txs, self._starts, self._vouts, self._table)
        if self._order is None or not len(self._order):
            return found
        return np.where(found >= 0, self._order[found], -1)


@njit(cache=True, nogil=True)
def _ascending(tx_ids, vouts):  # type: ignore[no-untyped-def]
    for i in range(1, len(tx_ids)):
        if tx_ids[i] < tx_ids[i - 1] or (tx_ids[i] == tx_ids[i - 1] and vouts[i] < vouts[i - 1]):
            return False
    return True


@njit(cache=True, nogil=True)
def _find(tx_ids, vouts, txs, starts, known, places):  # type: ignore[no-untyped-def]
    found = np.full(len(tx_ids), -1, np.int64)
    for i in range(len(tx_ids)):
        turn = places[slot(tx_ids[i], txs, places)]
        if turn < 0:
            continue
        low, end, vout = starts[turn], starts[turn + 1], vouts[i]
        high = end
        guess = low + vout  # of a whole transaction the outputs stand in vout order, from 0
        if low < guess < end and known[guess] == vout and known[guess - 1] < vout:
            low = high = guess
        while low < high:
            middle = (low + high) // 2
            if known[middle] < vout:
                low = middle + 1
            else:
                high = middle
        if low < end and known[low] == vout:
            found[i] = low
    return found
