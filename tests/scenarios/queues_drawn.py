"""Account ledgers and questions drawn at random, for property tests."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from tests.oracle_queues import FOLLOWED, OracleTransfer, Queue
from tests.scenarios.queues import QueueLedger
from tracer.flow.queues.columns import GREATEST
from tracer.flow.queues.methods import QUEUE_METHODS
from tracer.flow.queues.wide import MOST

NAMES = ("ann", "bob", "cid", "dee", "eve")
ENDS = ("service", "custodial_pool", "unread", "time_window")
ASSETS = ("ETH", "ETH", "ETH", "USDT")
CONSERVING = [name for name in QUEUE_METHODS if name != "poison"]
Seeds = dict[str, tuple[int, int]]
Question = tuple[QueueLedger, Seeds, int | None, dict[str, int]]


class _Drawn:
    """A ledger while it is drawn: who holds how much, so that nobody pays more."""

    def __init__(self, dice: random.Random, *, unknown: bool, swaps: bool) -> None:
        self.dice, self.unknown, self.swaps = dice, unknown, swaps
        self.big = dice.choice([6, 30, 1000, 10**12, 1 << 64, 10**38 - 1, GREATEST])
        self.names = NAMES[: dice.randint(2, len(NAMES))]
        every = [(name, asset) for name in self.names for asset in set(ASSETS)]
        every.sort()
        self.ends = {queue: dice.choice(ENDS) for queue in every if dice.random() < 0.2}
        self.openings: dict[Queue, int | None] = {
            queue: dice.randint(0, self.big) for queue in every if dice.random() < 0.5
        }
        self.openings.update({queue: None for queue in every if unknown and dice.random() < 0.05})
        self.balance = {queue: self.openings.get(queue, 0) or 0 for queue in every}
        # a service, an account with an unknown balance: nobody counts it, only what entered
        self.free = {
            q for q in every if self.ends.get(q, "unspent") not in FOLLOWED or self.openings.get(q, 0) is None
        }
        self.gone, self.came = dict.fromkeys(ASSETS, 0), dict.fromkeys(ASSETS, 0)  # by conversions
        self.waiting: list[tuple[str, int]] = []
        self.rows: list[OracleTransfer] = []

    def step(self) -> None:
        number, asset = len(self.rows), self.dice.choice(ASSETS)
        if self.waiting and self.dice.random() < 0.6:
            self.come_out(*self.waiting.pop(0))
            return
        kind = self.dice.choice(["mint", *["pay"] * 8, "burn", "gas", "gas", *["swap"] * 2])
        rich = [name for name in self.names if self.balance[name, asset]]
        source = None if kind == "mint" or not rich else self.dice.choice(rich)
        target = (
            None if source is not None and kind in ("burn", "gas", "swap") else self.dice.choice(self.names)
        )
        swap = f"s{number}" if kind == "swap" and source is not None and self.swaps else None
        if self.unknown and swap is None and self.dice.random() < 0.012:
            self.free |= {(end, asset) for end in (source, target) if end is not None}
            self.rows.append(OracleTransfer(f"t{number}", source, target, None, asset))
            return
        units = self.paid(source, target, asset, MOST if swap is None else MOST // 2 - self.gone[asset])
        fee = target is None and kind == "gas"
        self.rows.append(OracleTransfer(f"t{number}", source, target, units, asset, fee, swap))
        if swap is not None:
            self.gone[asset] += units
            self.waiting.append((swap, units))

    def come_out(self, swap: str, gone: int) -> None:
        """Of the same order, or of more or fewer decimals."""
        asset, target = self.dice.choice(ASSETS), self.dice.choice(self.names)
        of_other_decimals = [gone, gone * 10**12, gone // 10**12, self.dice.randint(0, self.big), 1 << 100]
        room = min(self.room(target, asset), MOST // 2 - self.came[asset], GREATEST)
        units = min(self.dice.choice(of_other_decimals), room)
        self.came[asset] += units
        self.balance[target, asset] += units
        self.rows.append(OracleTransfer(f"t{len(self.rows)}", None, target, units, asset, out_of=swap))

    def room(self, name: str, asset: str) -> int:
        return MOST - self.balance[name, asset]

    def paid(self, source: str | None, target: str | None, asset: str, limit: int) -> int:
        """So many units, moved."""
        most, counted = min(self.big, limit), source is not None and (source, asset) not in self.free
        if source is not None and counted:
            most = min(most, self.balance[source, asset])
        if target is not None and not (target == source and counted):
            most = min(most, self.room(target, asset))
        units = self.dice.choice([self.dice.randint(0, most), most, most // 3, most // 2, min(1, most)])
        if source is not None and counted:
            self.balance[source, asset] -= units
        if target is not None:
            self.balance[target, asset] += units
        return units


def ledger_of(dice: random.Random, length: int, *, unknown: bool = True, swaps: bool = True) -> QueueLedger:
    """Transfers of two assets: mints, payments, burns, gas, swaps, empty and unreadable ones; some services."""
    drawn = _Drawn(dice, unknown=unknown, swaps=swaps)
    while len(drawn.rows) < length:
        drawn.step()
    while drawn.waiting:
        drawn.come_out(*drawn.waiting.pop(0))
    return QueueLedger(drawn.rows, drawn.openings, drawn.ends)


def seeds_of(dice: random.Random, ledger: QueueLedger) -> Seeds:
    """Up to 4 lots of up to 3 seeds, early ones mostly, some of them partly."""
    seeds: Seeds = {}
    for row in dice.sample(ledger.rows, min(len(ledger.rows), dice.randint(1, 4))):
        early = dice.choice(ledger.rows[: 1 + len(ledger.rows) // 3])
        row = row if dice.random() < 0.3 else early
        if row.units is None:
            continue
        units = dice.choice([row.units, row.units, dice.randint(0, row.units)])
        if sum(u for name, (u, _) in seeds.items() if name != row.name) + units <= MOST // 2:
            seeds[row.name] = (units, dice.randint(0, 2))
    return seeds


def ledgers(*, unknown: bool = True, swaps: bool = True) -> st.SearchStrategy[QueueLedger]:
    """Some 40 transfers; of a drawn die, because drawn one by one most of them would move nothing."""
    return st.builds(
        lambda seed, length: ledger_of(random.Random(seed), length, unknown=unknown, swaps=swaps),
        st.integers(0, 1 << 64),
        st.integers(1, 40),
    )


def questions(*, unknown: bool = True) -> st.SearchStrategy[Question]:
    """A ledger, seeds, a hop limit and the floor of each asset."""

    def ask(seed: int, length: int, hops: int | None, floor: int, of_tokens: int) -> Question:
        dice = random.Random(seed)
        ledger = ledger_of(dice, length, unknown=unknown)
        return ledger, seeds_of(dice, ledger), hops, {"ETH": floor, "USDT": of_tokens}

    return st.builds(
        ask,
        st.integers(0, 1 << 64),
        st.integers(1, 40),
        st.sampled_from([None, None, None, 0, 1, 2, 4]),
        st.sampled_from([0, 0, 0, 3, 500, 1 << 70]),
        st.sampled_from([0, 0, 0, 2, 1 << 66]),
    )
