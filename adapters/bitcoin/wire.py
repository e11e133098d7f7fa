"""Numbers and byte strings as they stand on the wire, for kernels that walk raw bytes: bounds are always looked at."""

from __future__ import annotations

import numba as nb
import numpy as np

MOST = 0x7FFFFFFF
"""Above what any count or length in a block can be."""


@nb.njit(nogil=True, inline="always")
def le(buffer, at, size):  # type: ignore[no-untyped-def]
    """A little-endian number of `size` bytes, uint64; the caller has seen that they are there."""
    value = np.uint64(0)
    for i in range(size):
        value |= np.uint64(buffer[at + i]) << np.uint64(8 * i)
    return value


@nb.njit(nogil=True, cache=True)
def compact(buffer, at, end, most):  # type: ignore[no-untyped-def]
    """A CompactSize of at most `most`, in its shortest form: (value, next position).

    Next is -1 where the bytes end inside it, where it is larger, or where it could be written shorter.
    """
    if at >= end:
        return np.int64(0), np.int64(-1)
    first = buffer[at]
    if first < 0xFD:
        return np.int64(first), np.int64(at + 1)
    size = 2 if first == 0xFD else (4 if first == 0xFE else 8)
    if at + 1 + size > end:
        return np.int64(0), np.int64(-1)
    value = le(buffer, at + 1, size)
    least = 0xFD if size == 2 else (0x10000 if size == 4 else 0x100000000)
    if value > np.uint64(most) or value < np.uint64(least):
        return np.int64(0), np.int64(-1)
    return np.int64(value), np.int64(at + 1 + size)


@nb.njit(nogil=True, cache=True)
def skip_bytes(buffer, at, end):  # type: ignore[no-untyped-def]
    """Past a byte string behind its length: (start, length, next), next -1 where it does not fit."""
    length, at = compact(buffer, at, end, MOST)
    if at < 0 or at + length > end:
        return 0, 0, -1
    return at, length, at + length
