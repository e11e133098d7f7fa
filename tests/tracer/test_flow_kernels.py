"""The kernels equal the oracle, unit by unit, over random ledgers up to the numeric limits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import OracleOut, OracleSeeds, OracleTx, trace
from tests.scenarios.drawn import LIMIT, Question, ledgers, questions
from tests.scenarios.ledger import ScenarioSource
from tracer.errors import StoreDamaged, UsageError
from tracer.flow.fates import Fate
from tracer.flow.kernels.shared import mul_div, split
from tracer.flow.methods import METHODS, apart, method
from tracer.flow.movements import I64, Limits, Movements, Seeding, Taint

CONSERVING = [name for name in METHODS if name != "poison"]
LABELLED = ["fifo", "lifo", "tiho"]


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=150, deadline=None)
@given(question=questions())
def test_engine_equals_oracle_to_the_base_unit(name: str, question: Question) -> None:
    source, found, expected = question.source, method(name)(*question.columns()), question.oracle(name)
    assert {p: int(a) for p, a in zip(source.points, found.amount, strict=True) if a} == {
        p: a for p, a in expected.amount.items() if a
    }
    rests = found.rests()
    assert {
        p: (Fate(int(found.fate[i])).reason, int(rests[i])) for i, p in enumerate(source.points) if rests[i]
    } == {p: r for p, r in expected.rests.items() if r[1]}
    assert {p: int(found.hop[i]) for i, p in enumerate(source.points) if found.amount[i]} == {
        p: h for p, h in expected.hops.items() if expected.amount[p]
    }
    assert sum(found.fees.tolist()) == expected.fees
    assert sum(found.seeded.tolist()) == expected.seed


@pytest.mark.parametrize("name", CONSERVING)
@settings(max_examples=150, deadline=None)
@given(question=questions())
def test_what_was_seeded_is_what_rests_and_what_was_paid_as_fee(name: str, question: Question) -> None:
    columns, seeding, limits = question.columns()
    found = method(name)(columns, seeding, limits)
    assert int(found.seeded.sum()) == int(found.rests().sum()) + int(found.fees.sum())
    assert np.all(found.amount <= columns.out_value)
    assert np.all(found.fees <= columns.fee)


def _each_lot_alone(taint: Taint) -> I64:
    """Every seeded output is a seed of its own."""
    return np.where(taint.seeded > 0, np.cumsum(taint.seeded > 0) - 1, -1)


@pytest.mark.parametrize("name", LABELLED)
@settings(max_examples=150, deadline=None)
@given(question=questions())
def test_seeds_told_apart_equal_the_oracle_and_add_up(name: str, question: Question) -> None:
    source, (columns, seeding, limits) = question.source, question.columns()
    found = method(name)(columns, seeding, limits)
    parts = apart(name)(columns, found, _each_lot_alone(found))
    entered = [p for p, units in zip(source.points, found.seeded, strict=True) if units]
    assert {
        (p, entered[number]): int(units)
        for number, part in parts.items()
        for p, units in zip(source.points, part, strict=True)
        if units
    } == {
        (p, label): units for p, came in question.oracle(name).came.items() for label, units in came.items()
    }
    assert sum(parts.values(), np.zeros(len(found.amount), np.int64)).tolist() == found.amount.tolist()


@settings(max_examples=100, deadline=None)
@given(question=questions())
def test_what_is_poisoned_is_poisoned_by_one_seed_alone(question: Question) -> None:
    columns, seeding, limits = question.columns()
    found = method("poison")(columns, seeding, limits)
    parts = apart("poison")(columns, found, _each_lot_alone(found))
    assert np.max([found.seeded, *parts.values()], axis=0).tolist() == found.amount.tolist()
    for number, part in parts.items():
        assert np.all(part[_each_lot_alone(found) == number] > 0)


@settings(max_examples=100, deadline=None)
@given(question=questions())
def test_no_method_finds_what_poison_does_not(question: Question) -> None:
    columns, seeding, _ = question.columns()
    poison = method("poison")(columns, seeding, Limits())
    for name in CONSERVING:
        found = method(name)(columns, seeding, Limits())
        assert np.all(found.amount <= poison.amount)
        assert np.all(found.fees <= poison.fees)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=20, deadline=None)
@given(question=questions())
def test_the_same_question_gives_the_same_bytes_on_every_thread(name: str, question: Question) -> None:
    def answer(_turn: int) -> bytes:
        found = method(name)(*question.columns())
        return b"".join(column.tobytes() for column in vars(found).values())

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(answer, range(4)))) == 1


@settings(max_examples=500, deadline=None)
@given(st.integers(1, LIMIT).flatmap(lambda d: st.tuples(st.integers(0, d), st.integers(0, d), st.just(d))))
def test_products_are_divided_exactly_up_to_63_bits(numbers: tuple[int, int, int]) -> None:
    a, b, d = numbers
    quotient, rest = mul_div(np.int64(a), np.int64(b), np.int64(d))
    assert (int(quotient), int(rest)) == divmod(a * b, d)


@pytest.mark.parametrize("d", [1, 2, (1 << 52) - 1, 1 << 52, (1 << 52) + 1, 1 << 62, LIMIT])
def test_division_is_exact_at_the_seams(d: int) -> None:
    for a in {0, 1, d // 2, d - 1, d}:
        for b in {0, 1, d // 3, d - 1, d}:
            quotient, rest = mul_div(np.int64(a), np.int64(b), np.int64(d))
            assert (int(quotient), int(rest)) == divmod(a * b, d)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, LIMIT // 100), min_size=1, max_size=80), st.data())
def test_parts_add_up_and_none_exceeds_its_weight(weights: list[int], data: st.DataObject) -> None:
    whole = sum(weights)
    total = data.draw(st.integers(0, whole))
    if whole == 0:
        return
    n = len(weights)
    parts = np.zeros(n, np.int64)
    split(np.int64(total), np.array(weights, np.int64), np.arange(n), parts, np.zeros(n, np.int64))
    assert int(parts.sum()) == total
    assert all(0 <= int(part) <= weight for part, weight in zip(parts, weights, strict=True))
    assert all(
        abs(int(part) * whole - total * weight) < whole for part, weight in zip(parts, weights, strict=True)
    )


def test_shares_at_the_numeric_limit_lose_nothing() -> None:
    """A transaction of 2^63-1 base units, two thirds of them tainted."""
    third = LIMIT // 3
    ledger = [
        OracleTx("a", (), (OracleOut(2 * third, b"x", "ann"),)),
        OracleTx("b", (), (OracleOut(LIMIT - 2 * third, b"y", "bob"),)),
        OracleTx("c", (("b", 0), ("a", 0)), (OracleOut(LIMIT - 7, b"z", "cid"), OracleOut(0, b"w", "dee"))),
    ]
    source = ScenarioSource(ledger)
    for name in CONSERVING:
        found = method(name)(source.movements(), source.seeding([("a", 0)], (), "lot"), Limits())
        expected = trace(ledger, OracleSeeds(frozenset({("a", 0)})), name)
        assert int(found.amount[2]) == expected.amount["c", 0]
        assert int(found.amount[2]) + int(found.fees[2]) == 2 * third


@settings(max_examples=100, deadline=None)
@given(ledgers(), st.randoms())
def test_permuting_outputs_with_distinct_scripts_changes_no_haircut(
    ledger: Sequence[OracleTx], shuffle: object
) -> None:
    distinct = [
        OracleTx(
            tx.name,
            tx.ins,
            tuple(OracleOut(o.value, b"%d" % v, o.address, o.burn) for v, o in enumerate(tx.outs)),
        )
        for tx in ledger
    ]
    orders = {tx.name: list(range(len(tx.outs))) for tx in distinct}
    for order in orders.values():
        shuffle.shuffle(order)  # type: ignore[attr-defined]
    moved = [
        OracleTx(
            tx.name,
            tuple((name, orders[name].index(vout)) for name, vout in tx.ins),
            tuple(tx.outs[v] for v in orders[tx.name]),
        )
        for tx in distinct
    ]
    before, after = ScenarioSource(distinct), ScenarioSource(moved)
    seed = distinct[0].name, 0
    haircut = method("haircut")
    one = haircut(before.movements(), before.seeding([seed], (), "lot"), Limits())
    two = haircut(
        after.movements(), after.seeding([(seed[0], orders[seed[0]].index(0))], (), "lot"), Limits()
    )
    assert {p: int(one.amount[i]) for i, p in enumerate(before.points)} == {
        (name, orders[name][vout]): int(two.amount[i]) for i, (name, vout) in enumerate(after.points)
    }


def _two_movements(in_ref: list[int], fee: int) -> Movements:
    return Movements(
        np.array([0, 0, 1]), np.array(in_ref), np.array([5]), np.array([0, 1, 2]), np.array([5, 4]),
        np.zeros(2, np.int32), np.array([0, 1], np.uint8), np.array([0, fee]),
    )  # fmt: skip


def test_a_trail_that_does_not_balance_is_refused() -> None:
    _two_movements([0], 1).check()
    with pytest.raises(StoreDamaged, match="balance"):
        _two_movements([0], 2).check()


def test_money_never_arrives_before_it_left() -> None:
    with pytest.raises(StoreDamaged, match="execution order"):
        _two_movements([1], 1).check()


def test_nothing_seeded_is_nothing_found() -> None:
    columns = _two_movements([0], 1)
    for name in METHODS:
        assert int(method(name)(columns, Seeding.empty(columns), Limits()).amount.sum()) == 0


def test_an_unknown_method_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="fifo, haircut, lifo, tiho, poison"):
        method("lucky")
