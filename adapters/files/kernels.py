"""Text of exported files -> numbers and bytes, by numba over Arrow buffers, without an object per row.

Text is given as `data` (uint8) and `offsets` (n + 1); `valid` (n,) bool tells what is there.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from adapters.evm.amounts import KNOWN, MOST_HIGH, MOST_LOW, WIDE

U64 = np.uint64
_LOW32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_TEN19 = np.uint64(10**19)
BAD = 3
"""State of an amount beside those of `adapters.evm.amounts`: no whole number of base units."""

PATH_SOUND, PATH_TWICE, PATH_GAP, PATH_SHORT = 0, 1, 2, 3
"""What `settle_frames` found: frames add up, one stands twice, one is missing before another, or behind it."""


_DIGIT = np.full(256, 255, np.uint8)
for _text in (b"0123456789abcdef", b"0123456789ABCDEF"):
    _DIGIT[list(_text)] = range(16)
_4, _15 = np.uint8(4), np.uint8(15)


@njit(cache=True, nogil=True)
def unhex_fixed(data, offsets, valid, out):  # type: ignore[no-untyped-def]
    """`0x` and exactly out.shape[1] bytes each -> out (n, width); the first row that is not so, or -1."""
    width = out.shape[1]
    for row in range(len(valid)):
        if not valid[row]:
            continue
        start = offsets[row]
        if offsets[row + 1] - start != 2 + 2 * width or data[start] != 48 or data[start + 1] != 120:
            return row
        odd = np.uint8(0)
        for k in range(width):
            high, low = _DIGIT[data[start + 2 + 2 * k]], _DIGIT[data[start + 3 + 2 * k]]
            odd |= high | low
            out[row, k] = high << _4 | low & _15
        if odd > 15:
            return row
    return -1


@njit(cache=True, nogil=True)
def unhex(data, offsets, valid, starts, out, prefix):  # type: ignore[no-untyped-def]
    """Whole bytes in hex each -> out, row r from starts[r] on; the first row that is not so, or -1.

    prefix  2: behind `0x`; 0: behind nothing
    """
    to = 0
    for row in range(len(valid)):
        starts[row] = to
        if not valid[row]:
            continue
        start, end = offsets[row], offsets[row + 1]
        if (end - start) % 2 or end - start < prefix:
            return row
        if prefix and (data[start] != 48 or data[start + 1] != 120):
            return row
        odd = np.uint8(0)
        for at in range(start + prefix, end, 2):
            high, low = _DIGIT[data[at]], _DIGIT[data[at + 1]]
            odd |= high | low
            out[to] = high << _4 | low & _15
            to += 1
        if odd > 15:
            return row
    starts[len(valid)] = to
    return -1


@njit(cache=True, nogil=True)
def _times_ten19(high, low):  # type: ignore[no-untyped-def]
    """High * 10^19 + low as two words; `high` is below 10^19."""
    a1, a0 = high >> _32, high & _LOW32
    b1, b0 = _TEN19 >> _32, _TEN19 & _LOW32
    p00, p01, p10, p11 = a0 * b0, a0 * b1, a1 * b0, a1 * b1
    middle = (p00 >> _32) + (p01 & _LOW32) + (p10 & _LOW32)
    word = (p00 & _LOW32) | (middle << _32)
    top = p11 + (p01 >> _32) + (p10 >> _32) + (middle >> _32)
    total = word + low
    if total < low:
        top += U64(1)
    return top, total


@njit(cache=True, nogil=True)
def digits(data, offsets, valid, limbs, states):  # type: ignore[no-untyped-def]
    """Whole decimal numbers -> `limbs` and `states` of `Amounts`; BAD where there is none."""
    for row in range(len(valid)):
        if not valid[row]:
            continue
        start, end = offsets[row], offsets[row + 1]
        if start == end:
            states[row] = BAD
            continue
        while start < end - 1 and data[start] == 48:
            start += 1
        high, low = U64(0), U64(0)
        bad = False
        for at in range(start, end):
            if data[at] < 48 or data[at] > 57:
                bad = True
                break
            digit = U64(data[at] - 48)
            if end - start > 38:
                continue
            if end - at > 19:
                high = high * U64(10) + digit
            else:
                low = low * U64(10) + digit
        if bad or end - start > 78:
            states[row] = BAD
        elif end - start > 38:
            states[row] = WIDE
        else:
            top, bottom = _times_ten19(high, low)
            limbs[row, 0], limbs[row, 1] = bottom, top
            states[row] = KNOWN


@njit(cache=True, nogil=True)
def big_endian(data, offsets, valid, limbs, states):  # type: ignore[no-untyped-def]
    """Big-endian numbers of up to 32 bytes -> the same."""
    for row in range(len(valid)):
        if not valid[row]:
            continue
        start, end = offsets[row], offsets[row + 1]
        if end - start > 32 or end == start:
            states[row] = BAD
            continue
        high, low = U64(0), U64(0)
        over = False
        for at in range(start, end):
            if end - at > 16:
                over = over or data[at] != 0
            elif end - at > 8:
                high = (high << U64(8)) | U64(data[at])
            else:
                low = (low << U64(8)) | U64(data[at])
        if over or high > MOST_HIGH or (high == MOST_HIGH and low > MOST_LOW):
            states[row] = WIDE
        else:
            limbs[row, 0], limbs[row, 1] = low, high
            states[row] = KNOWN


@njit(cache=True, nogil=True)
def whole(data, offsets, valid, out):  # type: ignore[no-untyped-def]
    """Decimal numbers below 2^63 -> out (int64[n]); the first row that is none, or -1."""
    most = (1 << 62) - 1
    for row in range(len(valid)):
        if not valid[row]:
            continue
        start, end = offsets[row], offsets[row + 1]
        value = 0
        if start == end:
            return row
        for at in range(start, end):
            digit = int(data[at]) - 48
            if digit < 0 or digit > 9 or value > (most - digit) // 10:
                return row
            value = value * 10 + digit
        out[row] = value
    return -1


@njit(cache=True, nogil=True)
def paths(data, offsets, starts, out):  # type: ignore[no-untyped-def]
    """Places of frames in their call tree (`0,1` or `0_1`, empty at the top) -> out, row r from starts[r] on.

    uint32 each, so that what calls stands before what it called. -> the first row that is none, or -1.
    """
    to = 0
    for row in range(len(offsets) - 1):
        starts[row] = to
        start, end = offsets[row], offsets[row + 1]
        if start == end:
            continue
        number, seen = np.int64(0), False
        for at in range(start, end):
            letter = data[at]
            if 48 <= letter <= 57:
                number, seen = number * 10 + (letter - 48), True
                if number > 0xFFFFFFFF:
                    return row
            elif letter in (44, 95) and seen:
                out[to] = number
                to, number, seen = to + 1, np.int64(0), False
            else:
                return row
        if not seen:
            return row
        out[to] = number
        to += 1
    starts[len(offsets) - 1] = to
    return -1


@njit(cache=True, nogil=True)
def settle_frames(steps, starts, keys, order, subtraces, failed, parents):  # type: ignore[no-untyped-def]
    """Walk the call trees in order: what stands inside a failed frame failed too (in place in `failed`).

    steps, starts   as `paths` made them
    keys            int64[n], the transaction of each frame
    order           the frames by (transaction, place)
    subtraces       how many frames each called, -1 where not told
    parents         (n,) is filled with the row of the frame each is in, and left alone at the top
    -> what is wrong (`PATH_...`) and the row it was seen at
    """
    most = 0
    for row in range(len(keys)):
        most = max(most, starts[row + 1] - starts[row])
    stack = np.empty(most + 1, np.int64)  # the frame open at each depth
    children = np.zeros(most + 2, np.int64)  # how many frames were seen below it
    depth = -1
    broken = -1  # depth of the failed frame we are in
    for k in range(len(order)):
        row = order[k]
        here = starts[row + 1] - starts[row]
        fresh = k == 0 or keys[row] != keys[order[k - 1]]
        if not fresh and here == 0:
            return PATH_TWICE, row
        if (fresh and here != 0) or (not fresh and here > depth + 1):
            return PATH_GAP, row
        close_to = 0 if fresh else here
        for level in range(depth, close_to - 1, -1):
            told = subtraces[stack[level]]
            if told >= 0 and told != children[level]:
                return PATH_SHORT, stack[level]
        if fresh or broken >= here:
            broken = -1
        if here > 0:
            parent = stack[here - 1]
            for level in range(here - 1):
                if steps[starts[row] + level] != steps[starts[parent] + level]:
                    return PATH_GAP, row
            number = steps[starts[row] + here - 1]
            if number < children[here - 1]:
                return PATH_TWICE, row
            if number > children[here - 1]:
                return PATH_GAP, row
            children[here - 1] += 1
            parents[row] = parent
        depth = here
        stack[here] = row
        children[here] = 0
        if broken >= 0:
            failed[row] = True
        elif failed[row]:
            broken = here
    for level in range(depth, -1, -1):
        told = subtraces[stack[level]]
        if told >= 0 and told != children[level]:
            return PATH_SHORT, stack[level]
    return PATH_SOUND, -1


@njit(cache=True, nogil=True)
def spelt(data, starts, out, offsets):  # type: ignore[no-untyped-def]
    """Bytes of each row as hex after `0x` -> out; row r is out[offsets[r]:offsets[r + 1]]."""
    digits = b"0123456789abcdef"
    to = 0
    for row in range(len(starts) - 1):
        offsets[row] = to
        out[to], out[to + 1] = 48, 120
        to += 2
        for at in range(starts[row], starts[row + 1]):
            out[to], out[to + 1] = digits[data[at] >> 4], digits[data[at] & 15]
            to += 2
    offsets[len(starts) - 1] = to
