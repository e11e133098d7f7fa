"""Run `tracer` as a user does: a process of its own, its own workspace, its exit code."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli import forking


@dataclass(frozen=True)
class Ran:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)

    def refused(self, code: int, *words: str) -> None:
        """It ended in exactly one clear line with these words: no traceback, nothing on stdout."""
        assert self.code == code, self
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err, self.err
        for word in words:
            assert word in lines[0], lines[0]
        assert self.out == "", self.out


def tracer(workspace: Path, *arguments: str | Path, **environment: str) -> Ran:
    """Run one command in a workspace."""
    given = {**os.environ, "TRACER_WORKSPACE": str(workspace), "NO_COLOR": "1", **environment}
    return Ran(*forking.run([str(argument) for argument in arguments], given))
