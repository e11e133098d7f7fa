"""Which transactions money reaches, decided in chain order: what pays a transaction comes before it.

Known transactions stand in a table by their tx_id, with where their outputs begin in columns that grow with them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from tracer.flow.kernels.table import enter, slot, slots
from tracer.flow.movements import I32, I64, U8, fixed

Bools = npt.NDArray[np.bool_]

LIVE, GOES, SEEDED = 1, 2, 4
"""Of an output: who spends it is looked at; what it pays goes on from there; it is a seed."""

BESIDE, APART = -1, -2
"""Instead of a number of hops."""


class Known:
    """The transactions that were reached, or seeded, and the state of their outputs."""

    def __init__(self) -> None:
        self.txs = self.outputs = 0
        self._tx_id, self._first = np.empty(0, np.int64), np.empty(0, np.int64)
        self._state, self._hop = np.empty(0, np.uint8), np.empty(0, np.int32)
        self._table = np.full(2, -1, np.int64)

    def meet(
        self, tx_id: I64, passes: Bools, seeded: Bools, in_start: I64, prev_tx: I64, prev_vout: I32, out_start: I64,
        state: U8, hops: int,
    ) -> tuple[I32, Bools]:  # fmt: skip
        """Take in the next transactions of the chain, n of them, and learn those that are reached.

        passes     bool[n]  whether money goes on into it, or what it is forbids that
        seeded     bool[n]  whether it makes a seed
        in_start   int64[n+1]; prev_tx (-1 where unknown), prev_vout of the inputs
        out_start  int64[n+1]
        state      uint8[k]  of its outputs: `LIVE`, `GOES`, and `SEEDED` for a seed

        -> int32[n] least hops, `BESIDE` where it is not reached but spends a live output or makes a seed, `APART` where
        it does neither; bool[inputs] whether the output spent is live
        """
        self._room(len(tx_id), len(state))
        hop, edge = np.full(len(tx_id), APART, np.int32), np.zeros(len(prev_tx), np.bool_)
        self.txs, self.outputs = _meet(
            tx_id, passes, seeded, in_start, prev_tx, prev_vout, out_start, state, np.int32(min(hops, 1 << 30)),
            self._tx_id, self._first, self._state, self._hop, self._table, self.txs, self.outputs, hop, edge,
        )  # fmt: skip
        return hop, edge

    def forget(self, txs: int, outputs: int) -> None:
        """Unlearn all but the first so many."""
        self.txs, self.outputs = txs, outputs
        self._table[:] = -1
        enter(fixed(self._tx_id[:txs]), self._table)

    def end(self, tx_ids: I64, vouts: I32) -> None:
        """Nothing goes on from these outputs; those of transactions that are not known are passed over."""
        _end(tx_ids, vouts, self._tx_id, self._first, self._state, self._table)

    def _room(self, txs: int, outputs: int) -> None:
        if self.txs + txs > len(self._tx_id):
            more = max(txs, len(self._tx_id))
            self._tx_id, self._first = (
                np.append(a, np.empty(more, np.int64)) for a in (self._tx_id, self._first)
            )
        if self.outputs + outputs > len(self._state):
            more = max(outputs, len(self._state))
            self._state = np.append(self._state, np.empty(more, np.uint8))
            self._hop = np.append(self._hop, np.empty(more, np.int32))
        needed = slots(self.txs + txs)
        if needed > len(self._table):
            self._table = np.full(needed, -1, np.int64)
            enter(fixed(self._tx_id[: self.txs]), self._table)


@njit(cache=True, nogil=True)
def _end(tx_ids, vouts, known, first, states, table):  # type: ignore[no-untyped-def]
    for i in range(len(tx_ids)):
        at = table[slot(tx_ids[i], known, table)]
        if at >= 0:
            states[first[at] + vouts[i]] &= np.uint8(255 - GOES)


@njit(cache=True, nogil=True)
def _meet(  # type: ignore[no-untyped-def]
    tx_id, passes, seeded, in_start, prev_tx, prev_vout, out_start, state, hops,
    known, first, states, depth, table, txs, outputs, hop, edge,
):  # fmt: skip
    for t in range(len(tx_id)):
        least, met = np.int32(-1), seeded[t]
        for i in range(in_start[t], in_start[t + 1]):
            if prev_tx[i] < 0:
                continue
            at = table[slot(prev_tx[i], known, table)]
            if at < 0:
                continue
            o = first[at] + prev_vout[i]
            end = first[at + 1] if at + 1 < txs else outputs
            if o >= end or not states[o] & LIVE:
                continue
            edge[i], met = 1, True
            onward = depth[o] + np.int32(1)
            if passes[t] and states[o] & GOES and onward <= hops and (least < 0 or onward < least):
                least = onward
        hop[t] = least if least >= 0 else BESIDE if met else APART
        if least < 0 and not seeded[t]:
            continue
        known[txs], first[txs] = tx_id[t], outputs
        table[slot(tx_id[t], known, table)] = txs
        txs += 1
        for o in range(out_start[t], out_start[t + 1]):
            entry = state[o] & SEEDED
            states[outputs] = state[o] if entry or least >= 0 else 0
            depth[outputs] = 0 if entry else least
            outputs += 1
    return txs, outputs
