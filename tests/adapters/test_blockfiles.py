"""Block files as nodes leave them, and as accidents do: what is read, what is refused, what is said."""

import random
from pathlib import Path

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.folder.source import BlockFiles
from adapters.simulation.encode import mine, sha256d, subsidy
from tests.rawblocks import RawChain, RawTx, framed, p2pkh, shop_chain, write
from tests.stores import facts, opened, sync, synced
from tracer.errors import BadBlock, BadBlockFile, SourceUnavailable
from tracer.ledger.loading import Known
from tracer.workspace import Workspace


def _tip(workspace: Workspace) -> int | None:
    with opened(workspace) as ledger:
        tip = ledger.tip()
        return tip.height if tip else None


def test_blocks_out_of_order_over_several_files_with_padding_are_one_chain(
    tmp_path: Path, dice: random.Random
) -> None:
    blocks = shop_chain().blocks
    shuffled = blocks.copy()
    dice.shuffle(shuffled)
    folder = tmp_path / "blocks"
    folder.mkdir()
    write(folder / "blk00000.dat", shuffled[:5], tail=bytes(1000))
    (folder / "blk00001.dat").write_bytes(framed(shuffled[5:6]) + bytes(77) + framed(shuffled[6:]))
    (folder / "rev00000.dat").write_bytes(b"not blocks")
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", blocks))
    assert facts(synced(tmp_path / "w", folder)) == facts(plain)


def test_a_stale_branch_inside_the_file_leaves_no_trace(tmp_path: Path) -> None:
    chain = shop_chain()
    stale = chain.fork(8)
    stale.add()
    stale.add()
    mixed = chain.blocks[:9] + stale.blocks[9:] + chain.blocks[9:]
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", chain.blocks))
    assert facts(synced(tmp_path / "w", write(tmp_path / "mixed.dat", mixed))) == facts(plain)


