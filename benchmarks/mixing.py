"""How fast mixes are found: all detectors over a store, on one core (one DuckDB and one Polars thread).

Nothing is written; the first pass of a process also loads code and warms the file's pages, so a second is timed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHAIN = "bitcoin-regtest"


def measure(root: Path, workspace: Path, runs: int) -> list[str]:
    """Rows of a table; `workspace` holds the store of a simulated world. No peer finds mixes over a whole store."""
    words = [sys.executable, "-m", "benchmarks.mixing", str(workspace)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    said: list[dict[str, Any]] = [
        json.loads(subprocess.run(words, cwd=root, env=environment, check=True, capture_output=True).stdout)
        for _ in range(runs)
    ]
    seconds = [one["seconds"] for one in said]
    median, txs = statistics.median(seconds), said[0]["txs"]
    found = ", ".join(f"{kind} {count:,}" for kind, count in said[0]["found"].items())
    return [
        "| mixes found on one core | seconds | tx/s |",
        "|---|---|---|",
        f"| {txs:,} transactions: {found} | {median:.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | "
        f"{txs / median:,.0f} |",
    ]


def found(workspace: Path) -> dict[str, Any]:
    """One pass, in this process: seconds, transactions and what was found."""
    from adapters.bitcoin.chains import chain_named
    from rules.mixers import DETECTORS
    from tracer.clustering.mixing import find_mixes
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    with Ledger.open(Workspace(workspace), chain_named(CHAIN), read_only=True, threads=1) as ledger:
        find_mixes(ledger, DETECTORS, first=0)
        began = time.perf_counter()
        mixes = find_mixes(ledger, DETECTORS, first=0)
        seconds = time.perf_counter() - began
        txs = ledger.db.value("SELECT count(*) FROM tx")
    counts = mixes.group_by("kind").len().sort("kind").rows()
    return {"seconds": seconds, "txs": txs, "found": dict(counts)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(found(Path(sys.argv[1]))))
