"""What all actors share: the clock, the price, chance, the chain and the agenda of things to come.

Time moves in ticks, one block each (more when a block is full).
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.simulation.chain_builder import ChainBuilder
from adapters.simulation.chance import Chance
from adapters.simulation.encode import COIN, sha256
from adapters.simulation.keys import DummySigner, Keyring, Signer
from adapters.simulation.recorder import Recorder

START = 1_546_300_800  # 2019-01-01 00:00 UTC
YEAR_HOURS = 365 * 24
WARM_UP_BLOCKS = 110  # until enough coinbases have matured, ten minutes apart
WARM_UP_SECONDS = 600
# US cents a bitcoin at the start of each month of 2019 and of January 2020 (public daily closes, rounded)
PRICES = (
    384_400, 345_800, 386_000, 415_900, 540_300, 856_500, 1_058_300, 1_039_900, 975_800, 830_700, 923_100,
    742_400, 720_000,
)  # fmt: skip


def spacing_hours(txs: int) -> int:
    """Hours between blocks: small worlds need no empty blocks, large ones may not overflow theirs."""
    if txs < 5_000:
        return 12
    if txs < 50_000:
        return 8
    return 4 if txs < 2_000_000 else 2


class Economy(Chance):
    """The stage. Actors hold it, it knows none of them."""

    def __init__(self, seed_text: str, txs: int, signed: bool) -> None:
        super().__init__(seed_text)
        self.txs = txs
        self.truth = Recorder()
        tag = sha256(seed_text.encode())
        signer: Signer
        if signed:
            from adapters.simulation.signing import RealSigner

            signer = RealSigner(tag)
        else:
            signer = DummySigner(tag)
        self.ring = Keyring(signer, self.truth)
        self.chain = ChainBuilder(self.ring, self.truth)
        self.spacing = spacing_hours(txs)
        self.ticks = YEAR_HOURS // self.spacing
        # small worlds sweep and pay out less often, or would do little else
        self.patience = max(1, 12_000 // txs)
        self.tick = 0
        self.price = PRICES[0]  # US cents a bitcoin, now
        self.fee_rate = 5  # satoshi a virtual byte, now
        self._agenda: list[list[Callable[[], None]]] = [[] for _ in range(self.ticks)]

    # money and time
    def sats(self, cents: int) -> int:
        """Satoshi for US cents at the price of now."""
        return cents * COIN // self.price

    def cents(self, sats: int) -> int:
        """US cents for satoshi at the price of now."""
        return sats * self.price // COIN

    def days(self, n: int) -> int:
        """Ticks in so many days, at least one."""
        return max(1, n * 24 // self.spacing)

    def hours(self, n: int) -> int:
        """Ticks in so many hours, at least one."""
        return max(1, n // self.spacing)

    def at(self, delay: int, act: Callable[[], None]) -> bool:
        """Put an act on the agenda `delay` ticks ahead; False where the world ends before."""
        when = self.tick + max(1, delay)
        if when >= self.ticks:
            return False
        self._agenda[when].append(act)
        return True

    def plan(self, tick: int, act: Callable[[], None]) -> None:
        """Put an act at a tick of the world before it starts."""
        self._agenda[min(tick, self.ticks - 1)].append(act)

    @property
    def closing(self) -> bool:
        """True in the last days: nobody starts anything new."""
        return self.tick >= self.ticks - self.days(4)

    def advance(self, tick: int) -> list[Callable[[], None]]:
        """Move the clock; gives what is due."""
        self.tick = tick
        months = len(PRICES) - 1
        month, rest = divmod(tick * months, self.ticks)
        self.price = PRICES[month] + (PRICES[month + 1] - PRICES[month]) * rest // self.ticks
        self.fee_rate = 3 + int(self.random() * self.random() * 30)
        due = self._agenda[tick]
        self._agenda[tick] = []
        return due

    def block_time(self, tick: int) -> int:
        """When the block of a tick is found: up to 20 minutes late."""
        start = START + WARM_UP_BLOCKS * WARM_UP_SECONDS
        return start + tick * self.spacing * 3_600 + int(self.random() * 1_200)
