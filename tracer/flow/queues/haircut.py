"""Haircut over account queues: what leaves a queue carries its share of the queue's taint.

heuristics.md section C. The taint of a queue is split over {leaving, staying} in proportion to their units, by
largest remainder, a tie to what leaves. The hop of a queue is the least hop of what brought taint since it
was last clean. What comes out of a conversion has the share of taint that went into it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tracer.flow.movements import Limits
from tracer.flow.queues.columns import CONVERSION, FEE_SINK, QueueSeeding, Transfers
from tracer.flow.queues.shared import (
    NEGATIVE,
    NOT_CUT,
    UNFOLLOWED,
    UNOPENED,
    blind,
    cut_of,
    fitting,
    gain,
    grow,
    lose,
    still,
)
from tracer.flow.queues.taint import QueueTaint, taint_of
from tracer.flow.queues.wide import Wide, add, at, less, put, share, sub


@njit(cache=True, nogil=True)
def _haircut(  # type: ignore[no-untyped-def]
    source, target, amount, opening, modes, unknown, conversions, fixed, asset, floors, max_hops
):  # fmt: skip
    m, q = len(source), len(opening)
    zero = np.uint64(0)
    balance, mode = opening.copy(), modes.copy()
    rest = np.zeros((q, 2), np.uint64)
    near = np.full(q, -1, np.int64)  # the transfer nearest to a seed that brought taint
    entry = np.full(conversions, -1, np.int64)  # the tainted transfer into it
    unopened = np.zeros(q, np.bool_)
    found, seeded = np.zeros((m, 2), np.uint64), np.zeros((m, 2), np.uint64)
    cut, cut_fate = np.zeros((m, 2), np.uint64), np.zeros(m, np.uint8)
    hop, via = np.full(m, -1, np.int32), np.full(m, -1, np.int64)
    for t in range(m):
        s, d = source[t], target[t]
        ah, al = at(amount, t)
        if unknown[t]:
            blind(mode, s)
            blind(mode, d)
            if s >= 0 and mode[s] == UNOPENED and near[s] >= 0:
                unopened[s] = True
            continue
        if ah == zero and al == zero:
            continue
        ch, cl = zero, zero
        if s <= CONVERSION:
            came = entry[CONVERSION - s]
            if came >= 0:
                th, tl = at(found, came)
                wh, wl = at(amount, came)
                ch, cl = share(th, tl, ah, al, wh, wl)
                if ch != zero or cl != zero:
                    hop[t], via[t] = hop[came], came
        elif s >= 0 and mode[s] != UNFOLLOWED and near[s] >= 0:
            if mode[s] == UNOPENED:
                unopened[s] = True
            else:
                th, tl = at(rest, s)
                wh, wl = at(balance, s)
                if less(wh, wl, ah, al):
                    return found, seeded, cut, cut_fate, hop, via, rest, unopened, NEGATIVE, t
                ch, cl = share(th, tl, ah, al, wh, wl)
                if ch != zero or cl != zero:
                    came = near[s]
                    th, tl = sub(th, tl, ch, cl)
                    put(rest, s, th, tl)
                    if th == zero and tl == zero:
                        near[s] = -1
                    fh, fl = at(floors, asset[s])
                    why = cut_of(ch, cl, hop[came] + 1, d == FEE_SINK, max_hops, fh, fl)
                    if why != NOT_CUT:
                        put(cut, t, ch, cl)
                        cut_fate[t] = why
                        ch, cl = zero, zero
                    else:
                        hop[t], via[t] = hop[came] + 1, came
        if not lose(balance, s, mode, ah, al):
            return found, seeded, cut, cut_fate, hop, via, rest, unopened, NEGATIVE, t
        fh, fl = at(fixed, t)
        if fh != zero or fl != zero:
            fh, fl = fitting(fh, fl, ah, al, ch, cl)
            if fh != zero or fl != zero:
                put(seeded, t, fh, fl)
                ch, cl, _ = add(ch, cl, fh, fl)
                hop[t] = 0
        if not gain(balance, d, mode, ah, al):
            blind(mode, d)
        if ch != zero or cl != zero:
            put(found, t, ch, cl)
            if d <= CONVERSION:
                entry[CONVERSION - d] = t
            elif d >= 0:
                grow(rest, d, ch, cl)
                if near[d] < 0 or hop[t] < hop[near[d]]:
                    near[d] = t
    return found, seeded, cut, cut_fate, hop, via, rest, unopened, 0, 0


def run(transfers: Transfers, seeding: QueueSeeding, limits: Limits) -> QueueTaint:
    """Haircut over all transfers in order; see `tracer.flow.queues.columns` for shapes and errors."""
    t = transfers
    seeding.check(t)
    found = _haircut(*t.kernel(), still(seeding.fixed), still(t.asset), t.floors(limits), limits.hops)
    return taint_of(t, found)


@njit(cache=True, nogil=True)
def _leaving(amount, seeded, cut):  # type: ignore[no-untyped-def]
    """Taint that each transfer took out of its source."""
    leaving = np.empty_like(amount)
    for t in range(len(amount)):
        ah, al = at(amount, t)
        sh, sl = at(seeded, t)
        ch, cl = at(cut, t)
        ah, al = sub(ah, al, sh, sl)
        ah, al, _ = add(ah, al, ch, cl)
        put(leaving, t, ah, al)
    return leaving


@njit(cache=True, nogil=True)
def _portion(  # type: ignore[no-untyped-def]
    source, target, leaving, seeded, cut_fate, owner, number, queues, conversions
):  # fmt: skip
    """What of each transfer is seed `number`'s; takes it off `leaving`, the taint of this and later seeds."""
    zero = np.uint64(0)
    # what queues hold, and behind them what went into conversions
    mine, of_all = (
        np.zeros((queues + conversions, 2), np.uint64),
        np.zeros((queues + conversions, 2), np.uint64),
    )
    found = np.zeros((len(source), 2), np.uint64)
    for t in range(len(source)):
        xh, xl = at(leaving, t)
        oh, ol = zero, zero
        if xh != zero or xl != zero:
            s = source[t] if source[t] >= 0 else queues + CONVERSION - source[t]
            mh, ml = at(mine, s)
            wh, wl = at(of_all, s)
            oh, ol = share(mh, ml, xh, xl, wh, wl)
            mh, ml = sub(mh, ml, oh, ol)
            wh, wl = sub(wh, wl, xh, xl)
            put(mine, s, mh, ml)
            put(of_all, s, wh, wl)
            rh, rl = sub(xh, xl, oh, ol)
            put(leaving, t, rh, rl)
            if cut_fate[t] != NOT_CUT:
                xh, xl, oh, ol = zero, zero, zero, zero
        if owner[t] >= number:
            sh, sl = at(seeded, t)
            xh, xl, _ = add(xh, xl, sh, sl)
            if owner[t] == number:
                oh, ol, _ = add(oh, ol, sh, sl)
        put(found, t, oh, ol)
        if target[t] >= 0 or target[t] <= CONVERSION:
            d = target[t] if target[t] >= 0 else queues + CONVERSION - target[t]
            grow(mine, d, oh, ol)
            grow(of_all, d, xh, xl)
    return found


def apart(transfers: Transfers, seeding: QueueSeeding, limits: Limits) -> dict[int, Wide]:
    """Which seed's each transfer's taint is; adds up to the taint of all exactly.

    Seed after seed, in the order of their numbers, takes its share of what the earlier ones left, rounded to
    the nearest unit.
    """
    taint = run(transfers, seeding, limits)
    leaving = _leaving(taint.amount, taint.seeded, taint.cut)
    entered = taint.seeded.any(axis=1)
    return {
        number: _portion(
            still(transfers.source),
            still(transfers.target),
            leaving,
            taint.seeded,
            taint.cut_fate,
            np.where(entered, seeding.owner, -1),
            number,
            len(transfers.asset),
            transfers.conversions(),
        )
        for number in np.unique(seeding.owner[entered]).tolist()
    }
