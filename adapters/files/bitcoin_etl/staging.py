"""All rows of transactions once through `transactions`, kept in a scratch folder until their blocks are read.

Text cannot be read from the middle, and rows of one block may be in several files and anywhere in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.entry import BitcoinChain
from adapters.files.bitcoin_etl.addresses import Addresses
from adapters.files.bitcoin_etl.heads import Blocks, spoilt
from adapters.files.bitcoin_etl.layout import Dataset
from adapters.files.bitcoin_etl.parts import Files, Found, parts
from adapters.files.bitcoin_etl.transactions import on_wire
from adapters.files.bitcoin_etl.values import BadValue, Rows, heights_of
from adapters.files.stretch import Stretch

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@dataclass(frozen=True)
class Staged:
    """One file as it was kept.

    heights  blocks it has rows of, ascending; counts: how many rows of each
    stretch  reads it on and on, where its rows are in the order of heights
    """

    path: str
    stored: Path
    heights: NDArray[np.int64]
    counts: NDArray[np.int64]
    stretch: Stretch | None

    def read(self, first: int, last: int) -> pa.Table | None:
        """Its rows of these blocks; None where it has none."""
        import pyarrow.dataset as ds

        low, high = np.searchsorted(self.heights, [first, last + 1]).tolist()
        if low == high:
            return None
        if self.stretch is not None:
            ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(self.counts)))
            return self.stretch.rows(int(ends[low]), int(ends[high]))
        height = ds.field("height")
        # threads would let rows of one file pass each other
        return ds.dataset(self.stored, format="parquet").to_table(
            filter=(height >= first) & (height <= last), use_threads=False
        )


@dataclass
class Transactions:
    """The transactions of all files.

    unplaced  rows of blocks that no file of blocks holds: the lowest of these blocks by file
    rows      how many there are in all
    """

    files: list[Staged] = field(default_factory=list)
    unplaced: dict[str, int] = field(default_factory=dict)
    rows: int = 0

    def counts(self, heights: NDArray[np.int64]) -> NDArray[np.int64]:
        """(b,) rows of each of these blocks, which ascend."""
        found = np.zeros(len(heights), np.int64)
        for file in self.files:
            at = np.searchsorted(heights, file.heights)
            here = np.append(heights, -1)[at] == file.heights
            np.add.at(found, at[here], file.counts[here])
        return found

    def read(self, first: int, last: int) -> pa.Table:
        """All rows of these blocks, file by file, in the order in which they stand there."""
        import pyarrow as pa

        return pa.concat_tables(
            [t for file in self.files if (t := file.read(first, last)) is not None]
        ).combine_chunks()


def stage(
    files: Files,
    blocks: Blocks,
    chain: BitcoinChain,
    scratch: Path,
    progress: Callable[[], None] | None = None,
) -> Transactions:
    """Read all rows. What spoils one block goes to `blocks.problems`; `BadExport` where a file cannot be read."""
    found = Transactions()
    addresses = Addresses(chain)
    for number, file in enumerate(files.of(Dataset.TRANSACTIONS)):
        _stage(file, blocks, addresses, scratch / f"{number}.parquet", found)
        if progress:
            progress()
    return found


def _stage(file: Found, blocks: Blocks, addresses: Addresses, stored: Path, into: Transactions) -> None:
    import pyarrow.parquet as pq

    counts: Counter[int] = Counter()
    before, last, ascending = into.rows, -1, True
    writer: pq.ParquetWriter | None = None
    try:
        for table in parts(file):
            heights = heights_of(table, "block_number", str(file.path), into.rows + 1 - before)
            into.rows += len(table)
            made = _made(file, table, heights, blocks, addresses, into)
            if made is None:
                continue
            heights = made.column("height").to_numpy()
            ascending &= bool(heights[0] >= last and (heights[1:] >= heights[:-1]).all())
            last = int(heights[-1])
            counts.update(
                dict(zip(*(x.tolist() for x in np.unique(heights, return_counts=True)), strict=True))
            )
            writer = writer or pq.ParquetWriter(stored, made.schema, compression="zstd", compression_level=1)
            writer.write_table(made)
    finally:
        if writer is not None:
            writer.close()
    if writer is not None:
        order = sorted(counts)
        into.files.append(
            Staged(
                str(file.path), stored, np.array(order, np.int64), np.array([counts[h] for h in order], np.int64),
                Stretch(stored, writer.schema.names) if ascending else None,
            )
        )  # fmt: skip


def _made(
    file: Found,
    table: pa.Table,
    heights: NDArray[np.int64],
    blocks: Blocks,
    addresses: Addresses,
    into: Transactions,
) -> pa.Table | None:
    """A part as it is kept, without rows of blocks that cannot be used."""
    row = blocks.heads.row_of(heights)
    if (row < 0).any():
        lowest = int(heights[row < 0].min())
        into.unplaced[str(file.path)] = min(lowest, into.unplaced.get(str(file.path), lowest))
    kept = np.flatnonzero(row >= 0)
    while len(kept):
        try:
            rows = Rows.some(table, kept, str(file.path), heights)
            return on_wire(rows, blocks.heads.take(row[kept]), addresses)
        except BadValue as error:
            kept = spoilt(error, blocks.problems, heights, kept)
    return None
