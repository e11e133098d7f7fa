"""Numbers for the distinct keys of one turn, in the order in which the chain shows them first.

The hash table is open-addressed with linear probing and grows with what is found; hashes only find candidates, full
keys decide.
"""

from __future__ import annotations

import numba as nb
import numpy as np

_MIX = np.uint64(0x9E3779B97F4A7C15)
_START = 1 << 12


@nb.njit(nogil=True, cache=True)
def _slot(words, row, mask):  # type: ignore[no-untyped-def]
    h = np.uint64(0)
    for w in range(words.shape[1]):
        h = (h ^ np.uint64(words[row, w])) * _MIX
        h ^= h >> np.uint64(29)
    return h & mask


@nb.njit(nogil=True, cache=True)
def _grown(table, keys, count):  # type: ignore[no-untyped-def]
    """Twice the room, the same numbers."""
    bigger = np.full(2 * table.shape[0], -1, np.int32)
    more = np.empty((2 * keys.shape[0], keys.shape[1]), np.uint32)
    more[:count] = keys[:count]
    mask = np.uint64(bigger.shape[0] - 1)
    for number in range(count):
        slot = _slot(more, number, mask)
        while bigger[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        bigger[slot] = number
    return bigger, more


@nb.njit(nogil=True, cache=True)
def number_in_order(words, known, local, groups, firsts):  # type: ignore[no-untyped-def]
    """Number equal keys alike, in order of first appearance; returns the keys by number, (k, w) uint32.

    words    tuple of c columns (n, w) uint32, read-only: a key in each row
    known    tuple of c columns (n,) bool: whether the row has a key
    local    tuple of c columns (n,) int32, out: its number, -1 for none
    groups   (g + 1,) int64: columns of each group; those of a group are read side by side, row by row
    firsts   (g, u + 1) int64: rows of each group in each unit (transaction, or tail of a block), units in chain order
    """
    table = np.full(_START, -1, np.int32)
    keys = np.empty((_START // 2, words[0].shape[1]), np.uint32)
    width = keys.shape[1]
    count = 0
    for unit in range(firsts.shape[1] - 1):
        for group in range(firsts.shape[0]):
            for row in range(firsts[group, unit], firsts[group, unit + 1]):
                for c in range(groups[group], groups[group + 1]):
                    if not known[c][row]:
                        local[c][row] = -1
                        continue
                    column = words[c]
                    mask = np.uint64(table.shape[0] - 1)
                    slot = _slot(column, row, mask)
                    while True:
                        number = table[slot]
                        if number < 0:
                            if count == keys.shape[0]:
                                table, keys = _grown(table, keys, count)
                                mask = np.uint64(table.shape[0] - 1)
                                slot = _slot(column, row, mask)
                                while table[slot] >= 0:
                                    slot = (slot + np.uint64(1)) & mask
                            for w in range(width):
                                keys[count, w] = column[row, w]
                            table[slot] = count
                            number = count
                            count += 1
                            break
                        same = True
                        for w in range(width):
                            if keys[number, w] != column[row, w]:
                                same = False
                                break
                        if same:
                            break
                        slot = (slot + np.uint64(1)) & mask
                    local[c][row] = number
    return keys[:count].copy()
