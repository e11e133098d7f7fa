"""One exported file that was recognised, and its rows of a run of blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.files import columns as read
from adapters.files.layouts import Layout
from adapters.files.stretch import Stretch

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class File:
    """One file, recognised.

    stored   itself, or the Parquet file made of its text
    columns  the column of each field that it has, by the field's name
    heights  blocks it has rows of, ascending; counts: how many rows of each
    stretch  reads it on and on, where its rows are in the order of heights
    """

    path: Path
    layout: Layout
    stored: Path
    columns: dict[str, str]
    heights: NDArray[np.int64]
    counts: NDArray[np.int64]
    stretch: Stretch | None = None

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.counts.sum())

    def only(self, *names: str) -> File:
        """The same file with these fields alone."""
        columns = {name: column for name, column in self.columns.items() if name in names}
        wanted = sorted({self.layout.height, *columns.values()})
        stretch = Stretch(self.stored, wanted) if self.stretch is not None else None
        return replace(self, columns=columns, stretch=stretch)

    def without(self, name: str) -> File:
        """The same file without a field."""
        return self.only(*(self.columns.keys() - {name})) if name in self.columns else self

    def read(self, first: int, last: int) -> Rows:
        """Its rows of these blocks."""
        import pyarrow.dataset as ds

        if self.stretch is not None:
            ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(self.counts)))
            low, high = (
                np.searchsorted(self.heights, first),
                np.searchsorted(self.heights, last, side="right"),
            )
            return Rows(self, self.stretch.rows(int(ends[low]), int(ends[high])))
        height = ds.field(self.layout.height)
        table = ds.dataset(self.stored, format="parquet").to_table(
            columns=sorted({self.layout.height, *self.columns.values()}),
            filter=(height >= first) & (height <= last),
        )
        return Rows(self, table)


class Rows:
    """Rows of one file as a table; `field` reads one column of it."""

    def __init__(self, file: File, table: pa.Table) -> None:
        self.file, self.table = file, table
        self.heights: NDArray[np.int64] = (
            table.column(file.layout.height).to_numpy().astype(np.int64)
            if len(table)
            else np.zeros(0, np.int64)
        )

    def __len__(self) -> int:
        return len(self.heights)

    def has(self, name: str) -> bool:
        """Whether the file has the column at all."""
        return name in self.file.columns

    def column(self, name: str) -> tuple[pa.ChunkedArray, read.Place]:
        """A column as it stands, and its place for messages."""
        column = self.file.columns[name]
        return self.table.column(column), read.Place(str(self.file.path), column, self.heights)
