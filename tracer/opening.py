"""Open DuckDB files: wait for others, say in our words what is wrong, read without owning.

A writer opens the file itself. Readers attach it to an instance in memory: they can let go of it between two statements
(`tracer.turns`) and lose nothing of what is theirs, neither temporary tables nor settings.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

import duckdb

from tracer import owners, turns
from tracer.errors import StoreBusy, StoreDamaged, StoreUnwritable

Config = dict[str, str | bool | int | float | list[str]]
_T = TypeVar("_T")
_WATCH = turns.Watch()


def writing(path: Path, config: Config, wait_seconds: float) -> duckdb.DuckDBPyConnection:
    """Open a file for writing, and alone; it is made where there is none."""
    deadline = time.monotonic() + wait_seconds
    with turns.wanting(path, busy(path), deadline):
        return patiently(lambda: duckdb.connect(str(path), config=config), path, deadline)


class Reading:
    """A file this process reads: one instance in memory that it is attached to, however many `Database`s look in."""

    by_path: ClassVar[dict[str, Reading]] = {}
    lock = threading.Lock()

    def __init__(self, path: Path, config: Config, wait_seconds: float) -> None:
        turns.after_writers(path, wait_seconds)
        self._path, self._key, self._users = path, os.path.realpath(path), 0
        self._root = duckdb.connect(":memory:", config=config)
        try:
            self._attach(wait_seconds)
        except BaseException:
            self._root.close()
            raise
        self.lease = turns.Lease(path, self._attach, self._detach)

    @classmethod
    def of(cls, path: Path, config: Config, wait_seconds: float) -> tuple[Reading, duckdb.DuckDBPyConnection]:
        """The one of a file, and a new connection to it."""
        key = os.path.realpath(path)
        with cls.lock:  # two instances of one file in one process would take each other's lock away
            found = cls.by_path.get(key)
            if found is None:
                found = cls.by_path[key] = cls(path, config, wait_seconds)
                _WATCH.add(found.lease)
            found._users += 1
        with found.lease.asking():
            con = found._root.cursor()
            con.execute("USE facts")
        return found, con

    def _attach(self, wait_seconds: float) -> None:
        def attach() -> None:
            self._root.execute("ATTACH $path AS facts (READ_ONLY, TYPE duckdb)", {"path": str(self._path)})

        patiently(attach, self._path, time.monotonic() + wait_seconds)

    def _detach(self) -> None:
        self._root.execute("DETACH facts")

    def close(self, con: owners.Connection) -> None:
        """One looks in no more; the last one closes the file."""
        with self.lock, self.lease.still():
            con.close()
            self._users -= 1
            if not self._users:
                self._root.close()
                del self.by_path[self._key]
                _WATCH.remove(self.lease)


def patiently(opened: Callable[[], _T], path: Path, deadline: float) -> _T:
    """What `opened` gives, once another process let go of the file; `StoreBusy` after the deadline (monotonic)."""
    while True:
        try:
            return opened()
        except duckdb.IOException as error:
            if "could not set lock" not in str(error).lower():
                raise translate(error, path) from error
            if owners.answers(path):
                raise StoreBusy(
                    f"`tracer serve` took {path} over while this ran.",
                    hint="Run this again: it goes through the service.",
                ) from error
            if time.monotonic() >= deadline:
                raise busy(path) from error
            time.sleep(turns.POLL_SECONDS)
        except duckdb.Error as error:
            raise translate(error, path) from error


def busy(path: Path) -> StoreBusy:
    """What is said where others do not let go of a file."""
    return StoreBusy(
        f"{path} is held by another tracer process.",
        hint="Wait for it to finish, or stop it, and run this again.",
    )


def translate(error: duckdb.Error, path: Path) -> BaseException:
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
