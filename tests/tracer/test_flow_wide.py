"""128-bit arithmetic in two limbs equals Python's integers, at every limit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracer.errors import StoreDamaged
from tracer.flow.queues import wide
from tracer.flow.queues.wide import (
    MOST,
    from_arrow,
    from_decimals,
    from_ints,
    limbs,
    minus,
    read_arrow,
    sums,
    to_ints,
    total,
)

EDGES = sorted(
    {
        n
        for bit in (0, 1, 31, 32, 33, 52, 53, 63, 64, 65, 95, 96, 97, 126, 127, 128)
        for n in ((1 << bit) - 2, (1 << bit) - 1, 1 << bit, (1 << bit) + 1, 10**38 - 1)
        if 0 <= n <= MOST
    }
)
NUMBERS = st.one_of(
    st.sampled_from(EDGES), st.integers(0, MOST), st.integers(0, 128).map(lambda bits: MOST >> bits)
)


def _int(hi: np.uint64, lo: np.uint64) -> int:
    return (int(hi) << 64) | int(lo)


@settings(max_examples=500, deadline=None)
@given(NUMBERS, NUMBERS)
def test_sums_differences_and_order(a: int, b: int) -> None:
    hi, lo, over = wide.add(*limbs(a), *limbs(b))
    assert _int(hi, lo) == (a + b) % (MOST + 1)
    assert over == (a + b > MOST)
    assert _int(*wide.sub(*limbs(a), *limbs(b))) == (a - b) % (MOST + 1)
    assert wide.less(*limbs(a), *limbs(b)) == (a < b)


@settings(max_examples=500, deadline=None)
@given(NUMBERS, NUMBERS)
@example(MOST, MOST)
def test_products_are_exact_to_256_bits(a: int, b: int) -> None:
    p3, p2, p1, p0 = (int(limb) for limb in wide.mul(*limbs(a), *limbs(b)))
    assert (((p3 << 64 | p2) << 64 | p1) << 64 | p0) == a * b


def _divides(a: int, b: int, d: int) -> None:
    qh, ql, rh, rl = wide.mul_div(*limbs(a), *limbs(b), *limbs(d))
    assert (_int(qh, ql), _int(rh, rl)) == divmod(a * b, d), (a, b, d)


@settings(max_examples=2000, deadline=None)
@given(NUMBERS.filter(bool), NUMBERS, NUMBERS)
@example(MOST, MOST, MOST)
@example(1, 1, MOST)
def test_a_product_is_divided_exactly(d: int, a: int, b: int) -> None:
    _divides(a % (d + 1), b, d)
    _divides(b, a % (d + 1), d)


def test_a_product_is_divided_exactly_at_every_edge() -> None:
    for d in EDGES:
        for a in {0, 1, d // 2, d - 1, d} if d else ():
            for b in EDGES:
                _divides(a, b, d)


def test_a_quotient_digit_guessed_too_high_is_put_right() -> None:
    """Knuth's rare case, twice over: the leading digits of dividend and divisor are equal."""
    d = (1 << 127) + MOST // (1 << 64)
    for a in (d, d - 1, d - (1 << 64), 1 << 127):
        for b in (MOST, d - 1, (1 << 127) - 1, (1 << 64) - 1):
            _divides(a, b, d)


@settings(max_examples=500, deadline=None)
@given(NUMBERS.filter(bool), NUMBERS, NUMBERS)
def test_a_share_is_the_nearest_unit_and_the_tie_goes_to_the_part(whole: int, t: int, a: int) -> None:
    t, a = t % (whole + 1), a % (whole + 1)
    part = _int(*wide.share(*limbs(t), *limbs(a), *limbs(whole)))
    off = part - Fraction(t * a, whole)
    assert Fraction(-1, 2) < off <= Fraction(1, 2)
    assert part <= min(t, a)
    assert t - part <= whole - a


@settings(deadline=None)
@given(st.lists(NUMBERS, max_size=20))
def test_columns_are_integers_and_texts(numbers: list[int]) -> None:
    column = from_ints(numbers)
    assert column.shape == (len(numbers), 2)
    assert to_ints(column) == numbers
    assert to_ints(from_decimals([str(number) for number in numbers])) == numbers
    assert total(column) == sum(numbers)


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, st.integers(-1, 3)), max_size=40))
def test_sums_per_group_are_exact_beyond_128_bits(rows: list[tuple[int, int]]) -> None:
    column, group = from_ints(number for number, _ in rows), np.array([g for _, g in rows], np.int64)
    assert sums(column, group, 4) == [sum(number for number, g in rows if g == i) for i in range(4)]


@pytest.mark.parametrize("number", [-1, MOST + 1])
def test_what_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit 128 bits"):
        from_ints([number])


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "0x1", "٣", " 1"])
def test_a_text_that_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="digits alone"):
        from_decimals(["7", text])


def _decimals(*numbers: int | None) -> pa.Array:
    return pa.array([None if n is None else Decimal(n) for n in numbers], pa.decimal128(38, 0))


def test_a_ledger_column_is_taken_as_it_lies_in_memory() -> None:
    numbers = [0, 1, 1 << 64, 10**38 - 1]
    assert to_ints(from_arrow(_decimals(*numbers))) == numbers
    assert to_ints(from_arrow(_decimals(5, 6, 7, 8).slice(1, 2))) == [6, 7]
    chunks = pa.chunked_array([_decimals(1, 2), _decimals(), _decimals(3).slice(0, 1)])
    assert to_ints(from_arrow(chunks)) == [1, 2, 3]
    assert to_ints(from_arrow(pa.chunked_array([], pa.decimal128(38, 0)))) == []


@pytest.mark.parametrize(("number", "words"), [(None, "no amount"), (-1, "negative amount")])
def test_an_amount_that_is_none_is_refused(number: int | None, words: str) -> None:
    with pytest.raises(StoreDamaged, match=words):
        from_arrow(_decimals(3, number))


def test_an_amount_beyond_38_digits_is_absent_and_said_to_be_unknown() -> None:
    for column in (
        _decimals(3, None, 10**38 - 1),
        pa.chunked_array([_decimals(3), _decimals(None, 10**38 - 1)]),
    ):
        amounts, unknown = read_arrow(column)
        assert to_ints(amounts) == [3, 0, 10**38 - 1]
        assert unknown.tolist() == [False, True, False]
    amounts, unknown = read_arrow(_decimals(3, 4))
    assert to_ints(amounts) == [3, 4]
    assert not unknown.any()


@given(a=NUMBERS, b=NUMBERS)
def test_columns_are_subtracted(a: int, b: int) -> None:
    assert to_ints(minus(from_ints([a, max(a, b)]), from_ints([0, b]))) == [a, max(a, b) - b]


@given(whole=NUMBERS, t=NUMBERS, exchanged=NUMBERS)
def test_an_exchange_gives_all_for_all_and_the_nearest_unit_for_a_part(
    whole: int, t: int, exchanged: int
) -> None:
    """As a share, though what is got may be more than what was given."""
    whole, t = max(whole, t, 1), min(whole, t)
    got = _int(*wide.share(*limbs(t), *limbs(exchanged), *limbs(whole)))
    assert got == (2 * t * exchanged + whole) // (2 * whole)


def test_a_column_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="decimal128"):
        from_arrow(pa.array([1.5]))
