"""Poison and haircut equal BlockSci's published semantics on the resulting outputs.

BlockSci (v0.7, `src/heuristics/taint.cpp`) is restated here from its published rules: whole seed outputs, block by
block, results are tainted outputs that nobody has spent and that are no OP_RETURN. Its haircut gives each output
its share rounded down and the fee what remains, up to the fee; what remains after that is lost. Fees rest, or
(`taint_fee=true`) go to the coinbase of the block together with the subsidy, whose place in the list changes neither
method where the miner claims everything.
"""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from tests.oracle import OracleTx
from tests.scenarios.drawn import ledgers
from tests.scenarios.ledger import ScenarioSource, Tx, oracle_ledger
from tracer.flow.methods import method
from tracer.flow.movements import Limits, Taint

Point = tuple[str, int]
SUPPLY = 21 * 10**14
"""All the base units that Bitcoin will have."""


def blocksci(ledger: list[OracleTx], seeds: list[Point], rule: str, *, taint_fee: bool) -> dict[Point, int]:
    """Tainted base units of each resulting output."""
    value = {(tx.name, v): out.value for tx in ledger for v, out in enumerate(tx.outs)}
    tainted = {point: value[point] for point in seeds if value[point]}
    fees: dict[str, tuple[int, int]] = {}  # what a transaction paid, and how much of it is tainted
    for tx in ledger:
        made = sum(out.value for out in tx.outs)
        if tx.ins:
            came = sum(tainted.pop(point, 0) for point in tx.ins)
            fee = sum(value[point] for point in tx.ins) - made
        elif taint_fee and tx.collects:
            came, fee = sum(fees[name][1] for name in tx.collects if name in fees), 0
        else:
            came, fee = 0, 0
        left = came
        for vout, out in enumerate(tx.outs):
            if rule == "poison":
                part = out.value if came else 0
            else:
                part = min(out.value * came // (made + fee), left) if came else 0
            left -= part
            if part and not out.burn:  # a seed keeps its whole value
                tainted.setdefault((tx.name, vout), part)
        if tx.ins:
            fees[tx.name] = fee, (fee if came else 0) if rule == "poison" else min(left, fee)
    return tainted


def ours(ledger: list[OracleTx], seeds: list[Point], rule: str, *, taint_fee: bool) -> dict[Point, int]:
    """What the engine leaves in unspent outputs; none of the sink's fees."""
    source, found = _run(ledger, seeds, rule, taint_fee=taint_fee)
    spent = {point for tx in source.ledger for point in tx.ins}
    return {
        point: int(units)
        for point, units, out in zip(
            source.points, found.amount, (out for tx in source.ledger for out in tx.outs), strict=True
        )
        if units and point not in spent and not out.burn
    }


def _run(
    ledger: list[OracleTx], seeds: list[Point], rule: str, *, taint_fee: bool
) -> tuple[ScenarioSource, Taint]:
    source = ScenarioSource(ledger, fees="miners" if taint_fee else "sink")
    seeding = source.seeding(seeds, (), "lot")
    return source, method(rule)(source.movements(), seeding, Limits())


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[OracleTx], list[Point]]:
    ledger = draw(ledgers(most=SUPPLY, honest=True))
    points = [(tx.name, v) for tx in ledger for v, out in enumerate(tx.outs) if not out.burn]
    if not points:
        return ledger, []
    return ledger, draw(st.lists(st.sampled_from(points), max_size=3, unique=True))


@pytest.mark.parametrize("taint_fee", [False, True])
@settings(max_examples=150, deadline=None)
@given(question=questions())
def test_poison_leaves_the_same_outputs_whole(
    taint_fee: bool, question: tuple[list[OracleTx], list[Point]]
) -> None:
    ledger, seeds = question
    assert ours(ledger, seeds, "poison", taint_fee=taint_fee) == blocksci(
        ledger, seeds, "poison", taint_fee=taint_fee
    )


