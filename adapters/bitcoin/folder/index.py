"""Find every block in raw block files, and everything in them that is no block.

A record is the network's magic, a little-endian length and the block. Files hold blocks out of order, stale
branches, zero padding and, while the node lives, a cut-off tail; all of that is normal. Everything else is
named with file and offset. An index is brought up to date by reading what its files got since.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.bitcoin.chains import MAGICS, BitcoinChain
from adapters.bitcoin.folder.obfuscation import Content
from adapters.bitcoin.headers import HEADER_SIZE, Header, bits_of, target, work_problem
from tracer.errors import BadBlockFile, SourceUnavailable

LONGEST_ZERO_END = 64
"""No block ends in more zero bytes than this (a locktime has four); a record that does is not written yet."""
_FRONT = 4_096
"""Bytes of a block that hold nearly every header which says its own length."""
_PATIENCE = 2
"""So many times a file's size is read for longer headers: a file full of magics must not cost the square."""
_HIDDEN_ZERO_END = 4
"""The same under a key, which turns a block's own zeros into something else: more are chance, one block in 2**40."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block lies: file number, offset of its header, size in bytes."""

    file: int
    offset: int
    size: int


@dataclass
class _Walked:
    """What is known of one file: how it looked, where its last block ends and which that is, what is wrong with it."""

    stamp: tuple[int, int, int] | None = None
    done: int = 0
    last: int = -1
    hash: bytes = b""
    damage: list[tuple[int, str]] = field(default_factory=list)
    tail: str | None = None


class Index:
    """Every block record of some files, and what in them is no block.

    places   where each record lies, in order of finding; headers: by block hash, the first copy of each
    copies   places of further ones
    """

    def __init__(self, files: Sequence[Path], chain: BitcoinChain, key: bytes = b"") -> None:
        self.files = list(files)
        self.chain = chain
        self.key = key
        self.places: list[Place] = []
        self.headers: dict[bytes, Header] = {}
        self.copies: dict[bytes, list[int]] = {}
        self._walked = [_Walked() for _ in self.files]

    @property
    def damage(self) -> list[str]:
        """What is wrong, each with file and offset."""
        return [problem for walked in self._walked for _, problem in walked.damage]

    @property
    def tails(self) -> list[str]:
        """An incomplete last record of the last file."""
        return [walked.tail for walked in self._walked if walked.tail]

    def where(self, place: int) -> str:
        """File and offset of a block, for messages."""
        found = self.places[place]
        return f"{self.files[found.file]} at offset {found.offset}"

    def inode(self, file: int) -> int | None:
        """Of the file whose blocks these are: another one may have its name by now."""
        stamp = self._walked[file].stamp
        return None if stamp is None else stamp[0]

    def refresh(self, files: Sequence[Path]) -> bool:
        """Read what the files got since the last time; False where this is another set: index anew.

        Nodes only append. A file that went (a pruning node deletes the oldest), came in between or shrank makes
        what is known of places worthless.
        """
        known = len(self.files)
        if list(files[:known]) != self.files:
            return False
        self.files = list(files)
        self._walked += [_Walked() for _ in files[known:]]
        return all(self._read(number) for number in range(len(files)))

    def _read(self, number: int) -> bool:
        """Walk on in a file that changed; the last one always, for changes too quick for its time stamp."""
        file, walked = self.files[number], self._walked[number]
        try:
            found = file.stat()
            stamp, before = (found.st_ino, found.st_size, found.st_mtime_ns), walked.stamp
            if stamp == before and number < len(self.files) - 1 and not walked.tail:
                return True
            if before is not None and (before[0] != found.st_ino or found.st_size < walked.done):
                return False
            walked.tail = None
            if found.st_size:
                with (
                    file.open("rb") as handle,
                    mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content,
                ):
                    walk = _Walk(self, number, Content(content, self.key), walked)
                    if not walk.goes_on():
                        return False
                    walk.run()
            walked.stamp = stamp
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceUnavailable(f"cannot read {file}: {reason}.") from error
        return True

    def add(self, header: Header, place: Place) -> None:
        """Take a block; a second copy is kept for the case that the first is damaged."""
        self.places.append(place)
        if self.headers.setdefault(header.block_hash, header) is not header:
            self.copies.setdefault(header.block_hash, []).append(header.place)


def index_files(files: Sequence[Path], chain: BitcoinChain, key: bytes = b"") -> Index:
    """Walk the records of all files; collects, never decodes. `key` is what they are obfuscated with."""
    index = Index(files, chain, key)
    index.refresh(files)
    if not index.headers:
        reason = (index.damage + index.tails)[:1] or [
            f"no block in {files[0]}" + " or the files after it" * (len(files) > 1)
        ]
        lost = "" if key else ", and not obfuscated (Bitcoin Core 28 and later; its xor.dat lies beside it)"
        hint = f"Nothing was read. Is this a block file of {chain.name}{lost}?"
        raise BadBlockFile(f"{reason[0]}.", hint=hint)
    return index


