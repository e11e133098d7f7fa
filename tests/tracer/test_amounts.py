"""Exact money: what is rounded, how, and what adds up."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer.amounts import Amount, Fiat, add_amounts, amount, fiat_value, largest_remainder, minor_digits


@pytest.mark.parametrize(
    ("units", "price", "currency", "value"),
    [
        (38_796_959, "5338.36", "USD", "2071.12"),  # 2071.1213...
        (100_000_000, "0.005", "USD", "0.01"),  # a tie goes up
        (100_000_000, "0.00499999", "USD", "0.00"),
        (1, "67014.69921875", "USD", "0.00"),
        (150_000_000, "1000001", "JPY", "1500002"),  # no sen; 1500001.5 goes up
        (100_000_000, "1.2345", "BHD", "1.235"),
        (0, "8000", "USD", "0.00"),
        (2_100_000_000_000_000, "99999999999999999999.9999999999", "USD", "2100000000000000000000000000.00"),
    ],
)
def test_fiat_is_rounded_half_up_to_the_smallest_unit(
    units: int, price: str, currency: str, value: str
) -> None:
    assert fiat_value(units, 8, price, currency) == value


PRICES = st.from_regex(r"(0|[1-9][0-9]{0,14})\.[0-9]{1,14}", fullmatch=True)


@given(st.integers(0, 10**20), st.integers(0, 18), PRICES, st.sampled_from(["USD", "JPY", "BHD", "CLF"]))
def test_fiat_is_never_further_than_half_a_smallest_unit_from_the_truth(
    units: int, decimals: int, price: str, currency: str
) -> None:
    truth = Fraction(units, 10**decimals) * Fraction(price)
    error = Fraction(fiat_value(units, decimals, price, currency)) - truth
    half = Fraction(1, 2 * 10 ** minor_digits(currency))
    assert -half < error <= half


def valued(units: int, value: str, source: str = "a", date: str | None = "2020-01-01") -> Amount:
    fiat: Fiat = {"currency": "USD", "value": value, "date": date, "source": source}
    return amount("BTC", units, 8, fiat)


def test_a_sum_adds_the_rounded_values_and_names_every_source() -> None:
    parts = [
        valued(1, "0.10", "z", "2020-01-01"),
        valued(2, "20.05", "a", "2020-01-02"),
        valued(3, "0.00", "z"),
    ]
    assert add_amounts(parts, "BTC", 8) == valued(6, "20.15", "a; z", None)


def test_a_sum_of_sums_names_each_source_once() -> None:
    assert add_amounts([valued(1, "1.00", "a; b"), valued(1, "1.00", "b")], "BTC", 8)["fiat"] == {
        "currency": "USD", "value": "2.00", "date": None, "source": "a; b",
    }  # fmt: skip


def test_a_sum_with_a_part_of_unknown_worth_has_no_fiat() -> None:
    total = add_amounts([valued(1, "0.10"), amount("BTC", 2, 8)], "BTC", 8)
    assert (total["base_units"], total["fiat"]) == ("3", None)


def test_a_sum_of_nothing_has_no_fiat() -> None:
    assert add_amounts([], "BTC", 8) == amount("BTC", 0, 8)


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**18), min_size=1).filter(any))
def test_largest_remainder_adds_up_and_moves_no_part_by_a_whole_unit(total: int, weights: list[int]) -> None:
    parts = largest_remainder(total, weights)
    assert sum(parts) == total
    assert all(
        abs(part - Fraction(total * weight, sum(weights))) < 1
        for part, weight in zip(parts, weights, strict=True)
    )


def test_equal_remainders_go_to_the_earlier_weight() -> None:
    assert largest_remainder(1, [1, 1]) == [1, 0]
