"""Raw regtest blocks for tests, written by hand: transactions from outpoints and scripts, mined in two tries."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.simulation.encode import (
    REGTEST_MAGIC,
    genesis_block,
    height_push,
    merkle_root,
    mine,
    sha256d,
    subsidy,
    varint,
)

GENESIS = genesis_block()[0]
GENESIS_TIME = 1_296_688_602


def p2pkh(name: str) -> bytes:
    """A P2PKH script whose hash is a name."""
    return b"\x76\xa9\x14" + name.encode().ljust(20, b"\0") + b"\x88\xac"


def p2wpkh(name: str) -> bytes:
    """A P2WPKH script whose program is a name."""
    return b"\x00\x14" + name.encode().ljust(20, b"\0")


@dataclass
class RawTx:
    """A transaction to serialise: outpoints (txid wire order, vout), outputs (script, value)."""

    ins: Sequence[tuple[bytes, int]]
    outs: Sequence[tuple[bytes, int]]
    witness: Sequence[Sequence[bytes]] = ()
    script_sig: bytes = b""
    version: int = 2
    locktime: int = 0
    sequence: int = 0xFFFFFFFD

    def _body(self) -> bytes:
        ins = b"".join(
            txid
            + struct.pack("<I", vout)
            + varint(len(self.script_sig))
            + self.script_sig
            + struct.pack("<I", self.sequence)
            for txid, vout in self.ins
        )
        outs = b"".join(
            struct.pack("<q", value) + varint(len(script)) + script for script, value in self.outs
        )
        return varint(len(self.ins)) + ins + varint(len(self.outs)) + outs

    @property
    def stripped(self) -> bytes:
        """Without witness: what the txid hashes."""
        return struct.pack("<i", self.version) + self._body() + struct.pack("<I", self.locktime)

    @property
    def full(self) -> bytes:
        """As sent."""
        if not self.witness:
            return self.stripped
        stacks = b"".join(
            varint(len(stack)) + b"".join(varint(len(item)) + item for item in stack)
            for stack in self.witness
        )
        return (
            struct.pack("<i", self.version)
            + b"\0\1"
            + self._body()
            + stacks
            + struct.pack("<I", self.locktime)
        )

    @property
    def txid(self) -> bytes:
        """Wire order."""
        return sha256d(self.stripped)


def coinbase(height: int, outs: Sequence[tuple[bytes, int]], *, extra: bytes = b"\0") -> RawTx:
    """A coinbase that states its height."""
    return RawTx([(bytes(32), 0xFFFFFFFF)], outs, script_sig=height_push(height) + extra, sequence=0xFFFFFFFF)


@dataclass
class RawChain:
    """Blocks on top of the genesis; `fork(at)` starts a rival branch."""

    blocks: list[bytes] = field(default_factory=lambda: [GENESIS])
    salt: bytes = b"\0"

    def add(self, *txs: RawTx, reward: int | None = None, miner: bytes | None = None) -> RawTx:
        """Mine a block with these transactions; returns its coinbase."""
        height = len(self.blocks)
        value = subsidy(height) if reward is None else reward
        outs = [(miner or p2pkh(f"miner {height}"), value)]
        if any(tx.witness for tx in txs):
            leaves = [bytes(32), *(sha256d(tx.full) for tx in txs)]
            commitment = sha256d(merkle_root(leaves) + bytes(32))
            outs.append((bytes.fromhex("6a24aa21a9ed") + commitment, 0))
        first = coinbase(height, outs, extra=self.salt)
        if len(outs) > 1:
            first.witness = [[bytes(32)]]
        self.add_raw([first, *txs])
        return first

    def add_raw(self, txs: Sequence[RawTx]) -> None:
        """Mine a block with exactly these transactions."""
        prev = sha256d(self.blocks[-1][:80])
        header, _ = mine(prev, merkle_root([tx.txid for tx in txs]), GENESIS_TIME + 600 * len(self.blocks))
        self.blocks.append(header + varint(len(txs)) + b"".join(tx.full for tx in txs))

    def fork(self, height: int, salt: bytes = b"\1") -> RawChain:
        """A chain that shares blocks up to `height` and goes its own way."""
        return RawChain(self.blocks[: height + 1], salt)


def framed(blocks: Sequence[bytes], magic: bytes = REGTEST_MAGIC) -> bytes:
    """Blocks as a node writes them into a blk file."""
    return b"".join(magic + struct.pack("<I", len(block)) + block for block in blocks)


def write(path: Path, blocks: Sequence[bytes], magic: bytes = REGTEST_MAGIC, tail: bytes = b"") -> Path:
    """One blk file."""
    path.write_bytes(framed(blocks, magic) + tail)
    return path


def shop_chain() -> RawChain:
    """A small chain with spends of several kinds: 12 blocks, one transaction in each from height 3 on."""
    chain = RawChain()
    first = chain.add(miner=p2pkh("alice"))
    chain.add()
    coin, value = (first.txid, 0), subsidy(1)
    for height in range(3, 13):
        out = p2wpkh(f"owner {height}") if height % 2 else p2pkh(f"owner {height}")
        witness = [[b"\x30" * 71, b"\x02" * 33]] if height % 3 == 0 else ()
        tx = RawTx([coin], [(p2pkh("shop"), 1_000_000), (out, value - 1_000_000 - 500)], witness=witness)
        chain.add(tx)
        coin, value = (tx.txid, 1), value - 1_000_500
    return chain
