"""An end to an exchange over a socket as a whole: a timeout of each read lets a peer drip a byte at a time for ever."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from types import TracebackType


class Deadline:
    """As a context manager: sockets that are watched are shut down when the time is over; what reads them ends."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._over)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.passed = False

    def watch(self, watched: socket.socket) -> None:
        """A second handle of the same connection is kept: TLS takes the first one over."""
        with self._lock:
            self._sockets.append(socket.socket(fileno=os.dup(watched.fileno())))
            if self.passed:
                self._shut()

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()

    def _over(self) -> None:
        with self._lock:
            self.passed = True
            self._shut()

    def _shut(self) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
