"""Ids in an open-addressed table with linear probing: a column of places, -1 where a slot is free."""

from __future__ import annotations

import numpy as np
from numba import njit

from tracer.flow.movements import I64, fixed

_MIX = np.uint64(0x9E3779B97F4A7C15)


def slots(count: int) -> int:
    """How many slots hold so many ids with room to spare: a power of two."""
    return 1 << max(1, (2 * count).bit_length())


def table(known: I64) -> I64:
    """Where each of these distinct ids stands among them."""
    made = np.full(slots(len(known)), -1, np.int64)
    enter(fixed(known), made)
    return made


@njit(cache=True, nogil=True)
def slot(wanted, known, places):  # type: ignore[no-untyped-def]
    """Where an id stands in the table, or would."""
    mask = np.uint64(len(places) - 1)
    at = (np.uint64(wanted) * _MIX) >> np.uint64(24) & mask
    while places[at] >= 0 and known[places[at]] != wanted:
        at = (at + np.uint64(1)) & mask
    return at


@njit(cache=True, nogil=True)
def enter(known, places):  # type: ignore[no-untyped-def]
    """Write distinct ids into an empty table."""
    for i in range(len(known)):
        places[slot(known[i], known, places)] = i
