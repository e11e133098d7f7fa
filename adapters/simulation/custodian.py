"""A service that takes deposits at addresses of its own and pays out from a shared wallet.

Exchanges, the custodial market, the merchant processor and the gambling site are all this; they differ in
how they sweep: deposits alone, or together with a coin of the shared wallet, so that co-spending joins the
two.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.simulation.chain_builder import Out
from adapters.simulation.economy import Economy
from adapters.simulation.encode import COIN, INPUT_VBYTES
from adapters.simulation.keys import Coin, Key
from adapters.simulation.wallet import MAX_INPUTS, Bank, Fingerprint, Wallet

_MUCH = 300 * COIN  # satoshi of unpaid withdrawals


@dataclass(frozen=True, slots=True)
class Habits:
    """How a custodian handles coins."""

    fp: Fingerprint
    sweep_hours: int = 24  # between sweeps
    sweep_inputs: int = 30  # deposits in one sweep
    with_hot: bool = False  # a shared coin stands among the inputs of each sweep
    payout_hours: int = 8  # between batches
    payout_outputs: int = 40  # of one batch
    fresh: bool = False  # a new deposit address each time, else one a customer
    hot_addresses: int = 3
    hot_role: str = "hot"
    deposit_role: str = "deposit"


class Custodian(Bank):
    """Deposits in, sweeps, batched payouts."""

    def __init__(self, eco: Economy, name: str, kind: str, habits: Habits) -> None:
        self.eco = eco
        self.name = name
        self.owner = eco.truth.owner(name, kind)
        self.habits = habits
        self.pending: list[Coin] = []  # deposits not yet swept
        self.wallet = Wallet(eco, self.owner, habits.fp, habits.hot_role)
        self.hot = self.wallet.coins
        self.hot_keys = [self.wallet.receive() for _ in range(habits.hot_addresses)]
        self._deposit_keys: dict[int, Key] = {}
        self._queue: list[Out] = []
        self._role = eco.truth.role(habits.deposit_role)
        self._sweep = eco.truth.purpose("sweep")
        self._withdrawal = eco.truth.purpose("withdrawal")
        self._turn = 0
        self.phase = len(name) % 3  # not everybody sweeps in the same block
        self.debt = 0  # satoshi queued for payment

    def deposit_key(self, customer: int) -> Key:
        """The customer's deposit address, new or as before."""
        key = self._deposit_keys.get(customer)
        if key is None:
            key = self.eco.ring.new(self.habits.fp.kind, self.owner, self._role, self.pending, customer)
            if not self.habits.fresh:
                self._deposit_keys[customer] = key
        return key

    def withdraw(self, key: Key, sats: int) -> None:
        """Queue a payout."""
        self.owe(key, sats, self._withdrawal)

    def owe(self, key: Key, sats: int, purpose: int) -> None:
        """Queue a payout for a purpose."""
        self._queue.append((key, sats, purpose))
        self.debt += sats

    def hot_key(self) -> Key:
        """The next of the shared addresses."""
        self._turn += 1
        return self.hot_keys[self._turn % len(self.hot_keys)]

    def act(self) -> None:
        """One tick."""
        tick = self.eco.tick + self.phase
        self.suspended = self.debt > _MUCH and self.debt > self.balance
        if self.pending and tick % (self.eco.hours(self.habits.sweep_hours) * self.eco.patience) == 0:
            self.sweep()
        if self._queue and tick % (self.eco.hours(self.habits.payout_hours) * min(2, self.eco.patience)) == 0:
            self.pay_out()

    def sweep(self) -> None:
        """Move every pending deposit to the shared wallet."""
        rate = self.eco.fee_rate
        limit = self.habits.sweep_inputs
        pending, self.pending[:] = self.pending[:], []
        for start in range(0, len(pending), limit):
            inputs = deposits = pending[start : start + limit]
            if self.habits.with_hot and self.hot:
                inputs = [*deposits, self.hot[0]]
            size = 55 + sum(INPUT_VBYTES[coin.key.kind] for coin in inputs)
            value = sum(coin.value for coin in inputs) - size * rate
            if value < size:  # dust alone: it waits for company
                self.pending += deposits
                continue
            if len(inputs) > len(deposits):
                del self.hot[0]
            self.wallet.send(inputs, [(self.hot_key(), value, self._sweep)])

    def pay_out(self) -> None:
        """Pay what is owed, in batches, as far as the shared wallet reaches."""
        queue, self._queue = self._queue, []
        limit = self.habits.payout_outputs
        for start in range(0, len(queue), limit):
            batch = queue[start : start + limit]
            if not (self._pay_batch(batch) or (self._merge() and self._pay_batch(batch))):
                self._queue = queue[start:]
                return

    def _pay_batch(self, batch: list[Out]) -> bool:
        if self.wallet.pay(list(batch), change_to=self.hot_key) is None:
            return False
        self.debt -= sum(value for _, value, _ in batch)
        return True

    def _merge(self) -> bool:
        """Make few coins of many small ones; False where there are not many."""
        before = len(self.hot)
        while len(self.hot) > MAX_INPUTS // 2 and self.wallet.drain(self.hot_key(), self._sweep):
            pass
        return len(self.hot) < before

    @property
    def balance(self) -> int:
        """Satoshi in the shared wallet."""
        return self.wallet.balance
