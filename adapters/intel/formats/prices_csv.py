"""Daily prices: a CSV with one day a row (Yahoo Finance's download, or our own columns).

The price of a day is its close: the last of the UTC day. Texts are kept as they stand, no number is made of
them. Two prices of one source for one day are told apart here, because only the whole file shows them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from adapters.intel.csvtext import Record, records, unescaped
from adapters.intel.found import Found, Row, Rows, Unreadable
from tracer.intel.claims import ClaimKind

kind: ClaimKind = "prices"

_DAY, _PRICE = ("date", "day"), ("price", "close")
_OURS = {**dict.fromkeys(_DAY, "day"), **dict.fromkeys(_PRICE, "price")} | {
    name: name for name in ("asset", "currency", "source")
}
_OTHERS = ("open", "high", "low", "adj close", "volume", "market cap")
"""Columns that price files have and we do not take. Adj Close is about dividends and splits: a coin has none."""
_FILE_NAME = re.compile(r"([A-Za-z0-9.]+)-([A-Za-z]{3})")
_ASSET = re.compile(r"[A-Z0-9][A-Z0-9.]{0,19}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
MOST_DIGITS = 30
"""Digits a price may have; no market quotes finer."""


def recognise(path: Path, text: str) -> bool:
    """A CSV whose first line names a day and a price and nothing of an address."""
    if path.suffix.lower() != ".csv":
        return False
    names = set(_names(_first(text)[1]))
    return bool(names & {*_DAY}) and bool(names & {*_PRICE}) and not names & {"address", "vasp id"}


def rows(text: str, found: Found) -> Rows:
    """asset, currency, day, price, source of each day.

    asset and currency come from their columns, else from `found.defaults`, else from a file name such as
    `BTC-USD.csv`; source from its column, else `found.defaults`, else it is `<folder>/<file name>`.
    """
    given = _given(found)
    taken: list[Row] = []
    bad: list[tuple[int, str]] = []
    first, header, problem = _first(text)
    if problem:
        raise Unreadable(first, problem)
    columns = _columns(header)
    for line, values, problem in records(text):
        if line == first:
            continue
        if problem:
            bad.append((line, problem))
            continue
        said = {ours: unescaped(value.strip()) for ours, value in zip(columns, values, strict=True) if ours}
        row = given | {name: value for name, value in said.items() if value}
        row |= {name: row[name].upper() for name in ("asset", "currency") if name in row}
        if reason := _wrong(row):
            bad.append((line, reason))
        else:
            taken.append((line, row))
    good = _once(taken, bad)
    for line, reason in sorted(bad):
        found.reject(line, reason)
    yield from good


def _first(text: str) -> Record:
    return next(records(text), (1, [], ""))


def _names(header: Sequence[str]) -> list[str]:
    return [name.strip().lower().replace("_", " ") for name in header]


def _columns(header: Sequence[str]) -> list[str]:
    """Our field behind each column, "" where it is none."""
    names = _names(header)
    for name in names:
        if name not in _OURS and name not in _OTHERS:
            close = get_close_matches(name, [*_OURS, *_OTHERS], n=1)
            raise Unreadable(1, f"unknown column {name!r}" + (f" (meant {close[0]!r}?)" if close else ""))
    ours = [_OURS.get(name, "") for name in names]
    if missing := [field for field in ("day", "price") if field not in ours]:
        raise Unreadable(
            1, f"the first line names no {' and no '.join(missing)} (Date, Close; docs/formats.md)"
        )
    if twice := sorted(field for field in set(ours) - {""} if ours.count(field) > 1):
        both = " and ".join(repr(name) for name in names if _OURS.get(name) == twice[0])
        raise Unreadable(1, f"the header names the {twice[0]} twice: {both}")
    return ours


def _given(found: Found) -> dict[str, str]:
    """What holds for a row that does not say it."""
    path = Path(found.file).absolute()
    name = _FILE_NAME.fullmatch(path.stem)
    from_name = {"asset": name[1], "currency": name[2]} if name else {}
    from_user = {field: text for field, text in found.defaults.items() if text}
    return {"source": f"{path.parent.name}/{path.name}", **from_name, **from_user}


def _wrong(row: dict[str, str]) -> str:
    """What keeps a row out; "" where nothing does. Days are checked where all claims' dates are."""
    for name, option in (("asset", "--asset"), ("currency", "--currency")):
        if name not in row:
            return f"no {name}: name it in a column, with {option}, or in the file name (BTC-USD.csv)"
    if not _ASSET.fullmatch(row["asset"]):
        return f"asset {row['asset']!r} is no ticker"
    if not _CURRENCY.fullmatch(row["currency"]):
        return f"currency {row['currency']!r} is no ISO 4217 code (USD)"
    for name in ("day", "price"):
        if name not in row:
            return f"missing field {name!r}"
    price = row["price"]
    if price.startswith("-") and _NUMBER.fullmatch(price[1:]):
        return f"price {price} is negative"
    if not _NUMBER.fullmatch(price):
        return f"price {price!r} is no plain decimal number (8000.56)"
    if len(price.replace(".", "")) > MOST_DIGITS:
        return f"price has more than {MOST_DIGITS} digits"
    if not price.strip("0."):
        return "price is zero; a day without a price is left out, never zero"
    return ""


def _once(taken: Sequence[Row], bad: list[tuple[int, str]]) -> list[Row]:
    """Rows of days that stand once. Said twice alike, the first stays; where they differ, none does."""
    days: dict[tuple[str, ...], list[Row]] = {}
    for line, row in taken:
        key = row["asset"], row["currency"], row["source"], row["day"]
        days.setdefault(key, []).append((line, row))
    good = []
    for same in days.values():
        first, *others = same
        prices = {_plain(row["price"]) for _, row in same}
        if len(prices) == 1:
            good.append(first)
            bad += [
                (line, f"{row['day']} stands twice: line {first[0]} says the same") for line, row in others
            ]
        else:
            lines = ", ".join(str(line) for line, _ in same[:10])
            bad += [
                (line, f"{row['day']} has {len(prices)} different prices (lines {lines}); none is taken")
                for line, row in same
            ]
    return sorted(good, key=lambda row: row[0])


def _plain(price: str) -> tuple[str, str]:
    """The number a decimal text stands for: `08.50` and `8.5` are one price."""
    whole, _, part = price.partition(".")
    return whole.lstrip("0"), part.rstrip("0")
