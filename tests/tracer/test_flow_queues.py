"""Account queues: the engine equals the oracle unit by unit, up to the numeric limits; value is conserved."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle_queues import FOLLOWED, OracleTransfer, Queue, trace_queues
from tests.scenarios.queues import NOTHING, Move, QueueLedger
from tracer.errors import DataError, StoreDamaged, UsageError
from tracer.flow.movements import Limits
from tracer.flow.queues.columns import GREATEST, OUTSIDE, QueueSeeding, QueueTaint, Transfers, reverse
from tracer.flow.queues.methods import QUEUE_METHODS, queue_apart, queue_method
from tracer.flow.queues.wide import MOST, from_ints, to_ints

NAMES = ("ann", "bob", "cid", "dee", "eve")
ENDS = ("service", "custodial_pool", "unread", "time_window")
CONSERVING = [name for name in QUEUE_METHODS if name != "poison"]
UNDONE = ("fifo", "lifo")
Seeds = dict[str, tuple[int, int]]
Question = tuple[QueueLedger, Seeds, int | None, int]


def _ledger(dice: random.Random, length: int, unknown: bool) -> QueueLedger:
    """Transfers of two assets: mints, payments, burns, gas, self-transfers, empty ones; some services."""
    big = dice.choice([6, 30, 1000, 10**12, 1 << 64, 10**38 - 1, GREATEST])
    names = NAMES[: dice.randint(2, len(NAMES))]
    every = [(name, asset) for name in names for asset in ("ETH", "USDT")]
    ends = {queue: dice.choice(ENDS) for queue in every if dice.random() < 0.2}
    openings: dict[Queue, int | None] = {
        queue: dice.randint(0, big) for queue in every if dice.random() < 0.5
    }
    openings.update({queue: None for queue in every if unknown and dice.random() < 0.05})
    balance = {queue: openings.get(queue, 0) or 0 for queue in every}
    # a service, an account with an unknown opening: nobody counts a balance, only what entered
    free = {q for q in every if ends.get(q, "unspent") not in FOLLOWED or openings.get(q, 0) is None}
    rows = []
    for number in range(length):
        asset = dice.choice(["ETH", "ETH", "ETH", "USDT"])
        kind = dice.choice(["mint", *["pay"] * 8, "burn", "gas", "gas"])
        rich = [name for name in names if balance[name, asset]]
        source = None if kind == "mint" or not rich else dice.choice(rich)
        target = None if source is not None and kind in ("burn", "gas") else dice.choice(names)
        most = big
        if source is not None and (source, asset) not in free:
            most = min(most, balance[source, asset])
        if target is not None and (target != source or (source, asset) in free):
            most = min(most, MOST - balance[target, asset])
        units = dice.choice([dice.randint(0, most), most, most // 3, most // 2, min(1, most)])
        if source is not None and (source, asset) not in free:
            balance[source, asset] -= units
        if target is not None:
            balance[target, asset] += units
        rows.append(
            OracleTransfer(f"t{number}", source, target, units, asset, target is None and kind == "gas")
        )
    return QueueLedger(rows, openings, ends)


def _seeds(dice: random.Random, ledger: QueueLedger) -> Seeds:
    """Up to 4 lots of up to 3 seeds, early ones mostly, some of them partly."""
    seeds: Seeds = {}
    for row in dice.sample(ledger.rows, min(len(ledger.rows), dice.randint(1, 4))):
        early = dice.choice(ledger.rows[: 1 + len(ledger.rows) // 3])
        row = row if dice.random() < 0.3 else early
        units = dice.choice([row.units, row.units, dice.randint(0, row.units)])
        if sum(u for name, (u, _) in seeds.items() if name != row.name) + units <= MOST:
            seeds[row.name] = (units, dice.randint(0, 2))
    return seeds


def ledgers(*, unknown: bool = True) -> st.SearchStrategy[QueueLedger]:
    """Up to 40 transfers; of a drawn die, because drawn one by one most of them would move nothing."""
    return st.builds(
        lambda seed, length: _ledger(random.Random(seed), length, unknown),
        st.integers(0, 1 << 64),
        st.integers(1, 40),
    )


def questions(*, unknown: bool = True) -> st.SearchStrategy[Question]:
    """A ledger, seeds, a hop limit and a floor."""

    def ask(seed: int, length: int, hops: int | None, floor: int) -> Question:
        dice = random.Random(seed)
        ledger = _ledger(dice, length, unknown)
        return ledger, _seeds(dice, ledger), hops, floor

    return st.builds(
        ask,
        st.integers(0, 1 << 64),
        st.integers(1, 40),
        st.sampled_from([None, None, None, 0, 1, 2, 4]),
        st.sampled_from([0, 0, 0, 3, 500, 1 << 70]),
    )


def test_the_ledgers_drawn_here_carry_taint_far() -> None:
    """Else all that follows would hold of ledgers in which nothing happens."""
    seen: Counter[str] = Counter()
    for number in range(300):
        dice = random.Random(number)
        ledger = _ledger(dice, 30, unknown=True)
        for method in QUEUE_METHODS:
            found = ledger.run(method, _seeds(dice, ledger), floor=dice.choice([0, 0, 3]))
            seen["far"] += max(found.hops.values(), default=0) >= 4
            seen["unread"] += found.taint.partial
            seen["cut"] += bool(found.cut)
            seen["fees"] += any("fees" in row for row in found.totals.values())
    assert min(seen[what] for what in ("far", "unread", "cut", "fees")) > 100, seen


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=300, deadline=None)
@given(question=questions())
def test_engine_equals_oracle_to_the_base_unit(method: str, question: Question) -> None:
    ledger, seeds, hops, floor = question
    found = ledger.run(method, seeds, hops=hops, floor=floor)
    expected = trace_queues(
        ledger.rows, seeds, method, openings=ledger.openings, ends=ledger.ends, hops=hops, floor=floor
    )

    assert found.carried == {name: units for name, units in expected.amount.items() if units}
    assert found.by_transfer(found.taint.seeded) == expected.seeded
    assert found.cut == expected.cut
    assert found.hops == expected.hops
    assert found.via == expected.via
    assert found.rests == {queue: rest for queue, rest in expected.rests.items() if rest[1]}
    assert found.unopened == expected.unopened
    assert found.taint.partial == bool(expected.unopened)


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=200, deadline=None)
@given(ledger=ledgers(unknown=False), data=st.data())
def test_backward_equals_the_oracle_over_the_ledger_written_backward(
    method: str, ledger: QueueLedger, data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.sampled_from([r.name for r in ledger.rows]), max_size=2, unique=True))
    closing = {queue: ledger.openings.get(queue, 0) or 0 for queue in ledger.queues}
    for row in ledger.rows:
        if row.source is not None:
            closing[row.source, row.asset] -= row.units
        if row.target is not None:
            closing[row.target, row.asset] += row.units
    turned = [replace(row, source=row.target, target=row.source) for row in reversed(ledger.rows)]
    expected = trace_queues(turned, ledger.lots(*names), method, openings=closing, ends=ledger.ends)
    found = ledger.back(method, *names)
    assert found.carried == {name: units for name, units in expected.amount.items() if units}
    assert found.rests == {queue: rest for queue, rest in expected.rests.items() if rest[1]}


@pytest.mark.parametrize("method", CONSERVING)
@settings(max_examples=200, deadline=None)
@given(question=questions())
def test_what_was_seeded_is_what_rests_was_cut_paid_or_burned(method: str, question: Question) -> None:
    ledger, seeds, hops, floor = question
    found = ledger.run(method, seeds, hops=hops, floor=floor)
    for row in found.totals.values():
        assert row.pop("seed") == sum(row.values())
    units = {row.name: row.units for row in ledger.rows}
    assert all(taint <= units[name] for name, taint in found.carried.items())


@pytest.mark.parametrize("method", CONSERVING)
@settings(max_examples=100, deadline=None)
@given(ledger=ledgers(), data=st.data())
def test_backward_conserves_too(method: str, ledger: QueueLedger, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(ledger.rows))
    for row in ledger.back(method, seed.name).totals.values():
        assert row.pop("seed") == sum(row.values())


@pytest.mark.parametrize("method", UNDONE)
@settings(max_examples=200, deadline=None)
@given(ledger=ledgers(unknown=False))
def test_what_a_lot_sends_into_a_transfer_is_what_that_transfer_has_from_it(
    method: str, ledger: QueueLedger
) -> None:
    names = [row.name for row in ledger.rows]
    forward = {name: ledger.follow(method, name).carried for name in names}
    backward = {name: ledger.back(method, name).carried for name in names}
    assert {(s, x): units for s in names for x, units in forward[s].items()} == {
        (s, x): units for x in names for s, units in backward[x].items()
    }


@settings(max_examples=100, deadline=None)
@given(ledger=ledgers())
def test_a_ledger_turned_round_twice_is_the_ledger(ledger: QueueLedger) -> None:
    again = reverse(reverse(ledger.columns))
    assert not again.backward
    for column in ("source", "target", "amount", "asset", "known", "fate"):
        assert np.array_equal(getattr(again, column), getattr(ledger.columns, column))
    counted = ledger.columns.mode() == 0
    assert np.array_equal(again.opening[counted], ledger.columns.opening[counted])
    assert again.name(0) == ledger.rows[0].name


@pytest.mark.parametrize("method", CONSERVING)
@settings(max_examples=200, deadline=None)
@given(question=questions())
def test_the_labels_of_all_seeds_add_up(method: str, question: Question) -> None:
    ledger, seeds, hops, floor = question
    parts = ledger.apart(method, seeds, hops=hops, floor=floor)
    added: dict[str, int] = {}
    for column in parts.values():
        for name, units in column.items():
            added[name] = added.get(name, 0) + units
    assert added == ledger.run(method, seeds, hops=hops, floor=floor).carried


@pytest.mark.parametrize("method", UNDONE)
@settings(max_examples=200, deadline=None)
@given(question=questions())
def test_labels_equal_the_oracle(method: str, question: Question) -> None:
    ledger, seeds, hops, floor = question
    expected = trace_queues(
        ledger.rows, seeds, method, openings=ledger.openings, ends=ledger.ends, hops=hops, floor=floor
    )
    assert {
        (name, number): units
        for number, column in ledger.apart(method, seeds, hops=hops, floor=floor).items()
        for name, units in column.items()
    } == {(name, number): units for name, row in expected.labels.items() for number, units in row.items()}


@settings(max_examples=100, deadline=None)
@given(question=questions())
def test_under_poison_each_seed_is_followed_alone(
    question: Question,
) -> None:
    ledger, seeds, hops, floor = question
    for number, column in ledger.apart("poison", seeds, hops=hops, floor=floor).items():
        alone = {name: seed for name, seed in seeds.items() if seed[1] == number}
        assert column == ledger.run("poison", alone, hops=hops, floor=floor).carried


@settings(max_examples=100, deadline=None)
@given(question=questions(unknown=False))
def test_poison_reaches_whatever_any_other_method_reaches(
    question: Question,
) -> None:
    ledger, seeds, _, _ = question
    reached = ledger.run("poison", seeds).carried
    for method in CONSERVING:
        for name, units in ledger.run(method, seeds).carried.items():
            assert units <= reached[name]


def _same(one: QueueTaint, two: QueueTaint) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in one.__dataclass_fields__)


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=50, deadline=None)
@given(question=questions())
def test_two_threads_at_once_find_the_same(method: str, question: Question) -> None:
    ledger, seeds, hops, floor = question
    asked = (ledger.columns, ledger.seeding(seeds), Limits(99 if hops is None else hops, floor))
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: queue_method(method)(*asked), range(2))
    assert _same(one, two)


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=50, deadline=None)
@given(question=questions(), data=st.data())
def test_what_comes_later_changes_nothing_before(
    method: str, question: Question, data: st.DataObject
) -> None:
    ledger, seeds, hops, floor = question
    end = data.draw(st.integers(0, len(ledger.rows)))
    whole = ledger.run(method, seeds, hops=hops, floor=floor).taint
    c, s = ledger.columns, ledger.seeding(seeds)
    start = replace(c, source=c.source[:end], target=c.target[:end], amount=c.amount[:end])
    limits = Limits(1 << 30 if hops is None else hops, floor)
    part = queue_method(method)(start, QueueSeeding(s.fixed[:end], s.owner[:end]), limits)
    for column in ("amount", "seeded", "cut", "cut_fate", "hop", "via"):
        assert np.array_equal(getattr(part, column), getattr(whole, column)[:end])


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=50, deadline=None)
@given(question=questions())
def test_how_queues_are_numbered_does_not_matter(method: str, question: Question) -> None:
    ledger, seeds, hops, floor = question
    other = QueueLedger(ledger.rows, ledger.openings, ledger.ends)
    other.__dict__["queues"] = ledger.queues[::-1]
    one, two = (x.run(method, seeds, hops=hops, floor=floor) for x in (ledger, other))
    assert (one.carried, one.rests, one.cut, one.hops, one.via) == (
        two.carried,
        two.rests,
        two.cut,
        two.hops,
        two.via,
    )


def test_the_greatest_amounts_lose_no_unit() -> None:
    """Two thirds of 2^127-1 tainted, paid out in odd parts."""
    third = GREATEST // 3
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 2 * third),
            Move("good", NOTHING, "ann", GREATEST - 2 * third),
            Move("part", "ann", "bob", third + 1),
            Move("last", "ann", "cid", GREATEST - third - 1),
        ]
    )
    expected = {
        "fifo": {"bob": third + 1, "cid": third - 1},
        "lifo": {"cid": 2 * third},  # good is a third and a unit: all that bob gets
        # a third and a unit of 2^127-1, of which two thirds but a unit are bad
        "haircut": {"bob": 2 * third * (third + 1) // GREATEST, "cid": 0},
    }
    expected["haircut"]["cid"] = 2 * third - expected["haircut"]["bob"]
    for method, held in expected.items():
        found = ledger.follow(method, "bad")
        assert sum(found.held.values()) == 2 * third
        if method != "haircut":
            assert found.held == held
        else:
            assert abs(found.held["bob"] - held["bob"]) <= 1


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_a_negative_balance_names_the_transfer(method: str) -> None:
    ledger = QueueLedger.of([Move("fund", NOTHING, "ann", 5), Move("pay", "ann", "bob", 6)])
    with pytest.raises(StoreDamaged, match="pay pays out more than its account holds") as caught:
        ledger.follow(method, "fund")
    assert caught.value.exit_code == 4
    with pytest.raises(StoreDamaged, match="pay pays"):
        ledger.back(method, "pay")


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_the_gas_is_part_of_the_balance(method: str) -> None:
    ledger = QueueLedger.of([Move("fund", NOTHING, "ann", 5), Move("pay", "ann", "bob", 5, fee=1)])
    with pytest.raises(StoreDamaged, match="pay/fee pays out more"):
        ledger.follow(method, "fund")


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_hostile_amounts_whose_sum_overflows_are_refused_by_name(method: str) -> None:
    mints = [Move(f"mint{i}", NOTHING, "ann", GREATEST) for i in range(3)]
    with pytest.raises(DataError, match="mint2 makes an account hold more than"):
        QueueLedger.of(mints).follow(method, "mint0")
    with pytest.raises(DataError, match="the seeds add up to more than"):
        QueueLedger.of(mints).follow(method, "mint0", "mint1", "mint2")


def test_poison_that_overflows_a_service_is_refused_by_name() -> None:
    moves: list[Move] = [Move("fund", NOTHING, "ann", 1)]
    for i in range(3):
        moves += [Move(f"more{i}", NOTHING, "ann", GREATEST - 1), Move(f"pay{i}", "ann", "hot", GREATEST - 1)]
    ledger = QueueLedger.of(moves, ends={"hot": "service"})
    with pytest.raises(DataError, match="pay2 makes an account hold more than"):
        ledger.follow("poison", "fund")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": np.array([9])}, "has an end that is no account"),
        ({"source": np.array([-3])}, "has an end that is no account"),
        ({"source": np.array([OUTSIDE]), "target": np.array([OUTSIDE])}, "has an end that is no account"),
        ({"asset": np.array([0, 1])}, "changes the asset"),
        ({"amount": from_ints([GREATEST + 1])}, "moves more than"),
        ({"fate": np.zeros(2, np.uint8)}, "has no fate"),
    ],
)
def test_columns_that_make_no_sense_are_refused(change: dict[str, Any], words: str) -> None:
    columns = QueueLedger.of([Move("pay", "ann", "bob", 5)], {"ann": 5}).columns
    columns.check()
    with pytest.raises(StoreDamaged, match=words):
        replace(columns, **change).check()


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_an_empty_ledger_has_no_taint(method: str) -> None:
    nothing = np.zeros(0, np.int64)
    columns = Transfers(
        nothing, nothing, from_ints([]), nothing, from_ints([]), np.zeros(0, np.bool_), np.zeros(0, np.uint8)
    )
    columns.check()
    found = queue_method(method)(columns, QueueSeeding.empty(columns), Limits())
    assert to_ints(found.amount) == []
    assert found.totals(columns) == {}


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_nothing_seeded_is_nothing_found(method: str) -> None:
    ledger = QueueLedger.of([Move("fund", NOTHING, "ann", 5), Move("pay", "ann", "bob", 3)])
    found = ledger.run(method, {})
    assert not (found.carried or found.rests or found.totals)
    assert ledger.apart(method, {}) == {}


def test_tiho_is_for_outpoints() -> None:
    for ask in (queue_method, queue_apart):
        with pytest.raises(UsageError, match=r"tiho fills the largest output.*fifo, haircut, lifo, poison"):
            ask("tiho")
        with pytest.raises(UsageError, match="no method 'lucky' for accounts"):
            ask("lucky")
