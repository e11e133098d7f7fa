"""How the proceeds of one case reach an exchange, with the truth of every exit kept beside.

Proceeds live in wallets of their own: all coins of one `Proceeds` come from one case, so provenance needs
no convention. What its owner keeps goes to savings that are never spent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.simulation.chain_builder import Out
from adapters.simulation.economy import Economy
from adapters.simulation.encode import INPUT_VBYTES, P2WPKH
from adapters.simulation.exchanges import Exchange
from adapters.simulation.keys import Coin, Key
from adapters.simulation.recorder import CHANGE
from adapters.simulation.wallet import DUST, MAX_INPUTS, Fingerprint, Wallet

Mixed = Callable[[list[Coin]], None]


class Mixer(Protocol):
    """A CoinJoin service: takes one coin of an owner and later hands back mixed ones."""

    def enter(self, coin: Coin, owner: int, savings: Callable[[], Key], done: Mixed) -> bool:
        """False, with nothing done, where the amount does not fit."""


Route = tuple[str, Exchange, Mixer | None]  # direct, hop, peel or mix; where to; through what


class Proceeds:
    """The money one owner made in one case, and the routes it leaves by."""

    def __init__(self, eco: Economy, owner: int, case: str, fp: Fingerprint, routes: list[Route]) -> None:
        self.eco = eco
        self.owner = owner
        self.case = case
        self.routes = routes
        self.wallet = Wallet(eco, owner, fp, "proceeds")
        self.refs: dict[
            bytes, str
        ] = {}  # source of a coin by its outpoint, where the outpoint itself is not the source
        self.floor = 10_000  # US cents below which nothing moves
        self._turn = 0
        self._postmix: list[tuple[Coin, str, Exchange]] = []
        self._savings_role = eco.truth.role("savings")
        self._deposit_purpose = eco.truth.purpose("deposit")
        self._move = eco.truth.purpose("self_transfer")

    def receive(self) -> Key:
        """A fresh address for proceeds."""
        return self.wallet.receive()

    def savings(self) -> Key:
        """Where money goes that stays with its owner."""
        return self.eco.ring.new(self.wallet.fp.kind, self.owner, self._savings_role, None)

    def _own(self, kind: int) -> Key:
        return self.eco.ring.new(kind, self.owner, self.wallet.role, None)

    def cash_out(self) -> None:
        """Send what has gathered on its way, by the next of the routes."""
        if self.eco.closing or self.eco.cents(self.wallet.balance) < self.floor:
            return
        inputs = self.wallet.coins[:MAX_INPUTS]
        del self.wallet.coins[: len(inputs)]
        refs = ";".join([self.refs.pop(coin.prevout, "") or coin.outpoint for coin in inputs])
        kind, exchange, mixer = self.routes[self._turn % len(self.routes)]
        self._turn += 1
        if kind == "direct":
            self._deposit(inputs, refs, exchange, mixed=False, keep=self.eco.between(0, 25))
            return
        coin = self._gather(inputs, P2WPKH if mixer else self.wallet.fp.kind)
        if coin is None:
            return
        if kind == "hop":
            self._later(
                lambda: self._deposit([coin], refs, exchange, mixed=False, keep=self.eco.between(0, 25))
            )
        elif kind == "peel":
            least = 2_000 if self.eco.chance(30) else 9_000  # US cents of a slice: some have patience
            step = max(self.eco.sats(least), coin.value // self.eco.between(5, 40))
            self._later(lambda: self._peel(coin, refs, exchange, step))
        else:
            self._later(lambda: self._mix(coin, refs, exchange, mixer))

    def _later(self, act: Callable[[], None]) -> None:
        self.eco.at(self.eco.hours(self.eco.between(8, 72)), act)

    def _fee(self, inputs: list[Coin], outs: int) -> int:
        return self.eco.fee_rate * (11 + 40 * outs + sum(INPUT_VBYTES[coin.key.kind] for coin in inputs))

    def _gather(self, inputs: list[Coin], kind: int) -> Coin | None:
        value = sum(coin.value for coin in inputs) - self._fee(inputs, 1)
        if value < DUST:
            return None
        return self.wallet.send(inputs, [(self._own(kind), value, self._move)])[0]

    def _deposit(self, inputs: list[Coin], refs: str, exchange: Exchange, *, mixed: bool, keep: int) -> None:
        if self.eco.closing:
            return
        value = sum(coin.value for coin in inputs) - self._fee(inputs, 2)
        kept = value * keep // 100
        if value - kept < DUST * 5:
            return
        outs: list[Out] = [(exchange.deposit_key(self.owner), value - kept, self._deposit_purpose)]
        if kept >= DUST:
            outs.insert(int(self.eco.random() * 2), (self.savings(), kept, CHANGE))
        self._exit(self.wallet.send(inputs, outs), exchange, mixed, refs)

    def _exit(self, made: list[Coin], exchange: Exchange, mixed: bool, refs: str) -> None:
        for vout, coin in enumerate(made):
            if coin.key.owner == exchange.owner:
                self.eco.truth.exit(
                    self.case, self.owner, vasp=exchange.name, vout=vout, mixed=mixed, refs=refs
                )

    def _peel(self, coin: Coin, refs: str, exchange: Exchange, step: int) -> None:
        """One hop of a peel chain: a slice to the exchange, the rest to a fresh address of one's own."""
        if self.eco.closing:
            return
        peel = step * self.eco.between(70, 130) // 100
        rest = coin.value - peel - self._fee([coin], 2)
        if rest < step // 2:
            self._deposit([coin], refs, exchange, mixed=False, keep=0)
            return
        outs: list[Out] = [
            (exchange.deposit_key(self.owner), peel, self._deposit_purpose),
            (self._own(self.wallet.fp.kind), rest, CHANGE),
        ]
        if self.eco.chance(50):
            outs.reverse()
        made = self.wallet.send([coin], outs)
        self._exit(made, exchange, False, refs)
        onward = made[0] if made[0].key.owner == self.owner else made[1]
        self.eco.at(self.eco.hours(self.eco.between(4, 30)), lambda: self._peel(onward, refs, exchange, step))

    def _mix(self, coin: Coin, refs: str, exchange: Exchange, mixer: Mixer | None) -> None:
        if mixer is None or not mixer.enter(
            coin, self.owner, self.savings, lambda made: self._mixed(made, refs, exchange)
        ):
            self._deposit([coin], refs, exchange, mixed=False, keep=0)

    def _mixed(self, made: list[Coin], refs: str, exchange: Exchange) -> None:
        first = not self._postmix
        self._postmix += [(coin, refs, exchange) for coin in made]
        if first:
            self.eco.at(self.eco.days(self.eco.between(1, 4)), self._spend_mixed)

    def _spend_mixed(self) -> None:
        """Merge what came out of the mix and deposit it, as careless owners do."""
        waiting, self._postmix = self._postmix, []
        exchange = waiting[0][2]
        refs = ";".join(dict.fromkeys(ref for _, ref, _ in waiting))
        self._deposit([coin for coin, _, _ in waiting], refs, exchange, mixed=True, keep=0)
