"""Amounts as columns of two 64-bit limbs: exact, never rounded; unknown and too great are states, not numbers.

Arrow keeps a decimal128 as the same two words, so that columns go over without a look at a single value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

ABSENT, KNOWN, WIDE = range(3)
"""States of an amount: not told; told; told, but of more than 38 digits."""
MOST = 10**38 - 1
"""The greatest DECIMAL(38, 0)."""
MOST_HIGH, MOST_LOW = np.uint64(MOST >> 64), np.uint64(MOST & (1 << 64) - 1)
_HALF = np.uint64(32)
_LOW_HALF = np.uint64((1 << 32) - 1)


@nb.njit(nogil=True, cache=True, inline="always")
def _settle(low, high, limbs, states, i):  # type: ignore[no-untyped-def]
    if high > MOST_HIGH or (high == MOST_HIGH and low > MOST_LOW):
        states[i] = WIDE
    else:
        limbs[i, 0], limbs[i, 1] = low, high
        states[i] = KNOWN


@nb.njit(nogil=True, cache=True)
def _wide(a, b):  # type: ignore[no-untyped-def]
    """Both words of a product of two words (schoolbook, on halves)."""
    a0, a1, b0, b1 = a & _LOW_HALF, a >> _HALF, b & _LOW_HALF, b >> _HALF
    middle = a1 * b0 + (a0 * b0 >> _HALF)
    cross = a0 * b1 + (middle & _LOW_HALF)
    return a * b, a1 * b1 + (middle >> _HALF) + (cross >> _HALF)


@nb.njit(nogil=True, cache=True)
def _product(counts, limbs, states, out, found):  # type: ignore[no-untyped-def]
    for i in range(counts.shape[0]):
        out[i, 0] = out[i, 1] = 0
        found[i] = states[i]
        if states[i] != KNOWN or counts[i] == 0:
            found[i] = KNOWN if counts[i] == 0 and states[i] != ABSENT else states[i]
            continue
        count = np.uint64(counts[i])
        low, carry = _wide(limbs[i, 0], count)
        high, over = _wide(limbs[i, 1], count)
        high += carry
        if over > 0 or high < carry:
            found[i] = WIDE
        else:
            _settle(low, high, out, found, i)


@nb.njit(nogil=True, cache=True)
def _sum(a, a_states, b, b_states, out, found):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        out[i, 0] = out[i, 1] = 0
        if a_states[i] != KNOWN or b_states[i] != KNOWN:
            found[i] = ABSENT if a_states[i] == ABSENT or b_states[i] == ABSENT else WIDE
            continue
        low = a[i, 0] + b[i, 0]
        carry = np.uint64(1) if low < b[i, 0] else np.uint64(0)
        _settle(low, a[i, 1] + b[i, 1] + carry, out, found, i)


@nb.njit(nogil=True, cache=True)
def _split(a, a_states, b, b_states, part, rest, found):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        part[i, 0] = part[i, 1] = rest[i, 0] = rest[i, 1] = 0
        if a_states[i] != KNOWN or b_states[i] != KNOWN:
            found[i] = ABSENT if a_states[i] == ABSENT or b_states[i] == ABSENT else WIDE
            continue
        found[i] = KNOWN
        if b[i, 1] > a[i, 1] or (b[i, 1] == a[i, 1] and b[i, 0] >= a[i, 0]):
            part[i, 0], part[i, 1] = a[i, 0], a[i, 1]
        else:
            borrow = np.uint64(1) if a[i, 0] < b[i, 0] else np.uint64(0)
            part[i, 0], part[i, 1] = b[i, 0], b[i, 1]
            rest[i, 0], rest[i, 1] = a[i, 0] - b[i, 0], a[i, 1] - b[i, 1] - borrow


@dataclass(frozen=True)
class Amounts:
    """A column of amounts: limbs (n, 2) uint64, low first, 0 unless KNOWN; states (n,) uint8."""

    limbs: NDArray[np.uint64]
    states: NDArray[np.uint8]

    def __getitem__(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Amounts:
        return Amounts(self.limbs[rows], self.states[rows])

    def __len__(self) -> int:
        return len(self.states)

    def nothing(self) -> NDArray[np.bool_]:
        """(n,) where the amount is known to be 0."""
        zero: NDArray[np.bool_] = (self.states == KNOWN) & ~self.limbs.any(axis=1)
        return zero

    def arrow(self) -> pa.Array:
        """As decimal128(38, 0); null unless known."""
        import pyarrow as pa

        mask = pa.py_buffer(np.packbits(self.states == KNOWN, bitorder="little"))
        body = pa.py_buffer(np.ascontiguousarray(self.limbs))
        return pa.Array.from_buffers(pa.decimal128(38, 0), len(self), [mask, body])


def constant(units: int, count: int) -> Amounts:
    """The same amount `count` times."""
    limbs = np.empty((count, 2), np.uint64)
    limbs[:, 0], limbs[:, 1] = units & (1 << 64) - 1, units >> 64
    return Amounts(limbs, np.full(count, KNOWN, np.uint8))


def integers(counts: NDArray[np.int64]) -> Amounts:
    """Whole numbers as amounts."""
    limbs = np.zeros((len(counts), 2), np.uint64)
    limbs[:, 0] = counts
    return Amounts(limbs, np.full(len(counts), KNOWN, np.uint8))


def stack(columns: Sequence[Amounts]) -> Amounts:
    """Columns of amounts one after the other."""
    return Amounts(np.concatenate([c.limbs for c in columns]), np.concatenate([c.states for c in columns]))


def product(counts: NDArray[np.int64], each: Amounts) -> Amounts:
    """`counts` (none negative) times `each`, row by row; WIDE where it has more than 38 digits."""
    found = _like(each)
    _product(counts, each.limbs, each.states, found.limbs, found.states)
    return found


def total(first: Amounts, *others: Amounts) -> Amounts:
    """The sum, row by row; ABSENT where one of them is, WIDE where it has more than 38 digits."""
    for other in others:
        found = _like(first)
        _sum(first.limbs, first.states, other.limbs, other.states, found.limbs, found.states)
        first = found
    return first


def split(whole: Amounts, at: Amounts) -> tuple[Amounts, Amounts]:
    """Each amount as the part up to `at`, and the rest."""
    part, rest = _like(whole), _like(whole)
    _split(whole.limbs, whole.states, at.limbs, at.states, part.limbs, rest.limbs, part.states)
    rest.states[:] = part.states
    return part, rest


def _like(column: Amounts) -> Amounts:
    return Amounts(np.empty_like(column.limbs), np.empty_like(column.states))
