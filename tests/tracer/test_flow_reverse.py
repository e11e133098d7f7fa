"""Turned columns: FIFO and LIFO are undone, and every method backward equals the oracle walking back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.oracle import OracleOut, OracleTx
from tests.scenarios.drawn import Question, ledgers, questions
from tests.scenarios.ledger import ScenarioSource, Tx, oracle_ledger
from tests.scenarios.turned import Turned, turned
from tracer.flow.fates import Fate
from tracer.flow.kernels.reverse import reverse
from tracer.flow.methods import METHODS, apart, method
from tracer.flow.movements import Limits, Movements, Seeding

CONSERVING = [name for name in METHODS if name != "poison"]
UNDONE = ["fifo", "lifo"]

TABLE = [
    Tx("fund", outs=[("ann", 10)]),
    Tx("gift", outs=[("bob", 4)]),
    Tx("pay", ins=["fund:0", "gift:0"], outs=[("cid", 8), ("ann", 5)]),  # fee 1
    Tx("shop", ins=["pay:0"], outs=[("dee", 8)]),
]


def test_a_transaction_turned_round_puts_its_outputs_and_its_fee_into_what_it_spent() -> None:
    source = ScenarioSource(oracle_ledger(TABLE))
    back = reverse(source.movements())
    names = [":".join(map(str, source.points[ref])) for ref in back.output]
    m = back.movements
    m.check()
    rows = [
        (
            [
                (names[ref] if ref >= 0 else "fee", int(units))
                for ref, units in zip(m.in_ref[a:b], m.in_value[a:b], strict=True)
            ],
            [(names[o], int(m.out_value[o])) for o in range(c, d)],
        )
        for a, b, c, d in zip(m.in_start[:-1], m.in_start[1:], m.out_start[:-1], m.out_start[1:], strict=True)
    ]
    assert rows == [
        ([], [("pay:1", 5), ("shop:0", 8)]),  # what nobody spends
        ([("shop:0", 8)], [("pay:0", 8)]),
        ([("pay:0", 8), ("pay:1", 5), ("fee", 1)], [("fund:0", 10), ("gift:0", 4)]),
    ]
    assert m.fee.tolist() == [0, 0, 0]
    assert back.tx.tolist() == [-1, 3, 2]
    assert back.turned.tolist() == [-1, -1, 2, 1]
    assert [names[c] for c in back.container] == ["fund:0", "gift:0", "pay:0", "pay:1", "shop:0"]
    # coinbases have no turned movement: their outputs end the trail
    assert [names[o] for o in np.flatnonzero(m.out_fate != Fate.SPENT)] == ["fund:0", "gift:0"]


def test_what_was_made_beside_the_trail_is_a_container_that_ends_it() -> None:
    """The closure knows only `pay`: what it spent was made by transactions nobody looked at."""
    pay = Movements(
        np.array([0, 2]), np.array([-1, -1]), np.array([10, 4]), np.array([0, 2]), np.array([8, 5]),
        np.array([1, 0], np.int32), np.array([1, 1], np.uint8), np.array([1]),
    )  # fmt: skip
    back = reverse(pay)
    assert back.output.tolist() == [0, 1, -1, -1]
    assert back.input.tolist() == [-1, -1, 0, 1]
    assert back.movements.out_value.tolist() == [8, 5, 10, 4]
    assert back.movements.out_fate.tolist() == [Fate.SPENT, Fate.SPENT, Fate.UNSPENT, Fate.UNSPENT]


def test_nothing_turned_round_is_one_empty_movement() -> None:
    none = np.zeros(0, np.int64)
    start = np.zeros(1, np.int64)
    empty = Movements(start, none, none, start, none, none.astype(np.int32), none.astype(np.uint8), none)
    back = reverse(empty)
    back.movements.check()
    assert len(back.movements) == 1
    assert len(back.output) == 0


def _all_fees_collected(ledger: list[OracleTx]) -> list[OracleTx]:
    """One more coinbase takes every fee that none has taken, so that each fee is a lot."""
    taken = {name for tx in ledger for name in tx.collects}
    free = tuple(tx.name for tx in ledger if tx.ins and tx.name not in taken)
    return [*ledger, OracleTx("last", (), (OracleOut(0, b"m", "miner"),), free)]


@pytest.mark.parametrize("fees", ["sink", "miners"])
@pytest.mark.parametrize("name", UNDONE)
@settings(max_examples=30, deadline=None)
@given(ledger=ledgers())
def test_what_a_sends_to_x_forward_is_what_x_has_from_a_backward(
    name: str, fees: str, ledger: list[OracleTx]
) -> None:
    """For every two lots, fees among them where they go on to miners; unit for unit."""
    source = ScenarioSource(_all_fees_collected(ledger), fees=fees)
    forward = source.movements()
    back = reverse(forward)
    k = len(forward.out_value)
    sent = np.zeros((k, k), np.int64)
    had = np.zeros((k, k), np.int64)
    for o in range(k):
        seeding = Seeding.empty(forward)
        seeding.fixed[o] = forward.out_value[o]
        sent[o] = method(name)(forward, seeding, Limits()).amount
        seeding = Seeding.empty(back.movements)
        seeding.fixed[back.container[o]] = forward.out_value[o]
        had[:, o] = method(name)(back.movements, seeding, Limits()).amount[back.container]
    assert sent.tolist() == had.tolist()


def _turned(question: Question) -> Turned:
    seeds = question.seeds
    return turned(question.source, seeds.lots, seeds.members, seeds.unit, seeds.mixes)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=100, deadline=None)
@given(question=questions(backward=True))
def test_engine_equals_oracle_backward(name: str, question: Question) -> None:
    back, expected = _turned(question), question.oracle(name, "backward")
    found = method(name)(back.movements, back.seeding, question.limits)
    assert {p: int(a) for p, a in zip(back.points, found.amount, strict=True) if a} == {
        p: a for p, a in expected.amount.items() if a
    }
    rests = found.rests()
    assert {
        p: (Fate(int(found.fate[i])).reason, int(rests[i])) for i, p in enumerate(back.points) if rests[i]
    } == {p: r for p, r in expected.rests.items() if r[1]}
    assert {p: int(found.hop[i]) for i, p in enumerate(back.points) if found.amount[i]} == {
        p: h for p, h in expected.hops.items() if expected.amount[p]
    }
    assert sum(found.seeded.tolist()) == expected.seed


@pytest.mark.parametrize("name", CONSERVING)
@settings(max_examples=80, deadline=None)
@given(question=questions(backward=True))
def test_what_is_asked_for_was_minted_or_rests_at_a_stop(name: str, question: Question) -> None:
    """Backward nothing is lost to fees: what was paid as one came in beside what is asked for."""
    back = _turned(question)
    found = method(name)(back.movements, back.seeding, question.limits)
    assert int(found.seeded.sum()) == int(found.rests().sum())
    assert not found.fees.any()
    assert np.all(found.amount <= back.movements.out_value)


@pytest.mark.parametrize("name", ["fifo", "lifo", "tiho"])
@settings(max_examples=30, deadline=None)
@given(question=questions(backward=True))
def test_seeds_told_apart_backward_equal_the_oracle(name: str, question: Question) -> None:
    back = _turned(question)
    found = method(name)(back.movements, back.seeding, question.limits)
    owner = np.where(found.seeded > 0, np.cumsum(found.seeded > 0) - 1, -1)
    entered = [p for p, units in zip(back.points, found.seeded, strict=True) if units]
    assert {
        (p, entered[number]): int(units)
        for number, part in apart(name)(back.movements, found, owner).items()
        for p, units in zip(back.points, part, strict=True)
        if units
    } == {
        (p, label): units
        for p, came in question.oracle(name, "backward").came.items()
        for label, units in came.items()
    }


@settings(max_examples=30, deadline=None)
@given(ledger=ledgers())
def test_stops_of_the_columns_given_do_not_matter(ledger: list[OracleTx]) -> None:
    forward = ScenarioSource(ledger).movements()
    stopped = replace(forward, out_fate=np.full_like(forward.out_fate, int(Fate.SERVICE)))
    one, two = reverse(forward), reverse(stopped)
    assert one.movements.out_fate.tolist() == two.movements.out_fate.tolist()
