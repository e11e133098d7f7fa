"""FIFO and LIFO over account queues: which unit leaves a queue first.

heuristics.md section C, "Account-model FIFO". A queue is a list of segments (units, label, the transfer that
brought them); label 0 is clean. FIFO takes from the head and adds at the end; LIFO takes from the head and puts
back on the head, unit by unit, so that what leaves last lies on top. Both match each unit that leaves with
one that came, so that each is its own inverse when time is turned round. Segments are linked in one growing
arena. A queue without taint keeps none: its balance is one clean segment when taint comes. The opening balance is
clean: nothing is known of it. What goes into a conversion waits as a list of its own until it comes out, longer or
shorter, in the same order (`segments.converted`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tracer.flow.movements import I64, Limits
from tracer.flow.queues.columns import CONVERSION, FEE_SINK, QueueSeeding, Transfers
from tracer.flow.queues.segments import (
    LABEL,
    NEXT,
    USED,
    append,
    arrived,
    converted,
    detach,
    mark,
    nearest,
    pile,
    release,
    segment,
    widened,
)
from tracer.flow.queues.shared import (
    FOLLOWED,
    NEGATIVE,
    NOT_CUT,
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
from tracer.flow.queues.wide import Wide, add, at, put, sub


@njit(cache=True, nogil=True)
def _run_queues(  # type: ignore[no-untyped-def]
    source, target, amount, opening, modes, unknown, conversions,
    fixed, own, asset, floors, max_hops, last_first, logged
):  # fmt: skip
    m, q = len(source), len(opening)
    zero = np.uint64(0)
    balance, mode = opening.copy(), modes.copy()
    rest = np.zeros((q, 2), np.uint64)
    unopened = np.zeros(q, np.bool_)
    found, seeded = np.zeros((m, 2), np.uint64), np.zeros((m, 2), np.uint64)
    cut, cut_fate = np.zeros((m, 2), np.uint64), np.zeros(m, np.uint8)
    hop, via = np.full(m, -1, np.int32), np.full(m, -1, np.int64)
    head, tail = np.full(q, -1, np.int64), np.full(q, -1, np.int64)
    # of a conversion: the tainted transfer into it, and the list it brought
    entry, kept = np.full(conversions, -1, np.int64), np.full(conversions, -1, np.int64)
    units, links = np.empty((1024, 2), np.uint64), np.empty((1024, 3), np.int64)
    arena = np.array([-1, 0])
    log_units, log_links = np.empty((1024, 2), np.uint64), np.empty((1024, 2), np.int64)
    written = 0
    status, place = 0, 0
    for t in range(m):
        s, d = source[t], target[t]
        ah, al = at(amount, t)
        if unknown[t]:
            blind(mode, s)
            blind(mode, d)
            if s >= 0 and mode[s] == UNOPENED:
                rh, rl = at(rest, s)
                unopened[s] = rh != zero or rl != zero
            continue
        if ah == zero and al == zero:
            continue
        # at most: a clean balance, a clean transfer, two cuts of a segment
        units, links = widened(units, arena[USED] + 4), widened(links, arena[USED] + 4)
        ch, cl = zero, zero
        first = np.int64(-1)
        if not lose(balance, s, mode, ah, al):
            status, place = NEGATIVE, t
            break
        if s <= CONVERSION:
            came = entry[CONVERSION - s]
            if came >= 0:
                first = converted(arena, units, links, kept[CONVERSION - s], found, amount, came, ah, al)
                ch, cl, _ = nearest(links, hop, units, first)
                if ch != zero or cl != zero:
                    hop[t], via[t] = hop[came], came
        elif s >= 0 and mode[s] == UNOPENED:
            rh, rl = at(rest, s)
            unopened[s] = rh != zero or rl != zero
        elif s >= 0 and head[s] >= 0:
            first = detach(arena, units, links, head, tail, s, ah, al)
            ch, cl, came = nearest(links, hop, units, first)
            if came >= 0:
                rh, rl = at(rest, s)
                rh, rl = sub(rh, rl, ch, cl)
                put(rest, s, rh, rl)
                if rh == zero and rl == zero:
                    release(arena, links, head[s])
                    head[s] = tail[s] = -1
                fh, fl = at(floors, asset[s])
                why = cut_of(ch, cl, hop[came] + 1, d == FEE_SINK, max_hops, fh, fl)
                if why == NOT_CUT:
                    hop[t], via[t] = hop[came] + 1, came
                else:
                    put(cut, t, ch, cl)
                    cut_fate[t] = why
                    ch, cl = zero, zero
                    node = first
                    while node >= 0:
                        links[node, LABEL] = 0
                        node = links[node, NEXT]
        fh, fl = at(fixed, t)
        fh, fl = fitting(fh, fl, ah, al, ch, cl)
        seeds = fh != zero or fl != zero
        bh, bl = at(balance, d) if d >= 0 else (zero, zero)
        if not gain(balance, d, mode, ah, al):
            blind(mode, d)
        followed = d >= 0 and mode[d] == FOLLOWED
        if first < 0 and (seeds or (followed and head[d] >= 0)):
            first = segment(arena, units, links, ah, al, 0, t, -1)
        if seeds:
            mark(arena, units, links, first, fh, fl, own[t])
            put(seeded, t, fh, fl)
            ch, cl, _ = add(ch, cl, fh, fl)
            hop[t] = 0
        tainted = ch != zero or cl != zero
        if first >= 0:
            last = arrived(arena, units, links, first, t)
            node = first if logged else np.int64(-1)
            while node >= 0:
                if links[node, LABEL] != 0:
                    log_units, log_links = widened(log_units, written + 1), widened(log_links, written + 1)
                    log_units[written] = units[node]
                    log_links[written, 0], log_links[written, 1] = t, links[node, LABEL]
                    written += 1
                node = links[node, NEXT]
            if followed and (tainted or head[d] >= 0):
                if head[d] < 0 and (bh != zero or bl != zero):
                    head[d] = tail[d] = segment(arena, units, links, bh, bl, 0, t, -1)
                if last_first:
                    pile(arena, units, links, head, tail, d, first)
                else:
                    append(arena, units, links, head, tail, d, first, last)
            elif tainted and d <= CONVERSION:
                entry[CONVERSION - d], kept[CONVERSION - d] = t, first
            else:
                release(arena, links, first)
        if tainted:
            put(found, t, ch, cl)
            if d >= 0:
                grow(rest, d, ch, cl)
    taint = found, seeded, cut, cut_fate, hop, via, rest, unopened, status, place
    return taint, log_units[:written], log_links[:written]


@njit(cache=True, nogil=True)
def _labelled(m, log_units, log_links, label):  # type: ignore[no-untyped-def]
    found = np.zeros((m, 2), np.uint64)
    for i in range(len(log_links)):
        if log_links[i, 1] == label:
            hi, lo = at(log_units, i)
            grow(found, log_links[i, 0], hi, lo)
    return found


def _run(
    transfers: Transfers, seeding: QueueSeeding, limits: Limits, own: I64, last_first: bool, logged: bool
) -> tuple[Any, ...]:
    t = transfers
    seeding.check(t)
    found: tuple[Any, ...] = _run_queues(
        *t.kernel(),
        still(seeding.fixed),
        still(own),
        still(t.asset),
        t.floors(limits),
        limits.hops,
        last_first,
        logged,
    )
    return found


def run(
    transfers: Transfers, seeding: QueueSeeding, limits: Limits, *, last_first: bool = False
) -> QueueTaint:
    """FIFO over all transfers in order, LIFO with `last_first`; see `.columns` for shapes and errors."""
    own = np.ones(len(transfers), np.int64)
    return taint_of(transfers, _run(transfers, seeding, limits, own, last_first, logged=False)[0])


def apart(
    transfers: Transfers, seeding: QueueSeeding, limits: Limits, *, last_first: bool = False
) -> dict[int, Wide]:
    """Which seed's each transfer's taint is, in one run; adds up to the taint of all exactly."""
    taint, log_units, log_links = _run(transfers, seeding, limits, seeding.owner + 1, last_first, logged=True)
    entered = taint_of(transfers, taint).seeded.any(axis=1)
    return {
        number: _labelled(len(transfers), log_units, log_links, number + 1)
        for number in np.unique(seeding.owner[entered]).tolist()
    }
