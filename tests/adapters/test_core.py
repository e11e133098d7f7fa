"""`core:` beside a real node: every way gives the same facts, branches are weighed, and a node that lies is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.core.access import Access
from adapters.bitcoin.core.source import CoreSource
from adapters.bitcoin.core.ways import Blocks
from adapters.bitcoin.folder.source import BlockFiles
from adapters.http import Patience
from tests.nodes.litecoind import MATURE, Litecoind, litecoind
from tests.nodes.proxy import Asked, Changes, Fault, Refuses, Rewrites, Script, Status, proxy
from tests.stores import contents
from tracer.errors import BadBlock, SourceUnavailable
from tracer.ledger import loading
from tracer.ledger.batch import BlockSource
from tracer.ledger.pull import Pulled, pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = CHAINS["litecoin-regtest"]
QUICK = Patience(attempts=3, first=0.01, longest=0.05, timeout=10)
Facts = dict[str, list[tuple[Any, ...]]]
TOP = MATURE + 4
"""Height of the chain that most tests share."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Litecoind]:
    """A wallet that pays itself, in one block after its own change. No test changes it."""
    with litecoind(tmp_path_factory.mktemp("node")) as running:
        running.mine(MATURE)
        for block in range(4):
            running.pay(*(100_000 * (block + share + 1) for share in range(3)))
            running.mine()
        yield running


def source(
    node: Litecoind, url: str | None = None, *, threads: int = 6, confirmations: int = 0
) -> CoreSource:
    access = Access(url or node.url, cookie=node.cookie)
    return CoreSource(access, CHAIN, patience=QUICK, threads=threads, confirmations=confirmations)


