"""Haircut: every output and the fee take the same share of the tainted input, exactly.

heuristics.md section C. The tainted total T of a transaction is split over its outputs and its fee by
largest remainder (the fee is one share, last in ties), so nothing is lost to rounding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from tracer.flow.kernels.shared import SPENT, enter, seed_outputs, split
from tracer.flow.movements import I64, Limits, Movements, Seeding, Taint

BREAKS_TIES = True
"""Ties are broken by `Movements.out_rank`."""


@njit(cache=True, nogil=True)
def _haircut(  # type: ignore[no-untyped-def]
    in_start, in_ref, out_start, out_value, out_rank, out_fate, fee, flag, fixed, net, left, max_hops, floor
):
    txs, outs = len(fee), len(out_value)
    amount = np.zeros(outs, np.int64)
    seeded = np.zeros(outs, np.int64)
    hop = np.full(outs, -1, np.int32)
    fate = out_fate.copy()
    fees = np.zeros(txs, np.int64)
    via = np.full(outs, -1, np.int64)
    widest = np.int64(1)
    for t in range(txs):
        widest = max(widest, out_start[t + 1] - out_start[t] + 1)
    weights, order = np.empty(widest, np.int64), np.empty(widest, np.int64)
    parts, remainders = np.empty(widest, np.int64), np.empty(widest, np.int64)
    for t in range(txs):
        first, last = out_start[t], out_start[t + 1]
        step, came = enter(in_start[t], in_start[t + 1], in_ref, amount, hop, fate, max_hops, floor)
        if step >= 0:
            total = np.int64(0)
            for i in range(in_start[t], in_start[t + 1]):
                ref = in_ref[i]
                if ref >= 0 and fate[ref] == SPENT:
                    total += amount[ref]
            n = last - first
            for o in range(first, last):
                weights[o - first] = out_value[o]
                order[out_rank[o]] = o - first
            weights[n] = fee[t]
            order[n] = n
            split(total, weights[: n + 1], order, parts, remainders)
            for o in range(first, last):
                amount[o] = parts[o - first]
                if amount[o] > 0:
                    hop[o] = step
                    via[o] = came
            fees[t] = parts[n]
        seed_outputs(first, last, out_value, out_rank, flag, fixed, net[t], left[t], amount, seeded)
        for o in range(first, last):
            if seeded[o] > 0:
                amount[o] += seeded[o]
                hop[o] = 0
    return amount, seeded, hop, fate, fees, via


def run(movements: Movements, seeding: Seeding, limits: Limits) -> Taint:
    """Haircut over all movements in order; see `tracer.flow.movements` for shapes."""
    m, s = movements, seeding
    return Taint(
        *_haircut(
            m.in_start,
            m.in_ref,
            m.out_start,
            m.out_value,
            m.ranks(),
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


def apart(movements: Movements, taint: Taint, owner: I64) -> dict[int, I64]:
    """Which seed's each output's taint is: each followed alone, under the cuts of all together.

    Rounding makes the parts miss `taint.amount` by a few units. `taint` is of all seeds; `owner` int64[k] is
    the number of the seed that seeds an output, -1 where none.
    """
    cut = replace(movements, out_fate=taint.fate)
    found = {}
    for number in np.unique(owner[taint.seeded > 0]).tolist():
        fixed = np.where(owner == number, taint.seeded, 0)
        found[number] = run(cut, replace(Seeding.empty(cut), fixed=fixed), Limits()).amount
    return found
