"""A reader that let others write sees what it saw: in every fact and every link, or it says that it cannot."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rules
from adapters.bitcoin.chains import chain_named
from adapters.simulation import build_world
from tests.giving import lets_go
from tests.rawblocks import shop_chain, write
from tests.stores import contents, opened, sync, synced
from tests.tracer.test_ledger_asof import then
from tracer import turns
from tracer.clustering import build, state
from tracer.clustering.rules import RuleSet
from tracer.errors import ReorgedAway
from tracer.ledger.asof import own_links
from tracer.ledger.coverage import chain_status
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = chain_named("bitcoin-regtest")
RULES = rules.clustering()
LINKED = {
    "mix": "tx_id", "key_link": "tx_id, a, b", "cluster": "address_id", "cluster_member": "cluster_id, address_id",
    "cluster_merge": "tx_id, kept, merged", "refused_link": "tier, tx_id, a, b", "meta": "key",
}  # fmt: skip


def picture(ledger: Ledger) -> tuple[Any, ...]:
    """Everything a reader can see of a store."""
    links = {name: ledger.db.rows(f"SELECT * FROM {name} ORDER BY {order}") for name, order in LINKED.items()}
    return ledger.tip(), contents(ledger), chain_status(ledger), links, state.current(ledger)


def clustered(workspace: Workspace) -> None:
    with opened(workspace, read_only=False) as ledger:
        build.update(ledger, RULES)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The blocks of a simulated world, and the height of the last."""
    folder = tmp_path_factory.mktemp("market")
    build_world("market", seed=5, txs=1_500).write_blocks(folder)
    with opened(synced(folder / "w", folder)) as ledger:
        tip = ledger.tip()
        assert tip is not None
        return folder, tip.height


@contextmanager
def reading(workspace: Workspace) -> Iterator[tuple[Ledger, tuple[Any, ...]]]:
    """A reader, and what it sees at first."""
    with opened(workspace) as ledger:
        seen = picture(ledger)
        yield ledger, seen
        assert picture(ledger) == seen


