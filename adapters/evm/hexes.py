"""Hex text -> bytes, integers and amounts, by whole columns.

An entry is a number in a `Tape`, -1 where the value is absent. Nothing is rounded: an amount above 38 digits is told
apart (`WIDE`), whoever asked decides what becomes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.evm.amounts import ABSENT, KNOWN, MOST_HIGH, MOST_LOW, WIDE, Amounts
from adapters.evm.tape import Tape
from adapters.evm.walk import NUMBER, STRING

_DIGIT = np.full(256, 255, np.uint8)
for _text in (b"0123456789abcdef", b"0123456789ABCDEF"):
    _DIGIT[list(_text)] = range(16)
_LONG_DIGITS = 18  # decimal digits that always fit 64 bits


@nb.njit(nogil=True, cache=True)
def _fixed(text, kinds, starts, ends, entries, out):  # type: ignore[no-untyped-def]
    """Write `out.shape[1]` bytes of each entry; returns the first row that has another size or no hex, or -1."""
    width = out.shape[1]
    for i in range(entries.shape[0]):
        entry = entries[i]
        if entry < 0:
            for k in range(width):
                out[i, k] = 0
            continue
        at = np.uint64(starts[entry])
        size = ends[entry] - starts[entry]
        if (
            size != 2 * width + 2
            or kinds[entry] != STRING
            or text[at] != 48
            or text[at + np.uint64(1)] != 120
        ):
            return i
        at += np.uint64(2)
        odd = np.uint8(0)
        for k in range(width):
            high, low = _DIGIT[text[at]], _DIGIT[text[at + np.uint64(1)]]
            odd |= high | low
            out[i, k] = high << np.uint8(4) | low & np.uint8(15)
            at += np.uint64(2)
        if odd > 15:
            return i
    return -1


@nb.njit(nogil=True, cache=True)
def _integers(text, kinds, starts, ends, entries, out):  # type: ignore[no-untyped-def]
    """Quantities below 2^63 as int64, 0 where absent; plain decimal numbers are taken too. The first bad row, or -1."""
    for i in range(entries.shape[0]):
        entry = entries[i]
        out[i] = 0
        if entry < 0:
            continue
        at, end = starts[entry], ends[entry]
        value = np.uint64(0)
        if kinds[entry] == NUMBER:
            if end - at > _LONG_DIGITS:
                return i
            for k in range(at, end):
                if not 48 <= text[k] <= 57:
                    return i
                value = value * np.uint64(10) + np.uint64(text[k] - 48)
        else:
            if kinds[entry] != STRING or end - at < 3 or text[at] != 48 or text[at + 1] != 120:
                return i
            at += 2
            while at < end - 1 and text[at] == 48:
                at += 1
            if end - at > 16:
                return i
            for k in range(at, end):
                digit = _DIGIT[text[k]]
                if digit > 15:
                    return i
                value = value << np.uint64(4) | np.uint64(digit)
            if value >> np.uint64(63):
                return i
        out[i] = np.int64(value)
    return -1


@nb.njit(nogil=True, cache=True)
def _amounts(text, kinds, starts, ends, entries, limbs, states):  # type: ignore[no-untyped-def]
    """Quantities up to 2^256 - 1 as two limbs; returns the first row that is none, or -1."""
    for i in range(entries.shape[0]):
        entry = entries[i]
        limbs[i, 0] = limbs[i, 1] = 0
        states[i] = ABSENT
        if entry < 0:
            continue
        at, end = starts[entry], ends[entry]
        if kinds[entry] != STRING or end - at < 3 or text[at] != 48 or text[at + 1] != 120:
            return i
        at += 2
        while at < end - 1 and text[at] == 48:
            at += 1
        if end - at > 64:
            return i
        low, high, wide = np.uint64(0), np.uint64(0), end - at > 32
        for k in range(at, end):
            digit = _DIGIT[text[k]]
            if digit > 15:
                return i
            high = high << np.uint64(4) | low >> np.uint64(60)
            low = low << np.uint64(4) | np.uint64(digit)
        if wide or high > MOST_HIGH or (high == MOST_HIGH and low > MOST_LOW):
            states[i] = WIDE
        else:
            limbs[i, 0], limbs[i, 1] = low, high
            states[i] = KNOWN
    return -1


@nb.njit(nogil=True, cache=True)
def _sizes(text, kinds, starts, ends, entries, out):  # type: ignore[no-untyped-def]
    """Bytes of each hex text; returns the first row that is none by its form, or -1."""
    for i in range(entries.shape[0]):
        entry = entries[i]
        out[i] = 0
        if entry < 0:
            continue
        at, end = starts[entry], ends[entry]
        if kinds[entry] != STRING or end - at < 2 or (end - at) % 2 or text[at] != 48 or text[at + 1] != 120:
            return i
        out[i] = (end - at) // 2 - 1
    return -1


@nb.njit(nogil=True, cache=True)
def _strings(text, starts, entries, offsets, out):  # type: ignore[no-untyped-def]
    """Write the bytes of each entry from its offset to the next; returns the first row that is no hex, or -1."""
    for i in range(entries.shape[0]):
        if entries[i] < 0:
            continue
        at = starts[entries[i]] + 2
        odd = np.uint8(0)
        for k in range(offsets[i], offsets[i + 1]):
            high, low = _DIGIT[text[at]], _DIGIT[text[at + 1]]
            odd |= high | low
            out[k] = high << np.uint8(4) | low & np.uint8(15)
            at += 2
        if odd > 15:
            return i
    return -1


@nb.njit(nogil=True, cache=True)
def _words(data, places, limbs, states):  # type: ignore[no-untyped-def]
    """The 32 bytes at each place of `data`, big-endian, as amounts."""
    for i in range(places.shape[0]):
        at = places[i]
        low, high, wide = np.uint64(0), np.uint64(0), np.uint8(0)
        for k in range(16):
            wide |= data[at + k]
        for k in range(16, 24):
            high = high << np.uint64(8) | np.uint64(data[at + k])
        for k in range(24, 32):
            low = low << np.uint64(8) | np.uint64(data[at + k])
        limbs[i, 0] = limbs[i, 1] = 0
        if wide or high > MOST_HIGH or (high == MOST_HIGH and low > MOST_LOW):
            states[i] = WIDE
        else:
            limbs[i, 0], limbs[i, 1] = low, high
            states[i] = KNOWN


@nb.njit(nogil=True, cache=True)
def _choices(text, starts, ends, entries, words, out):  # type: ignore[no-untyped-def]
    """Number of the word that each entry is, -1 where it is none; `words` are padded with zeros."""
    for i in range(entries.shape[0]):
        out[i] = -1
        if entries[i] < 0:
            continue
        at, size = starts[entries[i]], ends[entries[i]] - starts[entries[i]]
        if size >= words.shape[1]:
            continue
        for w in range(words.shape[0]):
            k = 0
            while k < size and text[at + k] == words[w, k]:
                k += 1
            if k == size and words[w, k] == 0:
                out[i] = w
                break


class Odd(Exception):
    """A value that is not what its field holds: the row and the entry. Callers say which block and field it is."""

    def __init__(self, row: int, entry: int) -> None:
        super().__init__(row, entry)
        self.row, self.entry = row, entry


def fixed(tape: Tape, entries: NDArray[np.int32], width: int) -> NDArray[np.uint8]:
    """(n, width) bytes; zeros where absent; `Odd` where a text has another size or is no hex."""
    out = np.empty((len(entries), width), np.uint8)
    _check(entries, _fixed(tape.text, tape.kinds, tape.starts, tape.ends, entries, out))
    return out


def prefixes(
    tape: Tape, entries: NDArray[np.int32], width: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """(n, width) first bytes of texts of any length, and (n,) where there are so many; `Odd` where no hex."""
    enough = (entries >= 0) & (tape.ends[entries] - tape.starts[entries] >= 2 * width + 2)
    some = np.where(enough, entries, -1).astype(np.int32)
    out = np.empty((len(entries), width), np.uint8)
    _check(some, _fixed(tape.text, tape.kinds, tape.starts, tape.starts + (2 * width + 2), some, out))
    return out, enough


def choices(tape: Tape, entries: NDArray[np.int32], words: Sequence[str]) -> NDArray[np.int64]:
    """(n,) number of the word each text is, -1 where it is none of them."""
    table = np.zeros((len(words), max(map(len, words)) + 1), np.uint8)
    for row, word in enumerate(words):
        table[row, : len(word)] = list(word.encode())
    out = np.empty(len(entries), np.int64)
    _choices(tape.text, tape.starts, tape.ends, entries, table, out)
    return out


def integers(tape: Tape, entries: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n,) integers below 2^63; 0 where absent; `Odd` where there is none."""
    out = np.empty(len(entries), np.int64)
    _check(entries, _integers(tape.text, tape.kinds, tape.starts, tape.ends, entries, out))
    return out


