"""The most that any convention can have carried in each transfer.

A convention-free ceiling (heuristics.md section C, "Upper bound"), as `tracer.flow.kernels.ceiling` is for outputs. A
transfer carries no more than its amount, nor more than what can have reached its source by then: the sum of the
ceilings that came in, never more than the balance that was left after each payment, nor than all that was seeded or
converted into that asset by then. A conversion scales its ceiling, rounded up. No conserving method's taint exceeds
it; poison, which multiplies, reaches nothing beyond it.
It is no estimate: most of it may well have gone elsewhere.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tracer.flow.queues.columns import CONVERSION, QueueSeeding, Transfers
from tracer.flow.queues.shared import (
    FOLLOWED,
    NEGATIVE,
    UNFOLLOWED,
    blind,
    gain,
    grow,
    lose,
    still,
)
from tracer.flow.queues.wide import Wide, add, at, less, mul_div, put


@njit(cache=True, nogil=True)
def _saturate(column, i, hi, lo):  # type: ignore[no-untyped-def]
    """Add hi:lo to a number of a column, up to the greatest there is."""
    if not grow(column, i, hi, lo):
        put(column, i, np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF))


@njit(cache=True, nogil=True)
def _ceiling(  # type: ignore[no-untyped-def]
    source, target, amount, opening, modes, unknown, conversions, fixed, asset, assets
):  # fmt: skip
    m, q = len(source), len(opening)
    zero, one, most = np.uint64(0), np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
    balance, mode = opening.copy(), modes.copy()
    reach = np.zeros((q, 2), np.uint64)  # what can be in a queue
    entered = np.zeros((assets, 2), np.uint64)  # what can be of an asset at all
    entry = np.full(conversions, -1, np.int64)
    cap = np.zeros((m, 2), np.uint64)
    for t in range(m):
        s, d = source[t], target[t]
        ah, al = at(amount, t)
        if unknown[t]:
            ah, al = most, most
            blind(mode, s)
            blind(mode, d)
        elif not lose(balance, s, mode, ah, al):
            return cap, NEGATIVE, t
        ch, cl = zero, zero
        if s <= CONVERSION:
            came = entry[CONVERSION - s]
            th, tl = at(cap, came)
            wh, wl = at(amount, came)
            if wh != zero or wl != zero:
                ch, cl, rh, rl = mul_div(th, tl, ah, al, wh, wl)
                if rh != zero or rl != zero:
                    ch, cl, _ = add(ch, cl, zero, one)
        elif s >= 0 and mode[s] != UNFOLLOWED:
            ch, cl = at(reach, s)
            bh, bl = at(balance, s)
            if mode[s] == FOLLOWED and less(bh, bl, ch, cl):
                put(reach, s, bh, bl)
        fh, fl = at(fixed, t)
        of = asset[max(s, d)]
        if s <= CONVERSION:
            _saturate(entered, of, ch, cl)
        _saturate(entered, of, fh, fl)
        ch, cl, over = add(ch, cl, fh, fl)
        if over or less(ah, al, ch, cl):
            ch, cl = ah, al
        eh, el = at(entered, of)
        if less(eh, el, ch, cl):
            ch, cl = eh, el
        put(cap, t, ch, cl)
        if not gain(balance, d, mode, ah, al):
            blind(mode, d)
        if d <= CONVERSION:
            entry[CONVERSION - d] = t
        elif d >= 0:
            _saturate(reach, d, ch, cl)
    return cap, 0, 0


def ceiling(transfers: Transfers, seeding: QueueSeeding) -> Wide:
    """Wide[m]: the ceiling of each transfer, base units; `2^128 - 1` stands for that and more.

    Without limits: a cut takes away what could have come. Of an unknown amount it is what can have reached it.
    """
    cap, status, place = _ceiling(
        *transfers.kernel(), still(seeding.fixed), still(transfers.asset), transfers.assets()
    )
    transfers.refuse(status, place)
    found: Wide = cap
    return found