def test_what_is_written_while_a_reader_let_go_is_hidden_from_it(
    market: tuple[Path, int], tmp_path: Path, dice: random.Random
) -> None:
    """Blocks come, clusters are brought to them, other readers begin higher up: each sees what it saw first."""
    source, tip = market
    workspace = Workspace(tmp_path)
    heights = [tip // 2, *sorted(dice.sample(range(tip // 2 + 1, tip), 3)), tip]
    sync(workspace, source, last=heights[0])
    clustered(workspace)
    with reading(workspace) as (first, seen):
        lets_go(first)
        sync(workspace, source, last=heights[1])
        assert picture(first) == seen, "clusters end below the tip now"
        lets_go(first)
        clustered(workspace)
        with reading(workspace) as (second, _):
            for height in heights[2:]:
                assert picture(first) == seen
                lets_go(second)
                sync(workspace, source, last=height)
                clustered(workspace)
        assert picture(first) == seen
        lets_go(first)
    with opened(workspace) as ledger:
        assert ledger.db.value("SELECT count(*) FROM cluster_former") > 0
        changed = picture(ledger)
        assert changed[3]["cluster"] != seen[3]["cluster"]


def test_a_lost_branch_above_changes_nothing_below(tmp_path: Path) -> None:
    best = shop_chain()
    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", best.blocks))
    clustered(workspace)
    with reading(workspace) as (ledger, _):
        tip = ledger.tip()
        assert tip is not None
        for branch in (1, 2):
            lets_go(ledger)
            longer = best.fork(tip.height + 1, bytes([branch]))
            for _ in range(branch):
                longer.add()
            sync(workspace, write(tmp_path / f"{branch}.dat", longer.blocks))
            clustered(workspace)


def test_a_lost_branch_below_ends_the_answer(tmp_path: Path) -> None:
    best = shop_chain()
    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", best.blocks))
    with opened(workspace) as ledger:
        lets_go(ledger)
        rival = best.fork(len(best.blocks) - 2, b"\7")
        for _ in range(4):
            rival.add()
        sync(workspace, write(tmp_path / "rival.dat", rival.blocks))
        with pytest.raises(ReorgedAway, match="left the best chain while it was worked out"):
            contents(ledger)


def test_blocks_that_fill_a_gap_below_end_the_answer(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    workspace = Workspace(tmp_path / "w")
    sync(workspace, source, first=4)
    with opened(workspace) as ledger:
        lets_go(ledger)
        sync(workspace, source)
        with pytest.raises(ReorgedAway, match="completed while this answer"):
            ledger.tip()


def test_clusters_by_other_rules_end_the_answer(market: tuple[Path, int], tmp_path: Path) -> None:
    source, _ = market
    workspace = synced(tmp_path, source)
    clustered(workspace)
    with opened(workspace) as ledger:
        lets_go(ledger)
        with opened(workspace, read_only=False) as writer:
            build.build(writer, RuleSet(RULES.detectors, RULES.heuristics[:1]))
        with pytest.raises(ReorgedAway, match="rebuilt by other claims or rules"):
            ledger.tip()


def test_the_same_clusters_built_anew_are_the_same_clusters(market: tuple[Path, int], tmp_path: Path) -> None:
    source, tip = market
    workspace = Workspace(tmp_path)
    sync(workspace, source, last=tip - 5)
    clustered(workspace)
    with reading(workspace) as (ledger, _):
        lets_go(ledger)
        sync(workspace, source)
        with opened(workspace, read_only=False) as writer:
            build.build(writer, RULES)


def test_a_reader_as_of_a_block_with_clusters_of_its_own_keeps_both(
    market: tuple[Path, int], tmp_path: Path
) -> None:
    source, tip = market
    workspace = Workspace(tmp_path)
    sync(workspace, source, last=tip - 5)
    clustered(workspace)
    with then(workspace, tip - 20) as ledger:
        lets_go(ledger)
        sync(workspace, source, last=tip - 3)
        clustered(workspace)
        assert ledger.tip() is not None
        own_links(ledger)
        build.build(ledger, RULES)
        seen = picture(ledger)
        assert seen[-1].height == tip - 20
        lets_go(ledger)
        sync(workspace, source)
        clustered(workspace)
        assert picture(ledger) == seen


def test_former_clusters_are_kept_as_long_as_somebody_will_come_back(
    market: tuple[Path, int], tmp_path: Path
) -> None:
    source, tip = market
    workspace = Workspace(tmp_path)
    file = workspace.chain_file(CHAIN.name)
    kept = "SELECT (SELECT count(*) FROM link_former), (SELECT count(*) > 0 FROM cluster_former)"
    sync(workspace, source, last=tip - 20)
    clustered(workspace)

    def grown(blocks: int) -> tuple[int, bool]:
        sync(workspace, source, last=tip - 20 + blocks)
        clustered(workspace)
        with opened(workspace, read_only=False) as ledger:
            return ledger.db.rows(kept)[0]

    assert grown(4) == (0, False), "nobody is away"
    with opened(workspace) as ledger:
        lets_go(ledger)
        assert turns.pinned(file)
        assert grown(8) == (1, True)
        ledger.tip()
        lets_go(ledger)
        assert grown(12) == (2, True)
    assert not turns.pinned(file)
    assert grown(16) == (0, False)


def test_an_empty_store_stays_empty(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    opened(workspace, read_only=False).db.close()
    with opened(workspace) as ledger:
        assert ledger.tip() is None
        lets_go(ledger)
        sync(workspace, write(tmp_path / "blk.dat", shop_chain().blocks))
        assert ledger.tip() is None
        assert not any(contents(ledger).values())


def test_the_rules_of_two_programs_are_told_apart() -> None:
    """A digest that changes with a rule is what makes the test above one."""
    assert replace(RULES, heuristics=RULES.heuristics[:1]).digest != RULES.digest
