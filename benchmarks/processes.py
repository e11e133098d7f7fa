"""Commands as processes of their own: how long they take, and the most memory they hold."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as told:
    json.dump({"seconds": time.perf_counter() - began, "peak_bytes": usage.ru_maxrss * 1024}, told)
sys.exit(status != 0)
"""
"""`ru_maxrss` of a process starts at what its parent ever held: so the parent is a small one."""


@dataclass(frozen=True)
class Run:
    """One process: seconds, peak memory, what it printed."""

    seconds: float
    peak_bytes: int
    output: str


def run(words: Sequence[str], root: Path, environment: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end; `CalledProcessError` where it fails."""
    with tempfile.NamedTemporaryFile() as told:
        output = subprocess.run(
            [sys.executable, "-c", _LAUNCH, told.name, *words],
            cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip
        return Run(**json.loads(Path(told.name).read_text()), output=output)


def own_peak() -> int:
    """Most memory this process ever held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
