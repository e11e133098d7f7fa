"""Columns of one kind of rows over several files, under the names a node gives them, in the order asked for.

The same questions as `adapters.evm.answers.Fields` answers of JSON, so that what is made of a node's answers is made of
files by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from adapters.evm.amounts import ABSENT, Amounts, stack
from adapters.evm.moves import Ends
from adapters.files import columns as read
from adapters.files import lists
from adapters.files.layouts import KINDS, Kind
from adapters.files.rows import Rows
from tracer.errors import BadExport

if TYPE_CHECKING:
    import pyarrow as pa


A = TypeVar("A", np.ndarray[Any, Any], read.Fixed, Amounts)
T = TypeVar("T")
_WIDTHS = {Kind.ADDRESS: 20, Kind.HASH: 32, Kind.BLOOM: 256}


class Columns:
    """Rows of several files, one after the other; `at` puts them into another order.

    A column that a file does not have is absent in all its rows.
    """

    def __init__(self, parts: Sequence[Rows], order: NDArray[np.int64] | None = None) -> None:
        self.parts = parts
        self.order = order
        heights = [part.heights for part in parts]
        self._heights = np.concatenate(heights) if heights else np.zeros(0, np.int64)
        self._read: dict[tuple[str, str], Any] = {}
        self._given: dict[str, read.Fixed] = {}

    def __len__(self) -> int:
        return len(self._heights if self.order is None else self.order)

    def at(self, order: NDArray[np.int64]) -> Columns:
        """These rows, in this order (row numbers of this one); columns already read are kept."""
        found = Columns(self.parts, order if self.order is None else self.order[order])
        found._read, found._given = self._read, self._given
        return found

    def give(self, word: str, column: read.Fixed) -> None:
        """Put a column into the place of one that the files have not, or not whole."""
        raw = read.Fixed.absent(len(self._heights), column.raw.shape[1])
        rows = np.arange(len(self._heights)) if self.order is None else self.order
        raw.raw[rows], raw.there[rows] = column.raw, column.there
        self._given[word] = raw

    @property
    def heights(self) -> NDArray[np.int64]:
        """(n,) block of each row."""
        return self._ordered(self._heights)

    def file(self, row: int) -> str:
        """The file a row is of."""
        row = row if self.order is None else int(self.order[row])
        ends = np.cumsum([len(part) for part in self.parts])
        return str(self.parts[int(np.searchsorted(ends, row, side="right"))].file.path)

    def _ordered(self, column: A) -> A:
        found: A = column if self.order is None else column[self.order]
        return found

    def _each(
        self,
        how: str,
        word: str,
        column: Callable[[pa.ChunkedArray, read.Place], T],
        absent: Callable[[int], T],
    ) -> list[T]:
        """A column of each file."""
        if (how, word) not in self._read:
            self._read[how, word] = [
                column(*part.column(word)) if part.has(word) else absent(len(part)) for part in self.parts
            ]
        found: list[T] = self._read[how, word]
        return found

    def has(self, word: str) -> bool:
        """Whether every file has the column."""
        return all(part.has(word) for part in self.parts)

    def _must(self, word: str, there: NDArray[np.bool_]) -> None:
        if there.all():
            return
        row = int(np.argmin(there))
        file, height = self.file(row), int(self.heights[row])
        part = next(part for part in self.parts if str(part.file.path) == file)
        column = part.file.columns.get(word, word)
        raise BadExport(f"{file}: column {column} holds nothing in block {height}.")

    def maybe(self, word: str, width: int) -> read.Fixed:
        """Addresses (20 bytes) or hashes (32), and where there is none."""
        if word in self._given:
            return self._ordered(self._given[word])
        each = self._each(
            f"fixed{width}", word, lambda c, p: read.fixed(c, width, p), lambda n: read.Fixed.absent(n, width)
        )
        if not each:
            return read.Fixed.absent(0, width)
        return self._ordered(
            read.Fixed(np.concatenate([f.raw for f in each]), np.concatenate([f.there for f in each]))
        )

    def fixed(self, word: str, width: int, *, must: bool = True) -> NDArray[np.uint8]:
        """(n, width) bytes; zeros where absent; `BadExport` where absent and `must`."""
        found = self.maybe(word, width)
        if must:
            self._must(word, found.there)
        return found.raw

    def integers(self, word: str, *, must: bool = True) -> NDArray[np.int64]:
        """(n,) integers, 0 where absent."""
        if KINDS.get(word) is Kind.FLAG:
            return np.maximum(self.flags(word), 0).astype(np.int64)
        each = self._each("whole", word, read.whole, lambda n: (np.zeros(n, np.int64), np.zeros(n, np.bool_)))
        numbers = np.concatenate([n for n, _ in each]) if each else np.zeros(0, np.int64)
        if must:
            self._must(word, self.said_whole(word))
        return self._ordered(numbers)

    def said_whole(self, word: str) -> NDArray[np.bool_]:
        """(n,) where a number is there."""
        each = self._each("whole", word, read.whole, lambda n: (np.zeros(n, np.int64), np.zeros(n, np.bool_)))
        return self._ordered(np.concatenate([there for _, there in each]) if each else np.zeros(0, np.bool_))

    def there(self, word: str) -> NDArray[np.bool_]:
        """(n,) where a value is there, whatever it is."""
        kind = KINDS.get(word)
        if kind in _WIDTHS:
            return self.maybe(word, _WIDTHS[kind]).there
        if kind is Kind.FLAG:
            return self.flags(word) >= 0
        if kind is Kind.WHOLE:
            return self.said_whole(word)
        if kind is Kind.AMOUNT:
            there: NDArray[np.bool_] = self.amounts(word, must=False).states != ABSENT
            return there
        return np.zeros(len(self), np.bool_)  # no tool writes it

    def flags(self, word: str) -> NDArray[np.int8]:
        """(n,) 1, 0, or -1 where nothing is said."""
        each = self._each("flags", word, read.flags, lambda n: np.full(n, -1, np.int8))
        return self._ordered(np.concatenate(each) if each else np.zeros(0, np.int8))

    def among(self, word: str, *names: str) -> NDArray[np.bool_]:
        """(n,) where a column holds one of these words; "" stands for nothing."""
        each = self._each("words", word, read.words, lambda n: read.Words(np.full(n, -1, np.int64), ()))
        return self._ordered(
            np.concatenate([w.among(*names) for w in each]) if each else np.zeros(0, np.bool_)
        )

    def _units(self, word: str) -> list[read.Units]:
        return self._each(
            "units", word, read.units,
            lambda n: read.Units(Amounts(np.zeros((n, 2), np.uint64), np.full(n, ABSENT, np.uint8)), {}),
        )  # fmt: skip

    def amounts(self, word: str, *, must: bool = True) -> Amounts:
        """(n,) amounts."""
        each = self._units(word)
        none = Amounts(np.zeros((0, 2), np.uint64), np.zeros(0, np.uint8))
        found = self._ordered(stack([unit.amounts for unit in each]) if each else none)
        if must:
            self._must(word, found.states != ABSENT)
        return found

    def uint256(self, word: str, row: int) -> bytes:
        """The 32 bytes of an amount."""
        row = row if self.order is None else int(self.order[row])
        for part, unit in zip(self.parts, self._units(word), strict=True):
            if row < len(part):
                low, high = unit.amounts.limbs[row].tolist()
                number: int = unit.wide.get(row, high << 64 | low)
                return number.to_bytes(32, "big")
            row -= len(part)
        raise IndexError(row)

    def prefixes(self, word: str, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(n, width) first bytes of values of any length, and (n,) where there are so many."""
        each = self._each(
            f"prefix{width}",
            word,
            lambda c, p: read.prefixes(c, width, p),
            lambda n: read.Fixed.absent(n, width),
        )
        none = read.Fixed.absent(0, width)
        raw = np.concatenate([none.raw, *(f.raw for f in each)])
        there = np.concatenate([none.there, *(f.there for f in each)])
        found = self._ordered(read.Fixed(raw, there))
        return found.raw, found.there

    def strings(self, word: str, *, must: bool = True) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Bytes of any length one after the other, and (n + 1,) offsets; nothing where absent."""
        import pyarrow as pa

        del must  # no data and empty data are the same here
        each = self._each(
            "bytes", word, read.octets,
            lambda n: read.Bytes(np.zeros(0, np.uint8), np.zeros(n + 1, np.int64)),
        )  # fmt: skip
        arrays = [
            pa.LargeBinaryArray.from_buffers(
                pa.large_binary(), len(b.starts) - 1,
                [None, pa.py_buffer(np.ascontiguousarray(b.starts)), pa.py_buffer(b.data)],
            )
            for b in each
        ]  # fmt: skip
        joined = pa.chunked_array(arrays, type=pa.large_binary())
        if self.order is not None:
            joined = joined.take(pa.array(self.order))
        flat = joined.combine_chunks()
        array = pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat
        if not len(array):
            return np.zeros(0, np.uint8), np.zeros(1, np.int64)
        offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
        data = np.frombuffer(array.buffers()[2] or b"", np.uint8)
        return data[offsets[0] : offsets[-1]], offsets - offsets[0]

    def ends(self, word: str) -> Ends:
        """(n,) addresses, and where there is one."""
        found = self.maybe(word, 20)
        return Ends(found.raw, found.there)

    def paths(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of frames in their call trees, in the order of the files: steps, and where those of each row start.

        Only before `at`.
        """
        each = [lists.paths(*part.column("path")) for part in self.parts]
        chosen = np.arange(len(self._heights)) if self.order is None else self.order
        steps = np.concatenate([s for s, _ in each]) if each else np.zeros(0, np.int64)
        sizes = np.concatenate([np.diff(s) for _, s in each]) if each else np.zeros(0, np.int64)
        begins = np.cumsum(sizes) - sizes
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes[chosen])))
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes[chosen])
        return steps[np.repeat(begins[chosen], sizes[chosen]) + within], starts

    def topics(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """(n, 4, 32) topics of logs, zeros where there are fewer, and (n,) how many."""
        raws, counts = [np.zeros((0, 4, 32), np.uint8)], [np.zeros(0, np.int64)]
        for part in self.parts:
            if part.has("topics"):
                raw, count = lists.topics(*part.column("topics"))
            else:
                of = [read.fixed(column, 32, place) for column, place in map(part.column, _TOPICS)]
                raw = np.stack([topic.raw for topic in of], axis=1)
                count = np.sum([topic.there for topic in of], axis=0)
            raws.append(raw)
            counts.append(count)
        raw, count = np.concatenate(raws), np.concatenate(counts)
        return (raw, count) if self.order is None else (raw[self.order], count[self.order])

    def withdrawals(self) -> tuple[NDArray[np.int64], Ends, NDArray[np.int64]]:
        """Row of each withdrawal's block, ascending, to whom, and how much in Gwei."""
        rows, raws, gwei, start = (
            [np.zeros(0, np.int64)],
            [np.zeros((0, 20), np.uint8)],
            [np.zeros(0, np.int64)],
            0,
        )
        for part in self.parts:
            if part.has("withdrawals") and len(part):
                row, whom, much = lists.withdrawals(*part.column("withdrawals"))
                rows.append(start + row)
                raws.append(whom.raw)
                gwei.append(much)
            start += len(part)
        at = np.concatenate(rows)
        if self.order is not None:
            back = np.full(start, -1, np.int64)
            back[self.order] = np.arange(len(self.order))
            at = back[at]
        order = np.argsort(at, kind="stable")
        order = order[at[order] >= 0]
        raw = np.concatenate(raws)[order]
        return at[order], Ends(raw, np.ones(len(order), np.bool_)), np.concatenate(gwei)[order]


_TOPICS = ("topic0", "topic1", "topic2", "topic3")
