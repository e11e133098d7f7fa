"""A ledger as of a block is the ledger of whoever read no further: in every fact, every link, every refusal."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import chain_named
from adapters.simulation import build_world
from rules import clustering
from tests.rawblocks import RawChain, RawTx, p2pkh, shop_chain, write
from tests.stores import contents, facts, opened, sync, synced
from tracer.chain import AddressKey, ScriptKind
from tracer.clustering import build, overlay, state
from tracer.errors import ReorgedAway, UsageError
from tracer.ledger.asof import as_of, height_of, own_links
from tracer.ledger.coverage import chain_status
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = chain_named("bitcoin-regtest")
RULES = clustering()
LINKS = (
    "mix", "key_link", "key_form", "cluster", "cluster_member", "cluster_merge", "refused_link", "overlay_link",
    "overlay", "overlay_member",
)  # fmt: skip


@contextmanager
def then(workspace: Workspace, height: int, threads: int | None = None) -> Iterator[Ledger]:
    """The ledger of a workspace as of a height."""
    with Ledger.open(workspace, CHAIN, threads=threads) as ledger:
        as_of(ledger, height)
        yield ledger


def links(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """All links, in the order in which they were written."""
    return {table: ledger.db.rows(f"SELECT * FROM {table}") for table in LINKS}


def built(ledger: Ledger) -> tuple[Any, ...]:
    """Both tiers, built: what a build says of itself, and every row it wrote."""
    conservative, extended = build.build(ledger, RULES), overlay.build(ledger, RULES)
    return conservative, extended, links(ledger)


def key(name: str) -> AddressKey:
    return AddressKey(ScriptKind.P2PKH, name.encode().ljust(20, b"\0"))


@pytest.mark.parametrize("first", [0, 4])
def test_at_every_height_the_facts_are_those_of_a_store_that_was_read_no_further(
    tmp_path: Path, first: int
) -> None:
    """From block 4 on, a spend of what lies below waits for it."""
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    whole = Workspace(tmp_path / "whole")
    sync(whole, source, first=first)
    looked_up = "SELECT * FROM address_lookup ORDER BY ALL"
    for height in range(first, 13):
        part = Workspace(tmp_path / f"to {height}")
        sync(part, source, first=first, last=height)
        with then(whole, height) as ledger, opened(part) as plain:
            assert contents(ledger) == contents(plain), height
            assert chain_status(ledger) == chain_status(plain), height
            assert ledger.db.rows(looked_up) == plain.db.rows(looked_up)
            assert ledger.tip() == plain.tip()


def test_what_is_open_above_a_gap_is_not_open_below_it(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    whole, part = Workspace(tmp_path / "whole"), Workspace(tmp_path / "part")
    for workspace in (whole, part):
        sync(workspace, source, first=4, last=6)
    sync(whole, source, first=9)
    with then(whole, 6) as ledger, opened(part) as plain:
        assert contents(ledger) == contents(plain)
        assert chain_status(ledger) == chain_status(plain)
        assert chain_status(ledger)["unresolved_inputs"] == 1
    with opened(whole) as ledger:
        assert chain_status(ledger)["unresolved_inputs"] == 2


def test_random_histories_as_of_any_height_are_a_fresh_read_of_the_winner(
    tmp_path: Path, dice: random.Random, full: bool
) -> None:
    """Reorganisations, and blocks read from above downwards, before the height and after it."""
    for drill in range(20 if full else 4):
        best = shop_chain()
        workspace = Workspace(tmp_path / f"w{drill}")
        source = write(tmp_path / "blk.dat", best.blocks)
        upper = dice.randrange(1, 13)
        if dice.random() < 0.5:
            sync(workspace, source, first=upper)
        sync(workspace, source)
        for step in range(2):
            fork = dice.randrange(len(best.blocks) - 5, len(best.blocks))
            rival = best.fork(fork, bytes([drill + 1, step]))
            for _ in range(dice.randrange(5, 8)):
                rival.add()
            sync(workspace, write(tmp_path / f"r{step}.dat", rival.blocks))
            best = rival
        height = dice.randrange(len(best.blocks))
        fresh = synced(tmp_path / f"fresh{drill}", write(tmp_path / "best.dat", best.blocks[: height + 1]))
        with then(workspace, height) as ledger:
            assert contents(ledger) == facts(fresh), f"drill {drill}, height {height}"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Workspace]:
    """The blocks of a simulated world, and a workspace that read all of them."""
    folder = tmp_path_factory.mktemp("market")
    build_world("market", seed=11, txs=1_500).write_blocks(folder)
    return folder, synced(folder / "w", folder)


@pytest.mark.parametrize("threads", [1, 2])
def test_links_built_as_of_a_height_are_those_built_when_it_was_the_tip(
    tmp_path: Path, market: tuple[Path, Workspace], threads: int
) -> None:
    source, whole = market
    with opened(whole) as ledger:
        tip = ledger.tip()
    assert tip is not None
    for height in (tip.height // 2, tip.height - 20):
        part = Workspace(tmp_path / f"to {height}")
        sync(part, source, last=height)
        with opened(part, read_only=False) as plain:
            expected = built(plain)
        assert expected[2]["cluster"]
        assert expected[2]["overlay"]
        with then(whole, height, threads) as ledger:
            own_links(ledger)
            assert built(ledger) == expected


def test_links_of_blocks_read_from_above_downwards_bear_the_same_names(
    tmp_path: Path, market: tuple[Path, Workspace]
) -> None:
    source, whole = market
    with opened(whole) as ledger:
        tip = ledger.tip()
        assert tip is not None
        height = tip.height - 30
    turned = Workspace(tmp_path)
    sync(turned, source, first=height // 2)
    sync(turned, source)
    with then(turned, height) as ledger, then(whole, height) as plain:
        for each in (ledger, plain):
            own_links(each)
        assert built(ledger)[:2] == built(plain)[:2]


def test_nothing_is_written_and_the_links_of_the_store_stay(
    tmp_path: Path, market: tuple[Path, Workspace]
) -> None:
    source, _ = market
    workspace = synced(tmp_path, source)
    with opened(workspace, read_only=False) as ledger:
        expected = built(ledger)
    file = workspace.chain_file(CHAIN.name)
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    beside = sorted(file.parent.iterdir())
    with then(workspace, 20) as ledger:
        own_links(ledger)
        build.build(ledger, RULES)
        found = state.current(ledger)
        assert found is not None
        assert (found.height, found.at_tip) == (20, True)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    assert sorted(file.parent.iterdir()) == beside
    with opened(workspace) as ledger:
        assert links(ledger) == expected[2]


def test_clusters_of_the_store_that_end_higher_do_not_hold_for_the_height(
    tmp_path: Path, market: tuple[Path, Workspace]
) -> None:
    source, _ = market
    workspace = synced(tmp_path, source)
    with opened(workspace, read_only=False) as ledger:
        build.build(ledger, RULES)
    with then(workspace, 20) as ledger:
        found = state.current(ledger)
        assert found is not None
        assert not found.at_tip


def test_an_address_first_seen_later_is_unseen(tmp_path: Path) -> None:
    workspace = synced(tmp_path, write(tmp_path / "blk.dat", shop_chain().blocks))
    with opened(workspace) as ledger:
        later = ledger.find_address(key("owner 6"))
        assert later is not None
    with then(workspace, 5) as ledger:
        assert ledger.find_address(key("owner 6")) is None
        assert ledger.find_address(key("owner 4")) is not None
        assert ledger.render_addresses([later]) == {}


def test_a_transaction_read_later_is_unseen(tmp_path: Path) -> None:
    chain = shop_chain()
    last = RawTx([(chain.add().txid, 0)], [(p2pkh("last"), 1)])
    chain.add(last)
    workspace = synced(tmp_path, write(tmp_path / "blk.dat", chain.blocks))
    with then(workspace, len(chain.blocks) - 1) as ledger:
        assert ledger.find_tx(last.txid)
    with then(workspace, len(chain.blocks) - 2) as ledger:
        assert ledger.find_tx(last.txid) == []


def test_an_output_spent_later_is_unspent(tmp_path: Path) -> None:
    workspace = synced(tmp_path, write(tmp_path / "blk.dat", shop_chain().blocks))
    spenders = "SELECT tx_id >> 24 FROM spend JOIN tx USING (tx_id) WHERE prev_tx_id >> 24 = 5"
    with then(workspace, 6) as ledger:
        assert ledger.db.rows(spenders) == [(6,)]
    with then(workspace, 5) as ledger:
        assert ledger.db.rows(spenders) == []


@pytest.mark.parametrize(("text", "height"), [("0", 0), ("12", 12), (" 7 ", 7), ("007", 7)])
def test_a_height_is_a_whole_number(tmp_path: Path, text: str, height: int) -> None:
    with opened(synced(tmp_path, write(tmp_path / "blk.dat", shop_chain().blocks))) as ledger:
        assert height_of(ledger, text) == height


@pytest.mark.parametrize("upper", [False, True])
def test_a_hash_names_its_block_as_people_write_it(tmp_path: Path, upper: bool) -> None:
    workspace = synced(tmp_path, write(tmp_path / "blk.dat", shop_chain().blocks))
    with then(workspace, 9) as ledger:
        tip = ledger.tip()
    assert tip is not None
    shown = tip.block_hash[::-1].hex()
    with opened(workspace) as ledger:
        assert height_of(ledger, shown.upper() if upper else shown) == 9


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "1.5",
        "1e3",
        "tip",
        "٣",
        "²",
        "0x10",
        "ab" * 31,
        "ab" * 33,
        "zz" * 32,
        "ab " * 21 + "a",
        "9" * 5_000,
    ],
)
def test_what_is_neither_height_nor_hash_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with opened(synced(tmp_path, write(tmp_path / "blk.dat", shop_chain().blocks))) as ledger:
        with pytest.raises(UsageError, match="is neither a height nor a block hash") as refused:
            height_of(ledger, text)
        assert len(str(refused.value)) < 250
        assert refused.value.exit_code == 2


@pytest.mark.parametrize("text", ["13", "99999999999999999999999999"])
def test_a_height_above_the_tip_is_refused_with_the_tip(tmp_path: Path, text: str) -> None:
    refused = pytest.raises(UsageError, match=f"block {text} .* was not read yet: the tip is 12")
    with opened(synced(tmp_path, write(tmp_path / "blk.dat", shop_chain().blocks))) as ledger, refused:
        height_of(ledger, text)


def test_a_height_that_was_not_read_is_refused_with_what_was(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    workspace = Workspace(tmp_path / "w")
    sync(workspace, source, first=3, last=5)
    sync(workspace, source, first=9)
    with opened(workspace) as ledger:
        for text in ("0", "2", "6", "8"):
            with pytest.raises(UsageError, match=f"block {text} .* outside blocks 3-5, 9-12"):
                height_of(ledger, text)
        assert height_of(ledger, "9") == 9
    with then(workspace, 4) as ledger:
        assert chain_status(ledger)["blocks"] == {"from": 3, "to": 4, "count": 2, "gaps": [[0, 2]]}


def test_a_block_that_a_reorganisation_took_is_gone(tmp_path: Path) -> None:
    ours = shop_chain()
    workspace = synced(tmp_path / "w", write(tmp_path / "ours.dat", ours.blocks))
    with opened(workspace) as ledger:
        lost = ledger.tip()
    assert lost is not None
    rival: RawChain = ours.fork(7)
    for _ in range(8):
        rival.add()
    sync(workspace, write(tmp_path / "rival.dat", rival.blocks))
    with opened(workspace) as ledger:
        with pytest.raises(ReorgedAway, match="a reorganisation took it, or it was never read") as refused:
            height_of(ledger, lost.block_hash[::-1].hex())
        assert refused.value.exit_code == 3
        assert height_of(ledger, "12") == 12


def test_a_store_without_a_block_has_no_former_state(tmp_path: Path) -> None:
    refused = pytest.raises(UsageError, match="no block of bitcoin-regtest was read")
    with opened(Workspace(tmp_path), read_only=False) as ledger, refused:
        height_of(ledger, "0")
