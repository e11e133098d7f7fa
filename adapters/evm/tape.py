"""JSON answers -> a tape: one entry per value under a known key, in the order of the text.

A node's answers are read once, byte by byte, without an object per value: an entry is where a value begins and ends,
under which key, inside which other entry. Values under unknown keys are skipped, so that what nodes add does no harm.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from adapters.evm.walk import (
    ARRAY,
    CUT,
    DEEP,
    FULL,
    OBJECT,
    PRIME,
    ROOT,
    SLOTS,
    UNKNOWN,
    WRONG,
    scatter,
    walk,
)
from adapters.nesting import loads
from tracer.errors import SourceUnavailable

_MASK = (1 << 64) - 1


@cache
def _table(words: tuple[str, ...]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Open-addressed table of the keys: FNV-1a codes of the words, and their numbers (1 is the first word)."""
    slots, numbers = np.zeros(SLOTS, np.uint64), np.full(SLOTS, UNKNOWN, np.uint8)
    for number, word in enumerate(words, 1):
        code = 0
        for byte in word.encode():
            code = (code ^ byte) * PRIME & _MASK
        slot = (code ^ code >> 32) & (SLOTS - 1)
        while slots[slot]:
            slot = (slot + 1) % SLOTS
        slots[slot], numbers[slot] = code, number
    return slots, numbers


@dataclass(frozen=True)
class Tape:
    """Answers of one kind, walked.

    what     what they are answers to, for messages
    text     (bytes,) all bodies one after the other
    words    the known keys; the number of a key is its place in here, from 1
    kinds    (n,) of each entry, in the order of the text: a container comes before what is in it
    keys     (n,) number of the key it stands under; an element of an array has the key of the array
    parents  (n,) entry it is in, -1 outermost
    starts   (n,) first byte, of a string the one behind its quote
    ends     (n,) end
    """

    what: str
    text: NDArray[np.uint8]
    words: tuple[str, ...]
    kinds: NDArray[np.uint8]
    keys: NDArray[np.uint8]
    parents: NDArray[np.int32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def key(self, word: str) -> int:
        """The number of a key."""
        return self.words.index(word) + 1

    def find(self, word: str, kind: int) -> NDArray[np.int64]:
        """Entries of a kind under a key, ascending."""
        return np.flatnonzero((self.keys == self.key(word)) & (self.kinds == kind))

    def rows(self, entries: NDArray[np.int64]) -> NDArray[np.int32]:
        """(n,) place of each entry among these, -1 of the others: what a parent is looked up in."""
        rows = np.full(len(self.kinds), -1, np.int32)
        rows[entries] = np.arange(len(entries), dtype=np.int32)
        return rows

    def owners(self, entries: NDArray[np.int64], rows: NDArray[np.int32]) -> NDArray[np.int64]:
        """(n,) row of the object whose array each entry is an element of; -1 where it is in no such array."""
        lists = self.parents[entries]
        held = (lists >= 0) & (self.kinds[lists] == ARRAY)
        holders = np.where(held, self.parents[lists], -1)
        found: NDArray[np.int64] = np.where(holders >= 0, rows[holders], -1).astype(np.int64)
        return found

    def columns(self, entries: NDArray[np.int64], words: Sequence[str]) -> NDArray[np.int32]:
        """(entries, words) the entry of each word in each object, -1 where it is absent or null."""
        columns = np.full(256, -1, np.int64)
        columns[[self.key(word) for word in words]] = np.arange(len(words))
        found = np.full((len(entries), len(words)), -1, np.int32)
        twice = scatter(self.parents, self.keys, self.rows(entries), columns, found)
        if twice >= 0:
            word = self.words[self.keys[twice] - 1]
            raise SourceUnavailable(f"An answer to {self.what} says {word!r} twice in one object.")
        return found

    def said(self, entry: int) -> str:
        """The text of an entry, cut to a readable length."""
        size = int(self.ends[entry] - self.starts[entry])
        text = bytes(self.text[self.starts[entry] : self.starts[entry] + min(size, 80)])
        return text.decode("utf-8", "replace") + ("..." if size > 80 else "")

    def loads(self, entry: int) -> object:
        """An object as Python sees it: for the few that must be looked at closely."""
        return loads(bytes(self.text[self.starts[entry] : self.ends[entry]]))

    def refuse_errors(self, but: Collection[int] = ()) -> None:
        """Raise the first error (or other thing) in the place of an answer, unless its entry is in `but`."""
        odd = (self.keys == ROOT) | (self.keys == self.key("result"))
        odd &= (self.kinds != OBJECT) & (self.kinds != ARRAY)
        if odd.any():
            self._refuse(self.said(int(np.argmax(odd))))
        answers = np.flatnonzero((self.keys == ROOT) & (self.kinds == OBJECT))
        found = self.columns(answers, ("result", "error"))
        for row in np.flatnonzero(found[:, 0] < 0):
            if int(answers[row]) not in but:
                entry = int(found[row, 1])
                self._refuse(f"an error: {self.said(entry)}" if entry >= 0 else "nothing")

    def _refuse(self, why: str) -> None:
        raise SourceUnavailable(
            f"The node answered {self.what} with {why}.", hint="Ask again, or another node."
        )


def read(what: str, bodies: Sequence[bytes], words: tuple[str, ...]) -> Tape:
    """Walk the bodies; `SourceUnavailable` where one is cut or no JSON."""
    size = sum(map(len, bodies))
    text = np.frombuffer(b"".join((*bodies, b'"' * (16 - size % 8))), np.uint8)
    last = np.cumsum([len(body) for body in bodies], dtype=np.int64)
    bounds = np.column_stack((np.concatenate((np.zeros(1, np.int64), last))[: len(last)], last))
    room = len(text) // 32 + 64
    while True:
        arrays = (
            np.empty(room, np.uint8),
            np.empty(room, np.uint8),
            np.empty(room, np.int32),
            np.empty(room, np.int64),
            np.empty(room, np.int64),
        )
        count, problem, place = walk(text, text.view(np.uint64), bounds, *_table(words), *arrays)
        if problem != FULL:
            break
        room *= 4
    if problem:
        body = min(int(np.searchsorted(last, place, "left")), len(last) - 1)
        place = min(place, int(bounds[body, 1])) - int(bounds[body, 0])
        why = {CUT: "is cut", DEEP: "is nested too deeply", WRONG: "is no JSON"}[problem]
        raise SourceUnavailable(
            f"An answer to {what} {why} at byte {place}.",
            hint="Ask again; a proxy may have cut or replaced it.",
        )
    kinds, keys, parents, starts, ends = arrays
    return Tape(what, text, words, kinds[:count], keys[:count], parents[:count], starts[:count], ends[:count])
