"""Wallet software: fingerprints, coin choice, change.

The fingerprints vary what published change heuristics look at (Moeser and Narayanan 2022; Kappos et al.
2022): version, locktime, replace-by-fee, script type, position and reuse of change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.simulation.chain_builder import FINAL, NO_RBF, RBF, Out
from adapters.simulation.economy import Economy
from adapters.simulation.encode import INPUT_VBYTES, P2PKH, P2SH_P2WPKH, P2TR, P2WPKH
from adapters.simulation.keys import Coin, Key
from adapters.simulation.recorder import CHANGE

DUST = 1_000  # satoshi: less change than this goes to the fee
MAX_INPUTS = 120


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How a wallet program writes its transactions."""

    kind: int
    version: int = 2
    locktime: bool = False  # the current height, against fee sniping
    sequence: bytes = FINAL
    change: str = "random"  # first, last or random
    reuse: bool = False  # change goes back to the first input's address


PRESETS = (
    Fingerprint(P2WPKH, 2, True, RBF, "random"),
    Fingerprint(P2WPKH, 2, True, RBF, "random"),
    Fingerprint(P2PKH, 1, False, FINAL, "last"),
    Fingerprint(P2SH_P2WPKH, 2, True, NO_RBF, "random"),
    Fingerprint(P2SH_P2WPKH, 1, False, FINAL, "last"),
    Fingerprint(P2PKH, 1, False, FINAL, "first", reuse=True),
    Fingerprint(P2TR, 2, True, RBF, "random"),
    Fingerprint(P2WPKH, 1, False, RBF, "last"),
)
SERVICE = Fingerprint(P2WPKH, 2, False, FINAL, "last")


class Wallet:
    """The coins of one purpose of one owner; never spent together with another wallet's."""

    __slots__ = ("coins", "eco", "fp", "owner", "role")

    def __init__(self, eco: Economy, owner: int, fp: Fingerprint, role: str = "wallet") -> None:
        self.eco = eco
        self.owner = owner
        self.fp = fp
        self.role = eco.truth.role(role)
        self.coins: list[Coin] = []

    def receive(self) -> Key:
        """A fresh address."""
        return self.eco.ring.new(self.fp.kind, self.owner, self.role, self.coins)

    @property
    def balance(self) -> int:
        """Satoshi."""
        return sum(coin.value for coin in self.coins)

    def pay(
        self, outs: list[Out], order: int = -1, change_to: Callable[[], Key] | None = None
    ) -> list[Coin] | None:
        """Pay, oldest coins first; gives the new coins in output order, or None (nothing done) when short."""
        rate = self.eco.fee_rate
        need, size = 0, 11 + 43
        for key, value, _ in outs:
            need += value
            size += 8 + len(key.lock)
        have = used = 0
        for coin in self.coins:
            have += coin.value
            used += 1
            size += INPUT_VBYTES[coin.key.kind]
            if have >= need + size * rate:
                break
            if used == MAX_INPUTS:
                return None
        else:
            return None
        inputs = self.coins[:used]
        del self.coins[:used]
        change = have - need - size * rate
        if change >= DUST:
            if change_to is not None:
                key = change_to()
            else:
                key = inputs[0].key if self.fp.reuse and inputs[0].key.home is self.coins else self.receive()
            out = (key, change, CHANGE)
            if self.fp.change == "last":
                outs.append(out)
            elif self.fp.change == "first":
                outs.insert(0, out)
            else:
                outs.insert(int(self.eco.random() * (len(outs) + 1)), out)
        return self.send(inputs, outs, order)

    def send(self, inputs: list[Coin], outs: list[Out], order: int = -1) -> list[Coin]:
        """Spend exactly these inputs into exactly these outputs, in this program's manner."""
        fp, chain = self.fp, self.eco.chain
        if len(outs) > 2 and len(inputs) > 1:
            outs = uneven(outs)
        return chain.transact(
            inputs,
            outs,
            version=fp.version,
            locktime=chain.height - 1 if fp.locktime else 0,
            sequence=fp.sequence,
            order=order,
        )

    def drain(self, to: Key, purpose: int, limit: int = MAX_INPUTS) -> Coin | None:
        """All coins (the oldest `limit`) into one output; None when the fee would eat them."""
        inputs = self.coins[:limit]
        if not inputs:
            return None
        size = 12 + 8 + len(to.lock) + sum(INPUT_VBYTES[coin.key.kind] for coin in inputs)
        value = sum(coin.value for coin in inputs) - size * self.eco.fee_rate
        if value < DUST:
            return None
        del self.coins[: len(inputs)]
        return self.send(inputs, [(to, value, purpose)])[0]


def uneven(outs: list[Out]) -> list[Out]:
    """No value twice: equal payments from several inputs would have the shape of a CoinJoin."""
    seen: set[int] = set()
    result = []
    for key, value, purpose in outs:
        while value in seen and value > 0:
            value -= 1
        seen.add(value)
        result.append((key, value, purpose))
    return result


class Person:
    """Somebody with one wallet and an account at an exchange."""

    __slots__ = ("bank", "owner", "waiting", "wallet")

    def __init__(self, wallet: Wallet, bank: Bank) -> None:
        self.owner = wallet.owner
        self.wallet = wallet
        self.bank = bank
        self.waiting = -1  # tick until which a withdrawal is under way

    def top_up(self, sats: int) -> None:
        """Buy coins at the exchange, unless some are on their way."""
        eco = self.wallet.eco
        if eco.tick > self.waiting and not self.bank.suspended:
            self.waiting = eco.tick + eco.hours(24) * min(2, eco.patience)
            self.bank.withdraw(self.wallet.receive(), sats)


class Bank:
    """What a person needs of an exchange."""

    suspended = False  # takes no more orders for withdrawals, for want of coins

    def withdraw(self, key: Key, sats: int) -> None:
        """Pay out to a customer's address, soon and in a batch."""
        raise NotImplementedError

    def deposit_key(self, customer: int) -> Key:
        """The customer's deposit address."""
        raise NotImplementedError
