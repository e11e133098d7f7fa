"""Bitcoin consensus encoding, as far as the simulated chain needs it.

Sources: BIP16 (P2SH), BIP34 (height in the coinbase), BIP141/143/144 (segregated witness), BIP341
(taproot), Bitcoin Core's `chainparams.cpp` for the regtest constants.
"""

from __future__ import annotations

import hashlib
import struct

from adapters.simulation.ripemd import ripemd160

P2PK, P2PKH, P2SH_P2WPKH, P2WPKH, P2TR, P2SH_MULTISIG, P2WSH_MULTISIG, BARE_MULTISIG, OP_RETURN, ANCHOR = (
    range(10)
)
KIND_NAMES = (
    "p2pk", "p2pkh", "p2sh-p2wpkh", "p2wpkh", "p2tr", "p2sh-multisig", "p2wsh-multisig", "multisig",
    "op_return", "anchor",
)  # fmt: skip
INPUT_VBYTES = (114, 148, 91, 68, 58, 297, 105, 187, 0, 41)  # virtual bytes one input of each kind adds

COIN = 100_000_000  # satoshi in a bitcoin
REGTEST_MAGIC = bytes.fromhex("fabfb5da")
REGTEST_BITS = 0x207FFFFF
REGTEST_TARGET = 0x7FFFFF << (8 * (0x20 - 3))
HALVING_INTERVAL = 150  # blocks; mainnet has 210,000
COINBASE_MATURITY = 100  # blocks
MAX_BLOCK_WEIGHT = 4_000_000

GENESIS_PUBKEY = bytes.fromhex(
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"
)
_GENESIS_COINBASE = (
    bytes.fromhex(
        "01000000" + "01" + "00" * 32 + "ffffffff" + "4d04ffff001d0104455468652054696d65732030332f4a616e2f"
    )
    + b"2009 Chancellor on brink of second bailout for banks"
    + bytes.fromhex("ffffffff" + "01" + "00f2052a01000000" + "43" + "41")
    + GENESIS_PUBKEY
    + bytes.fromhex("ac" + "00000000")
)


def sha256(data: bytes) -> bytes:
    """One SHA-256."""
    return hashlib.sha256(data).digest()


def sha256d(data: bytes) -> bytes:
    """SHA-256 twice: txids, block hashes, Merkle nodes."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256: the payload of P2PKH, P2SH and P2WPKH."""
    return ripemd160(hashlib.sha256(data).digest())


def varint(n: int) -> bytes:
    """CompactSize."""
    if n < 0xFD:
        return bytes((n,))
    if n <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", n)
    return b"\xfe" + struct.pack("<I", n)


def push(data: bytes) -> bytes:
    """The shortest script push of up to 65,535 bytes."""
    n = len(data)
    if n < 0x4C:
        return bytes((n,)) + data
    if n <= 0xFF:
        return b"\x4c" + bytes((n,)) + data
    return b"\x4d" + struct.pack("<H", n) + data


def multisig_script(needed: int, pubkeys: list[bytes]) -> bytes:
    """`OP_m <keys> OP_n OP_CHECKMULTISIG`."""
    return bytes((0x50 + needed,)) + b"".join(map(push, pubkeys)) + bytes((0x50 + len(pubkeys), 0xAE))


def merkle_root(leaves: list[bytes]) -> bytes:
    """Merkle root of at least one hash; an odd level repeats its last node."""
    digest = hashlib.sha256
    level = leaves
    while len(level) > 1:
        if len(level) & 1:
            level = [*level, level[-1]]
        level = [digest(digest(level[i] + level[i + 1]).digest()).digest() for i in range(0, len(level), 2)]
    return level[0]


def subsidy(height: int) -> int:
    """New satoshi a regtest block may create."""
    return 50 * COIN >> (height // HALVING_INTERVAL)


def height_push(height: int) -> bytes:
    """BIP34: the height as the first push of the coinbase script (small integers are opcodes)."""
    if height <= 16:
        return bytes((0x50 + height,))
    return push(height.to_bytes(height.bit_length() // 8 + 1, "little"))


def mine(prev_hash: bytes, root: bytes, time: int) -> tuple[bytes, bytes]:
    """An 80-byte header that meets the regtest target, and its hash; about two tries."""
    head = struct.pack("<I", 0x20000000) + prev_hash + root + struct.pack("<II", time, REGTEST_BITS)
    nonce = 0
    while True:
        header = head + struct.pack("<I", nonce)
        found = sha256d(header)
        if int.from_bytes(found, "little") <= REGTEST_TARGET:
            return header, found
        nonce += 1


def genesis_block() -> tuple[bytes, bytes, bytes]:
    """The real regtest genesis block, its hash and its coinbase txid (internal byte order)."""
    txid = sha256d(_GENESIS_COINBASE)
    header = struct.pack("<I", 1) + bytes(32) + txid + struct.pack("<III", 1296688602, REGTEST_BITS, 2)
    return header + b"\x01" + _GENESIS_COINBASE, sha256d(header), txid