def sync(
    folder: Path,
    source: BlockSource[Any],
    *,
    first: int | None = None,
    last: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Pulled:
    store = Workspace(folder).ready()
    return pull(
        lambda: Ledger.open(store, CHAIN, read_only=False), source, first=first, last=last, progress=progress
    )


def facts(folder: Path) -> Facts:
    with Ledger.open(Workspace(folder).ready(), CHAIN) as ledger:
        return contents(ledger)


@pytest.fixture(scope="module")
def truth(node: Litecoind, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """The facts of the node's own block files."""
    folder = tmp_path_factory.mktemp("truth")
    assert sync(folder, BlockFiles(node.datadir / "blocks", CHAIN)).tip == TOP
    return facts(folder)


# Ways ------------------------------------------------------------------------------------------------


def without(*refused: object) -> Script:
    """A node without REST that does not know these verbosities of `getblock`."""

    def script(asked: Asked) -> Fault | None:
        if asked.gets("/rest"):
            return Status(404)
        verbosities = [repr(call["params"][1]) for call in asked.calls if call["method"] == "getblock"]
        return (
            Refuses(-1, "JSON value is not as expected")
            if set(verbosities) & set(map(repr, refused))
            else None
        )

    return script


WAYS: dict[Blocks, Script] = {
    Blocks.REST: lambda _: None,
    Blocks.RAW: without(),
    Blocks.OLD_RAW: without(0),
    Blocks.VERBOSE: without(0, False),
    Blocks.TRANSACTIONS: without(0, False, 2),
}


@pytest.mark.parametrize("threads", [1, 6])
@pytest.mark.parametrize("way", [Blocks.REST, Blocks.RAW, Blocks.VERBOSE])
def test_every_way_gives_the_facts_of_the_nodes_own_files(
    node: Litecoind, truth: Facts, tmp_path: Path, way: Blocks, threads: int
) -> None:
    with proxy(node.url, WAYS[way]) as provider:
        found = source(node, provider.url, threads=threads)
        assert found.capabilities().blocks is way
        sync(tmp_path, found)
    assert facts(tmp_path) == truth


@pytest.mark.parametrize("way", [Blocks.OLD_RAW, Blocks.TRANSACTIONS])
def test_old_nodes_are_read_too(node: Litecoind, truth: Facts, tmp_path: Path, way: Blocks) -> None:
    with proxy(node.url, WAYS[way]) as provider:
        found = source(node, provider.url)
        assert found.capabilities().blocks is way
        sync(tmp_path, found, first=1)  # no node gives the transaction of the genesis block by name
    assert facts(tmp_path)["tx"] == truth["tx"][1:]


def test_a_node_that_gives_no_blocks_is_named(node: Litecoind, tmp_path: Path) -> None:
    with (
        proxy(node.url, without(0, False, 2, True)) as provider,
        pytest.raises(SourceUnavailable, match="gives no blocks"),
    ):
        sync(tmp_path, source(node, provider.url))


def test_what_was_not_told_stays_unresolved_and_is_said(node: Litecoind, tmp_path: Path) -> None:
    """litecoind 0.21 tells no prevouts."""
    pulled = sync(tmp_path, source(node), first=TOP, last=TOP)
    assert [note for note in pulled.notes if "does not tell what 1 block(s) spend" in note]
    with Ledger.open(Workspace(tmp_path).ready(), CHAIN) as ledger:
        assert ledger.db.value("SELECT count(*) FROM txin WHERE prev_tx_id IS NULL AND value IS NULL") > 0


# Branches --------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Litecoind]:
    """A short chain for one test."""
    with litecoind(tmp_path / "node") as running:
        running.mine(20)
        yield running


@pytest.mark.parametrize(
    ("lost", "replaced", "taken", "said"),
    [
        (5, 6, True, ""),
        (
            5,
            5,
            False,
            "on another branch from height 16 on, which has no more work than the one in the store",
        ),
        (5, 3, False, "and on another branch from height 16 on: nothing is read before it catches up"),
        (5, 0, False, "is behind: its newest block is 15, the store's is 20"),
    ],
    ids=["more work", "as much", "less", "none"],
)
def test_a_branch_is_taken_when_it_has_more_work(
    own: Litecoind, tmp_path: Path, lost: int, replaced: int, taken: bool, said: str
) -> None:
    sync(tmp_path / "w", source(own))
    before = facts(tmp_path / "w")
    own.call("invalidateblock", own.call("getblockhash", 20 - lost + 1))
    if replaced:
        own.mine(replaced, own.call("getnewaddress"))
    pulled = sync(tmp_path / "w", source(own))
    assert pulled.reorged_from == (20 if taken else None)
    assert any(said in note for note in pulled.notes) or not said
    sync(tmp_path / "never", source(own))
    assert facts(tmp_path / "w") == (facts(tmp_path / "never") if taken else before)


@pytest.mark.parametrize("at", [1, 2])
def test_a_branch_that_changes_while_it_is_read_is_read_anew(
    own: Litecoind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(loading.turns, "__defaults__", (1, 60.0))
    monkeypatch.setattr("adapters.bitcoin.core.reading.JOB_BLOCKS", 4)
    turns = []

    def interfere(done: int, _planned: int) -> None:
        turns.append(done)
        if len(turns) == at:
            own.replace(18)
            own.mine(1, own.call("getnewaddress"))

    sync(tmp_path / "w", source(own), progress=interfere)
    sync(tmp_path / "w", source(own))
    sync(tmp_path / "never", source(own))
    assert facts(tmp_path / "w") == facts(tmp_path / "never")


def test_a_reorg_of_a_hundred_blocks_is_followed(own: Litecoind, tmp_path: Path) -> None:
    own.mine(90)
    sync(tmp_path / "w", source(own))
    own.replace(100)
    own.mine(1)
    assert sync(tmp_path / "w", source(own)).reorged_from == 110
    sync(tmp_path / "never", source(own))
    assert facts(tmp_path / "w") == facts(tmp_path / "never")


def test_the_newest_blocks_are_left_out_where_that_is_asked_for(node: Litecoind, tmp_path: Path) -> None:
    assert sync(tmp_path, source(node, confirmations=6)).tip == TOP - 6


# Nodes that lie, or lack something --------------------------------------------------------------------


def other_block(node: Litecoind) -> Script:
    """Block 8 in place of block 7."""
    wrong, right = (node.call("getblockhash", height) for height in (8, 7))

    def script(asked: Asked) -> Fault | None:
        if asked.gets(f"/rest/block/{right}"):
            body = bytes.fromhex(node.call("getblock", wrong, 0))
            return Rewrites(lambda _: body)
        if asked.has("getblock"):
            blocks = [node.call("getblock", name, 0) for name in (wrong, right)]
            return Rewrites(lambda raw: raw.replace(blocks[1].encode(), blocks[0].encode()))
        return None

    return script


def other_order(node: Litecoind) -> Script:
    """It calls block 8 block 7."""
    names = [node.call("getblockhash", height).encode() for height in (7, 8)]
    return lambda asked: Rewrites(lambda raw: raw.replace(*names)) if asked.has("getblockhash") else None


@pytest.mark.parametrize(
    ("lie", "rule"),
    [
        (other_block, r"at height 7 is refused, what the node gives for it is another block"),
        (other_order, r"at height 7 is refused, its previous hash is not that of the block below it"),
    ],
    ids=["another block", "another order"],
)
def test_a_node_that_lies_is_refused_by_the_name_of_the_rule(
    node: Litecoind, tmp_path: Path, lie: Callable[[Litecoind], Script], rule: str
) -> None:
    with (
        proxy(node.url, lie(node)) as provider,
        pytest.raises(BadBlock, match=rule) as failure,
    ):
        sync(tmp_path, source(node, provider.url))
    assert failure.value.problem.startswith("127.0.0.1:")
    assert "up to height 6 are kept" in str(failure.value)


def saying(**fields: object) -> Script:
    """A node that says other things of itself."""

    def change(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for answer in answers:
            answer["result"] |= fields
        return answers

    return lambda asked: Changes(change) if asked.has("getblockchaininfo") else None


def test_of_a_pruned_node_what_it_has_is_read(node: Litecoind, tmp_path: Path) -> None:
    with proxy(node.url, saying(pruned=True, pruneheight=60)) as provider:
        with pytest.raises(
            SourceUnavailable, match=r"no longer has blocks 0 to 59\. --from 60 reads what is there"
        ):
            sync(tmp_path, source(node, provider.url))
        assert sync(tmp_path, source(node, provider.url), first=60).blocks == TOP - 59


def test_of_a_node_in_its_first_download_what_it_has_is_read(node: Litecoind, tmp_path: Path) -> None:
    with proxy(node.url, saying(initialblockdownload=True, headers=9_000)) as provider:
        pulled = sync(tmp_path, source(node, provider.url))
    assert pulled.tip == TOP
    assert any(f"it has blocks up to height {TOP} of 9000" in note for note in pulled.notes)


def test_a_node_of_another_chain_is_refused_before_anything_is_read(node: Litecoind) -> None:
    wrong = CoreSource(Access(node.url, cookie=node.cookie), CHAINS["bitcoin-regtest"], patience=QUICK)
    with pytest.raises(
        SourceUnavailable, match=r"serves another chain than bitcoin-regtest.*Sync litecoin-regtest"
    ):
        wrong.capabilities()


def test_a_node_that_is_gone_in_the_middle_loses_nothing(
    own: Litecoind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading.turns, "__defaults__", (1, 60.0))
    monkeypatch.setattr("adapters.bitcoin.core.reading.JOB_BLOCKS", 5)
    own.mine(30)
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        sync(tmp_path / "w", source(own, threads=2), progress=lambda *_: own.stop())
    own.start()
    sync(tmp_path / "w", source(own))
    sync(tmp_path / "never", source(own))
    assert facts(tmp_path / "w") == facts(tmp_path / "never")
