"""A darknet market that holds escrow in one pool, its vendors, and what they are paid.

Mechanics after heuristics.md section F: a deposit address an order, swept into the pool; commission; vendors paid in
batches (DNM-1, DNM-7). Every payment to a vendor goes to a fresh account of his and is cashed out from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adapters.simulation.accounts.cashout import GAS_MONEY, WAYS, Proceeds
from adapters.simulation.accounts.chain import NATIVE, Tx
from adapters.simulation.accounts.custodian import Custodian, Exchange, deposit
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.relay import Relays
from adapters.simulation.accounts.stage import DOLLARS, ETH, Stage
from adapters.simulation.accounts.tokens import Token, pay
from adapters.simulation.accounts.wallets import Person

COMMISSION = 5  # percent
LEAST_COIN, LEAST_TOKEN = ETH // 2, 60 * 10**6  # credit that is paid out
CASE = "market_withdrawal"


@dataclass
class Vendor:
    """A seller: what the market owes him, and how he cashes out."""

    name: str
    way: str
    exchange: Exchange | None
    credit: dict[bytes, int] = field(default_factory=dict)


class Market:
    """The pool and its books."""

    def __init__(self, stage: Stage, relays: Relays, exchanges: list[Exchange]) -> None:
        self.stage, self.relays = stage, relays
        self.custodian = Custodian(stage, "market-c", "market", [stage.a], hot_role="pool")
        stage.a.chain.endow(self.custodian.hot.address, (20 + stage.txs // 500) * ETH)  # its own, for gas
        by_name = {exchange.name: exchange for exchange in exchanges}
        self.vendors = [
            Vendor(stage.records.actor(f"vendor-{i:03d}", "vendor"), way, by_name.get(where))
            for i in range(max(len(WAYS), stage.txs // 400))
            for way, where in [WAYS[i % len(WAYS)]]
        ]
        self._orders = 0
        for part in (15, 30, 45, 60, 75):
            stage.plan(part, 100, self.pay_vendors)
        stage.plan(1, 100, self._approve)

    def _approve(self) -> None:
        self.stage.a.usdt.approve(self.custodian.hot, self.stage.a.payout.address)

    def buy(self, buyer: Person, dollars: int) -> bool:
        """Pay an order with what the buyer has; False where he is short."""
        place = self.stage.a
        token: Token | None = place.usdt if place.usdt.of(buyer.address) >= dollars * 10**6 else None
        amount = dollars * 10**6 if token else dollars * ETH // DOLLARS
        if buyer.coin(place) < (0 if token else amount):
            return False
        vendor = self.vendors[self._orders % len(self.vendors)]
        self._orders += 1
        order = f"order-{self._orders:05d}"
        tx = deposit(place, buyer.account, self.custodian, order, token, amount, "order_deposit")
        address = self.custodian.deposit_address(order, place.chain)
        asset = token.address if token else NATIVE
        self.stage.records.orders.append((order, buyer.name, vendor.name, address, asset, amount, tx))

        def settle() -> None:
            vendor.credit[asset] = vendor.credit.get(asset, 0) + amount * (100 - COMMISSION) // 100

        self.stage.at(self.stage.between(4, 10), settle)
        return True

    def pay_vendors(self) -> None:
        """All credit above the least, to fresh accounts: coin and tokens by the payout contract, or one by one."""
        place, hot = self.stage.a, self.custodian.hot
        for asset, least in ((NATIVE, LEAST_COIN), (place.usdt.address, LEAST_TOKEN)):
            due = []
            for vendor in self.vendors:
                owed = vendor.credit.get(asset, 0)
                if owed >= least and place.chain.held[asset, hot.address] > 2 * owed:
                    vendor.credit[asset] = 0
                    due.append((vendor, self._fresh(vendor), owed))
            self._pay(place.usdt if asset else None, due)

    def _fresh(self, vendor: Vendor) -> Account:
        chains = [place.chain.chain_id for place in self.stage.places]
        return self.stage.account(vendor.name, "proceeds", chains=chains)

    def _pay(self, token: Token | None, due: list[tuple[Vendor, Account, int]]) -> None:
        place, hot = self.stage.a, self.custodian.hot
        batched = [row for row in due if self.stage.chance(50)]
        rows = [(account.address, owed) for _, account, owed in batched]
        tx: Tx | None = None
        if batched and token:
            tx = place.payout.pay_token(hot, token, rows, "vendor_withdrawal")
        elif batched:
            tx = place.payout.pay(hot, rows, "vendor_withdrawal")
        for vendor, account, owed in due:
            source = tx if any(account is other for _, other, _ in batched) else None
            if source is None:
                source = self.custodian.withdraw(place, account.address, token, owed)
            if token:
                pay(place.chain, hot, account.address, GAS_MONEY, "gas")
            Proceeds(
                self.stage, self.relays, vendor.exchange, CASE, vendor.name, vendor.way, account, token, source, owed
            ).start(self.stage.between(2, 8))  # fmt: skip
