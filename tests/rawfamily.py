"""Blocks of any chain of the Bitcoin family, mined by the entry's proof; genesis blocks from their ingredients."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.bitcoin.chains import CHAINS, BitcoinChain
from adapters.bitcoin.headers import work_problem
from adapters.bitcoin.work.auxpow import AUXPOW, MAGIC, slot
from adapters.simulation.encode import REGTEST_BITS, merkle_root, push, sha256d, varint
from tests.rawblocks import RawTx, coinbase, p2pkh

COIN = 100_000_000
_SATOSHI = (
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d"
    "578a4c702b6bf11d5f"
)
_LITECOIN_KEY = (
    "040184710fa689ad5023690c80f3a49c8f13f8d45b8c857fbcbc8bc4a8e4d3eb4b10f4d4604fa08dce601aaf0f470216fe1b51850b4acf21"
    "b179c45070ac7b03a9"
)
_BITCOIN = ("The Times 03/Jan/2009 Chancellor on brink of second bailout for banks", _SATOSHI, 50)
_LITECOIN = ("NY Times 05/Oct/2011 Steve Jobs, Apple’s Visionary, Dies at 56", _LITECOIN_KEY, 50)
_DOGECOIN = ("Nintondo", _LITECOIN_KEY, 88)
_TESTNET4 = (
    "03/May/2024 000000000000000000001ebd58c244970b3aa9d783bb001011fbe8ea8e98e00e",
    "00" * 33,
    50,
)
GENESES = {
    "bitcoin": (_BITCOIN, 1231006505, 0x1D00FFFF, 2083236893),
    "bitcoin-testnet": (_BITCOIN, 1296688602, 0x1D00FFFF, 414098458),
    "bitcoin-testnet4": (_TESTNET4, 1714777860, 0x1D00FFFF, 393743547),
    "bitcoin-regtest": (_BITCOIN, 1296688602, REGTEST_BITS, 2),
    "bitcoin-signet": (_BITCOIN, 1598918400, 0x1E0377AE, 52613770),
    "litecoin": (_LITECOIN, 1317972665, 0x1E0FFFF0, 2084524493),
    "litecoin-testnet": (_LITECOIN, 1486949366, 0x1E0FFFF0, 293345),
    "litecoin-regtest": (_LITECOIN, 1296688602, REGTEST_BITS, 0),
    "dogecoin": (_DOGECOIN, 1386325540, 0x1E0FFFF0, 99943),
    "dogecoin-testnet": (_DOGECOIN, 1391503289, 0x1E0FFFF0, 997879),
    "dogecoin-regtest": (_DOGECOIN, 1296688602, REGTEST_BITS, 2),
    "bitcoin-cash-testnet4": (_BITCOIN, 1597811185, 0x1D00FFFF, 114152193),
}
"""Newspaper line, public key and coins of the first coinbase; time, bits and nonce of its header."""
GENESES |= {
    "bitcoin-cash": GENESES["bitcoin"],
    "bitcoin-cash-testnet": GENESES["bitcoin-testnet"],
    "bitcoin-cash-chipnet": GENESES["bitcoin-cash-testnet4"],
    "bitcoin-cash-regtest": GENESES["bitcoin-regtest"],
}


def genesis_block(chain: str) -> bytes:
    """The first block, from what its makers chose."""
    (line, key, coins), time, bits, nonce = GENESES[chain]
    script = push(bytes.fromhex("ffff001d")) + b"\x01\x04" + push(line.encode())
    paid = push(bytes.fromhex(key)) + b"\xac"
    tx = RawTx(
        [(bytes(32), 0xFFFFFFFF)], [(paid, coins * COIN)], script_sig=script, version=1, sequence=0xFFFFFFFF
    )
    header = struct.pack("<I", 1) + bytes(32) + tx.txid + struct.pack("<III", time, bits, nonce)
    return header + b"\x01" + tx.full


@dataclass
class FamilyChain:
    """Blocks on top of an entry's genesis; `fork(at)` starts a rival branch.

    merged  mine along with a parent (Dogecoin); bits: the target of blocks to come
    """

    entry: BitcoinChain
    blocks: list[bytes] = field(default_factory=list)
    salt: bytes = b"\0"
    merged: bool = False
    bits: int = REGTEST_BITS

    def __post_init__(self) -> None:
        """Begin at the genesis, where nothing was given."""
        if not self.blocks:
            self.blocks = [genesis_block(self.entry.name)]

    def add(self, *txs: RawTx, reward: int | None = None, miner: bytes | None = None) -> RawTx:
        """Mine a block with these transactions, in the chain's own order; returns its coinbase."""
        height = len(self.blocks)
        value = self.entry.subsidy(height) if reward is None else reward
        first = coinbase(height, [(miner or p2pkh(f"miner {height}"), value)], extra=self.salt)
        ordered = list(txs)
        if self.entry.txid_order_height is not None and height >= self.entry.txid_order_height:
            ordered.sort(key=lambda tx: tx.txid[::-1])
        self.add_raw([first, *ordered])
        return first

    def add_raw(self, txs: Sequence[RawTx], behind: bytes = b"") -> None:
        """Mine a block with exactly these transactions, and bytes behind them."""
        prev = sha256d(self.blocks[-1][:80])
        time = 1_296_688_602 + 600 * len(self.blocks)
        root = merkle_root([tx.txid for tx in txs])
        header = mined(self.entry, prev, root, time, bits=self.bits, merged_mining=self.merged)
        self.blocks.append(header + varint(len(txs)) + b"".join(tx.full for tx in txs) + behind)

    def fork(self, height: int, salt: bytes = b"\1") -> FamilyChain:
        """A chain that shares blocks up to `height` and goes its own way."""
        return FamilyChain(self.entry, self.blocks[: height + 1], salt, self.merged)


