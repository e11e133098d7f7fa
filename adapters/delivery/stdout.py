"""Alerts on standard output, one JSON document a line, for whoever reads the pipe."""

from __future__ import annotations

import io
import os
import select
import sys
import threading
import time
from collections.abc import Callable

from adapters.delivery.options import Options
from tracer.watching.sink import Envelope, Retry, Sink

PATIENCE = 10.0
"""Seconds that a reader is waited for who stopped reading (P): nothing here may keep a process from ending."""
_LOCK = threading.Lock()


def configured(_options: Options) -> Callable[[], Sink]:
    """Takes no keys of its own."""
    return Stdout


class Stdout:
    """The standard output of this process."""

    def __init__(self, timeout: float = PATIENCE) -> None:
        self._timeout, self._cut = timeout, False

    def send(self, envelope: Envelope, *, now: float) -> None:  # noqa: ARG002
        """Write a line. One that was cut, because nobody read on, is ended before the next."""
        line = envelope.body + b"\n"
        try:
            with _LOCK:
                self._write(b"\n" + line if self._cut else line)
        except (OSError, ValueError):
            raise Retry("is closed: nobody reads the standard output") from None

    def close(self) -> None:
        """It is not ours to close."""

    def _write(self, line: bytes) -> None:
        try:
            out = sys.stdout.fileno()
        except io.UnsupportedOperation:  # somebody else's stream in its place
            sys.stdout.write(line.decode())
            sys.stdout.flush()
            return
        sys.stdout.flush()
        ends, rest = time.monotonic() + self._timeout, line
        while rest:
            if not select.select([], [out], [], max(0.0, ends - time.monotonic()))[1]:
                raise Retry("is full: nobody reads the standard output")
            # no more than a pipe takes at once: it cannot block
            rest = rest[os.write(out, rest[: select.PIPE_BUF]) :]
            self._cut = bool(rest)
