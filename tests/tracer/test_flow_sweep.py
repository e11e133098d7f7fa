"""A trail found in one pass over the chain is the trail found hop by hop, in every column."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import clustering
from tests.conftest import scaled
from tests.scenarios.asked import NAMES, tables
from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import GENESIS_TIME, Tx, txid_of
from tests.scenarios.world import CHAIN as REGTEST
from tests.scenarios.world import claim_owners, load
from tracer.clustering.pools import Thresholds, rule_of
from tracer.flow import services, sweep
from tracer.flow.closure import Closure
from tracer.flow.fates import Fate
from tracer.flow.movements import Movements
from tracer.flow.seeding import seeds as seeding
from tracer.flow.seeding.grammar import parse
from tracer.flow.trail import Budget, Trail
from tracer.flow.untagged import Untagged
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger

HOPS, AT_ONCE = None, -1
"""`sweep_from`: never, and before the first hop."""

MIX = """INSERT INTO mix BY NAME SELECT tx_id, 'other_mix' AS kind, 2 AS participants, [] AS denominations,
         50 AS confidence, true AS apart, true AS stops FROM tx WHERE txid = $txid"""
NO_MIX = "DELETE FROM mix WHERE tx_id IN (SELECT tx_id FROM tx WHERE txid = $txid)"
SOON = Thresholds(payees=1, mingled=1, depositors=1, batches=1, batch_days=1, commingled=1, appearances=2)
"""So that a few transactions make a pool."""


def grown(
    ledger: Ledger, snapshot: Snapshot, texts: list[str], sweep_from: int | None, budget: Budget, *,
    unit: Literal["lot", "entity"] = "lot", thresholds: Thresholds | None = None, degree: int = 0,
    pulse: Callable[[int, int], bool] = lambda _hop, _txs: True,
) -> Trail:  # fmt: skip
    known = services.load(ledger, snapshot)
    lots = seeding.resolve(ledger, known, [parse(text, ledger.chain) for text in texts], unit=unit)
    return Closure(
        ledger, known, budget, Untagged(ledger, thresholds, degree), home=np.array(sorted(lots.members), np.int64),
        last_gap=-1, own_set_stops=lots.unit == "entity", pulse=pulse,
    ).grow(lots.entries(), sweep_from=sweep_from)  # fmt: skip


def same(found: Any, right: Any) -> None:
    """Every column, and every number in it."""
    for field in fields(right):
        a, b = getattr(found, field.name), getattr(right, field.name)
        if isinstance(b, Movements):
            same(a, b)
        elif isinstance(b, pl.DataFrame):
            assert a.equals(b), field.name
        elif isinstance(b, np.ndarray):
            assert a.dtype == b.dtype, field.name
            assert a.tolist() == b.tolist(), field.name
        else:
            assert a == b, field.name


def both_ways(grow: Callable[[int | None], Trail]) -> Trail:
    right = grow(HOPS)
    same(grow(AT_ONCE), right)
    return right


@st.composite
def questions(draw: st.DrawFn, rows: list[Tx]) -> dict[str, Any]:
    """Seeds, unit and budget."""
    points = [f"{row.name}:{v}" for row in rows for v in range(len(row.outs))]
    seen = sorted({name for row in rows for name, _ in row.outs} & {*NAMES})
    unit = draw(st.sampled_from(["lot", "entity"])) if seen else "lot"
    texts = draw(
        st.lists(st.sampled_from(points if unit == "lot" else seen), min_size=1, max_size=3, unique=True)
    )
    units = max(value for row in rows for _, value in row.outs)
    edge = st.none() | st.integers(0, len(rows)).map(lambda block: GENESIS_TIME + 600 * block)
    return {
        "texts": texts,
        "unit": unit,
        "budget": Budget(
            hops=draw(st.sampled_from([10_000, 10_000, 0, 1, 2, 3])),
            max_txs=draw(st.sampled_from([200_000, 1, 2, 3, 5])),
            floor=draw(st.sampled_from([0, 0, 1, units // 10, units // 3])),
            after=draw(edge), before=draw(edge), mixers=draw(st.booleans()),
        ),
        "thresholds": draw(st.sampled_from([None, None, SOON])),
        "degree": draw(st.sampled_from([0, 0, 2, 4])),
    }  # fmt: skip


@settings(max_examples=scaled(12, full=40), deadline=None)
@given(data=st.data())
def test_one_pass_finds_what_hops_find(data: st.DataObject) -> None:
    rows = data.draw(tables())
    mixable = [row.name for row in rows if row.ins]
    mixes = data.draw(st.lists(st.sampled_from(mixable), max_size=2, unique=True)) if mixable else []
    claims = [
        tag("hot", "acme", role=data.draw(st.sampled_from(["", "hot"]))),
        tag("pool", "bazaar", category="market", role="pool"),
    ]
    asked = data.draw(questions(rows))
    stretch = data.draw(st.sampled_from([1, 3, 1 << 19]))
    stage = data.draw(st.sampled_from([0, 2, 1 << 20]))
    with tempfile.TemporaryDirectory() as folder:
        case = Case(
            Path(folder), rows, tags=data.draw(st.sampled_from([claims, []])), vasps=[vasp("acme", "none")],
            clusters=data.draw(st.booleans()),
        )  # fmt: skip
        if mixes:
            with Ledger.open(case.workspace, CHAIN, read_only=False) as ledger:
                for name in mixes:
                    ledger.db.run(NO_MIX, {"txid": txid_of(name)})
                    ledger.db.run(MIX, {"txid": txid_of(name)})
        asked["texts"] = [case.seed(text) for text in asked["texts"]]
        with pytest.MonkeyPatch.context() as patch, Ledger.open(case.workspace, CHAIN) as ledger:
            patch.setattr(sweep, "STRETCH", stretch)
            patch.setattr(sweep, "STAGE", stage)
            both_ways(lambda way: grown(ledger, case.snapshot, sweep_from=way, **asked))


ASKED: list[tuple[Literal["lot", "entity"], int, int]] = [
    ("lot", 200_000, 10_000), ("entity", 200_000, 10_000), ("lot", 150, 10_000), ("lot", 999, 2),
]  # fmt: skip
"""Unit, most transactions, most hops."""

WALLETS = {"exchange": ("exchange", "none"), "swapper": ("swapper", "none"), "gambling": ("gambling", "")}


@pytest.mark.parametrize("claimed", [True, False])
def test_one_pass_finds_what_hops_find_in_a_simulated_world(tmp_path: Path, *, claimed: bool) -> None:
    """With pools, mixes, deposits swept to services, and a limit that is met in the middle."""
    world = load(tmp_path, seed=3, txs=3000)
    truth = world.world.truth
    rows = truth.addresses.select("owner", "actor_kind").unique().iter_rows()
    stops = {owner: WALLETS[kind] for owner, kind in rows if kind in WALLETS} if claimed else {}
    snapshot = claim_owners(world, stops)
    rule = rule_of(clustering())
    assert rule is not None
    seeds = [*truth.cases["shop"]["addresses"], *truth.cases["multisig"]["addresses"]]
    seen: set[int] = set()
    with Ledger.open(world.workspace, REGTEST) as ledger, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "STRETCH", 200)
        patch.setattr(sweep, "STAGE", 100)
        for unit, most, hops in ASKED:
            grow = partial(
                grown, ledger, snapshot, seeds, budget=Budget(hops, most), unit=unit,
                thresholds=rule.parameters, degree=100,
            )  # fmt: skip
            right = grow(sweep_from=HOPS)
            same(grow(sweep_from=AT_ONCE), right)
            seen |= set(right.movements.out_fate.tolist())
    assert {Fate.SPENT, Fate.UNSPENT, Fate.TX_LIMIT, Fate.HOP_LIMIT, Fate.MIXER} <= seen
    assert (Fate.SERVICE if claimed else Fate.CUSTODIAL_POOL) in seen


ROWS = [Tx("t0", outs=[("ann", 1_000)])] + [
    Tx(f"t{n}", ins=[f"t{n - 1}:0"], outs=[("ann", 1_000 - n)]) for n in range(1, 10)
]


def test_a_pass_that_is_ended_by_hand_has_what_it_read(tmp_path: Path) -> None:
    case, told = Case(tmp_path, ROWS, clusters=False), []

    def pulse(hop: int, txs: int) -> bool:
        told.append((hop, txs))
        return txs < 4

    with pytest.MonkeyPatch.context() as patch, Ledger.open(case.workspace, CHAIN) as ledger:
        patch.setattr(sweep, "STRETCH", 2)
        found = grown(ledger, case.snapshot, [case.seed("t0:0")], AT_ONCE, Budget(10_000), pulse=pulse)
    assert found.stopped
    assert told == [(1, 1), (2, 2), (3, 3), (4, 4)]
    fates = [Fate(fate) for fate in found.movements.out_fate.tolist()]
    assert fates == [Fate.SPENT] * 4 + [Fate.INTERRUPTED]
    assert found.beyond[-1] > found.tx_id[-1]


def test_what_miners_collect_is_followed_hop_by_hop(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("pay", ins=["fund:0"], outs=[("bob", 7)]),
        Tx("mined", outs=[("miner", 3)], collects=["pay"]),
    ]
    case = Case(tmp_path, rows, clusters=False)
    with Ledger.open(case.workspace, CHAIN) as ledger:
        found = both_ways(
            lambda way: grown(ledger, case.snapshot, [case.seed("fund:0")], way, Budget(miners=True))
        )
    assert found.movements.fee_lot is not None
