"""How the proceeds of one case reach an exchange, by every way there is, with the truth of each exit beside.

All money of one `Proceeds` in the asset it was paid in comes from one payment of one case, and so does what it is
changed into: provenance needs no convention. Gas on the second chain is a stranger's, and never leaves as a deposit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from adapters.simulation.accounts.chain import CALL_GAS, NATIVE, Tx
from adapters.simulation.accounts.custodian import Exchange, deposit
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.relay import Relays
from adapters.simulation.accounts.services import CREATE_GAS, Mixer, Multisig, Note
from adapters.simulation.accounts.stage import ETH, Place, Stage
from adapters.simulation.accounts.tokens import TOKEN_GAS, Token, pay
from adapters.simulation.accounts.trading import SWAP_GAS

GAS_MONEY = ETH // 10  # comes with tokens, for the gas of moving them
WAYS = (
    ("direct", "exchange-kyc-1"), ("direct", "exchange-nokyc-1"), ("hop", "exchange-nokyc-2"),
    ("peel", "exchange-nokyc-1"), ("swap", "exchange-nokyc-2"), ("wrap", "exchange-kyc-2"),
    ("bridge", "exchange-nokyc-1"), ("mixer", "exchange-nokyc-2"), ("two_hop_swap", "exchange-nokyc-1"),
    ("multisig", "exchange-kyc-1"), ("direct", "swapper-1"), ("thorchain", ""), ("mixer", "exchange-nokyc-1"),
)  # fmt: skip
"""How, and where to; vendor n takes line n modulo 13, so that the smallest world has every way out."""


@dataclass
class Proceeds:
    """What one owner got by one payment on the first chain, in coin (None) or a token, and how it leaves."""

    stage: Stage
    relays: Relays
    exchange: Exchange | None
    case: str
    owner: str
    way: str
    account: Account
    token: Token | None
    source: Tx
    amount: int

    def start(self, delay: int) -> None:
        """Begin so many blocks from now."""
        asset = self.token.address if self.token else NATIVE
        row = (self.case, self.owner, self.source, self.account.address, asset, self.amount, self.way)
        self.stage.records.sources.append(row)
        self.stage.at(delay, self._run)

    def _run(self) -> None:
        place = self.stage.a
        if self.exchange is None:
            self._thorchain(place)
        else:
            act: dict[str, Callable[[Place, Account, Token | None], None]] = {
                "direct": self._exit, "hop": self._hop, "peel": self._peel, "swap": self._swap, "wrap": self._wrap,
                "bridge": self._bridge, "mixer": self._mix, "two_hop_swap": self._two_hops, "multisig": self._multisig,
            }  # fmt: skip
            act[self.way](place, self.account, self.token)

    def _later(self, act: Callable[[], None]) -> None:
        self.stage.at(self.stage.between(1, 5), act)

    def _fresh(self) -> Account:
        chains = [place.chain.chain_id for place in self.stage.places]
        return self.stage.account(self.owner, "proceeds", chains=chains)

    def _exit(
        self, place: Place, who: Account, token: Token | None, amount: int = 0, *, mixed: bool = False
    ) -> None:
        """Deposit an amount, or (0) all."""
        assert self.exchange is not None
        whole = token.of(who.address) if token else place.chain.room(who, CALL_GAS)
        amount = amount or whole
        if amount <= 0 or self.stage.closing:
            return
        tx = deposit(place, who, self.exchange, self.owner, token, amount)
        self._told(tx, token, amount, mixed)

    def _told(self, tx: Tx, token: Token | None, amount: int, mixed: bool = False) -> None:
        assert self.exchange is not None
        chain = next(place.chain for place in self.stage.places if place.chain.chain_id == tx.chain_id)
        to = self.exchange.deposit_address(self.owner, chain)
        asset = token.address if token else NATIVE
        row = (
            self.case, self.owner, self.exchange.name, tx, to, asset, amount, self.way, mixed, self.source,
            self.account.address,
        )  # fmt: skip
        self.stage.records.exits.append(row)

    def _pass_on(self, place: Place, who: Account, token: Token | None) -> Account:
        """All to a fresh account of one's own; with a token goes the coin for its gas."""
        to = self._fresh()
        if token:
            token.give(who, to.address, token.of(who.address), "self_transfer")
        if (rest := place.chain.room(who)) > 0:
            pay(place.chain, who, to.address, rest, "self_transfer")
        self.stage.records.link(who.address, to.address, True, "self transfer")
        return to

    def _hop(self, place: Place, who: Account, token: Token | None) -> None:
        to = self._pass_on(place, who, token)
        self._later(lambda: self._exit(place, to, token))

    def _peel(self, place: Place, who: Account, token: Token | None) -> None:
        """A slice to the exchange, the rest to a fresh account, again and again."""
        whole = token.of(who.address) if token else place.chain.room(who, 2 * CALL_GAS)
        slice_ = max(whole * self.stage.between(15, 35) // 100, 20 * 10**6 if token else ETH // 8)
        if slice_ >= whole or place.chain.room(who, 3 * TOKEN_GAS if token else CALL_GAS) <= 0:
            self._exit(place, who, token)
            return
        self._exit(place, who, token, slice_)
        to = self._pass_on(place, who, token)
        self._later(lambda: self._peel(place, to, token))

    def _swap(self, place: Place, who: Account, token: Token | None) -> None:
        """Coin into stablecoin, or stablecoin into coin."""
        if token:
            to = self._to_coin(place, who, token)
            self._later(lambda: self._exit(place, to, None))
            return
        amount = place.chain.room(who, SWAP_GAS) - GAS_MONEY
        if amount > 0:
            place.router.swap(who, place.swap_path(place.usdt), amount, coin_in=True)
            self._later(lambda: self._exit(place, who, place.usdt))

    def _to_coin(self, place: Place, who: Account, token: Token) -> Account:
        """All of the stablecoin into coin, to an account of its own, where it meets no gas money."""
        to = self._fresh()
        token.approve(who, place.router.address)
        amount = token.of(who.address)
        place.router.swap(who, (token, place.weth), amount, to.address, coin_out=True)
        self.stage.records.link(who.address, to.address, True, "swapped to another account")
        return to

    def _two_hops(self, place: Place, who: Account, token: Token | None) -> None:
        dai = self.stage.a.dai
        if token:
            token.approve(who, place.router.address)
            place.router.swap(who, (token, dai), token.of(who.address))
        else:
            amount = place.chain.room(who, SWAP_GAS) - GAS_MONEY
            if amount <= 0:
                return
            place.router.swap(who, place.swap_path(dai), amount, coin_in=True)
        self._later(lambda: self._hop(place, who, dai))

    def _wrap(self, place: Place, who: Account, token: Token | None) -> None:
        """Coin travels wrapped to a fresh account, is unwrapped and deposited."""
        amount = place.chain.room(who, TOKEN_GAS) - GAS_MONEY
        if token or amount <= 0:
            self._hop(place, who, token)
            return
        place.weth.wrap(who, amount)

        def onward() -> None:
            to = self._pass_on(place, who, place.weth)
            self._later(lambda: unwrap(to))

        def unwrap(to: Account) -> None:
            place.weth.unwrap(to, place.weth.of(to.address))
            self._later(lambda: self._exit(place, to, None))

        self._later(onward)

    def _bridge(self, place: Place, who: Account, token: Token | None) -> None:
        """To a fresh account of the other chain; coin goes as wrapped coin."""
        there = self.relays.other(place)
        to = self._fresh()
        if token is None:
            token = place.weth
            amount = place.chain.room(who, 3 * CREATE_GAS) - GAS_MONEY
            if amount <= 0:
                return
            token.wrap(who, amount)
        token.approve(who, place.bridge.address)
        arriving = self.relays.same(place, token)

        def arrived() -> None:
            self.relays.tip(there, to.address, GAS_MONEY)
            self._later(lambda: self._exit(there, to, arriving))

        self.stage.records.link(who.address, to.address, True, "both ends of a bridge")
        self.relays.bridge(place, who, token, to.address, token.of(who.address), arrived)

    def _mix(self, place: Place, who: Account, token: Token | None) -> None:
        """Into mixers of several denominations. The careful withdraw each to an account of its own, others to one."""
        if token:  # mixers take coin alone
            to = self._to_coin(place, who, token)
            self._later(lambda: self._mix(place, to, None))
            return
        one = None if self.stage.chance(50) else self._fresh()
        for mixer in reversed(self.stage.a.mixers):
            for _ in range(3):
                if place.chain.room(who, CREATE_GAS) - mixer.denomination < GAS_MONEY:
                    break
                note = mixer.deposit(who)
                to = one or self._fresh()
                self.stage.records.link(who.address, to.address, True, "both ends of a mixer")

                self.stage.at(self.stage.between(4, 25), partial(self._unmix, place, mixer, note, to))

    def _unmix(self, place: Place, mixer: Mixer, note: Note, to: Account) -> None:
        self.relays.unmix(mixer, note, to.address)
        self._later(lambda: self._exit(place, to, None, mixed=True))

    def _multisig(self, place: Place, who: Account, token: Token | None) -> None:
        """Through a contract wallet of two accounts of one's own."""
        assert self.exchange is not None
        exchange, second = self.exchange, self._fresh()
        wallet = Multisig(place.chain, [who, second], self.owner)
        self.stage.records.link(who.address, second.address, True, "owners of a contract wallet")
        pay(place.chain, who, second.address, GAS_MONEY // 2, "gas")
        if token:
            amount = token.of(who.address)
            token.give(who, wallet.address, amount, "self_transfer")
        else:
            amount = place.chain.room(who, 2 * CREATE_GAS) - GAS_MONEY
            if amount <= 0:
                return
            pay(place.chain, who, wallet.address, amount, "self_transfer")

        def leave() -> None:
            to = exchange.deposit_address(self.owner, place.chain)
            tx = wallet.give(token, to, amount, "deposit") if token else wallet.pay(to, amount, "deposit")
            exchange.notice(place.chain, to, token.address if token else NATIVE)
            self._told(tx, token, amount)

        self._later(leave)

    def _thorchain(self, place: Place) -> None:
        """Into bitcoin: the trail goes on at an address that only the memo names."""
        memo = f"=:BTC.BTC:{self.owner.replace('-', '')}btc:0/1/0"
        router, who, token = self.stage.a.thorchain, self.account, self.token
        if token:
            token.approve(who, router.address)
            router.deposit(who, token, token.of(who.address), memo)
        elif (amount := place.chain.room(who, CREATE_GAS)) > 0:
            router.deposit(who, None, amount, memo)
