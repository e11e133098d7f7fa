"""Which blocks to believe: proof of work, the header tree, most work wins."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.bitcoin.chains import BitcoinChain

HEADER_SIZE = 80


@dataclass(frozen=True, slots=True)
class Header:
    """A block header as found, and where its block lies.

    place is an index the source understands; work the expected hashes to make it; height is only set where
    the coinbase states it (BIP 34) and is not trusted before the chain confirms it.
    """

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


@dataclass(frozen=True)
class Branch:
    """A run of headers in chain order. `parent` is the hash the first one builds on."""

    parent: bytes
    headers: Sequence[Header]
    work: int


class HeaderTree:
    """Headers in any order -> the branches they form, with the work of each."""

    def __init__(self, headers: Iterable[Header]) -> None:
        """Duplicates are dropped; the first copy seen counts."""
        self.headers: dict[bytes, Header] = {}
        for header in headers:
            self.headers.setdefault(header.block_hash, header)
        self._children: dict[bytes, list[Header]] = {}
        for header in self.headers.values():
            self._children.setdefault(header.prev_hash, []).append(header)

    def roots(self) -> list[bytes]:
        """Parent hashes that are not among the headers themselves, in order of appearance."""
        return [parent for parent in self._children if parent not in self.headers]

    def best_branch(self, parent: bytes) -> Branch:
        """The branch with most work that builds on `parent`; on equal work the one seen first."""
        best, best_work = parent, 0
        total: dict[bytes, int] = {parent: 0}
        queue = [parent]
        for current in queue:  # parents before children: grows while it is read
            for header in self._children.get(current, ()):
                total[header.block_hash] = total[current] + work(header.bits)
                queue.append(header.block_hash)
                if total[header.block_hash] > best_work:
                    best, best_work = header.block_hash, total[header.block_hash]
        chain: list[Header] = []
        while best != parent:
            chain.append(self.headers[best])
            best = self.headers[best].prev_hash
        return Branch(parent, chain[::-1], best_work)
