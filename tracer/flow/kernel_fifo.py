"""FIFO: the first unit in is the first unit out, inside each transaction.

heuristics.md section C. The inputs' segments, concatenated in vin order, fill the outputs in vout order;
what is left is the fee. A segment is a run of tainted or clean units; equal neighbours are one segment.
Segments live in one growing arena; an output without taint keeps none. A segment's label is 0 where it is
clean, else the label of the output where its units entered the trace: one run tells all seeds apart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit

from tracer.flow.kernel_shared import SPENT, enter, seed_outputs
from tracer.flow.movements import I64, U8, Limits, Movements, Seeding, Taint


@njit(cache=True, nogil=True)
def _grown(column, needed):  # type: ignore[no-untyped-def]
    if needed <= len(column):
        return column
    bigger = np.empty(max(needed, 2 * len(column)), column.dtype)
    bigger[: len(column)] = column
    return bigger


@njit(cache=True, nogil=True)
def _pour(  # type: ignore[no-untyped-def]
    length, label, ref, o, end, out_value, filled, amount, depth, via, fees, t, lengths, labels, starts, used
):
    """Pour one segment of input `ref` into the outputs from `o` on, then the fee; -> (output, used)."""
    while length > 0 and o < end:
        room = out_value[o] - filled[0]
        if room == 0:
            o += 1
            filled[0] = 0
            if o < end:
                starts[o] = used
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
        filled[0] += piece
        length -= piece
    if length > 0 and label:
        fees[t] += length
    return o, used


@njit(cache=True, nogil=True)
def _fifo(  # type: ignore[no-untyped-def]
    in_start,
    in_ref,
    in_value,
    out_start,
    out_value,
    out_rank,
    out_fate,
    fee,
    flag,
    fixed,
    net,
    left,
    own,
    max_hops,
    floor,
):
    txs, outs = len(fee), len(out_value)
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
    filled = np.zeros(1, np.int64)
    used = np.int64(0)
    for t in range(txs):
        first, last = out_start[t], out_start[t + 1]
        step, _ = enter(in_start[t], in_start[t + 1], in_ref, amount, hop, fate, max_hops, floor)
        if step >= 0:
            incoming = last - first
            for i in range(in_start[t], in_start[t + 1]):
                ref = in_ref[i]
                incoming += counts[ref] if ref >= 0 and fate[ref] == SPENT and amount[ref] > 0 else 1
            lengths = _grown(lengths, used + incoming)
            labels = _grown(labels, used + incoming)
            o = first
            filled[0] = 0
            if o < last:
                starts[o] = used
            for i in range(in_start[t], in_start[t + 1]):
                ref = in_ref[i]
                if ref >= 0 and fate[ref] == SPENT and amount[ref] > 0:
                    for s in range(starts[ref], starts[ref] + counts[ref]):
                        o, used = _pour(
                            lengths[s],
                            labels[s],
                            ref,
                            o,
                            last,
                            out_value,
                            filled,
                            amount,
                            depth,
                            via,
                            fees,
                            t,
                            lengths,
                            labels,
                            starts,
                            used,
                        )
                else:
                    o, used = _pour(
                        in_value[i],
                        np.uint8(0),
                        ref,
                        o,
                        last,
                        out_value,
                        filled,
                        amount,
                        depth,
                        via,
                        fees,
                        t,
                        lengths,
                        labels,
                        starts,
                        used,
                    )
            for j in range(first, last):
                counts[j] = 0
            top = used
            for j in range(min(o, last - 1), first - 1, -1):
                counts[j] = top - starts[j] if amount[j] > 0 else 0
                top = starts[j]
                if amount[j] > 0:
                    hop[j] = step
        seed_outputs(first, last, out_value, out_rank, flag, fixed, net[t], left[t], amount, seeded)
        for o in range(first, last):
            if seeded[o] == 0:
                continue
            hop[o] = 0
            depth[o] = 0
            amount[o] += seeded[o]
            lengths = _grown(lengths, used + counts[o] + 2)
            labels = _grown(labels, used + counts[o] + 2)
            begin, todo = used, seeded[o]
            old = counts[o]
            for s in range(max(1, old)):
                # an output that carried nothing is one clean segment
                length = lengths[starts[o] + s] if old > 0 else out_value[o]
                label = labels[starts[o] + s] if old > 0 else np.uint8(0)
                marked = length if label else min(length, todo)
                if not label:
                    todo -= marked
                mark = label if label else own[o]
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


def _run(movements: Movements, seeding: Seeding, limits: Limits, own: U8) -> tuple[Any, ...]:
    m, s = movements, seeding
    found: tuple[Any, ...] = _fifo(
        m.in_start,
        m.in_ref,
        m.in_value,
        m.out_start,
        m.out_value,
        m.out_rank,
        m.out_fate,
        m.fee,
        s.flag,
        s.fixed,
        s.net,
        s.left,
        own,
        limits.hops,
        limits.floor,
    )
    return found


def run(movements: Movements, seeding: Seeding, limits: Limits) -> Taint:
    """FIFO over all movements in order; see `tracer.flow.movements` for shapes."""
    own = np.ones(len(movements.out_value), np.uint8)
    return Taint(*_run(movements, seeding, limits, own)[:6])


def apart(movements: Movements, taint: Taint, owner: I64) -> dict[int, I64]:
    """Which seed's each output's taint is, in one run; adds up to `taint.amount` exactly.

    `taint` is of all seeds together. `owner` int64[k] is the number of the seed, 0 to 254, that seeds an
    output; -1 where none.
    """
    cut = replace(movements, out_fate=taint.fate)
    seeding = replace(Seeding.empty(cut), fixed=taint.seeded)
    *_, lengths, labels, starts, counts = _run(cut, seeding, Limits(), (owner + 1).astype(np.uint8))
    return {
        number: _labelled(taint.amount, lengths, labels, starts, counts, np.uint8(number + 1))
        for number in np.unique(owner[taint.seeded > 0]).tolist()
    }
