"""People: an account, an exchange, and what they allowed contracts to take."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.simulation.accounts.chain import NATIVE
from adapters.simulation.accounts.custodian import Exchange
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.stage import ETH, Place, Stage
from adapters.simulation.accounts.tokens import Token


@dataclass
class Person:
    """Somebody ordinary: one account on both chains, one exchange."""

    stage: Stage
    name: str
    account: Account
    bank: Exchange
    approved: set[tuple[int, bytes, bytes]]

    @property
    def address(self) -> bytes:
        """Of the account."""
        return self.account.address

    def coin(self, place: Place) -> int:
        """Wei it can part with and still pay for gas for a while."""
        return place.chain.held[NATIVE, self.address] - ETH // 10

    def allow(self, token: Token, spender: bytes) -> None:
        """Let a contract spend, once for ever."""
        mark = (token.chain.chain_id, token.address, spender)
        if mark not in self.approved:
            self.approved.add(mark)
            token.approve(self.account, spender)

    def top_up(self, place: Place) -> None:
        """Buy coin and stablecoin at the exchange."""
        stage = self.stage
        self.bank.withdraw(place, self.address, None, stage.between(80, 400) * ETH // 100)
        if stage.chance(70):
            self.bank.withdraw(place, self.address, place.usdt, stage.between(50_000, 900_000) * 10**3)


def person(stage: Stage, name: str, kind: str, banks: list[Exchange]) -> Person:
    """Somebody new, with a bank by the banks' shares of the public."""
    chains = [place.chain.chain_id for place in stage.places]
    mark = stage.random() * 100
    bank = banks[0]
    for bank in banks:
        mark -= bank.vasp.share
        if mark < 0:
            break
    owner = stage.records.actor(name, kind)
    return Person(stage, owner, stage.account(owner, "wallet", chains=chains), bank, set())
