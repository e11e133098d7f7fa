"""From coins to blocks: serialises transactions, fills blocks, mines and spools them to a temporary file.

Nothing about a finished block stays in memory but its hash: five million transactions need a disk, not a
cluster. A transaction may spend outputs of the same block; order inside a block is the order of creation.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from typing import IO

from adapters.simulation.encode import (
    COINBASE_MATURITY,
    GENESIS_PUBKEY,
    MAX_BLOCK_WEIGHT,
    P2PK,
    genesis_block,
    hash160,
    height_push,
    merkle_root,
    mine,
    push,
    sha256d,
    subsidy,
    varint,
)
from adapters.simulation.keys import Coin, Key, Keyring, unlock
from adapters.simulation.recorder import CHANGE, NONE, Recorder
from adapters.simulation.signing import SigHash
from tracer.errors import StoreUnwritable

FINAL = b"\xff\xff\xff\xff"
NO_RBF = b"\xfe\xff\xff\xff"  # lets a locktime count, signals nothing
RBF = b"\xfd\xff\xff\xff"  # BIP125
MAX_BLOCK_TXS = 4_000
_SPOOL_MEMORY = 48 << 20  # bytes kept in memory before a temporary file takes over
_INDEX = [struct.pack("<I", i) for i in range(2_048)]

Out = tuple[Key, int, int]  # lock, satoshi, purpose (CHANGE for the payer's own change)


class ChainBuilder:
    """The growing chain and the block being filled."""

    def __init__(self, ring: Keyring, truth: Recorder) -> None:
        self.ring = ring
        self.truth = truth
        self.height = 0  # of the block being filled
        self.time = 0  # of the last finished block, seconds since 1970
        self.tx_count = 0  # transactions so far, coinbases not counted
        self.miner: Key | None = None  # who gets the next coinbase
        self.matured: list[
            Coin
        ] = []  # coinbases that may be spent from this height on; the caller empties it
        self._young: list[Coin] = []
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL_MEMORY)  # noqa: SIM115
        self._prev = b""
        self._txs: list[bytes] = []
        self._txids: list[bytes] = []
        self._wtxids: list[bytes] = []
        self._fees = 0
        self._weight = 0
        self._genesis()

    def _genesis(self) -> None:
        block, self._prev, txid = genesis_block()
        truth = self.truth
        owner = truth.owner("genesis", "miner")
        index = truth.address(P2PK, hash160(GENESIS_PUBKEY), owner, truth.role("coinbase"), -1)
        truth.transaction(txid, 0)
        truth.output(index, subsidy(0), NONE)
        self._write(block)
        self.time = 1_296_688_602
        truth.block(self.time)
        self.height = 1

    def _write(self, block: bytes) -> None:
        try:
            self._spool.write(struct.pack("<I", len(block)) + block)
        except OSError as problem:
            folder = tempfile.gettempdir()
            raise StoreUnwritable(
                f"simulation: cannot write blocks to the temporary folder {folder} ({problem.strerror}).",
                hint="Nothing was kept. Make room there, or name another folder in TMPDIR.",
            ) from problem

    def transact(
        self,
        coins: list[Coin],
        outs: list[Out],
        *,
        version: int = 2,
        locktime: int = 0,
        sequence: bytes = FINAL,
        order: int = -1,
        payer: int = -1,
    ) -> list[Coin]:
        """Spend `coins` into `outs` in the block being filled; gives the new coins in output order.

        Each new coin is handed to the home of its key. `order` (a row of the orders table) is noted with the
        payments; `payer` names who pays when the first input does not.
        """
        signer = self.ring.signer
        fee = 0
        outs_blob = bytearray()
        for key, value, _ in outs:
            if value < 0:
                raise RuntimeError(f"simulation: negative output at height {self.height}")
            outs_blob += value.to_bytes(8, "little") + key.lock
            fee -= value
        version_bytes = version.to_bytes(4, "little")
        lock_bytes = locktime.to_bytes(4, "little")
        n_in, n_out = varint(len(coins)), varint(len(outs))
        blob = bytes(outs_blob)
        hasher = (
            SigHash(
                version=version_bytes,
                coins=coins,
                sequence=sequence,
                outs=blob,
                n_outs=len(outs),
                locktime=lock_bytes,
            )
            if signer.real
            else None
        )
        ins = bytearray()
        witnesses = []
        has_witness = False
        for i, coin in enumerate(coins):
            fee += coin.value
            script, witness = unlock(signer, coin, i, hasher)
            ins += coin.prevout + varint(len(script)) + script + sequence
            if witness:
                has_witness = True
                witnesses.append(witness)
            else:
                witnesses.append(b"\x00")
        if fee < 0:
            raise RuntimeError(f"simulation: value out of nothing at height {self.height}")
        body = n_in + ins + n_out + blob
        stripped = version_bytes + body + lock_bytes
        txid = sha256d(stripped)
        if has_witness:
            full = version_bytes + b"\x00\x01" + body + b"".join(witnesses) + lock_bytes
            wtxid = sha256d(full)
        else:
            full, wtxid = stripped, txid
        weight = 3 * len(stripped) + len(full)
        if self._weight + weight > MAX_BLOCK_WEIGHT - 8_000 or len(self._txs) >= MAX_BLOCK_TXS - 1:
            self.close_block(self.time + 60)
        self._weight += weight
        self._fees += fee
        self._txs.append(full)
        self._txids.append(txid)
        self._wtxids.append(wtxid)
        self.tx_count += 1
        return self._record(txid, coins, outs, order, payer)

    def _record(self, txid: bytes, coins: list[Coin], outs: list[Out], order: int, payer: int) -> list[Coin]:
        truth = self.truth
        truth.transaction(txid, self.height)
        if payer < 0:
            payer = coins[0].key.owner
        made = []
        for i, (key, value, purpose) in enumerate(outs):
            coin = Coin(txid + _INDEX[i], value, key)
            made.append(coin)
            at = truth.output(key.index, value, purpose)
            if purpose > CHANGE:
                truth.payment(at, payer, purpose, order)
            if key.home is not None:
                key.home.append(coin)
        return made

    def close_block(self, time: int) -> None:
        """Mine the block being filled at `time` (moved forward where the previous block is not older)."""
        assert self.miner is not None
        key = self.miner
        height = self.height
        self.time = max(time, self.time + 1)
        reward = subsidy(height) + self._fees
        root = merkle_root([bytes(32), *self._wtxids])
        commitment = b"\x6a\x24\xaa\x21\xa9\xed" + sha256d(root + bytes(32))
        script = height_push(height) + push(b"simulated")
        prefix = struct.pack("<I", 2)
        outs = reward.to_bytes(8, "little") + key.lock + bytes(8) + varint(len(commitment)) + commitment
        body = b"\x01" + bytes(32) + FINAL + varint(len(script)) + script + FINAL + b"\x02" + outs
        tail = bytes(4)
        txid = sha256d(prefix + body + tail)
        coinbase = prefix + b"\x00\x01" + body + b"\x01\x20" + bytes(32) + tail
        header, self._prev = mine(self._prev, merkle_root([txid, *self._txids]), self.time)
        self._write(b"".join([header, varint(len(self._txs) + 1), coinbase, *self._txs]))
        truth = self.truth
        truth.transaction(txid, height)
        truth.output(key.index, reward, NONE)
        truth.output(-1, 0, NONE)
        truth.block(self.time)
        self._young.append(Coin(txid + _INDEX[0], reward, key))
        self.height = height + 1
        if self.height - COINBASE_MATURITY >= 1:
            self.matured.append(self._young[self.height - COINBASE_MATURITY - 1])
        self._txs, self._txids, self._wtxids = [], [], []
        self._fees = self._weight = 0

    def blocks(self) -> Iterator[bytes]:
        """Every finished block, from genesis."""
        at = 0
        while True:
            self._spool.seek(at)
            head = self._spool.read(4)
            if not head:
                return
            size = struct.unpack("<I", head)[0]
            at += 4 + size
            yield self._spool.read(size)

    def close(self) -> None:
        """Give the temporary file back."""
        self._spool.close()
