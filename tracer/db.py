"""DuckDB, and nothing of the domain: connect, transactions, named SQL in, Arrow out.

The only module that imports duckdb. One process writes or many read, never both (DESIGN section 3), so a
store is opened per step and waits its turn.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tracer.errors import StoreBusy, StoreDamaged, StoreUnwritable

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

_LOOKED_UP_ONE_BY_ONE = 1_000
"""Up to so many keys of a join read only the row groups that can hold them, not all between the least and the greatest
(DuckDB's own limit is 50). Ours (P): measured on 25 M rows, 60 keys cost a quarter, 200 half, 20,000 a tenth more."""

_STATEMENT = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


@cache
def named_sql(package: str, file: str) -> Mapping[str, str]:
    """Read a `.sql` file into its named statements.

    A statement starts at a line `-- name: some_name` and runs to the next. Text before the first name is
    the file's own comment.
    """
    parts = _STATEMENT.split(files(package).joinpath(file).read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


class Database:
    """One open DuckDB file. Use as a context manager; close it soon, others wait."""

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        memory: str | None = None,
        threads: int | None = None,
        wait_seconds: float = 20.0,
    ) -> None:
        """Open `path`, waiting up to `wait_seconds` for another process to let go of it."""
        self.path = path
        self.read_only = read_only
        self._limited = memory is not None
        config: dict[str, str | bool | int | float | list[str]] = {
            "python_enable_replacements": False,
            "preserve_insertion_order": True,
            "dynamic_or_filter_threshold": _LOOKED_UP_ONE_BY_ONE,
        }
        if memory:
            config["memory_limit"] = memory
        if threads:
            config["threads"] = threads
        self._con = self._open(path, read_only, config, wait_seconds)
        self._con.execute("SET enable_progress_bar = false")  # it prints among results

    @staticmethod
    def _open(
        path: Path,
        read_only: bool,
        config: dict[str, str | bool | int | float | list[str]],
        wait_seconds: float,
    ) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                return duckdb.connect(str(path), read_only=read_only, config=config)
            except duckdb.IOException as error:
                if "could not set lock" not in str(error).lower():
                    raise _translate(error, path) from error
                if time.monotonic() >= deadline:
                    raise StoreBusy(
                        f"{path} is held by another tracer process.",
                        hint="Wait for it to finish, or stop it, and run this again.",
                    ) from error
                time.sleep(0.05)
            except duckdb.Error as error:
                raise _translate(error, path) from error

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Execute one statement with named parameters (`$name`)."""
        with self._translated():
            self._con.execute(sql, dict(parameters) if parameters else None)

    def script(self, sql: str) -> None:
        """Execute several statements without parameters, separated by semicolons."""
        with self._translated():
            self._con.execute(sql)

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """All rows as tuples. For small answers."""
        with self._translated():
            return self._con.execute(sql, dict(parameters) if parameters else None).fetchall()

    def row(self, sql: str, parameters: Mapping[str, object] | None = None) -> tuple[Any, ...] | None:
        """The first row, or None."""
        with self._translated():
            # to the end: a half-read result blocks the next relation on this connection
            found = self._con.execute(sql, dict(parameters) if parameters else None).fetchall()
            return found[0] if found else None

    def value(self, sql: str, parameters: Mapping[str, object] | None = None) -> Any:
        """The first column of the first row, or None where there is no row."""
        found = self.row(sql, parameters)
        return None if found is None else found[0]

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """All rows as one Arrow table."""
        with self._translated():
            return self._con.sql(sql, params=dict(parameters) if parameters else None).to_arrow_table()

    def polars(self, sql: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
        """All rows as a Polars frame."""
        import polars as pl

        frame = pl.from_arrow(self.arrow(sql, parameters))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def stream(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, batch: int = 1 << 20
    ) -> Iterator[pa.RecordBatch]:
        """Rows as Arrow record batches in the query's own order; `batch` rows at most in each."""
        with self._translated():
            reader = self._con.sql(sql, params=dict(parameters) if parameters else None).to_arrow_reader(
                batch
            )
            yield from reader

    @contextmanager
    def table(self, name: str, data: pa.Table | pa.RecordBatchReader | pl.DataFrame) -> Iterator[None]:
        """Make an Arrow table or Polars frame readable as `name` while the block runs."""
        with self._translated():
            self._con.register(name, data)
        try:
            yield
        finally:
            self._con.unregister(name)

    @contextmanager
    def lean(self, memory: str) -> Iterator[None]:
        """Keep no more of the file in memory than that while the block runs: for what is read once, in order."""
        # who started the program may have set a limit; where nothing can be spilled beside the file, none is borne
        if self._limited or not os.access(self.path.parent, os.W_OK):
            yield
            return
        self.run(f"SET memory_limit = '{memory}'")
        try:
            yield
        finally:
            self.run("RESET memory_limit")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block's changes, or none of them."""
        self.run("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            # a failed statement may have ended the transaction already
            with suppress(duckdb.Error):
                self._con.execute("ROLLBACK")
            raise
        self.run("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise _translate(error, self.path) from error


def _translate(error: duckdb.Error, path: Path) -> BaseException:
    """Turn what a user can cause into our errors; a wrong query stays a bug with its own trace."""
    text = str(error)
    if "KeyboardInterrupt" in text or isinstance(error, duckdb.InterruptException):
        return KeyboardInterrupt()
    # a path may hold any word
    lower = text.replace(str(path), "").lower()
    if "no space left" in lower or "could not write" in lower or "disk quota" in lower:
        return StoreUnwritable(
            f"the disk that holds {path} is full; everything committed before is intact.",
            hint="Free some space and run the same command again: it resumes.",
        )
    if "out of memory" in lower or isinstance(error, duckdb.OutOfMemoryException):
        return StoreUnwritable(
            f"not enough memory to work on {path}.", hint="Give more with --memory, e.g. --memory 4GB."
        )
    if isinstance(error, duckdb.IOException):
        if "permission" in lower or "read-only" in lower:
            return StoreUnwritable(
                f"cannot open {path}: permission denied.", hint="Check its owner and mode."
            )
        if "does not exist" in lower or "cannot open" in lower or "no such file" in lower:
            return StoreUnwritable(
                f"cannot open {path}.", hint="Run `tracer sync` first, or check --workspace."
            )
        return StoreDamaged(
            f"{path} is damaged or no tracer store ({text.splitlines()[0]}).",
            hint="Restore it from a backup, or delete it and sync again.",
        )
    return error
