"""Hex and numbers of exported rows -> transactions as on the wire, by numba, without an object per row."""

from __future__ import annotations

import numpy as np
from numba import njit

from adapters.files.kernels import _DIGIT

_4, _15 = np.uint8(4), np.uint8(15)
_BYTE = np.uint64(0xFF)


@njit(cache=True, nogil=True)
def unhex_hashes(data, offsets, valid, out):  # type: ignore[no-untyped-def]
    """64 digits as people write hashes -> out (n, 32) in wire order; the first row that is not so, or -1."""
    for row in range(len(valid)):
        if not valid[row]:
            continue
        start = offsets[row]
        if offsets[row + 1] - start != 64:
            return row
        odd = np.uint8(0)
        for k in range(32):
            high, low = _DIGIT[data[start + 2 * k]], _DIGIT[data[start + 2 * k + 1]]
            odd |= high | low
            out[row, 31 - k] = high << _4 | low & _15
        if odd > 15:
            return row
    return -1


@njit(cache=True, nogil=True, inline="always")
def _number(out, at, value, size):  # type: ignore[no-untyped-def]
    word = np.uint64(value)
    for k in range(size):
        out[at + k] = np.uint8((word >> np.uint64(8 * k)) & _BYTE)
    return at + size


@njit(cache=True, nogil=True, inline="always")
def _size(out, at, value):  # type: ignore[no-untyped-def]
    """A CompactSize."""
    if value < 0xFD:
        return _number(out, at, value, 1)
    out[at] = 0xFD if value <= 0xFFFF else 0xFE
    return _number(out, at + 1, value, 2 if value <= 0xFFFF else 4)


@njit(cache=True, nogil=True, inline="always")
def _script(out, at, data, start, end):  # type: ignore[no-untyped-def]
    at = _size(out, at, end - start)
    for k in range(start, end):
        out[at] = data[k]
        at += 1
    return at


@njit(cache=True, nogil=True)
def write(version, locktime, mint, mints, mint_starts, ins, outs, out, offsets):  # type: ignore[no-untyped-def]
    """Serialise transactions without witness -> out, transaction t from offsets[t] on.

    version, locktime   int64[n]
    mint                int64[n], the row of a coinbase's script in (mints, mint_starts), -1 for other transactions
    ins                 starts int64[n + 1], prev uint8[m, 32], vout int64[m], sequence int64[m], scripts, their starts
    outs                starts int64[n + 1], value int64[k], scripts, their starts
    A coinbase gets the sequence that most have. What has no input or no output gets an empty one, that a walk can read.
    """
    in_starts, prev, vout, sequence, in_data, in_scripts = ins
    out_starts, value, out_data, out_scripts = outs
    at = 0
    for t in range(len(version)):
        offsets[t] = at
        at = _number(out, at, version[t], 4)
        if mint[t] >= 0:
            at = _size(out, at, 1)
            for _ in range(32):
                out[at] = 0
                at += 1
            at = _number(out, at, 0xFFFFFFFF, 4)
            at = _script(out, at, mints, mint_starts[mint[t]], mint_starts[mint[t] + 1])
            at = _number(out, at, 0xFFFFFFFF, 4)
        else:
            first, end = in_starts[t], in_starts[t + 1]
            at = _size(out, at, max(end - first, 1))
            for i in range(first, end):
                for k in range(32):
                    out[at] = prev[i, k]
                    at += 1
                at = _number(out, at, vout[i], 4)
                at = _script(out, at, in_data, in_scripts[i], in_scripts[i + 1])
                at = _number(out, at, sequence[i], 4)
            if first == end:
                for _ in range(32):
                    out[at] = 0
                    at += 1
                at = _number(out, at, t, 4)  # two that show nothing are not one transaction twice
                for _ in range(5):
                    out[at] = 0
                    at += 1
        first, end = out_starts[t], out_starts[t + 1]
        at = _size(out, at, max(end - first, 1))
        for o in range(first, end):
            at = _number(out, at, value[o], 8)
            at = _script(out, at, out_data, out_scripts[o], out_scripts[o + 1])
        if first == end:
            for _ in range(9):
                out[at] = 0
                at += 1
        at = _number(out, at, locktime[t], 4)
    offsets[len(version)] = at


@njit(cache=True, nogil=True)
def lay_out(headers, counts, data, offsets, out, starts):  # type: ignore[no-untyped-def]
    """Blocks as on the wire -> out, block b from starts[b] on.

    headers (b, 80) uint8; counts (b,) transactions of each, which lie in `data` one after the other by `offsets`.
    """
    at = 0
    row = 0
    for b in range(len(counts)):
        starts[b] = at
        for k in range(80):
            out[at] = headers[b, k]
            at += 1
        at = _size(out, at, counts[b])
        for k in range(offsets[row], offsets[row + counts[b]]):
            out[at] = data[k]
            at += 1
        row += counts[b]
    starts[len(counts)] = at
