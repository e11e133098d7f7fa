"""Subjects in a Parquet file: the columns of a CSV, read in batches. Amounts are decimals, integers or text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.subjects.table import HINT, columns_of, no_column, once
from tracer.errors import BadBatch, SourceUnavailable
from tracer.screening.subjects import Row

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_ROWS = 4_096
"""Rows in memory at once."""
_PIECE = 1 << 20


class ParquetTable:
    """A table in a Parquet file; the line of a row is its number, from 1."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done = self._all = 0

    def progress(self) -> tuple[int, int]:
        """Rows."""
        return self._done, self._all

    def sha256(self) -> str:
        """Of the file."""
        digest = hashlib.sha256()
        with self._path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def rows(self) -> Iterator[Row]:
        """Row by row; a null is an empty cell."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        name = self._path.name
        try:
            with pq.ParquetFile(self._path) as file:
                yield from self._of(file, name)
        except pa.ArrowInvalid as error:
            raise BadBatch(f"{name} is damaged: {str(error).splitlines()[0]}.", hint=HINT) from error
        except OSError as error:
            raise SourceUnavailable(f"cannot read {name}: {error}.") from error

    def _of(self, file: pq.ParquetFile, name: str) -> Iterator[Row]:
        schema = file.schema_arrow
        columns = columns_of(schema.names)
        if columns is None:
            raise no_column(name, ", ".join(schema.names))
        once(name, 1, columns)
        wanted = {told: field for told, field in zip(columns, schema, strict=True) if told is not None}
        for told, field in wanted.items():
            _check(name, told, field)
        self._all = file.metadata.num_rows
        for batch in file.iter_batches(_ROWS, columns=[field.name for field in wanted.values()]):
            values = {told: batch.column(field.name).to_pylist() for told, field in wanted.items()}
            for place in range(batch.num_rows):
                self._done += 1
                cells = {told: _text(column[place]) for told, column in values.items()}
                yield Row(self._done, {told: text for told, text in cells.items() if text.strip()})


def _check(name: str, told: str, field: Any) -> None:
    """Refuse types that hold no exact text or number."""
    import pyarrow.types as pt

    kind = field.type.value_type if pt.is_dictionary(field.type) else field.type
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_integer(kind) or pt.is_null(kind):
        return
    if pt.is_string_view(kind) or pt.is_decimal(kind):
        return
    raise BadBatch(
        f"{name}: the column {field.name} holds {kind}, not text or exact numbers.",
        hint=f"Write {told} as text" + (" or as a decimal." if told == "amount" else "."),
    )


def _text(value: Any) -> str:
    """A cell as text; a decimal without exponent."""
    if value is None:
        return ""
    return format(value, "f") if hasattr(value, "as_tuple") else str(value)
