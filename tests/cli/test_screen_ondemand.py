"""`tracer screen --source`: an explorer tells the subject's history; what it does not tell is never called clear."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from tests.cli.running import Ran, tracer
from tests.nodes.explorer import Explorer, explorer
from tests.scenarios.world import Loaded, claim_owners, load

CHAIN = CHAINS["bitcoin-regtest"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    made = load(tmp_path_factory.mktemp("world"), seed=3, txs=1500)
    kinds = {"exchange": ("exchange", "full"), "gambling": ("gambling", "")}
    rows = made.world.truth.addresses.select("owner", "actor_kind").unique().iter_rows()
    claim_owners(made, {owner: kinds[kind] for owner, kind in rows if kind in kinds})
    return made


@pytest.fixture(scope="module")
def market(world: Loaded) -> Iterator[Explorer]:
    with explorer(list(world.world.blocks()), CHAIN) as served:
        yield served


def paid_by_an_exchange(world: Loaded) -> tuple[str, str]:
    """An address that an exchange paid and its outpoint: neither a service's nor a pool's."""
    kinds = {row["address"]: row["actor_kind"] for row in world.world.truth.addresses.iter_rows(named=True)}
    places = {(tx.name, vout): out.address for tx in world.oracle for vout, out in enumerate(tx.outs)}
    for tx in world.oracle:
        payers = {kinds.get(places.get(point) or "") for point in tx.ins}
        for vout, out in enumerate(tx.outs):
            if payers == {"exchange"} and kinds.get(out.address or "") == "buyer":
                return str(out.address), f"{tx.name}:{vout}"
    raise AssertionError("no exchange pays anybody in this world")


def screen(folder: Path, *arguments: str) -> Ran:
    return tracer(folder, "screen", "--chain", CHAIN.name, "--hops", "1", "--json", *arguments)


def direct(ran: Ran) -> list[dict[str, Any]]:
    rows = ran.document["exposures"]
    return [{key: row[key] for key in ("category", "side", "entity", "units", "paths")} for row in rows]


def test_a_history_from_an_explorer_shows_the_same_direct_exposure(
    world: Loaded, market: Explorer, tmp_path: Path
) -> None:
    address, _ = paid_by_an_exchange(world)
    shutil.copytree(world.workspace.intel, tmp_path / "intel")
    whole = screen(world.workspace.root, address)
    fetched = screen(tmp_path, address, "--source", market.url, "--yes")
    assert direct(fetched) == direct(whole)
    assert fetched.document["verdict"] == "unknown"
    assert fetched.document["coverage"]["status"] == "partial"
    assert "will learn that somebody at your network address looks at" in fetched.err


def test_nobody_is_asked_without_consent(world: Loaded, market: Explorer, tmp_path: Path) -> None:
    address, _ = paid_by_an_exchange(world)
    asked = len(market.asked)
    screen(tmp_path, address, "--source", market.url).refused(2, "nobody is here to agree")
    screen(tmp_path, address, "--source", market.url, "--yes", "--at", "5").refused(
        2, "--at answers from the ledger"
    )
    tracer(tmp_path, "screen", "--file", "x", "--source", market.url).refused(2, "single subjects")
    assert len(market.asked) == asked
