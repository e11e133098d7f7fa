"""Raw Zcash transactions and regtest blocks for tests, written by hand in every version, and mined.

Written from the protocol specification and the ZIPs with hashlib and integers, not from the code it tests.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, count

from adapters.simulation.encode import height_push, merkle_root, sha256d, varint

GROUPS = {3: 0x03C48270, 4: 0x892F2085, 5: 0x26A7270A, 6: 0xD884B698}
BRANCH = 0xC2D6D0B4
TIME = 1_296_688_602
BITS = 0x200F0F0F
COIN = 100_000_000


@dataclass
class ZTx:
    """A transaction: outpoints (txid wire order, vout), outputs (script, value), and what it moves into pools.

    sprout    JoinSplits: units into and out of the pool
    sapling, orchard, ironwood  units into the pool, below zero: out of it; None: no such part
    notes     how many spends and outputs, or actions, each of these parts has
    """

    version: int = 4
    ins: Sequence[tuple[bytes, int]] = ()
    outs: Sequence[tuple[bytes, int]] = ()
    sprout: Sequence[tuple[int, int]] = ()
    sapling: int | None = None
    orchard: int | None = None
    ironwood: int | None = None
    notes: int = 1
    spends: bool = True
    script_sig: bytes = b""
    locktime: int = 0
    expiry: int = 0

    @property
    def full(self) -> bytes:
        """As sent."""
        if self.version >= 5:
            return b"".join(part for part, _ in self._new())
        head = struct.pack("<I", self.version)
        if self.version >= 3:
            head = struct.pack("<II", self.version | 1 << 31, GROUPS[self.version])
        tail = struct.pack("<I", self.locktime)
        tail += struct.pack("<I", self.expiry) if self.version >= 3 else b""
        many = self.notes if self.sapling is not None else 0
        if self.version == 4:
            spends = many if self.spends else 0
            tail += struct.pack("<q", -(self.sapling or 0))
            tail += varint(spends) + junk("spend", 384) * spends + varint(many) + junk("receipt", 948) * many
        if self.version >= 2:
            size = 1698 if self.version == 4 else 1802
            tail += varint(len(self.sprout))
            for into, out_of in self.sprout:
                tail += struct.pack("<qq", into, out_of) + junk("joinsplit", size - 16)
            tail += junk("key and signature", 96) if self.sprout else b""
        if self.version == 4 and many:
            tail += junk("binding signature", 64)
        return head + self._transparent() + tail

    def _transparent(self) -> bytes:
        ins = b"".join(
            txid
            + struct.pack("<I", vout)
            + varint(len(self.script_sig))
            + self.script_sig
            + b"\xff\xff\xff\xff"
            for txid, vout in self.ins
        )
        return varint(len(self.ins)) + ins + varint(len(self.outs)) + self._outputs()

    def _outputs(self) -> bytes:
        return b"".join(
            struct.pack("<q", value) + varint(len(script)) + script for script, value in self.outs
        )

    def _new(self) -> Iterator[tuple[bytes, bytes]]:
        """Parts of version 5 and 6, each with its hash in the tree of ZIP 244."""
        old = self.version == 5
        head = struct.pack(
            "<IIIII", self.version | 1 << 31, GROUPS[self.version], BRANCH, self.locktime, self.expiry
        )
        yield head, _blake("ZTxIdHeadersHash", head)
        points = b"".join(txid + struct.pack("<I", vout) for txid, vout in self.ins)
        leaves = [_blake("ZTxIdPrevoutHash", points), _blake("ZTxIdSequencHash", b"\xff" * 4 * len(self.ins))]
        leaves = [*leaves, _blake("ZTxIdOutputsHash", self._outputs())]
        yield (
            self._transparent(),
            _blake("ZTxIdTranspaHash", *(leaves if len(self.ins) + len(self.outs) else ())),
        )
        many = self.notes if self.sapling is not None else 0
        spends = [junk(f"spend {n}", 96) for n in range(many if self.spends else 0)]
        receipts = [junk(f"receipt {n}", 756) for n in range(many)]
        balance, anchor = struct.pack("<q", -(self.sapling or 0)), junk("anchor", 32)
        spent = [
            _blake("ZTxIdSSpendCHash", *(s[32:64] for s in spends)),
            _blake(
                "ZTxIdSSpendNHash" if old else "ZTxIdSSpendNH_v6",
                *(s[:32] + (anchor if old else b"") + s[64:] for s in spends),
            ),
        ]
        received = [
            _blake("ZTxIdSOutC__Hash", *(r[32:148] for r in receipts)),
            _blake("ZTxIdSOutM__Hash", *(r[148:660] for r in receipts)),
            _blake("ZTxIdSOutN__Hash", *(r[:32] + r[660:] for r in receipts)),
        ]
        raw = varint(len(spends)) + b"".join(spends) + varint(many) + b"".join(receipts)
        if many:
            raw += balance + (anchor if spends else b"")
            raw += junk("proofs", 256 * len(spends) + 192 * many + 64)
            node = _blake(
                "ZTxIdSaplingHash",
                _blake("ZTxIdSSpendsHash", *(spent if spends else ())),
                _blake("ZTxIdSOutputHash", *received),
                balance,
            )
        else:
            node = _blake("ZTxIdSaplingHash")
        yield raw, node
        yield self._actions(
            self.orchard, "ZTxIdOrchardHash" if old else "ZTxIdOrchardH_v6", "ZTxIdOrcAct%sHash"
        )
        if not old:
            yield self._actions(self.ironwood, "ZTxIdIronwd_H_v6", "ZTxIdIrnAct%sH_v6")

    def _actions(self, into: int | None, person: str, leaf: str) -> tuple[bytes, bytes]:
        if into is None:
            return b"\0", _blake(person)
        actions = [junk(f"{person} {n}", 820) for n in range(self.notes)]
        told = b"\3" + struct.pack("<q", -into) + junk("anchor", 32)
        proofs = junk("proofs", 2720 + 2272 * self.notes)
        raw = varint(self.notes) + b"".join(actions) + told + varint(len(proofs)) + proofs
        raw += junk("signatures", 64 * self.notes + 64)
        leaves = [
            _blake(leaf % "C", *(a[32:64] + a[96:212] for a in actions)),
            _blake(leaf % "M", *(a[212:724] for a in actions)),
            _blake(leaf % "N", *(a[:32] + a[64:96] + a[724:] for a in actions)),
        ]
        return raw, _blake(person, *leaves, told if self.version == 5 else told[:9])

    @property
    def txid(self) -> bytes:
        """Wire order."""
        if self.version < 5:
            return sha256d(self.full)
        person = b"ZcashTxHash_" + struct.pack("<I", BRANCH)
        tree = b"".join(node for _, node in self._new())
        return hashlib.blake2b(tree, digest_size=32, person=person).digest()


def _blake(person: str, *parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=32, person=person.encode()).digest()


def junk(seed: str, size: int) -> bytes:
    """Bytes that stand for what only a prover could make."""
    return hashlib.shake_128(seed.encode()).digest(size)


def coinbase(height: int, outs: Sequence[tuple[bytes, int]], version: int = 4, **pools: int) -> ZTx:
    """A coinbase that states its height; `pools` as of `ZTx`: it may pay into pools (ZIP 213)."""
    nowhere = [(bytes(32), 0xFFFFFFFF)]
    return ZTx(version, nowhere, outs, script_sig=height_push(height) + b"\0", spends=False, **pools)  # type: ignore[arg-type]


def solve(front: bytes, n: int = 48, k: int = 5) -> Iterator[bytes]:
    """Equihash solutions of 140 header bytes, by Wagner's algorithm."""
    width, step = n // 8, n // (k + 1)
    person = b"ZcashPoW" + struct.pack("<II", n, k)
    each = 512 // n
    rows = []
    for number in range((1 << (step + 1)) // each + 1):
        digest = hashlib.blake2b(
            front + struct.pack("<I", number), digest_size=each * width, person=person
        ).digest()
        rows += [int.from_bytes(digest[i * width : (i + 1) * width], "big") for i in range(each)]
    level: list[tuple[int, tuple[int, ...]]] = [(row, (i,)) for i, row in enumerate(rows[: 1 << (step + 1)])]
    for left in range(n - step, n - step * k, -step):
        buckets: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        for row, chosen in level:
            buckets.setdefault(row >> left, []).append((row, chosen))
        level = [
            (a ^ b, (*min(x, y), *max(x, y)))
            for bucket in buckets.values()
            for (a, x), (b, y) in combinations(bucket, 2)
            if not set(x) & set(y)
        ]
    for (a, x), (b, y) in combinations(level, 2):
        if a == b and not set(x) & set(y):
            bits = 0
            for i in (*min(x, y), *max(x, y)):
                bits = bits << (step + 1) | i
            yield bits.to_bytes((1 << k) * (step + 1) // 8, "big")


def mine(prev: bytes, root: bytes, time: int) -> bytes:
    """A regtest header with its solution."""
    target = (BITS & 0xFFFFFF) << 8 * ((BITS >> 24) - 3)
    for nonce in count():
        front = struct.pack("<i", 4) + prev + root + bytes(32) + struct.pack("<II", time, BITS)
        front += nonce.to_bytes(32, "little")
        for solution in solve(front):
            header = front + varint(len(solution)) + solution
            if int.from_bytes(sha256d(header), "little") <= target:
                return header
    raise AssertionError


def genesis() -> bytes:
    """The genesis block of regtest (zcashd, chainparams.cpp)."""
    text = b"Zcash0b9c4eef8b7cc417ee5001e3500984b6fea35683a7cac141a043c42064835d34"
    script = b"\x04\xff\xff\x07\x1f\x01\x04\x45" + text
    key = bytes.fromhex(
        "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112"
        "de5c384df7ba0b8d578a4c702b6bf11d5f"
    )
    tx = ZTx(1, [(bytes(32), 0xFFFFFFFF)], [(b"\x41" + key + b"\xac", 0)], script_sig=script)
    solution = bytes.fromhex("01936b7db1eb4ac39f151b8704642d0a8bda13ec547d54cd5e43ba142fc6d8877cab07b3")
    header = struct.pack("<i", 4) + bytes(32) + tx.txid + bytes(32) + struct.pack("<II", TIME, BITS)
    return header + (9).to_bytes(32, "little") + varint(36) + solution + varint(1) + tx.full


@dataclass
class ZChain:
    """Regtest blocks on top of the genesis."""

    blocks: list[bytes] = field(default_factory=lambda: [genesis()])

    def add(self, *txs: ZTx, miner: ZTx | None = None) -> ZTx:
        """Mine a block with these transactions; returns its coinbase, which takes 12.5 coins where none is given."""
        first = miner or coinbase(len(self.blocks), [(b"\x51", 1_250_000_000)])
        all_of = [first, *txs]
        root = merkle_root([tx.txid for tx in all_of])
        header = mine(sha256d(self.blocks[-1][:177]), root, TIME + 600 * len(self.blocks))
        self.blocks.append(header + varint(len(all_of)) + b"".join(tx.full for tx in all_of))
        return first
