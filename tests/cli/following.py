"""`tracer sync --follow` as a process of its own, listened to line by line."""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.forking import Started

CHAIN = "evm-31337"


class Follower:
    """A running `tracer sync --follow`."""

    def __init__(self, workspace: Path, source: str, chain: str = CHAIN, *options: str) -> None:
        words = ["sync", chain, "--follow", "--interval", "0.1", "--json", "--no-openings", *options]
        self.process = Started(
            words,
            {
                **os.environ,
                "TRACER_WORKSPACE": str(workspace),
                f"TRACER_SOURCE_{chain.upper().replace('-', '_')}": source,
            },
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put("")

    def until(self, words: str) -> str:
        """The next line with these words."""
        while True:
            line = self._lines.get(timeout=300)
            assert line, f"it ended before it said {words!r}: {self.said}"
            self.said.append(line)
            if words in line:
                return line

    def stop(self, by: signal.Signals = signal.SIGINT) -> tuple[int, Any]:
        """End it; its exit code and its document."""
        self.process.send_signal(by)
        out = self.process.stdout.read() if self.process.stdout else ""
        code = self.process.wait(timeout=300)
        return code, json.loads(out) if out else None


@contextmanager
def following(*arguments: Any) -> Iterator[Follower]:
    follower = Follower(*arguments)
    try:
        yield follower
    finally:
        follower.process.kill()
        follower.process.wait()
        follower.process.close()
