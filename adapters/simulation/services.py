"""Innocent services whose chain shape resembles the markets': what a detector must not take for a crime.

A merchant processor (deposit and sweep, like market A), a gambling site (the same, with payouts), a peer-
to-peer exchange with 2-of-3 escrow (like market B), payroll (batches), a donation jar (one reused address).
"""

from __future__ import annotations

from adapters.simulation.buyers import make_person
from adapters.simulation.chain_builder import FINAL, NO_RBF, RBF, Out
from adapters.simulation.custodian import Custodian, Habits
from adapters.simulation.economy import Economy
from adapters.simulation.encode import P2PKH, P2SH_P2WPKH, P2WPKH, P2WSH_MULTISIG
from adapters.simulation.exchanges import Exchange
from adapters.simulation.keys import Coin
from adapters.simulation.wallet import Fingerprint, Person, Wallet


class Merchant(Custodian):
    """A payment processor: an address an invoice, weekly payouts to its retailers."""

    def __init__(self, eco: Economy, exchanges: list[Exchange]) -> None:
        super().__init__(eco, "merchant-1", "merchant", Habits(
            Fingerprint(P2WPKH, 2, False, RBF, "last"), sweep_hours=24, sweep_inputs=25, fresh=True,
            payout_hours=168, hot_addresses=2,
        ))  # fmt: skip
        self._retailers = [make_person(eco, exchanges, f"retailer-{i}", "retailer") for i in range(6)]
        self._invoice, self._settlement = eco.truth.purpose("invoice"), eco.truth.purpose("settlement")
        self._deposit = eco.truth.purpose("deposit")
        self._due = [0] * len(self._retailers)

    def charge(self, person: Person, sats: int) -> bool:
        """A customer pays an invoice."""
        if person.wallet.pay([(self.deposit_key(person.owner), sats, self._invoice)]) is None:
            return False
        self._due[int(self.eco.random() * len(self._due))] += sats * 98 // 100
        return True

    def act(self) -> None:
        """One tick."""
        eco = self.eco
        if eco.tick % eco.days(7) == 0 and not eco.closing:
            for i, retailer in enumerate(self._retailers):
                if eco.cents(self._due[i]) > 5_000:
                    self.owe(retailer.wallet.receive(), self._due[i], self._settlement)
                    self._due[i] = 0
                if eco.cents(retailer.wallet.balance) > 50_000:
                    retailer.wallet.drain(retailer.bank.deposit_key(retailer.owner), self._deposit)
        super().act()


