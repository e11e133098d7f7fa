"""What every queue kernel does alike: balances, cuts, where a seed fits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tracer.flow.fates import Fate
from tracer.flow.queues.wide import add, at, less, put, sub

FOLLOWED, UNFOLLOWED, UNOPENED = 0, 1, 2
"""Modes of a queue: its units are followed, end in it, or cannot be followed without its opening balance."""

NEGATIVE, OVERFLOW = 1, 2
"""Statuses of a kernel that stopped: a balance below zero, a number beyond 128 bits."""

HOP_LIMIT, VALUE_FLOOR = np.uint8(Fate.HOP_LIMIT), np.uint8(Fate.VALUE_FLOOR)
NOT_CUT = np.uint8(Fate.SPENT)


@njit(cache=True, nogil=True)
def lose(balance, queue, mode, hi, lo):  # type: ignore[no-untyped-def]
    """Take hi:lo out of a followed queue; whether it held as much. Other ends keep no balance."""
    if queue < 0 or mode[queue] != FOLLOWED:
        return True
    bh, bl = at(balance, queue)
    if less(bh, bl, hi, lo):
        return False
    bh, bl = sub(bh, bl, hi, lo)
    put(balance, queue, bh, bl)
    return True


@njit(cache=True, nogil=True)
def gain(balance, queue, mode, hi, lo):  # type: ignore[no-untyped-def]
    """Put hi:lo into a followed queue; whether 128 bits still hold its balance."""
    if queue < 0 or mode[queue] != FOLLOWED:
        return True
    return grow(balance, queue, hi, lo)


@njit(cache=True, nogil=True)
def blind(mode, queue):  # type: ignore[no-untyped-def]
    """From here on nobody knows the balance of a followed queue."""
    if queue >= 0 and mode[queue] == FOLLOWED:
        mode[queue] = UNOPENED


@njit(cache=True, nogil=True)
def grow(column, i, hi, lo):  # type: ignore[no-untyped-def]
    """Add hi:lo to a number of a column; whether 128 bits still hold it."""
    ch, cl = at(column, i)
    ch, cl, over = add(ch, cl, hi, lo)
    put(column, i, ch, cl)
    return not over


@njit(cache=True, nogil=True)
def cut_of(hi, lo, hop, fee, max_hops, floor_hi, floor_lo):  # type: ignore[no-untyped-def]
    """Why taint hi:lo does not leave its queue with a transfer of this hop; NOT_CUT where it does."""
    if not fee and less(hi, lo, floor_hi, floor_lo):
        return VALUE_FLOOR
    return HOP_LIMIT if hop > max_hops else NOT_CUT


@njit(cache=True, nogil=True)
def fitting(fh, fl, ah, al, ch, cl):  # type: ignore[no-untyped-def]
    """What of a seed of f base units enters a transfer of a, of which c are tainted already."""
    rh, rl = sub(ah, al, ch, cl)
    if less(fh, fl, rh, rl):
        return fh, fl
    return rh, rl


def still(column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A view that cannot be written to: a kernel is compiled once for it, not again for arrays that can be."""
    view = np.ascontiguousarray(column).view()
    view.flags.writeable = False
    return view
