"""`tracer sync --follow` as a process beside a real node: new blocks, lost branches, outages, kills, Ctrl-C."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest

from adapters.evm.anvil import Node
from adapters.evm.chains import chain_named
from adapters.evm.source import EvmSource
from tests.accounts_store import contents
from tests.cli.following import CHAIN, following
from tests.cli.running import tracer
from tests.conftest import scaled
from tests.nodes.proxy import Status, always, proxy
from tests.nodes.town import Town
from tests.rawblocks import shop_chain, write
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace


def facts(workspace: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What blocks told; openings, and what tokens say of themselves, are asked for beside them, and not by `pull`."""
    with Ledger.open(Workspace(workspace), chain_named(CHAIN)) as ledger:
        found = contents(ledger)
    return {name: rows for name, rows in found.items() if name not in ("token", "opening")}


def synced(folder: Path, node: Node) -> dict[str, list[tuple[Any, ...]]]:
    """Every fact of a store after an ordinary read, in this process."""
    workspace, chain = Workspace(folder).ready(), chain_named(CHAIN)
    pull(lambda: Ledger.open(workspace, chain, read_only=False), EvmSource(node.url, chain))
    return facts(folder)


@pytest.fixture
def town(evm_node: Node) -> Town:
    made = Town(evm_node)
    made.live(21)
    return made


def test_it_reads_what_comes_takes_back_what_is_lost_and_stops_when_told(town: Town, tmp_path: Path) -> None:
    source = f"evm:{town.node.url}"
    with following(tmp_path / "w", source) as follower:
        follower.until("height 23 (24 blocks")
        town.live(1)
        follower.until("height 24 (1 blocks")
        town.reorg(20)
        follower.until("height 24 (20 blocks, 0 transactions, a branch up to height 24 lost)")
        town.live(1)
        follower.until("height 25 (1 blocks")
        code, document = follower.stop()
    assert code == 0
    assert (document["blocks"], document["tip"], document["reorged_from"]) == (46, 25, 24)
    assert facts(tmp_path / "w") == synced(tmp_path / "never", town.node)


def test_a_node_that_is_away_for_a_while_is_waited_for(town: Town, tmp_path: Path) -> None:
    with proxy(town.node.url) as provider:
        with following(tmp_path / "w", "evm:" + provider.url.replace("//", "//me:hunter2@")) as follower:
            follower.until("height 23")
            provider.script = always(Status(403))
            assert "refuses us (HTTP 403)" in follower.until("Trying again")
            town.live(1)
            provider.script = lambda _: None
            follower.until("height 24")
            assert follower.stop(signal.SIGTERM)[0] == 0
            assert sum("Trying again" in line for line in follower.said) == 1
        everything = "".join(follower.said).encode()
        for path in (tmp_path / "w").rglob("*"):
            everything += path.read_bytes() if path.is_file() else b""
        assert b"hunter2" not in everything


def test_what_is_wrong_at_first_ends_it(town: Town, tmp_path: Path) -> None:
    words = ("sync", "ethereum", "--follow", "--source", f"evm:{town.node.url}")
    tracer(tmp_path / "w", *words).refused(
        3, "serves chain id 31337, but ethereum is chain id 1", "Sync evm-31337"
    )
    tracer(tmp_path / "w", "sync", CHAIN, "--source", "evm:nowhere").refused(
        2, "not of the form http://HOST:PORT"
    )
    tracer(tmp_path / "w", "sync", CHAIN, "--source", "emv:http://me:pass@x").refused(
        2, "unknown source 'emv'"
    )
    tracer(tmp_path / "w", "sync", "bitcoin", "--source", "evm:http://x").refused(2, "evm: reads EVM chains")
    options = ("sync", CHAIN, "--source", f"evm:{town.node.url}", "--confirmations")
    tracer(tmp_path / "w", *options, "many").refused(2, "neither a number nor `final`")


def test_it_ends_by_itself_at_the_height_asked_for(town: Town, tmp_path: Path) -> None:
    source = f"evm:{town.node.url}"
    done = tracer(
        tmp_path / "w", "sync", CHAIN, "--source", source, "--to", "9", "--follow", "--confirmations", "3"
    )
    assert (done.code, "tip at height 9" in done.out) == (0, True)


def test_block_files_are_followed_too(tmp_path: Path) -> None:
    chain = shop_chain()
    source = write(tmp_path / "blk.dat", chain.blocks)
    with following(tmp_path / "w", f"blocks:{source}", "bitcoin-regtest") as follower:
        follower.until("height 12 (13 blocks")
        chain.add()
        write(tmp_path / "new.dat", chain.blocks).replace(source)
        follower.until("height 13 (1 blocks")
        assert follower.stop()[0] == 0


def test_kills_while_following_lose_nothing_and_bring_nothing_twice(
    town: Town, tmp_path: Path, dice: random.Random
) -> None:
    source = f"evm:{town.node.url}"
    synced(tmp_path / "w", town.node)  # so that the drill begins with following, not with the past
    for drill in range(scaled(2, full=50)):
        with following(tmp_path / "w", source) as follower:
            for _ in range(dice.randrange(1, 4)):
                if dice.random() < 0.4:
                    town.reorg(dice.randrange(1, 21))
                town.live(dice.randrange(1, 4))
                if dice.random() < 0.7:
                    follower.until(f"height {town.height}")
            follower.process.send_signal(signal.SIGKILL)
            assert follower.process.wait(timeout=300) == -signal.SIGKILL
        assert synced(tmp_path / "w", town.node) == synced(tmp_path / f"never{drill}", town.node)
