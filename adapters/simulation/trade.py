"""The trade between buyers and vendors over the life of both markets."""

from __future__ import annotations

from adapters.simulation.buyers import Wish, make_person, order_book
from adapters.simulation.cashout import Mixer, Proceeds
from adapters.simulation.economy import Economy
from adapters.simulation.encode import P2WPKH
from adapters.simulation.exchanges import Exchange
from adapters.simulation.markets import CustodialMarket, MultisigMarket
from adapters.simulation.vendors import Vendor, make_route
from adapters.simulation.wallet import PRESETS, Fingerprint, Person

OPERATOR_PLANS = (  # of market A's operator, in turn
    ("direct", "exchange-nokyc-1"), ("peel", "exchange-nokyc-2"), ("direct", "swapper-1"),
    ("whirlpool", "exchange-nokyc-2"),
)  # fmt: skip
ORDER_SHARE = 14  # orders for a hundred transactions of the world
ORDERS_PER_BUYER = 6
ORDERS_PER_VENDOR = 40
_MARGIN = 40_000  # satoshi for fees


class Trade:
    """Plans every order before the world starts, then carries them out."""

    def __init__(self, eco: Economy, exchanges: list[Exchange], mixers: dict[str, Mixer]) -> None:
        self.eco = eco
        by_name = {exchange.name: exchange for exchange in exchanges}
        orders = eco.txs * ORDER_SHARE // 100
        self._exchanges = exchanges
        self.vendors = [Vendor(eco, i, by_name, mixers) for i in range(max(10, orders // ORDERS_PER_VENDOR))]
        n_buyers = max(20, orders // ORDERS_PER_BUYER)
        self._buyers = [make_person(eco, exchanges, f"buyer-{i:05d}", "buyer") for i in range(n_buyers)]
        routes = [make_route(way, where, by_name, mixers) for way, where in OPERATOR_PLANS]
        owner = eco.truth.owner("market-a-operator", "operator")
        self.operator = Proceeds(eco, owner, "pool_withdrawal", Fingerprint(P2WPKH), routes)
        self.market_a = CustodialMarket(eco, self.operator, self._refund)
        self.market_b = MultisigMarket(eco, self._refund)
        half = eco.ticks // 2
        self._at_a = [v for v in self.vendors if v.at_a]
        self._at_b = [v for v in self.vendors if v.at_b]
        for wish in order_book(eco, orders, n_buyers, eco.ticks // 30, eco.ticks * 97 // 100):
            eco.plan(wish.tick, lambda wish=wish: self._order(wish))  # type: ignore[misc]
        for vendor in self.vendors:
            if not vendor.at_b and vendor.migrates:
                eco.plan(half + eco.days(eco.between(1, 30)), lambda v=vendor: self._at_b.append(v))  # type: ignore[misc]
        eco.plan(half, self.market_a.close)
        for month in range(1, 6):
            eco.plan(eco.days(month * 30), self.operator.cash_out)

    def _refund(self, buyer: Person, case: str) -> Proceeds:
        """A purse for a refund; half of the buyers bring it to their exchange, the others keep it."""
        home = Proceeds(
            self.eco, buyer.owner, case, self.eco.pick(PRESETS), [("direct", self._bank(buyer), None)]
        )
        home.floor = 0 if self.eco.chance(50) else 1 << 62
        return home

    def _bank(self, buyer: Person) -> Exchange:
        return next(exchange for exchange in self._exchanges if exchange is buyer.bank)

    def _order(self, wish: Wish) -> None:
        eco = self.eco
        to_a = self.market_a.open and (eco.tick < eco.ticks // 10 or eco.chance(80))
        market: CustodialMarket | MultisigMarket = self.market_a if to_a else self.market_b
        vendors = self._at_a if to_a else self._at_b
        vendor = vendors[
            int(eco.random() * (eco.random() + 1) / 2 * len(vendors))
        ]  # some sell much more than others
        buyer = self._buyers[wish.buyer]
        order = eco.truth.order(market.owner, buyer.owner, vendor.owner, wish.cents, wish.wholesale)
        self._pay(order, wish, buyer, vendor, market, 12)

    def _pay(
        self,
        order: int,
        wish: Wish,
        buyer: Person,
        vendor: Vendor,
        market: CustodialMarket | MultisigMarket,
        tries: int,
    ) -> None:
        eco = self.eco
        if eco.closing:
            return
        if market is self.market_a and not self.market_a.open:
            if vendor not in self._at_b:
                return  # the vendor is gone
            market = self.market_b
        price = eco.sats(wish.cents)
        if buyer.wallet.balance >= price + _MARGIN and market.buy(order, buyer, vendor, price):
            return
        buyer.top_up(price * 6 // 5 + eco.sats(eco.between(500, 8_000)) + 2 * _MARGIN)
        if tries:
            eco.at(eco.hours(24), lambda: self._pay(order, wish, buyer, vendor, market, tries - 1))

    def act(self) -> None:
        """One tick."""
        self.market_a.act()
        self.market_b.act()
