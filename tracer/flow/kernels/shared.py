"""What every taint kernel does alike: exact shares, which inputs move on, hops.

numba has no 128-bit integers and turns `int64 op uint64` into float64: every operand below is cast.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tracer.flow.fates import Fate
from tracer.flow.movements import LEAVING, MEMBER

SPENT = int(Fate.SPENT)
HOP_LIMIT = int(Fate.HOP_LIMIT)
VALUE_FLOOR = int(Fate.VALUE_FLOOR)


@njit(cache=True, nogil=True)
def mul_div(a, b, d):  # type: ignore[no-untyped-def]
    """(a*b // d, a*b % d), exact for 0 <= a, b <= d and 0 < d < 2^63; all int64.

    Below 2^52 a double gives the quotient to within a few units, and the remainder, taken modulo 2^64, says
    exactly by how many. Above, a 128-bit product is divided bit by bit.
    """
    if d < np.int64(1) << np.int64(52):
        quotient = np.int64(np.float64(a) * np.float64(b) / np.float64(d))
        rest = a * b - quotient * d  # wraps; the true difference is small
        while rest < 0:
            quotient -= np.int64(1)
            rest += d
        while rest >= d:
            quotient += np.int64(1)
            rest -= d
        return quotient, rest
    one, half, low = np.uint64(1), np.uint64(32), np.uint64(0xFFFFFFFF)
    ua, ub, ud = np.uint64(a), np.uint64(b), np.uint64(d)
    a0, a1, b0, b1 = ua & low, ua >> half, ub & low, ub >> half
    p00, p01, p10, p11 = a0 * b0, a0 * b1, a1 * b0, a1 * b1
    middle = (p00 >> half) + (p01 & low) + (p10 & low)
    lo = (p00 & low) | (middle << half)
    rem = (
        p11 + (p01 >> half) + (p10 >> half) + (middle >> half)
    )  # the high word: below d, as a, b <= d < 2^63
    q = np.uint64(0)
    for bit in range(64):
        rem = (rem << one) | ((lo >> np.uint64(63 - bit)) & one)
        q = q << one
        if rem >= ud:
            rem -= ud
            q |= one
    return np.int64(q), np.int64(rem)


@njit(cache=True, nogil=True)
def split(total, weights, order, parts, remainders):  # type: ignore[no-untyped-def]
    """Largest-remainder split of `total` over `weights` into `parts`; ties go to the earlier in `order`.

    `total` must not exceed the sum of the weights, which must be positive and below 2^63; then no part
    exceeds its weight. `remainders` is scratch of the same length.
    """
    n = len(weights)
    whole = np.int64(0)
    for i in range(n):
        whole += weights[i]
    if total == whole:
        for i in range(n):
            parts[i] = weights[i]
        return
    left = total
    for i in range(n):
        parts[i], remainders[i] = mul_div(total, weights[i], whole)
        left -= parts[i]
    if left == 0:
        return
    if n <= 32:
        for _ in range(left):
            best = order[0]
            for place in range(1, n):
                if remainders[order[place]] > remainders[best]:
                    best = order[place]
            parts[best] += 1
            remainders[best] = -1
        return
    ranked = np.empty(n, np.int64)
    for place in range(n):
        ranked[place] = -remainders[order[place]]
    by_remainder = np.argsort(ranked, kind="mergesort")
    for place in range(left):
        parts[order[by_remainder[place]]] += 1


@njit(cache=True, nogil=True)
def enter(first, last, in_ref, amount, hop, fate, max_hops, floor):  # type: ignore[no-untyped-def]
    """Decide which tainted inputs of a movement move on; -> (hop of the movement or -1, via).

    A lot below the floor stays where it is. The movement's hop is the least hop of its tainted inputs plus
    one; beyond the limit all of them stay. `fate` is set for what stays.
    """
    least = np.int64(-1)
    via = np.int64(-1)
    for i in range(first, last):
        ref = in_ref[i]
        if ref < 0 or amount[ref] == 0 or fate[ref] != SPENT:
            continue
        if amount[ref] < floor:
            fate[ref] = VALUE_FLOOR
            continue
        if via < 0 or hop[ref] < least or (hop[ref] == least and ref < via):
            least = np.int64(hop[ref])
            via = ref
    if via < 0:
        return np.int64(-1), np.int64(-1)
    if least + 1 > max_hops:
        for i in range(first, last):
            ref = in_ref[i]
            if ref >= 0 and amount[ref] > 0 and fate[ref] == SPENT:
                fate[ref] = HOP_LIMIT
        return np.int64(-1), np.int64(-1)
    return least + 1, via


@njit(cache=True, nogil=True)
def seed_outputs(first, last, out_value, out_rank, flag, fixed, net, left, amount, seeded):  # type: ignore[no-untyped-def]
    """Add to `seeded` what enters the trace by one movement; `amount` holds the carried taint.

    Lots first; then arrivals in the set, in vout order, less what lots placed there; then what left the
    entity, by largest remainder over the clean capacity of the outputs outside it.
    """
    n = last - first
    arriving = net
    for o in range(first, last):
        if fixed[o] > 0:
            room = min(fixed[o], out_value[o] - amount[o])
            seeded[o] += room
            if flag[o] == MEMBER:
                arriving -= room
    for o in range(first, last):
        if arriving <= 0:
            break
        if flag[o] == MEMBER:
            room = min(arriving, out_value[o] - amount[o] - seeded[o])
            seeded[o] += room
            arriving -= room
    if left <= 0:
        return
    weights = np.zeros(n, np.int64)
    order = np.empty(n, np.int64)
    whole = np.int64(0)
    for o in range(first, last):
        order[out_rank[o]] = o - first
        if flag[o] == LEAVING:
            weights[o - first] = out_value[o] - amount[o] - seeded[o]
            whole += weights[o - first]
    if whole == 0:
        return
    parts = np.zeros(n, np.int64)
    split(min(left, whole), weights, order, parts, np.zeros(n, np.int64))
    for o in range(first, last):
        seeded[o] += parts[o - first]
