"""The one folder everything lives in: chain files, claims, state, cache.

chains/<name>.duckdb   facts and links of one chain
chains/<name>.staging/ raw batches of a load that is under way
intel/                 claims as immutable files and snapshots
state.sqlite           what changes row by row: runs, custody log, journals
cache/                 compiled kernels, temporary files
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tracer.errors import StoreBusy, StoreUnwritable, UsageError


@contextmanager
def held(path: Path, busy: StoreBusy, *, wait_seconds: float) -> Iterator[None]:
    """Hold a lock file while the block runs; raises `busy` after waiting in vain.

    The operating system frees the lock when its holder dies. `OSError` where the file cannot be made.
    """
    import fcntl

    with path.open("a") as file:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise busy from error
                time.sleep(0.02)
        yield


@dataclass(frozen=True)
class Workspace:
    """Paths of a workspace. Making one touches nothing; `ready()` creates the folders."""

    root: Path

    @classmethod
    def locate(cls, given: Path | None) -> Workspace:
        """`--workspace`, else `TRACER_WORKSPACE`, else the platform's user data folder."""
        if given is None and (from_environment := os.environ.get("TRACER_WORKSPACE")):
            given = Path(from_environment)
        if given is None:
            from platformdirs import user_data_path

            given = user_data_path("tracer", appauthor=False)
        try:
            return cls(given.expanduser().absolute())
        except RuntimeError as error:
            raise UsageError(
                f"no such home folder in {str(given)!r}.", hint="Give --workspace DIR."
            ) from error

    @property
    def chains(self) -> Path:
        """Folder of the chain files."""
        return self.root / "chains"

    @property
    def intel(self) -> Path:
        """Folder of the claims."""
        return self.root / "intel"

    @property
    def state(self) -> Path:
        """The SQLite file of operational state."""
        return self.root / "state.sqlite"

    @property
    def cache(self) -> Path:
        """Compiled kernels and temporary files; may be deleted at any time."""
        return self.root / "cache"

    def chain_file(self, chain: str) -> Path:
        """The DuckDB file of one chain."""
        return self.chains / f"{chain}.duckdb"

    @contextmanager
    def turn(self, chain: str, *, wait_seconds: float = 5.0) -> Iterator[None]:
        """Hold a chain's writer lock while the block runs; `StoreBusy` when another process keeps it longer."""
        busy = StoreBusy(
            f"another tracer process is loading {chain} into {self.root}.",
            hint="Wait for it to finish, or stop it, and run this again.",
        )
        with held(self.chains / f"{chain}.lock", busy, wait_seconds=wait_seconds):
            yield

    def ready(self) -> Workspace:
        """Create the folders, or say in one line why that cannot be."""
        try:
            for folder in (self.chains, self.intel, self.cache):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.cache / f".write-{os.getpid()}-{threading.get_ident()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
            raise StoreUnwritable(
                f"cannot write to the workspace {self.root}: {reason}.",
                hint="Choose another folder with --workspace DIR or TRACER_WORKSPACE.",
            ) from error
        return self
