"""Ctrl-C at a terminal: the first one gives what was found, marked as partial; progress is on stderr."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.running import tracer
from tests.scenarios.case import Case
from tests.scenarios.ledger import Tx, shown

LINKS = 1_500


def test_ctrl_c_gives_the_partial_result(tmp_path: Path) -> None:
    rows = [Tx("t0", outs=[("a0", 1_000_000)])]
    rows += [Tx(f"t{n}", ins=[f"t{n - 1}:0"], outs=[(f"a{n}", 1_000_000)]) for n in range(1, LINKS)]
    Case(tmp_path, rows, bound=True)
    screen, behind = pty.openpty()  # stderr is a terminal: progress shows there
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "trace", f"{shown('t0')}:0", "--chain", "bitcoin-regtest",
         "--hops", "10000", "--method", "fifo", "--json"],
        stdout=subprocess.PIPE, stderr=behind, text=True,
        env={**os.environ, "TRACER_WORKSPACE": str(tmp_path), "TERM": "xterm"},
    )  # fmt: skip
    os.close(behind)
    seen, until = b"", time.monotonic() + 120
    while b"hop 5" not in seen and time.monotonic() < until:
        seen += os.read(screen, 4096)
    assert b"hop 5" in seen, seen
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    os.close(screen)
    assert process.returncode == 130
    document = json.loads(out)
    assert document["coverage"]["status"] == "partial"
    assert [stop["reason"] for stop in document["stops"]] == ["interrupted"]
    assert document["totals"][0]["pruned"] == "1000000"
    assert document["graph"]["hops"] < LINKS - 1
    (entry,) = json.loads(tracer(tmp_path, "case", "log", "--json").out)["entries"]
    assert entry["outcome"] == "answered:130"
    assert entry["output"] == hashlib.sha256(out.encode()).hexdigest()
