"""Lists of segments: what a queue of FIFO and LIFO holds.

A segment is a run of units (base units, label, the transfer that brought them); label 0 is clean. Segments are
linked in one growing arena, `units` Wide[n] beside `links` int64[n, 3]; a freed one is used again. A queue is
the head and the tail of its list, -1 where it keeps none.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tracer.flow.queues.shared import grow
from tracer.flow.queues.wide import add, at, less, put, share, sub

LABEL, CAME, NEXT = 0, 1, 2
"""Columns of a segment's links."""

FREE, USED = 0, 1
"""The arena's list of freed segments, and how many places were ever used."""


@njit(cache=True, nogil=True)
def widened(column, needed):  # type: ignore[no-untyped-def]
    """The column with room for `needed` rows at least."""
    if needed <= len(column):
        return column
    bigger = np.empty((2 * needed, column.shape[1]), column.dtype)
    bigger[: len(column)] = column
    return bigger


@njit(cache=True, nogil=True)
def segment(arena, units, links, hi, lo, label, came, after):  # type: ignore[no-untyped-def]
    """A new segment; `after` is the one that follows it."""
    node = arena[FREE]
    if node >= 0:
        arena[FREE] = links[node, NEXT]
    else:
        node = arena[USED]
        arena[USED] += 1
    put(units, node, hi, lo)
    links[node, LABEL], links[node, CAME], links[node, NEXT] = label, came, after
    return node


@njit(cache=True, nogil=True)
def release(arena, links, node):  # type: ignore[no-untyped-def]
    """Give a list of segments back to the arena."""
    while node >= 0:
        after = links[node, NEXT]
        links[node, NEXT] = arena[FREE]
        arena[FREE] = node
        node = after


@njit(cache=True, nogil=True)
def cut_at(arena, units, links, node, hi, lo):  # type: ignore[no-untyped-def]
    """Make segment `node` hold its first hi:lo units; the rest follows as a segment of its own."""
    uh, ul = at(units, node)
    if not less(hi, lo, uh, ul):
        return
    rh, rl = sub(uh, ul, hi, lo)
    links[node, NEXT] = segment(
        arena, units, links, rh, rl, links[node, LABEL], links[node, CAME], links[node, NEXT]
    )
    put(units, node, hi, lo)


@njit(cache=True, nogil=True)
def detach(arena, units, links, head, tail, queue, hi, lo):  # type: ignore[no-untyped-def]
    """The first hi:lo units of a queue that holds them, as a list of segments; -> its first segment."""
    first = head[queue]
    node = first
    while True:
        cut_at(arena, units, links, node, hi, lo)
        uh, ul = at(units, node)
        hi, lo = sub(hi, lo, uh, ul)
        if hi == np.uint64(0) and lo == np.uint64(0):
            break
        node = links[node, NEXT]
    head[queue] = links[node, NEXT]
    links[node, NEXT] = -1
    if head[queue] < 0:
        tail[queue] = -1
    elif tail[queue] == node:  # the last segment was cut: its rest is the last
        tail[queue] = head[queue]
    return first


@njit(cache=True, nogil=True)
def mark(arena, units, links, node, hi, lo, label):  # type: ignore[no-untyped-def]
    """Label the first hi:lo clean units of a list that has them."""
    while hi != np.uint64(0) or lo != np.uint64(0):
        if links[node, LABEL] == 0:
            cut_at(arena, units, links, node, hi, lo)
            links[node, LABEL] = label
            uh, ul = at(units, node)
            hi, lo = sub(hi, lo, uh, ul)
        node = links[node, NEXT]


@njit(cache=True, nogil=True)
def arrived(arena, units, links, first, came):  # type: ignore[no-untyped-def]
    """Join equal neighbours of a list and note the transfer that brings it; -> its last segment."""
    node = first
    while True:
        links[node, CAME] = came
        after = links[node, NEXT]
        while after >= 0 and links[after, LABEL] == links[node, LABEL]:
            uh, ul = at(units, after)
            grow(units, node, uh, ul)
            links[node, NEXT] = links[after, NEXT]
            links[after, NEXT] = -1
            release(arena, links, after)
            after = links[node, NEXT]
        if after < 0:
            return node
        node = after


