"""The check of an Equihash solution, as a kernel: one BLAKE2b compression for each number it holds."""

from __future__ import annotations

import numba as nb
import numpy as np

from adapters.bitcoin.zcash import blake2b


@nb.njit(nogil=True, cache=True)
def numbers(solution, count, bits):  # type: ignore[no-untyped-def]
    """The numbers of a solution: `count` of `bits` bits each, most significant bit first."""
    found = np.empty(count, np.int64)
    at = 0
    held = 0
    value = np.int64(0)
    for i in range(count):
        while held < bits:
            value = (value << 8) | np.int64(solution[at])
            at += 1
            held += 8
        held -= bits
        found[i] = value >> held
        value &= (1 << held) - 1
    return found


@nb.njit(nogil=True, cache=True)
def rows(front, wanted, n, person):  # type: ignore[no-untyped-def]
    """The n bits that belong to each number: a slice of BLAKE2b of the header's front and the number of the hash."""
    width = n // 8
    each = 512 // n
    size = each * width
    h = np.empty(8, np.uint64)
    block = np.empty(128, np.uint8)
    fill = np.empty(2, np.int64)
    work = np.empty(32, np.uint64)
    digest = np.empty(size, np.uint8)
    number = np.empty(4, np.uint8)
    # what stands in front is hashed once
    blake2b.begin(h, fill, size, person)
    blake2b.feed(h, block, fill, work, front, 0, front.shape[0])
    h0, block0, fill0 = h.copy(), block.copy(), fill.copy()
    found = np.empty((wanted.shape[0], width), np.uint8)
    for i in range(wanted.shape[0]):
        h[:] = h0
        block[:] = block0
        fill[:] = fill0
        for k in range(4):
            number[k] = (wanted[i] // each) >> (8 * k) & 255
        blake2b.feed(h, block, fill, work, number, 0, 4)
        blake2b.finish(h, block, fill, work, digest, 0, size)
        at = wanted[i] % each * width
        found[i] = digest[at : at + width]
    return found


@nb.njit(nogil=True, cache=True)
def _zero(row, bits):  # type: ignore[no-untyped-def]
    """Whether the first `bits` bits are zero."""
    for k in range(bits // 8):
        if row[k] != 0:
            return False
    rest = bits % 8
    return rest == 0 or row[bits // 8] >> np.uint8(8 - rest) == 0


@nb.njit(nogil=True, cache=True)
def solved(front, solution, n, k, person):  # type: ignore[no-untyped-def]
    """Whether a solution is one: every pair collides at its level, is in order, all cancels out, none stands twice."""
    collision = n // (k + 1)
    count = 1 << k
    chosen = numbers(solution, count, collision + 1)
    ordered = np.sort(chosen)
    for i in range(1, count):
        if ordered[i] == ordered[i - 1]:
            return False
    row = rows(front, chosen, n, person)
    step = 1
    for level in range(1, k + 1):
        bits = collision * level if level < k else n
        for i in range(0, count, 2 * step):
            if chosen[i] >= chosen[i + step]:
                return False
            for b in range(row.shape[1]):
                row[i, b] ^= row[i + step, b]
            if not _zero(row[i], bits):
                return False
        step *= 2
    return True
