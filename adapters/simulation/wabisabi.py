"""WabiSabi-shaped CoinJoins (Wasabi Wallet 2): many inputs, outputs of standard denominations, both sides
sorted.

Shape as the published detectors describe it: at least 50 inputs, only P2WPKH and P2TR, more than 80 % of
the outputs in {2^k, 3^k, 2*3^k, 10^k, 2*10^k, 5*10^k} from 5,000 sat on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from adapters.simulation.cashout import Mixed
from adapters.simulation.chain_builder import Out
from adapters.simulation.economy import Economy
from adapters.simulation.encode import COIN, INPUT_VBYTES, P2TR, P2WPKH
from adapters.simulation.keys import Coin, Key
from adapters.simulation.mixers import PRIVATE
from adapters.simulation.recorder import CHANGE, NONE
from adapters.simulation.wallet import Bank, Person, Wallet

MIN_INPUTS = 50
MIN_OUTPUT = 5_000  # satoshi
_TOP = 13_437_500_000
STANDARD = sorted(
    value
    for value in {m * b**k for m, b in ((1, 2), (1, 3), (2, 3), (1, 10), (2, 10), (5, 10)) for k in range(40)}
    if MIN_OUTPUT <= value <= _TOP
)
_USED = sorted(
    value
    for value in {m * b**k for m, b in ((1, 2), (1, 10), (2, 10), (5, 10)) for k in range(40)}
    if MIN_OUTPUT <= value <= _TOP
)
_MOST = 8  # standard outputs of one participant


def decompose(amount: int, cost: int) -> tuple[list[int], int]:
    """Standard denominations, largest first, each paying `cost` for itself; then what is left over."""
    parts: list[int] = []
    while len(parts) < _MOST:
        at = bisect_right(_USED, amount - cost)
        if not at:
            break
        parts.append(_USED[at - 1])
        amount -= _USED[at - 1] + cost
    return parts, amount


class WabiSabi:
    """The coordinator: rounds at planned times, with its regular users and whoever waits."""

    def __init__(self, eco: Economy, banks: list[Bank]) -> None:
        self.eco = eco
        self._waiting: list[tuple[Coin, int, Mixed]] = []
        self._role = eco.truth.role("postmix")
        self._deposit = eco.truth.purpose("deposit")
        self._users = []
        for i in range(22 + eco.txs // 20_000):
            wallet = Wallet(eco, eco.truth.owner(f"wasabi-user-{i:03d}", "mixer_user"), PRIVATE)
            person = Person(wallet, banks[i % len(banks)])
            self._users.append(person)
            eco.plan(eco.ticks // 70, lambda p=person: self._fund(p))  # type: ignore[misc]
        rounds = max(3, eco.txs // 4_000)
        for i in range(rounds):
            eco.plan(eco.ticks // 10 + i * (eco.ticks * 85 // 100) // rounds, self.round)

    def _fund(self, person: Person) -> None:
        for _ in range(4):
            person.bank.withdraw(person.wallet.receive(), self.eco.between(COIN // 50, COIN // 2))

    def enter(self, coin: Coin, owner: int, _savings: Callable[[], Key], done: Mixed) -> bool:
        """Wait for the next round."""
        if coin.value < 100_000 or coin.key.kind not in (P2WPKH, P2TR):
            return False
        self._waiting.append((coin, owner, done))
        return True

    def round(self) -> None:
        """One CoinJoin, where fifty inputs come together."""
        eco = self.eco
        guests, self._waiting = self._waiting[:30], self._waiting[30:]
        groups: list[tuple[list[Coin], int, Mixed | None, Person | None]] = [
            ([c], o, d, None) for c, o, d in guests
        ]
        count, wanted = len(groups), MIN_INPUTS + eco.between(2, 40)
        users = list(self._users)
        eco.shuffle(users)
        for person in users:
            coins = [c for c in person.wallet.coins if c.key.kind in (P2WPKH, P2TR)][: eco.between(3, 5)]
            if count < wanted and coins:
                groups.append((coins, person.owner, None, person))
                count += len(coins)
        for person in self._users:
            if person.wallet.balance < COIN // 20:
                self._fund(person)
        if count < MIN_INPUTS or len(groups) < 6:
            self._waiting = guests + self._waiting
            eco.at(eco.days(2), self.round)
            return
        self._build(groups)
        for person in self._users:
            if len(person.wallet.coins) > 24 and not eco.closing:
                self._cash_in(person)

    def _build(self, groups: list[tuple[list[Coin], int, Mixed | None, Person | None]]) -> None:
        eco = self.eco
        inputs: list[Coin] = []
        outs: list[Out] = []
        guests: dict[int, tuple[Mixed, list[Coin]]] = {}
        guest_keys: dict[Key, int] = {}
        rate = eco.fee_rate
        for at, (coins, owner, done, person) in enumerate(groups):
            home = None
            if person is not None:
                used = {coin.prevout for coin in coins}
                person.wallet.coins[:] = [c for c in person.wallet.coins if c.prevout not in used]
                home = person.wallet.coins
            inputs += coins
            amount = sum(c.value - INPUT_VBYTES[c.key.kind] * rate for c in coins) - 12 * rate
            parts, rest = decompose(amount, 43 * rate)
            if rest >= MIN_OUTPUT + 43 * rate:
                parts.append(rest - 43 * rate)
            for i, value in enumerate(parts):
                key = eco.ring.new(P2TR if eco.chance(30) else P2WPKH, owner, self._role, home)
                left_over = i == len(parts) - 1 and value not in STANDARD
                outs.append((key, value, CHANGE if left_over else NONE))
                if done is not None:
                    guest_keys[key] = at
                    guests.setdefault(at, (done, []))
        eco.shuffle(inputs)
        eco.shuffle(outs)
        inputs.sort(key=lambda c: -c.value)
        outs.sort(key=lambda out: -out[1])
        made = eco.chain.transact(inputs, outs, version=1)
        eco.truth.mix("wasabi2")
        for coin in made:
            if coin.key in guest_keys:
                guests[guest_keys[coin.key]][1].append(coin)
        for done, coins in guests.values():
            done(coins)

    def _cash_in(self, person: Person) -> None:
        """A regular user sells some mixed coins, merging them on the way."""
        wallet = person.wallet
        key = person.bank.deposit_key(person.owner)
        wallet.drain(key, self._deposit, limit=14)
