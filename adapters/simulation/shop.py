"""The paid-stream shop, at payment level: an address a customer, few price points, returning payers, sweeps.

Figures after heuristics.md section G: even amounts of USD 10 to 200, repeated weekly or monthly, some
payers rising.
"""

from __future__ import annotations

from adapters.simulation.buyers import make_person
from adapters.simulation.cashout import Mixer, Proceeds
from adapters.simulation.chain_builder import FINAL
from adapters.simulation.custodian import Custodian, Habits
from adapters.simulation.economy import Economy
from adapters.simulation.encode import P2PKH
from adapters.simulation.exchanges import Exchange
from adapters.simulation.keys import Key
from adapters.simulation.vendors import make_route
from adapters.simulation.wallet import Fingerprint, Person

PRICE_POINTS = (1_000, 2_500, 4_000, 10_000, 20_000)  # US cents
PLANS = (  # of the operator, in turn
    ("direct", "exchange-nokyc-1"), ("hop", "exchange-nokyc-2"), ("peel", "exchange-kyc-2"),
    ("wasabi", "exchange-nokyc-1"), ("direct", "swapper-1"),
)  # fmt: skip
PAYMENT_SHARE = 5  # payments for a hundred transactions of the world
PAYMENTS_PER_PAYER = 5
LABELLED = 60  # percent of customer addresses that police know


class Shop(Custodian):
    """The operator's side."""

    def __init__(self, eco: Economy, exchanges: list[Exchange], mixers: dict[str, Mixer]) -> None:
        fp = Fingerprint(P2PKH, 1, False, FINAL, "last")
        habits = Habits(
            fp, sweep_hours=72, sweep_inputs=20, hot_addresses=0, hot_role="sweep", deposit_role="payment"
        )
        super().__init__(eco, "shop-1", "shop", habits)
        by_name = {exchange.name: exchange for exchange in exchanges}
        routes = [make_route(way, where, by_name, mixers) for way, where in PLANS]
        self.proceeds = Proceeds(eco, self.owner, "shop_sweep", fp, routes)
        self.proceeds.wallet.role = eco.truth.role("sweep")
        self._paid = eco.truth.purpose("subscription")
        payments = eco.txs * PAYMENT_SHARE // 100
        for i in range(max(12, payments // PAYMENTS_PER_PAYER)):
            self._subscribe(
                make_person(eco, exchanges[:2] if i % 5 else exchanges, f"payer-{i:05d}", "shop_payer")
            )
        at = eco.ticks // 10
        while at < eco.ticks - eco.days(5):
            eco.plan(at, self.proceeds.cash_out)
            at += eco.days(eco.between(9, 16))

    def hot_key(self) -> Key:
        """Each sweep has an address of its own."""
        return self.proceeds.receive()

    def _subscribe(self, payer: Person) -> None:
        eco = self.eco
        level = int(eco.random() * eco.random() * len(PRICE_POINTS))
        every = eco.days(7 if eco.chance(35) else 30)
        at = eco.between(eco.ticks // 25, eco.ticks * 3 // 4)
        for i in range(eco.between(1, 2 * PAYMENTS_PER_PAYER - 1)):
            if at >= eco.ticks * 97 // 100:
                break
            cents = PRICE_POINTS[min(len(PRICE_POINTS) - 1, level + i // 3)]
            eco.plan(at, lambda cents=cents: self._pay(payer, cents, 8))  # type: ignore[misc]
            at += every + eco.between(0, eco.days(2))

    def _pay(self, payer: Person, cents: int, tries: int) -> None:
        eco = self.eco
        if eco.closing:
            return
        price = eco.sats(cents)
        if payer.wallet.pay([(self.deposit_key(payer.owner), price, self._paid)]) is None:
            payer.top_up(price * 5 // 4 + 80_000)
            if tries:
                eco.at(eco.hours(24), lambda: self._pay(payer, cents, tries - 1))

    @property
    def customer_keys(self) -> list[Key]:
        """Every customer address, oldest first."""
        return list(self._deposit_keys.values())
