"""Clusters of a simulated economy of accounts, held against who owns what there."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from adapters.evm.chains import chain_named
from adapters.evm.source import EvmSource
from adapters.simulation.accounts import AccountWorld
from tests.cli.running import tracer
from tracer.clustering.account_links import APPLIED
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = chain_named("evm-31337")


@pytest.fixture(scope="module")
def read(account_world: AccountWorld, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The world's first chain in a workspace, with the world's own partial claims; clusters built."""
    tmp_path = tmp_path_factory.mktemp("accounts")
    workspace = Workspace(tmp_path / "workspace").ready()
    pull(
        lambda: Ledger.open(workspace, CHAIN, read_only=False),
        EvmSource(account_world.urls[CHAIN.name], CHAIN),
    )
    claims = tmp_path / "claims"
    claims.mkdir()
    account_world.write_claims(claims)
    for kind in ("tags", "vasps"):
        assert tracer(workspace.root, kind, "import", claims / f"{kind}.csv").code == 0
    built = answered(workspace, "cluster", "build", CHAIN.name, "--tier", "extended")
    assert (built["tier"], sum(built["excluded"].values())) == ("extended", 0)
    return workspace


def answered(workspace: Workspace, *words: str) -> dict[str, Any]:
    result = tracer(workspace.root, *words, "--json")
    assert result.code == 0, result.err
    document: dict[str, Any] = result.document
    return document


def test_no_link_joins_two_owners_and_every_heuristic_finds_some(
    read: Workspace, account_world: AccountWorld
) -> None:
    addresses = account_world.truth.addresses
    here = addresses.filter(addresses["chain"] == CHAIN.name)
    owner = dict(here.select("address", "owner").iter_rows())
    with Ledger.open(read, CHAIN) as ledger:
        rows = ledger.db.rows("SELECT heuristic, a, b FROM overlay_link ORDER BY ALL")
        names = ledger.render_addresses(i for _, *ends in rows for i in ends)
        conservative = ledger.db.value("SELECT count(*) FROM cluster")
    wrong = [(h, names[a], names[b]) for h, a, b in rows if owner.get(names[a]) != owner.get(names[b])]
    assert wrong == []
    assert set(Counter(h for h, _, _ in rows)) == set(APPLIED)
    assert conservative == 0


def test_customers_of_a_service_are_joined_by_their_deposit_account_and_told_why(
    read: Workspace, account_world: AccountWorld
) -> None:
    with Ledger.open(read, CHAIN) as ledger:
        _, a, b = ledger.db.rows(
            "SELECT tx_id, a, b FROM overlay_link WHERE heuristic = 'deposit_reuse' ORDER BY ALL"
        )[0]
        names = ledger.render_addresses([a, b])
    one, other = names[a], names[b]
    said = answered(read, "cluster", "explain", one, other, "--chain", CHAIN.name, "--tier", "extended")
    assert said["linked"]
    assert {link["heuristic"]["id"] for link in said["links"]} == {"deposit_reuse"}
    assert all("on EVM chains" in link["error_rate"]["measured_on"] for link in said["links"])
    apart = answered(read, "cluster", "explain", one, other, "--chain", CHAIN.name)
    assert not apart["linked"]
    assert apart["linked_in_extended"]
    shown = answered(read, "cluster", "show", one, "--chain", CHAIN.name, "--tier", "extended")
    assert {one, other} <= set(shown["members"])
    text = tracer(read.root, "cluster", "show", one, "--chain", CHAIN.name, "--tier", "extended").out
    assert "pay into one deposit" in text
    assert "spent together" not in text


def test_no_transaction_of_accounts_is_there_to_split_at(
    read: Workspace, account_world: AccountWorld
) -> None:
    txid, one, other = account_world.truth.payments.select("txid", "source", "target").row(0)
    said = ["--author", "ann", "--reason", "no"]
    result = tracer(read.root, "cluster", "split", one, other, "--chain", CHAIN.name, "--at", txid, *said)
    result.refused(2, "nothing to split")
