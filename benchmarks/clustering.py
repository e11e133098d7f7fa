"""How fast clusters are made: the kernel beside graphsense-clustering, and whole builds of a store.

The peer's union-find and ours unite the same synthetic co-spends, made in pieces so that they take no memory to speak
of: each in a process of its own, which times only what the kernels do. Without the peer (a dev dependency) its row says
so. Then a store of the simulated market: its inputs read and united, a whole build, and the last block alone.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.processes import own_peak

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracer.ledger.store import Ledger

CHAIN = "bitcoin-regtest"
TRANSACTIONS, INPUTS, ADDRESSES = 60_000_000, 160_000_000, 100_000_000
"""The size that the project holds itself to; Bitcoin's own chain is some twenty times that."""
PIECE = 1_000_000
"""Transactions made at a time."""
BATCH = 1 << 20
_FIRST = "SELECT tx_id FROM txin ORDER BY tx_id DESC LIMIT 1 OFFSET $skipped"
READ = 1_700_000
"""Inputs read from the store and united."""


@dataclass(frozen=True)
class Run:
    """One process: seconds of what was measured, peak memory of all it did, and what it found."""

    seconds: float
    peak_bytes: int
    found: dict[str, Any]


def pieces() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """Transaction ids and addresses of inputs, ordered; addresses are spent a while after they appeared."""
    for piece in range(TRANSACTIONS // PIECE):
        dice = np.random.default_rng([1, piece])
        inputs = np.minimum(dice.geometric(TRANSACTIONS / INPUTS, PIECE), 200)
        tx = np.repeat(np.arange(PIECE, dtype=np.int64), inputs)
        newest = (tx + piece * PIECE) * ADDRESSES // TRANSACTIONS
        address = np.maximum(0, newest - dice.exponential(20_000, tx.size).astype(np.int64))
        both = np.sort(tx << 32 | address)
        yield (both >> 32) + piece * PIECE, (both & 0xFFFFFFFF).astype(np.int32)


def columns() -> dict[str, Any]:
    """Only make the columns: what they cost is no kernel's."""
    return {"seconds": 0, "inputs": sum(tx.size for tx, _ in pieces())}


def ours() -> dict[str, Any]:
    """Unite all; sets, what met and refusals are kept, as in a build."""
    from tracer.clustering.unionfind import UnionFind

    _compile()
    seconds, began = 0.0, time.perf_counter()
    sets = UnionFind(ADDRESSES)
    seconds += time.perf_counter() - began
    for tx, address in pieces():
        began = time.perf_counter()
        for at in range(0, tx.size, BATCH):
            sets.add(tx[at : at + BATCH], address[at : at + BATCH])
        seconds += time.perf_counter() - began
    began = time.perf_counter()
    sizes, merges = sets.sizes(), sets.merges()
    roots = sets.roots()
    seconds += time.perf_counter() - began
    rows = total = 0
    for at in range(0, ADDRESSES, BATCH):  # in pieces: comparing is no part of a build
        members = roots[at : at + BATCH][~sizes.alone[at : at + BATCH]]
        rows, total = rows + members.size, total + int(members.sum(dtype=np.int64))
    return {"seconds": seconds, "rows": rows, "sum": total, "merges": int(merges.tx_id.size)}


def _compile() -> None:
    """Load the kernels: a build of hours does not wait for it."""
    from tracer.clustering.unionfind import UnionFind

    sets = UnionFind(2)
    sets.add(np.array([1, 1]), np.array([0, 1], np.int32))
    sets.merges()
    sets.roots()


def theirs() -> dict[str, Any]:
    """The peer, fed with Arrow lists of its own id type; it keeps id 0 for itself."""
    import pyarrow as pa
    from gs_clustering import Clustering

    seconds, began = 0.0, time.perf_counter()
    peer = Clustering(max_address_id=ADDRESSES)
    seconds += time.perf_counter() - began
    for tx, address in pieces():
        starts = np.append(np.flatnonzero(np.diff(tx, prepend=-1)), tx.size).astype(np.int32)
        lists = pa.ListArray.from_arrays(pa.array(starts), pa.array(address.astype(np.uint32) + np.uint32(1)))
        began = time.perf_counter()
        peer.process_transactions_arrow(lists)
        seconds += time.perf_counter() - began
    began = time.perf_counter()
    found = peer.get_mapping_min(skip_singletons=True)
    seconds += time.perf_counter() - began
    total = int(found.column(1).to_numpy().sum(dtype=np.int64)) - found.num_rows
    return {"seconds": seconds, "rows": found.num_rows, "sum": total}


def read(workspace: Path) -> dict[str, Any]:
    """Read the last inputs of a store, and unite them."""
    import pyarrow as pa

    from tracer.chain import ScriptKind
    from tracer.clustering.unionfind import UnionFind
    from tracer.db import named_sql

    sql = named_sql("tracer.clustering", "build.sql")["co_spent"]
    nothing = pa.table({"tx_id": pa.array([], pa.int64())})
    with _opened(workspace, read_only=True) as ledger, ledger.db.table("left_out", nothing):
        size = ledger.db.value("SELECT max(address_id) + 1 FROM address")
        first = ledger.db.value(_FIRST, {"skipped": READ - 1})
        said = {"first": first, "anyone": int(ScriptKind.WITNESS_UNKNOWN)}
        for _ in range(2):  # the first loads the kernels and the file
            began = time.perf_counter()
            sets, inputs = UnionFind(size), 0
            for rows in ledger.db.stream(sql, said, batch=BATCH):
                sets.add(rows.column("tx_id").to_numpy(), rows.column("address_id").to_numpy())
                inputs += rows.num_rows
            sets.roots()
            seconds = time.perf_counter() - began
        began = time.perf_counter()
        assert sum(rows.num_rows for rows in ledger.db.stream(sql, said, batch=BATCH)) == inputs
        reading = time.perf_counter() - began
    return {"seconds": seconds, "inputs": inputs, "reading": reading}


def built(workspace: Path) -> dict[str, Any]:
    """Build all clusters of a store."""
    import rules
    from tracer.clustering.build import build

    with _opened(workspace) as ledger:
        began = time.perf_counter()
        said = build(ledger, rules.clustering())
        return {"seconds": time.perf_counter() - began, "addresses": said["addresses"]}


def updated(workspace: Path) -> dict[str, Any]:
    """Bring clusters to the tip."""
    import rules
    from tracer.clustering.build import update

    with _opened(workspace) as ledger:
        began = time.perf_counter()
        said = update(ledger, rules.clustering())
        return {"seconds": time.perf_counter() - began, "addresses": said["addresses"]}


def extended(workspace: Path) -> dict[str, Any]:
    """Build the overlay over clusters that are at the tip; no claims, so change alone."""
    import rules
    from tracer.clustering import build, overlay

    with _opened(workspace) as ledger:
        build.build(ledger, rules.clustering())
        began = time.perf_counter()
        said = overlay.build(ledger, rules.clustering())
        return {"seconds": time.perf_counter() - began, "addresses": said["addresses"]}


def _opened(workspace: Path, *, read_only: bool = False) -> Ledger:
    from adapters.bitcoin.chains import chain_named
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    return Ledger.open(Workspace(workspace), chain_named(CHAIN), read_only=read_only)


def prepared(world: Path, bench: Path) -> tuple[Path, Path]:
    """Two workspaces of a world, all facts and no clusters; and clusters that end one block early."""
    import rules
    from adapters.bitcoin.chains import chain_named
    from adapters.bitcoin.folder.source import BlockFiles
    from tracer.clustering.build import build
    from tracer.ledger.pull import pull
    from tracer.workspace import Workspace

    facts, behind = bench / f"{world.name}-facts", bench / f"{world.name}-behind"
    for folder in (facts, behind):
        shutil.rmtree(folder, ignore_errors=True)
        Workspace(folder).ready()
    source = BlockFiles(world, chain_named(CHAIN))
    tip = pull(lambda: _opened(facts), source).tip
    assert tip is not None
    pull(lambda: _opened(behind), source, last=tip - 1)
    with _opened(behind) as ledger:
        build(ledger, rules.clustering())
    pull(lambda: _opened(behind), source)
    return facts, behind


def measure(root: Path, world: Path, bench: Path, runs: int) -> list[str]:
    """Rows of two tables; `world` holds the block files of a simulated market."""
    lines = _synthetic(root, runs)
    facts, behind = prepared(world, bench)
    rows, size = [], 0
    for title, task, workspace in (
        ("all clusters built: mixes, co-spend, keys; written", "built", facts),
        ("one block more: clusters brought to the tip", "updated", behind),
        ("the extended tier over them, without claims", "extended", facts),
        (f"{READ:,} inputs read from the store and united", "read", facts),
    ):
        results = []
        for _ in range(runs):
            trial = bench / "clustering-trial"
            shutil.rmtree(trial, ignore_errors=True)
            shutil.copytree(workspace, trial)
            results.append(_run(root, task, str(trial)))
        rows.append(f"| {title} | {_spread([run.seconds for run in results])} | {_peak(results)} |")
        size = max(size, results[-1].found.get("addresses", 0))
        if "reading" in results[0].found:
            alone = [run.found["reading"] for run in results]
            rows.append(f"| reading them alone | {_spread(alone)} | |")
    return [
        *lines,
        "",
        f"A simulated market in a store, {size:,} addresses; seconds inside, peak memory of the whole process:",
        "",
        "| | seconds | peak memory |",
        "|---|---|---|",
        *rows,
    ]


def _synthetic(root: Path, runs: int) -> list[str]:
    """The kernel beside its peer, in turns."""
    peer = importlib.util.find_spec("gs_clustering") is not None
    bare = _run(root, "columns")
    mine, other = [], []
    for _ in range(runs):
        mine.append(_run(root, "ours"))
        if peer:
            other.append(_run(root, "theirs"))
    for run in other:
        assert all(run.found[name] == mine[0].found[name] for name in ("rows", "sum")), "partitions differ"
    median = statistics.median(run.seconds for run in mine)
    rows = [_row("tracer: sets, and where they met", mine, median)]
    if peer:
        rows.append(_row("graphsense-clustering: sets", other, median))
    else:
        rows.append("| graphsense-clustering: not installed here | | | |")
    return [
        f"{bare.found['inputs']:,} inputs of {TRANSACTIONS:,} transactions over {ADDRESSES:,} addresses, made in "
        f"pieces (a process that only makes them takes {bare.peak_bytes / 1e9:.2f} GB, which is in each figure); "
        "the partitions are equal:",
        "",
        "| | seconds | peak memory | ratio |",
        "|---|---|---|---|",
        *rows,
    ]


def _row(title: str, results: Sequence[Run], mine: float) -> str:
    seconds = [run.seconds for run in results]
    return f"| {title} | {_spread(seconds)} | {_peak(results)} | {statistics.median(seconds) / mine:.1f} |"


def _spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def _peak(results: Sequence[Run]) -> str:
    return f"{max(run.peak_bytes for run in results) / 1e9:.2f} GB"


def _run(root: Path, *words: str) -> Run:
    """One task in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.clustering", *words]
    found = json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)
    return Run(found["seconds"], found["peak_bytes"], found)


if __name__ == "__main__":
    task, *places = sys.argv[1:]
    alone = {"columns": columns, "ours": ours, "theirs": theirs}
    stores = {"read": read, "built": built, "updated": updated, "extended": extended}
    result = stores[task](Path(places[0])) if places else alone[task]()
    sys.stdout.write(json.dumps({**result, "peak_bytes": own_peak()}))
