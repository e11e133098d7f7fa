"""Exact integer money: base units in, strings out, shares that add up.

No float ever holds an amount. JSON carries strings (CONTRACTS, "Amount").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class Fiat(TypedDict):
    """What an amount was worth on a day, and who says so."""

    currency: str
    value: str
    date: str | None
    source: str


class Amount(TypedDict):
    """An amount of one asset as CONTRACTS prints it."""

    asset: str
    base_units: str
    decimal: str
    fiat: Fiat | None


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
