"""A trace ends at a pool that nobody tagged, says why, and goes on where the question asks it to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.oracle import OracleSeeds
from tests.oracle import trace as oracle_trace
from tests.scenarios.case import CHAIN, Case, Found, tag, vasp
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import Tx, oracle_ledger
from tracer.clustering.lookup import clusters_of
from tracer.flow.methods import METHODS
from tracer.ledger.store import Ledger

ROWS = custodian()
VICTIM = [
    Tx("fund", outs=[("ann", 10_000)], day=0),
    Tx("loss", ins=["fund:0"], outs=[("dep2", 6_000), ("bob", 3_900)], day=0.01),
]


def traced(folder: Path, *seeds: str, method: str = "fifo", **question: Any) -> Found:
    case = Case(folder, [*VICTIM, *ROWS], tags=[tag("nobody", "acme")])
    return case.trace(*seeds, method=method, **question)


def notes(found: Found, words: str) -> list[str]:
    return [note for note in found.document["coverage"]["notes"] if words in note]


def test_money_that_enters_an_untagged_pool_ends_there_with_the_evidence(tmp_path: Path) -> None:
    found = traced(tmp_path, "fund:0")
    assert found.totals == {"seed": 10_000, "stopped": 6_000, "unspent": 3_900, "fees": 100}
    (stop,) = found.document["stops"]
    assert (stop["reason"], stop["address"], stop["entity"]) == ("custodial_pool", "dep2", None)
    assert stop["basis"] == "pool_like"
    assert stop["evidence"]["depositors"] == 61  # ann is one
    assert stop["evidence"]["batches"] == 5
    assert stop["evidence"]["cluster"].startswith("cluster:")
    used = {row["id"]: row for row in found.document["heuristics"]}
    assert used["pool_like"]["used_for"] == "stops at pools"
    assert used["pool_like"]["tier"] == "lead"
    assert used["co_spend"]["used_for"] == "services and pools"
    assert notes(found, "untagged pools are recognised")


def test_who_disagrees_follows_through_it(tmp_path: Path) -> None:
    found = traced(tmp_path, "fund:0", pools="tagged")
    assert found.document["stops"] == []
    assert found.document["parameters"]["pools"] == "tagged"
    assert "pool_like" not in {row["id"] for row in found.document["heuristics"]}
    assert notes(found, "untagged pools were not looked for")


def test_a_seed_in_a_pool_goes_on_and_the_answer_says_what_that_is_worth(tmp_path: Path) -> None:
    found = traced(tmp_path, "in2:0")
    assert found.totals["seed"] == 1_002
    (note,) = notes(found, "seeds stand in 1 untagged wallet")
    assert "--unit entity" in note
    # the payout brings part of it back into the pool, which is a pool again
    assert {stop["basis"] for stop in found.document["stops"]} == {"pool_like"}
    assert not notes(traced(tmp_path / "b", "fund:0"), "seeds stand in")


def test_what_an_entity_pays_into_an_untagged_pool_ends_there_at_once(tmp_path: Path) -> None:
    found = traced(tmp_path, "ann", unit="entity")
    assert [(reason, address) for reason, address, _, _ in found.stops] == [("custodial_pool", "dep2")]
    assert not notes(found, "seeds stand in")


def test_a_deposit_swept_to_a_known_service_is_named_and_is_no_untagged_pool(tmp_path: Path) -> None:
    """The claim is on one address of the wallet; where deposits are swept to says whose they are."""
    rows = [*VICTIM, *custodian(joined=False)]
    swept = [row for row in rows if row.name == "sweep0"]
    assert swept
    case = Case(tmp_path, rows, tags=[tag("hot", "acme", role="hot")], vasps=[vasp("acme", "none")])
    found = case.trace("in3:0", method="fifo")
    assert found.endpoints == {"acme": 1_003}
    assert found.document["stops"] == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", ["fund:0", "fund20:0", "in2:0"])
def test_the_engine_equals_the_oracle_that_is_told_which_wallets_are_pools(
    tmp_path: Path, method: str, seed: str
) -> None:
    rows = [*VICTIM, *ROWS]
    case = Case(tmp_path, rows, tags=[tag("nobody", "acme")])
    with Ledger.open(case.workspace, CHAIN) as ledger:
        names = ledger.render_addresses(a for (a,) in ledger.db.rows("SELECT address_id FROM address"))
        clusters = clusters_of(ledger, names)
    hot = next(clusters[a] for a, name in names.items() if name == "hot")
    pool = {name: "custodial_pool" for a, name in names.items() if clusters[a] == hot}
    assert "dep2" in pool
    name, _, vout = seed.partition(":")
    right = oracle_trace(
        oracle_ledger(_open(rows, seed)),
        OracleSeeds(lots=frozenset({(name, int(vout))})),
        method,
        address_ends=pool,
    )
    found = case.trace(seed, method=method)
    totals = right.totals()
    assert found.totals.get("stopped", 0) == totals.get("custodial_pool", 0) > 0
    assert found.totals.get("unspent", 0) == totals.get("unspent", 0)
    assert found.totals.get("fees", 0) == right.fees


def _open(rows: list[Tx], seed: str) -> list[Tx]:
    """The rows with the seeded output at an address of its own: a seed's wallet stops nobody at once."""
    name, _, vout = seed.partition(":")
    return [
        Tx(row.name, row.ins, [(a if v != int(vout) else "seeded", u) for v, (a, u) in enumerate(row.outs)])
        if row.name == name
        else row
        for row in rows
    ]


def test_a_possible_two_party_mix_is_passed_and_told(tmp_path: Path) -> None:
    """A Stonewall may be one wallet alone: the money goes on, and the answer says what it went through."""
    rows = [
        Tx("fund", outs=[("ann", 90_000)]),
        Tx("other", outs=[("bob", 80_000)]),
        Tx(
            "wall",
            ins=["fund:0", "other:0"],
            outs=[("x", 50_000), ("y", 50_000), ("c", 39_000), ("d", 29_000)],
        ),
    ]
    found = Case(tmp_path, rows, tags=[tag("nobody", "acme")]).trace("fund:0", method="haircut")
    assert found.document["stops"] == []
    used = {row["id"]: row["used_for"] for row in found.document["heuristics"]}
    assert used["stonewall"] == "passed through a transaction that may be a mix"
    (note,) = notes(found, "may be a mix")
    assert "1 of kind stonewall" in note
