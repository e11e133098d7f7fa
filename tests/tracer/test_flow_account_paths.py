"""The best paths over account transfers are those that trying every path finds, in the same order.

First the search alone, on random networks with whatever they can hold; then through store and closure, on random
ledgers, against a walk over the table of transfers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.scenarios.account_case import AccountCase
from tests.scenarios.accounts import Block, Move, Token, Tx
from tests.scenarios.test_accounts_paths import Asked
from tests.tracer.test_flow_accounts_oracle import ENDS, NAMES, TAGS, TOKENS, Table, arrivals
from tracer.chain import TransferKind
from tracer.flow.accounts.paths_search import AccountNetwork, AccountPaths
from tracer.flow.queues.wide import from_ints, to_ints

MOST = 10**38 - 1
"""The greatest amount of one row."""
CAP = 2**128 - 1
"""What a start is counted up to."""


@dataclass(frozen=True)
class Row:
    """One row of a random network; `given` of None: nobody could read it."""

    source: int
    target: int
    given: int | None
    got: int
    asset: int
    ends: bool
    seed: int
    starts: bool
    least_in: int
    least: int

    def through(self, units: int) -> int:
        """How many of so many units can have gone through it; 0: none, or too few."""
        units = units if self.given is None else min(units, self.given)
        if units < max(1, self.least_in):
            return 0
        if self.given is not None and self.given != self.got:
            units = -(-units * self.got // self.given)
        return 0 if units < self.least else units


Found = tuple[int, int, int, tuple[int, ...]]
"""Hops, asset, what can have arrived, negative, and the rows from the end back: in this order documents have them."""


def started(rows: Sequence[Row], first: int) -> int:
    """What a path that begins with this row starts with: what was seeded by then in the account that pays."""
    row = rows[first]
    before = [r.seed for r in rows[:first] if r.target == row.source >= 0 and not r.starts]
    return min(sum(before) + (row.seed if row.starts else 0), CAP)


def every_path(rows: Sequence[Row], hops: int) -> list[Found]:
    """All paths, tried one by one, best first."""

    def go_on(way: tuple[int, ...], units: int) -> Iterator[Found]:
        row = rows[way[-1]]
        units = row.through(units)
        if not units:
            return
        if row.ends:
            yield len(way), row.asset, -units, way[::-1]
        elif row.target >= 0 and len(way) < hops:
            for later in range(way[-1] + 1, len(rows)):
                if rows[later].source == row.target:
                    yield from go_on((*way, later), units)

    return sorted(found for r in range(len(rows)) for found in go_on((r,), started(rows, r)))


def network(rows: Sequence[Row], queues: int) -> AccountNetwork:
    """The same as columns."""
    return AccountNetwork(
        queues=queues,
        source=np.array([r.source for r in rows], np.int64),
        target=np.array([r.target for r in rows], np.int64),
        given=from_ints(r.given or 0 for r in rows),
        got=from_ints(0 if r.given is None else r.got for r in rows),
        unknown=np.array([r.given is None for r in rows], np.bool_),
        asset=np.array([r.asset for r in rows], np.int64),
        ends=np.array([r.ends for r in rows], np.bool_),
        seed=from_ints(r.seed for r in rows),
        starts=np.array([r.starts for r in rows], np.bool_),
        least=from_ints(r.least for r in rows),
        least_in=from_ints(r.least_in for r in rows),
    )


QUEUES = 4


@st.composite
def networks(draw: st.DrawFn) -> list[Row]:
    """Up to 11 rows between four queues; few distinct amounts, so that many paths tie."""
    units = st.sampled_from(draw(st.sampled_from([(1, 2, 3), (5,), (1, 7, 100), (MOST - 1, MOST, 3)])))
    floor = st.sampled_from([0, 0, 0, 2])
    rows = []
    for _ in range(draw(st.integers(2, 11))):
        amount = draw(units)
        converts = draw(st.integers(0, 2)) == 0
        source, target = draw(st.integers(-1, QUEUES - 1)), draw(st.integers(-1, QUEUES - 1))
        if source == target:  # what an account pays itself is no step
            source = -1
        seed = draw(st.sampled_from([0, 0, 1])) * draw(units)
        rows.append(
            Row(
                source, target, None if draw(st.integers(0, 9)) == 0 else amount,
                draw(units) if converts else amount, draw(st.integers(0, 1)), draw(st.integers(0, 2)) == 0,
                seed, bool(seed) and draw(st.booleans()), draw(floor), draw(floor),
            )
        )  # fmt: skip
    return rows


@settings(max_examples=scaled(300, full=3000), deadline=None)
@given(rows=networks(), hops=st.integers(1, 8), count=st.integers(1, 30))
def test_the_best_paths_are_those_that_trying_all_of_them_finds(
    rows: list[Row], hops: int, count: int
) -> None:
    paths, right = AccountPaths(network(rows, QUEUES), hops), every_path(rows, hops)
    ways = paths.best(count)
    assert [(w.hops, rows[w.steps[-1]].asset, -w.bottleneck, w.steps[::-1]) for w in ways] == right[:count]
    for way in ways:
        units = started(rows, way.steps[0])
        assert way.started == units
        for step, carried in zip(way.steps, way.carried, strict=True):
            units = rows[step].through(units)
            assert carried == units


@settings(max_examples=scaled(150, full=1500), deadline=None)
@given(rows=networks(), hops=st.integers(1, 8))
def test_what_is_said_of_every_end_is_the_most_that_any_path_brings(rows: list[Row], hops: int) -> None:
    reached = to_ints(AccountPaths(network(rows, QUEUES), hops).reached)
    right = every_path(rows, hops)
    for number, row in enumerate(rows):
        if row.ends:
            assert reached[number] == max((-most for _, _, most, way in right if way[0] == number), default=0)


def pays(source: int, target: int, units: int = 7, *, ends: bool = False, seed: int = 0) -> Row:
    return Row(source, target, units, units, 0, ends, seed, starts=False, least_in=0, least=0)


@pytest.mark.parametrize("width", [2, 3])
def test_of_paths_more_than_can_be_counted_the_best_are_found(width: int) -> None:
    """`width` ** 60 ways of one amount: only prefixes of the best are opened."""
    steps = 60
    rows = [pays(-1, 0, seed=7)]
    rows += [pays(n, n + 1, ends=n == steps - 1) for n in range(steps) for _ in range(width)]
    found = AccountPaths(network(rows, steps + 1), 100).best(3)
    first = [1 + width * n for n in range(steps)]
    assert [way.steps for way in found][:2] == [tuple(first), (first[0] + 1, *first[1:])]
    assert [way.hops for way in found] == [steps] * 3


def test_nothing_to_start_from_has_no_paths() -> None:
    paths = AccountPaths(network([], 0), 5)
    assert paths.best(3) == []
    assert len(paths.reached) == 0


ASSETS = ("ETH", "DAI", "USDT", "WETH")
"""In the order in which documents show them."""

Step = tuple[str, str | None, str, int, str | None, str, int]
"""Name, who gave, what, how much, who got, what, how much."""


def steps_of(table: Table) -> list[Step]:
    """The table without gas, conversions as one, in order."""
    gave = {t.into: t for t in table.transfers if t.into is not None}
    found = []
    for t in table.transfers:
        if t.fee or t.into is not None or t.units is None:
            continue
        near = t if t.out_of is None else gave[t.out_of]
        found.append((t.name, near.source, near.asset, near.units or 0, t.target, t.asset, t.units))
    return found


def walk(
    steps: Sequence[Step],
    seeds: dict[str, tuple[int, int]],
    ends: set[str],
    hops: int,
    floors: dict[str, int],
) -> list[Found]:
    """Every path to these transfers or accounts, tried one by one, in the order that documents have."""
    queues = sorted({(who, asset) for _, a, x, _, b, y, _ in steps for who, asset in ((a, x), (b, y)) if who})
    number = {queue: n for n, queue in enumerate(queues)}
    rows = []
    for name, giver, of, gives, getter, asset, gets in steps:
        end = name in ends or getter in ends
        held = getter is None or getter in ENDS
        to_itself = (giver, of) == (getter, asset) and name not in ends
        rows.append(
            Row(
                -1 if to_itself or giver is None else number[giver, of],
                -1 if held else number[getter or "", asset], gives, gets, ASSETS.index(asset), end,
                seeds.get(name, (0, 0))[0], starts=False, least_in=floors.get(of, 0), least=floors.get(asset, 0),
            )
        )  # fmt: skip
    return every_path(rows, hops)


def some(dice: Random, held: int) -> int:
    """Part of what somebody has, now and then all."""
    return held if held < 2 or dice.random() < 0.1 else dice.randint(1, held // 2)


def crowded(dice: Random) -> Table:
    """Few people who pay, swap and wrap whatever they have, so that there are many ways between any two."""
    table = Table([], [], {})
    first = {name: dice.randint(20, 99) for name in NAMES}
    table.rows.append(Block(rewards=list(first.items())))
    for place, (name, units) in enumerate(first.items()):
        table.put("block 0", place, None, name, units, "ETH")
    moves = [Move(None, dice.choice(NAMES), 60, asset) for asset in TOKENS]
    table.rows.append(Tx("mint", "bank", moves=moves))
    for place, move in enumerate(moves):
        table.put("mint", place, None, move.target, 60, move.asset)
    for number in range(dice.randint(25, 40)):
        name, kind, same = (
            f"t{number}",
            dice.choice(["pay", "pay", "pay", "swap", "wrap"]),
            dice.random() < 0.3,
        )
        who, asset = dice.choice(
            [queue for queue, units in table.held.items() if units and queue[0] in NAMES]
        )
        if kind == "pay":
            moves = []
            for place in range(dice.randint(1, 3)):
                units = some(dice, table.held.get((who, asset), 0))
                payee = dice.choice([*NAMES, *NAMES, *NAMES, *ENDS, None])
                moves.append(Move(who, payee, units, asset))
                if units:
                    table.put(name, place, who, payee, units, asset)
                who = dice.choice([who, payee if payee in NAMES else who])
            table.rows.append(Tx(name, "bank", moves=moves, same_block=same))
            continue
        units = some(dice, table.held[who, asset])
        if asset in TOKENS:
            getter, gets = dice.choice([who, who, *NAMES, "hot"]), dice.randint(1, 60)
            other = TOKENS[1 - TOKENS.index(asset)]
            moves = [Move(who, "pool", units, asset), Move("pool", getter, gets, other)]
            table.rows.append(Tx(name, who, to="pool", moves=moves, same_block=same))
            table.exchange(name, who, asset, units, getter, other, gets)
        elif asset == "ETH":
            moves = [Move(None, who, units, "WETH", TransferKind.WRAP)]
            table.rows.append(Tx(name, who, to="WETH", value=units, moves=moves, same_block=same))
            table.exchange(name, who, "ETH", units, who, "WETH", units)
        else:
            moves = [Move("WETH", who, units), Move(who, None, units, "WETH", TransferKind.UNWRAP)]
            table.rows.append(Tx(name, who, to="WETH", moves=moves, same_block=same))
            table.exchange(name, who, "WETH", units, who, "ETH", units)
    return table


def seeded(table: Table, steps: Sequence[Step], start: str, asset: str | None) -> dict[str, tuple[int, int]]:
    """What enters at a person or a transfer, of one asset or of all."""
    if start not in NAMES:
        return {name: (gets, 0) for name, *_, got, gets in steps if name == start and asset in (None, got)}
    own = {name for name, *_, got, _ in steps if asset in (None, got)}
    return {name: units for name, units in arrivals(table, [start]).items() if name in own}


@settings(max_examples=scaled(2, full=100), deadline=None)
@given(number=st.integers(0, 2**32))
def test_through_store_and_closure_they_are_those_of_a_walk_over_the_table(number: int) -> None:
    dice = Random(number)
    table = crowded(dice)
    steps = steps_of(table)
    plain = [name for name, *_ in steps if not name.startswith("block") and not name.endswith(":out")]
    seen = {who for _, giver, *_, getter, _, _ in steps for who in (giver, getter)}
    places = [*NAMES, *dice.sample(plain, 6), *(end for end in ENDS if end in seen)]
    with TemporaryDirectory() as folder:
        case = AccountCase(Path(folder), table.rows, tags=TAGS, told=[Token(a, 0) for a in (*TOKENS, "WETH")])
        for starts in (NAMES, plain):
            hops, best, asset = (
                dice.randint(1, 6),
                dice.randint(1, 20),
                dice.choice([None, None, None, "ETH"]),
            )
            floors = {asset or "ETH": dice.choice([0, 0, 5])}
            found: dict[tuple[str, str], list[Found]] = {}
            for start in dice.sample(starts, 3):
                seeds = seeded(table, steps, start, asset)
                found |= {(start, end): walk(steps, seeds, {end}, hops, floors) for end in places}
            # those with the most paths, and one that has perhaps none
            busy = sorted(found, key=lambda ends: -len(found[ends]))
            for start, end in (busy[0], dice.choice(busy[:20]), dice.choice(busy)):
                right = found[start, end]
                asked = Asked(
                    case, start, end, hops=hops, best=best, degree=0, asset=asset, min_value=sum(floors.values())
                )  # fmt: skip
                assert ways(asked) == [
                    (ASSETS[at], -most, [steps[row][0] for row in back[::-1]])
                    for _, at, most, back in right[:best]
                ]
                assert asked.document["more"] is (len(right) > best)
                assert asked.document["reached"]["outputs"] == len({back[0] for *_, back in right})


def ways(asked: Asked) -> list[tuple[str, int, list[str]]]:
    """As the walk has them: a conversion is named by what came out of it."""
    return [
        (
            path["bottleneck"]["asset"],
            int(path["bottleneck"]["base_units"]),
            [
                asked.name(step["makes"]) if step["conversion"] is None
                else asked.name(step["makes"]).rpartition(":")[0] + ":out"
                for step in path["steps"]
            ],
        )
        for path in asked.document["paths"]
    ]  # fmt: skip