class _Walk:
    """One file, record by record, from where it was left."""

    def __init__(self, index: Index, number: int, content: Content, walked: _Walked) -> None:
        self.index, self.number, self.content, self.walked = index, number, content, walked
        self.chain = index.chain
        self.file = index.files[number]
        self.end = len(content)
        self.used = content.used()
        self.patience = _PATIENCE * self.end

    def goes_on(self) -> bool:
        """Whether the last block taken is still there: else the file was written anew."""
        if self.walked.last < 0:
            return True
        place = self.index.places[self.walked.last]
        digest = self.chain.proof.hash(self._header(place.offset, place.size))
        return digest == self.walked.hash

    def run(self) -> None:
        """Collect the file's blocks."""
        at = self.walked.done
        self.walked.damage = [found for found in self.walked.damage if found[0] < at]
        while (at := self.content.past_zeros(at, self.chain.magic)) < self.end:
            at = self._record(at)

    def _damaged(self, at: int, problem: str) -> None:
        self.walked.damage.append((at, problem))

    def _record(self, at: int) -> int:
        """Take the record at a position, or say why not; returns where to go on."""
        content, chain = self.content, self.chain
        front = content.read(at, at + 8)
        magic = front[:4]
        if magic != chain.magic:
            if self.used - at < 4 and chain.magic.startswith(magic[: max(0, self.used - at)]):
                return self._cut_off(at)
            self._damaged(at, self._not_a_record(at, magic))
            return self._next(at + 1)
        size = int.from_bytes(front[4:], "little")
        start = at + 8
        plausible = HEADER_SIZE < size <= chain.max_block_size
        spare = _HIDDEN_ZERO_END if content.key else LONGEST_ZERO_END
        unwritten = start + size > self.end or size > self.used - start + spare
        if not plausible or unwritten:
            following = self._next(at + 1)
            if following == self.end and (unwritten if plausible else self.used <= start):
                return self._cut_off(at)
            self._damaged(at, f"{self.file} holds a damaged record at offset {at}")
            return following
        header = self._header(start, size)
        digest = chain.proof.hash(header)
        if problem := work_problem(header, chain):
            self._damaged(
                at, f"{self.file} at offset {start}: block {digest[::-1].hex()} is refused, {problem}"
            )
            whole = self._ends_at(start + size)
            return start + size if whole else self._next(at + 1)
        found = Header(digest, header[4:36], bits_of(header, chain), len(self.index.places))
        self.index.add(found, Place(self.number, start, size))
        self.walked.done, self.walked.last, self.walked.hash = start + size, found.place, digest
        return start + size

    def _ends_at(self, at: int) -> bool:
        """Whether a record can end here: the next one follows, or reserved space, or nothing."""
        following = self.content.read(at, at + 4) == self.chain.magic
        return following or self.content.raw[at : at + 4] in (b"", bytes(4))

    def _cut_off(self, at: int) -> int:
        """An incomplete record at the end: normal in the last file, damage in any other."""
        problem = f"{self.file} is cut off at offset {at}"
        if self.number == len(self.index.files) - 1:
            self.walked.tail = problem
        else:
            self._damaged(at, problem)
        return self.end

    def _next(self, at: int) -> int:
        """Position of the next magic that a plausible block follows; the end of the file where there is none."""
        while (at := self.content.find(self.chain.magic, at)) >= 0:
            size = int.from_bytes(self.content.read(at + 4, at + 8), "little")
            plausible = HEADER_SIZE < size <= self.chain.max_block_size and at + 8 + HEADER_SIZE <= self.end
            if plausible and work_problem(self._header(at + 8, size), self.chain) is None:
                return at
            at += 1
        return self.end

    def _header(self, start: int, size: int) -> bytes:
        """The header of the block of `size` bytes at a position; its first 80 bytes where it does not say its end."""
        fixed = self.chain.proof.fixed
        if fixed is not None:
            return self.content.read(start, start + fixed)
        front = self.content.read(start, start + HEADER_SIZE)
        if not 0 < target(bits_of(front, self.chain)) <= self.chain.pow_limit:
            return front  # it is refused for that
        for reach in (min(_FRONT, size), size):
            self.patience -= reach if reach > _FRONT else 0
            if self.patience < 0:
                break
            block = self.content.read(start, start + reach)
            if (told := self.chain.proof.size(block)) is not None:
                return block[:told]
        return front

    def _not_a_record(self, at: int, magic: bytes) -> str:
        chain, file = self.chain, self.file
        if other := MAGICS.get(magic):
            return f"{file} holds blocks of {other}, not of {chain.name} (magic {magic.hex()} at offset {at})"
        if self.index.key and self.content.raw[at : at + 4] == chain.magic:
            return f"{file} is not obfuscated, and the folder's xor.dat says that its files are (offset {at})"
        found = f"found {magic.hex()}, expected {chain.magic.hex()}"
        return f"{file} holds no {chain.name} block record at offset {at} ({found})"
