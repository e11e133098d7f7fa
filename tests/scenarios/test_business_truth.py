"""From raw blocks and public claims alone to the exits that really happened: all found, none invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.simulation.scoring import Score, score
from cli.compose import read_claims
from rules import clustering
from tests.conftest import FULL
from tests.scenarios.world import CHAIN, Loaded, load
from tracer.flow.question import Question, seconds
from tracer.flow.trace import trace
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.store import Ledger

WORLDS = [(1, 20_000), (2, 20_000), (3, 6_000), (4, 6_000), (5, 40_000)] if FULL else [(7, 4_000)]
CASES = {"pool": "pool_withdrawal", "multisig": "multisig_order", "shop": "shop_sweep"}


@pytest.fixture(scope="module", params=WORLDS, ids=lambda world: f"seed{world[0]}-{world[1]}")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    seed, txs = request.param
    folder: Path = tmp_path_factory.mktemp("truth")
    loaded = load(folder, seed=seed, txs=txs)
    loaded.world.write_claims(folder)
    tags = read_claims(folder / "tags.csv", ("tags",), lambda _done, _total: None)
    vasps = read_claims(folder / "vasps.csv", ("vasps",), lambda _done, _total: None)
    add(loaded.workspace, [tags, vasps])
    return loaded


def documents(world: Loaded, case: str) -> list[dict[str, Any]]:
    """The default answer (fifo and haircut) to one of the world's three questions."""
    known = world.world.truth.cases[case]
    after, before = (seconds(t) for t in known["window"])
    question = {
        "pool": Question(
            (f"tag:{known.get('label')}",), unit="entity", seed_after=after, seed_before=before, hops=1_000
        ),
        "multisig": Question(tuple(known.get("outpoints", ("-",))), hops=1_000),
        "shop": Question((f"tag:{known.get('label')}",), hops=1_000),
    }[case]
    with Ledger.open(world.workspace, CHAIN) as ledger:
        found = trace(ledger, Snapshot.open(world.workspace), question, rules=clustering(), engine="test")
    answers: list[dict[str, Any]] = found["documents"]
    return answers


def scored(world: Loaded, case: str, document: dict[str, Any]) -> Score:
    legs = {
        (row["vasp_id"], leg["txid"], leg["vout"])
        for row in document["endpoints"]
        if row["vasp_id"]
        for leg in row["legs"]
    }
    return score(world.world.truth, CASES[case], legs)


@pytest.mark.parametrize("case", CASES)
def test_every_true_exit_is_found_and_none_is_invented(world: Loaded, case: str) -> None:
    for document in documents(world, case):
        result = scored(world, case, document)
        assert result.true_deposits > 10, "the world holds too few exits to prove anything"
        assert result.missed_services == []
        assert result.invented == ()
        if case != "shop":  # sweeps fed by unlabelled customers alone have no labelled seed
            assert result.found == result.true_deposits
        assert document["coverage"]["status"] == "complete"


def test_traced_amounts_never_exceed_what_was_deposited(world: Loaded) -> None:
    for case in CASES:
        for document in documents(world, case):
            for row in document["endpoints"]:
                for leg in row["legs"]:
                    traced = int(leg["amount_traced"]["base_units"])
                    assert 0 < traced <= int(leg["amount_onchain"]["base_units"])


def test_a_buyers_deposit_names_no_exit(world: Loaded) -> None:
    deposit = world.world.truth.cases["buyer_deposit"]["outpoint"]
    with Ledger.open(world.workspace, CHAIN) as ledger:
        found = trace(
            ledger,
            Snapshot.open(world.workspace),
            Question((deposit,)),
            rules=clustering(),
            engine="test",
        )
    for document in found["documents"]:
        assert document["endpoints"] == []
        assert {stop["reason"] for stop in document["stops"]} == {"custodial_pool"}


def test_clusters_join_two_owners_only_where_a_payjoin_did(world: Loaded) -> None:
    """Take the PayJoins away from the truth and no cluster holds two owners."""
    truth = world.world.truth
    owner = dict(truth.addresses.select("address", "owner").iter_rows())
    partners: dict[str, str] = {}

    def find(name: str) -> str:
        while partners.get(name, name) != name:
            name = partners[name]
        return name

    for sender, receiver in truth.payjoins.select("sender", "receiver").iter_rows():
        partners[find(sender)] = find(receiver)
    with Ledger.open(world.workspace, CHAIN) as ledger:
        rows = ledger.db.rows(
            "SELECT cluster_id, address_id FROM cluster_member ORDER BY cluster_id, address_id"
        )
        names = ledger.render_addresses(address for _, address in rows)
    clusters: dict[int, set[str]] = {}
    for cluster, address in rows:
        clusters.setdefault(cluster, set()).add(owner[names[address]])
    impure = [sorted(owners) for owners in clusters.values() if len(owners) > 1]
    assert impure, "the world's PayJoins left no trace: is the test reading the right clusters?"
    assert len(impure) <= truth.payjoins.height
    for owners in impure:
        assert len({find(name) for name in owners}) == 1, owners
