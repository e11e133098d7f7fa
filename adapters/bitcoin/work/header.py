"""What all headers of the family share, and what a proof of work is asked."""

from __future__ import annotations

import hashlib
from typing import Protocol

Bytes = bytes | memoryview
HEADER_SIZE = 80
"""Version, previous hash, Merkle root, time, bits, nonce: Bitcoin's header, and the least of any of the family."""


class ProofOfWork(Protocol):
    """One way to prove work, with the header that carries the proof."""

    @property
    def time_at(self) -> int:
        """Where the time stands in a header; bits and (the first 4 bytes of) the nonce follow."""

    @property
    def fixed(self) -> int | None:
        """Bytes of every header, or None where they differ from block to block."""

    def size(self, block: Bytes) -> int | None:
        """How many bytes of a block (or of as much of it as is at hand) are its header; None where they do not say."""

    def hash(self, header: bytes) -> bytes:
        """The block hash in wire order, from all bytes of a header."""

    def problem(self, header: bytes, limit: int) -> str | None:
        """Why a header does not prove work at its own target, or None when it does."""


def block_hash(header: bytes) -> bytes:
    """SHA-256d of header bytes, in wire order."""
    return hashlib.sha256(hashlib.sha256(header).digest()).digest()


def target(bits: int) -> int:
    """The number a block hash must not exceed, from its compact form; 0 where that is negative or absurd."""
    size, mantissa = bits >> 24, bits & 0x007FFFFF
    if bits & 0x00800000 or not mantissa or size > 34:
        return 0
    return mantissa << 8 * (size - 3) if size > 3 else mantissa >> 8 * (3 - size)


MISSED = "its hash does not meet its own target (proof of work)"
