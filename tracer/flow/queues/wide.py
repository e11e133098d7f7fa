"""Unsigned 128-bit amounts in two 64-bit limbs, with exact 256-bit products.

Account amounts have up to 38 digits (DECIMAL(38, 0), below 2^127); numba has no integer wider than 64 bits
and turns `int64 op uint64` into float64, so every operand here is uint64 and wraps as uint64 does. In kernels a
number is the pair `(hi, lo)`. A column of numbers is `Wide`: uint64[n, 2], low limb first, which is the memory
of Arrow's decimal128, so that a column from the ledger is taken without copying. Division is Knuth's
algorithm D (The Art of Computer Programming 2, 4.3.1) with 64-bit digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit

from tracer.errors import StoreDamaged

if TYPE_CHECKING:
    import pyarrow as pa

Wide = npt.NDArray[np.uint64]
"""uint64[n, 2]: low limb, high limb."""

U64 = np.uint64
"""One limb."""

MOST = (1 << 128) - 1
"""The largest number two limbs hold."""

_ZERO, _ONE, _HALF = np.uint64(0), np.uint64(1), np.uint64(32)
_LOW, _ALL = np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)
_63 = np.uint64(63)


@njit(cache=True, nogil=True)
def at(column, i):  # type: ignore[no-untyped-def]
    """Number `i` of a column as (hi, lo)."""
    return column[i, 1], column[i, 0]


@njit(cache=True, nogil=True)
def put(column, i, hi, lo):  # type: ignore[no-untyped-def]
    """Set number `i` of a column."""
    column[i, 0] = lo
    column[i, 1] = hi


@njit(cache=True, nogil=True)
def less(ah, al, bh, bl):  # type: ignore[no-untyped-def]
    """Whether a < b."""
    return ah < bh or (ah == bh and al < bl)


@njit(cache=True, nogil=True)
def add(ah, al, bh, bl):  # type: ignore[no-untyped-def]
    """(hi, lo, whether the sum exceeds 2^128 - 1); the sum is modulo 2^128."""
    lo = al + bl
    hi = ah + bh
    over = hi < ah
    if lo < al:
        hi += _ONE
        over = over or hi == _ZERO
    return hi, lo, over


@njit(cache=True, nogil=True)
def sub(ah, al, bh, bl):  # type: ignore[no-untyped-def]
    """The difference a - b modulo 2^128; ask `less` first where b may be greater."""
    hi = ah - bh
    if al < bl:
        hi -= _ONE
    return hi, al - bl


@njit(cache=True, nogil=True)
def mul_64(a, b):  # type: ignore[no-untyped-def]
    """The 128-bit product of two limbs."""
    a0, a1, b0, b1 = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    p00, p01, p10, p11 = a0 * b0, a0 * b1, a1 * b0, a1 * b1
    middle = (p00 >> _HALF) + (p01 & _LOW) + (p10 & _LOW)
    hi = p11 + (p01 >> _HALF) + (p10 >> _HALF) + (middle >> _HALF)
    return hi, (p00 & _LOW) | (middle << _HALF)


@njit(cache=True, nogil=True)
def mul(ah, al, bh, bl):  # type: ignore[no-untyped-def]
    """The 256-bit product of two numbers, four limbs, highest first."""
    h1, h0 = mul_64(ah, bh)
    x1, x0 = mul_64(ah, bl)
    y1, y0 = mul_64(al, bh)
    l1, l0 = mul_64(al, bl)
    m1, m0, over = add(x1, x0, y1, y0)
    if over:
        h1 += _ONE
    p1 = l1 + m0
    carry = _ONE if p1 < l1 else _ZERO
    p3, p2, _ = add(h1, h0, _ZERO, m1)
    p3, p2, _ = add(p3, p2, _ZERO, carry)
    return p3, p2, p1, l0


@njit(cache=True, nogil=True)
def _leading_zeros(x):  # type: ignore[no-untyped-def]
    """Zero bits above the highest set bit of a limb that is not 0."""
    count = _ZERO
    step = np.uint64(32)
    while step > _ZERO:
        if x >> (np.uint64(64) - step) == _ZERO:
            x = x << step
            count += step
        step = step >> _ONE
    return count


@njit(cache=True, nogil=True)
def _shifted(hi, lo, by):  # type: ignore[no-untyped-def]
    """The upper limb of `hi:lo << by`, `by` from 0 to 63."""
    return (hi << by) | ((lo >> _ONE) >> (_63 - by))


@njit(cache=True, nogil=True)
def _two_by_one(u1, u0, v):  # type: ignore[no-untyped-def]
    """(u1:u0 // v, u1:u0 % v) for u1 < v and v >= 2^63."""
    v1, v0 = v >> _HALF, v & _LOW
    q1 = u1 // v1
    rest = u1 - q1 * v1
    upper = u0 >> _HALF
    while q1 > _LOW or q1 * v0 > ((rest << _HALF) | upper):
        q1 -= _ONE
        rest += v1
        if rest > _LOW:
            break
    u = ((u1 << _HALF) | upper) - q1 * v
    q0 = u // v1
    rest = u - q0 * v1
    lower = u0 & _LOW
    while q0 > _LOW or q0 * v0 > ((rest << _HALF) | lower):
        q0 -= _ONE
        rest += v1
        if rest > _LOW:
            break
    return (q1 << _HALF) | q0, ((u << _HALF) | lower) - q0 * v


@njit(cache=True, nogil=True)
def _three_by_two(u2, u1, u0, v1, v0):  # type: ignore[no-untyped-def]
    """(q, rest hi, rest lo) of u2:u1:u0 by v1:v0, for u2:u1 < v1:v0 and v1 >= 2^63."""
    q = _ALL
    if u2 < v1:
        q, _ = _two_by_one(u2, u1, v1)
    a1, a0 = mul_64(q, v0)
    b1, b0 = mul_64(q, v1)
    t2, t1, _ = add(b1, b0, _ZERO, a1)
    borrow = _ONE if u0 < a0 else _ZERO
    top, r1 = sub(u2, u1, t2, t1)
    top, r1 = sub(top, r1, _ZERO, borrow)
    r0 = u0 - a0
    while top != _ZERO:  # q was too great, by 2 at most
        q -= _ONE
        r1, r0, over = add(r1, r0, v1, v0)
        if over:
            top += _ONE
    return q, r1, r0


@njit(cache=True, nogil=True)
def mul_div(ah, al, bh, bl, dh, dl):  # type: ignore[no-untyped-def]
    """(a*b // d as hi, lo; a*b % d as hi, lo), exact where 0 < d and a <= d or b <= d."""
    p3, p2, p1, p0 = mul(ah, al, bh, bl)
    if dh == _ZERO:  # then p3 is 0 and p2 < d
        by = _leading_zeros(dl)
        v = dl << by
        q1, rest = _two_by_one(_shifted(p2, p1, by), _shifted(p1, p0, by), v)
        q0, rest = _two_by_one(rest, p0 << by, v)
        return q1, q0, _ZERO, rest >> by
    by = _leading_zeros(dh)
    v1, v0 = _shifted(dh, dl, by), dl << by
    u3, u2 = _shifted(p3, p2, by), _shifted(p2, p1, by)
    q1, r1, r0 = _three_by_two(u3, u2, _shifted(p1, p0, by), v1, v0)
    q0, r1, r0 = _three_by_two(r1, r0, p0 << by, v1, v0)
    lower = (r0 >> by) | ((r1 << _ONE) << (_63 - by))
    return q1, q0, r1 >> by, lower


@njit(cache=True, nogil=True)
def share(th, tl, ah, al, wh, wl):  # type: ignore[no-untyped-def]
    """The quotient t * a / w to the nearest unit, a half up: largest remainder over {part, rest}, tie to the part.

    For 0 < w, and t or a not above it. Of `t` in a whole `w` what goes with a part `a`: exceeds neither of them, and
    t less it does not exceed w - a. Of `t` in a whole `w` that is exchanged for `a`, be it more or less than w: all
    of `a` for t = w, and rising with t.
    """
    qh, ql, rh, rl = mul_div(th, tl, ah, al, wh, wl)
    if rh == _ZERO and rl == _ZERO:
        return qh, ql
    oh, ol = sub(wh, wl, rh, rl)
    if not less(rh, rl, oh, ol):
        qh, ql, _ = add(qh, ql, _ZERO, _ONE)
    return qh, ql


def zeros(n: int) -> Wide:
    """A column of `n` zeros."""
    return np.zeros((n, 2), np.uint64)


def limbs(number: int) -> tuple[np.uint64, np.uint64]:
    """(hi, lo) of a Python integer; `ValueError` where it does not fit."""
    if not 0 <= number <= MOST:
        raise ValueError(f"{number} does not fit 128 bits")
    return np.uint64(number >> 64), np.uint64(number & 0xFFFFFFFFFFFFFFFF)


def from_ints(numbers: Iterable[int]) -> Wide:
    """A column of Python integers, 0 to 2^128 - 1; `ValueError` outside."""
    pairs = [limbs(number)[::-1] for number in numbers]
    return np.array(pairs, np.uint64).reshape(-1, 2)


def from_decimals(texts: Sequence[str]) -> Wide:
    """A column of whole decimal numbers as text, as JSON carries them; `ValueError` where one is not."""
    if any(not (text.isascii() and text.isdigit()) for text in texts):
        raise ValueError("an amount in base units is written in digits alone")
    return from_ints(map(int, texts))


def from_arrow(column: pa.Array[Any] | pa.ChunkedArray[Any]) -> Wide:
    """A DECIMAL(38, 0) column of the ledger; one chunk is not copied.

    `StoreDamaged` where a value is absent or negative: neither is an amount that moved.
    """
    import pyarrow as pa

    if column.type != pa.decimal128(38, 0):
        raise ValueError(f"amounts are decimal128(38, 0), not {column.type}")
    if column.null_count:
        raise StoreDamaged("a transfer has no amount.")
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    views = [_view(chunk) for chunk in chunks]
    found = views[0] if len(views) == 1 else np.concatenate([zeros(0), *views])
    if np.any(found[:, 1] >> _63):
        raise StoreDamaged("a transfer has a negative amount.")
    return found


def read_arrow(column: pa.Array[Any] | pa.ChunkedArray[Any]) -> tuple[Wide, npt.NDArray[np.bool_]]:
    """A DECIMAL(38, 0) column with amounts that nobody could read -> amounts, 0 there; whether unknown.

    A uint256 above 38 digits is NULL in the ledger. `StoreDamaged` where a value is negative.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    unknown = column.is_null().to_numpy(zero_copy_only=False)
    if not unknown.any():
        return from_arrow(column), unknown
    return from_arrow(pc.fill_null(column, pa.scalar(0, column.type))), unknown


def _view(chunk: pa.Array[Any]) -> Wide:
    if len(chunk) == 0:
        return zeros(0)
    words = np.frombuffer(chunk.buffers()[1], np.uint64).reshape(-1, 2)
    return words[chunk.offset : chunk.offset + len(chunk)]


def to_ints(column: Wide) -> list[int]:
    """Python integers of a column."""
    return [(hi << 64) | lo for lo, hi in column.tolist()]


def minus(a: Wide, b: Wide) -> Wide:
    """The column a - b, for b not above a."""
    found = a - b
    found[:, 1] -= a[:, 0] < b[:, 0]
    return found


def total(column: Wide) -> int:
    """The sum of a column, exact at any size."""
    return sums(column, np.zeros(len(column), np.int64), 1)[0]


def sums(column: Wide, group: npt.NDArray[np.int64], n: int) -> list[int]:
    """Sum per group 0 to n - 1, exact at any size; rows of a negative group count nowhere.

    Quarters of 32 bits are summed apart: 2^32 rows fit.
    """
    row = np.flatnonzero((group >= 0) & column.any(axis=1))
    found = [0] * n
    for limb in (0, 1):
        for half in (0, 1):
            quarter = np.zeros(n, np.uint64)
            np.add.at(quarter, group[row], (column[row, limb] >> np.uint64(32 * half)) & _LOW)
            for i, units in enumerate(quarter.tolist()):
                found[i] += units << (64 * limb + 32 * half)
    return found
