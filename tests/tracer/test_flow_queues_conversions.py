"""Conversions at the numeric limits, and the ceiling that holds for every convention."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle_queues import trace_queues
from tests.scenarios.queues import ETH, NOTHING, Move, QueueLedger, Swap
from tests.scenarios.queues_drawn import CONSERVING, Question, questions
from tracer.errors import DataError, StoreDamaged
from tracer.flow.movements import Limits
from tracer.flow.queues.columns import GREATEST
from tracer.flow.queues.methods import QUEUE_METHODS
from tracer.flow.queues.wide import to_ints

LIMITS = [
    (GREATEST, GREATEST),
    (GREATEST, 1),
    (GREATEST, GREATEST - 1),
    (1, 1 << 100),
    (1, GREATEST),
    (3, GREATEST),
    ((1 << 64) + 1, (1 << 64) - 1),
    (10**38 - 1, 7),
]


@pytest.mark.parametrize("method", QUEUE_METHODS)
@pytest.mark.parametrize(("gives", "gets"), LIMITS)
def test_at_the_numeric_limits_a_conversion_equals_the_oracle(method: str, gives: int, gets: int) -> None:
    """A third of it bad, in seven pieces; twice over, there and back."""
    dice = random.Random(gives ^ gets)
    cuts = [0, *sorted(dice.randint(0, gives) for _ in range(20)), gives]
    pieces = [Move(f"p{i}", NOTHING, "ann", b - a) for i, (a, b) in enumerate(pairwise(cuts))]
    ledger = QueueLedger.of(
        [
            *pieces,
            Swap("there", "ann", gives, ETH, gets, "USDT"),
            Swap("back", "ann", gets, "USDT", gives, ETH),
            Move("pay", "ann", "bob", (gives + 1) // 2),
        ]
    )
    seeds = {f"p{i}": (pieces[i].units or 0, i % 2) for i in range(0, 21, 3)}
    found = ledger.run(method, seeds)
    expected = trace_queues(ledger.rows, seeds, method)
    assert found.carried == {name: units for name, units in expected.amount.items() if units}
    assert found.rests == {queue: rest for queue, rest in expected.rests.items() if rest[1]}
    if method != "poison":
        parts = ledger.apart(method, seeds).values()
        assert sum(part.get("back/out", 0) for part in parts) == found.carried.get("back/out", 0)


@pytest.mark.parametrize("method", QUEUE_METHODS)
@settings(max_examples=100, deadline=None)
@given(pieces=st.lists(st.integers(0, 10**12), min_size=1, max_size=12), paid=st.floats(0, 1))
def test_from_six_decimals_to_eighteen_and_back_no_unit_is_lost(
    method: str, pieces: list[int], paid: float
) -> None:
    """A token of six decimals bought at par for one of eighteen: what is paid then is as if nothing had been."""
    whole = sum(pieces)
    coming = [Move(f"p{i}", NOTHING, "ann", units, asset="USDT") for i, units in enumerate(pieces)]
    pay = Move("pay", "ann", "bob", int(paid * whole), asset="USDT")
    there = [
        Swap("there", "ann", whole, "USDT", whole * 10**12, "DAI"),
        Swap("back", "ann", whole * 10**12, "DAI", whole, "USDT"),
    ]
    bad = [f"p{i}" for i in range(0, len(pieces), 2)]
    direct = QueueLedger.of([*coming, pay]).follow(method, *bad)
    converted = QueueLedger.of([*coming, *there, pay]).follow(method, *bad)
    assert converted.carried.get("pay", 0) == direct.carried.get("pay", 0)


@settings(max_examples=100, deadline=None)
@given(question=questions())
def test_all_conventions_scale_the_taint_of_a_conversion_alike(question: Question) -> None:
    """To the nearest unit, a half up: how it lies among the clean units changes nothing."""
    ledger, seeds, hops, floors = question
    out_of = {row.out_of: row for row in ledger.rows if row.out_of is not None}
    for method in CONSERVING:
        found = ledger.run(method, seeds, hops=hops, floors=floors)
        entered = found.by_transfer(found.taint.seeded)
        for row in ledger.rows:
            if row.into is not None and row.units:
                out = out_of[row.into]
                doubled = 2 * found.carried.get(row.name, 0) * (out.units or 0)
                carried = found.carried.get(out.name, 0) - entered.get(out.name, 0)
                assert carried == (doubled + row.units) // (2 * row.units)


@settings(max_examples=300, deadline=None)
@given(question=questions())
def test_no_convention_carries_more_than_the_ceiling(question: Question) -> None:
    ledger, seeds, hops, floors = question
    most = ledger.ceilings(seeds)
    for method in CONSERVING:
        for name, units in ledger.run(method, seeds, hops=hops, floors=floors).carried.items():
            assert units <= most[name]
    assert set(ledger.run("poison", seeds).hops) <= set(most)
    of = {row.name: row.units for row in ledger.rows}
    assert all(units <= (of[name] or units) for name, units in most.items())


def test_the_ceiling_of_a_path_is_its_narrowest_place() -> None:
    """Of the 8 that were stolen bob can have had 5, cid 3; dan, whom ann and cid paid, 11, were there so many."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 8),
            Move("good", NOTHING, "ann", 12),
            Move("one", "ann", "bob", 5),
            Move("two", "bob", "cid", 3),
            Move("three", "cid", "dan", 3),
            Move("four", "ann", "dan", 15),
            Move("five", "dan", "eve", 18),
        ]
    )
    assert ledger.ceilings(ledger.lots("bad")) == {
        "bad": 8, "one": 5, "two": 3, "three": 3, "four": 8, "five": 8,
    }  # fmt: skip


