"""Poison over account queues: a queue that tainted money entered is tainted until its balance is zero.

DESIGN section 5. Whatever leaves a tainted queue is tainted whole. No value is conserved and no share means
anything: a queue that is still tainted in the end counts its balance, once. Where the opening balance is not
known the end of the taint is not known either: it is followed on, the balance is taken as the least that lets
every transfer pass, and the result says that it is partial. It goes on through a transfer whose amount nobody could
read as well, with a hop and without an amount. What comes out of a conversion into which taint went is tainted whole.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from tracer.flow.movements import Limits
from tracer.flow.queues.columns import CONVERSION, FEE_SINK, QueueSeeding, Transfers
from tracer.flow.queues.shared import (
    FOLLOWED,
    NEGATIVE,
    NOT_CUT,
    OVERFLOW,
    UNFOLLOWED,
    UNOPENED,
    blind,
    cut_of,
    fitting,
    grow,
    lose,
    still,
)
from tracer.flow.queues.taint import QueueTaint, taint_of
from tracer.flow.queues.wide import Wide, add, at, less, put, sub


@njit(cache=True, nogil=True)
def _poison(  # type: ignore[no-untyped-def]
    source, target, amount, opening, modes, unknown, conversions, fixed, asset, floors, max_hops
):  # fmt: skip
    m, q = len(source), len(opening)
    zero, most = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)
    mode = modes.copy()
    entry = np.full(conversions, -1, np.int64)  # the tainted transfer into it
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
        if ah == zero and al == zero and not unknown[t]:
            continue
        ch, cl = zero, zero
        came = near[s] if s >= 0 and mode[s] != UNFOLLOWED else np.int64(-1)
        if unknown[t]:
            blind(mode, s)
            blind(mode, d)
        elif not lose(balance, s, mode, ah, al):
            return found, seeded, cut, cut_fate, hop, via, balance, unopened, NEGATIVE, t
        if s <= CONVERSION:
            came = entry[CONVERSION - s]
            if came >= 0:
                ch, cl = ah, al
                hop[t], via[t] = hop[came], came
        elif s >= 0:
            bh, bl = at(balance, s)
            if mode[s] == UNOPENED:
                bh, bl = (zero, zero) if unknown[t] or less(bh, bl, ah, al) else sub(bh, bl, ah, al)
                put(balance, s, bh, bl)
            elif came >= 0 and bh == zero and bl == zero:
                near[s] = -1
            if came >= 0:
                unopened[s] = mode[s] == UNOPENED
                fh, fl = at(floors, asset[s])
                wh, wl = (most, most) if unknown[t] else (ah, al)
                why = cut_of(wh, wl, hop[came] + 1, d == FEE_SINK, max_hops, fh, fl)
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
        if hop[t] >= 0:
            put(found, t, ch, cl)
            if d <= CONVERSION:
                entry[CONVERSION - d] = t
        if d < 0:
            continue
        if hop[t] >= 0 and (near[d] < 0 or hop[t] < hop[near[d]]):
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
    found = _poison(*t.kernel(), still(seeding.fixed), still(t.asset), t.floors(limits), limits.hops)
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
