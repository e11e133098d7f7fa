"""Rows of a Parquet file by number, read on and on: a run of blocks does not decode what the one before it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 65_536


class Stretch:
    """A file whose rows are asked for from the first to the last; to go back costs a row group again."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path, self.columns = path, list(columns)
        self._at = self._rows = 0
        self._rest: list[pa.RecordBatch] = []
        self._more: Iterator[pa.RecordBatch] | None = None

    def rows(self, first: int, end: int) -> pa.Table:
        """Rows from `first` to before `end`."""
        import pyarrow as pa

        if self._more is None or first < self._at:
            self._open(first)
        assert self._more is not None
        taken: list[pa.RecordBatch] = []
        while self._at < end:
            batch = self._rest.pop() if self._rest else next(self._more)
            skipped = max(first - self._at, 0)
            if skipped >= batch.num_rows:
                self._at += batch.num_rows
                continue
            kept = min(batch.num_rows, end - self._at)
            taken.append(batch.slice(skipped, kept - skipped))
            if kept < batch.num_rows:
                self._rest.append(batch.slice(kept))
            self._at += kept
        table = pa.Table.from_batches(taken, self._schema)
        if self._at == self._rows:  # an open reader keeps its row group: with many files, all memory
            self._more, self._rest = None, []
        return table

    def _open(self, first: int) -> None:
        """Begin at the row group that holds a row."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = pq.ParquetFile(self.path)
        at, group = 0, 0
        while (
            group < file.metadata.num_row_groups - 1 and at + file.metadata.row_group(group).num_rows <= first
        ):
            at += file.metadata.row_group(group).num_rows
            group += 1
        groups = list(range(group, file.metadata.num_row_groups))
        self._at, self._rest, self._rows = at, [], file.metadata.num_rows
        self._schema = pa.schema([file.schema_arrow.field(name) for name in self.columns])
        self._more = file.iter_batches(_BATCH_ROWS, row_groups=groups, columns=self.columns)
