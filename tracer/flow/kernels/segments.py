"""What FIFO, LIFO and TIHO share: taint as runs of labelled units that are poured into outputs in some order.

A segment is a run of tainted or clean units; equal neighbours are one segment. All inputs' segments make one
stream, outputs are filled from it one after the other, what is left is the fee. The methods differ in the order
of the stream (`BACKWARDS`: last unit first; `TAINTED_FIRST`: clean units after all tainted ones) and of the outputs.
Segments live in one growing arena; an output without taint keeps none. A segment's label is 0 where it is
clean, else the label of the output where its units entered the trace: one run tells all seeds apart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit

from tracer.flow.kernels.shared import SPENT, enter, seed_outputs
from tracer.flow.movements import I64, U8, Limits, Movements, Seeding, Taint

FORWARDS, BACKWARDS, TAINTED_FIRST = 0, 1, 2
"""Order of the stream; with `TAINTED_FIRST` the largest output is filled first, else outputs in vout order."""


@njit(cache=True, nogil=True)
def _grown(column, needed):  # type: ignore[no-untyped-def]
    if needed <= len(column):
        return column
    bigger = np.empty(max(needed, 2 * len(column)), column.dtype)
    bigger[: len(column)] = column
    return bigger


@njit(cache=True, nogil=True)
def _places(places, first, last, out_value, out_rank, largest, fee_lot):  # type: ignore[no-untyped-def]
    """Outputs in the order in which they are filled: by vout, or by value falling, then rank, the fee last."""
    n = last - first
    if not largest:
        for j in range(n):
            places[j] = first + j
        return
    falling = np.empty(n, np.int64)
    ranked = np.empty(n, np.int64)
    for o in range(first, last):
        ranked[out_rank[o]] = o
    for j in range(n):
        falling[j] = 1 if ranked[j] == fee_lot else -out_value[ranked[j]]
    order = np.argsort(falling, kind="mergesort")
    for j in range(n):
        places[j] = ranked[order[j]]


@njit(cache=True, nogil=True)
def _pour(  # type: ignore[no-untyped-def]
    length, label, ref, at, n, filled, used, places, out_value, amount, depth, via, lengths, labels, starts
):
    """Pour one segment of input `ref` into the outputs from place `at` on; -> (at, filled, used, left over)."""
    while length > 0 and at < n:
        o = places[at]
        room = out_value[o] - filled
        if room == 0:
            at += 1
            filled = np.int64(0)
            if at < n:
                starts[places[at]] = used
            continue
        piece = min(room, length)
        if used > starts[o] and labels[used - 1] == label:
            lengths[used - 1] += piece
        else:
            lengths[used] = piece
            labels[used] = label
            used += 1
        if label:
            amount[o] += piece
            nearer = via[o] < 0 or depth[ref] < depth[via[o]]
            if nearer or (depth[ref] == depth[via[o]] and ref < via[o]):
                via[o] = ref
                depth[o] = depth[ref] + 1
        filled += piece
        length -= piece
    return at, filled, used, length


@njit(cache=True, nogil=True)
def _mark(  # type: ignore[no-untyped-def]
    o, todo, own, out_value, lengths, labels, starts, counts, used
):
    """Label the first `todo` clean units of output `o`, in a fresh run of segments; -> end of the arena."""
    begin, old = used, counts[o]
    for s in range(max(1, old)):
        # an output that carried nothing is one clean segment
        length = lengths[starts[o] + s] if old > 0 else out_value[o]
        label = labels[starts[o] + s] if old > 0 else np.uint8(0)
        marked = length if label else min(length, todo)
        if not label:
            todo -= marked
        mark = label if label else own
        if marked > 0:
            if used > begin and labels[used - 1] == mark:
                lengths[used - 1] += marked
            else:
                lengths[used] = marked
                labels[used] = mark
                used += 1
        if length > marked:
            lengths[used] = length - marked
            labels[used] = 0
            used += 1
    starts[o] = begin
    counts[o] = used - begin
    return used


@njit(cache=True, nogil=True)
def _segments(  # type: ignore[no-untyped-def]
    in_start, in_ref, in_value, out_start, out_value, out_rank, out_fate, fee_lot,
    flag, fixed, net, left, own, max_hops, floor, stream,
):  # fmt: skip
    txs, outs = len(net), len(out_value)
    amount = np.zeros(outs, np.int64)
    seeded = np.zeros(outs, np.int64)
    hop = np.full(outs, -1, np.int32)
    fate = out_fate.copy()
    fees = np.zeros(txs, np.int64)
    via = np.full(outs, -1, np.int64)
    depth = np.zeros(outs, np.int64)  # movements since the seed along `via`
    lengths = np.empty(1024, np.int64)
    labels = np.empty(1024, np.uint8)
    starts = np.zeros(outs, np.int64)
    counts = np.zeros(outs, np.int64)
    used = np.int64(0)
    widest = np.int64(1)
    for t in range(txs):
        widest = max(widest, out_start[t + 1] - out_start[t])
    places = np.empty(widest, np.int64)
    for t in range(txs):
        first, last, n = out_start[t], out_start[t + 1], out_start[t + 1] - out_start[t]
        step, _ = enter(in_start[t], in_start[t + 1], in_ref, amount, hop, fate, max_hops, floor)
        if step >= 0:
            incoming = n + 1
            for i in range(in_start[t], in_start[t + 1]):
                ref = in_ref[i]
                incoming += counts[ref] if ref >= 0 and fate[ref] == SPENT and amount[ref] > 0 else 1
            lengths, labels = _grown(lengths, used + incoming), _grown(labels, used + incoming)
            _places(places, first, last, out_value, out_rank, stream == TAINTED_FIRST, fee_lot[t])
            at, filled, later = np.int64(0), np.int64(0), np.int64(0)
            if n > 0:
                starts[places[0]] = used
            ins = in_start[t + 1] - in_start[t]
            for a in range(ins):
                i = in_start[t + 1] - 1 - a if stream == BACKWARDS else in_start[t] + a
                ref = in_ref[i]
                moves = ref >= 0 and fate[ref] == SPENT and amount[ref] > 0
                runs = counts[ref] if moves else np.int64(1)
                for b in range(runs):
                    length, label = in_value[i], np.uint8(0)
                    if moves:
                        s = starts[ref] + (runs - 1 - b if stream == BACKWARDS else b)
                        length, label = lengths[s], labels[s]
                    if stream == TAINTED_FIRST and label == 0:
                        later += length
                        continue
                    at, filled, used, rest = _pour(
                        length, label, ref, at, n, filled, used,
                        places, out_value, amount, depth, via, lengths, labels, starts,
                    )  # fmt: skip
                    if label:
                        fees[t] += rest
            at, filled, used, _ = _pour(
                later, np.uint8(0), np.int64(-1), at, n, filled, used,
                places, out_value, amount, depth, via, lengths, labels, starts,
            )  # fmt: skip
            top = used
            for j in range(min(at, n - 1), -1, -1):
                o = places[j]
                counts[o] = top - starts[o] if amount[o] > 0 else 0
                top = starts[o]
                if amount[o] > 0:
                    hop[o] = step
        seed_outputs(first, last, out_value, out_rank, flag, fixed, net[t], left[t], amount, seeded)
        for o in range(first, last):
            if seeded[o] > 0:
                hop[o] = 0
                depth[o] = 0
                amount[o] += seeded[o]
                lengths = _grown(lengths, used + counts[o] + 2)
                labels = _grown(labels, used + counts[o] + 2)
                used = _mark(o, seeded[o], own[o], out_value, lengths, labels, starts, counts, used)
    return amount, seeded, hop, fate, fees, via, lengths, labels, starts, counts


@njit(cache=True, nogil=True)
def _labelled(amount, lengths, labels, starts, counts, label):  # type: ignore[no-untyped-def]
    found = np.zeros(len(amount), np.int64)
    for o in range(len(amount)):
        if amount[o] > 0:
            for s in range(starts[o], starts[o] + counts[o]):
                if labels[s] == label:
                    found[o] += lengths[s]
    return found


def _run(movements: Movements, seeding: Seeding, limits: Limits, own: U8, stream: int) -> tuple[Any, ...]:
    m, s = movements, seeding
    fee_lot = np.full(len(m), -1, np.int64) if m.fee_lot is None else m.fee_lot
    rank = m.ranks() if stream == TAINTED_FIRST else m.ranks(s)
    found: tuple[Any, ...] = _segments(
        m.in_start, m.in_ref, m.in_value, m.out_start, m.out_value, rank, m.out_fate, fee_lot,
        s.flag, s.fixed, s.net, s.left, own, limits.hops, limits.floor, stream,
    )  # fmt: skip
    return found


def run_stream(movements: Movements, seeding: Seeding, limits: Limits, stream: int) -> Taint:
    """All movements in order; see `tracer.flow.movements` for shapes."""
    own = np.ones(len(movements.out_value), np.uint8)
    return Taint(*_run(movements, seeding, limits, own, stream)[:6])


def apart_stream(movements: Movements, taint: Taint, owner: I64, stream: int) -> dict[int, I64]:
    """Which seed's each output's taint is, in one run; adds up to `taint.amount` exactly.

    `taint` is of all seeds together. `owner` int64[k] is the number of the seed, 0 to 254, that seeds an
    output; -1 where none.
    """
    cut = replace(movements, out_fate=taint.fate)
    seeding = replace(Seeding.empty(cut), fixed=taint.seeded)
    own = (owner + 1).astype(np.uint8)
    *_, lengths, labels, starts, counts = _run(cut, seeding, Limits(), own, stream)
    return {
        number: _labelled(taint.amount, lengths, labels, starts, counts, np.uint8(number + 1))
        for number in np.unique(owner[taint.seeded > 0]).tolist()
    }
