"""Poison over account queues: a queue that tainted money entered is tainted until its balance is zero.

DESIGN section 5. Whatever leaves a tainted queue is tainted whole. No value is conserved and no share means
anything: a queue that is still tainted in the end counts its balance, once. Where the opening balance is not
known the end of the taint is not known either: it is followed on, the balance is taken as the least that lets
every transfer pass, and the result says that it is partial.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from tracer.flow.movements import Limits
from tracer.flow.queues.columns import FEE_SINK, QueueSeeding, QueueTaint, Transfers, floor_of, taint_of
from tracer.flow.queues.shared import (
    FOLLOWED,
    NEGATIVE,
    NOT_CUT,
    OVERFLOW,
    UNFOLLOWED,
    UNOPENED,
    cut_of,
    fitting,
    grow,
    lose,
)
from tracer.flow.queues.wide import Wide, add, at, less, put, sub


@njit(cache=True, nogil=True)
def _poison(source, target, amount, opening, mode, fixed, max_hops, floor_hi, floor_lo):  # type: ignore[no-untyped-def]
    m, q = len(source), len(opening)
    zero = np.uint64(0)
    balance = opening.copy()  # of a queue that is not followed: the taint that entered it
    near = np.full(q, -1, np.int64)  # the transfer nearest to a seed that brought taint
    unopened = np.zeros(q, np.bool_)
    found, seeded = np.zeros((m, 2), np.uint64), np.zeros((m, 2), np.uint64)
    cut, cut_fate = np.zeros((m, 2), np.uint64), np.zeros(m, np.uint8)
    hop, via = np.full(m, -1, np.int32), np.full(m, -1, np.int64)
    for i in range(q):
        if mode[i] != FOLLOWED:
            put(balance, i, zero, zero)
    for t in range(m):
        s, d = source[t], target[t]
        ah, al = at(amount, t)
        if ah == zero and al == zero:
            continue
        ch, cl = zero, zero
        came = near[s] if s >= 0 and mode[s] != UNFOLLOWED else np.int64(-1)
        if not lose(balance, s, mode, ah, al):
            return found, seeded, cut, cut_fate, hop, via, balance, unopened, NEGATIVE, t
        if s >= 0 and mode[s] == UNOPENED:
            bh, bl = at(balance, s)
            bh, bl = (zero, zero) if less(bh, bl, ah, al) else sub(bh, bl, ah, al)
            put(balance, s, bh, bl)
        elif came >= 0:
            bh, bl = at(balance, s)
            if bh == zero and bl == zero:
                near[s] = -1
        if came >= 0:
            unopened[s] = mode[s] == UNOPENED
            why = cut_of(ah, al, hop[came] + 1, d == FEE_SINK, max_hops, floor_hi, floor_lo)
            if why == NOT_CUT:
                ch, cl = ah, al
                hop[t], via[t] = hop[came] + 1, came
            else:
                put(cut, t, ah, al)
                cut_fate[t] = why
        fh, fl = at(fixed, t)
        fh, fl = fitting(fh, fl, ah, al, ch, cl)
        if fh != zero or fl != zero:
            put(seeded, t, fh, fl)
            ch, cl, _ = add(ch, cl, fh, fl)
            hop[t] = 0
        tainted = ch != zero or cl != zero
        if tainted:
            put(found, t, ch, cl)
        if d < 0:
            continue
        if tainted and (near[d] < 0 or hop[t] < hop[near[d]]):
            near[d] = t
        if mode[d] == UNFOLLOWED:
            ah, al = ch, cl
        if not grow(balance, d, ah, al):
            return found, seeded, cut, cut_fate, hop, via, balance, unopened, OVERFLOW, t
    for i in range(q):
        if near[i] < 0:
            put(balance, i, zero, zero)
    return found, seeded, cut, cut_fate, hop, via, balance, unopened, 0, 0


def run(transfers: Transfers, seeding: QueueSeeding, limits: Limits) -> QueueTaint:
    """Poison over all transfers in order; see `tracer.flow.queues.columns` for shapes and errors."""
    t = transfers
    seeding.check(t)
    found = _poison(
        t.source, t.target, t.amount, t.opening, t.mode(), seeding.fixed, limits.hops, *floor_of(limits)
    )
    return taint_of(t, found, ends=False)


def apart(transfers: Transfers, seeding: QueueSeeding, limits: Limits) -> dict[int, Wide]:
    """Which seed reaches each transfer: each is followed alone, so that two may claim the same units."""
    return {
        number: run(
            transfers,
            replace(seeding, fixed=np.where((seeding.owner == number)[:, None], seeding.fixed, np.uint64(0))),
            limits,
        ).amount
        for number in np.unique(seeding.owner[seeding.fixed.any(axis=1)]).tolist()
    }
