"""A command that goes on beside the test, listened to line by line."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from subprocess import PIPE

from tests.cli.forking import Started


class Heard:
    """What it says on stderr, as it comes."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], *, out: int = PIPE) -> None:
        self.process = Started(arguments, environment, out=out)
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

    def rest(self) -> None:
        """All it says until its end."""
        while line := self._lines.get(timeout=10):
            self.said.append(line)

    def end(self) -> None:
        """Whatever it does."""
        self.process.kill()
        self.process.wait()
        self.process.close()
