"""Which reader a table of subjects is read by: told by its first bytes, not by its name."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adapters.subjects.parquet import ParquetTable
from adapters.subjects.table import Table
from adapters.subjects.text import PARQUET, TextTable
from tracer.errors import SourceUnavailable, UsageError


@contextmanager
def opened(path: Path) -> Iterator[Table]:
    """A table of subjects, for as long as the block runs; `UsageError` for what is neither file nor pipe."""
    file, size = _open(path)
    with file:
        if size and _begins(file) == PARQUET:
            yield ParquetTable(path)
        else:
            yield TextTable(file, path.name, size)


def piped(stream: BinaryIO) -> Table:
    """What comes through a pipe, as text."""
    return TextTable(stream, "standard input")


def _open(path: Path) -> tuple[BinaryIO, int]:
    """The open file, and its size; 0 of a pipe."""
    try:
        about = path.stat()
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISFIFO(about.st_mode)):
            raise UsageError(
                f"--file {path} is no plain file.", hint="Give a CSV or Parquet file, or - for a pipe."
            )
        return path.open("rb"), about.st_size
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error


def _begins(file: BinaryIO) -> bytes:
    found = file.read(len(PARQUET))
    file.seek(0)
    return found
