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
from adapters.bitcoin.headers import HEADER_SIZE, Header, block_hash, work_problem
from tracer.errors import BadBlockFile, SourceUnavailable


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block lies: file number, offset of its header, size in bytes."""

    file: int
    offset: int
    size: int


@dataclass
class Index:
    """Every block record of some files, and what in them is no block."""

    files: list[Path]
    places: list[Place] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    tails: list[tuple[int, str]] = field(default_factory=list)

    def where(self, place: int) -> str:
        """File and offset of a block, for messages."""
        found = self.places[place]
        return f"{self.files[found.file]} at offset {found.offset}"


def block_files(path: Path) -> list[Path]:
    """The file itself, or the `.dat` files of a folder in name order (`rev*.dat` hold no blocks)."""
    if not path.exists():
        raise SourceUnavailable(f"{path} does not exist.", hint="Give a block file or a folder of them.")
    if path.is_file():
        return [path]
    files = sorted(f for f in path.glob("*.dat") if f.is_file() and not f.name.startswith(("rev", "xor")))
    if not files:
        raise SourceUnavailable(
            f"the folder {path} holds no block files (*.dat).",
            hint="Give the folder with the blk*.dat files.",
        )
    return files


def index_files(files: Sequence[Path], chain: BitcoinChain) -> Index:
    """Walk the records of all files; collects, never decodes."""
    index = Index(list(files))
    for number, file in enumerate(files):
        try:
            with file.open("rb") as handle:
                if handle.seek(0, 2) == 0:
                    continue
                with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    _index_one(index, number, content, chain)
        except OSError as error:
            raise SourceUnavailable(f"cannot read {file}: {error.strerror}.") from error
    last = len(index.files) - 1
    index.damage += [problem for number, problem in index.tails if number != last]
    index.tails = [(number, problem) for number, problem in index.tails if number == last]
    if not index.headers:
        reason = (
            index.damage[0]
            if index.damage
            else f"no block in {files[0]}" + (" or the files after it" * (len(files) > 1))
        )
        raise BadBlockFile(f"{reason}.", hint=f"Nothing was read. Is this a block file of {chain.name}?")
    return index


def _index_one(index: Index, number: int, content: mmap.mmap, chain: BitcoinChain) -> None:
    end = len(content)
    at = 0
    while at < end:
        if content[at] == 0:
            at = _past_zeros(content, at)
            continue
        magic = content[at : at + 4]
        if magic != chain.magic:
            if end - at < 4 and chain.magic.startswith(magic):
                index.tails.append((number, f"{index.files[number]} is cut off at offset {at}"))
                return
            index.damage.append(_not_a_record(index.files[number], at, magic, chain))
            at = content.find(chain.magic, at + 1)
            if at < 0:
                return
            continue
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        start = at + 8
        if size < HEADER_SIZE + 1 or start + size > end:
            # a live node's last record, unless blocks follow it
            later = content.find(chain.magic, at + 1)
            problem = f"{index.files[number]} is cut off at offset {at}"
            if later < 0:
                index.tails.append((number, problem))
                return
            index.damage.append(f"{index.files[number]} holds a damaged record at offset {at}")
            at = later
            continue
        header = content[start : start + HEADER_SIZE]
        digest = block_hash(header)
        bits = int.from_bytes(header[72:76], "little")
        problem_of_work = work_problem(digest, bits, chain)
        if problem_of_work:
            index.damage.append(
                f"{index.files[number]} at offset {start}: block {digest[::-1].hex()} is refused, {problem_of_work}"
            )
            later = content.find(chain.magic, at + 1)
            at = (
                start + size
                if later < 0 or content[start + size : start + size + 4] == chain.magic
                else later
            )
            continue
        index.headers.append(Header(digest, header[4:36], bits, len(index.places)))
        index.places.append(Place(number, start, size))
        at = start + size


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
