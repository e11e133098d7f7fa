"""`tracer sync --follow` as a process of its own, listened to line by line."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.heard import Heard

CHAIN = "evm-31337"


class Follower(Heard):
    """A running `tracer sync --follow`."""

    def __init__(self, workspace: Path, source: str, chain: str = CHAIN, *options: str) -> None:
        words = ["sync", chain, "--follow", "--interval", "0.1", "--json", "--no-openings", *options]
        super().__init__(
            words,
            {
                **os.environ,
                "TRACER_WORKSPACE": str(workspace),
                f"TRACER_SOURCE_{chain.upper().replace('-', '_')}": source,
            },
        )

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
        follower.end()
