"""Text files -> Parquet in a scratch folder, every value as it was spelt: the rest of the reading knows one format.

CSV and JSON lines cannot be read from the middle; Parquet can, block by block. Numbers stay text: a JSON reader that
made doubles of them would round amounts.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from adapters.files.columns import Place, whole
from adapters.files.layouts import Kind, Layout
from tracer.errors import BadExport, SourceUnavailable

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 32 << 20
"""Text that is read at once. A line must fit, and the data of one transaction may be megabytes (P)."""

_NUMBER = r'"(\w+)": ?(-?[0-9][0-9.eE+-]*)'


def opened(path: Path) -> IO[bytes]:
    """A file, unpacked where it is gzip; what is read of a damaged one raises (`PACKED_BADLY`)."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


PACKED_BADLY = (EOFError, zlib.error, gzip.BadGzipFile)


def packed_badly(path: Path, error: Exception) -> BadExport:
    """The error of a damaged gzip file."""
    return BadExport(f"{path} is no whole gzip file ({error}).", hint="It may be cut off: export it again.")


def header(path: Path) -> list[str]:
    """Names of the columns of a CSV file, or keys of the first line of JSON lines; none where the file is empty."""
    try:
        with opened(path) as file:
            first = file.readline(BLOCK_BYTES).decode("utf-8-sig").strip()
    except PACKED_BADLY as error:
        raise packed_badly(path, error) from error
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadExport(f"{path} is neither text in UTF-8 nor Parquet.") from error
    if not first:
        return []
    if first[0] == "[":
        raise BadExport(f"{path} is one JSON array.", hint="Write it as JSON lines: one object per line.")
    if first[0] != "{":
        return next(csv.reader([first]))
    try:
        return list(json.loads(first))
    except ValueError as error:
        raise BadExport(f"{path}:1: no JSON object ({error}).") from error


def is_json(path: Path) -> bool:
    """Whether a text file holds JSON lines."""
    with opened(path) as file:
        return file.read(4).lstrip(b"\xef\xbb\xbf")[:1] == b"{"


def stage(path: Path, layout: Layout, columns: list[str], to: Path) -> None:
    """Write the columns wanted of a text file as Parquet: text, but for heights (int64)."""
    import pyarrow.parquet as pq

    as_json = is_json(path)
    writer = None
    line = 1 if as_json else 2
    try:
        for part in _json(path, layout, columns) if as_json else csv_parts(path, columns):
            table = _with_heights(part, layout, path, line)
            line += table.num_rows
            if writer is None:
                writer = pq.ParquetWriter(to, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _with_heights(table: pa.Table, layout: Layout, path: Path, line: int) -> pa.Table:
    import pyarrow as pa

    at = table.column_names.index(layout.height)
    lines = np.arange(line, line + table.num_rows)
    try:
        heights, there = whole(table.column(at), Place(str(path), layout.height, lines))
    except BadExport as error:
        raise BadExport(error.problem.replace(" in block ", " in line ")) from error
    if not there.all():
        raise BadExport(f"{path}:{lines[int(np.argmin(there))]}: column {layout.height} holds nothing.")
    return table.set_column(at, layout.height, pa.array(heights))


def csv_parts(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    """Rows of a CSV file, some at a time, every value as text."""
    import pyarrow as pa
    import pyarrow.csv as pc

    names = header(path)
    file = opened(path)
    try:
        reader = pc.open_csv(
            file,
            read_options=pc.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()),
                include_columns=columns,
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as error:
        raise BadExport(
            f"{path} is no sound CSV: {error}.", hint="It may be cut off: export it again."
        ) from error
    except PACKED_BADLY as error:
        raise packed_badly(path, error) from error
    finally:
        file.close()


def _json(path: Path, layout: Layout, columns: list[str]) -> Iterator[pa.Table]:
    import polars as pl

    kinds = {name: field.kind for field in layout.fields for name in field.columns}
    shapes = {
        Kind.TOPICS: pl.List(pl.String),
        Kind.PATH: pl.List(pl.String),
        Kind.WITHDRAWALS: pl.List(pl.Struct({"address": pl.String, "amount": pl.String})),
    }
    shape = pl.Struct({name: shapes.get(kinds[name], pl.String()) for name in columns})
    line = 1
    for text in pieces(path):
        lines = pl.Series([text]).str.strip_chars_end("\n").str.split("\n").explode()
        # spelt out as text: a number as the tool wrote it
        told = lines.str.replace_all(_NUMBER, '"$1": "$2"')
        try:
            frame = told.str.json_decode(shape).struct.unnest()
        except pl.exceptions.ComputeError as error:
            raise bad_line(path, lines.to_list(), line, error) from error
        line += len(lines)
        yield plain_table(frame.to_arrow())


def plain_table(table: pa.Table) -> pa.Table:
    """The same table without views, which Parquet and kernels do not have."""
    import pyarrow as pa

    return table.cast(pa.schema([pa.field(f.name, _plain(f.type)) for f in table.schema]))


def _plain(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    import pyarrow.types as pt

    if pt.is_list(kind) or pt.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pt.is_struct(kind):
        return pa.struct([pa.field(f.name, _plain(f.type)) for f in kind])
    return pa.large_string() if pt.is_string_view(kind) or pt.is_string(kind) else kind


def pieces(path: Path) -> Iterator[str]:
    """A file in pieces of whole lines."""
    rest = b""
    try:
        with opened(path) as file:
            while piece := file.read(BLOCK_BYTES):
                end = piece.rfind(b"\n") + 1
                if end:
                    yield _text(rest + piece[:end], path)
                    rest = piece[end:]
                else:
                    rest += piece
    except PACKED_BADLY as error:
        raise packed_badly(path, error) from error
    if rest.strip():
        yield _text(rest, path)


def _text(raw: bytes, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadExport(f"{path} is no text in UTF-8.") from error


def bad_line(path: Path, lines: list[str], first: int, error: Exception) -> BadExport:
    """The error of the first of some lines, numbered from `first` on, that is no JSON object."""
    for number, line in enumerate(lines, start=first):
        try:
            found = isinstance(json.loads(line), dict)
        except ValueError:
            found = False
        if not found:
            return BadExport(
                f"{path}:{number}: no JSON object.", hint="The file may be cut off: export it again."
            )
    return BadExport(f"{path}: a line from {first} on holds a list where a value should be ({error}).")
