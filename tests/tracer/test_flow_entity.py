"""An entity as a seed: all it is known to hold, moves inside it no outflow, mixing not crossed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle import OracleSeeds, trace
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx, oracle_ledger

BOTH = pytest.mark.parametrize("method", ["fifo", "haircut"])
D = 100_000
PEOPLE = ["ann", "bob", "cid", "dee", "eve"]
# ann pays shop and takes part in a whirlpool-shaped mix; her share comes out at an address of her own
MIXING = [
    *(Tx(f"fund_{p}", outs=[(p, D + (5_000 if p in ("ann", "bob") else 0))]) for p in PEOPLE),
    Tx("mix", ins=[f"fund_{p}:0" for p in PEOPLE], outs=[(f"new_{p}", D) for p in PEOPLE]),
    Tx("wage", outs=[("ann", 70)]),
    Tx("pay", ins=["wage:0"], outs=[("bob2", 60), ("ann", 10)]),
    Tx("cash", ins=["mix:1"], outs=[("shop", D)]),
]
SHOP, ACME = [tag("shop", "acme")], [vasp("acme", "none")]


@BOTH
def test_what_an_entity_put_into_a_mix_is_no_outflow(tmp_path: Path, method: str) -> None:
    found = Case(tmp_path, MIXING, tags=SHOP, vasps=ACME).trace("ann", method=method, unit="entity")
    assert found.totals == {"seed": 60, "unspent": 60}
    assert found.document["endpoints"] == []
    assert found.document["seed_summary"]["left"]["base_units"] == "60"
    assert any(
        note.startswith("1 mixing transactions of the entity were left out: 0.00105000 BTC")
        for note in found.document["coverage"]["notes"]
    )


@BOTH
def test_engine_equals_oracle_on_an_entity_that_mixes(tmp_path: Path, method: str) -> None:
    found = Case(tmp_path, MIXING, tags=SHOP, vasps=ACME).trace("ann", method=method, unit="entity")
    seeds = OracleSeeds(members=frozenset({"ann"}), unit="entity", mixes=frozenset({"mix"}))
    right = trace(oracle_ledger(MIXING), seeds, method, address_ends={"ann": "custodial_pool"})
    assert found.totals == {"seed": right.seed, **right.totals()}


# a1 and a2 are one cluster by co-spend; a1 moves to a2, then 6 leave; a3 is the same actor's
HOUSE = [
    Tx("in1", outs=[("a1", 5)]),
    Tx("in2", outs=[("a2", 5)]),
    Tx("both", ins=["in1:0", "in2:0"], outs=[("a1", 10)]),
    Tx("move", ins=["both:0"], outs=[("a2", 10)]),
    Tx("over", ins=["move:0"], outs=[("a3", 4), ("bob", 4), ("a2", 2)]),
    Tx("away", ins=["over:0"], outs=[("cid", 3), ("a3", 1)]),
]


def notes(document: dict[str, object]) -> str:
    coverage = document["coverage"]
    assert isinstance(coverage, dict)
    return "; ".join(coverage["notes"])


@BOTH
def test_an_address_stands_for_its_cluster(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, HOUSE)
    found = case.trace("a1", method=method, unit="entity")
    assert found.totals == {"seed": 8, "unspent": 8}
    assert "a1: co-spend clusters were taken as the entity, 2 addresses" in notes(found.document)
    assert {h["used_for"] for h in found.document["heuristics"]} == {"members of the seed set"}
    assert case.trace("cluster:a1", method=method, unit="entity").totals == found.totals


@BOTH
@pytest.mark.parametrize("seed", ["a1", "a2", "cluster:a1", "cluster:a2", "a3", "vasp:house"])
def test_an_address_an_actor_holds_stands_for_all_it_holds(tmp_path: Path, seed: str, method: str) -> None:
    """a2 is claimed with its cluster, a3 for itself: 4 to bob and 3 to cid left, the 4 between them did not."""
    tags = [tag("a2", "house", definer=True, role="hot"), tag("a3", "house")]
    found = Case(tmp_path, HOUSE, tags=tags, vasps=[vasp("house", "none")]).trace(
        seed, method=method, unit="entity"
    )
    assert found.totals == {"seed": 7, "unspent": 7}
    if seed != "vasp:house":
        assert "is claimed by house" in notes(found.document)


@BOTH
def test_an_actor_a_trace_does_not_stop_at_holds_too(tmp_path: Path, method: str) -> None:
    tags = [tag("a2", "vendor7", category="vendor"), tag("a3", "vendor7", category="vendor")]
    found = Case(tmp_path, HOUSE, tags=tags).trace("a2", method=method, unit="entity")
    assert found.totals == {"seed": 7, "unspent": 7}


@BOTH
def test_a_cluster_that_another_claims_as_well_is_not_taken(tmp_path: Path, method: str) -> None:
    tags = [tag("a1", "house"), tag("a2", "zeta")]
    case = Case(tmp_path, HOUSE, tags=tags, vasps=[vasp("house", "none"), vasp("zeta", "none")])
    found = case.trace("vasp:house", method=method, unit="entity")
    assert found.totals == {"seed": 10, "services": 10}  # zeta is another house
    assert "another party claims too" in notes(found.document)
    weak = [tag("a1", "house"), tag("a2", "zeta", confidence="unknown")]
    better = Case(tmp_path / "weak", HOUSE, tags=weak, vasps=[vasp("house", "none")])
    assert better.trace("vasp:house", method=method, unit="entity").totals["seed"] == 8
