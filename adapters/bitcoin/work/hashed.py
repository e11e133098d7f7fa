"""Bitcoin's own: the block hash itself is the proof."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.bitcoin.work.header import HEADER_SIZE, MISSED, Bytes, block_hash


@dataclass(frozen=True)
class HashedHeader:
    """SHA-256d of 80 bytes."""

    time_at = 68
    fixed = HEADER_SIZE

    def size(self, block: Bytes) -> int | None:
        """Always 80."""
        return HEADER_SIZE if len(block) >= HEADER_SIZE else None

    def hash(self, header: bytes) -> bytes:
        """SHA-256d."""
        return block_hash(header)

    def problem(self, header: bytes, limit: int) -> str | None:
        """The block hash against the target."""
        return None if int.from_bytes(block_hash(header), "little") <= limit else MISSED
