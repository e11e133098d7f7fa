"""Who holds other people's money: deposit addresses, gas for them, sweeps, a hot wallet. Exchanges and a market.

Two shapes. With keys, every deposit address is an account; native coin is sent on whole, and before a token can be, the
gas station sends it gas. With clones, every deposit address is a clone of one forwarder, paid before it exists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.simulation.accounts.chain import NATIVE, Chain, Tx
from adapters.simulation.accounts.keys import Account
from adapters.simulation.accounts.services import Factory
from adapters.simulation.accounts.stage import ETH, Place, Stage
from adapters.simulation.accounts.tokens import TOKEN_GAS, Token, pay
from adapters.simulation.exchanges import VASPS, Vasp

CLONES = ("exchange-kyc-2", "exchange-nokyc-2")
LEAST = 10**16  # wei below which native coin is left where it is
BATCH = 25


@dataclass(frozen=True)
class Deposit:
    """A customer's address on one chain; `account` is None for a clone."""

    address: bytes
    account: Account | None


class Custodian:
    """One key each of hot wallet and gas station, the same on all of its chains."""

    def __init__(
        self,
        stage: Stage,
        name: str,
        kind: str,
        places: Sequence[Place],
        *,
        hot_role: str,
        clones: bool = False,
    ) -> None:
        self.stage, self.places = stage, places
        self.name = stage.records.actor(name, kind)
        chains = [place.chain.chain_id for place in places]
        self.hot = stage.account(name, hot_role, chains=chains)
        self.station = stage.account(name, "gas station", chains=chains)
        for place in places:
            place.chain.endow(self.station.address, 200 * ETH)
        self._clones = clones
        self._factories: dict[int, Factory] = {}
        self._deposits: dict[tuple[str, int], Deposit] = {}
        self._by_address: dict[tuple[int, bytes], Deposit] = {}
        self._unswept: defaultdict[tuple[int, bytes], dict[bytes, None]] = defaultdict(dict)

    def open(self) -> None:
        """Put the factories up, where it has any: the hot wallet must have coin by now."""
        for place in self.places if self._clones else ():
            self._factories[place.chain.chain_id] = Factory(place.chain, self.hot, self.hot.address)

    def deposit_address(self, customer: str, chain: Chain) -> bytes:
        """The customer's address on a chain, made when first asked for."""
        found = self._deposits.get((customer, chain.chain_id))
        if found is None:
            found = self._new(customer, chain)
            self._deposits[customer, chain.chain_id] = self._by_address[chain.chain_id, found.address] = found
        return found.address

    def _new(self, customer: str, chain: Chain) -> Deposit:
        records = self.stage.records
        if self._clones:
            address = self._factories[chain.chain_id].reserve(f"{self.name}/{customer}")
            records.owned(chain.chain_id, address, self.name, "deposit", customer)
            return Deposit(address, None)
        account = self.stage.account(self.name, "deposit", chains=[chain.chain_id], customer=customer)
        records.link(self.station.address, account.address, True, "gas station and deposit address")
        return Deposit(account.address, account)

    def notice(self, chain: Chain, address: bytes, asset: bytes) -> None:
        """Something came in: it is swept at the next `sweep`."""
        self._unswept[chain.chain_id, asset][address] = None

    def sweep(self) -> None:
        """Move on what came in until the last block."""
        for place in self.places:
            chain_id = place.chain.chain_id
            for asset in [asset for of, asset in self._unswept if of == chain_id]:
                waiting = list(self._unswept.pop((chain_id, asset)))
                if self._clones:
                    full = [address for address in waiting if place.chain.held[asset, address]]
                    for first in range(0, len(full), BATCH):
                        self._factories[chain_id].flush(full[first : first + BATCH], asset)
                    continue
                for address in waiting:
                    account = self._by_address[chain_id, address].account
                    assert account is not None
                    self._sweep_key(place, account, asset)

    def _sweep_key(self, place: Place, account: Account, asset: bytes) -> None:
        chain = place.chain
        if asset == NATIVE:
            if chain.room(account) >= LEAST:
                pay(chain, account, self.hot.address, chain.room(account), "sweep")
            return
        token = place.token(asset)
        if not (amount := token.of(account.address)):
            return
        if chain.room(account, TOKEN_GAS) >= 0:
            token.give(account, self.hot.address, amount, "sweep")
            return
        gas = TOKEN_GAS * (chain.base_fee * 2 + account.tip)  # it may cost more when it is used
        pay(chain, self.station, account.address, gas, "gas")
        self.stage.at(1, lambda: self._sweep_key(place, account, asset))

    def withdraw(self, place: Place, to: bytes, asset: Token | None, amount: int) -> Tx:
        """Pay a customer out of the hot wallet: coin (None) or a token."""
        if asset is None:
            return pay(place.chain, self.hot, to, amount, "withdrawal")
        return asset.give(self.hot, to, amount, "withdrawal")


class Exchange(Custodian):
    """A VASP of the register, on both chains."""

    def __init__(self, stage: Stage, vasp: Vasp) -> None:
        super().__init__(
            stage, vasp.vasp_id, vasp.shape, stage.places, hot_role="hot", clones=vasp.vasp_id in CLONES
        )
        self.vasp = vasp
        for place in stage.places:
            place.chain.endow(self.hot.address, 20_000 * ETH)
            place.usdt.mint(self.hot.address, 1_000_000 * 10**6)
        self.open()


def exchanges(stage: Stage) -> list[Exchange]:
    """All of the register."""
    return [Exchange(stage, vasp) for vasp in VASPS]


def deposit(
    place: Place, who: Account, exchange: Custodian, customer: str, asset: Token | None, amount: int,
    purpose: str = "deposit",
) -> Tx:  # fmt: skip
    """Send coin (None) or a token to a customer's address; the customer may be somebody else than who pays."""
    chain = place.chain
    to = exchange.deposit_address(customer, chain)
    tx = pay(chain, who, to, amount, purpose) if asset is None else asset.give(who, to, amount, purpose)
    exchange.notice(chain, to, asset.address if asset else NATIVE)
    return tx
