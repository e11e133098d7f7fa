"""What happens seldom on a real chain and must happen in every world: odd outputs, mixers, PayJoins.

These acts are planned by number, not drawn, so that the smallest world holds each of them.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.simulation.buyers import make_person
from adapters.simulation.cashout import Mixer
from adapters.simulation.economy import Economy
from adapters.simulation.encode import BARE_MULTISIG, P2WPKH, sha256
from adapters.simulation.exchanges import Exchange
from adapters.simulation.keys import Coin, Key
from adapters.simulation.mixers import PRIVATE, payjoin
from adapters.simulation.recorder import CHANGE, NONE
from adapters.simulation.wallet import MAX_INPUTS, Person, Wallet

_LEAST = 44  # rare acts of the smallest world: four of each kind
_RICH = 1_000_000  # satoshi somebody needs for any of them


class Rarities:
    """Rare acts, each by whoever can afford it at the time."""

    def __init__(
        self,
        eco: Economy,
        exchanges: list[Exchange],
        people: list[Person],
        mixers: dict[str, Mixer],
        more: list[Callable[[Person], bool]],
    ) -> None:
        self.eco = eco
        self._people = people
        self._payment = eco.truth.purpose("payment")
        self._role, self._old = eco.truth.role("wallet"), eco.truth.role("multisig")
        self._vaults: list[Coin] = []
        self._stores = [
            make_person(eco, exchanges, f"payjoin-store-{i}", "retailer")
            for i in range(max(3, eco.txs // 20_000))
        ]
        for store in self._stores:
            store.wallet.fp = PRIVATE
            eco.plan(eco.ticks // 50, lambda s=store: s.top_up(eco.sats(50_000)))  # type: ignore[misc]
        acts: list[Callable[[Person], bool]] = [
            self._note,
            self._anchor,
            self._vault,
            self._open_vault,
            *more,
        ]
        acts += [lambda p, m=mixer: self._enter(m, p) for mixer in mixers.values()]  # type: ignore[misc]
        first, last = eco.ticks // 12, eco.ticks * 94 // 100
        for acts_in_turn, number in (
            (acts, max(_LEAST, eco.txs // 100)),
            ([self._payjoin], max(8, eco.txs // 400)),
        ):
            for i in range(number):
                act = acts_in_turn[i % len(acts_in_turn)]
                eco.plan(first + (last - first) * i // number, lambda act=act: self._try(act, 30))  # type: ignore[misc]

    def _try(self, act: Callable[[Person], bool], tries: int) -> None:
        """Ask people until one has the money; else again at the next tick."""
        for _ in range(12):
            person = self.eco.pick(self._people)
            if person.wallet.balance >= _RICH and act(person):
                return
        if tries:
            self.eco.at(1, lambda: self._try(act, tries - 1))

    def _note(self, person: Person) -> bool:
        eco = self.eco
        text = sha256(eco.chain.tx_count.to_bytes(8, "little"))
        return person.wallet.pay([(eco.ring.data(text), 0, NONE)]) is not None

    def _anchor(self, person: Person) -> bool:
        eco = self.eco
        key = eco.pick(self._people).wallet.receive()
        return person.wallet.pay([(key, 100_000, self._payment), (eco.ring.anchor(), 330, NONE)]) is not None

    def _vault(self, person: Person) -> bool:
        ring = self.eco.ring
        numbers = [ring.number() for _ in range(3)]
        key = ring.multisig(
            BARE_MULTISIG, self.eco.between(1, 2), numbers, person.owner, self._old, self._vaults
        )
        return person.wallet.pay([(key, 150_000, NONE)]) is not None

    def _open_vault(self, _person: Person) -> bool:
        if not self._vaults:
            return False
        eco = self.eco
        vault = self._vaults.pop(0)
        key = eco.ring.new(P2WPKH, vault.key.owner, self._role, None)
        eco.chain.transact([vault], [(key, vault.value - 300 * eco.fee_rate, CHANGE)], version=1)
        return True

    def _payjoin(self, person: Person) -> bool:
        balance = person.wallet.balance
        sats = balance // 10 + int(self.eco.random() * balance / 10)
        return payjoin(self.eco, person, self.eco.pick(self._stores).wallet, sats)

    def _enter(self, mixer: Mixer, person: Person) -> bool:
        """Somebody who likes privacy puts everything into one coin and that coin into a mixer."""
        eco = self.eco
        wallet = person.wallet
        coin: Coin | None = wallet.coins[0]
        if len(wallet.coins) > 1 or wallet.coins[0].key.kind != P2WPKH:
            gathered = eco.ring.new(P2WPKH, person.owner, self._role, None)
            coin = wallet.drain(gathered, NONE, limit=MAX_INPUTS)
            if coin is None:
                return False
        else:
            wallet.coins.clear()
        assert coin is not None

        def savings() -> Key:
            return eco.ring.new(P2WPKH, person.owner, self._role, None)

        # mixed coins are spent from a wallet of their own, so that no owner undoes the mix
        mixed = Wallet(eco, person.owner, PRIVATE, "postmix")

        def done(made: list[Coin]) -> None:
            mixed.coins.extend(made)
            if not eco.closing and eco.chance(40):
                mixed.pay([(eco.pick(self._people).wallet.receive(), made[0].value // 3, self._payment)])

        if mixer.enter(coin, person.owner, savings, done):
            return True
        wallet.send([coin], [(wallet.receive(), coin.value - 200 * eco.fee_rate, CHANGE)])
        return False
