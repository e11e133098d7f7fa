"""FIFO: the first unit in is the first unit out, inside each transaction.

heuristics.md section C. The inputs' segments, concatenated in vin order, fill the outputs in vout order;
what is left is the fee. A segment is a run of tainted or clean units; equal neighbours are one segment.
Segments live in one growing arena; an output without taint keeps none.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tracer.flow.kernel_shared import SPENT, enter, seed_outputs
from tracer.flow.movements import Limits, Movements, Seeding, Taint


@njit(cache=True, nogil=True)
def _grown(column, needed):  # type: ignore[no-untyped-def]
    if needed <= len(column):
        return column
    bigger = np.empty(max(needed, 2 * len(column)), column.dtype)
    bigger[: len(column)] = column
    return bigger


@njit(cache=True, nogil=True)
def _pour(  # type: ignore[no-untyped-def]
    length, label, ref, o, end, out_value, filled, amount, hop, via, fees, t, lengths, labels, starts, used
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
            if via[o] < 0 or hop[ref] < hop[via[o]] or (hop[ref] == hop[via[o]] and ref < via[o]):
                via[o] = ref
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
                            hop,
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
                        hop,
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
                if marked > 0:
                    if used > begin and labels[used - 1] == 1:
                        lengths[used - 1] += marked
                    else:
                        lengths[used] = marked
                        labels[used] = 1
                        used += 1
                if length > marked:
                    lengths[used] = length - marked
                    labels[used] = 0
                    used += 1
            starts[o] = begin
            counts[o] = used - begin
    return amount, seeded, hop, fate, fees, via


def run(movements: Movements, seeding: Seeding, limits: Limits) -> Taint:
    """FIFO over all movements in order; see `tracer.flow.movements` for shapes."""
    m, s = movements, seeding
    return Taint(
        *_fifo(
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
            limits.hops,
            limits.floor,
        )
    )