def test_what_an_account_paid_away_in_full_is_not_in_it_any_more() -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 8),
            Move("all but one", "ann", "bob", 7),
            Move("wage", NOTHING, "ann", 9),
            Move("rent", "ann", "cid", 9),
        ]
    )
    assert ledger.ceilings(ledger.lots("bad")) == {"bad": 8, "all but one": 7, "rent": 1}


def test_the_ceiling_goes_through_conversions_rounded_up_and_ends_at_services() -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 1),
            Swap("swap", "ann", 3, ETH, 100, "USDT"),
            Move("huge", "ann", "bob", None, asset="USDT"),
            Move("deposit", "bob", "hot", 90, asset="USDT"),
            Move("payout", "hot", "cid", 90, asset="USDT"),
        ],
        {"ann": 2},
    )
    ledger = replace(ledger, ends={("hot", "USDT"): "service"})
    assert ledger.ceilings(ledger.lots("bad")) == {
        "bad": 1, "swap/in": 1, "swap/out": 34, "huge": 34, "deposit": 34,
    }  # fmt: skip


HOSTILE = [
    step
    for i in range(3)
    for step in (Move(f"fund{i}", NOTHING, "ann", 1), Swap(f"swap{i}", "ann", 1, ETH, GREATEST, "EVIL"))
]


def test_conversions_into_a_token_without_measure_are_named() -> None:
    """Whoever builds the columns asks first, and ends those conversions, so that the rest is followed."""
    ledger = QueueLedger.of(HOSTILE)
    seeding = ledger.seeding(ledger.lots("fund0"))
    assert [ledger.assets[number] for number in seeding.outgrown(ledger.columns)] == ["EVIL"]
    with pytest.raises(DataError, match="seeds and conversions add up to more than"):
        ledger.follow("fifo", "fund0")


def test_what_comes_out_of_a_conversion_comes_after_what_goes_in() -> None:
    first, second = QueueLedger.of([Swap("swap", "ann", 1, ETH, 1, "USDT")], {"ann": 1}).rows
    with pytest.raises(StoreDamaged, match="swap/out is of a conversion without its other side"):
        QueueLedger([second, first], {}, {}).columns.check()
    with pytest.raises(StoreDamaged, match="swap/in is of a conversion without its other side"):
        QueueLedger([first, second, replace(second, name="again")], {}, {}).columns.check()


def test_floors_are_one_for_each_asset_or_one_for_all() -> None:
    columns = QueueLedger.of([Swap("swap", "ann", 1, ETH, 1, "USDT")], {"ann": 1}).columns
    assert to_ints(columns.floors(Limits(floor=7))) == [7, 7]
    assert to_ints(columns.floors(Limits(floor=7, floors=(1, 1 << 99)))) == [1, 1 << 99]
    with pytest.raises(ValueError, match="1 floors for 2 assets"):
        columns.floors(Limits(floors=(1,)))
