"""Block headers: their place in the chain, and whether their proof of work counts."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.work import HEADER_SIZE, block_hash, target

__all__ = ["HEADER_SIZE", "Header", "block_hash", "target", "work", "work_problem"]


@dataclass(frozen=True, slots=True)
class Header:
    """A block header, and where its block lies: an index the source understands, -1 for the ledger's own."""

    block_hash: bytes
    prev_hash: bytes
    bits: int
    place: int


def work(bits: int) -> int:
    """Expected number of hashes to find a block at this target."""
    limit = target(bits)
    return (1 << 256) // (limit + 1) if limit else 0


def work_problem(header: bytes, chain: BitcoinChain) -> str | None:
    """Why the work of a header (all its bytes, as `chain.proof` counts them) does not count, or None when it does."""
    bits = int.from_bytes(header[72:76], "little")
    limit = target(bits)
    if limit == 0 or limit > chain.pow_limit:
        return f"its target {bits:#010x} is easier than {chain.name} allows"
    return chain.proof.problem(header, limit)