def _shares(tx: OracleTx, fee: int) -> int:
    """Places that take a part: outputs that hold anything, and a fee."""
    return sum(out.value > 0 for out in tx.outs) + (fee > 0)


@settings(max_examples=200, deadline=None)
@given(question=questions())
def test_haircut_holds_what_blocksci_holds_and_what_it_lost_to_rounding(
    question: tuple[list[OracleTx], list[Point]],
) -> None:
    """0 <= ours - theirs <= the shares, less one each, of the tainted transactions on the way."""
    ledger, seeds = question
    source, found = _run(ledger, seeds, "haircut", taint_fee=False)
    fee = dict(zip((tx.name for tx in ledger), source.movements().fee.tolist(), strict=True))
    reached = {p for p, units in zip(source.points, found.amount, strict=True) if units}
    ancestors: dict[str, set[str]] = {}
    for tx in ledger:
        tainted = [name for name, vout in tx.ins if (name, vout) in reached]
        ancestors[tx.name] = (
            {tx.name, *(a for name in tainted for a in ancestors[name])} if tainted else set()
        )
    may_lose = {tx.name: _shares(tx, fee[tx.name]) - 1 for tx in ledger}
    mine = ours(ledger, seeds, "haircut", taint_fee=False)
    theirs = blocksci(ledger, seeds, "haircut", taint_fee=False)
    assert set(theirs) <= set(mine)
    for point, units in mine.items():
        assert 0 <= units - theirs.get(point, 0) <= sum(may_lose[name] for name in ancestors[point[0]])
    carrying = {name for name, way in ancestors.items() if way}
    assert sum(mine.values()) - sum(theirs.values()) <= sum(may_lose[name] for name in carrying)


@settings(max_examples=200, deadline=None)
@given(question=questions())
def test_haircut_with_fees_to_miners_differs_by_a_few_units_a_transaction(
    question: tuple[list[OracleTx], list[Point]],
) -> None:
    """Their fee takes all that was rounded off, so that a difference can go either way: three units a share."""
    ledger, seeds = question
    source, found = _run(ledger, seeds, "haircut", taint_fee=True)
    columns = source.movements()
    mine = ours(ledger, seeds, "haircut", taint_fee=True)
    theirs = blocksci(ledger, seeds, "haircut", taint_fee=True)
    tainted = {p for p, units in zip(source.points, found.amount, strict=True) if units} | set(theirs)
    carrying = [
        _shares(tx, int(fee))
        for tx, fee in zip(source.ledger, columns.fee, strict=True)
        if tainted.intersection(tx.ins)
    ]
    apart = sum(abs(mine.get(point, 0) - theirs.get(point, 0)) for point in {*mine, *theirs})
    assert apart <= 3 * sum(carrying)


def test_what_three_equal_outputs_lose() -> None:
    """2 tainted of 3 units, three outputs of 1: each share is 2/3, rounded down to nothing; the bound is reached."""
    ledger = oracle_ledger(
        [
            Tx("dirty", outs=[("ann", 2)]),
            Tx("clean", outs=[("bob", 1)]),
            Tx("split", ins=["dirty:0", "clean:0"], outs=[("cid", 1), ("dee", 1), ("eve", 1)]),
        ]
    )
    assert blocksci(ledger, [("dirty", 0)], "haircut", taint_fee=False) == {}
    assert ours(ledger, [("dirty", 0)], "haircut", taint_fee=False) == {("split", 0): 1, ("split", 1): 1}


@settings(max_examples=500, deadline=None)
@given(st.integers(1, SUPPLY).flatmap(lambda w: st.tuples(st.integers(0, w), st.integers(0, w), st.just(w))))
def test_their_doubles_miss_the_rounded_share_by_at_most_one(numbers: tuple[int, int, int]) -> None:
    """BlockSci multiplies doubles: for what can exist of Bitcoin that is the exact share, or one unit beside it."""
    value, tainted, total = numbers
    assert abs(int(value / total * tainted) - value * tainted // total) <= 1
