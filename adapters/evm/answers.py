"""Values of a node's answers by name: columns, and what is said where one is not what its field holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from adapters.evm import hexes
from adapters.evm.amounts import Amounts
from adapters.evm.tape import Tape
from adapters.evm.walk import ARRAY, OBJECT
from tracer.errors import BadBlock, SourceUnavailable

AGAIN = "The answers are of different moments; ask again."
"""Hint of what a reorg between two questions looks like."""
T = TypeVar("T")
Place = Callable[[int], tuple[str, bytes | None]]
"""What a row is called in messages, and the hash of its block where that is known."""


@dataclass(frozen=True)
class Fields:
    """Values of objects of one class, by the names the node gives them.

    entries  (n, words) entry of each value, -1 where absent
    place    what a row is called
    """

    tape: Tape
    entries: NDArray[np.int32]
    words: Sequence[str]
    place: Place

    def __len__(self) -> int:
        return len(self.entries)

    def said(self, word: str) -> NDArray[np.bool_]:
        """(n,) where a value is there."""
        there: NDArray[np.bool_] = self.of(word) >= 0
        return there

    def of(self, word: str) -> NDArray[np.int32]:
        """(n,) entries of a word."""
        return np.ascontiguousarray(self.entries[:, self.words.index(word)])

    def fixed(self, word: str, width: int, *, must: bool = True) -> NDArray[np.uint8]:
        """(n, width) bytes of an address or hash; `BadBlock` where it is none, or absent and `must`."""
        return self._read(
            word, must, lambda entries: hexes.fixed(self.tape, entries, width), f"{width} bytes in hex"
        )

    def integers(self, word: str, *, must: bool = True) -> NDArray[np.int64]:
        """(n,) integers, 0 where absent."""
        return self._read(
            word, must, lambda entries: hexes.integers(self.tape, entries), "a number below 2^63"
        )

    def amounts(self, word: str, *, must: bool = True) -> Amounts:
        """(n,) amounts."""
        return self._read(
            word, must, lambda entries: hexes.amounts(self.tape, entries), "an unsigned 256-bit number"
        )

    def strings(self, word: str, *, must: bool = True) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Bytes of any length, and (n + 1,) offsets."""
        return self._read(word, must, lambda entries: hexes.strings(self.tape, entries), "bytes in hex")

    def prefixes(self, word: str, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(n, width) first bytes of values of any length, and (n,) where there are so many."""
        return self._read(
            word, False, lambda entries: hexes.prefixes(self.tape, entries, width), "bytes in hex"
        )

    def uint256(self, word: str, row: int) -> bytes:
        """The 32 bytes of a quantity that was read before."""
        return hexes.uint256(self.tape, int(self.of(word)[row]))

    def text(self, row: int, words: Sequence[str]) -> bytes:
        """Some values of a row as they were answered: what quarantine keeps."""
        entries = {word: int(self.of(word)[row]) for word in words}
        return " ".join(
            f"{word}={self.tape.said(entry)}" for word, entry in entries.items() if entry >= 0
        ).encode()

    def at(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Fields:
        """Some of the rows."""
        places = np.arange(len(self))[rows]
        return Fields(self.tape, self.entries[rows], self.words, lambda row: self.place(int(places[row])))

    def called(self, place: Place) -> Fields:
        """The same, called differently."""
        return Fields(self.tape, self.entries, self.words, place)

    def refuse_absent(self, word: str) -> None:
        """`BadBlock` where a value is not there."""
        entries = self.of(word)
        if len(entries) and entries.min() < 0:
            name, digest = self.place(int(np.argmin(entries)))
            raise BadBlock(
                f"{name} has no {word!r}.", hint="The node leaves out what is needed.", block_hash=digest
            )

    def _read(self, word: str, must: bool, read: Callable[[NDArray[np.int32]], T], form: str) -> T:
        entries = self.of(word)
        if must:
            self.refuse_absent(word)
        try:
            return read(entries)
        except hexes.Odd as odd:
            name, digest = self.place(odd.row)
            said = self.tape.said(odd.entry)
            raise BadBlock(f"{name}: {word!r} is not {form}: {said!r}.", block_hash=digest) from None


def inside(
    text: Tape, word: str, row_of: NDArray[np.int32], heights: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Objects in the arrays of that name, and the rows of the objects these are in; anything else there is refused."""
    inside = np.flatnonzero((text.keys == text.key(word)) & (text.kinds != ARRAY))
    rows = text.owners(inside, row_of)
    odd = np.flatnonzero((text.kinds[inside] != OBJECT) | (rows < 0))
    if len(odd):
        where = f"Block {heights[rows[odd[0]]]}" if rows[odd[0]] >= 0 else "A block"
        raise SourceUnavailable(f"{where}: its {word} are not whole: {text.said(int(inside[odd[0]]))!r}.")
    return rows, inside
