"""A node's data folder: obfuscated, reserved, pruned, alive; and what its undo files tell of blocks nobody read."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.folder.source import BlockFiles
from adapters.simulation import build_world
from adapters.simulation.encode import REGTEST_MAGIC, subsidy
from tests.conftest import scaled
from tests.nodes.kernel import kernel
from tests.nodes.litecoind import litecoind
from tests.rawblocks import RawChain, RawTx, framed, p2pkh, shop_chain, write
from tests.stores import facts, opened, sync, synced
from tests.undo import Coin, hidden, record
from tracer.errors import BadBlockFile, SourceUnavailable
from tracer.ledger.pull import Pulled, pull
from tracer.workspace import Workspace

LITECOIN = "litecoin-regtest"
MWEB = 431
"""The height from which on regtest blocks may hold extension blocks."""
KEY = bytes.fromhex("05fa9af736fccbc5")
MIDDLE = 600
Facts = dict[str, list[tuple[Any, ...]]]


# --- a folder that Bitcoin Core wrote


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of Bitcoin Core's own code after it validated a simulated chain."""
    pbk = kernel()
    folder = tmp_path_factory.mktemp("core")
    manager = pbk.load_chainman(folder, pbk.ChainType.REGTEST)
    for raw in build_world("market", seed=1, txs=1_500, signed=True).blocks():
        manager.process_block(pbk.Block(raw))
    del manager
    assert (folder / "blocks" / "xor.dat").read_bytes() != bytes(8)
    return folder


