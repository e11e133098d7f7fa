"""Locking scripts from keys, and the address of a script: BIPs 11, 13, 16, 141, 341, 342, 387."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tracer.chain import AddressKey, ScriptKind

LEAF = 0xC0
"""Version of a leaf that is a tapscript (BIP 342)."""


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256."""
    from Crypto.Hash import RIPEMD160

    return RIPEMD160.new(hashlib.sha256(data).digest()).digest()


def tagged(tag: str, data: bytes) -> bytes:
    """The tagged hash of BIP 340."""
    head = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(head + head + data).digest()


def push(data: bytes) -> bytes:
    """Up to 75 bytes with their length in front."""
    return bytes([len(data)]) + data


def number(value: int) -> bytes:
    """A number above 0 as a script pushes it: OP_1 to OP_16, else its bytes (little-endian, sign in the top bit)."""
    if value <= 16:
        return bytes([0x50 + value])
    return push(value.to_bytes(value.bit_length() // 8 + 1, "little"))


def p2pk(key: bytes) -> bytes:
    """<key> OP_CHECKSIG; of an x-only key a tapscript."""
    return push(key) + b"\xac"


def p2pkh(key: bytes) -> bytes:
    """OP_DUP OP_HASH160 <hash> OP_EQUALVERIFY OP_CHECKSIG."""
    return b"\x76\xa9" + push(hash160(key)) + b"\x88\xac"


def p2sh(script: bytes) -> bytes:
    """OP_HASH160 <hash> OP_EQUAL."""
    return b"\xa9" + push(hash160(script)) + b"\x87"


def p2wpkh(key: bytes) -> bytes:
    """Version 0 and the key's hash."""
    return b"\x00" + push(hash160(key))


def p2wsh(script: bytes) -> bytes:
    """Version 0 and the script's SHA-256."""
    return b"\x00" + push(hashlib.sha256(script).digest())


def multisig(needed: int, keys: Sequence[bytes]) -> bytes:
    """OP_m <keys> OP_n OP_CHECKMULTISIG."""
    return number(needed) + b"".join(push(key) for key in keys) + number(len(keys)) + b"\xae"


def multisig_leaf(needed: int, keys: Sequence[bytes]) -> bytes:
    """The tapscript of a multisig: each signature adds one (BIP 387)."""
    first, *others = keys
    added = b"".join(push(key) + b"\xba" for key in others)
    return push(first) + b"\xac" + added + number(needed) + b"\x9c"


def leaf_hash(script: bytes) -> bytes:
    """A tapscript as a leaf of its tree."""
    size = len(script)
    length = bytes([size]) if size < 0xFD else b"\xfd" + size.to_bytes(2, "little")
    return tagged("TapLeaf", bytes([LEAF]) + length + script)


def branch_hash(one: bytes, other: bytes) -> bytes:
    """Two parts of a tree."""
    return tagged("TapBranch", min(one, other) + max(one, other))


def p2tr(internal: bytes, root: bytes = b"") -> bytes:
    """Version 1 and the x-only internal key, tweaked with itself and the root of its tree, if any (BIP 341)."""
    import coincurve

    lifted = coincurve.PublicKey(b"\x02" + internal)
    return b"\x51" + push(lifted.add(tagged("TapTweak", internal + root)).format()[1:])


def address_of(script: bytes) -> AddressKey | None:
    """The address of a locking script as the ledger keeps it; None where it has none.

    The templates of `adapters.bitcoin.classify`, for one script; tests hold the two equal.
    """
    size = len(script)
    if size == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return AddressKey(int(ScriptKind.P2PKH), script[3:23])
    if size == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return AddressKey(int(ScriptKind.P2SH), script[2:22])
    if size in (35, 67) and script[0] == size - 2 and script[-1:] == b"\xac" and _is_key(script[1:-1]):
        return AddressKey(int(ScriptKind.P2PKH), hash160(script[1:-1]))
    if 4 <= size <= 42 and (script[0] == 0 or 0x51 <= script[0] <= 0x60) and script[1] == size - 2:
        return _witness(script)
    if _is_multisig(script):
        return AddressKey(int(ScriptKind.MULTISIG), hashlib.sha256(script).digest())
    return None


def _witness(script: bytes) -> AddressKey | None:
    version, program = script[0] and script[0] - 0x50, script[2:]
    if version == 0:
        kind = {20: ScriptKind.P2WPKH, 32: ScriptKind.P2WSH}.get(len(program))
        return None if kind is None else AddressKey(int(kind), program)
    if version == 1 and len(program) == 32:
        return AddressKey(int(ScriptKind.P2TR), program)
    if script == b"\x51\x02\x4e\x73":  # an anchor, anybody's
        return None
    return AddressKey(int(ScriptKind.WITNESS_UNKNOWN), bytes([version]) + program)


def _is_key(data: bytes) -> bool:
    return (len(data), data[0]) in ((33, 2), (33, 3), (65, 4), (65, 6), (65, 7))


def _is_multisig(script: bytes) -> bool:
    """OP_m <key>... OP_n OP_CHECKMULTISIG with 1 <= m <= n <= 16."""
    if len(script) < 37 or script[-1] != 0xAE:
        return False
    needed, keys = script[0] - 0x50, script[-2] - 0x50
    if not 1 <= needed <= keys <= 16:
        return False
    at, found = 1, 0
    while at < len(script) - 2:
        end = at + 1 + script[at]
        if script[at] not in (33, 65) or end > len(script) - 2 or not _is_key(script[at + 1 : end]):
            return False
        at, found = end, found + 1
    return found == keys
