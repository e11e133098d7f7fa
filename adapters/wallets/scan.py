"""Addresses, txids and keys in a text dump: a phone's extraction, a chat log, the text of a PDF. Any bytes, any size.

Read in pieces, so that memory grows with what is found and not with the file. UTF-8 and whatever else keeps ASCII as
it is are read as bytes, UTF-16 where a byte order mark says so. A word is letters and digits (in TON's and Avalanche's
addresses `-` and `_` too) with none beside them; what a soft hyphen or a line break parts is not put together.

Secrets are counted by kind and place, and never kept. 64 hexadecimal digits may be a txid or a private key: they leave
this module as bytes to be looked up in a ledger, and only what a ledger knows may be shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from adapters.wallets import phrases, tokens
from adapters.wallets.pieces import spans
from adapters.wallets.tokens import Address, Hash, PublicKey, Secret
from tracer.errors import SourceUnavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = 4 << 20
"""(P) Bytes read at a time."""
_OVERLAP = 4096
"""Bytes of a piece that are read again with the next: no find is longer."""
PLACES = 20
"""(P) Places that are kept of one find; the others are counted."""
_MARKS = {b"\xff\xfe": "<u2", b"\xfe\xff": ">u2"}

Advance = Callable[[int], None]
"""A progress callback: bytes done."""
Hashes = Callable[[list["Met"]], None]
"""Takes 64-digit texts as they are met, some thousands at a time."""


class Place(NamedTuple):
    """Where a find stands: file name, line from 1, byte from 0."""

    file: str
    line: int
    offset: int


class Met(NamedTuple):
    """A 64-digit text, and where."""

    digits: str
    place: Place


@dataclass
class Find:
    """How often something was found, and where first."""

    count: int = 0
    places: list[Place] = field(default_factory=list)

    def add(self, place: Place) -> None:
        """One more."""
        self.count += 1
        if len(self.places) < PLACES:
            self.places.append(place)


@dataclass(frozen=True)
class Read:
    """One file that was read to its end."""

    file: str
    size: int
    sha256: str
    encoding: str


@dataclass
class Scan:
    """What files hold. Addresses by what they are, written one way or another; in order of first appearance."""

    files: list[Read] = field(default_factory=list)
    addresses: dict[Address, Find] = field(default_factory=dict)
    keys: dict[str, tuple[str, Find]] = field(default_factory=dict)
    secrets: dict[str, Find] = field(default_factory=dict)

    def read(self, file: IO[bytes], name: str, hashes: Hashes, advance: Advance = lambda _done: None) -> None:
        """Read one open file to its end."""
        digest, size, line = hashlib.sha256(), 0, 1
        head = _read(file, PIECE, name)
        unit = _MARKS.get(head[:2], "")
        buffer, start, least, pending = b"", 0, 0, head
        met: list[Met] = []
        while pending:
            digest.update(pending)
            size += len(pending)
            following = _read(file, PIECE, name)
            fresh = _plain(pending, unit)
            buffer += fresh
            limit = len(buffer) if not following else max(len(buffer) - _OVERLAP, 0)
            done = 0
            for begin, end, found in _finds(buffer, least, limit):
                line += buffer.count(b"\n", done, begin)
                done = begin
                place = Place(name, line, (start + begin) * (2 if unit else 1))
                self._take(buffer[begin:end], found, place, met)
                limit = max(limit, end)
            keep, least = (
                (limit - 1, 1) if limit else (0, least)
            )  # the byte before: no word begins behind a letter
            line += buffer.count(b"\n", done, keep)
            start, buffer = start + keep, buffer[keep:]
            if len(met) >= _AT_ONCE:
                hashes(met)
                met = []
            advance(size)
            pending = following
        hashes(met)
        encoding = {"<u2": "UTF-16LE", ">u2": "UTF-16BE"}.get(unit, "bytes")
        self.files.append(Read(name, size, digest.hexdigest(), encoding))

    def _take(self, word: bytes, found: tokens.Found, place: Place, met: list[Met]) -> None:
        match found:
            case Address():
                self.addresses.setdefault(found, Find()).add(place)
            case Hash(digits):
                met.append(Met(digits, place))
            case PublicKey(prefix):
                self.keys.setdefault(word.decode(), (prefix, Find()))[1].add(place)
            case Secret(kind):
                self.secrets.setdefault(kind, Find()).add(place)


_AT_ONCE = 50_000


def _read(file: IO[bytes], size: int, name: str) -> bytes:
    """So many bytes, an even number of them; fewer at the end."""
    parts: list[bytes] = []
    wanted = size
    try:
        while wanted and (part := file.read(wanted)):
            parts.append(part)
            wanted -= len(part)
    except OSError as error:
        raise SourceUnavailable(f"cannot read {name}: {error.strerror}.") from error
    return b"".join(parts)


def _plain(data: bytes, unit: str) -> bytes:
    """One byte a letter: of UTF-16 what is ASCII, and 255 for anything else, so that places can be told."""
    if not unit:
        return data
    letters = np.frombuffer(data[: len(data) & ~1], unit)
    return np.where(letters < 128, letters, 255).astype(np.uint8).tobytes()


_WORD = np.zeros(256, np.bool_)
_WORD[[*b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"]] = True
_JOINED = _WORD.copy()
_JOINED[[*b"-_"]] = True


def _finds(buffer: bytes, least: int, limit: int) -> Iterator[tuple[int, int, tokens.Found]]:
    """(begin, end, what it is) of everything that begins in [least, limit), in order.

    Where `least` is 1, the first byte is there only to show what stands before the second.
    """
    letters = np.frombuffer(buffer, np.uint8)
    found: dict[int, tuple[int, tokens.Found]] = {}
    for begin, end in _words(_WORD[letters], least, limit):
        if what := tokens.read(buffer[begin:end].decode()):
            found[begin] = end, what
    for begin, end in _words(_JOINED[letters], least, limit):  # where - and _ make it longer
        word = buffer[begin:end]
        if begin not in found and (b"-" in word or b"_" in word) and (what := tokens.read(word.decode())):
            found[begin] = end, what
    for begin, end, kind in phrases.found(buffer, least, limit):
        found[begin] = end, Secret(kind)
    for begin in sorted(found):
        end, what = found[begin]
        yield begin, end, what


def _words(inside: NDArray[np.bool_], least: int, limit: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of each word of a length worth reading that begins at `least` or later and below `limit`."""
    begins, ends = spans(inside)
    sizes = ends - begins
    chosen = (begins >= least) & (begins < limit) & (sizes >= tokens.SHORTEST) & (sizes <= tokens.LONGEST)
    yield from zip(begins[chosen].tolist(), ends[chosen].tolist(), strict=True)