@njit(cache=True, nogil=True)
def append(arena, units, links, head, tail, queue, first, last):  # type: ignore[no-untyped-def]
    """Add a list at the end of a queue; clean units that meet are one segment."""
    end = tail[queue]
    if end < 0:
        head[queue], tail[queue] = first, last
        return
    if links[end, LABEL] == 0 and links[first, LABEL] == 0:
        uh, ul = at(units, first)
        grow(units, end, uh, ul)
        after = links[first, NEXT]
        links[first, NEXT] = -1
        release(arena, links, first)
        if after < 0:
            return
        first = after
    links[end, NEXT] = first
    tail[queue] = last


@njit(cache=True, nogil=True)
def pile(arena, units, links, head, tail, queue, node):  # type: ignore[no-untyped-def]
    """Put a list on the head of a queue, segment by segment."""
    while node >= 0:
        after = links[node, NEXT]
        top = head[queue]
        links[node, NEXT] = top
        if top < 0:
            tail[queue] = node
        elif links[node, LABEL] == 0 and links[top, LABEL] == 0:
            uh, ul = at(units, top)
            grow(units, node, uh, ul)
            links[node, NEXT] = links[top, NEXT]
            links[top, NEXT] = -1
            release(arena, links, top)
            if links[node, NEXT] < 0:
                tail[queue] = node
        head[queue] = node
        node = after


@njit(cache=True, nogil=True)
def nearest(links, hop, units, node):  # type: ignore[no-untyped-def]
    """The tainted units of a list, and what brought the nearest of them, earliest first; -1 where none."""
    hi, lo = np.uint64(0), np.uint64(0)
    came = np.int64(-1)
    while node >= 0:
        if links[node, LABEL] != 0:
            uh, ul = at(units, node)
            hi, lo, _ = add(hi, lo, uh, ul)
            other = links[node, CAME]
            if came < 0 or hop[other] < hop[came] or (hop[other] == hop[came] and other < came):
                came = other
        node = links[node, NEXT]
    return hi, lo, came


@njit(cache=True, nogil=True)
def converted(arena, units, links, first, found, amount, came, hi, lo):  # type: ignore[no-untyped-def]
    """The list that transfer `came` brought into a conversion, made hi:lo units long in the same order.

    The taint as a whole is scaled by the amounts, as a share (`wide.share`), then each boundary between runs among the
    tainted units, and likewise among the clean: scaled apart, because rounding each boundary of the whole could
    make any number of short tainted runs a unit longer at the cost of clean ones. Runs of nothing drop out.
    """
    zero = np.uint64(0)
    th, tl = at(found, came)
    wh, wl = at(amount, came)
    new_th, new_tl = share(th, tl, hi, lo, wh, wl)
    ch, cl = sub(wh, wl, th, tl)
    new_ch, new_cl = sub(hi, lo, new_th, new_tl)
    # units up to here: tainted and clean, before and after
    xh, xl, yh, yl, new_xh, new_xl, new_yh, new_yl = zero, zero, zero, zero, zero, zero, zero, zero
    node, before = first, np.int64(-1)
    while node >= 0:
        uh, ul = at(units, node)
        if links[node, LABEL] != 0:
            xh, xl, _ = add(xh, xl, uh, ul)
            eh, el = share(new_th, new_tl, xh, xl, th, tl)
            uh, ul = sub(eh, el, new_xh, new_xl)
            new_xh, new_xl = eh, el
        else:
            yh, yl, _ = add(yh, yl, uh, ul)
            eh, el = share(new_ch, new_cl, yh, yl, ch, cl)
            uh, ul = sub(eh, el, new_yh, new_yl)
            new_yh, new_yl = eh, el
        after = links[node, NEXT]
        if uh != zero or ul != zero:
            put(units, node, uh, ul)
            before = node
        else:
            links[node, NEXT] = -1
            release(arena, links, node)
            if before < 0:
                first = after
            else:
                links[before, NEXT] = after
        node = after
    return first
