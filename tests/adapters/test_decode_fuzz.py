"""Blocks and block files as enemies make them: facts that a plain reader finds too, or a clear refusal, no crash."""

import json
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.bitcoin.chains import CHAINS, BitcoinChain
from adapters.bitcoin.folder.source import BlockFiles
from adapters.simulation.encode import sha256d
from tests import wire
from tests.adapters import fuzzing
from tests.conftest import FULL, SEED, scaled
from tests.mutations import mutant
from tests.rawblocks import framed, shop_chain, write
from tests.stores import facts, opened, sync, synced
from tracer.errors import BadBlockFile, TracerError
from tracer.ledger.batch import KnownBlock
from tracer.workspace import Workspace

ROOT = Path(__file__).parents[2]
MUTANTS = scaled(300, full=20_000)
"""Of each writing: 100,000 in all."""
CHECKED = scaled(60, full=10_000)
FILES = scaled(40, full=4_000)
STORES = scaled(3, full=200)
GROWTH = 24 << 20


@pytest.mark.parametrize("chain", fuzzing.WRITINGS, ids=lambda chain: chain.name)
def test_mutated_blocks_are_read_as_a_plain_reader_reads_them_or_refused(
    chain: BitcoinChain, dice: random.Random
) -> None:
    fuzzing.drill(chain, MUTANTS // 5, dice)
    before = fuzzing.resident()
    said = fuzzing.drill(chain, MUTANTS, dice)
    assert said["sound"]
    assert len(said) > 5
    assert fuzzing.resident() - before < GROWTH


def test_mutated_undo_data_is_told_within_bounds_or_not_at_all(dice: random.Random) -> None:
    said = fuzzing.drill_undo(MUTANTS, dice)
    assert said["told"]
    assert said["not told"]


def test_kernels_touch_nothing_outside_their_arrays() -> None:
    words = [
        sys.executable,
        "-m",
        "tests.adapters.fuzz_checked",
        str(CHECKED),
        str(SEED),
        *(["all"] if FULL else []),
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert {"scan", "zcash.scan", "classify", "folder.undo"} <= set(told["checked"])
    assert (told["blocks"], told["undo"]) == (CHECKED * len(fuzzing.WRITINGS), CHECKED)


class _Nothing:
    """A ledger that holds no block."""

    def blocks(self) -> list[KnownBlock]:
        return []

    def runs(self) -> list[tuple[int, int]]:
        return []

    def at(self, height: int) -> None:
        return None


def _read(path: Path, chain: BitcoinChain) -> dict[bytes, bytes]:
    """Every block that a source hands over, by its hash, as far as it comes."""
    found: dict[bytes, bytes] = {}
    try:
        source = BlockFiles(path, chain)
        for plan in source.plan(_Nothing()):
            for batch in source.batches(plan):
                found |= {each: source.raw(each)[1] for each in batch.blocks["hash"].to_pylist()}
        source.finish()
    except TracerError as error:
        assert error.exit_code in (3, 4)
        assert len(str(error)) < 1_000
    return found


def test_of_a_mutated_block_file_only_sound_blocks_are_handed_over(
    tmp_path: Path, dice: random.Random
) -> None:
    chain, whole = CHAINS["bitcoin-regtest"], framed(shop_chain().blocks)
    for number in range(FILES):
        path = tmp_path / f"blk{number:05}.dat"
        path.write_bytes(mutant(dice, [whole]))
        for digest, raw in _read(path, chain).items():
            assert sha256d(raw[:80]) == digest
            wire.sound(raw, wire.Rules(chain.max_money))
        path.unlink()


@pytest.mark.parametrize("chain", fuzzing.WRITINGS, ids=lambda chain: chain.name)
def test_a_file_full_of_magics_is_not_read_once_for_each(tmp_path: Path, chain: BitcoinChain) -> None:
    """Where a header may be as long as its block, looking for the next one could cost the square of a file."""
    head = struct.pack("<I", 0x00620104) + bytes(64) + struct.pack("<III", 1, 0x207FFFFF, 7)
    for record in (b"", head + b"\xff" + b"\x7f" * 8, head + bytes(4) + b"\xff" + b"\x7f" * 8):
        frame = chain.magic + struct.pack("<I", 500_000) + record
        (tmp_path / "blk.dat").write_bytes(frame * (500_000 // len(frame)))
        with pytest.raises(BadBlockFile):
            BlockFiles(tmp_path / "blk.dat", chain)


def test_of_mutated_mainnet_blocks_only_real_ones_are_handed_over(
    realdata: Path, tmp_path: Path, dice: random.Random
) -> None:
    """Nobody makes another block of that work: what is handed over is a block of the chain, byte for byte."""
    content = (realdata / "bitcoin/blocks/mainnet-0-4312.blk.dat").read_bytes()[:40_000]
    (tmp_path / "whole.dat").write_bytes(content)
    real = _read(tmp_path / "whole.dat", CHAINS["bitcoin"])
    assert len(real) > 100
    for number in range(FILES):
        path = tmp_path / f"blk{number:05}.dat"
        path.write_bytes(mutant(dice, [content]))
        assert _read(path, CHAINS["bitcoin"]).items() <= real.items()
        path.unlink()


def test_after_a_mutated_file_the_whole_one_gives_what_it_gives_alone(
    tmp_path: Path, dice: random.Random
) -> None:
    chain = shop_chain()
    whole = write(tmp_path / "whole.dat", chain.blocks)
    plain = facts(synced(tmp_path / "plain", whole))
    known = {sha256d(block[:80]) for block in chain.blocks}
    for number in range(STORES):
        workspace = Workspace(tmp_path / f"w{number}")
        damaged = tmp_path / "damaged.dat"
        damaged.write_bytes(mutant(dice, [framed(chain.blocks)]))
        try:
            sync(workspace, damaged)
        except TracerError as error:
            assert error.exit_code in (3, 4)
        with opened(workspace, read_only=False) as ledger:
            tip = ledger.tip()
        if (
            tip is None or tip.block_hash in known
        ):  # a changed header may prove its work on regtest: another chain then
            sync(workspace, whole)
            assert facts(workspace) == plain
