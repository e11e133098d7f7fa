"""What a coin was worth on a day: several sources side by side, one of them used, never guessed.

A day's price is that UTC day's own (a daily file's close) or there is none: a neighbour's is never taken, and
no price is not zero. The source that is used for a pair (asset, currency) is

1. the one the question names; a day it does not have has no price;
2. else the source with the most days of the pair, equal ones by name; a day it does not have is taken from the
   next source in that order. Every amount names its source, so this can be seen and undone.

A source that gives two different prices for one day contradicts itself: neither is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from tracer.amounts import Fiat, fiat_value, share_text
from tracer.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

_CURRENCY = re.compile("[A-Z]{3}")


def check_currency(code: str) -> str:
    """The code; `UsageError` where it has not the shape of ISO 4217: three capital letters."""
    if not _CURRENCY.fullmatch(code):
        raise UsageError(f"{code!r} is no currency code.", hint="Write three capital letters, such as USD.")
    return code


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one whole coin on one UTC day (ISO date); `price` is an exact decimal text."""

    asset: str
    currency: str
    day: str
    price: str
    source: str

    def fiat(self, base_units: int, decimals: int) -> Fiat:
        """What so many base units were worth, rounded as `tracer.amounts.fiat_value` says."""
        return {
            "currency": self.currency,
            "value": fiat_value(base_units, decimals, self.price, self.currency),
            "date": self.day,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class PriceSource:
    """What one source has of a pair.

    first, last     ISO dates
    days            days with a price
    gaps            (first, last) of each run of days in between without one
    contradictions  days for which it gives several prices, sorted; they are in the gaps
    """

    source: str
    first: str
    last: str
    days: int
    gaps: tuple[tuple[str, str], ...]
    contradictions: tuple[str, ...]


def spread_percent(prices: Sequence[str]) -> str | None:
    """How far the highest of several prices lies above the lowest, in percent of the lowest, rounded half up.

    Two digits after the point; None for fewer than two prices.
    """
    if len(prices) < 2:
        return None
    parts = [price.partition(".")[::2] for price in prices]
    places = max(len(part) for _, part in parts)
    units = [int(whole + part.ljust(places, "0")) for whole, part in parts]
    return share_text(100 * (max(units) - min(units)), min(units), 2)


class Prices:
    """Prices in one currency, by the rule above.

    frame   the snapshot's price claims (asset, currency, day, price, source ...)
    source  the one source to use; None: all, ranked
    loaded  whether there are prices at all, of whatever asset and in whatever currency
    """

    def __init__(self, frame: pl.DataFrame, currency: str = "USD", source: str | None = None) -> None:
        self.currency = currency
        self.source = source
        self.loaded = frame.height > 0
        self._frame = frame.filter(frame["currency"] == currency)
        self._sources: dict[str, list[PriceSource]] = {}
        self._days: dict[str, dict[str, tuple[str, str]]] = {}

    def at(self, asset: str, day: str) -> Quote | None:
        """The price that counts on a UTC day, None where no source that may be used has one.

        Raises `UsageError` where the named source has nothing of the pair.
        """
        if asset not in self._days:
            self._days[asset] = self._chosen(asset)
        found = self._days[asset].get(day)
        return None if found is None else Quote(asset, self.currency, day, *found)

    def sources(self, asset: str) -> list[PriceSource]:
        """Sources of a pair in the order they are asked in; the named one alone where one is named.

        Raises `UsageError` where the named source has nothing of the pair.
        """
        every = self.every_source(asset)
        if self.source is None:
            return every
        named = [found for found in every if found.source == self.source]
        if not named:
            loaded = "; ".join(found.source for found in every)
            raise UsageError(
                f"no price of {asset} in {self.currency} by {self.source!r} is loaded.",
                hint=f"Loaded are: {loaded}." if loaded else "Import one with `tracer prices import FILE`.",
            )
        return named

    def every_source(self, asset: str) -> list[PriceSource]:
        """All sources of a pair, those with the most days first, equal ones by name."""
        if asset not in self._sources:
            self._sources[asset] = self._summaries(asset)
        return self._sources[asset]

    def said(self, asset: str) -> pl.DataFrame:
        """Everything any source says of a pair: day, source, price, claim_id; one row per distinct price, sorted."""
        import polars as pl

        rows = self._frame.filter(pl.col("asset") == asset).select("day", "source", "price", "claim_id")
        # 8.50 and 8.5 are one price; the shorter text stands for both
        number = pl.col("price").str.strip_chars_start("0")
        plain = number.str.strip_chars_end("0").str.strip_chars_end(".")
        rows = rows.with_columns(
            pl.when(number.str.contains(".", literal=True)).then(plain).otherwise(number).alias("number")
        )
        rows = rows.sort("day", "source", pl.col("price").str.len_bytes(), "price", "claim_id")
        return rows.unique(["day", "source", "number"], keep="first", maintain_order=True).drop("number")

    def _sound(self, asset: str) -> pl.DataFrame:
        """day, source, price where a source gives one price for the day."""
        import polars as pl

        return self.said(asset).filter(pl.len().over("day", "source") == 1)

    def _chosen(self, asset: str) -> dict[str, tuple[str, str]]:
        """Day -> price and source, of the best source that has the day."""
        import polars as pl

        order = [found.source for found in self.sources(asset)]
        ranks = pl.DataFrame({"source": order}, schema={"source": pl.String}).with_row_index("rank")
        rows = self._sound(asset).join(ranks, on="source").sort("day", "rank")
        rows = rows.unique("day", keep="first", maintain_order=True)
        return {day: (price, source) for day, price, source in rows.select("day", "price", "source").rows()}

    def _summaries(self, asset: str) -> list[PriceSource]:
        import polars as pl

        per_day = self.said(asset).group_by("source", "day").agg(pl.len().alias("prices"))
        found = []
        for (source,), rows in per_day.sort("source", "day").group_by("source", maintain_order=True):
            first, last = str(rows["day"][0]), str(rows["day"][-1])
            twice = tuple(rows.filter(pl.col("prices") > 1)["day"].to_list())
            sound = rows.filter(pl.col("prices") == 1)["day"].to_list()
            gaps = _gaps(first, sound, last)
            found.append(PriceSource(str(source), first, last, len(sound), gaps, twice))
        return sorted(found, key=lambda row: (-row.days, row.source))


def _gaps(first: str, days: Sequence[str], last: str) -> tuple[tuple[str, str], ...]:
    """Runs of days from `first` to `last` that are not among the sorted `days`."""
    number, iso = date.fromisoformat, date.fromordinal
    edges = [
        number(first).toordinal() - 1,
        *(number(d).toordinal() for d in days),
        number(last).toordinal() + 1,
    ]
    return tuple((iso(a + 1).isoformat(), iso(b - 1).isoformat()) for a, b in pairwise(edges) if b - a > 1)
