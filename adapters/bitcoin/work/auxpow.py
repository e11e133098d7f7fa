"""Merged mining, Dogecoin's: the work of another chain's block counts, because its coinbase commits to this block.

A header with bit 0x100 of its version goes on behind its 80 bytes: the parent's coinbase, its Merkle branch to the
parent's root, the branch from this block to the root of all chains mined along, and the parent's header
(bitcoin.it, "Merged mining specification"; Dogecoin Core's auxpow as behaviour). A header without it proves its own
work by scrypt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.bitcoin.work.header import HEADER_SIZE, MISSED, Bytes, block_hash
from adapters.bitcoin.work.scrypt import scrypt_hash

AUXPOW = 0x100
"""The bit of a header's version that says that a parent's proof follows."""
MAGIC = b"\xfa\xbemm"
"""What a parent's coinbase says just before the root of the chains mined along."""
EARLY = 20
"""Without that magic the root must begin within so many bytes of the coinbase's script."""
LONGEST_CHAIN_BRANCH = 30
_LONGEST_BRANCH = 64


@dataclass(frozen=True)
class AuxPowHeader:
    """Merged mining with scrypt.

    chain_id   of this chain, in the upper half of a version: its slot among the chains mined along
    strict     whether a block of this chain must carry that id, and its parent must not
    """

    chain_id: int
    strict: bool = True

    time_at = 68
    fixed = None

    def size(self, block: Bytes) -> int | None:
        """80, or all up to the end of the parent's header."""
        if len(block) < HEADER_SIZE:
            return None
        return _Proof(block).end if _version(block) & AUXPOW else HEADER_SIZE

    def hash(self, header: bytes) -> bytes:
        """SHA-256d of the first 80 bytes."""
        return block_hash(header[:HEADER_SIZE])

    def problem(self, header: bytes, limit: int) -> str | None:
        """The parent's scrypt hash against this block's target, and whether the parent's coinbase means this block."""
        version = _version(header)
        legacy = version in (1, 2)
        if not legacy and self.strict and version >> 16 != self.chain_id:
            return f"its version {version:#x} is of another chain that is mined along"
        if not version & AUXPOW:
            return None if _meets(header, limit) else MISSED
        proof = _Proof(header)
        if proof.end is None:
            return "its merged-mining proof is cut off or malformed"
        if self.strict and proof.version >> 16 == self.chain_id:
            return "its merged-mining parent is of the same chain"
        if problem := proof.problem(self.hash(header), version >> 16):
            return problem
        return None if _meets(proof.parent, limit) else "its merged-mining parent does not meet its target"


def _version(header: Bytes) -> int:
    return int.from_bytes(header[:4], "little", signed=True)


def _meets(header: bytes, limit: int) -> bool:
    return int.from_bytes(scrypt_hash(header[:HEADER_SIZE]), "little") <= limit


class _Proof:
    """What follows the 80 bytes; `end` is None where it does not fit."""

    end: int | None = None

    def __init__(self, header: Bytes) -> None:
        self._bytes = header
        self._at = HEADER_SIZE
        try:
            self._coinbase()
            self._take(32)  # the parent's block hash: nodes write whatever they like here
            self.branch = self._hashes(_LONGEST_BRANCH)
            self.index = int.from_bytes(self._take(4), "little")
            self.chain_branch = self._hashes(_LONGEST_BRANCH)
            self.chain_index = int.from_bytes(self._take(4), "little")
            self.parent = self._take(HEADER_SIZE)
        except _CutOff:
            return
        self.version = _version(self.parent)
        self.end = self._at

    def problem(self, digest: bytes, chain_id: int) -> str | None:
        """Why the parent's coinbase does not stand for the block of this hash."""
        if self.index != 0:
            return "its merged-mining proof is not by the parent's coinbase"
        if len(self.chain_branch) > LONGEST_CHAIN_BRANCH:
            return "its branch among the chains mined along is too long"
        if _root(self.coinbase, self.branch, 0) != self.parent[36:68]:
            return "the parent's coinbase is not in the parent's block (Merkle branch)"
        root = _root(digest, self.chain_branch, self.chain_index)[::-1]
        at, magic = self.script.find(root), self.script.find(MAGIC)
        if at < 0:
            return "the parent's coinbase does not name this block (merged-mining branch)"
        if magic < 0:
            if at > EARLY:
                return "the parent's coinbase names this block without the merged-mining magic, and too late"
        elif self.script.find(MAGIC, magic + 1) >= 0:
            return "the parent's coinbase holds the merged-mining magic twice"
        elif magic + len(MAGIC) != at:
            return "the merged-mining magic does not stand before this block's name"
        said = self.script[at + 32 : at + 40]
        height = len(self.chain_branch)
        if len(said) < 8 or int.from_bytes(said[:4], "little") != 1 << height:
            return "the parent's coinbase tells another number of chains than its branch"
        if self.chain_index != slot(int.from_bytes(said[4:], "little"), chain_id, height):
            return "this chain is in the wrong slot among the chains mined along"
        return None

    def _coinbase(self) -> None:
        """The parent's first transaction: its txid and the script of its first input."""
        start = self._at
        version = self._take(4)
        witness = self._bytes[self._at : self._at + 2] == b"\0\1"
        if witness:
            self._at += 2
        body = self._at
        scripts = []
        for _ in range(inputs := self._count()):
            self._take(36)
            scripts.append(self._take(self._count()))
            self._take(4)
        for _ in range(self._count()):
            self._take(8)
            self._take(self._count())
        body_end = self._at
        if witness:
            for _ in range(inputs):
                for _ in range(self._count()):
                    self._take(self._count())
        locktime = self._take(4)
        if not scripts:
            raise _CutOff
        self.script = scripts[0]
        plain = version + bytes(self._bytes[body:body_end]) + locktime
        self.coinbase = block_hash(plain if witness else bytes(self._bytes[start : self._at]))

    def _hashes(self, most: int) -> list[bytes]:
        count = self._count()
        if count > most:
            raise _CutOff
        return [self._take(32) for _ in range(count)]

    def _count(self) -> int:
        first = self._take(1)[0]
        return first if first < 0xFD else int.from_bytes(self._take(1 << (first - 0xFC)), "little")

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._bytes):
            raise _CutOff
        found = bytes(self._bytes[self._at : end])
        self._at = end
        return found


class _CutOff(Exception):
    """The proof goes on behind the bytes at hand, or is none."""


def _root(leaf: bytes, branch: Sequence[bytes], index: int) -> bytes:
    """The root that a leaf and its Merkle branch give; the bits of the index say on which side each step lies."""
    for other in branch:
        leaf = block_hash(other + leaf if index & 1 else leaf + other)
        index >>= 1
    return leaf


def slot(nonce: int, chain_id: int, height: int) -> int:
    """Where a chain stands among 2^height chains: drawn from the nonce, so that no work counts twice for one chain."""
    drawn = (nonce * 1103515245 + 12345) & 0xFFFFFFFF
    drawn = ((drawn + chain_id) * 1103515245 + 12345) & 0xFFFFFFFF
    return drawn % (1 << height)
