"""Files that this process owns (`tracer serve`): open once, for reading and writing, as long as it runs.

Every `Database` of such a file has a connection of its own to the one instance. A reader sees the facts as they were
when it began, whatever is written beside it; there is one writer at a time, as there is of a file. Nobody lets go.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tracer.errors import StoreBusy
from tracer.opening import Config, busy, patiently, writing

if TYPE_CHECKING:
    import pyarrow as pa

    from tracer.owners import Registrable


_POLITE_SECONDS = 10.0
"""(P) So long who reads a file now is let finish before it is told to let go of it."""


class Local:
    """A `tracer.owners.Connection` of this process; what DuckDB raises comes through as it is."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        con.execute("SET enable_progress_bar = false")  # it prints among results

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Execute; no row is wanted."""
        self._con.execute(sql, dict(parameters) if parameters else None)

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Execute; all rows of the last statement."""
        return self._con.execute(sql, dict(parameters) if parameters else None).fetchall()

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """All rows as one table."""
        return self._con.sql(sql, params=dict(parameters) if parameters else None).to_arrow_table()

    def batches(
        self, sql: str, parameters: Mapping[str, object] | None, batch: int
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """The columns' types, and the rows in batches that are made as they are taken."""
        reader = self._con.sql(sql, params=dict(parameters) if parameters else None).to_arrow_reader(batch)
        return reader.schema, iter(reader)

    def register(self, name: str, data: Registrable) -> None:
        """Make a table readable as `name`."""
        self._con.register(name, data)

    def unregister(self, name: str) -> None:
        """Forget what `register` named."""
        self._con.unregister(name)

    def interrupt(self) -> None:
        """Stop what runs now, from another thread."""
        with suppress(duckdb.Error):  # closed
            self._con.interrupt()

    def close(self) -> None:
        """Leave; what was not committed is taken back."""
        self._con.close()


class File:
    """One file this process owns."""

    def __init__(self, path: Path, config: Config, wait_seconds: float) -> None:
        self.path, self.writes = path, 0
        try:  # who has it now may finish, if it is soon done
            first = time.monotonic() + min(_POLITE_SECONDS, wait_seconds)
            self._root = patiently(lambda: duckdb.connect(str(path), config=config), path, first)
        except StoreBusy:
            self._root = writing(path, config, wait_seconds)
        self._writer = threading.Lock()

    def reader(self) -> Local:
        """A connection that sees the facts as they are now, until it is closed."""
        con = Local(self._root.cursor())
        con.run("BEGIN TRANSACTION READ ONLY")
        return con

    def writer(self, wait_seconds: float) -> Local:
        """The connection that may write; `StoreBusy` where another has it for longer."""
        if not self._writer.acquire(timeout=wait_seconds):
            raise busy(self.path)
        return _Writer(self, self._root.cursor(), self._writer)

    def close(self) -> None:
        """Let go of the file: others may open it."""
        self._root.close()


class _Writer(Local):
    """Frees the writer's place when it is closed."""

    def __init__(self, file: File, con: duckdb.DuckDBPyConnection, place: threading.Lock) -> None:
        self._file: File | None = file
        self._place = place
        super().__init__(con)

    def close(self) -> None:
        super().close()
        if self._file is not None:
            self._file.writes += 1
            self._file = None
            self._place.release()


class _Owned:
    """What this process owns: all files of one folder, each opened when it is first asked for."""

    folder: Path | None = None
    config: Config | None = None
    files: dict[str, File] = {}  # noqa: RUF012  one for the process, as the operating system's locks are
    lock = threading.Lock()


@contextmanager
def owning(folder: Path, config: Config, wait_seconds: float) -> Iterator[None]:
    """Own the chain files of a folder while the block runs; those there are opened at once, others when they are made.

    Raises `StoreBusy` where another process keeps one for longer.
    """
    folder = Path(os.path.realpath(folder))
    with _Owned.lock:
        assert _Owned.folder is None, "a process owns one workspace"
        _Owned.folder, _Owned.config = folder, config
    try:
        for path in sorted(folder.glob("*.duckdb")):
            file_of(path, wait_seconds)
        yield
    finally:
        with _Owned.lock:
            for file in _Owned.files.values():
                file.close()
            _Owned.files.clear()
            _Owned.folder = None


def file_of(path: Path, wait_seconds: float) -> File | None:
    """The file where this process owns it, else None."""
    if _Owned.folder is None:
        return None
    real = Path(os.path.realpath(path))
    with _Owned.lock:
        if _Owned.folder != real.parent or _Owned.config is None:
            return None
        found = _Owned.files.get(real.name)
        if found is None:
            found = _Owned.files[real.name] = File(path, _Owned.config, wait_seconds)
        return found


def writes(path: Path) -> int:
    """How often an owned file was written: whoever reads it sees all while this stays the same."""
    found = _Owned.files.get(path.name)
    return 0 if found is None else found.writes
