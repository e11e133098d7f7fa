"""Who may hold a chain file when: a writer that waits says so, and whoever reads lets it in.

DuckDB lets one process write or many read. Beside each file lie two lock files, which the operating system frees when
their holder dies:

    NAME.duckdb.wanted  held by who waits to write: readers that have had the file for a while let go of it, and nobody
                        opens it for reading before the writer had its turn
    NAME.duckdb.pinned  shared by readers that let go and will come back: what they stand on is kept for them
                        (`tracer.ledger.pin`)
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from tracer.errors import StoreBusy, TracerError

HOLD_SECONDS = 1.0
"""A reader has the file for so long before it lets a writer in (P): who writes often must not stop who reads."""

LOOK_SECONDS = 0.1
"""How often a reader looks whether somebody waits (P): a look costs some microseconds."""

POLITE_SECONDS = 10.0
"""Who wants to read lets a waiting writer go first for so long (P): it may wait for one that reads on."""

PATIENCE_SECONDS = 600.0
"""So long a reader that let go waits for its file (P): a turn is short, but clusters may be built anew in one."""

POLL_SECONDS = 0.01


class User(Protocol):
    """Who reads a file and can do without it for a while."""

    def leaving(self) -> None:
        """Note what the answer stands on: the file is let go of now."""

    def returned(self) -> None:
        """See to it that it is as it was; raises `ReorgedAway` where that cannot be."""

    def closed(self) -> None:
        """It reads no more."""


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _locked(path: Path, how: int) -> int | None:
    """The open file with a lock, None where another holds one against it. `OSError` where it cannot be opened."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT if how & fcntl.LOCK_EX else os.O_RDONLY, 0o644)
    try:
        fcntl.flock(opened, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    except BaseException:
        os.close(opened)
        raise
    return opened


@contextmanager
def wanting(path: Path, busy: StoreBusy, deadline: float) -> Iterator[None]:
    """Say while the block runs that somebody waits to write; one at a time, `busy` after the deadline (monotonic)."""
    held = None
    with suppress(OSError):  # a folder that cannot be written: opening the file says so in better words
        while (held := _locked(_beside(path, ".wanted"), fcntl.LOCK_EX)) is None:
            if time.monotonic() >= deadline:
                raise busy
            time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def _free(path: Path) -> bool:
    """Whether nobody holds this lock file alone, or at all; also where there is none."""
    try:
        held = _locked(path, fcntl.LOCK_SH)
    except OSError:
        return True
    if held is None:
        return False
    os.close(held)
    return True


def wanted(path: Path) -> bool:
    """Whether somebody waits to write to a file."""
    return not _free(_beside(path, ".wanted"))


def after_writers(path: Path, seconds: float) -> None:
    """Let those go first who wait to write, for some seconds at most."""
    deadline = time.monotonic() + min(seconds, POLITE_SECONDS)
    while wanted(path) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


class Pinned:
    """That a reader which let go of a file will come back. `close()` when it is done."""

    def __init__(self, path: Path) -> None:
        """Take the lock; who cannot (a medium that is only read) has no writers to fear."""
        self._held: int | None = None
        with suppress(OSError):
            self._held = os.open(_beside(path, ".pinned"), os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._held, fcntl.LOCK_SH)

    def close(self) -> None:
        """Nothing needs to be kept for this reader any more."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def pinned(path: Path) -> bool:
    """Whether readers have let go of a file and will come back. Asked by who holds it for writing: none can join."""
    try:
        held = _locked(_beside(path, ".pinned"), fcntl.LOCK_EX)
    except OSError:
        return False
    if held is None:
        return True
    os.close(held)
    return False


class Lease:
    """A file that this process reads, and lets go of between two questions when somebody waits to write."""

    def __init__(self, path: Path, take: Callable[[float], None], drop: Callable[[], None]) -> None:
        """`take` opens it, waiting so many seconds at most, and `drop` closes it again; it is open now."""
        self._path, self._take, self._drop = path, take, drop
        self._users: list[User | None] = []
        self._lock = threading.RLock()
        self._busy = 0
        self._since: float | None = time.monotonic()  # None: let go
        self._look = 0.0
        self._failed: TracerError | None = None

    @property
    def held(self) -> bool:
        """Whether the file is open."""
        return self._since is not None

    def join(self, user: User | None) -> None:
        """One more reads it; None: one that cannot do without it."""
        with self._lock:
            self._users.append(user)

    def part(self, user: User | None) -> None:
        """One reads it no more."""
        with self._lock:
            self._users.remove(user)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """The file is there while the block runs: for a question, or several of which nothing may come between."""
        with self._lock:
            if not self._busy:
                self.let_go()
                self._come_back()
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nobody lets go while the block runs."""
        with self._lock:
            yield

    def glance(self) -> None:
        """Let go where somebody waits and nothing is asked: of who computes and reads nothing meanwhile."""
        if self._lock.acquire(blocking=False):
            try:
                if not self._busy:
                    self.let_go()
            finally:
                self._lock.release()

    def let_go(self) -> None:
        """Close the file if a writer waits and it was read for long enough."""
        now = time.monotonic()
        if self._since is None or now - self._since < HOLD_SECONDS or now < self._look:
            return
        self._look = now + LOOK_SECONDS
        users = [user for user in self._users if user is not None]
        if not users or len(users) < len(self._users) or not wanted(self._path):
            return
        self._busy += 1  # their questions are asked at once
        try:
            for user in users:
                user.leaving()
        except TracerError as error:
            self._failed = error
            return
        finally:
            self._busy -= 1
        self._drop()
        self._since = None

    def _come_back(self) -> None:
        if self._since is None:
            after_writers(self._path, PATIENCE_SECONDS)
            self._take(PATIENCE_SECONDS)
            self._since = time.monotonic()
            self._busy += 1
            try:
                for user in self._users:
                    if user is not None:
                        user.returned()
            finally:
                self._busy -= 1
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed


class Watch:
    """Glances at all leases of this process, in a thread of its own, as long as there are any."""

    def __init__(self) -> None:
        self._leases: list[Lease] = []
        self._lock = threading.Lock()
        self._runs = False

    def add(self, lease: Lease) -> None:
        """Look after one more."""
        with self._lock:
            self._leases.append(lease)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="leases", daemon=True).start()

    def remove(self, lease: Lease) -> None:
        """Look after it no more."""
        with self._lock:
            self._leases.remove(lease)

    def _run(self) -> None:
        going = True
        while going:
            time.sleep(LOOK_SECONDS)  # and holds no lease meanwhile: the process may end here
            going = self._look()

    def _look(self) -> bool:
        with self._lock:
            leases = list(self._leases)
            self._runs = bool(leases)
        for lease in leases:
            lease.glance()
        return bool(leases)
