"""The public: people who pay each other and the services, and fill the blocks to the size asked for."""

from __future__ import annotations

from collections.abc import Callable

from adapters.simulation.buyers import make_person
from adapters.simulation.cashout import Mixer
from adapters.simulation.economy import Economy
from adapters.simulation.encode import COIN
from adapters.simulation.exchanges import Exchange
from adapters.simulation.rarities import Rarities
from adapters.simulation.services import Donations, Gambling, Merchant, Payroll, PeerToPeer
from adapters.simulation.wallet import Person

_TXS_PER_PERSON = 12
_MOST_PEOPLE = 60_000
_PUBLIC_MONEY = (
    2_500 * COIN
)  # what all of them buy at first; there are 15,000 BTC on regtest, most of them early


class Public:
    """Ordinary people and what they do on a chain."""

    def __init__(self, eco: Economy, exchanges: list[Exchange], mixers: dict[str, Mixer]) -> None:
        self.eco = eco
        self.people = [
            make_person(eco, exchanges, f"user-{i:06d}", "user")
            for i in range(min(_MOST_PEOPLE, max(40, eco.txs // _TXS_PER_PERSON)))
        ]
        self._purse = _PUBLIC_MONEY // len(self.people)  # satoshi
        self.merchant = Merchant(eco, exchanges)
        self.gambling = Gambling(eco, exchanges[0])
        self.p2p = PeerToPeer(eco)
        self.payroll = Payroll(eco, exchanges, self.people)
        self.donations = Donations(eco, exchanges)
        calls: list[Callable[[Person], bool]] = [self._trade, self._play, self._buy, self._give]
        self.rarities = Rarities(eco, exchanges, self.people, mixers, calls)
        truth = eco.truth
        self._payment, self._deposit = truth.purpose("payment"), truth.purpose("deposit")

    def _trade(self, person: Person) -> bool:
        return self.p2p.trade(person, self.eco.pick(self.people), 300_000)

    def _play(self, person: Person) -> bool:
        return self.gambling.play(person, 200_000)

    def _buy(self, person: Person) -> bool:
        return self.merchant.charge(person, 400_000)

    def _give(self, person: Person) -> bool:
        return self.donations.give(person, 150_000)

    def fill(self) -> None:
        """Act until the chain holds as many transactions as are due at this tick."""
        eco = self.eco
        chain = eco.chain
        due = eco.txs * (eco.tick + 1) // eco.ticks
        tries = 4 * max(0, due - chain.tx_count) + 8
        while chain.tx_count < due and tries:
            tries -= 1
            self._act()
        self.merchant.act()
        self.gambling.act()

    def _act(self) -> None:
        eco = self.eco
        person = eco.pick(self.people)
        wallet = person.wallet
        balance = wallet.balance
        if balance < 600_000:
            if not eco.closing:
                person.top_up(min(self._purse, eco.sats(eco.between(10_000, 120_000))) + 1_000_000)
            return
        mark = eco.random() * 100
        amount = 20_000 + int(balance * eco.random() * eco.random() * 0.6)
        if mark < 55:
            wallet.pay([(eco.pick(self.people).wallet.receive(), amount, self._payment)])
        elif mark < 72:
            self.merchant.charge(person, amount)
        elif mark < 84:
            self.gambling.play(person, amount)
        elif mark < 92:
            if not eco.closing:
                wallet.pay([(person.bank.deposit_key(person.owner), amount, self._deposit)])
        elif mark < 95:
            self.donations.give(person, min(amount, eco.sats(eco.between(500, 5_000))))
        elif not eco.closing:
            self.p2p.trade(person, eco.pick(self.people), amount)