def test_the_same_block_twice_in_a_file_counts_once(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    twice = write(tmp_path / "twice.dat", blocks + blocks[3:6])
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", blocks))
    assert facts(synced(tmp_path / "w", twice)) == facts(plain)


def test_reading_again_changes_nothing(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks)
    workspace = synced(tmp_path / "w", source)
    before = facts(workspace)
    assert sync(workspace, source).blocks == 0
    assert facts(workspace) == before


@pytest.mark.parametrize("kept", [3, 9, 60, -1])
def test_a_cut_off_tail_is_a_live_node_and_is_said(tmp_path: Path, kept: int) -> None:
    blocks = shop_chain().blocks
    tail = framed(blocks[-1:])[:kept]
    source = write(tmp_path / "blk.dat", blocks[:-1], tail=tail)
    workspace = Workspace(tmp_path / "w")
    pulled = sync(workspace, source)
    assert pulled.tip == 11
    assert "cut off at offset" in pulled.notes[0]
    assert str(source) in pulled.notes[0]
    write(source, blocks)
    assert sync(workspace, source).tip == 12


@pytest.mark.parametrize("written", [5, 8, 60, 150])
def test_a_record_that_a_node_is_still_writing_is_a_tail(tmp_path: Path, written: int) -> None:
    """Nodes reserve space: behind the written part stand zeros, not the end of the file."""
    chain = shop_chain()
    chain.add(*(RawTx([(b"\1" * 32, n)], [(p2pkh("late"), 1)]) for n in range(10)))
    source = write(
        tmp_path / "blk.dat", chain.blocks[:-1], tail=framed(chain.blocks[-1:])[:written] + bytes(5000)
    )
    pulled = sync(Workspace(tmp_path / "w"), source)
    assert pulled.tip == 12
    assert "cut off at offset" in pulled.notes[0]


def test_a_magic_inside_a_cut_off_record_is_no_record(tmp_path: Path) -> None:
    chain = shop_chain()
    chain.add(RawTx([(b"\1" * 32, 0)], [(b"\x6a\x08" + bytes.fromhex("fabfb5da") * 2, 1)]))
    source = write(tmp_path / "blk.dat", chain.blocks[:-1], tail=framed(chain.blocks[-1:])[:-4])
    assert sync(Workspace(tmp_path / "w"), source).tip == 12


def test_a_damaged_copy_does_not_hide_a_good_one(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    torn = blocks[7][:-5] + bytes([blocks[7][-5] ^ 1]) + blocks[7][-4:]
    workspace = Workspace(tmp_path / "w")
    pulled = sync(workspace, write(tmp_path / "blk.dat", [*blocks[:7], torn, *blocks[7:]]))
    assert pulled.tip == 12
    assert "damaged copy" in pulled.notes[0]
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", blocks))
    assert facts(workspace) == facts(plain)


def test_a_nodes_data_folder_is_read(tmp_path: Path) -> None:
    blocks = tmp_path / "data" / "blocks"
    blocks.mkdir(parents=True)
    write(blocks / "blk00000.dat", shop_chain().blocks)
    (tmp_path / "data" / "peers.dat").write_bytes(b"peers")
    (blocks / "xor.dat").write_bytes(bytes(8))
    assert sync(Workspace(tmp_path / "w"), tmp_path / "data").tip == 12


def test_sizes_that_no_block_has_are_damage(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    content = (
        framed(blocks[:3])
        + bytes.fromhex("fabfb5da")
        + (700 << 20).to_bytes(4, "little")
        + framed(blocks[3:])
    )
    source = tmp_path / "blk.dat"
    source.write_bytes(content)
    with pytest.raises(BadBlockFile, match="damaged record at offset"):
        sync(Workspace(tmp_path / "w"), source)


def test_a_record_too_short_for_a_block_is_no_place_to_start(tmp_path: Path) -> None:
    header, _ = mine(b"\x99" * 32, bytes(32), 1_300_000_000)
    with pytest.raises(BadBlockFile, match="states no height of its own"):
        sync(Workspace(tmp_path / "w"), write(tmp_path / "blk.dat", [header + b"\x01"]))


def test_a_cut_file_with_files_after_it_is_damage(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    folder = tmp_path / "blocks"
    folder.mkdir()
    write(folder / "blk00000.dat", blocks[:6], tail=framed(blocks[6:7])[:50])
    write(folder / "blk00001.dat", blocks[7:])
    workspace = Workspace(tmp_path / "w")
    with pytest.raises(BadBlockFile, match=r"blk00000.dat is cut off at offset \d+.*up to height 5 are kept"):
        sync(workspace, folder)
    assert _tip(workspace) == 5


def test_blocks_of_another_network_are_named(tmp_path: Path) -> None:
    source = write(tmp_path / "blk.dat", shop_chain().blocks, magic=bytes.fromhex("0b110907"))
    with pytest.raises(BadBlockFile, match=r"bitcoin-testnet, not of bitcoin-regtest.*Nothing was read"):
        sync(Workspace(tmp_path / "w"), source)


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"GIF89a" * 100])
def test_a_file_without_blocks_is_named(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "picture.dat"
    source.write_bytes(content)
    with pytest.raises(BadBlockFile, match=r"picture\.dat"):
        sync(Workspace(tmp_path / "w"), source)


def test_a_folder_without_blocks_or_no_folder_at_all_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="holds no block files"):
        sync(Workspace(tmp_path / "w"), tmp_path)
    with pytest.raises(SourceUnavailable, match="does not exist"):
        sync(Workspace(tmp_path / "w"), tmp_path / "nowhere")


def _damaged(content: bytes, ends: list[int], dice: random.Random) -> tuple[int, bytes, int]:
    """One flipped bit: (position, content, block). Not one that leaves the block's work valid, as half of all
    headers do on regtest: such a block is another sound block."""
    while True:
        at = dice.randrange(ends[1], ends[-2])
        victim = next(n for n, end in enumerate(ends) if at < end)
        damaged = content[:at] + bytes([content[at] ^ (1 << dice.randrange(8))]) + content[at + 1 :]
        start = ends[victim - 1] + 8
        if not start <= at < start + 80 or sha256d(damaged[start : start + 80])[31] > 0x7F:
            return at, damaged, victim


def test_a_flipped_byte_anywhere_is_refused_by_name_and_the_blocks_before_are_kept(
    tmp_path: Path, dice: random.Random, full: bool
) -> None:
    """Any one byte: framing, header, transaction or witness. Never a wrong fact, never a silent success."""
    blocks = shop_chain().blocks
    content = framed(blocks)
    ends = [len(framed(blocks[: n + 1])) for n in range(len(blocks))]
    honest = facts(synced(tmp_path / "honest", write(tmp_path / "blk.dat", blocks)))
    for drill in range(200 if full else 10):
        at, damaged, victim = _damaged(content, ends, dice)
        source = tmp_path / "damaged.dat"
        source.write_bytes(damaged)
        workspace = Workspace(tmp_path / f"w{drill}")
        with pytest.raises((BadBlock, BadBlockFile), match=rf"damaged\.dat.*height {victim - 1} are kept"):
            sync(workspace, source)
        kept = facts(workspace)
        assert kept["block"] == honest["block"][:victim], f"byte {at}"
        sync(workspace, write(tmp_path / "mended.dat", blocks))
        assert facts(workspace) == honest


def test_easy_work_is_refused(tmp_path: Path) -> None:
    """Regtest targets are far too easy for mainnet, whatever the magic says."""
    source = write(tmp_path / "blk.dat", shop_chain().blocks, magic=bytes.fromhex("f9beb4d9"))
    with pytest.raises(BadBlockFile, match="easier than bitcoin allows"):
        sync(Workspace(tmp_path / "w"), source, "bitcoin")


def test_a_history_that_starts_in_the_middle_is_partial_and_completed_later(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    workspace = synced(tmp_path / "w", write(tmp_path / "late.dat", blocks[6:]))
    partial = facts(workspace)
    assert len(partial["block"]) == 7
    assert len(partial["pending_spend"]) == 1
    sync(workspace, write(tmp_path / "early.dat", blocks[:6]))
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", blocks))
    assert facts(workspace) == facts(plain)


def test_heights_can_be_bounded(tmp_path: Path) -> None:
    blocks = shop_chain().blocks
    source = write(tmp_path / "blk.dat", blocks)
    workspace = Workspace(tmp_path / "w")
    assert sync(workspace, source, first=4, last=8).blocks == 5
    assert sync(workspace, source, first=2).blocks == 2 + 4
    assert sync(workspace, source).blocks == 2
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", blocks))
    assert facts(workspace) == facts(plain)


def test_more_work_wins_and_the_store_equals_one_that_never_saw_the_lost_branch(tmp_path: Path) -> None:
    chain = shop_chain()
    rival = chain.fork(7)
    coins = [rival.add(miner=p2pkh("alice")) for _ in range(8, 15)]
    rival.add(RawTx([(coins[-1].txid, 0)], [(p2pkh("rival"), subsidy(14) - 7)]))
    workspace = synced(tmp_path / "w", write(tmp_path / "first.dat", chain.blocks))
    pulled = sync(workspace, write(tmp_path / "rival.dat", rival.blocks))
    assert pulled.reorged_from == 12
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", rival.blocks))
    assert facts(workspace) == facts(plain)
    # the old branch again: less work, nothing changes
    assert sync(workspace, tmp_path / "first.dat").blocks == 0
    assert facts(workspace) == facts(plain)


def test_on_equal_work_the_branch_we_have_stays(tmp_path: Path) -> None:
    chain = shop_chain()
    rival = chain.fork(10)
    rival.add()
    rival.add()
    workspace = synced(tmp_path / "w", write(tmp_path / "first.dat", chain.blocks))
    assert sync(workspace, write(tmp_path / "rival.dat", rival.blocks)).blocks == 0


def test_blocks_that_follow_nothing_known_are_refused_when_they_state_no_height(tmp_path: Path) -> None:
    chain = RawChain()
    chain.add()
    orphan = RawChain([chain.blocks[1]])
    orphan.add_raw([RawTx([(bytes(32), 0xFFFFFFFF)], [(p2pkh("m"), 5)], script_sig=b"\x00\x00")])
    with pytest.raises(BadBlockFile, match="states no height of its own"):
        sync(Workspace(tmp_path / "w"), write(tmp_path / "blk.dat", orphan.blocks[1:]))


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    """As `--follow` meets it: what was found in the one is not looked for in the other."""
    chain = shop_chain()
    file = write(tmp_path / "blk00000.dat", chain.blocks)
    source = BlockFiles(file, CHAINS["bitcoin-regtest"])
    with opened(Workspace(tmp_path / "w"), read_only=False) as ledger:
        (plan,) = source.plan(Known(ledger))
        other = chain.fork(len(chain.blocks) - 4, b"\1")
        for _ in range(5):
            other.add()
        write(tmp_path / "new", other.blocks).replace(file)
        with pytest.raises(SourceUnavailable, match="was replaced while it was read"):
            list(source.batches(plan))
        (plan,) = source.plan(Known(ledger))
        assert sum(batch.blocks.num_rows for batch in source.batches(plan)) == len(other.blocks)
