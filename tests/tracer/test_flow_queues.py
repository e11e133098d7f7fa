"""Account queues: the engine equals the oracle unit by unit, up to the numeric limits; value is conserved."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.oracle_queues import trace_queues
from tests.scenarios.queues import NOTHING, Move, QueueFound, QueueLedger
from tests.scenarios.queues_drawn import CONSERVING, Question, ledger_of, ledgers, questions, seeds_of
from tracer.errors import DataError, StoreDamaged, UsageError
from tracer.flow.movements import Limits
from tracer.flow.queues.balances import reverse
from tracer.flow.queues.columns import CONVERSION, GREATEST, OUTSIDE, QueueSeeding, Transfers
from tracer.flow.queues.methods import QUEUE_METHODS, queue_apart, queue_method
from tracer.flow.queues.taint import QueueTaint
from tracer.flow.queues.wide import MOST, from_ints, to_ints

UNDONE = ("fifo", "lifo")


def _adds_up(found: QueueFound) -> bool:
    """Per asset: what was seeded or came by conversion is what rests, was cut, paid, burned or converted."""
    totals = found.totals.values()
    came = [row.pop("seed", 0) + row.pop("converted_in", 0) for row in totals]
    return came == [sum(row.values()) for row in totals]


def test_the_ledgers_drawn_here_carry_taint_far() -> None:
    """Else all that follows would hold of ledgers in which nothing happens."""
    seen: Counter[str] = Counter()
    for number in range(300):
        dice = random.Random(number)
        ledger = ledger_of(dice, 40)
        for method in QUEUE_METHODS:
            found = ledger.run(method, seeds_of(dice, ledger), floor=dice.choice([0, 0, 3]))
            seen["far"] += max(found.hops.values(), default=0) >= 4
            seen["unread"] += found.taint.partial
            seen["cut"] += bool(found.cut)
            seen["fees"] += any("fees" in row for row in found.totals.values())
            seen["converted"] += sum("converted_in" in row for row in found.totals.values())
            seen["through unknown"] += any(
                row.units is None and row.name in found.hops for row in ledger.rows
            )
    assert min(seen[what] for what in ("far", "unread", "cut", "fees", "converted")) > 100, seen
    assert seen["through unknown"] > 10


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=300, deadline=None)
@given(question=questions())
def test_engine_equals_oracle_to_the_base_unit(method: str, question: Question) -> None:
    ledger, seeds, hops, floors = question
    found = ledger.run(method, seeds, hops=hops, floors=floors)
    expected = trace_queues(
        ledger.rows, seeds, method, openings=ledger.openings, ends=ledger.ends, hops=hops, floors=floors
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
    assume(sum(units for units, _ in ledger.lots(*names).values()) <= MOST // 2)
    closing = {queue: ledger.openings.get(queue, 0) or 0 for queue in ledger.queues}
    for row in ledger.rows:
        for end, units in ((row.source, -(row.units or 0)), (row.target, row.units or 0)):
            if end is not None:
                closing[end, row.asset] += units
    turned = [
        replace(row, source=row.target, target=row.source, into=row.out_of, out_of=row.into)
        for row in reversed(ledger.rows)
    ]
    expected = trace_queues(turned, ledger.lots(*names), method, openings=closing, ends=ledger.ends)
    found = ledger.back(method, *names)
    assert found.carried == {name: units for name, units in expected.amount.items() if units}
    assert found.rests == {queue: rest for queue, rest in expected.rests.items() if rest[1]}


@pytest.mark.parametrize("method", CONSERVING)
@settings(max_examples=200, deadline=None)
@given(question=questions())
def test_what_was_seeded_is_what_rests_was_cut_paid_or_burned(method: str, question: Question) -> None:
    ledger, seeds, hops, floors = question
    found = ledger.run(method, seeds, hops=hops, floors=floors)
    assert _adds_up(found)
    units = {row.name: row.units or 0 for row in ledger.rows}
    assert all(taint <= units[name] for name, taint in found.carried.items())


@pytest.mark.parametrize("method", CONSERVING)
@settings(max_examples=100, deadline=None)
@given(ledger=ledgers(), data=st.data())
def test_backward_conserves_too(method: str, ledger: QueueLedger, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(ledger.rows))
    assume(seed.units is not None)
    assert _adds_up(ledger.back(method, seed.name))


@pytest.mark.parametrize("method", UNDONE)
@settings(max_examples=200, deadline=None)
@given(ledger=ledgers(unknown=False, swaps=False))
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
@given(ledger=ledgers(unknown=False))
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
    ledger, seeds, hops, floors = question
    parts = ledger.apart(method, seeds, hops=hops, floors=floors)
    added: dict[str, int] = {}
    for column in parts.values():
        for name, units in column.items():
            added[name] = added.get(name, 0) + units
    assert added == ledger.run(method, seeds, hops=hops, floors=floors).carried


@pytest.mark.parametrize("method", UNDONE)
@settings(max_examples=200, deadline=None)
@given(question=questions())
def test_labels_equal_the_oracle(method: str, question: Question) -> None:
    ledger, seeds, hops, floors = question
    expected = trace_queues(
        ledger.rows, seeds, method, openings=ledger.openings, ends=ledger.ends, hops=hops, floors=floors
    )
    assert {
        (name, number): units
        for number, column in ledger.apart(method, seeds, hops=hops, floors=floors).items()
        for name, units in column.items()
    } == {(name, number): units for name, row in expected.labels.items() for number, units in row.items()}


@settings(max_examples=100, deadline=None)
@given(question=questions())
def test_under_poison_each_seed_is_followed_alone(
    question: Question,
) -> None:
    ledger, seeds, hops, floors = question
    for number, column in ledger.apart("poison", seeds, hops=hops, floors=floors).items():
        alone = {name: seed for name, seed in seeds.items() if seed[1] == number}
        assert column == ledger.run("poison", alone, hops=hops, floors=floors).carried


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
    ledger, seeds, hops, floors = question
    asked = (ledger.columns, ledger.seeding(seeds), ledger.limits(hops, 0, floors))
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: queue_method(method)(*asked), range(2))
    assert _same(one, two)


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=50, deadline=None)
@given(question=questions(), data=st.data())
def test_what_comes_later_changes_nothing_before(
    method: str, question: Question, data: st.DataObject
) -> None:
    ledger, seeds, hops, floors = question
    end = data.draw(st.integers(0, len(ledger.rows)))
    whole = ledger.run(method, seeds, hops=hops, floors=floors).taint
    c, s = ledger.columns, ledger.seeding(seeds)
    assert c.unknown is not None
    start = replace(
        c, source=c.source[:end], target=c.target[:end], amount=c.amount[:end], unknown=c.unknown[:end]
    )
    limits = ledger.limits(hops, 0, floors)
    part = queue_method(method)(start, QueueSeeding(s.fixed[:end], s.owner[:end]), limits)
    for column in ("amount", "seeded", "cut", "cut_fate", "hop", "via"):
        assert np.array_equal(getattr(part, column), getattr(whole, column)[:end])


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=50, deadline=None)
@given(question=questions())
def test_how_queues_are_numbered_does_not_matter(method: str, question: Question) -> None:
    ledger, seeds, hops, floors = question
    other = QueueLedger(ledger.rows, ledger.openings, ledger.ends)
    other.__dict__["queues"] = ledger.queues[::-1]
    one, two = (x.run(method, seeds, hops=hops, floors=floors) for x in (ledger, other))
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


HOSTILE = [Move(f"mint{i}", NOTHING, "ann", GREATEST) for i in range(3)]


def test_seeds_beyond_what_can_be_counted_are_refused() -> None:
    with pytest.raises(DataError, match="seeds and conversions add up to more than"):
        QueueLedger.of(HOSTILE).follow("fifo", "mint0", "mint1", "mint2")


@pytest.mark.parametrize("method", CONSERVING)
def test_an_account_that_outgrows_all_numbers_has_no_known_balance(method: str) -> None:
    """Nothing else suffers: what its owner pays later is not told, and that is said."""
    ledger = QueueLedger.of([*HOSTILE, Move("pay", "ann", "bob", 5), Move("fund", NOTHING, "cid", 3)])
    found = ledger.follow(method, "mint0", "fund")
    assert found.held == {"ann": GREATEST, "cid": 3}
    assert found.unopened == {("ann", "ETH")}


def test_poison_cannot_count_such_an_account() -> None:
    with pytest.raises(DataError, match="mint2 makes an account hold more than"):
        QueueLedger.of(HOSTILE).follow("poison", "mint0")


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
        ({"source": np.array([CONVERSION])}, "is of a conversion without its other side"),
        ({"target": np.array([CONVERSION])}, "is of a conversion without its other side"),
        ({"target": np.array([CONVERSION - 7])}, "is of a conversion without its other side"),
        (
            {"target": np.array([CONVERSION]), "unknown": np.array([True]), "amount": from_ints([0])},
            "converts an",
        ),
        ({"unknown": np.array([True])}, "has an amount and is said to have none"),
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
