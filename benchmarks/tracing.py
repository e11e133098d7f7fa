"""How fast a trace is inside the process, in the store that the load benchmark left."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

SEEDS = 60
HOPS = 5


def measure(root: Path, workspace: Path, bench: Path) -> list[str]:
    """Build clusters and claims, then trace random spent outputs, each under both methods."""
    environment = {**os.environ, "TRACER_WORKSPACE": str(workspace)}
    world = bench / workspace.name.replace("store", "world")
    for words in (
        ["tags", "import", str(world / "tags.csv")],
        ["vasps", "import", str(world / "vasps.csv")],
        ["cluster", "build", "bitcoin-regtest"],
    ):
        subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            cwd=root,
            check=True,
            env=environment,
            capture_output=True,
        )
    rows = []
    for title, claims in (
        ("with the world's claims", True),
        ("without claims: nothing stops the trail", False),
    ):
        figures, transactions = _trace(workspace, claims=claims)
        figures.sort()
        rows.append(
            f"| {title} | {statistics.median(figures):.3f} s | {figures[int(len(figures) * 0.95)]:.3f} s | "
            f"{figures[-1]:.3f} s | {statistics.median(transactions):,.0f} | {max(transactions):,} |"
        )
    return [
        f"{SEEDS} random spent outputs, {HOPS} hops forward, fifo and haircut and the upper bound, document built:",
        "",
        "| | median | 95th percentile | most | transactions followed, median | most |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def _trace(workspace: Path, *, claims: bool) -> tuple[list[float], list[int]]:
    from cli import compose
    from rules import clustering
    from tracer.flow.question import Question
    from tracer.flow.trace import trace
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    place = Workspace(workspace)
    snapshot = Snapshot.open(place if claims else Workspace(workspace / "no-claims").ready())
    dice = random.Random(1)
    with Ledger.open(place, compose.chain("bitcoin-regtest")) as ledger:
        spent = ledger.db.rows("SELECT prev_tx_id, prev_vout FROM spend ORDER BY prev_tx_id, prev_vout")
        chosen = dice.sample(spent, SEEDS + 3)
        names = ledger.render_txids(tx for tx, _ in chosen)
        seconds, sizes = [], []
        for tx, vout in chosen:
            question = Question(seeds=(f"{names[tx]}:{vout}",), hops=HOPS)
            began = time.perf_counter()
            document = trace(ledger, snapshot, question, rules=clustering(), engine="bench")
            seconds.append(time.perf_counter() - began)
            sizes.append(document["documents"][0]["graph"]["transactions"])
    return seconds[3:], sizes[3:]  # the first ones compile and warm
