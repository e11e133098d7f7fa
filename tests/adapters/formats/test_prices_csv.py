"""Price files: what is taken, what is not, and which line says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.intel.formats import prices_csv
from adapters.intel.found import Found, Unreadable

YAHOO = """Date,Open,High,Low,Close,Adj Close,Volume
2012-02-24,4.669715,6.250507,4.669715,5.000865,5.000865,89871
2012-02-25,4.993149,5.221826,4.238415,5.085299,5.085299,85970
"""


def read(
    text: str, file: str = "prices/BTC-USD.csv", **defaults: str
) -> tuple[list[dict[str, str]], dict[int, str]]:
    """Good rows without their lines, and reason by line."""
    found = Found(file, "2026-01-01", defaults=defaults)
    good = [row for _, row in prices_csv.rows(text, found)]
    return good, {bad.line: bad.reason for bad in found.rejections}


def price(day: str, text: str, **change: str) -> dict[str, str]:
    plain = {"asset": "BTC", "currency": "USD", "day": day, "price": text, "source": "prices/BTC-USD.csv"}
    return plain | change


def test_yahoos_close_is_the_price_of_the_day_as_the_text_stands() -> None:
    assert read(YAHOO) == ([price("2012-02-24", "5.000865"), price("2012-02-25", "5.085299")], {})


def test_our_own_columns_in_any_order_and_case() -> None:
    text = "Source,PRICE,Day,asset,currency\nhttps://example.org,8000.50,2020-01-01,eth,eur\n"
    (row,), _ = read(text)
    assert row == price("2020-01-01", "8000.50", asset="ETH", currency="EUR", source="https://example.org")


def test_a_column_goes_before_an_option_and_an_option_before_the_file_name() -> None:
    text = "date,price,asset\n2020-01-01,1,LTC\n2020-01-01,2,\n"
    rows, bad = read(text, currency="EUR", asset="ETH", source="a market")
    assert [(row["asset"], row["currency"], row["source"]) for row in rows] == [
        ("LTC", "EUR", "a market"),
        ("ETH", "EUR", "a market"),
    ]
    assert not bad


def test_a_file_that_nowhere_says_what_it_prices_gives_no_row() -> None:
    rows, bad = read("date,price\n2020-01-01,1\n", file="prices/daily.csv")
    assert not rows
    assert bad == {2: "no asset: name it in a column, with --asset, or in the file name (BTC-USD.csv)"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "price is zero; a day without a price is left out, never zero"),
        ("0.000", "price is zero; a day without a price is left out, never zero"),
        ("-5.1", "price -5.1 is negative"),
        ("null", "price 'null' is no plain decimal number (8000.56)"),
        ("NaN", "price 'NaN' is no plain decimal number (8000.56)"),
        ("1e5", "price '1e5' is no plain decimal number (8000.56)"),
        ('"1,000"', "price '1,000' is no plain decimal number (8000.56)"),
        ("٣", "price '٣' is no plain decimal number (8000.56)"),
        ("", "missing field 'price'"),
        ("1." + "1" * 30, "price has more than 30 digits"),
    ],
)
def test_what_is_no_price_is_named_by_line_and_the_rest_goes_in(text: str, reason: str) -> None:
    rows, bad = read(f"Date,Close\n2020-01-01,{text}\n2020-01-02,7.5\n")
    assert rows == [price("2020-01-02", "7.5")]
    assert bad == {2: reason}


def test_a_price_of_thirty_digits_is_taken() -> None:
    rows, _ = read(f"Date,Close\n2020-01-01,1.{'1' * 29}\n")
    assert rows == [price("2020-01-01", "1." + "1" * 29)]


def test_a_day_said_twice_alike_is_taken_once() -> None:
    rows, bad = read("Date,Close\n2020-01-01,7.50\n2020-01-02,8\n2020-01-01,7.5\n")
    assert rows == [price("2020-01-01", "7.50"), price("2020-01-02", "8")]
    assert bad == {4: "2020-01-01 stands twice: line 2 says the same"}


def test_a_day_with_two_different_prices_has_none() -> None:
    rows, bad = read("Date,Close\n2020-01-01,7.50\n2020-01-02,8\n2020-01-01,7.51\n")
    assert rows == [price("2020-01-02", "8")]
    reason = "2020-01-01 has 2 different prices (lines 2, 4); none is taken"
    assert bad == {2: reason, 4: reason}


def test_two_sources_may_price_one_day() -> None:
    rows, bad = read("date,price,source\n2020-01-01,7,a\n2020-01-01,8,b\n")
    assert [row["price"] for row in rows] == ["7", "8"]
    assert not bad


@pytest.mark.parametrize("code", ["US", "USDT", "U$D"])
def test_a_currency_is_three_letters(code: str) -> None:
    rows, bad = read(f"date,price,currency\n2020-01-01,7,{code}\n")
    assert not rows
    assert bad == {2: f"currency {code!r} is no ISO 4217 code (USD)"}


def test_rows_of_another_shape_are_named_by_line() -> None:
    rows, bad = read('Date,Close\n2020-01-01,7,8\n\n2020-01-02,"7\n2020-01-03,8\n')
    assert rows == [price("2020-01-03", "8")]
    assert bad == {2: "3 fields where the header has 2", 4: "bad quotes: one is never closed"}


def test_two_stray_quotes_do_not_make_one_day_of_two() -> None:
    rows, bad = read('Date,Close,Volume\n2020-01-01,7,"1\n2020-01-02,8,1"\n2020-01-03,9,1\n')
    assert rows == [price("2020-01-03", "9")]
    assert bad == {
        2: "bad quotes: a text that begins here goes over the end of the line",
        3: "bad quotes: one stands within a text, not around it; write it twice",
    }


def test_an_unknown_column_is_not_ignored() -> None:
    with pytest.raises(Unreadable, match=r"unknown column 'curency' \(meant 'currency'\?\)"):
        read("date,price,curency\n2020-01-01,7,EUR\n")


def test_a_file_without_prices_is_no_price_file() -> None:
    with pytest.raises(Unreadable, match="the first line names no price"):
        read("date,open,high\n2020-01-01,7,8\n")


def test_two_columns_for_one_thing_are_ambiguous() -> None:
    with pytest.raises(Unreadable, match="the header names the price twice: 'price' and 'close'"):
        read("date,price,close\n2020-01-01,7,8\n")


CELLS = st.sampled_from(
    ["2020-01-01", "2020-01-02", "1", "01.0", "2.5", "0", "-1", "", '"', '"7"', "\r", "\0", "x,y"]
)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_whatever_stands_in_the_rows_a_day_has_one_price_and_every_line_is_named_once(
    cells: list[tuple[str, str]],
) -> None:
    found = Found("prices/BTC-USD.csv", "2026-01-01")
    good = list(prices_csv.rows("Date,Close\n" + "".join(f"{a},{b}\n" for a, b in cells), found))
    lines = sorted([line for line, _ in good] + [bad.line for bad in found.rejections])
    text = "".join(f"{a},{b}\n" for a, b in cells)
    written = [line for line in re.split("[\r\n]", text) if line.replace('""', "").strip(",")]
    assert len(set(lines)) == len(lines)
    assert len(lines) == len(written)
    days = [row["day"] for _, row in good]
    assert len(set(days)) == len(days)


def test_every_row_is_taken_or_rejected() -> None:
    """Nothing is lost: 7 rows of all kinds."""
    text = (
        "Date,Close\n2020-01-01,1\n2020-01-01,1\n2020-01-02,0\n2020-01-03,x\n2020-01-04,2\n2020-01-04,3\n,4\n"
    )
    rows, bad = read(text)
    assert len(rows) + len(bad) == 7


@pytest.mark.parametrize(
    ("name", "text", "known"),
    [
        ("BTC-USD.csv", YAHOO, True),
        ("prices.csv", "day,asset,currency,price,source\n", True),
        ("prices.txt", YAHOO, False),
        ("tags.csv", "chain,address,label,category,source\n", False),
        ("vasps.csv", "vasp_id,name,date,price\n", False),
        ("empty.csv", "", False),
    ],
)
def test_a_price_file_is_known_by_its_first_line(name: str, text: str, known: bool) -> None:
    assert prices_csv.recognise(Path(name), text) is known
