"""Edges of a walk, by hand: what is asked for at the ends of the ledger, of the set, and of the question."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.case import Case, Found, tag, vasp
from tests.scenarios.ledger import Tx
from tracer.errors import UsageError

ROWS = [
    Tx("fund", outs=[("ann", 10)]),
    Tx("gift", outs=[("bob", 4)]),
    Tx("pay", ins=["fund:0", "gift:0"], outs=[("cid", 8), ("OP_RETURN", 5)]),  # fee 1
    Tx("shop", ins=["pay:0"], outs=[("dee", 8)]),
]
BOTH = ["forward", "backward"]


def minted(found: Found) -> dict[str, int]:
    return {found.name(r["outpoint"]): int(r["amount"]["base_units"]) for r in found.document["minted"]}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path, ROWS, clusters=False)


def test_a_seed_in_the_tip_is_unspent_and_has_a_past(case: Case) -> None:
    assert case.trace("shop:0", method="fifo").totals == {"seed": 8, "unspent": 8}
    assert minted(case.trace("shop:0", method="fifo", direction="backward")) == {"fund:0": 8}


def test_a_coinbase_came_from_nowhere(case: Case) -> None:
    found = case.trace("fund:0", method="fifo", direction="backward")
    assert (found.totals, minted(found)) == ({"seed": 10, "minted": 10}, {"fund:0": 10})


def test_no_hops_follow_nothing(case: Case) -> None:
    assert case.trace("fund:0", method="fifo", hops=0).totals == {"seed": 10, "pruned": 10}
    assert case.trace("shop:0", method="fifo", hops=0, direction="backward").totals == {
        "seed": 8, "pruned": 8
    }  # fmt: skip


def test_what_was_burnt_stays_burnt_and_came_from_somewhere(case: Case) -> None:
    assert case.trace("pay:1", method="fifo").totals == {"seed": 5, "burned": 5}
    assert minted(case.trace("pay:1", method="fifo", direction="backward")) == {"fund:0": 2, "gift:0": 3}


@pytest.mark.parametrize("direction", BOTH)
def test_a_seed_named_twice_or_also_by_its_address_counts_once(case: Case, direction: str) -> None:
    once = case.trace("pay:0", method="fifo", direction=direction).totals
    assert once["seed"] == 8
    assert case.trace("pay:0", "pay:0", method="fifo", direction=direction).totals == once
    assert case.trace("pay:0", "cid", method="fifo", direction=direction).totals == once


def test_backward_the_latest_transactions_are_kept_where_there_are_too_many(case: Case) -> None:
    found = case.trace("shop:0", method="fifo", direction="backward", max_txs=1)
    assert found.stops == [("tx_limit", "cid", "shop", 8)]


def test_backward_a_transaction_outside_the_window_is_not_gone_through(tmp_path: Path) -> None:
    dated = [Tx(row.name, row.ins, row.outs, day=day) for day, row in enumerate(ROWS)]
    case = Case(tmp_path, dated, clusters=False)
    third_day = 1_600_000_000 + 3 * 86_400 - 1
    found = case.trace("shop:0", method="fifo", direction="backward", after=third_day)
    assert found.stops == [("time_window", "cid", "shop", 8)]


def test_backward_what_is_below_the_floor_is_not_gone_through(case: Case) -> None:
    found = case.trace("shop:0", method="haircut", direction="backward", min_value=9)
    assert found.totals == {"seed": 8, "pruned": 8}


def test_an_entitys_own_coinbase_is_no_source_of_what_others_added_to_it(tmp_path: Path) -> None:
    rows = [
        Tx("mine", outs=[("ann", 10)]),
        Tx("gift", outs=[("bob", 5)]),
        Tx("join", ins=["mine:0", "gift:0"], outs=[("ann", 14)]),
    ]
    found = Case(tmp_path, rows, clusters=False).trace(
        "ann", method="haircut", unit="entity", direction="backward"
    )
    assert minted(found) == {"mine:0": 10, "gift:0": 4}


def test_a_lot_is_not_asked_for_again_as_what_its_set_received(tmp_path: Path) -> None:
    rows = [
        Tx("own", outs=[("ann", 10)]),
        Tx("gift", outs=[("bob", 10)]),
        Tx("join", ins=["own:0", "gift:0"], outs=[("ann", 15), ("cid", 5)]),
    ]
    case = Case(tmp_path, rows, clusters=False)
    for direction in BOTH:
        found = case.trace("ann", "join:0", method="fifo", direction=direction)
        assert found.totals["seed"] == 15  # join:0, which own:0 is in, and nothing of the net 5 once more


def test_what_a_service_keeps_at_a_listed_address_is_no_payment_to_it(tmp_path: Path) -> None:
    rows = [
        Tx("pot", outs=[("hot", 5)]),
        Tx("gift", outs=[("bob", 10)]),
        Tx("join", ins=["pot:0", "gift:0"], outs=[("hot", 8), ("cid", 7)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("hot", "acme")], vasps=[vasp("acme", "none")], clusters=False)
    found = case.trace("hot", method="fifo", direction="backward", seed_after=1_600_000_000 + 601)
    assert (found.totals, minted(found)) == ({"seed": 3, "minted": 3}, {"gift:0": 3})


def test_a_set_that_mines_is_seeded_though_its_coinbase_runs_after_its_block(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("bob", 9)]),
        Tx("pay", ins=["fund:0"], outs=[("cid", 8)]),
        Tx("mined", outs=[("ann", 6)], collects=["pay"]),
    ]
    case = Case(tmp_path, rows, clusters=False)
    found = case.trace("ann", "pay:0", method="fifo", fees="miners")
    assert found.unspent == {"pay:0": 8, "mined:0": 6}


def test_nothing_of_the_ledger_is_asked_for_where_all_seeds_lie_outside_their_window(case: Case) -> None:
    for direction in BOTH:
        found = case.trace("pay:0", method="fifo", direction=direction, seed_after=1_700_000_000)
        assert found.totals == {}


def test_fees_and_leads_are_followed_forward_only(case: Case) -> None:
    with pytest.raises(UsageError, match="forward"):
        case.trace("shop:0", method="fifo", direction="backward", fees="miners")
