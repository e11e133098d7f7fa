"""What is put on a chain to mislead: tokens that lie, poisoned histories, a bridge and a pool of one's own."""

from __future__ import annotations

from adapters.simulation.accounts.artefacts import contract
from adapters.simulation.accounts.chain import Tx
from adapters.simulation.accounts.crossing import Bridge
from adapters.simulation.accounts.oddities import CALL_GAS, schedule
from adapters.simulation.accounts.services import placed
from adapters.simulation.accounts.stage import CHAIN_IDS, ETH, Stage
from adapters.simulation.accounts.tokens import Token, pay
from adapters.simulation.accounts.trading import SWAP_GAS, Pool
from adapters.simulation.accounts.wallets import Person
from tracer.chain import TransferKind

HUGE = 6 * 10**37  # twice this is more than 38 digits hold
BEYOND = (1 << 200) + 7
NOBODY = bytes(20)


class Hostile:
    """All of it is done by one spammer, on the first chain."""

    def __init__(self, stage: Stage, people: list[Person]) -> None:
        self.stage, self.chain, self.records = stage, stage.a.chain, stage.records
        self._people = people
        self.spammer = stage.account(stage.records.actor("spammer", "spammer"), "wallet", chains=CHAIN_IDS)
        self.chain.endow(self.spammer.address, 50 * ETH)
        schedule(
            stage,
            (
                self._tokens,
                self._sums,
                self._poisoning,
                self._own_token,
                self._bridge,
                self._pool,
                self._unfilled,
            ),
            11,
        )

    def _named(self, name: str, tx: Tx) -> Tx:
        self.records.specials[name] = tx
        return tx

    def _says(self, decimals: int, shown: int | None) -> bytes:
        address = self.chain.create(self.spammer, contract("Spam").creation(decimals))
        self.records.tokens[self.chain.chain_id, address] = ("USDT", shown, False)
        return placed(self.chain, address, "Spam", self.spammer.owner, "spam token")

    def _tokens(self) -> None:
        """Three with a famous symbol: of six decimals, of nonsense, and of none."""
        self.fake = self._says(6, 6)
        self.liar = self._says((1 << 256) - 1, None)
        self.mute = self._says(0, None)

    def _log(self, token: bytes, sources: list[bytes], targets: list[bytes], amount: int) -> Tx:
        data = contract("Spam").call("say", sources, targets, amount)
        tx = self.chain.send(self.spammer, token, 0, data, gas=200_000 + 30_000 * len(sources))
        for source, target in zip(sources, targets, strict=True):
            minted = None if source == NOBODY else source
            # booked as an event only: it lies, and nobody's balance changed
            self.records.transfer(tx, TransferKind.TOKEN, token, minted, target, amount)
        return tx

    def _sums(self) -> None:
        """Amounts that spoil sums, and one that 38 digits cannot hold."""
        target = [self._people[2].address]
        self._named("6e37 minted", self._log(self.liar, [NOBODY], target, HUGE))
        self._named("6e37 minted again", self._log(self.liar, [NOBODY], target, HUGE))
        self._named("2^200 + 7 minted", self._log(self.mute, [NOBODY], target, BEYOND))

    def _poisoning(self) -> None:
        """Transfers from victims to look-alikes: of nothing, and of a worthless token that was never theirs."""
        victims = [person.address for person in self._people[:20]]
        alike = [self.stage.account(self.spammer.owner, "look-alike").address for _ in victims]
        self._named("zero-value poisoning by a fake token", self._log(self.fake, victims, alike, 0))
        self._named("fake token poisoning", self._log(self.fake, victims, alike, 10**9))
        usdt = self.stage.a.usdt  # anybody may move nothing of anybody's true tokens
        data = usdt.api.call("transferFrom", victims[0], alike[0], 0)
        tx = self.chain.send(self.spammer, usdt.address, 0, data, gas=CALL_GAS)
        usdt.move(tx, victims[0], alike[0], 0)
        self._named("zero-value poisoning by the real token", tx)
        for victim, look in zip(victims, alike, strict=True):
            self.records.link(victim, look, False, "address poisoning")
        self._named("dust", pay(self.chain, self.spammer, victims[0], 1, "dust"))

    def _own_token(self) -> None:
        """A token of his own that behaves, but for its name."""
        self.token = Token(self.chain, self.spammer, "USDT", "Tether USD", 6)
        self.records.tokens[self.chain.chain_id, self.token.address] = ("USDT", 6, False)
        self.token.mint(self.spammer.address, 10**15)

    def _bridge(self) -> None:
        """A bridge of his own: the events are right, the contract is not."""
        fake, token, there = Bridge(self.chain, self.spammer, "spoofed bridge"), self.token, self.stage.b
        token.approve(self.spammer, fake.address)
        crossing = fake.deposit(self.spammer, token, there.usdt, self.spammer.address, 10**12)
        self._named("spoofed bridge deposit", crossing.tx)
        victim = self._people[3].address
        data = fake.api.call(
            "fill", there.chain.chain_id, 0, self.spammer.address, victim, there.usdt.address, token.address,
            10**12, 10**12, 0,
        )  # fmt: skip
        tx = self.chain.send(self.spammer, fake.address, 0, data, gas=CALL_GAS)
        token.move(tx, self.spammer.address, victim, 10**12)
        self._named("spoofed bridge fill", tx)

    def _pool(self) -> None:
        """A pool of his own token, in which only he trades: money that "changes" there is still his."""
        weth = self.stage.a.weth
        pool = Pool(self.chain, self.spammer, weth, self.token)
        weth.wrap(self.spammer, 3 * ETH)
        pool.fund(self.spammer, ETH, 10**12)
        out = pool.quote(weth, ETH)
        weth.give(self.spammer, pool.address, ETH, "swap")
        data = contract("Pool").call("swap", 0, out, self.spammer.address, b"")
        tx = self.chain.send(self.spammer, pool.address, 0, data, gas=SWAP_GAS)
        self.token.move(tx, pool.address, self.spammer.address, out)
        self._named("swap in a pool only its maker uses", tx)

    def _unfilled(self) -> None:
        """A deposit in the real bridge that nobody fills at the other end."""
        a, there = self.stage.a, self.stage.b
        a.weth.approve(self.spammer, a.bridge.address)
        crossing = a.bridge.deposit(self.spammer, a.weth, there.weth, self.spammer.address, ETH // 2)
        a.bridge.told(crossing, None, there.weth)
        self._named("bridge deposit nobody filled", crossing.tx)
