"""The co-spend partition equals that of graphsense-clustering on the same transactions, where no mix is excluded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from gs_clustering import Clustering
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bitcoin.chains import chain_named
from adapters.bitcoin.folder.source import BlockFiles
from adapters.simulation import build_world
from rules.heuristics.co_spend import CoSpend
from tests.rules.ledger_of import Tx, ledger_of
from tracer.chain import ScriptKind
from tracer.clustering.build import Sizes, build
from tracer.clustering.rules import RuleSet
from tracer.clustering.unionfind import UnionFind
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CO_SPEND_ALONE = RuleSet(detectors=(), heuristics=(CoSpend(),))
SEED, TXS = 5, 6_000
Partition = dict[int, int]
"""Address id -> the least id of its cluster, for addresses that are not alone."""


def theirs(transactions: Iterable[list[int]], addresses: int) -> Partition:
    """The peer keeps id 0 for itself, so all of its ids are one higher."""
    peer = Clustering(max_address_id=addresses)
    spent = [[address + 1 for address in spent] for spent in transactions]
    peer.process_transactions_arrow(pa.array(spent, pa.list_(pa.uint32())))
    found = peer.get_mapping_min(skip_singletons=True)
    ids, clusters = (found.column(i).to_numpy().astype(np.int64) - 1 for i in range(2))
    return dict(zip(ids.tolist(), clusters.tolist(), strict=True))


def spent_together(ledger: Ledger) -> list[list[int]]:
    """The addresses of the inputs of every transaction, but for coins that anyone can spend."""
    rows = ledger.db.rows(
        "SELECT tx_id, address_id, kind FROM txin WHERE address_id IS NOT NULL ORDER BY ALL"
    )
    spent: dict[int, list[int]] = {}
    for tx_id, address, kind in rows:
        if kind != ScriptKind.WITNESS_UNKNOWN:
            spent.setdefault(tx_id, []).append(address)
    return list(spent.values())


def compared(ledger: Ledger, sizes: Sizes) -> tuple[Partition, Partition]:
    """Ours and theirs, of one ledger."""
    build(ledger, CO_SPEND_ALONE, sizes=sizes)
    ours = dict(ledger.db.rows("SELECT address_id, cluster_id FROM cluster"))
    addresses = ledger.db.value("SELECT count(*) FROM address")
    return ours, theirs(spent_together(ledger), addresses)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A simulated market with its mixes, read into a store."""
    folder = tmp_path_factory.mktemp("peer")
    build_world("market", seed=SEED, txs=TXS, signed=False, progress=None).write_blocks(folder / "blocks")
    chain, workspace = chain_named("bitcoin-regtest"), Workspace(folder).ready()
    pull(
        lambda: Ledger.open(workspace, chain, read_only=False, threads=1),
        BlockFiles(folder / "blocks", chain),
    )
    return workspace


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 2_048, 5_000, 1 << 20])
def test_a_simulated_world_is_parted_as_the_peer_parts_it(world: Workspace, threads: int, batch: int) -> None:
    with Ledger.open(world, chain_named("bitcoin-regtest"), read_only=False, threads=threads) as ledger:
        ours, peers = compared(ledger, Sizes(transactions=1_000, batch=batch))
    assert ours == peers
    assert len(set(ours.values())) > 100


names = st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.just(1)), max_size=4)
ledgers = st.lists(st.tuples(names, names), min_size=1, max_size=15)


@settings(deadline=None, max_examples=20)
@given(ledgers, st.sampled_from([1, 2]), st.integers(1, 4))
def test_random_ledgers_are_parted_as_the_peer_parts_them(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[list[tuple[str, int]], list[tuple[str, int]]]],
    threads: int,
    per_block: int,
) -> None:
    folder: Path = tmp_path_factory.mktemp("random")
    transactions = [Tx(f"tx {i}", inputs, outputs) for i, (inputs, outputs) in enumerate(drawn)]
    with ledger_of(folder, transactions, per_block, threads) as ledger:
        ours, peers = compared(ledger, Sizes(batch=1))
    assert ours == peers


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 199), min_size=1, max_size=12), max_size=120), st.integers(1, 500))
def test_the_kernel_alone_equals_the_peer_in_any_batch_size(spent: list[list[int]], batch: int) -> None:
    rows = [(tx, address) for tx, one in enumerate(spent) for address in sorted(one)]
    sets = UnionFind(200)
    for at in range(0, len(rows), batch):
        part = rows[at : at + batch]
        sets.add(np.array([tx for tx, _ in part], np.int64), np.array([a for _, a in part], np.int32))
    roots = sets.roots().tolist()
    alone = {address for address in range(200) if roots.count(roots[address]) == 1}
    ours = {address: root for address, root in enumerate(roots) if address not in alone}
    assert ours == theirs(spent, 200)
