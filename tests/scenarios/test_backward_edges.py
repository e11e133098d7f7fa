"""Backward answers that reviewers found wrong once: batches, budgets, links, lots beside sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import Tx, shown
from tracer.flow.methods import METHODS
from tracer.intel.claims import Leg

HOT = [tag("hot", "acme", role="hot")]
ACME = [vasp("acme", "none")]
POT = tag("pot", "bazaar", category="market", role="pool")
DIVIDING = [name for name in METHODS if name != "poison"]

# acme pays ann 4 and bob 6 in one batch; ann moves hers, and both pay dee 10
BATCH = [
    Tx("pool", outs=[("hot", 50)]),
    Tx("batch", ins=["pool:0"], outs=[("ann", 4), ("bob", 6), ("hot", 40)]),
    Tx("move", ins=["batch:0"], outs=[("ann2", 4)]),
    Tx("pay", ins=["move:0", "batch:1"], outs=[("dee", 10)]),
]


@pytest.mark.parametrize("method", DIVIDING)
def test_every_payout_of_a_batch_is_a_leg(tmp_path: Path, method: str) -> None:
    found = Case(tmp_path, BATCH, tags=HOT, vasps=ACME).trace("pay:0", method=method, direction="backward")
    assert found.legs == [
        ("withdrawal", "bob", "batch:1", 6, 6),
        ("withdrawal", "ann", "batch:0", 4, 4),
    ]
    assert found.paths() == [["batch", "pay"], ["batch", "move", "pay"]]
    assert found.totals == {"seed": 10, "services": 10}


def test_a_set_that_was_paid_twice_by_one_batch_has_two_legs(tmp_path: Path) -> None:
    # the set put 3 in beside acme's 50: of its 14 the net is 11, in its outputs the first ones first
    rows = [
        Tx("own", outs=[("s1", 3)]),
        Tx("pool", outs=[("hot", 50)]),
        Tx("both", ins=["own:0", "pool:0"], outs=[("s2", 8), ("s3", 6), ("hot", 39)]),
    ]
    found = Case(tmp_path, rows, tags=HOT, vasps=ACME, clusters=False).trace(
        "s1", "s2", "s3", method="fifo", direction="backward"
    )
    assert found.totals == {"seed": 14, "services": 11, "minted": 3}
    assert found.legs == [("withdrawal", "s2", "both:0", 8, 8), ("withdrawal", "s3", "both:1", 6, 3)]


# the market got 9 from a mined coin, and 5 behind a payout of zeta
RECEIPTS = [
    Tx("crook", outs=[("u0", 10)]),
    Tx("d0", ins=["crook:0"], outs=[("pot", 9)]),
    Tx("z", outs=[("hot", 100)]),
    Tx("mid", ins=["z:0"], outs=[("u1", 20), ("stranger", 79)]),
    Tx("d1", ins=["mid:0"], outs=[("u2", 20)]),
    Tx("d2", ins=["d1:0"], outs=[("pot", 5), ("u2", 15)]),
]


@pytest.mark.parametrize("most", [1, 2, 3, 200])
def test_no_budget_changes_what_was_received(tmp_path: Path, most: int) -> None:
    case = Case(tmp_path, RECEIPTS, tags=[POT, *HOT], vasps=ACME, clusters=False)
    found = case.trace("vasp:bazaar", method="fifo", direction="backward", unit="entity", max_txs=most)
    assert found.totals["seed"] == 14
    assert found.totals["minted"] == 9
    summary = found.document["seed_summary"]
    assert summary["external_received"]["base_units"] == "14"
    assert summary["internal"]["base_units"] == "0"
    stops = [(reason, units) for reason, _, _, units in found.stops]
    legs = [units for _, _, _, _, units in found.legs]
    assert (stops, legs) == (([("tx_limit", 5)], []) if most == 1 else ([], [5]))


def link(received: str, paid: str) -> Leg:
    """What acme says of a deposit."""
    ends = [f"{shown(name)}:{vout}" for name, vout in (received.split(":"), paid.split(":"))]
    return Leg(
        chain=CHAIN.name, origin=ends[0], to_chain=CHAIN.name, target=ends[1], reference="reply 7",
        source="acme", said_at="2024-01-01", author="ann", reason="asked",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seeds", "unit", "traced"),
    [(["payout:0"], None, 8), (["pot"], None, 8), (["vasp:bazaar"], "entity", 8)],
    ids=["lot", "address", "entity"],
)
def test_a_service_that_told_what_it_was_paid_for_is_gone_back_through(
    tmp_path: Path, seeds: list[str], unit: str | None, traced: int
) -> None:
    rows = [
        Tx("fund", outs=[("crook", 9)]),
        Tx("pool", outs=[("hot", 50)]),
        Tx("deposit", ins=["fund:0"], outs=[("hot", 9)]),
        Tx("payout", ins=["pool:0"], outs=[("pot", 8), ("hot", 42)]),
    ]
    case = Case(tmp_path, rows, tags=[POT, *HOT], vasps=ACME)
    case.claim("legs", link("deposit:0", "payout:0"))
    found = case.trace(*seeds, method="fifo", direction="backward", unit=unit)
    assert found.legs == [("withdrawal", "pot", "payout:0", 8, 8)]
    (row,) = found.document["offchain"]
    assert (found.name(row["from"]), row["traced_in"]["base_units"]) == ("deposit:0", str(traced))
    (mined,) = row["continuation"]["minted"]
    assert found.name(mined["outpoint"]) == "fund:0"


def test_the_upper_bound_does_not_depend_on_which_methods_were_asked(tmp_path: Path) -> None:
    # fifo brings acme 1 of 2 tainted units, tiho nothing; haircut would bring more
    rows = [
        Tx("fund", outs=[("ann", 100)]),
        Tx("other", outs=[("bob", 100)]),
        Tx("join", ins=["fund:0", "other:0"], outs=[("dep", 99), ("cid", 101)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("dep", "acme", role="deposit")], vasps=ACME)
    bounds = {
        methods: [row["upper_bound"] for row in case.documents("fund:0", methods=methods)["comparison"]]
        for methods in (("fifo", "haircut"), ("fifo", "tiho"), ("lifo", "haircut"), ("haircut", "poison"))
    }
    assert set(map(tuple, bounds.values())) == {("99",)}


def test_poison_agrees_with_nobody(tmp_path: Path) -> None:
    rows = [
        Tx("s", outs=[("sam", 10)]),
        Tx("c", outs=[("cat", 90)]),
        Tx("j", ins=["s:0", "c:0"], outs=[("x", 10), ("dep", 90)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("dep", "acme", role="deposit")], vasps=ACME)
    for methods in (("fifo", "haircut"), ("fifo", "haircut", "poison")):
        (row,) = case.documents("s:0", methods=methods)["comparison"]
        assert row["only_in"] == "haircut", methods
    (poison,) = case.trace("s:0", method="poison").document["endpoints"]
    assert poison["share"] is None
    assert poison["by_seed"] == []
