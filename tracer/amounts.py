"""Exact integer money: base units in, strings out, shares that add up.

No float ever holds an amount. JSON carries strings (CONTRACTS, "Amount").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NotRequired, TypedDict


class Fiat(TypedDict):
    """What an amount was worth on a day, and who says so. `date` is None for a sum over its legs' own days."""

    currency: str
    value: str
    date: str | None
    source: str


class Amount(TypedDict):
    """An amount of one asset as CONTRACTS prints it.

    `asset_id` and `decimals` stand in it on chains that have many assets: a token's name may lie, its id cannot; where
    nobody knows its decimals (None), `decimal` is in base units.
    """

    asset: str
    base_units: str
    decimal: str
    fiat: Fiat | None
    asset_id: NotRequired[str]
    decimals: NotRequired[int | None]


def decimal_text(base_units: int, decimals: int) -> str:
    """Render base units as a plain decimal, all digits kept: `decimal_text(5, 8)` is `0.00000005`."""
    sign = "-" if base_units < 0 else ""
    digits = str(abs(base_units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"


def amount(asset: str, base_units: int, decimals: int, fiat: Fiat | None = None) -> Amount:
    """Build the JSON form of an amount. `fiat` is None where no price is loaded, never zero."""
    return {
        "asset": asset,
        "base_units": str(base_units),
        "decimal": decimal_text(base_units, decimals),
        "fiat": fiat,
    }


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` over integer `weights` so that the parts add up to `total` exactly.

    Each part gets the floor of its proportional share; what is left goes, one unit each, to the largest
    remainders, ties to the earlier weight (Hamilton's method). All-zero weights are an error of the caller.
    """
    whole = sum(weights)
    if whole <= 0:
        raise ValueError("weights must have a positive sum")
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def share_text(part: int, whole: int, places: int = 4) -> str:
    """A share rounded half up to `places`, as text; `0.0000` of nothing is `0.0000`."""
    if whole <= 0:
        return decimal_text(0, places)
    scale = 10**places
    return decimal_text((2 * part * scale + whole) // (2 * whole), places)


_MINOR_DIGITS: Mapping[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""Currencies whose smallest unit is not a hundredth (ISO 4217, list one)."""


@lru_cache
def minor_digits(currency: str) -> int:
    """Digits after the point of a currency's smallest unit: 2 for USD, 0 for JPY; 2 where ISO 4217 is silent."""
    return next((digits for digits, codes in _MINOR_DIGITS.items() if currency in codes.split()), 2)


def fiat_value(base_units: int, decimals: int, price: str, currency: str) -> str:
    """`base_units` of an asset with `decimals`, at `price` per whole coin, in `currency`, as text.

    base_units * price / 10^decimals, in integers all the way, rounded half up (away from zero) to the
    currency's smallest unit. `price` is a plain decimal such as `8000.56`. What is worth less than half of a
    smallest unit is `0.00`: rounded, not unknown.
    """
    digits = minor_digits(currency)
    numerator, denominator = _ratio(price)
    above = abs(base_units) * numerator * 10**digits
    below = denominator * 10**decimals
    minor = (2 * above + below) // (2 * below)
    return decimal_text(-minor if base_units < 0 else minor, digits)


@lru_cache(maxsize=1 << 14)
def _ratio(price: str) -> tuple[int, int]:
    whole, _, part = price.partition(".")
    return int(whole + part), 10 ** len(part)


def add_amounts(amounts: Iterable[Amount], asset: str, decimals: int) -> Amount:
    """The sum of amounts of one asset, its fiat the sum of their rounded fiat values, so that columns add up.

    fiat is None where there is nothing to add, and where any part has none: a sum that leaves one out would be
    less than it says. Its date is None, its source every source of its parts, sorted, joined with `; `.
    """
    parts = list(amounts)
    return amount(asset, sum(int(part["base_units"]) for part in parts), decimals, _sum(parts))


def _sum(parts: Sequence[Amount]) -> Fiat | None:
    known = [part["fiat"] for part in parts if part["fiat"] is not None]
    if not parts or len(known) < len(parts):
        return None
    currency = known[0]["currency"]
    minor = sum(int(fiat["value"].replace(".", "")) for fiat in known)
    sources = {source for fiat in known for source in fiat["source"].split("; ")}
    return {
        "currency": currency,
        "value": decimal_text(minor, minor_digits(currency)),
        "date": None,
        "source": "; ".join(sorted(sources)),
    }