class Gambling(Custodian):
    """A betting site: one deposit address a player, frequent payouts, a bankroll to begin with."""

    def __init__(self, eco: Economy, bank: Exchange) -> None:
        super().__init__(eco, "gambling-1", "gambling", Habits(
            Fingerprint(P2PKH, 1, False, FINAL, "last"), sweep_hours=12, sweep_inputs=20, with_hot=True,
            hot_addresses=2,
        ))  # fmt: skip
        self._stake, self._win = eco.truth.purpose("stake"), eco.truth.purpose("winnings")
        self._plays = 0
        eco.plan(eco.ticks // 40, lambda: bank.withdraw(self.hot_key(), eco.sats(2_000_000)))

    def play(self, person: Person, sats: int) -> bool:
        """A stake; 97 % of it comes back on average, to one player in three."""
        if person.wallet.pay([(self.deposit_key(person.owner), sats, self._stake)]) is None:
            return False
        self._plays += 1
        if self._plays % 3 == 0 and not self.eco.closing:
            self.owe(person.wallet.receive(), sats * self.eco.between(100, 480) // 100, self._win)
        return True


class PeerToPeer:
    """A peer-to-peer exchange: sellers lock coins in 2-of-3 escrow, buyers pay them in fiat elsewhere."""

    def __init__(self, eco: Economy) -> None:
        self.eco = eco
        truth = eco.truth
        self.owner = truth.owner("p2p-1", "p2p_exchange")
        self._key_number = eco.ring.number()
        self.wallet = Wallet(eco, self.owner, Fingerprint(P2SH_P2WPKH, 2, False, FINAL, "last"), "commission")
        self._role = truth.role("escrow")
        self._lock, self._release, self._fee = (
            truth.purpose("p2p_escrow"),
            truth.purpose("release"),
            truth.purpose("commission"),
        )
        self._trades = 0

    def trade(self, seller: Person, buyer: Person, sats: int) -> bool:
        """Lock; release to the buyer within three days."""
        eco = self.eco
        if seller.wallet.balance < sats + 30_000 or seller is buyer:
            return False
        self._trades += 1
        owner = eco.truth.owner(f"escrow:p2p-{self._trades:06d}", "escrow")
        numbers = [eco.ring.number(), eco.ring.number(), self._key_number]
        key = eco.ring.multisig(P2WSH_MULTISIG, 2, numbers, owner, self._role, None, seller.owner)
        made = seller.wallet.pay([(key, sats, self._lock)])
        if made is None:
            return False
        coin = next(c for c in made if c.key is key)
        eco.at(eco.hours(eco.between(4, 72)), lambda: self._settle(coin, buyer))
        return True

    def _settle(self, coin: Coin, buyer: Person) -> None:
        eco = self.eco
        share = max(1_000, coin.value // 100)
        rest = coin.value - share - 200 * eco.fee_rate
        outs: list[Out] = [
            (buyer.wallet.receive(), rest, self._release),
            (self.wallet.receive(), share, self._fee),
        ]
        eco.chain.transact([coin], outs)


class Payroll:
    """Three employers that pay part of the wages in coins, monthly and in batches."""

    def __init__(self, eco: Economy, exchanges: list[Exchange], public: list[Person]) -> None:
        self.eco = eco
        self._wage = eco.truth.purpose("wage")
        for i in range(3):
            wallet = Wallet(
                eco,
                eco.truth.owner(f"employer-{i}", "employer"),
                Fingerprint(P2WPKH, 2, True, NO_RBF, "last"),
            )
            employer = Person(wallet, exchanges[i % 2])
            staff = [eco.pick(public) for _ in range(eco.between(8, 24))]
            for month in range(12):
                eco.plan(eco.days(12 + 30 * month + i), lambda e=employer, s=staff: self._pay(e, s))  # type: ignore[misc]

    def _pay(self, employer: Person, staff: list[Person]) -> None:
        outs: list[Out] = [
            (p.wallet.receive(), self.eco.sats(self.eco.between(15_000, 90_000)), self._wage)
            for p in dict.fromkeys(staff)
        ]
        total = sum(value for _, value, _ in outs)
        if employer.wallet.pay(outs) is None and not self.eco.closing:
            employer.top_up(total * 12 // 10)
            self.eco.at(self.eco.days(2), lambda: self._retry(employer, outs))

    def _retry(self, employer: Person, outs: list[Out]) -> None:
        employer.wallet.pay(outs)


class Donations:
    """A jar with one address, printed on a web page."""

    def __init__(self, eco: Economy, exchanges: list[Exchange]) -> None:
        self.eco = eco
        owner = eco.truth.owner("donation-1", "donation")
        self.person = Person(
            Wallet(eco, owner, Fingerprint(P2PKH, 1, False, FINAL, "last"), "donation"), exchanges[0]
        )
        self.key = self.person.wallet.receive()
        self._gift, self._deposit = eco.truth.purpose("donation"), eco.truth.purpose("deposit")
        for quarter in range(1, 4):
            eco.plan(eco.days(90 * quarter), self._spend)

    def give(self, person: Person, sats: int) -> bool:
        """A gift."""
        return person.wallet.pay([(self.key, sats, self._gift)]) is not None

    def _spend(self) -> None:
        self.person.wallet.drain(self.person.bank.deposit_key(self.person.owner), self._deposit)
