"""Find every block in raw block files, and everything in them that is no block.

A record is the network's magic, a little-endian length and the block. Files hold blocks out of order, stale
branches, zero padding and, while the node lives, a cut-off tail; all of that is normal. Everything else is
named with file and offset.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.bitcoin.chains import MAGICS, BitcoinChain
from adapters.bitcoin.headers import HEADER_SIZE, Header, work_problem
from tracer.errors import BadBlockFile, SourceUnavailable

LONGEST_ZERO_END = 64
"""No block ends in more zero bytes than this (a locktime has four); a record that does is not written yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block lies: file number, offset of its header, size in bytes."""

    file: int
    offset: int
    size: int


@dataclass
class Index:
    """Every block record of some files, and what in them is no block.

    headers  by block hash, the first copy of each; copies: places of further ones
    damage   what is wrong, each with file and offset; tails: an incomplete last record of the last file
    """

    files: list[Path]
    places: list[Place] = field(default_factory=list)
    headers: dict[bytes, Header] = field(default_factory=dict)
    copies: dict[bytes, list[int]] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    tails: list[str] = field(default_factory=list)

    def where(self, place: int) -> str:
        """File and offset of a block, for messages."""
        found = self.places[place]
        return f"{self.files[found.file]} at offset {found.offset}"

    def add(self, header: Header, place: Place) -> None:
        """Take a block; a second copy is kept for the case that the first is damaged."""
        self.places.append(place)
        if self.headers.setdefault(header.block_hash, header) is not header:
            self.copies.setdefault(header.block_hash, []).append(header.place)


def block_files(path: Path) -> list[Path]:
    """The file itself; or a folder's `blk*.dat` (its `blocks/` where it is a node's data folder), by name."""
    try:
        if path.is_file():
            return [path]
        if not path.is_dir():
            known = "is neither a file nor a folder" if path.exists() else "does not exist"
            raise SourceUnavailable(f"{path} {known}.", hint="Give a block file or a folder of them.")
        for folder in (path, path / "blocks"):
            files = sorted(folder.glob("blk*.dat")) or sorted(
                f for f in folder.glob("*.dat") if folder == path and not f.name.startswith(_NOT_BLOCKS)
            )
            if files:
                _refuse_obfuscated(folder / "xor.dat")
                return files
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error
    raise SourceUnavailable(
        f"the folder {path} holds no block files (blk*.dat).", hint="Give the folder with the blk*.dat files."
    )


_NOT_BLOCKS = ("rev", "xor", "peers", "banlist", "mempool", "fee_estimates", "anchors")


def _refuse_obfuscated(key: Path) -> None:
    if key.exists() and key.read_bytes().strip(b"\0"):
        raise SourceUnavailable(
            f"the block files are obfuscated ({key}).",
            hint="This version does not undo that; use files written with -blocksxor=0.",
        )


def index_files(files: Sequence[Path], chain: BitcoinChain) -> Index:
    """Walk the records of all files; collects, never decodes."""
    index = Index(list(files))
    for number, file in enumerate(files):
        try:
            with file.open("rb") as handle:
                if handle.seek(0, 2) == 0:
                    continue
                with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    _Walk(index, number, content, chain).run()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SourceUnavailable(f"cannot read {file}: {reason}.") from error
    if not index.headers:
        reason = (index.damage + index.tails)[:1] or [
            f"no block in {files[0]}" + " or the files after it" * (len(files) > 1)
        ]
        raise BadBlockFile(f"{reason[0]}.", hint=f"Nothing was read. Is this a block file of {chain.name}?")
    return index


class _Walk:
    """One file, record by record."""

    def __init__(self, index: Index, number: int, content: mmap.mmap, chain: BitcoinChain) -> None:
        self.index, self.number, self.content, self.chain = index, number, content, chain
        self.file = index.files[number]
        self.end = len(content)
        # where the file's content ends: behind it a live node has reserved zeros
        self.used = self._used()

    def run(self) -> None:
        """Collect the file's blocks."""
        at = 0
        while (at := _past_zeros(self.content, at)) < self.end:
            at = self._record(at)

    def _record(self, at: int) -> int:
        """Take the record at a position, or say why not; returns where to go on."""
        content, chain = self.content, self.chain
        magic = content[at : at + 4]
        if magic != chain.magic:
            if self.used - at < 4 and chain.magic.startswith(magic[: self.used - at]):
                return self._cut_off(at)
            self.index.damage.append(_not_a_record(self.file, at, magic, chain))
            return self._next(at + 1)
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        start = at + 8
        plausible = HEADER_SIZE < size <= chain.max_block_size
        unwritten = start + size > self.end or size > self.used - start + LONGEST_ZERO_END
        if not plausible or unwritten:
            following = self._next(at + 1)
            if following == self.end and (unwritten if plausible else self.used <= start):
                return self._cut_off(at)
            self.index.damage.append(f"{self.file} holds a damaged record at offset {at}")
            return following
        header = self._header(start, size)
        digest = chain.proof.hash(header)
        if problem := work_problem(header, chain):
            self.index.damage.append(
                f"{self.file} at offset {start}: block {digest[::-1].hex()} is refused, {problem}"
            )
            whole = content[start + size : start + size + 4] in (chain.magic, b"", bytes(4))
            return start + size if whole else self._next(at + 1)
        bits = int.from_bytes(header[72:76], "little")
        found = Header(digest, header[4:36], bits, len(self.index.places))
        self.index.add(found, Place(self.number, start, size))
        return start + size

    def _cut_off(self, at: int) -> int:
        """An incomplete record at the end: normal in the last file, damage in any other."""
        problem = f"{self.file} is cut off at offset {at}"
        last = self.number == len(self.index.files) - 1
        (self.index.tails if last else self.index.damage).append(problem)
        return self.end

    def _next(self, at: int) -> int:
        """Position of the next magic that a plausible block follows; the end of the file where there is none."""
        while (at := self.content.find(self.chain.magic, at)) >= 0:
            size = int.from_bytes(self.content[at + 4 : at + 8], "little")
            plausible = HEADER_SIZE < size <= self.chain.max_block_size and at + 8 + HEADER_SIZE <= self.end
            if plausible and work_problem(self._header(at + 8, size), self.chain) is None:
                return at
            at += 1
        return self.end

    def _header(self, start: int, size: int) -> bytes:
        """The header of the block of `size` bytes at a position; its first 80 bytes where it does not say its end."""
        fixed = self.chain.proof.fixed
        if fixed is not None:
            return self.content[start : start + fixed]
        block = self.content[start : start + size]
        return block[: self.chain.proof.size(block) or HEADER_SIZE]

    def _used(self) -> int:
        at = self.end
        while at > 0:
            chunk = self.content[max(0, at - (1 << 20)) : at]
            kept = len(chunk.rstrip(b"\0"))
            if kept:
                return at - len(chunk) + kept
            at -= len(chunk)
        return 0


def _past_zeros(content: mmap.mmap, at: int) -> int:
    """The first position that is not zero padding."""
    while at < len(content):
        chunk = content[at : at + (1 << 20)]
        stripped = chunk.lstrip(b"\0")
        if stripped:
            return at + len(chunk) - len(stripped)
        at += len(chunk)
    return at


def _not_a_record(file: Path, at: int, magic: bytes, chain: BitcoinChain) -> str:
    other = MAGICS.get(magic)
    if other:
        return f"{file} holds blocks of {other}, not of {chain.name} (magic {magic.hex()} at offset {at})"
    found = f"found {magic.hex()}, expected {chain.magic.hex()}"
    return f"{file} holds no {chain.name} block record at offset {at} ({found})"
