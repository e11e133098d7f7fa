"""DuckDB, and nothing of the domain: connect, transactions, named SQL in, Arrow out.

With `tracer.opening` and `tracer.owned` the only module that imports duckdb. One process writes or many read, never
both (DESIGN section 3), so a store is opened per step and waits its turn (`tracer.turns`). Where one process owns all
files, it asks its own open ones (`tracer.owned`), and every other process asks it (`tracer.owners`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tracer import owned, owners
from tracer.errors import StoreBusy
from tracer.opening import Config, Reading, translate, writing
from tracer.turns import User

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

WrongStatement = duckdb.Error
"""What a statement raises that no user caused."""

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


def settings(memory: str | None, threads: int | None) -> Config:
    """How files are opened. `memory` as DuckDB writes sizes, None for its own limit."""
    config: Config = {
        "python_enable_replacements": False,
        "preserve_insertion_order": True,
        "dynamic_or_filter_threshold": _LOOKED_UP_ONE_BY_ONE,
    }
    if memory:
        config["memory_limit"] = memory
    if threads:
        config["threads"] = threads
    return config


class Database:
    """One open DuckDB file. Use as a context manager; close it soon, others wait.

    shared   it belongs to a process that owns it: nobody waits, a reader sees what was there when it began, and the
             limits are the owner's
    """

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
        self._reading: Reading | None = None
        self._user: User | None = None
        self.shared = True
        self._con = self._owned(wait_seconds) or self._open(settings(memory, threads), wait_seconds)

    def _owned(self, wait_seconds: float) -> owners.Connection | None:
        """A connection to a file that this process or another owns; None where nobody does."""
        file = owned.file_of(self.path, wait_seconds)
        if file is None:
            return owners.knock(self.path, read_only=self.read_only, wait_seconds=wait_seconds)
        return file.reader() if self.read_only else file.writer(wait_seconds)

    def _open(self, config: Config, wait_seconds: float) -> owners.Connection:
        """A connection to the file itself; to its owner, where one took it meanwhile."""
        try:
            if self.read_only:
                config["temp_directory"] = f"{self.path}.tmp"  # as of a file that was opened itself
                self._reading, con = Reading.of(self.path, config, wait_seconds)
                self._reading.lease.join(None)
            else:
                con = writing(self.path, config, wait_seconds)
        except StoreBusy:
            if (visit := self._owned(wait_seconds)) is not None:
                return visit
            raise
        self.shared = False
        return owned.Local(con)

    def gives_way(self, user: User) -> None:
        """From now on the file may be let go of between two statements, where a writer waits: `user` is told."""
        if self._reading is not None:
            self._reading.lease.part(self._user)
            self._reading.lease.join(user)
            self._user = user

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Nobody else writes between the statements of the block: keep it short."""
        with self._asking():
            yield

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file, for good."""
        if self._reading is None:
            self._con.close()
        else:
            self._reading.lease.part(self._user)
            self._reading.close(self._con)
            self._reading = None
            if self._user is not None:
                self._user.closed()

    def interrupt(self) -> None:
        """Stop the statement that runs now, from another thread: it ends in KeyboardInterrupt."""
        self._con.interrupt()

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Execute one statement with named parameters (`$name`)."""
        with self._asking():
            self._con.run(sql, parameters)

    def script(self, sql: str) -> None:
        """Execute several statements without parameters, separated by semicolons."""
        with self._asking():
            self._con.run(sql)

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """All rows as tuples. For small answers."""
        with self._asking():
            return self._con.rows(sql, parameters)

    def row(self, sql: str, parameters: Mapping[str, object] | None = None) -> tuple[Any, ...] | None:
        """The first row, or None."""
        # to the end: a half-read result blocks the next relation on this connection
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def value(self, sql: str, parameters: Mapping[str, object] | None = None) -> Any:
        """The first column of the first row, or None where there is no row."""
        found = self.row(sql, parameters)
        return None if found is None else found[0]

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """All rows as one Arrow table."""
        with self._asking():
            return self._con.arrow(sql, parameters)

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
        with self._asking():
            yield from self._con.batches(sql, parameters, batch)[1]

    def batches(
        self, sql: str, parameters: Mapping[str, object] | None, batch: int
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """As `stream`, with the columns' types. Of a file that is owned: nothing keeps it open between batches."""
        with self._asking():
            schema, made = self._con.batches(sql, parameters, batch)
        return schema, made

    def register(self, name: str, data: owners.Registrable) -> None:
        """Make a table readable as `name` until `unregister`; see `table`."""
        with self._asking():
            self._con.register(name, data)

    def unregister(self, name: str) -> None:
        """Forget what `register` named."""
        with self._asking():
            self._con.unregister(name)

    @contextmanager
    def table(self, name: str, data: pa.Table | pa.RecordBatchReader | pl.DataFrame) -> Iterator[None]:
        """Make an Arrow table or Polars frame readable as `name` while the block runs."""
        self.register(name, data)
        try:
            yield
        except BaseException:
            # an aborted transaction refuses this too, and would hide why it was aborted
            with suppress(duckdb.Error, StoreBusy):
                self._forget(name)
            raise
        self._forget(name)

    def _forget(self, name: str) -> None:
        """Unregister; the file need not be there for that, but nobody else may use the connection meanwhile."""
        with nullcontext() if self._reading is None else self._reading.lease.still():
            self._con.unregister(name)

    @contextmanager
    def lean(self, memory: str) -> Iterator[None]:
        """Keep no more of the file in memory than that while the block runs: for what is read once, in order."""
        # who started the program may have set a limit; where nothing can be spilled beside the file, none is borne
        if self.shared or self._limited or not os.access(self.path.parent, os.W_OK):
            yield
            return
        self.run(f"SET memory_limit = '{memory}'")
        try:
            yield
        finally:
            self.run("RESET memory_limit")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block's changes, or none of them. Of a reader, whose tables nobody else sees, what was done."""
        if self.read_only:
            yield
            return
        with self._asking():
            self.run("BEGIN TRANSACTION")
            try:
                yield
            except BaseException:
                # a failed statement may have ended the transaction already
                with suppress(duckdb.Error, StoreBusy):
                    self._con.run("ROLLBACK")
                raise
            self.run("COMMIT")

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """The file is there while the block runs, and what DuckDB says of it is translated."""
        try:
            with nullcontext() if self._reading is None else self._reading.lease.asking():
                yield
        except duckdb.Error as error:
            raise translate(error, self.path) from error