def amounts(tape: Tape, entries: NDArray[np.int32]) -> Amounts:
    """Quantities below 2^256; `Odd` where there is none."""
    found = Amounts(np.empty((len(entries), 2), np.uint64), np.empty(len(entries), np.uint8))
    _check(
        entries, _amounts(tape.text, tape.kinds, tape.starts, tape.ends, entries, found.limbs, found.states)
    )
    return found


def strings(tape: Tape, entries: NDArray[np.int32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Bytes of any length one after the other, and (n + 1,) offsets; nothing where absent; `Odd` where no hex."""
    sizes = np.empty(len(entries), np.int64)
    _check(entries, _sizes(tape.text, tape.kinds, tape.starts, tape.ends, entries, sizes))
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    out = np.empty(int(offsets[-1]), np.uint8)
    _check(entries, _strings(tape.text, tape.starts, entries, offsets, out))
    return out, offsets


def words(data: NDArray[np.uint8], places: NDArray[np.int64]) -> Amounts:
    """The 32 bytes at each place of `data` as amounts."""
    found = Amounts(np.empty((len(places), 2), np.uint64), np.empty(len(places), np.uint8))
    _words(data, places, found.limbs, found.states)
    return found


def uint256(tape: Tape, entry: int) -> bytes:
    """The 32 bytes of a quantity: what quarantine keeps of one that does not fit."""
    return int(tape.said(entry), 16).to_bytes(32, "big")


def _check(entries: NDArray[np.int32], row: int) -> None:
    if row >= 0:
        raise Odd(row, int(entries[row]))
