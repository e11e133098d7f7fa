"""Block headers: their place in the chain, and whether their proof of work counts."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.bitcoin.chains import CHAINS, BitcoinChain
from adapters.bitcoin.work import HEADER_SIZE, block_hash, target

__all__ = ["HEADER_SIZE", "Header", "bits_of", "block_hash", "target", "work", "work_problem"]


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


def bits_of(header: bytes, chain: BitcoinChain) -> int:
    """The compact target a header states."""
    at = chain.proof.time_at + 4
    return int.from_bytes(header[at : at + 4], "little")


def work_problem(header: bytes, chain: BitcoinChain) -> str | None:
    """Why a header (all its bytes, as `chain.proof` counts them) does not count, or None when it does.

    Its work must meet its own target; and a block that follows none must be the chain's first.
    """
    bits = bits_of(header, chain)
    limit = target(bits)
    if limit == 0 or limit > chain.pow_limit:
        return f"its target {bits:#010x} is easier than {chain.name} allows"
    if header[4:36] == bytes(32) and chain.proof.hash(header) != chain.genesis_hash:
        first = chain.proof.hash(header)[::-1].hex()
        whose = next((entry.name for entry in CHAINS.values() if entry.genesis == first), "another chain")
        return f"it is the first block of {whose}, not of {chain.name}"
    return chain.proof.problem(header, limit)
