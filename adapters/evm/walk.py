"""The walk over JSON text: one pass over the bytes, one entry per value under a known key. See `adapters.evm.tape`."""

from __future__ import annotations

import numba as nb
import numpy as np

OBJECT, ARRAY, STRING, NUMBER, WORD, NULL = range(1, 7)
"""Kinds of entries. A NULL is an entry only as an element of an array; as the value of a key it is absence."""

ROOT = 0
"""Key of an answer: of what stands at the outermost level, alone or in a batch."""
UNKNOWN = 255
"""Key of what is skipped."""
SLOTS = 512
"""Size of the table of keys."""
PRIME = 0x100000001B3
"""Factor of the FNV-1a hash that keys are looked up by."""
DEPTH = 8192
"""Deepest nesting that is read: an EVM call stack of 1,024 frames is 2,051 deep."""
FULL, CUT, DEEP, WRONG = range(1, 5)
"""Problems: no room for more entries, the text ends too soon, nested too deeply, no JSON."""
_QUOTES, _ONES, _HIGHS = (np.uint64(0x0101010101010101 * byte) for byte in (0x22, 0x01, 0x80))


@nb.njit(nogil=True, cache=True)
def _quote(text, words, at):  # type: ignore[no-untyped-def]
    """The next quote at or behind a byte that no backslash takes away; eight bytes at a time (Mycroft's zero byte)."""
    first = at
    while True:
        while text[at] != 34:
            at += np.uint64(1)
            if at & np.uint64(7) == 0:
                word = words[at >> np.uint64(3)] ^ _QUOTES
                while (word - _ONES) & ~word & _HIGHS == 0:
                    at += np.uint64(8)
                    word = words[at >> np.uint64(3)] ^ _QUOTES
        slashes = np.uint64(0)
        while at > first + slashes and text[at - slashes - np.uint64(1)] == 92:
            slashes += np.uint64(1)
        if slashes & np.uint64(1) == 0:
            return at
        at += np.uint64(1)


@nb.njit(nogil=True, cache=True)
def walk(text, words, bounds, slots, slot_keys, kinds, keys, parents, starts, ends):  # type: ignore[no-untyped-def]
    """Fill the entries; returns their number, the problem (0: none) and where it was met.

    text    ends in quotes behind the last bound, so that no string runs out of it
    words   the same, eight bytes each
    bounds  (n, 2) first and end byte of each body
    """
    stack = np.empty(DEPTH, np.int32)
    n = 0
    for body in range(bounds.shape[0]):
        at, end = bounds[body, 0], bounds[body, 1]
        depth = 0
        key = ROOT
        values = 0
        after = False  # a value was read: a comma, an end or nothing may follow
        while True:
            while at < end and text[at] <= 32:
                at += 1
            if at >= end:
                if depth > 0 or values == 0 or not after:
                    return n, CUT, at
                break
            inside = depth > 0 and kinds[stack[depth - 1]] == OBJECT
            if after:
                if depth == 0:
                    return n, WRONG, at
                mark = text[at]
                at += 1
                if mark in (125, 93):  # } ]
                    if inside != (mark == 125):
                        return n, WRONG, at - 1
                    depth -= 1
                    ends[stack[depth]] = at
                    continue
                if mark != 44:
                    return n, WRONG, at - 1
                after = False
                while at < end and text[at] <= 32:
                    at += 1
                if at >= end:
                    return n, CUT, at
                if text[at] == 125 or text[at] == 93:
                    return n, WRONG, at
            elif depth > 0 and text[at] == (125 if inside else 93):  # an empty container
                depth -= 1
                at += 1
                ends[stack[depth]] = at
                after = True
                continue
            parent = stack[depth - 1] if depth > 0 else -1
            if inside:
                if text[at] != 34:
                    return n, WRONG, at
                at += 1
                first = at
                code = np.uint64(0)
                while text[at] != 34:
                    at += text[at] == 92  # no key of ours has an escape in it: only the end must be found
                    code = (code ^ np.uint64(text[at])) * np.uint64(PRIME)
                    at += 1
                if at >= end:
                    return n, CUT, at
                slot = (code ^ (code >> np.uint64(32))) & np.uint64(SLOTS - 1)
                while slots[slot] != code and slots[slot] != 0:
                    slot = (slot + np.uint64(1)) & np.uint64(SLOTS - 1)
                key = slot_keys[slot] if slots[slot] == code and at > first else UNKNOWN
                at += 1
                while at < end and text[at] <= 32:
                    at += 1
                if at >= end:
                    return n, CUT, at
                if text[at] != 58:
                    return n, WRONG, at
                at += 1
                while at < end and text[at] <= 32:
                    at += 1
                if at >= end:
                    return n, CUT, at
            elif depth > 0:
                key = keys[parent]
            after = True
            values += 1
            first = at
            mark = text[at]
            if n == kinds.shape[0]:
                return n, FULL, at
            if mark == 34:
                at = np.int64(_quote(text, words, np.uint64(at + 1)))
                if at >= end:
                    return n, CUT, at
                if key != UNKNOWN:
                    kinds[n], keys[n], parents[n], starts[n], ends[n] = STRING, key, parent, first + 1, at
                    n += 1
                at += 1
            elif mark in (123, 91):
                if key != UNKNOWN:
                    if depth == DEPTH:
                        return n, DEEP, at
                    kinds[n], keys[n] = OBJECT if mark == 123 else ARRAY, key
                    parents[n], starts[n], ends[n] = parent, first, -1
                    stack[depth] = n
                    depth += 1
                    n += 1
                    at += 1
                    after = False
                    continue
                open_ = 0
                while at < end:
                    mark = text[at]
                    at += 1
                    if mark == 34:
                        at = np.int64(_quote(text, words, np.uint64(at))) + 1
                    elif mark in (123, 91):
                        open_ += 1
                    elif mark in (125, 93):
                        open_ -= 1
                        if open_ == 0:
                            break
                if open_ != 0:
                    return n, CUT, at
            else:
                while at < end and text[at] > 32 and text[at] != 44 and text[at] != 93 and text[at] != 125:
                    at += 1
                size = at - first
                null = size == 4 and mark == 110 and text[first + 1] == 117 and text[first + 3] == 108
                if not null and mark not in (116, 102, 45) and not 48 <= mark <= 57:
                    return n, WRONG, first
                if key != UNKNOWN and not (null and inside):
                    kinds[n] = NULL if null else (WORD if mark in (116, 102) else NUMBER)
                    keys[n], parents[n], starts[n], ends[n] = key, parent, first, at
                    n += 1
    return n, 0, 0


@nb.njit(nogil=True, cache=True)
def scatter(parents, keys, rows, columns, out):  # type: ignore[no-untyped-def]
    """Entry of each (row, column), -1 where there is none; returns the first entry that stands there twice, or -1.

    rows     row of each entry that is an object of the class, else -1
    columns  column of each key, else -1
    """
    for i in range(parents.shape[0]):
        parent = parents[i]
        if parent >= 0 and rows[parent] >= 0 and columns[keys[i]] >= 0:
            row, column = rows[parent], columns[keys[i]]
            if out[row, column] >= 0:
                return i
            out[row, column] = i
    return -1
