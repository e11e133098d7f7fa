"""Poison: one tainted unit in makes every output and the fee tainted, whole.

heuristics.md section C; BlockSci's `taint.cpp` on the resulting outputs. It does not conserve value: it says
where money can have gone at all, never how much. A seeded output holds what was seeded, and its whole value
where poison also came along; it counts as seeded either way, so that no seed hides behind another.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from tracer.flow.kernels.shared import enter, seed_outputs
from tracer.flow.movements import I64, Limits, Movements, Seeding, Taint


@njit(cache=True, nogil=True)
def _poison(  # type: ignore[no-untyped-def]
    in_start, in_ref, out_start, out_value, out_rank, out_fate, fee, flag, fixed, net, left, max_hops, floor
):
    txs, outs = len(fee), len(out_value)
    amount = np.zeros(outs, np.int64)
    seeded = np.zeros(outs, np.int64)
    carried = np.zeros(outs, np.int64)  # stays zero: poison takes no room from a seed
    hop = np.full(outs, -1, np.int32)
    fate = out_fate.copy()
    fees = np.zeros(txs, np.int64)
    via = np.full(outs, -1, np.int64)
    for t in range(txs):
        first, last = out_start[t], out_start[t + 1]
        step, came = enter(in_start[t], in_start[t + 1], in_ref, amount, hop, fate, max_hops, floor)
        if step >= 0:
            for o in range(first, last):
                amount[o] = out_value[o]
                if amount[o] > 0:
                    hop[o] = step
                    via[o] = came
            fees[t] = fee[t]
        seed_outputs(first, last, out_value, out_rank, flag, fixed, net[t], left[t], carried, seeded)
        for o in range(first, last):
            if seeded[o] > 0:
                amount[o] = max(amount[o], seeded[o])
                hop[o] = 0
    return amount, seeded, hop, fate, fees, via


def run(movements: Movements, seeding: Seeding, limits: Limits) -> Taint:
    """Poison over all movements in order; see `tracer.flow.movements` for shapes."""
    m, s = movements, seeding
    return Taint(
        *_poison(
            m.in_start, m.in_ref, m.out_start, m.out_value, m.ranks(s), m.out_fate, m.fee,
            s.flag, s.fixed, s.net, s.left, limits.hops, limits.floor,
        )
    )  # fmt: skip


def apart(movements: Movements, taint: Taint, owner: I64) -> dict[int, I64]:
    """Which outputs each seed poisons alone, under the cuts of all together; the parts overlap.

    `taint` is of all seeds; `owner` int64[k] is the number of the seed that seeds an output, -1 where none.
    """
    cut = replace(movements, out_fate=taint.fate)
    found = {}
    for number in np.unique(owner[taint.seeded > 0]).tolist():
        fixed = np.where(owner == number, taint.seeded, 0)
        found[number] = run(cut, replace(Seeding.empty(cut), fixed=fixed), Limits()).amount
    return found
