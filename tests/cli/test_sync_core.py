"""`tracer sync --source core:` as a process beside a real node: following, kills, restarts, its mempool."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.core.access import Access
from adapters.bitcoin.core.source import CoreSource
from tests.cli.following import following
from tests.cli.running import tracer
from tests.conftest import scaled
from tests.nodes.litecoind import MATURE, Litecoind, litecoind
from tests.nodes.proxy import Says, always, proxy
from tests.stores import contents
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = "litecoin-regtest"
Facts = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Litecoind]:
    with litecoind(tmp_path / "node") as running:
        running.mine(MATURE)
        yield running


def named(node: Litecoind) -> str:
    return f"core:{node.url}?cookie={node.cookie}"


def facts(folder: Path) -> Facts:
    with Ledger.open(Workspace(folder), CHAINS[CHAIN]) as ledger:
        return contents(ledger)


def synced(folder: Path, node: Litecoind, last: int | None = None) -> Facts:
    """Every fact of a store after an ordinary read, in this process."""
    store, chain = Workspace(folder).ready(), CHAINS[CHAIN]
    source = CoreSource(Access(node.url, cookie=node.cookie), chain)
    pull(lambda: Ledger.open(store, chain, read_only=False), source, last=last)
    return facts(folder)


def test_it_follows_through_lost_branches_and_restarts_of_the_node(node: Litecoind, tmp_path: Path) -> None:
    with following(tmp_path / "w", named(node), CHAIN) as follower:
        follower.until(f"height {MATURE} ({MATURE + 1} blocks")
        node.pay(100_000)
        node.mine()
        follower.until(f"height {MATURE + 1} (1 blocks, 2 transactions)")
        node.restart()  # with another cookie
        node.replace(100)
        node.mine(1, node.call("getnewaddress"))
        while f"height {MATURE + 2} " not in follower.until("lost)"):
            pass  # what it saw of the branch before
        code, document = follower.stop()
    assert (code, document["tip"], document["unconfirmed"]) == (0, MATURE + 2, None)
    assert facts(tmp_path / "w") == synced(tmp_path / "never", node)


def test_kills_while_following_lose_nothing_and_bring_nothing_twice(
    node: Litecoind, tmp_path: Path, dice: random.Random
) -> None:
    synced(tmp_path / "w", node)  # so that the drill begins with following, not with the past
    for drill in range(scaled(2, full=100)):
        with following(tmp_path / "w", named(node), CHAIN, "--mempool") as follower:
            for _ in range(dice.randrange(1, 4)):
                node.pay(*(dice.randrange(10_000, 1_000_000) for _ in range(dice.randrange(3))))
                if dice.random() < 0.4:
                    node.replace(dice.randrange(1, min(node.height - MATURE, 20) + 2))
                node.mine(dice.randrange(1, 4), node.call("getnewaddress"))
                if dice.random() < 0.7:
                    follower.until(f"height {node.height}")
            follower.process.send_signal(signal.SIGKILL)
            assert follower.process.wait(timeout=300) == -signal.SIGKILL
        if dice.random() < 0.2:
            node.restart()
        assert synced(tmp_path / "w", node) == synced(tmp_path / f"never{drill}", node)


def test_unconfirmed_transactions_are_kept_apart_and_counted(node: Litecoind, tmp_path: Path) -> None:
    node.pay(100_000, 200_000)
    ran = tracer(tmp_path / "w", "sync", CHAIN, "--source", named(node), "--mempool", "--json")
    assert ran.document["unconfirmed"] == 2, ran
    before = facts(tmp_path / "w")
    status = tracer(tmp_path / "w", "status", "--json").document["chains"][0]
    assert (status["unconfirmed"]["count"], status["unconfirmed"]["height"]) == (2, MATURE)
    assert status["txs"] == MATURE + 1 == len(before["tx"])
    node.mine()
    tracer(tmp_path / "w", "sync", CHAIN, "--source", named(node), "--mempool")
    status = tracer(tmp_path / "w", "status", "--json").document["chains"][0]
    assert (status["unconfirmed"]["count"], status["txs"]) == (0, MATURE + 4)
    tracer(tmp_path / "w", "sync", CHAIN, "--source", "blocks:/x", "--mempool").refused(2, "only core: nodes")


def test_what_is_wrong_is_one_line_and_the_next_run_goes_on(node: Litecoind, tmp_path: Path) -> None:
    ask = ("sync", CHAIN, "--source")
    password = node.url.replace("//", "//me:hunter2@")
    ran = tracer(tmp_path / "w", *ask, f"core:{password}")
    ran.refused(3, "refuses us (HTTP 401): wrong or missing credentials")
    assert "hunter2" not in ran.err
    tracer(tmp_path / "w", *ask, named(node), "--confirmations", "final").refused(2, "no final blocks")
    synced(tmp_path / "w", node, last=50)
    with proxy(node.url, always(Says("<html>maintenance</html>"))) as provider:
        away = f"core:{provider.url}?cookie={node.cookie}"
        tracer(tmp_path / "w", *ask, away).refused(3, "answers with a web page in place of JSON")
    ran = tracer(
        tmp_path / "w", "sync", CHAIN, "--json", TRACER_SOURCE_LITECOIN_REGTEST=f"core:{node.url}",
        TRACER_CORE_USER=node.user, TRACER_CORE_PASSWORD=node.password,
    )  # fmt: skip
    assert (ran.document["blocks"], ran.document["tip"]) == (MATURE - 50, MATURE)


def test_doctor_says_what_the_node_offers(node: Litecoind, tmp_path: Path) -> None:
    synced(tmp_path / "w", node, last=99)
    ran = tracer(tmp_path / "w", "doctor", CHAIN, "--source", named(node), "--json")
    told = ran.document["source"]
    assert (told["head"], told["lag"], told["network"]) == (MATURE, MATURE - 99, "regtest")
    assert (told["rest"], told["blocks"], told["pruned_below"], told["waits"]) == (
        True,
        "/rest/block",
        None,
        True,
    )
    assert "LitecoinCore" in told["client"]
    synced(tmp_path / "w", node)
    node.call("invalidateblock", node.call("getblockhash", 90))
    ran = tracer(tmp_path / "w", "doctor", CHAIN, "--source", named(node))
    assert ran.code == 3
    assert "blocks by /rest/block, spent outputs by nothing" in ran.out
    assert "is behind: its newest block is 89, the store's is 101" in ran.out
