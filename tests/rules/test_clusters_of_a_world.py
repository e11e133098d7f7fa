"""On a simulated market whose owners are known: every mix is found, and only PayJoins join two owners."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from adapters.bitcoin.blockfiles import BlockFiles
from adapters.bitcoin.chains import chain_named
from adapters.simulation import build_world
from adapters.simulation.truth import GroundTruth
from rules import clustering
from tracer.clustering.build import build
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

SEED, TXS = 3, 6_000


class World:
    """The truth of a world, and its blocks as the engine read and clustered them."""

    def __init__(self, ledger: Ledger, truth: GroundTruth) -> None:
        self.truth = truth
        self.said = build(ledger, clustering())
        mixes = ledger.db.polars("SELECT tx_id, kind FROM mix ORDER BY tx_id")
        texts = ledger.render_txids(mixes["tx_id"].to_list())
        self.mixes = {texts[tx_id]: kind for tx_id, kind in mixes.iter_rows()}
        rows = ledger.db.rows("SELECT address_id, cluster_id FROM cluster ORDER BY address_id")
        names = ledger.render_addresses(address_id for address_id, _ in rows)
        self.clusters = pl.DataFrame(
            [(names[address_id], cluster_id) for address_id, cluster_id in rows],
            schema=["address", "cluster"],
            orient="row",
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    made = build_world("market", seed=SEED, txs=TXS, signed=False, progress=None)
    made.write_blocks(folder / "blocks")
    chain, workspace = chain_named("bitcoin-regtest"), Workspace(folder).ready()

    def opened() -> Ledger:
        return Ledger.open(workspace, chain, read_only=False, threads=1)

    pull(opened, BlockFiles(folder / "blocks", chain))
    with opened() as ledger:
        yield World(ledger, made.truth)


def test_every_mix_is_found_and_named_and_nothing_else_is(world: World) -> None:
    true = dict(world.truth.mixes.select("txid", "kind").iter_rows())
    assert set(true.values()) == {"whirlpool_mix", "wasabi2", "joinmarket"}
    assert world.mixes == true


def test_two_owners_share_a_cluster_only_where_a_payjoin_joined_them(world: World) -> None:
    owned = world.clusters.join(world.truth.addresses.select("address", "owner"), on="address")
    assert owned.height == world.clusters.height
    shared = owned.group_by("cluster").agg(pl.col("owner").unique())["owner"].to_list()
    joined = {frozenset(pair) for pair in world.truth.payjoins.select("sender", "receiver").iter_rows()}
    impure = [frozenset(owners) for owners in shared if len(owners) > 1]
    assert impure
    assert not [owners for owners in impure if owners not in joined]


def test_the_document_counts_what_the_world_holds(world: World) -> None:
    assert sum(world.said["excluded"].values()) == world.truth.mixes.height
    assert world.said["addresses"] > world.said["clusters"] > 1
