"""How fast raw blocks become a store."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import run


@dataclass(frozen=True)
class Load:
    """One run of `tracer sync` as a process."""

    txs: int
    seconds: float
    source_bytes: int
    store_bytes: int
    peak_bytes: int


def world(bench: Path, txs: int) -> Path:
    """Block files and claims of a simulated world of this size, built once."""
    folder = bench / f"world-{txs}"
    if not (folder / "done").exists():
        from adapters.simulation import build_world

        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        built = build_world("market", seed=1, txs=txs)
        built.write_blocks(folder)
        built.write_claims(folder)
        built.close()
        (folder / "done").touch()
    return folder


def load(root: Path, source: Path, workspace: Path) -> Load:
    """Sync into an empty workspace."""
    import json

    shutil.rmtree(workspace, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "cli.main",
        "sync",
        "bitcoin-regtest",
        "--source",
        f"blocks:{source}",
        "--json",
    ]
    done = run(command, root, {**os.environ, "TRACER_WORKSPACE": str(workspace)})
    return Load(
        txs=json.loads(done.output)["txs"],
        seconds=done.seconds,
        source_bytes=sum(f.stat().st_size for f in source.glob("blk*.dat")),
        store_bytes=sum(f.stat().st_size for f in (workspace / "chains").rglob("*") if f.is_file()),
        peak_bytes=done.peak_bytes,
    )
