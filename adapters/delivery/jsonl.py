"""Alerts as lines of a file: one JSON document each, on the disk before it counts as delivered."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

from adapters.delivery.options import Options
from tracer.watching.sink import Envelope, Retry, Sink

PATIENCE = 10.0
"""Seconds that a file is waited for that another process has locked (P)."""


def configured(options: Options) -> Callable[[], Sink]:
    """`path`; a relative one starts in the workspace."""
    path = options.path("path", "alerts.jsonl")
    return lambda: JsonLines(path)


class JsonLines:
    """A file that any number of processes append to, and that may be rotated away at any time."""

    def __init__(self, path: Path, timeout: float = PATIENCE) -> None:
        self._path, self._timeout = path, timeout

    def send(self, envelope: Envelope, *, now: float) -> None:  # noqa: ARG002
        """Append a line and wait for the disk. A line that was cut, by a kill or a full disk, is ended first."""
        try:
            file = self._locked()
            try:
                line = envelope.body + b"\n"
                if (size := os.fstat(file).st_size) and os.pread(file, 1, size - 1) != b"\n":
                    line = b"\n" + line
                if os.write(file, line) < len(line):
                    raise Retry("cannot be written whole: is the disk full?")
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise Retry(f"cannot be written ({error.strerror})") from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _locked(self) -> int:
        """The file of this name now, and the turn to write it: it may have been renamed while we waited."""
        ends = time.monotonic() + self._timeout
        while True:
            made = not self._path.exists()
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            kept = False
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(self._path.stat(), os.fstat(file)):
                    if made:
                        self._keep_name()
                    kept = True
                    return file
            except BlockingIOError:
                if time.monotonic() >= ends:
                    raise Retry("cannot be written: another program keeps it locked") from None
                time.sleep(0.005)
            except FileNotFoundError:  # renamed while we looked
                pass
            finally:
                if not kept:
                    os.close(file)

    def _keep_name(self) -> None:
        """A new file's name is on the disk too."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
