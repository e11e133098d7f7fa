"""Who orders how much, drawn so that the published figures hold.

Most orders are below USD 100; wholesale is 1.8 % of sales and 25 % of revenue (RAND Europe 2016); a tenth
of the buyers place half of the orders (Abraxas: 10 % of 3,542 buyers, GI-TOC 2020). Draws are stratified:
small worlds hold the figures too.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from adapters.simulation.economy import Economy
from adapters.simulation.exchanges import Exchange
from adapters.simulation.wallet import PRESETS, Person, Wallet

WHOLESALE_SHARE = (18, 1_000)  # of sales
WHOLESALE_REVENUE = (25, 100)  # of revenue
_QUANTILES = (
    1_000,
    2_000,
    3_000,
    4_200,
    5_500,
    7_000,
    8_800,
    12_000,
    18_000,
    30_000,
)  # US cents, even steps of probability
_RETAIL_MEAN = sum(a + b for a, b in pairwise(_QUANTILES)) // (2 * (len(_QUANTILES) - 1))


@dataclass(frozen=True, slots=True)
class Wish:
    """One order to come."""

    tick: int
    buyer: int
    cents: int
    wholesale: bool


def wholesale_mean() -> int:
    """US cents a wholesale order must have on average for the share of revenue to come out."""
    sales, of_sales = WHOLESALE_SHARE
    revenue, of_revenue = WHOLESALE_REVENUE
    return _RETAIL_MEAN * (of_sales - sales) * revenue // (sales * (of_revenue - revenue))


def retail_cents(u: float) -> int:
    """The order size at a quantile, by straight lines between the table's points."""
    at = u * (len(_QUANTILES) - 1)
    i = int(at)
    return _QUANTILES[i] + int((_QUANTILES[i + 1] - _QUANTILES[i]) * (at - i))


def order_book(eco: Economy, orders: int, buyers: int, first: int, last: int) -> list[Wish]:
    """All orders of the world in time order, between two ticks."""
    sales, of_sales = WHOLESALE_SHARE
    n_wholesale = max(1, orders * sales // of_sales)
    low, mean = 100_000, wholesale_mean()
    sizes = [
        (retail_cents((i + eco.random()) / (orders - n_wholesale)), False)
        for i in range(orders - n_wholesale)
    ]
    sizes += [
        (low + int((i + eco.random()) / n_wholesale * 2 * (mean - low)), True) for i in range(n_wholesale)
    ]
    eco.shuffle(sizes)
    keen = max(1, buyers // 10)
    who = [i % keen if i % 2 == 0 else keen + (i // 2) % (buyers - keen) for i in range(orders)]
    eco.shuffle(who)
    span = last - first
    return [
        Wish(first + int((i + eco.random()) / orders * span), who[i], cents, wholesale)
        for i, (cents, wholesale) in enumerate(sizes)
    ]


def bank_of(eco: Economy, exchanges: list[Exchange]) -> Exchange:
    """An exchange, by its share of the public."""
    mark = eco.random() * 100
    for exchange in exchanges:
        mark -= exchange.vasp.share
        if mark < 0:
            return exchange
    return exchanges[0]


def make_person(eco: Economy, exchanges: list[Exchange], name: str, kind: str) -> Person:
    """Somebody with a wallet program, an empty wallet and an account."""
    wallet = Wallet(eco, eco.truth.owner(name, kind), eco.pick(PRESETS))
    return Person(wallet, bank_of(eco, exchanges))
