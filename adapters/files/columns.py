"""Columns of exported files as arrays: whatever type they were written in, exact, or refused by file, column and block.

Tools and conversions write one value in many types: a hash as text or bytes, an amount as text, a number, a
decimal or big-endian bytes. Floating-point amounts have lost digits and are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from adapters.evm.amounts import ABSENT, Amounts
from adapters.files import kernels
from tracer.errors import BadExport

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 60
"""Letters of a bad value that an error shows."""


@dataclass(frozen=True)
class Place:
    """Where a column stands; `heights` (n,) are the blocks of its rows."""

    file: str
    column: str
    heights: NDArray[np.int64]

    def bad(self, column: pa.ChunkedArray | pa.Array, row: int, what: str, hint: str = "") -> BadExport:
        """The error of one value."""
        value = column[row].as_py()
        shown = (
            "nothing"
            if value is None
            else repr(value if not isinstance(value, bytes) else "0x" + value.hex())
        )
        if len(shown) > SHOWN:
            shown = shown[:SHOWN] + "..."
        return BadExport(
            f"{self.file}: column {self.column} holds {shown} in block {self.heights[row]}, {what}.",
            hint=hint,
        )


@dataclass(frozen=True)
class Fixed:
    """Hashes or addresses: (n, width) uint8, and which rows have one (zeros elsewhere)."""

    raw: NDArray[np.uint8]
    there: NDArray[np.bool_]

    def __getitem__(self, rows: NDArray[np.integer[Any]] | NDArray[np.bool_] | slice) -> Fixed:
        return Fixed(self.raw[rows], self.there[rows])

    def __len__(self) -> int:
        return len(self.there)

    @classmethod
    def absent(cls, rows: int, width: int) -> Fixed:
        """A column of nothing."""
        return cls(np.zeros((rows, width), np.uint8), np.zeros(rows, np.bool_))


@dataclass(frozen=True)
class Bytes:
    """Bytes of any length: those of row r are data[starts[r]:starts[r + 1]]; nothing where absent."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]


@dataclass(frozen=True)
class Words:
    """Words out of a short list: (n,) numbers in `labels`, -1 where absent."""

    codes: NDArray[np.int64]
    labels: tuple[str, ...]

    def among(self, *names: str) -> NDArray[np.bool_]:
        """(n,) where one of these stands; "" stands for nothing too."""
        marked = np.array([label in names for label in self.labels] + ["" in names], np.bool_)
        return marked[self.codes]


@dataclass(frozen=True)
class Units:
    """Amounts, and the numbers of those above 38 digits by row."""

    amounts: Amounts
    wide: dict[int, int]


