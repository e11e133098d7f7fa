"""A Core data folder into a store, at two sizes, and one block more into the larger one.

The folders are those of simulated worlds, obfuscated as Bitcoin Core writes them since version 28; their last blocks
are held back. They have no undo files: read from the first block on, nothing is asked of those.
"""

from __future__ import annotations

import json
import os
import statistics
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import loading
from benchmarks.processes import run

SIZES = (1_000_000, 5_000_000)
HELD = 20
KEY = bytes.fromhex("054a9af736fccbc5")
_INCREMENTS = """
import json, sys, time
from pathlib import Path
import pyarrow.compute
from adapters.bitcoin.folder.source import BlockFiles
from adapters.bitcoin.chains import CHAINS
from benchmarks.coin_folder import append
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace
folder, workspace, count = Path(sys.argv[1]), Workspace(Path(sys.argv[2])), int(sys.argv[3])
chain, seconds, txs = CHAINS["bitcoin-regtest"], [], []
for _ in range(count):
    append(folder)
    began = time.perf_counter()
    source = BlockFiles(folder, chain)
    opened = time.perf_counter()
    pulled = pull(lambda: Ledger.open(workspace, chain, read_only=False), source)
    seconds.append((opened - began, time.perf_counter() - opened))
    assert pulled.blocks == 1
    txs.append(pulled.txs)
print(json.dumps([seconds, txs]))
"""


def measure(root: Path, bench: Path, runs: int, sizes: Sequence[int] = SIZES) -> list[str]:
    """Rows of a table for each size, and a sentence about one block more."""
    lines = [
        "| transactions | block files | seconds | tx/s | peak memory | store |",
        "|---|---|---|---|---|---|",
    ]
    for txs in sizes:
        place, store = folder(bench, txs), bench / f"store-folder-{txs}"
        results = [loading.load(root, place, store) for _ in range(runs)]
        seconds = statistics.median(result.seconds for result in results)
        spread = f"{min(r.seconds for r in results):.1f} to {max(r.seconds for r in results):.1f}"
        last, peak = results[-1], max(result.peak_bytes for result in results)
        lines.append(
            f"| {last.txs:,} | {last.source_bytes / 1e6:,.0f} MB | {seconds:.1f} ({spread}) | "
            f"{last.txs / seconds:,.0f} | {peak / 1e9:.2f} GB | {last.store_bytes / 1e6:,.0f} MB |"
        )
    return [*lines, "", *_increments(root, bench, sizes[-1])]


def _increments(root: Path, bench: Path, txs: int, count: int = 7) -> list[str]:
    """One block more, several times, in the store that was just filled; the first one loads compiled kernels."""
    place, store = folder(bench, txs), bench / f"store-folder-{txs}"
    words = [sys.executable, "-c", _INCREMENTS, str(place), str(store), str(count + 1)]
    seconds, added = json.loads(run(words, root).output)
    pulls = sorted(pulling for _, pulling in seconds[1:])
    opening = statistics.median(opening for opening, _ in seconds[1:])
    append(place)
    words = [
        sys.executable,
        "-m",
        "cli.main",
        "sync",
        "bitcoin-regtest",
        "--source",
        f"blocks:{place}",
        "--json",
    ]
    whole = run(words, root, {**os.environ, "TRACER_WORKSPACE": str(store)})
    assert json.loads(whole.output)["blocks"] == 1
    return [
        f"One block more ({min(added):,} to {max(added):,} transactions) into the store of {txs:,}: "
        f"{statistics.median(pulls):.2f} s ({pulls[0]:.2f} to {pulls[-1]:.2f}), and {opening:.2f} s to look "
        f"through the block files for it. "
        f"`tracer sync` as a whole command, from its start to its end: {whole.seconds:.2f} s."
    ]


def folder(bench: Path, txs: int) -> Path:
    """The `blocks` folder of a data folder, made where it is missing; its last blocks held back anew each time."""
    place = bench / f"datafolder-{txs}" / "blocks"
    place.mkdir(parents=True, exist_ok=True)
    (place / "xor.dat").write_bytes(KEY)
    files = sorted(loading.world(bench, txs).glob("blk*.dat"))
    for file in files[:-1]:
        if not (place / file.name).exists():
            _hidden(np.fromfile(file, np.uint8), 0).tofile(place / file.name)
    raw = files[-1].read_bytes()
    starts = [0]
    while starts[-1] < len(raw):
        starts.append(starts[-1] + _size(raw, starts[-1]))
    cut = starts[-1 - HELD]
    _hidden(np.frombuffer(raw[:cut], np.uint8), 0).tofile(place / files[-1].name)
    (place.parent / "held").write_bytes(raw[cut:])
    return place


def append(place: Path) -> None:
    """Write the next block that was held back behind the last one, as a node does."""
    held = place.parent / "held"
    raw = held.read_bytes()
    size = _size(raw, 0)
    file = max(place.glob("blk*.dat"))
    hidden = _hidden(np.frombuffer(raw[:size], np.uint8), file.stat().st_size)
    with file.open("ab") as handle:
        handle.write(hidden.tobytes())
    held.write_bytes(raw[size:])


def _size(raw: bytes, at: int) -> int:
    """Bytes of the record at a position: magic, length and block."""
    (size,) = struct.unpack_from("<I", raw, at + 4)
    return 8 + int(size)


def _hidden(
    content: np.ndarray[tuple[int], np.dtype[np.uint8]], offset: int
) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Bytes at an offset of a file, under the key."""
    repeated = np.frombuffer(KEY * (len(content) // len(KEY) + 2), np.uint8)
    at = offset % len(KEY)
    return np.asarray(content ^ repeated[at : at + len(content)])
