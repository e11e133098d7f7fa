"""The most that can have flowed into each output, whatever the convention.

A convention-free ceiling (heuristics.md section C, "Upper bound"): along one path it is the bottleneck, the
least output value on it; where paths meet, their ceilings add up, and no output holds more than its value.
No method's taint exceeds it. It is no estimate: most of it may well have gone elsewhere.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tracer.flow.kernels.shared import SPENT
from tracer.flow.movements import I64, LEAVING, MEMBER, Movements, Seeding


@njit(cache=True, nogil=True)
def _ceiling(in_start, in_ref, out_start, out_value, out_fate, flag, fixed, net, left):  # type: ignore[no-untyped-def]
    most = np.int64(9223372036854775807)
    cap = np.zeros(len(out_value), np.int64)
    for t in range(len(net)):
        came = np.int64(0)
        for i in range(in_start[t], in_start[t + 1]):
            ref = in_ref[i]
            if ref >= 0 and out_fate[ref] == SPENT:
                came = most if cap[ref] > most - came else came + cap[ref]
        for o in range(out_start[t], out_start[t + 1]):
            reach = came
            fresh = np.int64(0)
            if fixed[o] > 0:
                fresh = fixed[o]
            elif flag[o] == MEMBER:
                fresh = net[t]
            elif flag[o] == LEAVING:
                fresh = left[t]
            reach = most if fresh > most - reach else reach + fresh
            cap[o] = min(out_value[o], reach)
    return cap


def ceiling(movements: Movements, seeding: Seeding) -> I64:
    """Ceiling of each output, int64[k], base units."""
    m, s = movements, seeding
    cap: I64 = _ceiling(
        m.in_start, m.in_ref, m.out_start, m.out_value, m.out_fate, s.flag, s.fixed, s.net, s.left
    )
    return cap
