"""Operational state in SQLite: the custody log's table, runs, and the journal of loads and reorgs.

Facts and links live in DuckDB, one writer at a time; what many processes change row by row lives here.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tracer.db import named_sql
from tracer.errors import StoreBusy, StoreDamaged, StoreUnwritable
from tracer.workspace import Workspace

_SQL = named_sql("tracer", "state.sql")
MIGRATIONS = ("state_1", "state_2", "state_3", "state_4", "state_5", "state_6")
"""Named, recorded, forward only: each runs once, in this order, inside one transaction."""


@dataclass(frozen=True)
class Run:
    """What made a derived result. `finished` and `outcome` are None while it runs or where it was killed."""

    run_id: int
    kind: str
    recipe: Mapping[str, Any]
    started: str
    finished: str | None
    outcome: str | None


class State:
    """The open state of one workspace. Use as a context manager; safe with many processes at once."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._con = connection

    @classmethod
    def open(cls, workspace: Workspace, *, wait_seconds: float = 20.0) -> State:
        """Open the state for reading and writing; the file is created and migrated as needed.

        Raises `StoreUnwritable` (no permission, disk full), `StoreBusy` (held longer than `wait_seconds`),
        `StoreDamaged` (no state of tracer, or of a newer one).
        """
        path = workspace.ready().state
        with _translated(path):
            connection = sqlite3.connect(path, timeout=wait_seconds, isolation_level=None)
        state = cls(path, connection)
        try:
            state._prepare(wait_seconds)
        except BaseException:
            connection.close()
            raise
        return state

    def __enter__(self) -> State:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """All rows of one statement with named parameters (`:name`). For small answers."""
        with _translated(self.path):
            return self._con.execute(sql, dict(parameters or {})).fetchall()

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Execute one statement with named parameters."""
        with _translated(self.path):
            self._con.execute(sql, dict(parameters or {}))

    def run_each(self, sql: str, parameters: Iterable[Mapping[str, object]]) -> None:
        """Execute one statement for each set of named parameters."""
        with _translated(self.path):
            self._con.executemany(sql, (dict(each) for each in parameters))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block's changes or none. Takes the writer's turn at once: what it reads stays true."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            # a full disk may have ended the transaction already
            if self._con.in_transaction:
                self.run("ROLLBACK")
            raise

    @contextmanager
    def waiting(self, wait_seconds: float) -> Iterator[None]:
        """Statements inside wait so long for others, not as long as this state was opened for."""
        before = self.rows("PRAGMA busy_timeout")[0][0]
        self.run(f"PRAGMA busy_timeout = {round(wait_seconds * 1000)}")
        try:
            yield
        finally:
            self.run(f"PRAGMA busy_timeout = {before}")

    def journal_put(self, chain: str, key: str, value: str) -> None:
        """Note what a load or rollback of a chain must know after a kill; durable when this returns."""
        self.run(_SQL["journal_put"], {"chain": chain, "key": key, "value": value})

    def journal_get(self, chain: str, key: str) -> str | None:
        """What was noted, or None."""
        found = self.rows(_SQL["journal_get"], {"chain": chain, "key": key})
        return None if not found else str(found[0][0])

    def journal_clear(self, chain: str, key: str | None = None) -> None:
        """Forget one note of a chain, or all of them."""
        self.run(_SQL["journal_clear"], {"chain": chain, "key": key})

    def run_start(self, kind: str, recipe: Mapping[str, Any]) -> int:
        """Record that a derivation starts, with all that decides its result; returns its run id."""
        with self.transaction():
            text = json.dumps(recipe, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            self.run(_SQL["run_start"], {"kind": kind, "recipe": text})
            return int(self.rows("SELECT last_insert_rowid()")[0][0])

    def run_finish(self, run_id: int, outcome: str) -> None:
        """Record how a derivation ended."""
        self.run(_SQL["run_finish"], {"run_id": run_id, "outcome": outcome})

    def runs(self, kind: str) -> list[Run]:
        """All recorded runs of a kind, oldest first."""
        return [
            Run(run_id, found, json.loads(recipe), started, finished, outcome)
            for run_id, found, recipe, started, finished, outcome in self.rows(_SQL["runs"], {"kind": kind})
        ]

    def _prepare(self, wait_seconds: float) -> None:
        # switching a file to WAL ignores the busy timeout; the first ones of a new workspace may meet here
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                self.run("PRAGMA journal_mode = WAL")
                break
            except StoreBusy:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.02)
        self.run("PRAGMA synchronous = FULL")
        if self.rows(_SQL["has_migrations"]) and self._done() == set(MIGRATIONS):
            return
        with self.transaction():
            self.run(_SQL["create_migration"])
            done = self._done()
            if unknown := sorted(done - set(MIGRATIONS)):
                raise StoreDamaged(
                    f"{self.path} was written by a newer tracer (it has {unknown[0]}).",
                    hint="Use that version; nothing was changed.",
                )
            for name in MIGRATIONS:
                if name not in done:
                    for statement in _statements(_SQL[name]):
                        self.run(statement)
                    self.run(_SQL["record_migration"], {"name": name})

    def _done(self) -> set[str]:
        return {str(name) for (name,) in self.rows(_SQL["migrations_done"])}


def _statements(script: str) -> Iterator[str]:
    """Split a script where SQLite says a statement is complete (`executescript` would commit first)."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what a user can cause into our errors; a wrong query stays a bug with its own trace."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreBusy(
                f"{path} is held by another tracer process.",
                hint="Wait for it to finish, or stop it, and run this again.",
            ) from error
        if code == sqlite3.SQLITE_FULL:
            raise StoreUnwritable(
                f"the disk that holds {path} is full; everything recorded before is intact.",
                hint="Free some space and run this again.",
            ) from error
        if code in (
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_PERM,
            sqlite3.SQLITE_IOERR,
        ):
            raise StoreUnwritable(
                f"cannot write {path}: {error}.", hint="Check its owner and mode."
            ) from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise StoreDamaged(f"{path} is damaged ({error}).", hint="Restore it from a backup.") from error
        raise