def mined(
    entry: BitcoinChain,
    prev: bytes,
    root: bytes,
    time: int,
    *,
    bits: int = REGTEST_BITS,
    merged_mining: bool = False,
) -> bytes:
    """A header that the entry's proof accepts at a regtest target; about two tries."""
    version = 0x00620004 | AUXPOW if merged_mining else (0x20000000 if entry.segwit_height is not None else 1)
    head = struct.pack("<I", version) + prev + root + struct.pack("<II", time, bits)
    for nonce in range(1000):
        header = head + struct.pack("<I", nonce)
        whole = header + Parent(header).proof if merged_mining else header
        if work_problem(whole, entry) is None:
            return whole
    raise AssertionError("no nonce meets the target")


@dataclass
class Parent:
    """The block of another chain that proves a header's work, and everything that can be wrong with it.

    branch      other chains mined along, as hashes; slot: where this one stands, by the nonce if None
    before      bytes of the coinbase's script before this chain is named; named: the root it names, if another
    told        how many chains the coinbase says there are
    coinbase_at, root: what the header and the proof say where that is not the truth
    """

    header: bytes
    branch: Sequence[bytes] = (b"\1" * 32, b"\2" * 32)
    nonce: int = 7
    slot: int | None = None
    magic: bytes = MAGIC
    before: bytes = b"\x03abc"
    named: bytes | None = None
    told: int | None = None
    after: bytes = b""
    coinbase_at: int = 0
    root: bytes | None = None
    version: int = 0x20000000
    works: bool = True
    witness: bool = False

    @property
    def proof(self) -> bytes:
        """What follows the 80 bytes of the header."""
        at = slot(self.nonce, 0x62, len(self.branch)) if self.slot is None else self.slot
        name = sha256d(self.header[:80])
        for step, other in enumerate(self.branch):
            name = sha256d(other + name if at >> step & 1 else name + other)
        told = 1 << len(self.branch) if self.told is None else self.told
        script = self.before + self.magic + (self.named or name)[::-1]
        script += struct.pack("<II", told, self.nonce) + self.after
        first = RawTx([(bytes(32), 0xFFFFFFFF)], [(p2pkh("pool"), 5)], script_sig=script)
        if self.witness:
            first.witness = [[bytes(32)]]
        beside = b"\3" * 32
        root = sha256d(first.txid + beside) if self.root is None else self.root
        proof = first.full + bytes(32) + b"\x01" + beside + struct.pack("<I", self.coinbase_at)
        proof += varint(len(self.branch)) + b"".join(self.branch) + struct.pack("<I", at)
        return proof + self._mined(root)

    def _mined(self, root: bytes) -> bytes:
        from adapters.bitcoin.work.header import target
        from adapters.bitcoin.work.scrypt import scrypt_hash

        head = struct.pack("<I", self.version) + b"\4" * 32 + root + struct.pack("<II", 1, REGTEST_BITS)
        limit = target(int.from_bytes(self.header[72:76], "little"))
        for nonce in range(1000):
            found = head + struct.pack("<I", nonce)
            if (int.from_bytes(scrypt_hash(found), "little") <= limit) == self.works:
                return found
        raise AssertionError("no nonce meets the target")


def regtest(name: str) -> BitcoinChain:
    """The regtest entry of a chain."""
    return CHAINS[f"{name}-regtest"]
