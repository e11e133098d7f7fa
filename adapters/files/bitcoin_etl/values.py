"""Columns of exported rows as arrays: exact, or refused by file, column and block.

A bad value spoils its block, not the file: `BadValue` says which, and what came before it can be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from adapters.files import columns as read
from adapters.files.bitcoin_etl import kernels
from adapters.files.kernels import unhex
from tracer.errors import BadExport

if TYPE_CHECKING:
    import pyarrow as pa

MOST_HEIGHT = (1 << 31) - 2
_NO_FLOAT = "Such numbers may have lost digits: export them as whole numbers."


class BadValue(BadExport):
    """A row that cannot be used, and the block it is of."""

    def __init__(self, problem: str, *, hint: str = "", height: int = -1) -> None:
        super().__init__(problem, hint=hint)
        self.height = height


class Place(read.Place):
    """Where a column stands; its errors know their block."""

    def bad(self, column: pa.ChunkedArray | pa.Array, row: int, what: str, hint: str = "") -> BadValue:
        """The error of one value."""
        error = super().bad(column, row, what, hint)
        return BadValue(error.problem, hint=error.hint, height=int(self.heights[row]))


@dataclass(frozen=True)
class Rows:
    """A table of exported rows, or of what is nested in them; `prefix` names the list it is of."""

    table: pa.Table
    file: str
    heights: NDArray[np.int64]
    prefix: str = ""

    @classmethod
    def some(cls, table: pa.Table, kept: NDArray[np.int64], file: str, heights: NDArray[np.int64]) -> Rows:
        """Some rows of a part of a file."""
        return cls(table if len(kept) == len(table) else table.take(kept), file, heights[kept])

    def __len__(self) -> int:
        return len(self.heights)

    def has(self, name: str) -> bool:
        """Whether the column is there at all."""
        return name in self.table.column_names

    def _at(self, name: str) -> tuple[pa.ChunkedArray, Place]:
        return self.table.column(name), Place(self.file, self.prefix + name, self.heights)

    def integers(self, name: str, least: int, most: int, *, absent: int | None = None) -> NDArray[np.int64]:
        """(n,) whole numbers; `absent` stands for none, where there may be none."""
        if not self.has(name):
            assert absent is not None
            return np.full(len(self), absent, np.int64)
        column, place = self._at(name)
        found, there = integers(column, place)
        if absent is None and not there.all():
            raise place.bad(column, int(np.argmin(there)), "where a whole number should stand")
        wrong = there & ((found < least) | (found > most))
        if wrong.any():
            raise place.bad(column, int(np.argmax(wrong)), f"which is not between {least} and {most}")
        return np.where(there, found, 0 if absent is None else absent)

    def hashes(self, name: str, *, must: bool = True) -> read.Fixed:
        """(n, 32) hashes in wire order."""
        if not self.has(name):
            return read.Fixed.absent(len(self), 32)
        column, place = self._at(name)
        raw = read.buffers(column, place, "hashes")
        out = np.zeros((len(self), 32), np.uint8)
        row = kernels.unhex_hashes(raw.data, raw.offsets, raw.there, out) if raw.text else 0
        if row >= 0 and len(self):
            raise place.bad(column, row, "which is no hash (64 hexadecimal digits)")
        if must and not raw.there.all():
            raise place.bad(column, int(np.argmin(raw.there)), "where a hash should stand")
        return read.Fixed(out, raw.there)

    def scripts(self, name: str) -> tuple[read.Bytes, NDArray[np.bool_]]:
        """Bytes in hex, and (n,) where something stands: an empty script is not nothing."""
        column, place = self._at(name)
        raw = read.buffers(column, place, "bytes in hex")
        said = column.is_valid().to_numpy()
        starts = np.zeros(len(self) + 1, np.int64)
        out = np.empty(len(raw.data) // 2 + 1, np.uint8)
        row = unhex(raw.data, raw.offsets, raw.there, starts, out, 0) if raw.text else 0
        if row >= 0 and len(self):
            raise place.bad(column, row, "which are no bytes in hex")
        return read.Bytes(out[: starts[-1]], starts), said

    def hexadecimal(self, name: str, digits: int, more: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """(n,) numbers of up to `digits` hexadecimal digits; of those with `more` the last ones, and (n,) where not."""
        import polars as pl
        import pyarrow as pa

        column, place = self._at(name)
        read.buffers(column, place, "numbers in hex")
        text = pl.Series(column.cast(pa.large_string()), dtype=pl.String)
        sizes = text.str.len_bytes().fill_null(0)
        found = text.str.slice(-8).str.to_integer(base=16, strict=False, dtype=pl.Int64)
        sound = (
            found.is_not_null() & ((sizes <= digits) | (sizes == more)) & text.str.contains("^[0-9a-fA-F]+$")
        )
        if not sound.fill_null(value=False).all():
            row = int(np.argmin(sound.fill_null(value=False).to_numpy()))
            raise place.bad(column, row, "which is no number in hex")
        return found.to_numpy().copy(), (sizes <= digits).to_numpy()

    def flags(self, name: str) -> NDArray[np.bool_]:
        """(n,) true or false; both must be said."""
        column, place = self._at(name)
        found = read.flags(column, place)
        if (found < 0).any():
            raise place.bad(column, int(np.argmax(found < 0)), "where true or false should stand")
        told: NDArray[np.bool_] = found == 1
        return told

    def words(self, name: str) -> read.Words:
        """(n,) words of a short list."""
        if not self.has(name):
            return read.Words(np.full(len(self), -1, np.int64), ())
        return read.words(*self._at(name))

    def bad(self, name: str, row: int, what: str, hint: str = "") -> BadValue:
        """The error of one value."""
        column, place = self._at(name)
        return place.bad(column, row, what, hint)

    def nested(self, name: str) -> Nested:
        """The rows of a list in each row."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.table.column(name).combine_chunks()
        lists = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
        inside = pc.list_flatten(lists)
        fields: Mapping[str, Any] = {field.name: pa.chunked_array([each]) for field, each in zip(
            inside.type, inside.flatten(), strict=True
        )}  # fmt: skip
        if inside.null_count:
            row = int(np.argmin(inside.is_valid().to_numpy(zero_copy_only=False)))
            height = int(np.repeat(self.heights, counts)[row])
            raise BadValue(
                f"{self.file}: {name} holds nothing between two commas in block {height}.", height=height
            )
        starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
        return Nested(pa.table(fields), self.file, np.repeat(self.heights, counts), f"{name}.", starts)


