"""People who work for fees: they send withdrawals of mixers, and fill deposits at the other end of the bridge."""

from __future__ import annotations

from collections.abc import Callable

from adapters.simulation.accounts.crossing import Crossing
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.services import Mixer, Note
from adapters.simulation.accounts.stage import ETH, Place, Stage
from adapters.simulation.accounts.tokens import Token, pay

FEE = 100  # a mixer's relayer takes one part of so many


class Relays:
    """A mixer's relayer and a bridge's, one account each."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        records = stage.records
        chains = [place.chain.chain_id for place in stage.places]
        self._mixing = stage.account(records.actor("mixer-relayer", "relayer"), "relayer")
        self._bridging = stage.account(records.actor("bridge-relayer", "relayer"), "relayer", chains=chains)
        stage.a.chain.endow(self._mixing.address, 50 * ETH)
        for place in stage.places:
            place.chain.endow(self._bridging.address, 6_000 * ETH)
            place.usdt.mint(self._bridging.address, 1_000_000 * 10**6)
            place.weth.wrap(self._bridging, 5_000 * ETH)
            for token in (place.usdt, place.weth):
                token.approve(self._bridging, place.bridge.address)

    def other(self, place: Place) -> Place:
        """The chain at the other end."""
        return self.stage.b if place is self.stage.a else self.stage.a

    def same(self, place: Place, token: Token) -> Token:
        """The token that stands for one on the other chain."""
        there = self.other(place)
        return there.usdt if token is place.usdt else there.weth

    def bridge(
        self,
        place: Place,
        who: Account,
        token: Token,
        to: bytes,
        amount: int,
        then: Callable[[], None] | None,
    ) -> None:
        """Send a token (approved before) to the other chain; `then` is called when it is there."""
        there = self.same(place, token)
        crossing = place.bridge.deposit(who, token, there, to, amount)
        if not self.stage.at(self.stage.between(1, 3), lambda: self._fill(place, crossing, there, then)):
            place.bridge.told(crossing, None, there)

    def _fill(self, place: Place, crossing: Crossing, there: Token, then: Callable[[], None] | None) -> None:
        self.other(place).bridge.fill(self._bridging, crossing, there)
        if then:
            self.stage.at(self.stage.between(2, 6), then)

    def unmix(self, mixer: Mixer, note: Note, to: bytes) -> None:
        """Withdraw for somebody who has no gas."""
        mixer.withdraw(note, to, self._mixing, mixer.denomination // FEE)

    def tip(self, place: Place, to: bytes, amount: int) -> None:
        """Send somebody a little coin: what bridges give for gas."""
        pay(place.chain, self._bridging, to, amount, "gas")
