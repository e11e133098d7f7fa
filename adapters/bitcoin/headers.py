"""Block headers: hash, target, proof of work."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from adapters.bitcoin.chains import BitcoinChain

HEADER_SIZE = 80


@dataclass(frozen=True, slots=True)
class Header:
    """A block header, and where its block lies: an index the source understands, -1 for the ledger's own."""

    block_hash: bytes
    prev_hash: bytes
    bits: int
    place: int


def block_hash(header: bytes) -> bytes:
    """SHA-256d of the 80 header bytes, in wire order."""
    return hashlib.sha256(hashlib.sha256(header).digest()).digest()


def target(bits: int) -> int:
    """The number a block hash must not exceed, from its compact form; 0 where that is negative or absurd."""
    size, mantissa = bits >> 24, bits & 0x007FFFFF
    if bits & 0x00800000 or not mantissa or size > 34:
        return 0
    return mantissa << 8 * (size - 3) if size > 3 else mantissa >> 8 * (3 - size)


def work(bits: int) -> int:
    """Expected number of hashes to find a block at this target."""
    limit = target(bits)
    return (1 << 256) // (limit + 1) if limit else 0


def work_problem(digest: bytes, bits: int, chain: BitcoinChain) -> str | None:
    """Why a header's proof of work does not count, or None when it does."""
    limit = target(bits)
    if limit == 0 or limit > chain.pow_limit:
        return f"its target {bits:#010x} is easier than {chain.name} allows"
    if int.from_bytes(digest, "little") > limit:
        return "its hash does not meet its own target (proof of work)"
    return None
