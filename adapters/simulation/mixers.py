"""CoinJoins with a few participants, and PayJoins.

Shapes: Whirlpool (5 to 8 inputs and as many outputs of one denomination, one to four entrants that bring
the fee; Tx0 prepares them and is no mix), JoinMarket (equal outputs, a change output for each maker),
PayJoin (BIP78: the receiver adds an input; the one transaction where co-spending joins two owners and
nothing shows it).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.simulation.cashout import Mixed
from adapters.simulation.chain_builder import RBF, Out
from adapters.simulation.economy import Economy
from adapters.simulation.encode import COIN, INPUT_VBYTES, P2WPKH, sha256
from adapters.simulation.keys import Coin, Key
from adapters.simulation.recorder import CHANGE, NONE
from adapters.simulation.wallet import DUST, Bank, Fingerprint, Person, Wallet

PRIVATE = Fingerprint(P2WPKH, 2, True, RBF, "random")  # what privacy wallets look like
POOLS = (
    (100_000, 5_000),
    (1_000_000, 50_000),
    (5_000_000, 175_000),
    (50_000_000, 1_750_000),
)  # denomination, fee
MAX_PREMIX = 5
SMALLEST_TX0 = 3 * (POOLS[0][0] + 110_000) + 20_000  # satoshi


@dataclass
class _Entrant:
    coin: Coin
    source: bytes  # of its Tx0: two of one Tx0 never meet in a mix
    done: Mixed


@dataclass
class _Pool:
    denomination: int
    fee: int
    premix: list[_Entrant] = field(default_factory=list)
    ready: list[Coin] = field(default_factory=list)  # mixed before, willing to be mixed again
    patrons: list[Wallet] = field(default_factory=list)


class Whirlpool:
    """The coordinator, its pools and the patrons whose mixed coins keep them going."""

    def __init__(self, eco: Economy, banks: list[Bank]) -> None:
        self.eco = eco
        truth = eco.truth
        self._coordinator = truth.owner("whirlpool-coordinator", "mixer_coordinator")
        self._roles = {name: truth.role(name) for name in ("premix", "postmix", "fee")}
        self._fee_purpose = truth.purpose("mixing_fee")
        self._pools = [_Pool(d, f) for d, f in POOLS]
        for at, pool in enumerate(self._pools):
            for i in range(8):
                owner = truth.owner(f"whirlpool-user-{at * 8 + i:02d}", "mixer_user")
                wallet = Wallet(eco, owner, PRIVATE)
                pool.patrons.append(wallet)
                self._start(pool, wallet, banks[i % len(banks)])

    def _start(self, pool: _Pool, wallet: Wallet, bank: Bank) -> None:
        eco = self.eco
        eco.plan(eco.ticks // 80, lambda: bank.withdraw(wallet.receive(), 2 * pool.denomination + 300_000))
        eco.plan(eco.ticks // 40, lambda: self._provide(pool, wallet))

    def _provide(self, pool: _Pool, wallet: Wallet) -> None:
        outs: list[Out] = [(self._postmix(wallet.owner, pool), pool.denomination, NONE) for _ in range(2)]
        if wallet.pay(outs) is None:
            self.eco.at(self.eco.days(2), lambda: self._provide(pool, wallet))

    def _postmix(self, owner: int, pool: _Pool | None) -> Key:
        return self.eco.ring.new(P2WPKH, owner, self._roles["postmix"], pool.ready if pool else None)

    def enter(self, coin: Coin, owner: int, savings: Callable[[], Key], done: Mixed) -> bool:
        """Tx0: split one coin into three to five premix outputs of the largest pool that fits."""
        eco = self.eco
        extra = eco.between(20_000, 100_000)
        for pool in reversed(self._pools):
            fee = pool.fee * eco.between(70, 130) // 100
            n = min(MAX_PREMIX, (coin.value - fee - 700 * eco.fee_rate) // (pool.denomination + extra))
            if n >= 3:
                break
        else:
            return False
        spare = (
            coin.value
            - fee
            - n * (pool.denomination + extra)
            - eco.fee_rate * (200 + 31 * n + INPUT_VBYTES[coin.key.kind])
        )
        coordinator = eco.ring.new(P2WPKH, self._coordinator, self._roles["fee"], None)
        outs: list[Out] = [(eco.ring.data(sha256(coin.prevout) + sha256(coordinator.lock)), 0, NONE)]
        outs.append((coordinator, fee, self._fee_purpose))
        if spare >= DUST:
            outs.append((savings(), spare, CHANGE))
        premix = [eco.ring.new(P2WPKH, owner, self._roles["premix"], None) for _ in range(n)]
        outs += [(key, pool.denomination + extra, NONE) for key in premix]
        eco.shuffle(outs)
        outs.sort(key=lambda out: out[1])  # BIP69, as far as values tell
        made = eco.chain.transact([coin], outs)
        for new in made:
            if new.value == pool.denomination + extra:
                pool.premix.append(_Entrant(new, coin.prevout, done))
        return True

    def act(self) -> None:
        """One tick: mix while somebody waits and enough patrons are there."""
        for pool in self._pools:
            for _ in range(3 + self.eco.txs // 20_000):
                if not pool.premix or not self._mix(pool):
                    break

    def _mix(self, pool: _Pool) -> bool:
        eco = self.eco
        size, wanted = eco.between(5, 8), eco.between(1, 4)
        entrants: dict[bytes, _Entrant] = {}
        for entrant in pool.premix[:24]:
            if len(entrants) < wanted:
                entrants.setdefault(entrant.source, entrant)
        owners = {entrant.coin.key.owner for entrant in entrants.values()}
        again: list[Coin] = []
        for coin in pool.ready:
            if len(again) + len(entrants) < size and coin.key.owner not in owners:
                owners.add(coin.key.owner)
                again.append(coin)
        if len(again) + len(entrants) < 5:
            return False
        joined = list(entrants.values())
        pool.premix = [e for e in pool.premix if not any(e is j for j in joined)]
        used = {coin.prevout for coin in again}
        pool.ready[:] = [coin for coin in pool.ready if coin.prevout not in used]
        inputs = [*again, *(e.coin for e in joined)]
        outs: list[Out] = [(self._postmix(coin.key.owner, pool), pool.denomination, NONE) for coin in again]
        back = {}
        for entrant in joined:
            key = self._postmix(entrant.coin.key.owner, None)
            back[key] = entrant
            outs.append((key, pool.denomination, NONE))
        eco.shuffle(outs)
        eco.shuffle(inputs)
        made = eco.chain.transact(inputs, outs)
        eco.truth.mix("whirlpool_mix")
        for coin in made:
            if coin.key in back:
                back[coin.key].done([coin])
        return True


class JoinMarket:
    """Makers that wait with coins; a taker picks three to five of them and pays all."""

    def __init__(self, eco: Economy, banks: list[Bank]) -> None:
        self.eco = eco
        self._postmix_role = eco.truth.role("postmix")
        self._makers = []
        for i in range(8 + eco.txs // 100_000):
            wallet = Wallet(eco, eco.truth.owner(f"joinmarket-maker-{i:02d}", "mixer_user"), PRIVATE)
            self._makers.append(Person(wallet, banks[i % len(banks)]))
            eco.plan(eco.ticks // 60, lambda p=self._makers[-1]: self._fund(p))  # type: ignore[misc]

    def _fund(self, person: Person) -> None:
        for _ in range(3):
            person.bank.withdraw(person.wallet.receive(), self.eco.between(COIN // 2, 3 * COIN))

    def _tend(self) -> None:
        """Makers buy coins when they run short and merge them when they have many."""
        for person in self._makers:
            if person.wallet.balance < COIN // 2 and not self.eco.closing:
                person.top_up(2 * COIN)
            if len(person.wallet.coins) > 40:
                person.wallet.drain(person.wallet.receive(), NONE, limit=30)

    def enter(self, coin: Coin, owner: int, savings: Callable[[], Key], done: Mixed) -> bool:
        """One round with this taker; False when the makers cannot match the amount."""
        eco = self.eco
        self._tend()
        best = [(max(p.wallet.coins, key=lambda c: c.value), p) for p in self._makers if p.wallet.coins]
        best.sort(key=lambda pair: -pair[0].value)
        best = best[: eco.between(3, 5)]
        if len(best) < 3:
            return False
        n = len(best) + 1
        cost = eco.fee_rate * (20 + 70 * n + 2 * 34 * n + 120)
        maker_fee = coin.value // 5_000 + 500
        amount = min(coin.value - cost - maker_fee * len(best), best[-1][0].value - 50_000)
        spare = coin.value - cost - maker_fee * len(best) - amount
        if amount * 10 < coin.value * 3 or amount < 10_000:
            return False
        taker_key = eco.ring.new(P2WPKH, owner, self._postmix_role, None)
        inputs = [coin]
        outs: list[Out] = [(taker_key, amount, NONE)]
        if spare >= DUST:
            outs.append((savings(), spare, CHANGE))
        for made, person in best:
            person.wallet.coins.remove(made)
            inputs.append(made)
            outs.append((person.wallet.receive(), amount, NONE))
            outs.append((person.wallet.receive(), made.value - amount + maker_fee, CHANGE))
        eco.shuffle(inputs)
        eco.shuffle(outs)
        result = eco.chain.transact(inputs, outs, locktime=eco.chain.height - 1, sequence=RBF)
        eco.truth.mix("joinmarket")
        done([new for new in result if new.key is taker_key])
        return True


def payjoin(eco: Economy, sender: Person, receiver: Wallet, sats: int) -> bool:
    """Pay with an input of the receiver among one's own; False when either lacks a coin."""
    fee = eco.fee_rate * 260
    fitting = [coin for coin in sender.wallet.coins if coin.value > sats + fee + DUST]
    if not fitting or not receiver.coins or sender.owner == receiver.owner:
        return False
    coin, theirs = fitting[0], receiver.coins.pop(0)
    sender.wallet.coins.remove(coin)
    inputs = [coin, theirs]
    outs: list[Out] = [
        (receiver.receive(), theirs.value + sats, NONE),
        (sender.wallet.receive(), coin.value - sats - fee, CHANGE),
    ]
    eco.shuffle(inputs)
    eco.shuffle(outs)
    eco.chain.transact(inputs, outs, sequence=RBF)
    eco.truth.payjoin(sender.owner, receiver.owner, sats)
    return True