@dataclass(frozen=True)
class Nested(Rows):
    """Rows of lists, one after the other; those of row r are starts[r]:starts[r + 1]."""

    starts: NDArray[np.int64] | None = None

    @cached_property
    def of(self) -> NDArray[np.int64]:
        """(m,) the row each is in."""
        assert self.starts is not None
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def only(self, kept: NDArray[np.bool_]) -> Nested:
        """Some of the rows, still in their lists."""
        import pyarrow as pa

        assert self.starts is not None
        running = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept, dtype=np.int64)))
        return Nested(
            self.table.filter(pa.array(kept)),
            self.file,
            self.heights[kept],
            self.prefix,
            running[self.starts],
        )

    def only_address(self) -> tuple[pa.Array, NDArray[np.bool_]]:
        """Text of the one address of each, and (m,) where there is exactly one."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.types as pt

        if not self.has("addresses") or not len(self):
            return pa.nulls(len(self), pa.large_string()), np.zeros(len(self), np.bool_)
        column = self.table.column("addresses").combine_chunks()
        lists = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        if not (pt.is_list(lists.type) or pt.is_large_list(lists.type)):
            return pa.nulls(len(self), pa.large_string()), np.zeros(len(self), np.bool_)
        one = pc.fill_null(pc.equal(pc.list_value_length(lists), 1), False)
        row = np.full(len(self), -1, np.int64)
        there = one.to_numpy(zero_copy_only=False)
        sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
        row[there] = (np.cumsum(sizes) - sizes)[there]
        flat = pc.list_flatten(lists).cast(pa.large_string())
        text = flat.take(pa.array(np.where(there, row, 0), mask=~there)) if len(flat) else pa.nulls(
            len(self), pa.large_string()
        )  # fmt: skip
        return text, there & text.is_valid().to_numpy(zero_copy_only=False)


def heights_of(table: pa.Table, name: str, file: str, first: int) -> NDArray[np.int64]:
    """The block of each row of a part of a file whose first row has this number; `BadExport` names a row without."""
    place = Place(file, name, np.arange(first, first + len(table)))
    try:
        column = table.column(name)
        found, there = integers(column, place)
        wrong = ~there | (found < 0) | (found > MOST_HEIGHT)
        if wrong.any():
            raise place.bad(column, int(np.argmax(wrong)), "which is no height")
    except BadValue as error:
        raise BadExport(error.problem.replace(" in block ", " in row ")) from error
    return found


def integers(column: pa.ChunkedArray, place: Place) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Whole numbers of any sign -> int64 (0 where absent), and which rows have one."""
    import polars as pl
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    kind = column.type
    what = "which is no whole number"
    if pt.is_floating(kind):
        raise BadExport(
            f"{place.file}: column {place.column} holds floating-point numbers where whole ones belong.",
            hint=_NO_FLOAT,
        )
    if pt.is_integer(kind) or pt.is_decimal(kind):
        try:
            numbers = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
        except pa.ArrowInvalid as error:
            raise BadExport(
                f"{place.file}: column {place.column} holds a number {what} ({error})."
            ) from error
        return numbers, column.is_valid().to_numpy()
    if not (pt.is_string(kind) or pt.is_large_string(kind) or pt.is_null(kind)):
        raise BadExport(
            f"{place.file}: column {place.column} is of type {kind}, which holds no whole numbers."
        )
    text = pl.Series(column.cast(pa.large_string()), dtype=pl.String)
    found = text.cast(pl.Int64, strict=False)
    there = (text.is_not_null() & (text != "")).to_numpy()
    wrong = there & found.is_null().to_numpy()
    if wrong.any():
        raise place.bad(column, int(np.argmax(wrong)), what)
    return found.fill_null(0).to_numpy().copy(), there
