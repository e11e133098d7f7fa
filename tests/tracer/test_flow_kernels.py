"""The kernels equal the oracle, unit by unit, over random ledgers up to the numeric limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import OracleOut, OracleSeeds, OracleTx, trace
from tests.scenarios.ledger import ScenarioSource
from tracer.errors import StoreDamaged, UsageError
from tracer.flow.fates import Fate
from tracer.flow.kernel_shared import mul_div, split
from tracer.flow.methods import METHODS, method
from tracer.flow.movements import Limits, Movements, Seeding

LIMIT = (1 << 63) - 1
NAMES = ("ann", "bob", "cid", "dee", "eve")


@st.composite
def ledgers(draw: st.DrawFn) -> list[OracleTx]:
    """Up to 14 transactions: coinbases, merges, splits, self-spends, zero outputs, zero fees, burns."""
    big = draw(st.sampled_from([9, 1000, 10**12, 1 << 50, 1 << 58]))
    made: dict[tuple[str, int], int] = {}
    ledger: list[OracleTx] = []
    for number in range(draw(st.integers(2, 14))):
        name = f"t{number}"
        free = sorted(made)
        count = 0 if not free or number == 0 else draw(st.integers(0, min(4, len(free))))
        ins = draw(st.permutations(free))[:count] if count else []
        total = sum(made.pop(point) for point in ins) if ins else draw(st.integers(0, big))
        values = []
        for _ in range(draw(st.integers(1, 5))):
            piece = draw(st.one_of(st.just(0), st.integers(0, total), st.just(total // 3)))
            values.append(min(piece, total))
            total -= values[-1]
        if draw(st.booleans()):
            values[-1] += total  # no fee
        outs = []
        for vout, value in enumerate(values):
            burn = draw(st.integers(0, 9)) == 0
            address = None if burn else draw(st.sampled_from(NAMES))
            outs.append(OracleOut(value, (address or "j").encode(), address, burn))
            if not burn:
                made[name, vout] = value
        ledger.append(OracleTx(name, tuple(ins), tuple(outs)))
    return ledger


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[OracleTx], OracleSeeds, dict[str, str], int | None, int]:
    ledger = draw(ledgers())
    points = [(tx.name, vout) for tx in ledger for vout, out in enumerate(tx.outs)]
    lots = frozenset(draw(st.lists(st.sampled_from(points), max_size=3)))
    members = frozenset(draw(st.lists(st.sampled_from(NAMES), max_size=2)))
    unit = draw(st.sampled_from(["lot", "entity"]))
    stops = dict.fromkeys(draw(st.lists(st.sampled_from(NAMES), max_size=1)), "service")
    if unit == "entity":
        stops.update(dict.fromkeys(members, "custodial_pool"))
    hops = draw(st.one_of(st.none(), st.integers(0, 4)))
    mixes = frozenset(draw(st.lists(st.sampled_from([tx.name for tx in ledger]), max_size=2)))
    return (
        ledger,
        OracleSeeds(lots, members, unit, mixes=mixes),
        stops,
        hops,
        draw(st.sampled_from([0, 0, 3, 500])),
    )


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=300, deadline=None)
@given(question=questions())
def test_engine_equals_oracle_to_the_base_unit(
    name: str, question: tuple[list[OracleTx], OracleSeeds, dict[str, str], int | None, int]
) -> None:
    ledger, seeds, stops, hops, floor = question
    source = ScenarioSource(ledger, stops)
    columns = source.movements()
    found = method(name)(
        columns,
        source.seeding(seeds.lots, seeds.members, seeds.unit, seeds.mixes),
        Limits(1 << 30 if hops is None else hops, floor),
    )
    expected = trace(ledger, seeds, name, address_ends=stops, hops=hops, floor=floor)

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
    assert int(found.fees.sum()) == expected.fees
    assert int(found.seeded.sum()) == expected.seed


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=150, deadline=None)
@given(question=questions())
def test_what_was_seeded_is_what_rests_and_what_was_paid_as_fee(
    name: str, question: tuple[list[OracleTx], OracleSeeds, dict[str, str], int | None, int]
) -> None:
    ledger, seeds, stops, hops, floor = question
    source = ScenarioSource(ledger, stops)
    columns = source.movements()
    found = method(name)(
        columns,
        source.seeding(seeds.lots, seeds.members, seeds.unit, seeds.mixes),
        Limits(1 << 30 if hops is None else hops, floor),
    )
    assert int(found.seeded.sum()) == int(found.rests().sum()) + int(found.fees.sum())
    assert np.all(found.amount <= columns.out_value)
    assert np.all(found.fees <= columns.fee)


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
    for name in METHODS:
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
    with pytest.raises(UsageError, match="fifo, haircut"):
        method("lucky")
