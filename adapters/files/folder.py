"""Files of an export: a whole new folder of Parquet, CSV or JSON lines, or none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

import numpy as np

from adapters.files.staging import plain_table
from tracer.chain import Chain
from tracer.errors import StoreUnwritable, UsageError
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq


class Format(StrEnum):
    """How files are written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Written:
    """What an export wrote: blocks, and the rows of each file by its name."""

    first: int
    last: int
    blocks: int
    rows: dict[str, int]


def parts_of(
    ledger: Ledger, weights: str, first: int | None, last: int | None, rows: int
) -> list[tuple[int, int, int]]:
    """The blocks that a ledger has between two heights, in parts of about so many rows (see `slices`).

    weights   the query that says what each block is worth
    `UsageError` where no such block was read.
    """
    bounds = {"first": first or 0, "last": (1 << 31) - 1 if last is None else last}
    parts = list(slices(ledger.db.arrow(weights, bounds), rows))
    if not parts:
        raise UsageError(
            f"no block of {ledger.chain.name} was read between these heights.", hint="See `tracer status`."
        )
    return parts


def readme(chain: Chain, written: Written, tool: str, version: str, not_carried: Sequence[str]) -> str:
    """What lies beside the files: what they hold, under whose names, and what is different there."""
    files = "\n".join(f"- {name}: {rows:,} rows" for name, rows in written.rows.items())
    carried = "\n".join(f"- {line}." for line in not_carried)
    return (
        f"# {chain.name} ({chain.caip2}), blocks {written.first} to {written.last}\n\n"
        f"Facts of {written.blocks:,} blocks, under the names of {tool} {version}. `tracer import` reads them.\n\n"
        f"{files}\n\nWhat is different from what {tool} writes, and what is missing:\n\n{carried}\n"
    )


def slices(weights: pa.Table, rows: int) -> Iterator[tuple[int, int, int]]:
    """Heights, first and last, of runs of blocks with about so many rows, and how many blocks each has.

    weights   height, and how many rows each block is worth (weight)
    """
    heights = weights.column("height").to_numpy()
    weight = weights.column("weight").to_numpy()
    number = (np.cumsum(weight) - weight) // rows
    starts = [*np.flatnonzero(np.diff(number, prepend=-1) > 0).tolist(), len(heights)]
    for start, end in pairwise(starts):
        yield int(heights[start]), int(heights[end - 1]), end - start


def write_folder(
    to: Path,
    form: Format,
    names: Sequence[str],
    parts: Sequence[tuple[int, int, int]],
    frames: Callable[[int, int], Iterable[tuple[str, pl.DataFrame]]],
    readme: Callable[[Written], str],
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write the new folder `to`, which is there whole or not at all.

    names    of the files, without what tells their form
    parts    heights, first and last, and how many blocks these are
    frames   the rows of each file between two heights, under its name
    `UsageError` where the folder exists, `StoreUnwritable` where it cannot be written.
    """
    if to.exists():
        raise UsageError(f"{to} exists already.", hint="Name a new folder: nothing is written over.")
    blocks = sum(count for _, _, count in parts)
    unfinished = to.with_name(f".{to.name}.unfinished")
    rows = dict.fromkeys((f"{name}.{form}" for name in names), 0)
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with ExitStack() as stack:
            files = {n: stack.enter_context(_File(unfinished / f"{n}.{form}", form)) for n in names}
            done = 0
            for low, high, count in parts:
                for name, frame in frames(low, high):
                    files[name].write(frame)
                    rows[f"{name}.{form}"] += frame.height
                done += count
                if progress:
                    progress(done, blocks)
        written = Written(parts[0][0], parts[-1][1], blocks, rows)
        (unfinished / "README.md").write_text(readme(written), encoding="utf-8")
        unfinished.rename(to)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot write {to}: {error.strerror or error}.", hint="Nothing was left there."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return written


class _File:
    """One file, written part by part."""

    def __init__(self, path: Path, form: Format) -> None:
        self.path, self.form = path, form
        self._text: IO[bytes] | None = None
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> _File:
        if self.form is not Format.PARQUET:
            self._text = self.path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._text is not None:
            self._text.close()
        if self._parquet is not None:
            self._parquet.close()

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows."""
        import polars as pl
        import polars.selectors as cs

        if self._text is None:
            self._write_parquet(frame)
            return
        frame = frame.with_columns(cs.decimal().cast(pl.String))
        if self.form is Format.CSV:
            frame.write_csv(self._text, include_header=self._text.tell() == 0)
        elif frame.height:
            frame.write_ndjson(self._text)

    def _write_parquet(self, frame: pl.DataFrame) -> None:
        import pyarrow.parquet as pq

        table = plain_table(frame.to_arrow())
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self.path, table.schema, compression="zstd")
        self._parquet.write_table(table)
