"""Legs, seeds and sums of a document: each number means what it says, and they add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.scenarios.case import Case, Found, tag, vasp
from tests.scenarios.drawn import Question, questions
from tests.scenarios.ledger import Tx, shown
from tracer.flow.methods import METHODS, apart, method

BOTH = pytest.mark.parametrize("method", ["fifo", "haircut"])
SHOP = [tag("shop", "acme")]
ACME = [vasp("acme", "none")]

# `join` spends a seed of its own and money that came through two transactions before
DETOUR = [
    Tx("far", outs=[("a", 5)]),
    Tx("near", outs=[("b", 5)]),
    Tx("one", ins=["far:0"], outs=[("c", 5)]),
    Tx("two", ins=["one:0"], outs=[("d", 5)]),
    Tx("join", ins=["near:0", "two:0"], outs=[("eve", 5), ("shop", 5)]),
]


@BOTH
@pytest.mark.parametrize("hops", [1, 2, 10])
def test_hops_of_a_leg_never_exceed_the_budget_nor_those_of_the_graph(
    tmp_path: Path, method: str, hops: int
) -> None:
    found = Case(tmp_path, DETOUR, tags=SHOP, vasps=ACME).trace("far:0", "near:0", method=method, hops=hops)
    graph = found.document["graph"]["hops"]
    for row in found.document["endpoints"]:
        assert row["min_hops"] == min(leg["hops"] for leg in row["legs"])
        for leg in row["legs"]:
            assert leg["hops"] <= min(hops, graph)
            assert leg["hops"] <= len(leg["path"]) - 1


def test_under_fifo_the_path_is_that_of_the_very_units(tmp_path: Path) -> None:
    """All that shop got is far's; near's money, one hop away, went to eve."""
    found = Case(tmp_path, DETOUR, tags=SHOP, vasps=ACME).trace("far:0", "near:0", method="fifo")
    assert found.paths() == [["far", "one", "two", "join"]]
    assert [leg["hops"] for leg in found.document["endpoints"][0]["legs"]] == [1]


def by_seed(found: Found) -> dict[str, int]:
    (row,) = found.document["endpoints"]
    amounts = {part["seed"]: int(part["amount"]) for part in row["by_seed"]}
    assert sum(amounts.values()) == int(row["amount"]["base_units"])
    return amounts


@pytest.mark.parametrize("limits", [{}, {"min_value": 4}, {"hops": 2}])
@BOTH
def test_what_the_seeds_brought_adds_up_to_the_endpoint(
    tmp_path: Path, method: str, limits: dict[str, Any]
) -> None:
    """Three seeds of 3 merge, above the floor together and below it alone; a fourth arrives nearer."""
    rows = [
        *(Tx(f"in{i}", outs=[(f"a{i}", 4)]) for i in range(3)),
        Tx("merge", ins=["in0:0", "in1:0", "in2:0"], outs=[("b", 3), ("c", 3), ("d", 5)]),
        Tx("late", outs=[("e", 7)]),
        Tx("pay", ins=["merge:0", "merge:1", "merge:2", "late:0"], outs=[("shop", 10), ("f", 7)]),
    ]
    case = Case(tmp_path, rows, tags=SHOP, vasps=ACME)
    by_seed(case.trace("in0:0", "in1:0", "in2:0", "late:0", method=method, **limits))


def test_under_fifo_units_keep_their_seed_where_two_share_an_output(tmp_path: Path) -> None:
    """b's first 3 units are a's money, the next 4 are what arrived from outside: shop got the first 3."""
    rows = [
        Tx("one", outs=[("a", 3)]),
        Tx("wages", outs=[("boss", 4)]),
        Tx("give", ins=["one:0", "wages:0"], outs=[("b", 7)]),
        Tx("pay", ins=["give:0"], outs=[("shop", 3), ("eve", 4)]),
    ]
    found = Case(tmp_path, rows, tags=SHOP, vasps=ACME).trace("b", "one:0", method="fifo")
    assert found.totals == {"seed": 7, "services": 3, "unspent": 4}
    assert by_seed(found) == {f"{shown('one')}:0": 3}


@pytest.mark.parametrize("name", [name for name in METHODS if name != "poison"])  # which adds nothing up
@settings(max_examples=150, deadline=None)
@given(question=questions())
def test_seeds_told_apart_add_up(name: str, question: Question) -> None:
    columns, seeding, limits = question.columns()
    taint = method(name)(columns, seeding, limits)
    owner = np.where(taint.seeded > 0, np.arange(len(taint.seeded)) % 3, -1)
    parts = apart(name)(columns, taint, owner)
    assert set(parts) == set(np.unique(owner[taint.seeded > 0]).tolist())
    whole = sum(parts.values(), np.zeros(len(owner), np.int64))
    for number, part in parts.items():
        assert np.all(part >= np.where(owner == number, taint.seeded, 0))
    if name == "haircut":  # rounding may move a unit per movement and seed
        assert np.all(np.abs(whole - taint.amount) <= 3 * len(columns))
    else:
        assert np.array_equal(whole, taint.amount)


def summary(found: Found) -> dict[str, int]:
    return {k: int(v["base_units"]) for k, v in found.document["seed_summary"].items() if v}


@BOTH
@pytest.mark.parametrize("hops", [0, 10])
def test_a_seeded_lot_that_pays_a_seeded_address_is_internal(tmp_path: Path, method: str, hops: int) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("friend", outs=[("fay", 5)]),
        Tx("pay", ins=["friend:0", "fund:0"], outs=[("bob", 12), ("fay", 3)]),
    ]
    found = Case(tmp_path, rows, tags=SHOP).trace("fund:0", "bob", method=method, hops=hops)
    said = summary(found)
    assert said["external_received"] == found.totals["seed"]
    assert said["gross_received"] == 22 == said["internal"] + said["external_received"]
    assert found.totals["seed"] == 10 + 2  # 2 of bob's 12 are not the lot's


@BOTH
def test_money_that_left_and_came_back_arrived_once(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("fund", outs=[("a1", 10)]),
        Tx("lend", ins=["fund:0"], outs=[("bob", 10)]),
        Tx("back", ins=["lend:0"], outs=[("a1", 10)]),
    ]
    found = Case(tmp_path, rows).trace("a1", method=method)
    assert summary(found) == {"gross_received": 20, "internal": 10, "external_received": 10}
    assert found.totals["seed"] == 10


@BOTH
def test_a_hot_wallet_known_by_its_cluster_alone_is_said_to_be(tmp_path: Path, method: str) -> None:
    """w2 shares a cluster with the tagged w1; d1 is swept to w2, which pays out to bob."""
    rows = [
        Tx("u1", outs=[("w1", 5)]),
        Tx("u2", outs=[("w2", 5)]),
        Tx("both", ins=["u1:0", "u2:0"], outs=[("w2", 10)]),
        Tx("fund", outs=[("d1", 9)]),
        Tx("sweep", ins=["fund:0"], outs=[("w2", 9)]),
        Tx("cash", ins=["sweep:0"], outs=[("bob", 9)]),
    ]
    tags = [tag("w1", "acme", role="hot", definer=True)]
    found = Case(tmp_path, rows, tags=tags, vasps=ACME).trace("fund:0", method=method)
    assert found.legs == [("deposit", "d1", "fund:0", 9, 9)]
    basis = found.document["endpoints"][0]["legs"][0]["role_basis"]
    assert basis.startswith("swept to hot wallet w2 (the service's by cluster) by ")
    used = {h["id"]: h["used_for"] for h in found.document["heuristics"]}
    assert used["co_spend"] == "services and pools"
    assert used["deposit_sweep"] == "endpoint legs"
