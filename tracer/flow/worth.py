"""Amounts of a trace with what they were worth on the UTC day of their block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from tracer.amounts import Amount, add_amounts, amount
from tracer.chain import Chain
from tracer.intel.prices import Prices, Quote

DAY = 86_400
"""Seconds; blocks carry unix time, which knows no leap seconds."""
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Coin:
    """What amounts are of.

    decimals     None where nobody knows them: then amounts are written in base units
    price_asset  ticker whose prices hold for it; None where none do
    asset_id     what names it beyond doubt, on a chain that has many assets; None on one that has only its coin
    """

    name: str
    decimals: int | None
    price_asset: str | None
    asset_id: str | None = None


class Worth:
    """Prices of one asset, looked up once per day. A day is counted from 1970-01-01 UTC."""

    def __init__(self, chain: Chain, prices: Prices, coin: Coin | None = None) -> None:
        """`coin`: the chain's own where left out.

        Raises `UsageError` where the named price source has nothing of this asset.
        """
        self.coin = coin or Coin(chain.asset, chain.decimals, chain.price_asset)
        self._decimals = self.coin.decimals or 0
        self._prices = prices
        self._quotes: dict[int, Quote | None] = {}
        if self.coin.price_asset is not None:
            prices.sources(self.coin.price_asset)

    def on(self, base_units: int, day: int) -> Amount:
        """An amount that moved on one day; `fiat` is None where that day has no price."""
        quote = self._quote(day)
        fiat = quote.fiat(base_units, self._decimals) if quote else None
        return self._named(amount(self.coin.name, base_units, self._decimals, fiat))

    def total(self, parts: Iterable[Amount]) -> Amount:
        """A sum of amounts; None for its fiat where any part has none, or there is no part."""
        return self._named(add_amounts(parts, self.coin.name, self._decimals))

    def over(self, days: Mapping[int, int]) -> Amount:
        """A sum of base units by day, each day at its own price and rounded on its own."""
        return self.total(self.on(units, day) for day, units in sorted(days.items()))

    def _named(self, found: Amount) -> Amount:
        if self.coin.asset_id is not None:
            found["asset_id"], found["decimals"] = self.coin.asset_id, self.coin.decimals
        return found

    def notes(self, days: Iterable[int]) -> list[str]:
        """For `coverage.notes`: which of these days have no price, where prices are loaded at all."""
        asset, currency = self.coin.price_asset, self._prices.currency
        asked = sorted(set(days))
        if asset is None or not asked or not self._prices.loaded:
            return []
        if not self._prices.every_source(asset):
            return [f"no price of {asset} in {currency} is loaded: amounts have no fiat value"]
        missing = [day for day in asked if self._quote(day) is None]
        if not missing:
            return []
        return [
            f"no price of {asset} in {currency} on {len(missing)} of {len(asked)} days "
            f"({_iso(missing[0])} to {_iso(missing[-1])}): amounts of those days, and sums that hold one, "
            "have no fiat value"
        ]

    def _quote(self, day: int) -> Quote | None:
        if day not in self._quotes:
            asset = self.coin.price_asset
            self._quotes[day] = None if asset is None else self._prices.at(asset, _iso(day))
        return self._quotes[day]


def _iso(day: int) -> str:
    return date.fromordinal(_EPOCH + day).isoformat()
