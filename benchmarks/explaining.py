"""How fast `tracer cluster explain` finds the shortest chain in clusters of a million addresses.

Two clusters, the worst of their kind: a chain, where each transaction spends an address of the one before and a
new one, and a hub, one address that is spent together with every other. They are made inside a store, unsigned.
"""

from __future__ import annotations

import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

CHAIN = "bitcoin-regtest"
MEMBERS = 1_000_000
APART = 1_000

_FILL = (
    # addresses 0 .. n-1 are the hub and what hangs on it, n .. 2n-1 the chain
    """INSERT INTO address SELECT i::INTEGER, 4, unhex(sha256(i::VARCHAR)[1:40]) FROM range(2 * $n) AS r(i)
       ORDER BY i""",
    """INSERT INTO tx SELECT (i // 2000 << 24) + i % 2000, unhex(sha256('tx' || i)), 2, 0, 300, 200, 2, 0, 0, 0
       FROM range(2 * ($n - 1)) AS r(i) ORDER BY i""",
    """INSERT INTO txin
       SELECT (i // 2000 << 24) + i % 2000, vin, NULL, 0, 1000, 4,
              CASE WHEN i % 2 = 0 THEN vin * (i // 2 + 1) ELSE $n + i // 2 + vin END::INTEGER, 0
       FROM range(2 * ($n - 1)) AS r(i), range(2) AS s(vin) ORDER BY i, vin""",
    """INSERT INTO block
       SELECT i::INTEGER, unhex(sha256('block' || i)), unhex(sha256('block' || (i - 1))), unhex(sha256('')),
              1300000000 + 600 * i, 1, 0, 0, 2000, 0 FROM range(1 + (2 * $n - 3) // 2000) AS r(i) ORDER BY i""",
    """INSERT INTO address_tx SELECT address_id, min(tx_id) FROM txin GROUP BY address_id ORDER BY address_id""",
)


@dataclass(frozen=True)
class Asked:
    """One question: its links, and the seconds of each time it was asked."""

    title: str
    links: int
    seconds: list[float]


def store(bench: Path) -> Path:
    """A workspace whose ledger holds both clusters, built; made once."""
    folder = bench / f"explain-{MEMBERS}"
    if folder.exists():
        return folder
    import polars as pl

    import rules
    from adapters.bitcoin.chains import chain_named
    from tracer.clustering.build import build
    from tracer.ledger.prefix import address_prefixes
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    with Ledger.open(Workspace(part).ready(), chain_named(CHAIN), read_only=False) as ledger:
        for statement in _FILL:
            ledger.db.run(statement, {"n": MEMBERS} if "$n" in statement else None)
        addresses = ledger.db.polars("SELECT * FROM address ORDER BY address_id")
        found = addresses.with_columns(address_prefixes(addresses).alias("prefix")).sort("prefix")
        with ledger.db.table("found", found.select(pl.col("prefix"), pl.col("address_id"))):
            ledger.db.run("INSERT INTO address_lookup SELECT * FROM found")
        build(ledger, rules.clustering())
    part.rename(folder)
    return folder


def measure(bench: Path, runs: int) -> list[str]:
    """Rows of a table."""
    import rules
    from adapters.bitcoin.chains import chain_named
    from tracer.clustering import state as states
    from tracer.clustering.constraints import none
    from tracer.clustering.explain import explain
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    questions = (
        ("hub: two addresses that only it joins", 1, MEMBERS - 1),
        (f"chain: {APART:,} transactions apart", MEMBERS + MEMBERS // 2, MEMBERS + MEMBERS // 2 + APART),
        ("chain: its two ends", MEMBERS, 2 * MEMBERS - 1),
    )
    asked = []
    workspace = Workspace(store(bench))
    for title, a, b in questions:
        seconds, links = [], 0
        for number in range(runs + 1):
            began = time.perf_counter()
            with Ledger.open(workspace, chain_named(CHAIN)) as ledger:
                state = states.current(ledger)
                assert state is not None
                found = explain(ledger, state, a, b, rules.clustering(), none())
            if number:  # the first run may compile
                seconds.append(time.perf_counter() - began)
            assert found is not None
            links = len(found)
        asked.append(Asked(title, links, seconds))
    return [
        f"Two clusters of {MEMBERS:,} addresses each in one store, from opening it to the written links:",
        "",
        "| | links | seconds |",
        "|---|---|---|",
        *(
            f"| {one.title} | {one.links:,} | {statistics.median(one.seconds):.2f} "
            f"({min(one.seconds):.2f} to {max(one.seconds):.2f}) |"
            for one in asked
        ),
    ]