@dataclass(frozen=True)
class Raw:
    """Text or bytes of a column: buffers, offsets, which rows are there, and whether it is text."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    there: NDArray[np.bool_]
    text: bool


def buffers(column: pa.ChunkedArray, place: Place, what: str) -> Raw:
    """The buffers of a column of text or bytes; anything else is refused."""
    import pyarrow as pa
    import pyarrow.types as pt

    kind = column.type
    if pt.is_dictionary(kind):
        kind = kind.value_type
    if pt.is_null(kind):
        kind = pa.string()
    text = pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)
    if not text and not (
        pt.is_binary(kind)
        or pt.is_large_binary(kind)
        or pt.is_fixed_size_binary(kind)
        or pt.is_binary_view(kind)
    ):
        raise _type(column, place, what)
    flat = column.cast(pa.large_string() if text else pa.large_binary()).combine_chunks()
    array = flat.chunk(0) if isinstance(flat, pa.ChunkedArray) else flat
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    if not len(array):
        offsets = np.zeros(1, np.int64)
    data = np.frombuffer(array.buffers()[2] or b"", np.uint8)
    there = array.is_valid().to_numpy(zero_copy_only=False)
    return Raw(data, offsets, there & (np.diff(offsets) > 0) if text else there, text)


def _type(column: pa.ChunkedArray, place: Place, what: str) -> BadExport:
    return BadExport(f"{place.file}: column {place.column} is of type {column.type}, which holds no {what}.")


def fixed(column: pa.ChunkedArray, width: int, place: Place) -> Fixed:
    """Addresses (20 bytes), hashes (32), Bloom filters (256), in hex after `0x` or as bytes; absent where empty."""
    what = {20: "address", 32: "hash"}.get(width, "Bloom filter")
    raw = buffers(column, place, "bytes of that kind")
    out = np.zeros((len(raw.there), width), np.uint8)
    if raw.text:
        row = kernels.unhex_fixed(raw.data, raw.offsets, raw.there, out)
    else:
        wrong = raw.there & (np.diff(raw.offsets) != width)
        row = int(np.argmax(wrong)) if wrong.any() else -1
        if row < 0:
            at = raw.offsets[:-1][raw.there]
            out[raw.there] = raw.data[at[:, None] + np.arange(width)]
    if row >= 0:
        raise place.bad(column, row, f"which is no {what} ({width} bytes, in hex after 0x)")
    return Fixed(out, raw.there)


def octets(column: pa.ChunkedArray, place: Place) -> Bytes:
    """Call data and log data, as hex after `0x` or as bytes."""
    raw = buffers(column, place, "bytes")
    if not raw.text:
        return Bytes(raw.data, raw.offsets)
    starts = np.zeros(len(raw.there) + 1, np.int64)
    out = np.empty(len(raw.data) // 2 + 1, np.uint8)
    row = kernels.unhex(raw.data, raw.offsets, raw.there, starts, out, 2)
    if row >= 0:
        raise place.bad(column, row, "which are no bytes in hex after 0x")
    return Bytes(out, starts)


def prefixes(column: pa.ChunkedArray, width: int, place: Place) -> Fixed:
    """First bytes of call data, and where there are so many."""
    import pyarrow.compute as pc
    import pyarrow.types as pt

    if pt.is_string(column.type) or pt.is_large_string(column.type):
        column = pc.utf8_slice_codeunits(column, 0, 2 + 2 * width)  # the rest may be megabytes
    found = octets(column, place)
    there = np.diff(found.starts) >= width
    out = np.zeros((len(there), width), np.uint8)
    out[there] = found.data[found.starts[:-1][there][:, None] + np.arange(width)]
    return Fixed(out, there)


def words(column: pa.ChunkedArray, place: Place) -> Words:
    """Words out of a short list, such as types of calls."""
    import pyarrow as pa
    import pyarrow.types as pt

    if pt.is_null(column.type):
        column = column.cast(pa.string())
    kind = column.type.value_type if pt.is_dictionary(column.type) else column.type
    if not (pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)):
        raise _type(column, place, "words")
    coded = column.cast(pa.large_string()).combine_chunks().dictionary_encode()
    array = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    codes = array.indices.fill_null(-1).to_numpy().astype(np.int64)
    return Words(codes, tuple(array.dictionary.to_pylist()))


def whole(column: pa.ChunkedArray, place: Place) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Counts and heights below 2^62 -> int64 (0 where absent), and which rows have one."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    kind = column.type
    what = "which is no whole number below 2^62"
    if pt.is_integer(kind) or pt.is_decimal(kind) or pt.is_boolean(kind):
        try:
            numbers = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
        except pa.ArrowInvalid as error:
            raise BadExport(
                f"{place.file}: column {place.column} holds a number {what[9:]} ({error})."
            ) from error
        there = column.is_valid().to_numpy()
        wrong = (numbers < 0) | (numbers >= 1 << 62)
        if wrong.any():
            raise place.bad(column, int(np.argmax(wrong)), what)
        return numbers, there
    raw = buffers(column, place, "whole numbers")
    out = np.zeros(len(raw.there), np.int64)
    row = kernels.whole(raw.data, raw.offsets, raw.there, out) if raw.text else 0
    if row >= 0:
        raise place.bad(column, row, what)
    return out, raw.there


def flags(column: pa.ChunkedArray, place: Place) -> NDArray[np.int8]:
    """Success of a transaction or frame: 1, 0, and -1 where nothing is said."""
    import pyarrow.types as pt

    if pt.is_integer(column.type) or pt.is_boolean(column.type):
        numbers, there = whole(column, place)
        found = np.where(there, numbers, -1)
    else:
        said = words(column, place)
        known = {"": -1, "0": 0, "1": 1, "false": 0, "true": 1}
        meanings = np.array([known.get(label.lower(), 2) for label in said.labels] + [-1], np.int64)
        found = meanings[said.codes]
    if (found > 1).any():
        raise place.bad(column, int(np.argmax(found > 1)), "which is neither 1 nor 0")
    return found.astype(np.int8)


def units(column: pa.ChunkedArray, place: Place) -> Units:
    """Amounts in base units, whatever type holds them exactly; `BadExport` for floats, fractions and exponents."""
    import pyarrow.types as pt

    if pt.is_floating(column.type):
        raise BadExport(
            f"{place.file}: column {place.column} holds floating-point numbers, which have lost digits.",
            hint="Export the amounts as text or bytes (cryo: --u256-types binary).",
        )
    if pt.is_integer(column.type) or pt.is_decimal(column.type):
        column = _as_text(column, place)
    raw = buffers(column, place, "amounts")
    count = len(raw.there)
    found = Amounts(np.zeros((count, 2), np.uint64), np.full(count, ABSENT, np.uint8))
    if (
        raw.text
        and raw.there.any()
        and bytes(raw.data[raw.offsets[int(np.argmax(raw.there))] :][:2]) == b"0x"
    ):
        words = octets(column, place)
        raw = Raw(words.data, words.starts, raw.there, text=False)
    read = kernels.digits if raw.text else kernels.big_endian
    read(raw.data, raw.offsets, raw.there, found.limbs, found.states)
    wide: dict[int, int] = {}
    for row in np.flatnonzero(found.states > 1).tolist():
        said = bytes(raw.data[raw.offsets[row] : raw.offsets[row + 1]])
        number = -1
        if found.states[row] != kernels.BAD:
            number = int(said) if raw.text else int.from_bytes(said, "big")
        if not 0 <= number < 1 << 256:
            raise place.bad(column, row, "which is no whole number of base units below 2^256")
        wide[row] = number
    return Units(found, wide)


def _as_text(column: pa.ChunkedArray, place: Place) -> pa.ChunkedArray:
    """Numbers written out; fractions are refused, zeros behind the point are not."""
    import pyarrow as pa
    import pyarrow.types as pt

    if pt.is_decimal(column.type) and column.type.scale > 0:
        try:
            column = column.cast(pa.decimal256(76, 0))
        except pa.ArrowInvalid as error:
            raise BadExport(
                f"{place.file}: column {place.column} holds fractions of base units ({error})."
            ) from error
    return column.cast(pa.string())
