"""Files of bitcoin-etl, recognised by their columns, and read part by part: Parquet, CSV, JSON lines, packed or not.

Whole numbers stay as they were spelt until `values` reads them: a JSON reader that made doubles of them would round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from adapters.files import staging
from adapters.files.bitcoin_etl.layout import MARKS, NEEDED, NESTED, NUMBERS, OPTIONAL, Dataset
from adapters.files.exports import column_names, find, is_parquet
from tracer.errors import BadExport

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

PART_ROWS = 20_000
"""Rows of a Parquet file that are read at once (P): some 30 MB."""
_FLOAT = rf'"({"|".join(NUMBERS)})": ?"?-?[0-9]+[.eE]'
_FOREIGN = "Give files of one kind of chain: of bitcoin-etl, or of ethereum-etl and cryo."


@dataclass(frozen=True)
class Found:
    """One file that was recognised; `columns` are those that are read of it."""

    path: Path
    dataset: Dataset
    columns: tuple[str, ...]
    parquet: bool


@dataclass(frozen=True)
class Files:
    """All files of one import: by what they hold, and those without a row."""

    found: tuple[Found, ...]
    empty: tuple[Path, ...]

    def of(self, dataset: Dataset) -> list[Found]:
        """The files of one kind."""
        return [file for file in self.found if file.dataset is dataset]


def recognise(paths: Sequence[Path]) -> Files | None:
    """What bitcoin-etl's files among these are; None where there is none.

    `BadExport` names what is neither, in a mix, and the column that is missing.
    """
    found: list[Found] = []
    empty: list[Path] = []
    strange: list[Path] = []
    for path, named in find(paths):
        names = column_names(path)
        dataset = next((each for each, marks in MARKS.items() if marks <= set(names)), None)
        if not names:
            empty.append(path)
        elif dataset is not None:
            found.append(Found(path, dataset, _columns(path, dataset, names), is_parquet(path)))
        elif named:
            strange.append(path)
    if not found:
        return None
    if strange:
        raise BadExport(f"{strange[0]} is no file of bitcoin-etl, and {found[0].path} is one.", hint=_FOREIGN)
    return Files(tuple(found), tuple(empty))


def _columns(path: Path, dataset: Dataset, names: list[str]) -> tuple[str, ...]:
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadExport(f"{path} has two columns {twice[0]}.")
    for name in NEEDED[dataset]:
        if name not in names:
            raise BadExport(
                f"{path}: column {name} is missing from these {dataset}.",
                hint=f"Export the {dataset} again, whole.",
            )
    return (*NEEDED[dataset], *(name for name in OPTIONAL[dataset] if name in names))


def parts(file: Found) -> Iterator[pa.Table]:
    """Its rows, some at a time: the columns named, inputs and outputs as lists of structs.

    `BadExport` where the file is cut off or no value could be read at all.
    """
    if file.parquet:
        yield from _parquet(file)
    elif staging.is_json(file.path):
        yield from _json(file)
    else:
        for table in staging.csv_parts(file.path, list(file.columns)):
            yield _unspelt(table, file)


def _parquet(file: Found) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        stored = pq.ParquetFile(file.path)
        for batch in stored.iter_batches(PART_ROWS, columns=list(file.columns)):
            yield _unspelt(pa.Table.from_batches([batch]), file)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadExport(
            f"{file.path} is no whole Parquet file ({error}).", hint="Export it again."
        ) from error


def _json(file: Found) -> Iterator[pa.Table]:
    import polars as pl

    shape = pl.Struct({name: _list_of(name) if name in NESTED else pl.String() for name in file.columns})
    line = 1
    for text in staging.pieces(file.path):
        lines = _lines(text.rstrip("\r\n "))
        _refuse_floats(lines, file, line)
        try:
            frame = lines.str.json_decode(shape).struct.unnest()
        except pl.exceptions.ComputeError as error:
            raise staging.bad_line(file.path, lines.to_list(), line, error) from error
        line += len(lines)
        yield staging.plain_table(frame.to_arrow())


def _lines(text: str) -> pl.Series:
    """The lines of a text, which is not copied."""
    import polars as pl
    import pyarrow as pa

    raw = np.frombuffer(text.encode(), np.uint8)
    ends = np.flatnonzero(raw == ord("\n"))
    offsets = np.concatenate((np.zeros(1, np.int64), ends + 1, np.array([len(raw)])))
    return pl.Series(
        pa.LargeStringArray.from_buffers(len(ends) + 1, pa.py_buffer(offsets), pa.py_buffer(raw))
    )


def _refuse_floats(lines: pl.Series, file: Found, first: int) -> None:
    wrong = lines.str.contains(_FLOAT)
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        spelt = lines[row : row + 1].str.extract(_FLOAT, 0)[0]
        raise BadExport(
            f"{file.path}:{first + row}: {spelt}... is a floating-point number where a whole one belongs.",
            hint="Such a number may have lost digits: export it as a whole number.",
        )


def _list_of(name: str) -> pl.List:
    """Inputs or outputs, as JSON has them."""
    import polars as pl

    return pl.List(
        pl.Struct(
            {field: pl.List(pl.String) if field == "addresses" else pl.String() for field in NESTED[name]}
        )
    )


def _unspelt(table: pa.Table, file: Found) -> pa.Table:
    """The same table with inputs and outputs as lists, where they are spelt as text."""
    import pyarrow.types as pt

    for name in NESTED:
        if name in table.column_names:
            kind = table.column(name).type
            if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_null(kind):
                told = _spelt(table, name, file)
                table = table.set_column(table.column_names.index(name), name, told)
            else:
                _refuse_shape(kind, name, file)
    return table


def _spelt(table: pa.Table, name: str, file: Found) -> pa.ChunkedArray:
    """JSON, or Python's way to write it without the outer brackets, which is what bitcoin-etl's CSV holds."""
    import polars as pl
    import pyarrow as pa

    text = pl.Series(table.column(name).cast(pa.large_string())).fill_null("").str.strip_chars()
    if text.str.contains("'", literal=True).any():
        text = text.str.replace_all("'", '"', literal=True).str.replace_all(r": (None|nan)\b", ": null")
    bare = ~text.str.starts_with("[")
    text = pl.select(pl.when(bare).then("[" + text + "]").otherwise(text)).to_series()
    _refuse_floats(text, file, 1)
    try:
        frame = text.str.json_decode(_list_of(name)).to_frame(name)
    except pl.exceptions.ComputeError as error:
        raise BadExport(
            f"{file.path}: column {name} holds text that is no list of {name}.",
            hint="Export it as JSON lines.",
        ) from error
    return staging.plain_table(frame.to_arrow()).column(name)


def _refuse_shape(kind: pa.DataType, name: str, file: Found) -> None:
    import pyarrow.types as pt

    if not (pt.is_list(kind) or pt.is_large_list(kind)) or not pt.is_struct(kind.value_type):
        raise BadExport(f"{file.path}: column {name} is of type {kind}, which holds no {name}.")
    has = {field.name for field in kind.value_type}
    for field, needed in NESTED[name].items():
        if needed and field not in has:
            raise BadExport(
                f"{file.path}: {field} is missing from the {name} of these {file.dataset}.",
                hint=f"Export the {file.dataset} again, whole.",
            )
