"""What a node keeps to undo a block, decoded: value and script of every output that the block spends.

The format is Bitcoin Core's (undo.h, compressor.h, serialize.h as behaviour): for each transaction but the coinbase
the coins it spent in the order of its inputs, each as height and coinbase flag, a version that only old nodes wrote,
the amount and the script, both compressed. Litecoin writes its MWEB undo data behind that, Zcash a tree root.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.prevouts import NOT_TOLD
from adapters.bitcoin.wire import MOST, compact

EVEN, ODD = 4, 5
"""Script forms whose key is written as x alone: the kernel leaves y to `complete_keys`."""
_RAW = 6
"""Script sizes are written this much higher: the numbers below are compressed forms."""
_LARGEST = (1 << 63) - 1


@nb.njit(nogil=True, cache=True)
def _number(data, at, end):  # type: ignore[no-untyped-def]
    """Core's base-128 number, most significant first, each byte but the last one too low: (value, next or -1)."""
    value = np.int64(0)
    while at < end:
        byte = np.int64(data[at])
        at += 1
        if value > (_LARGEST >> 7) - 1:
            return 0, -1
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            return value, at
        value += 1
    return 0, -1


@nb.njit(nogil=True, cache=True)
def _amount(packed, most):  # type: ignore[no-untyped-def]
    """The amount a compressed one stands for; -1 where it is above `most`."""
    if packed == 0:
        return 0
    packed -= 1
    zeros = packed % 10
    packed //= 10
    if zeros < 9:
        digit = packed % 9 + 1
        packed //= 9
        if packed > most // 10:
            return -1
        value = packed * 10 + digit
    else:
        value = packed + 1
    for _ in range(zeros):
        if value > most // 10:
            return -1
        value *= 10
    return value if value <= most else -1


@nb.njit(nogil=True, cache=True)
def _copy(data, at, size, out, to):  # type: ignore[no-untyped-def]
    for k in range(size):
        out[to + k] = data[at + k]


@nb.njit(nogil=True, cache=True)
def read_coins(data, at, end, counts, rows, most, values, places, forms, scripts, free):  # type: ignore[no-untyped-def]
    """Decode one block's undo data; returns where `scripts` goes on, -1 where it is not of such a block.

    data (n,) uint8, from `at` to `end` the record; counts, rows (t,) int64: number of inputs of each transaction but
    the coinbase and the row of its first; most: the money range. Out, by row: values int64, places (r, 2) int64 into
    `scripts` (uint8, at least twice the record's size from `free` on), forms uint8: the compressed form of the script.
    """
    txs, at = compact(data, at, end, MOST)
    if at < 0 or txs != counts.shape[0]:
        return -1
    for t in range(txs):
        coins, at = compact(data, at, end, MOST)
        if at < 0 or coins != counts[t]:
            return -1
        for row in range(rows[t], rows[t] + coins):
            code, at = _number(data, at, end)
            if at >= 0 and code > 1:  # a height: the version of old nodes follows
                _, at = _number(data, at, end)
            if at < 0:
                return -1
            packed, at = _number(data, at, end)
            if at < 0:
                return -1
            value = _amount(packed, most)
            form, at = _number(data, at, end)
            if at < 0 or value < 0:
                return -1
            size = 20 if form < 2 else (32 if form < _RAW else form - _RAW)
            if size > end - at:
                return -1
            start = free
            if form == 0:  # P2PKH
                scripts[free] = 0x76
                scripts[free + 1] = 0xA9
                scripts[free + 2] = 20
                _copy(data, at, 20, scripts, free + 3)
                scripts[free + 23] = 0x88
                scripts[free + 24] = 0xAC
                free += 25
            elif form == 1:  # P2SH
                scripts[free] = 0xA9
                scripts[free + 1] = 20
                _copy(data, at, 20, scripts, free + 2)
                scripts[free + 22] = 0x87
                free += 23
            elif form < _RAW:  # P2PK: the key as it was written, or its even or odd x
                whole = 33 if form < EVEN else 65
                scripts[free] = whole
                scripts[free + 1] = form if form < EVEN else form - 2
                _copy(data, at, 32, scripts, free + 2)
                scripts[free + 1 + whole] = 0xAC
                free += whole + 2
            else:
                _copy(data, at, size, scripts, free)
                free += size
            values[row] = value
            places[row, 0] = start
            places[row, 1] = free - start
            forms[row] = form if form < _RAW else _RAW
            at += size
    return free


def complete_keys(
    values: NDArray[np.int64], places: NDArray[np.int64], forms: NDArray[np.uint8], scripts: NDArray[np.uint8]
) -> None:
    """Write out the uncompressed keys of which undo data keeps x and whether y is odd, each key reckoned once.

    What stands for no point of the curve was never a key: its row is not told.
    """
    rows = np.flatnonzero((forms == EVEN) | (forms == ODD))
    if not len(rows):
        return
    from coincurve import PublicKey

    at = places[rows, 0] + 1
    keys, which = np.unique(scripts[at[:, None] + np.arange(33)], axis=0, return_inverse=True)
    whole = np.zeros((len(keys), 65), np.uint8)
    for i, key in enumerate(keys):
        try:
            whole[i] = np.frombuffer(PublicKey(key.tobytes()).format(compressed=False), np.uint8)
        except ValueError:
            continue
    which = which.reshape(-1)
    scripts[at[:, None] + np.arange(65)] = whole[which]
    values[rows[whole[which, 0] == 0]] = NOT_TOLD


@nb.njit(nogil=True, cache=True)
def find_records(data, magic, found):  # type: ignore[no-untyped-def]
    """Every record of an undo file: rows (start of the undo data, its size, transactions but the coinbase).

    data (n,) uint8, revealed; magic (4,) uint8; found (m, 3) int64 out; returns how many. What is no record is passed
    over: reserved space, what an older run of the node left behind.
    """
    count = 0
    at = np.int64(0)
    end = data.shape[0]
    while at + 41 <= end and count < found.shape[0]:
        if (
            data[at] != magic[0]
            or data[at + 1] != magic[1]
            or data[at + 2] != magic[2]
            or data[at + 3] != magic[3]
        ):
            at += 1
            continue
        size = np.int64(0)
        for i in range(4):
            size |= np.int64(data[at + 4 + i]) << (8 * i)
        if size == 0 or size > end - at - 40:
            at += 1
            continue
        txs, after = compact(data, at + 8, at + 8 + size, MOST)
        if after < 0:
            at += 1
            continue
        found[count, 0] = at + 8
        found[count, 1] = size
        found[count, 2] = txs
        count += 1
        at += 40 + size
    return count
