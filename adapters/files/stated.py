"""Columns of files in the shapes that `adapters.evm` makes facts of: the same code for a node's answers and for files.

Blocks, transactions and receipts are asked by name, so a column read from a file answers in the place of one read from
JSON. Logs are looked at as text; theirs is spelt out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.evm.amounts import Amounts
from adapters.evm.answers import Fields, Place
from adapters.evm.tape import Tape
from adapters.evm.walk import STRING
from adapters.files import kernels
from adapters.files.fields import Columns
from adapters.files.logrows import LogRows

NO_TAPE = Tape(
    "files", np.zeros(0, np.uint8), (), np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros(0, np.int32),
    np.zeros(0, np.int64), np.zeros(0, np.int64),
)  # fmt: skip


@dataclass(frozen=True)
class Stated(Fields):
    """`Fields` over columns of files."""

    columns: Columns

    def __len__(self) -> int:
        return len(self.columns)

    def said(self, word: str) -> NDArray[np.bool_]:
        """(n,) where a value is there."""
        return self.columns.there(word)

    def fixed(self, word: str, width: int, *, must: bool = True) -> NDArray[np.uint8]:
        """(n, width) bytes."""
        return self.columns.fixed(word, width, must=must)

    def integers(self, word: str, *, must: bool = True) -> NDArray[np.int64]:
        """(n,) integers, 0 where absent."""
        return self.columns.integers(word, must=must)

    def amounts(self, word: str, *, must: bool = True) -> Amounts:
        """(n,) amounts."""
        return self.columns.amounts(word, must=must)

    def strings(self, word: str, *, must: bool = True) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Bytes of any length, and (n + 1,) offsets."""
        return self.columns.strings(word, must=must)

    def prefixes(self, word: str, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(n, width) first bytes of values of any length, and (n,) where there are so many."""
        return self.columns.prefixes(word, width)

    def uint256(self, word: str, row: int) -> bytes:
        """The 32 bytes of an amount above 38 digits."""
        return self.columns.uint256(word, row)

    def at(self, rows: NDArray[np.integer[Any]] | NDArray[np.bool_]) -> Stated:
        """Some of the rows."""
        return stated(self.columns.at(np.arange(len(self))[rows]), self.place)

    def called(self, place: Place) -> Stated:
        """The same, called differently."""
        return stated(self.columns, place)


def stated(columns: Columns, place: Place) -> Stated:
    """Columns as `Fields`."""
    return Stated(NO_TAPE, np.zeros((len(columns), 0), np.int32), (), place, columns)


def logs_as_text(logs: LogRows, place: Place) -> tuple[Fields, NDArray[np.int32]]:
    """Logs as `Receipts` holds them: their values, and (n, 4) the entries of their topics, -1 where there are fewer."""
    count = len(logs)
    tape = _spelt(
        (logs.emitter.reshape(-1), logs.data, _words(logs.index), logs.topics.reshape(-1)),
        (np.full(count, 20), np.diff(logs.starts), np.full(count, 8), np.full(4 * count, 32)),
    )
    entries = np.arange(len(tape.kinds), dtype=np.int32)
    of_topics = entries[3 * count :].reshape(count, 4)
    return (
        _values(tape, ("address", "data", "logIndex"), count, place),
        np.where(np.arange(4) < logs.many[:, None], of_topics, -1).astype(np.int32),
    )


def withdrawals_as_text(addresses: NDArray[np.uint8], gwei: NDArray[np.int64], place: Place) -> Fields:
    """Withdrawals as `Blocks` holds them."""
    count = len(gwei)
    tape = _spelt((addresses.reshape(-1), _words(gwei)), (np.full(count, 20), np.full(count, 8)))
    return _values(tape, ("address", "amount"), count, place)


def _words(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Numbers as eight big-endian bytes each."""
    return numbers.astype(">i8").view(np.uint8)


def _spelt(parts: Sequence[NDArray[np.uint8]], sizes: Sequence[NDArray[np.int64]]) -> Tape:
    """Bytes of several columns, one after the other, as entries of hex."""
    raw = np.concatenate(parts)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.concatenate(sizes))))
    text, offsets = np.empty(2 * len(raw) + 2 * len(starts), np.uint8), np.empty(len(starts), np.int64)
    kernels.spelt(raw, starts, text, offsets)
    count = len(starts) - 1
    return Tape(
        "files", text, (), np.full(count, STRING, np.uint8), np.zeros(count, np.uint8), np.full(count, -1, np.int32),
        offsets[:-1], offsets[1:],
    )  # fmt: skip


def _values(tape: Tape, words: Sequence[str], count: int, place: Place) -> Fields:
    """The first columns of a tape by name."""
    entries = np.arange(len(words) * count, dtype=np.int32).reshape(len(words), count)
    return Fields(tape, np.ascontiguousarray(entries.T), words, place)
