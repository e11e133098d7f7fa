"""The simulated chain as a chain: read back by a reader of its own, checked by the rules and Bitcoin Core."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.simulation import World, build_world, parse_source
from adapters.simulation.ripemd import ripemd160, ripemd160_plain
from tests.nodes.kernel import kernel
from tracer.errors import StoreUnwritable, UsageError

SMALL = 1_500
SEEDS = (1, 2, 3, 4)
# sha256 over all blocks of market, seed 1, 1,500 transactions: changes only when the world is meant to
GOLDEN = "fb36eba7f14a89b65d35913d9fcc4acffd7e77440f30815e970ae3c4b8f3935e"


@dataclass(frozen=True)
class Tx:
    txid: str
    ins: tuple[tuple[str, int], ...]
    outs: tuple[tuple[int, bytes], ...]
    version: int
    locktime: int
    sequences: frozenset[int]
    script: bytes  # scriptSig of the first input
    witness: tuple[tuple[bytes, ...], ...]
    wtxid: bytes

    @property
    def coinbase(self) -> bool:
        return self.ins[0][0] == "00" * 32


@dataclass(frozen=True)
class Block:
    raw: bytes
    hash: bytes
    prev: bytes
    root: bytes
    time: int
    bits: int
    weight: int
    txs: tuple[Tx, ...]


def sha256d(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


class Reader:
    """Bytes in, numbers out; raises IndexError where the bytes end early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, n: int) -> bytes:
        if self.at + n > len(self.data):
            raise IndexError(self.at)
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, n: int) -> int:
        return int.from_bytes(self.take(n), "little")

    def varint(self) -> int:
        first = self.number(1)
        return first if first < 0xFD else self.number({0xFD: 2, 0xFE: 4, 0xFF: 8}[first])

    def text(self) -> bytes:
        return self.take(self.varint())

    def tx(self) -> tuple[Tx, int]:
        start = self.at
        version = self.take(4)
        segwit = self.data[self.at] == 0
        if segwit:
            assert self.take(2) == b"\x00\x01"
        body = self.at
        ins, scripts, sequences = [], [], set()
        for _ in range(self.varint()):
            ins.append((self.take(32)[::-1].hex(), self.number(4)))
            scripts.append(self.text())
            sequences.add(self.number(4))
        outs = tuple((self.number(8), self.text()) for _ in range(self.varint()))
        core = self.data[body : self.at]
        items = tuple(tuple(self.text() for _ in range(self.varint())) for _ in ins) if segwit else ()
        locktime = self.take(4)
        stripped = version + core + locktime
        whole = self.data[start : self.at]
        made = Tx(
            sha256d(stripped)[::-1].hex(), tuple(ins), outs, int.from_bytes(version, "little"),
            int.from_bytes(locktime, "little"), frozenset(sequences), scripts[0], items, sha256d(whole),
        )  # fmt: skip
        return made, 3 * len(stripped) + len(whole)


def read_block(raw: bytes) -> Block:
    reader = Reader(raw)
    header = reader.take(80)
    weight, txs = 4 * 83, []
    for _ in range(reader.varint()):
        tx, size = reader.tx()
        txs.append(tx)
        weight += size
    assert reader.at == len(raw), "nothing may follow the last transaction"
    number = int.from_bytes
    return Block(
        raw, sha256d(header), header[4:36], header[36:68], number(header[68:72], "little"),
        number(header[72:76], "little"), weight, tuple(txs),
    )  # fmt: skip


@cache
def world(seed: int = 1, txs: int = SMALL) -> World:
    return build_world("market", seed=seed, txs=txs)


@cache
def chain(seed: int = 1, txs: int = SMALL) -> tuple[Block, ...]:
    return tuple(read_block(raw) for raw in world(seed, txs).blocks())


def spends(blocks: tuple[Block, ...]) -> Iterator[Tx]:
    return (tx for block in blocks for tx in block.txs if not tx.coinbase)


