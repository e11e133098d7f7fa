"""The two markets: escrow held by the market in a pool, and 2-of-3 multisig escrow an order.

Mechanics after heuristics.md section F: per-order deposit addresses swept into the pool, commission,
batched vendor withdrawals, exit with the remaining balance (DNM-1, DNM-7, DNM-10); one funding, one spend
with vendor 1-c and market c (DNM-2, DNM-4). Every sweep of market A spends a coin of the pool beside the
deposits, so that co-spending joins deposit addresses and pool into one cluster.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.simulation.cashout import Proceeds
from adapters.simulation.chain_builder import FINAL, RBF, Out
from adapters.simulation.custodian import Custodian, Habits
from adapters.simulation.economy import Economy
from adapters.simulation.encode import P2PKH, P2SH_MULTISIG, P2WPKH, P2WSH_MULTISIG
from adapters.simulation.keys import Coin, Key
from adapters.simulation.vendors import Vendor
from adapters.simulation.wallet import DUST, Fingerprint, Person, Wallet

COMMISSION_A = 5  # percent
COMMISSION_B = 3
Refund = Callable[[Person, str], Proceeds]


class CustodialMarket(Custodian):
    """Market A: holds the money of all open orders in one pool, and closes with it."""

    def __init__(self, eco: Economy, operator: Proceeds, refund: Refund) -> None:
        super().__init__(eco, "market-a", "market", Habits(
            Fingerprint(P2PKH, 1, False, FINAL, "last"), sweep_hours=24, sweep_inputs=25, with_hot=True,
            payout_hours=24, payout_outputs=25, fresh=True, hot_addresses=4, hot_role="pool",
        ))  # fmt: skip
        self.open = True
        self._operator = operator
        self._refund = refund
        self._credit: dict[int, tuple[Vendor, int]] = {}
        self._commission = 0
        self._paid = eco.truth.purpose("order_deposit")
        self._vendor_withdrawal = eco.truth.purpose("vendor_withdrawal")
        self._refunded = eco.truth.purpose("refund")
        self._commission_purpose = eco.truth.purpose("commission")
        self._exit = eco.truth.purpose("market_exit")
        self.closed_tick = 0

    def buy(self, order: int, buyer: Person, vendor: Vendor, price: int) -> bool:
        """Pay an order to a fresh deposit address; False when the buyer is short."""
        key = self.deposit_key(buyer.owner)
        made = buyer.wallet.pay([(key, price, self._paid)], order)
        if made is None:
            return False
        vout = next(i for i, coin in enumerate(made) if coin.key is key)
        self.eco.truth.order_funded(order, vout, key.index, self.owner)
        self.eco.at(self.eco.days(self.eco.between(3, 14)), lambda: self._settle(order, buyer, vendor, price))
        return True

    def _settle(self, order: int, buyer: Person, vendor: Vendor, price: int) -> None:
        if not self.open:
            return
        truth = self.eco.truth
        if self.eco.chance(4):
            home = self._refund(buyer, "pool_withdrawal")
            self.owe(home.receive(), price * 97 // 100, self._refunded)
            self.eco.at(self.eco.days(5), home.cash_out)
            truth.order_settled(order, refunded=True, on_chain=False)
            return
        fee = price * COMMISSION_A // 100
        self._commission += fee * 3 // 5  # the rest pays for miners
        credit = self._credit.get(vendor.owner, (vendor, 0))[1]
        self._credit[vendor.owner] = (vendor, credit + price - fee)
        truth.order_settled(order, refunded=False, on_chain=False)

    def act(self) -> None:
        """One tick; vendors are paid twice a week, the operator weekly."""
        if not self.open:
            return
        eco = self.eco
        if eco.tick % eco.days(3) == 0:
            for owner, (vendor, credit) in self._credit.items():
                if eco.cents(credit) >= 5_000:
                    self.owe(vendor.pool_proceeds.receive(), credit, self._vendor_withdrawal)
                    self._credit[owner] = (vendor, 0)
        if eco.tick % eco.days(7) == 0 and eco.cents(self._commission) > 5_000:
            self.owe(self._operator.receive(), self._commission, self._commission_purpose)
            self._commission = 0
        super().act()

    def close(self) -> None:
        """Stop paying, sweep what came in, move everything to the operator."""
        self.open = False
        self.closed_tick = self.eco.tick
        self._queue = []
        self._credit = {}
        if self.pending:
            self.sweep()
        while self.hot:
            if (
                self.wallet.drain(self._operator.receive(), self._exit, limit=max(1, len(self.hot) // 3))
                is None
            ):
                break
        for day in (2, 9, 20, 40):
            self.eco.at(self.eco.days(day), self._operator.cash_out)


class MultisigMarket:
    """Market B: buyer, vendor and market hold one key each of every order's escrow; two of them move it."""

    def __init__(self, eco: Economy, refund: Refund) -> None:
        self.eco = eco
        truth = eco.truth
        self.owner = truth.owner("market-b", "market")
        self._operator = truth.owner("market-b-operator", "operator")
        self._refund = refund
        self._key_number = eco.ring.number()
        self._fp = Fingerprint(P2WPKH, 1, False, RBF, "last")
        self.wallet = Wallet(eco, self.owner, self._fp, "commission")
        self.commission_keys = [self.wallet.receive() for _ in range(2)]
        self._escrow_role, self._cold_role = truth.role("escrow"), truth.role("savings")
        self._fund, self._release = truth.purpose("order_escrow"), truth.purpose("release")
        self._refunded, self._commission = truth.purpose("refund"), truth.purpose("commission")

    def buy(self, order: int, buyer: Person, vendor: Vendor, price: int) -> bool:
        """Fund the escrow of an order; False when the buyer is short."""
        eco = self.eco
        if buyer.wallet.balance < price + 30_000:
            return False
        owner = eco.truth.owner(f"escrow:{eco.truth.order_id(order)}", "escrow")
        numbers = [eco.ring.number(), vendor.key_number, self._key_number]
        kind = P2SH_MULTISIG if eco.chance(45) else P2WSH_MULTISIG
        key = eco.ring.multisig(kind, 2, numbers, owner, self._escrow_role, None, buyer.owner)
        made = buyer.wallet.pay([(key, price, self._fund)], order)
        if made is None:
            return False
        vout = next(i for i, coin in enumerate(made) if coin.key is key)
        eco.truth.order_funded(order, vout, key.index, self.owner)
        eco.at(eco.days(eco.between(2, 14)), lambda: self._settle(order, made[vout], buyer, vendor, numbers))
        return True

    def _settle(self, order: int, coin: Coin, buyer: Person, vendor: Vendor, numbers: list[int]) -> None:
        eco = self.eco
        name = eco.truth.order_id(order)
        fee = eco.fee_rate * (390 if coin.key.kind == P2SH_MULTISIG else 200)
        refunded = eco.chance(6)
        if refunded:
            coin.key.signers = (numbers[0], numbers[2])
            home = self._refund(buyer, "multisig_order")
            outs: list[Out] = [(home.receive(), coin.value - fee, self._refunded)]
            eco.at(eco.days(5), home.cash_out)
        else:
            coin.key.signers = (numbers[0], numbers[1]) if eco.chance(70) else (numbers[1], numbers[2])
            home = vendor.escrow_proceeds
            share = max(DUST, coin.value * COMMISSION_B // 100)
            outs = [
                (home.receive(), coin.value - share - fee, self._release),
                (eco.pick(self.commission_keys), share, self._commission),
            ]
            eco.shuffle(outs)
        made = eco.chain.transact(
            [coin], outs, version=self._fp.version, sequence=self._fp.sequence, order=order
        )
        eco.truth.order_settled(order, refunded)
        for new in made:
            if new.key.owner == home.owner:
                home.refs[new.prevout] = name

    def act(self) -> None:
        """One tick; the commission is put away monthly and stays there."""
        eco = self.eco
        if eco.tick % eco.days(30) == eco.days(15) and len(self.wallet.coins) >= 2:
            while self.wallet.coins and self.wallet.drain(self._cold(), self._commission):
                pass

    def _cold(self) -> Key:
        return self.eco.ring.new(P2WPKH, self._operator, self._cold_role, None)
