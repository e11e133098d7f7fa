"""Which branch a ledger ends on: most work of everything known, and never a worse one on the way."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.simulation.encode import sha256d
from tests.rawblocks import RawChain, RawTx, p2pkh, shop_chain, write
from tests.stores import facts, opened, sync, synced
from tracer.errors import BadBlock, BadBlockFile
from tracer.ledger import loading
from tracer.ledger.coverage import chain_status
from tracer.workspace import Workspace


def heights(workspace: Path | Workspace) -> list[int]:
    space = workspace if isinstance(workspace, Workspace) else Workspace(workspace)
    return [row[0] for row in facts(space)["block"]]


def tip_hash(workspace: Workspace) -> bytes:
    with opened(workspace) as ledger:
        tip = ledger.tip()
        assert tip is not None
        return tip.block_hash


def extended(chain: RawChain, blocks: int) -> RawChain:
    for _ in range(blocks):
        chain.add()
    return chain


def test_an_extension_of_our_branch_in_the_same_file_counts_against_a_rival(tmp_path: Path) -> None:
    ours = shop_chain()
    workspace = synced(tmp_path / "w", write(tmp_path / "first.dat", ours.blocks))
    rival = extended(ours.fork(7), 6)  # 8' to 13'
    longer = extended(RawChain(list(ours.blocks)), 5)  # 13 to 17
    for order in (longer.blocks[13:] + rival.blocks[8:], rival.blocks[8:] + longer.blocks[13:]):
        pulled = sync(workspace, write(tmp_path / "both.dat", order))
        assert (pulled.tip, pulled.reorged_from) == (17, None)
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", longer.blocks))
    assert facts(workspace) == facts(plain)


def test_on_equal_work_an_extension_of_ours_wins_over_a_rival(tmp_path: Path) -> None:
    ours = shop_chain()
    workspace = synced(tmp_path / "w", write(tmp_path / "first.dat", ours.blocks))
    longer = extended(RawChain(list(ours.blocks)), 1)
    rival = extended(ours.fork(11), 2)
    sync(workspace, write(tmp_path / "both.dat", rival.blocks[12:] + longer.blocks[13:]))
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", longer.blocks))
    assert tip_hash(workspace) == tip_hash(plain)


def _greedy(chain: RawChain) -> None:
    chain.add(reward=10**14)


def _torn(chain: RawChain) -> None:
    chain.add(RawTx([(b"\1" * 32, 0)], [(p2pkh("x"), 1)]))
    block = chain.blocks[-1]
    chain.blocks[-1] = block[:-5] + bytes([block[-5] ^ 1]) + block[-4:]


@pytest.mark.parametrize("flaw", [_greedy, _torn])
@pytest.mark.parametrize("sound", [0, 2])
def test_a_rival_that_turns_out_bad_leaves_our_branch_as_it_was(
    tmp_path: Path, flaw: Callable[[RawChain], None], sound: int
) -> None:
    ours = shop_chain()
    rival = extended(ours.fork(7), sound)
    flaw(rival)
    head = rival.blocks[-1]
    extended(rival, 8)
    assert head in rival.blocks
    for name, files in (
        ("apart", [ours.blocks, rival.blocks]),
        ("together", [ours.blocks + rival.blocks[8:]]),
    ):
        workspace = Workspace(tmp_path / name)
        for number, blocks in enumerate(files):
            source = write(tmp_path / f"{name}{number}.dat", blocks)
            if number == len(files) - 1:
                with pytest.raises(BadBlock, match=r"is refused.*up to height 12 are kept"):
                    sync(workspace, source)
            else:
                sync(workspace, source)
        plain = synced(tmp_path / f"plain {name}", write(tmp_path / "plain.dat", ours.blocks))
        assert facts(workspace) == facts(plain), name


def test_a_rival_bad_at_its_end_is_taken_as_far_as_it_outweighs_ours(tmp_path: Path) -> None:
    ours = shop_chain()
    rival = extended(ours.fork(7), 7)
    sound = list(rival.blocks)
    _greedy(rival)
    workspace = synced(tmp_path / "w", write(tmp_path / "first.dat", ours.blocks))
    with pytest.raises(BadBlock, match=r"height 15 is refused.*up to height 14 are kept"):
        sync(workspace, write(tmp_path / "rival.dat", rival.blocks))
    plain = synced(tmp_path / "plain", write(tmp_path / "plain.dat", sound))
    assert facts(workspace) == facts(plain)


def test_a_short_rival_does_not_delete_blocks_above_a_gap(tmp_path: Path) -> None:
    ours = extended(shop_chain(), 8)
    workspace = synced(
        tmp_path / "w",
        write(tmp_path / "ours.dat", ours.blocks),
    )
    workspace = Workspace(tmp_path / "gap")
    source = write(tmp_path / "ours.dat", ours.blocks)
    sync(workspace, source, last=5)
    sync(workspace, source, first=10)
    rival = extended(ours.fork(4), 2)
    pulled = sync(workspace, write(tmp_path / "rival.dat", rival.blocks))
    assert "read the blocks of the gap first" in pulled.notes[0]
    assert heights(workspace) == [*range(6), *range(10, 21)]


def test_a_gap_is_not_filled_with_another_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading.turns, "__defaults__", (1, 60.0))
    ours = extended(shop_chain(), 8)
    workspace = Workspace(tmp_path / "w")
    sync(workspace, write(tmp_path / "ours.dat", ours.blocks), first=15)
    rival = extended(ours.fork(6), 8)  # 7' to 14'
    with pytest.raises(BadBlockFile, match="are of another branch than block 15"):
        sync(workspace, write(tmp_path / "rival.dat", rival.blocks))
    assert heights(workspace) == list(range(15, 21))


def test_a_bounded_read_of_a_rival_adds_nothing_to_our_branch(tmp_path: Path) -> None:
    ours = shop_chain()
    rival = extended(ours.fork(7), 8)
    workspace = synced(tmp_path / "w", write(tmp_path / "first.dat", ours.blocks))
    before = facts(workspace)
    source = write(tmp_path / "rival.dat", rival.blocks)
    assert sync(workspace, source, first=14).blocks == 0
    assert sync(workspace, source, last=9).blocks == 0
    assert facts(workspace) == before


def test_random_reorgs_end_where_a_fresh_read_ends(
    tmp_path: Path, dice: random.Random, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any history of branches, read in any pieces, in turns of any size: the store of a fresh read of the winner."""
    monkeypatch.setattr(loading.turns, "__defaults__", (1, 60.0))
    for drill in range(30 if full else 5):
        best = shop_chain()
        workspace = synced(tmp_path / f"w{drill}", write(tmp_path / "blk.dat", best.blocks))
        for step in range(4):
            fork = dice.randrange(max(1, len(best.blocks) - 9), len(best.blocks))
            rival = extended(best.fork(fork, bytes([drill + 1, step])), dice.randrange(1, 10))
            sync(workspace, write(tmp_path / f"r{step}.dat", rival.blocks))
            if len(rival.blocks) > len(best.blocks):
                best = rival
        plain = synced(tmp_path / f"plain{drill}", write(tmp_path / "plain.dat", best.blocks))
        assert facts(workspace) == facts(plain), f"drill {drill}"


def test_a_refused_block_is_kept_raw_until_a_sound_copy_is_read(tmp_path: Path) -> None:
    chain = shop_chain()
    torn = chain.blocks[7][:-5] + bytes([chain.blocks[7][-5] ^ 1]) + chain.blocks[7][-4:]
    damaged = write(tmp_path / "damaged.dat", [*chain.blocks[:7], torn, *chain.blocks[8:]])
    workspace = Workspace(tmp_path / "w")
    for _ in range(2):  # a second read of the same file adds nothing
        with pytest.raises(BadBlock, match="height 7 is refused"):
            sync(workspace, damaged)
        with opened(workspace) as ledger:
            ((source, place, reason, raw),) = ledger.db.rows("SELECT * FROM quarantine")
            assert chain_status(ledger)["quarantined"] == 1
        assert source.startswith(str(damaged))
        assert place == f"block {sha256d(torn[:80])[::-1].hex()}"
        assert "Merkle" in reason
        assert raw == torn
    sync(workspace, write(tmp_path / "mended.dat", chain.blocks))
    with opened(workspace) as ledger:
        assert chain_status(ledger)["quarantined"] == 0
