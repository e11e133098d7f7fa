"""How fast watching is: 100,000 watches against blocks of 5,000 transactions, in a large store, and a list read in.

The store is that of `benchmarks.following`. Watched are 50,000 addresses that it has seen and 50,000 it has not.
"""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracer.ledger.store import Ledger
    from tracer.watching.model import Watch

CHAIN = "bitcoin-regtest"
WATCHES = 100_000
BLOCKS, TXS = 10, 5_000
TARGET = "100,000 watches against a 5,000-transaction block < 1 s"


def measure(_root: Path, bench: Path, runs: int, txs: int | None = None) -> list[str]:
    """Lines of the report."""
    from adapters.bitcoin.chains import chain_named
    from benchmarks import following
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger
    from tracer.watching import match
    from tracer.watching.scan import scan
    from tracer.workspace import Workspace

    workspace = Workspace(following.store(bench, following.TXS if txs is None else txs))
    snapshot = Snapshot.open(workspace)
    figures, busy, alerts = [], [], 0
    with Ledger.open(workspace, chain_named(CHAIN)) as ledger:
        watches = _watches(ledger)
        began = time.perf_counter()
        found = match.watched(watches, snapshot.tags(CHAIN))
        columns = time.perf_counter() - began
        tip = ledger.tip()
        assert tip is not None
        blocks = -(-TXS // following.PER_BLOCK)  # as many as hold 5,000 transactions
        for number in range(max(runs, 3) + BLOCKS):
            first = tip.height - (number + 1) * blocks + 1
            began, processor = time.perf_counter(), time.process_time()
            result = scan(
                ledger,
                snapshot,
                found,
                match.cluster_ids(ledger, found),
                first,
                first + blocks - 1,
                late_before=0.0,
            )
            figures.append(time.perf_counter() - began)
            busy.append(time.process_time() - processor)
            alerts += len(result.events)
    figures = sorted(figures[1:])
    worst, middle = figures[int(len(figures) * 0.95)], statistics.median(figures)
    return [
        f"Target: {TARGET}. Blocks of {blocks * following.PER_BLOCK:,} transactions together; {alerts:,} alerts in "
        f"{len(figures) + 1} of them.",
        "",
        "| step | seconds |",
        "|---|---|",
        f"| {WATCHES:,} watches into columns, once | {columns:.2f} |",
        f"| a block against all of them, alerts made (median) | {middle:.3f} |",
        f"| the same, 95 of 100 | {worst:.3f} |",
        f"| of it on a processor (median) | {statistics.median(busy):.3f} |",
    ]


def _watches(ledger: Ledger) -> list[Watch]:
    from tracer.chain import AddressKey
    from tracer.watching.model import Settings, Watch

    dice, half = random.Random(5), WATCHES // 2
    count = ledger.db.value("SELECT max(address_id) FROM address")
    ids = dice.sample(range(count), min(half, count))
    rows = ledger.db.rows(
        "SELECT kind, payload FROM address WHERE address_id IN (SELECT unnest($ids)) ORDER BY address_id",
        {"ids": ids},
    )
    keys = [AddressKey(kind, bytes(payload)) for kind, payload in rows]
    keys += [AddressKey(4, dice.randbytes(20)) for _ in range(WATCHES - len(keys))]
    settings = Settings()
    return [
        Watch(f"w-{n}", CHAIN, "address", str(n), key, ("transfer",), settings) for n, key in enumerate(keys)
    ]