@pytest.fixture(scope="module")
def whole(core: Path, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """What reading that folder from the genesis gives."""
    return facts(synced(tmp_path_factory.mktemp("whole"), core))


def fees(found: Facts) -> dict[int, int | None]:
    return {row[0]: row[9] for row in found["tx"]}


def spent(found: Facts) -> dict[tuple[int, int], tuple[Any, ...]]:
    """Value, script kind and address of each input."""
    return {(row[0], row[1]): (row[4], row[5], row[7], row[8]) for row in found["txin"]}


def test_it_holds_the_same_chain_as_a_plain_file(whole: Facts, tmp_path: Path) -> None:
    build_world("market", seed=1, txs=1_500, signed=True).write_blocks(tmp_path)
    assert facts(synced(tmp_path / "w", tmp_path)) == whole


def test_read_from_the_middle_every_fee_and_counterparty_is_known(
    core: Path, whole: Facts, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    pulled = sync(workspace, core, first=MIDDLE)
    found = facts(workspace)
    assert (pulled.notes, found["block"][0][0]) == ((), MIDDLE)
    assert found["pending_spend"], "some inputs spend what was not read"
    assert fees(found).items() <= fees(whole).items()
    assert spent(found).items() <= spent(whole).items()
    sync(workspace, core)
    assert facts(workspace) == whole


def without_undo(folder: Path) -> None:
    (folder / "rev00000.dat").unlink()


def empty_undo(folder: Path) -> None:
    (folder / "rev00000.dat").write_bytes(b"")


def cut_undo(folder: Path) -> None:
    undo = folder / "rev00000.dat"
    content = undo.read_bytes().rstrip(b"\0")
    undo.write_bytes(content[: len(content) * 9 // 10])


def undo_of_another_node(folder: Path) -> None:
    (folder / "rev00000.dat").write_bytes(random.Random(1).randbytes(100_000))


def undo_not_obfuscated(folder: Path) -> None:
    undo = folder / "rev00000.dat"
    undo.write_bytes(hidden(undo.read_bytes(), (folder / "xor.dat").read_bytes()))


def flipped_undo(folder: Path) -> None:
    undo = folder / "rev00000.dat"
    content = bytearray(undo.read_bytes())
    for at in range(len(content.rstrip(b"\0")) * 3 // 4, len(content.rstrip(b"\0")), 1_000):
        content[at] ^= 1
    undo.write_bytes(content)


def undo_as_folder(folder: Path) -> None:
    without_undo(folder)
    (folder / "rev00000.dat").mkdir()


@pytest.mark.parametrize(
    ("damage", "said", "all_lost"),
    [
        (without_undo, "rev00000.dat is missing", True),
        (empty_undo, "holds no record that fits", True),
        (cut_undo, "holds no record that fits", False),
        (undo_of_another_node, "holds no record that fits", True),
        (undo_not_obfuscated, "holds no record that fits", True),
        (flipped_undo, "holds no record that fits", False),
        (undo_as_folder, "cannot read", True),
    ],
)
def test_undo_data_that_is_missing_or_damaged_is_said_and_nothing_is_invented(
    core: Path, whole: Facts, tmp_path: Path, damage: Any, said: str, all_lost: bool
) -> None:
    folder = tmp_path / "blocks"
    shutil.copytree(core / "blocks", folder)
    damage(folder)
    workspace = Workspace(tmp_path / "w")
    pulled = sync(workspace, folder, first=MIDDLE)
    found = facts(workspace)
    assert [said in note for note in pulled.notes] == [True]
    known = {place: row for place, row in spent(found).items() if row[0] is not None}
    unknown = len(found["txin"]) - len(known)
    assert known.items() <= spent(whole).items()
    assert 0 < unknown <= len(found["pending_spend"])
    assert (unknown == len(found["pending_spend"])) == all_lost


# --- obfuscation


def hide(folder: Path, files: dict[str, bytes], key: bytes = KEY, *, reserved: int = 0) -> Path:
    """A folder of block and undo files under a key, with reserved space behind the content."""
    folder.mkdir(parents=True)
    (folder / "xor.dat").write_bytes(key)
    for name, content in files.items():
        (folder / name).write_bytes(hidden(content, key) + bytes(reserved))
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("plain")
    return facts(synced(folder / "w", write(folder / "blk.dat", shop_chain().blocks)))


def test_a_key_that_makes_zeros_of_a_magic_hides_no_block(
    plain: Facts, tmp_path: Path, dice: random.Random
) -> None:
    blocks = shop_chain().blocks
    keys = [REGTEST_MAGIC * 2, REGTEST_MAGIC[:3] + bytes((1,)) * 5, REGTEST_MAGIC[1:] + REGTEST_MAGIC + b"\1"]
    for n, key in enumerate([*keys, *(dice.randbytes(8) for _ in range(scaled(1, full=100)))]):
        folder = hide(tmp_path / f"{n}", {"blk00000.dat": framed(blocks)}, key, reserved=5_000)
        assert facts(synced(tmp_path / f"w{n}", folder)) == plain


def test_reserved_space_may_stand_between_blocks(plain: Facts, tmp_path: Path) -> None:
    """As after a crash: zeros on disk, which no key hides."""
    blocks = shop_chain().blocks
    folder = hide(tmp_path / "blocks", {"blk00000.dat": framed(blocks[:5])}, reserved=1_003)
    file = folder / "blk00000.dat"
    at = file.stat().st_size
    with file.open("ab") as handle:
        handle.write(hidden(bytes(at) + framed(blocks[5:]), KEY)[at:])
    assert facts(synced(tmp_path / "w", folder)) == plain


def test_after_damage_the_next_block_is_found_under_the_key(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    content = framed(blocks[:4]) + b"\xff" * 1_001 + framed(blocks[4:])
    folder = hide(tmp_path / "blocks", {"blk00000.dat": content})
    workspace = Workspace(tmp_path / "w")
    with pytest.raises(
        BadBlockFile, match=f"no bitcoin-regtest block record at offset {len(framed(blocks[:4]))}"
    ):
        sync(workspace, folder)
    assert facts(workspace)["block"][-1][0] == 12


def test_a_single_file_of_an_obfuscated_folder_can_be_read(plain: Facts, tmp_path: Path) -> None:
    folder = hide(tmp_path / "blocks", {"blk00000.dat": framed(shop_chain().blocks)})
    assert facts(synced(tmp_path / "w", folder / "blk00000.dat")) == plain


@pytest.mark.parametrize("size", [0, 7, 9])
def test_a_key_of_another_length_is_named(tmp_path: Path, size: int) -> None:
    folder = hide(tmp_path / "blocks", {"blk00000.dat": framed(shop_chain().blocks)})
    (folder / "xor.dat").write_bytes(b"k" * size)
    with pytest.raises(SourceUnavailable, match=rf"xor\.dat holds {size} bytes.*has 8"):
        sync(Workspace(tmp_path / "w"), folder)


def test_another_key_and_a_lost_key_are_no_blocks(tmp_path: Path) -> None:
    folder = hide(tmp_path / "blocks", {"blk00000.dat": framed(shop_chain().blocks)})
    (folder / "xor.dat").write_bytes(b"\1" * 8)
    with pytest.raises(BadBlockFile, match=r"no bitcoin-regtest block record at offset 0") as refused:
        sync(Workspace(tmp_path / "w"), folder)
    assert "xor.dat" not in str(refused.value.hint)
    (folder / "xor.dat").unlink()
    with pytest.raises(BadBlockFile, match=r"no bitcoin-regtest block record at offset 0") as refused:
        sync(Workspace(tmp_path / "w"), folder)
    assert "xor.dat" in str(refused.value.hint)


def test_a_file_that_does_not_fit_the_key_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    folder = hide(tmp_path / "blocks", {"blk00000.dat": framed(blocks[:8])})
    write(folder / "blk00001.dat", blocks[8:])
    workspace = Workspace(tmp_path / "w")
    with pytest.raises(BadBlockFile, match=r"blk00001\.dat is not obfuscated"):
        sync(workspace, folder)
    assert facts(workspace)["block"][-1][0] == 7


# --- which folder


def test_a_data_folder_with_several_chains_gives_the_one_asked_for(plain: Facts, tmp_path: Path) -> None:
    data = tmp_path / "data"
    hide(data / "blocks", {"blk00000.dat": bytes.fromhex("f9beb4d9") + bytes(500)})
    hide(data / "regtest" / "blocks", {"blk00000.dat": framed(shop_chain().blocks)}, b"regtest!")
    (data / "peers.dat").write_bytes(b"peers")
    for n, path in enumerate((data, data / "regtest", data / "regtest" / "blocks")):
        assert facts(synced(tmp_path / f"w{n}", path)) == plain
    with pytest.raises(BadBlockFile, match="holds blocks of bitcoin, not of bitcoin-signet"):
        sync(Workspace(tmp_path / "other"), data, "bitcoin-signet")


# --- undo files: which record is whose


class Shop:
    """`shop_chain`, with what each block spends: heights 3 to 12 spend the coin that the block before left."""

    def __init__(self) -> None:
        self.chain = RawChain()
        self.undo: list[list[list[Coin]]] = [[], [], []]
        first = self.chain.add(miner=p2pkh("alice"))
        self.chain.add()
        self.coin, self.left = (first.txid, 0), Coin(subsidy(1), p2pkh("alice"), 1, coinbase=True)
        for height in range(3, 13):
            self.sell(height)

    def sell(self, height: int, name: str = "shop") -> None:
        change = self.left.value - 1_000_500
        tx = RawTx([self.coin], [(p2pkh(name), 1_000_000), (p2pkh(f"owner {height}"), change)])
        self.undo.append([[self.left]])
        self.chain.add(tx)
        self.coin, self.left = (tx.txid, 1), Coin(change, p2pkh(f"owner {height}"), height)

    def records(self, heights: Iterator[int] | range | list[int]) -> bytes:
        return b"".join(record(self.chain.blocks[h], self.undo[h]) for h in heights if h)


def test_blocks_and_records_in_many_files_and_any_order_are_one_chain(
    tmp_path: Path, dice: random.Random
) -> None:
    shop = Shop()
    blocks = shop.chain.blocks
    stale = shop.chain.fork(9)
    stale.add()
    order = list(range(len(blocks)))
    dice.shuffle(order)
    files: dict[str, bytes] = {}
    for n, part in enumerate((order[:4], order[4:9], order[9:])):
        again = [blocks[part[0]], *stale.blocks[10:]]
        files[f"blk{n:05}.dat"] = framed([blocks[h] for h in part] + again)
        # as after -reindex: records of an earlier run behind those of this one
        files[f"rev{n:05}.dat"] = (
            shop.records(sorted(part)) + record(stale.blocks[10], []) + shop.records(part)
        )
    folder = hide(tmp_path / "blocks", files, reserved=777)
    everything = facts(synced(tmp_path / "w", folder))
    workspace = Workspace(tmp_path / "middle")
    assert sync(workspace, folder, first=6).notes == ()
    found = facts(workspace)
    assert [fees(found)[row[0]] for row in found["tx"] if row[6]] == [500] * 7
    assert spent(found).items() <= spent(everything).items()


def test_a_block_that_a_crashed_node_wrote_again_is_told_by_the_file_of_its_copy(tmp_path: Path) -> None:
    shop = Shop()
    blocks = shop.chain.blocks
    files = {
        "blk00000.dat": framed(blocks[:9]),
        "rev00000.dat": shop.records(range(8)),
        "blk00001.dat": framed(blocks[8:]),
        "rev00001.dat": shop.records(range(8, 13)),
    }
    workspace = Workspace(tmp_path / "w")
    assert sync(workspace, hide(tmp_path / "blocks", files), first=6).notes == ()
    assert None not in [row[4] for row in facts(workspace)["txin"]]


def test_what_another_chain_keeps_behind_the_coins_does_no_harm(tmp_path: Path) -> None:
    shop = Shop()
    undo = b"".join(record(shop.chain.blocks[h], shop.undo[h], b"mweb") for h in range(1, 13))
    folder = hide(tmp_path / "blocks", {"blk00000.dat": framed(shop.chain.blocks), "rev00000.dat": undo})
    workspace = Workspace(tmp_path / "w")
    assert sync(workspace, folder, first=6).notes == ()
    assert None not in [row[4] for row in facts(workspace)["txin"]]


def test_two_blocks_of_one_height_and_shape_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    """Both follow the same block, so that the record's checksum fits both; only one was ever connected."""
    shop = Shop()
    rival = RawChain(shop.chain.blocks[:12], b"\1")
    elsewhere = Coin(7_000_000, p2pkh("somebody else"), 2)
    rival.add(RawTx([(b"\x07" * 32, 0)], [(p2pkh("rival"), 6_000_000)]))
    blocks, stale = shop.chain.blocks, rival.blocks[12]
    wrong = shop.records(range(1, 12)) + record(stale, [[elsewhere]])
    folder = hide(tmp_path / "blocks", {"blk00000.dat": framed([*blocks, stale]), "rev00000.dat": wrong})
    workspace = Workspace(tmp_path / "w")
    notes = sync(workspace, folder, first=12).notes
    assert ["may mean another block" in note for note in notes] == [True]
    assert [row[4] for row in facts(workspace)["txin"]] == [None]


def test_a_pruned_folder_begins_where_it_begins(tmp_path: Path) -> None:
    shop = Shop()
    files = {"blk00003.dat": framed(shop.chain.blocks[7:]), "rev00003.dat": shop.records(range(7, 13))}
    workspace = Workspace(tmp_path / "w")
    pulled = sync(workspace, hide(tmp_path / "blocks", files))
    found = facts(workspace)
    assert (pulled.notes, [row[0] for row in found["block"]]) == ((), list(range(7, 13)))
    assert [fees(found)[row[0]] for row in found["tx"] if row[6]] == [500] * 6


# --- a node that is alive


class Following:
    """One source that is asked again and again, as `sync --follow` does."""

    def __init__(self, path: Path, workspace: Workspace) -> None:
        self.source = BlockFiles(path, CHAINS["bitcoin-regtest"])
        self.workspace = workspace

    def once(self) -> Pulled:
        return pull(lambda: opened(self.workspace, read_only=False), self.source)


def test_a_growing_folder_is_read_on_from_where_it_was(plain: Facts, tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    folder = hide(tmp_path / "blocks", {"blk00000.dat": framed(blocks[:3])}, reserved=10_000)
    follower = Following(folder, Workspace(tmp_path / "w"))
    first = follower.source.index
    assert follower.once().tip == 2
    assert follower.once().blocks == 0
    file = folder / "blk00000.dat"
    at = len(framed(blocks[:3]))
    half = hidden(framed(blocks[:5]), KEY)[at:-40]

    def put(offset: int, content: bytes) -> None:
        with file.open("r+b") as handle:
            handle.seek(offset)
            handle.write(content)

    put(at, half)
    pulled = follower.once()
    assert (pulled.tip, ["cut off" in note for note in pulled.notes]) == (3, [True])
    put(at, hidden(framed(blocks[:6]), KEY)[at:])
    pulled = follower.once()
    assert (pulled.tip, pulled.notes) == (5, ())
    # the node goes on in another file and cuts the reserved space off the first
    file.write_bytes(hidden(framed(blocks[:6]), KEY))
    (folder / "blk00001.dat").write_bytes(hidden(framed(blocks[6:9]), KEY))
    assert follower.once().tip == 8
    assert follower.source.index is first, "nothing was read twice"
    assert len(first.places) == 9
    # it prunes
    file.unlink()
    (folder / "blk00001.dat").write_bytes(hidden(framed(blocks[6:]), KEY))
    assert follower.once().tip == 12
    assert facts(follower.workspace) == plain


def test_a_file_that_is_another_one_now_is_read_anew(plain: Facts, tmp_path: Path) -> None:
    chain = shop_chain()
    rival = chain.fork(8)
    rival.add()
    file = write(tmp_path / "blk00000.dat", rival.blocks)
    follower = Following(file, Workspace(tmp_path / "w"))
    assert follower.once().tip == 9
    write(file, chain.blocks)  # in place: the last block known is gone
    assert follower.once().reorged_from == 9
    assert facts(follower.workspace) == plain
    chain.add()
    write(tmp_path / "new.dat", chain.blocks).replace(file)
    assert follower.once().tip == 13


def test_the_folder_of_a_litecoin_node_alive_and_killed(tmp_path: Path) -> None:
    """From the first peg-in on, records hold what MWEB needs behind the coins."""
    with litecoind(tmp_path / "node") as node:
        node.mine(MWEB - 4)
        for payments in (3, 7, 5):
            node.pay(*(10_000_000 + n for n in range(payments)))
            node.mine()
        workspace = synced(tmp_path / "alive", node.folder, LITECOIN)
        for _ in range(3):
            node.pay(50_000_000, to=node.call("getnewaddress", "", "mweb"))
            node.mine()
        assert sync(workspace, node.folder, LITECOIN).tip == node.height == MWEB + 2
        middle = Workspace(tmp_path / "middle")
        assert sync(middle, node.datadir, LITECOIN, first=MWEB - 2).notes == ()
        node.kill()
    everything = facts(workspace, LITECOIN)
    assert facts(synced(tmp_path / "killed", node.folder, LITECOIN), LITECOIN) == everything
    found = facts(middle, LITECOIN)
    assert len(found["txin"]) > 15
    assert fees(found).items() <= fees(everything).items()
    assert spent(found).items() <= spent(everything).items()