def merkle(leaves: list[bytes]) -> bytes:
    while len(leaves) > 1:
        leaves = leaves + leaves[-1:] * (len(leaves) % 2)
        leaves = [sha256d(leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


def digest(made: World) -> str:
    total = hashlib.sha256()
    for raw in made.blocks():
        total.update(raw)
    return total.hexdigest()


# --- the same seed gives the same bytes


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "from adapters.simulation import build_world; from tests.adapters.test_simulation import digest;"
        f"print(digest(build_world('market', seed=1, txs={SMALL})))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest(world()) == GOLDEN


def test_another_seed_gives_another_world() -> None:
    assert digest(world(1)) != digest(world(2))


def test_blocks_can_be_read_twice_and_side_by_side() -> None:
    first, second = world().blocks(), world().blocks()
    assert [len(next(first)) for _ in range(3)] == [len(next(second)) for _ in range(3)]
    assert len(list(world().blocks())) == len(chain())


# --- consensus


def test_it_starts_at_the_real_regtest_genesis_block() -> None:
    first = chain()[0]
    assert first.hash[::-1].hex() == "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    assert first.txs[0].txid == "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"


@pytest.mark.parametrize("seed", SEEDS)
def test_headers_merkle_roots_and_witness_commitments(seed: int) -> None:
    blocks = chain(seed)
    for height, (before, block) in enumerate(pairwise(blocks), start=1):
        assert block.prev == before.hash
        assert block.time > before.time
        assert block.bits == 0x207FFFFF
        assert int.from_bytes(block.hash, "little") <= 0x7FFFFF << 232
        assert block.root == merkle([bytes.fromhex(tx.txid)[::-1] for tx in block.txs])
        assert block.weight <= 4_000_000
        assert len(block.txs) <= 4_000
        coinbase = block.txs[0]
        assert coinbase.coinbase
        pushed = coinbase.script[:1] if height <= 16 else coinbase.script[1 : 1 + coinbase.script[0]]
        assert pushed == (
            bytes((0x50 + height,))
            if height <= 16
            else height.to_bytes(height.bit_length() // 8 + 1, "little")
        )
        commitment = sha256d(
            merkle([bytes(32), *(tx.wtxid for tx in block.txs[1:])]) + coinbase.witness[0][0]
        )
        assert coinbase.outs[-1][1] == bytes.fromhex("6a24aa21a9ed") + commitment


@pytest.mark.parametrize("seed", SEEDS)
def test_no_value_out_of_nothing_and_nothing_spent_twice(seed: int) -> None:
    unspent: dict[tuple[str, int], tuple[int, int, bool]] = {}
    for height, block in enumerate(chain(seed)):
        fees = 0
        for tx in block.txs[1:]:
            for outpoint in tx.ins:
                value, made, coinbase = unspent.pop(outpoint)
                assert not coinbase or height - made >= 100
                fees += value
            paid = sum(value for value, _ in tx.outs)
            fees -= paid
            assert all(value >= 0 for value, _ in tx.outs)
            for vout, (value, _) in enumerate(tx.outs):
                unspent[tx.txid, vout] = (value, height, False)
        coinbase_tx = block.txs[0]
        assert fees >= 0
        assert sum(value for value, _ in coinbase_tx.outs) == (50 * 10**8 >> height // 150) + fees
        if height:
            unspent[coinbase_tx.txid, 0] = (coinbase_tx.outs[0][0], height, True)


def test_the_world_is_a_year_from_january_2019_and_of_the_size_asked_for() -> None:
    blocks = chain()
    assert blocks[1].time == 1_546_300_800
    assert 364 * 86_400 < blocks[-1].time - blocks[1].time < 367 * 86_400
    for txs in (SMALL, 20_000):
        assert txs <= sum(1 for _ in spends(chain(1, txs))) <= txs * 11 // 10


def test_bitcoin_core_accepts_every_block_of_a_signed_world(tmp_path: Path) -> None:
    pbk = kernel()
    manager = pbk.load_chainman(tmp_path, pbk.ChainType.REGTEST)
    signed = build_world("market", seed=1, txs=SMALL, signed=True)
    kinds = Counter[str]()
    for height, raw in enumerate(signed.blocks()):
        manager.process_block(pbk.Block(raw))
        assert manager.get_active_chain().height == height, "refused, or not the tip"
        kinds.update(script_kind(script) for tx in read_block(raw).txs for _, script in tx.outs)
    assert manager.get_active_chain().height > 800
    assert len(kinds) == 9, kinds


def test_signatures_are_all_that_signing_changes() -> None:
    signed = [read_block(raw) for raw in build_world("market", seed=1, txs=SMALL, signed=True).blocks()]
    for real, dummy in zip(signed, chain(), strict=True):
        assert real.time == dummy.time
        assert [(len(t.ins), sorted(v for v, _ in t.outs)) for t in real.txs] == [
            (len(t.ins), sorted(v for v, _ in t.outs)) for t in dummy.txs
        ]


def script_kind(script: bytes) -> str:
    shapes = {
        "p2pkh": (25, b"\x76\xa9\x14"), "p2sh": (23, b"\xa9\x14"), "p2wpkh": (22, b"\x00\x14"),
        "p2wsh": (34, b"\x00\x20"), "p2tr": (34, b"\x51\x20"), "anchor": (4, b"\x51\x02\x4e\x73"),
    }  # fmt: skip
    for name, (size, head) in shapes.items():
        if len(script) == size and script.startswith(head):
            return name
    if script[:1] == b"\x6a":
        return "op_return"
    return "multisig" if script[-1:] == b"\xae" else "p2pk"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_decoder_sees_every_kind_of_output_and_spends_every_kind_that_can_be_spent(seed: int) -> None:
    made = {(tx.txid, i): s for block in chain(seed) for tx in block.txs for i, (_, s) in enumerate(tx.outs)}
    kinds = Counter(map(script_kind, made.values()))
    assert set(kinds) == {
        "p2pk",
        "p2pkh",
        "p2sh",
        "p2wpkh",
        "p2wsh",
        "p2tr",
        "multisig",
        "op_return",
        "anchor",
    }
    spent = Counter(script_kind(made[outpoint]) for tx in spends(chain(seed)) for outpoint in tx.ins)
    assert set(spent) == set(kinds) - {"op_return", "anchor"}


# --- files


def test_block_files_are_framed_as_bitcoin_core_frames_them(tmp_path: Path) -> None:
    paths = world().write_blocks(tmp_path, file_size=200_000)
    assert len(paths) > 2
    assert [path.name for path in paths[:2]] == ["blk00000.dat", "blk00001.dat"]
    assert all(path.stat().st_size <= 200_000 for path in paths)
    found = []
    for path in paths:
        reader = Reader(path.read_bytes())
        while reader.at < len(reader.data):
            assert reader.take(4) == bytes.fromhex("fabfb5da")
            found.append(reader.take(reader.number(4)))
    assert found == [block.raw for block in chain()]


def test_one_file_holds_a_small_world(tmp_path: Path) -> None:
    assert [path.name for path in world().write_blocks(tmp_path)] == ["blk00000.dat"]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(StoreUnwritable, match="taken") as refused:
        world().write_blocks(tmp_path / "taken")
    assert "\n" not in str(refused.value)
    with pytest.raises(StoreUnwritable):
        world().write_claims(tmp_path / "taken")


# --- the source text


def test_a_source_names_a_world() -> None:
    assert parse_source("market?seed=7&txs=30000") == {
        "name": "market",
        "seed": 7,
        "txs": 30_000,
        "signed": False,
    }
    assert parse_source("market")["txs"] == 20_000
    assert parse_source("market?signed=true&txs=1500")["signed"] is True


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("bazaar?seed=1", "'bazaar'"), ("", "''"), ("market?speed=1", "'speed'"), ("market?seed=x", "'x'"),
        ("market?seed=1&seed=2", "seed"), ("market?txs=-5", "'-5'"), ("market?txs=3", "txs=3"),
        ("market?seed", "seed"),
        ("market?signed=yes", "'yes'"), ("market?txs=99999999999", "txs=99999999999"),
        ("market?seed=²", "'²'"),
    ],
)  # fmt: skip
def test_a_wrong_source_is_refused_in_one_line(text: str, named: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_source(text)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_world_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(UsageError, match="txs=10 "):
        build_world("market", seed=1, txs=10)
    with pytest.raises(UsageError, match="nowhere"):
        build_world("nowhere", seed=1, txs=SMALL)


def test_progress_rises_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    build_world("market", seed=5, txs=SMALL, progress=lambda done, of: seen.append((done, of)))
    assert seen == sorted(seen)
    assert seen[-1] == (SMALL, SMALL)


def test_plain_ripemd160_equals_the_published_vectors() -> None:
    vectors = {
        b"": "9c1185a5c5e9fc54612808977ee8f548b2258d31",
        b"abc": "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
    }
    for text, expected in vectors.items():
        assert ripemd160_plain(text).hex() == ripemd160(text).hex() == expected
    long = b"1234567890" * 8
    assert ripemd160_plain(long).hex() == "9b752e45573d4b39f4dbd3323cab82bf63326bfb"
