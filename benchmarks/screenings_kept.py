"""Kept screenings: how many are saved a second, and what a million of them takes on disk.

Documents are those of a simulated world's addresses, each screened for real with the default policy, then told again of
other addresses until there are as many as asked for: ids and subjects differ, and the facts repeat.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tracer.screening.kept import retention, store
from tracer.state import State
from tracer.workspace import Workspace

_CHAIN, _SOURCE = "bitcoin-regtest", "simulation:market?seed=1&txs=1500"
_CHUNK, _SAMPLE, _COUNT = 5_000, 400, 200_000


def documents(folder: Path, sample: int) -> list[dict[str, Any]]:
    """Real documents of a sample of a world's addresses."""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "cli.main", "--workspace", str(folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run("sync", _CHAIN, "--source", _SOURCE)
    claims = folder / "cache" / "simulation"
    for name in ("tags", "vasps"):
        (file,) = claims.glob(f"*/{name}.csv")
        run(name, "import", str(file))
    (folder / "subjects.txt").write_text("\n".join(_addresses(folder)[:: max(1, 4000 // sample)]) + "\n")
    out = run("screen", "--file", str(folder / "subjects.txt"), "--chain", _CHAIN, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    return [
        {key: value for key, value in row.items() if key != "batch"}
        for row in rows
        if row["schema"] == "tracer.screening/1"
    ]


def _addresses(folder: Path) -> list[str]:
    import duckdb

    from adapters.chains import chain_named
    from tracer.chain import AddressKey

    with duckdb.connect(str(Workspace(folder).chain_file(_CHAIN)), read_only=True) as con:
        rows = con.sql("SELECT kind, payload FROM address ORDER BY kind, payload").fetchall()
    chain = chain_named(_CHAIN)
    return [chain.render_address(AddressKey(kind, bytes(payload))) for kind, payload in rows]


def told_again(found: list[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """As many documents as asked for, each of another subject."""
    for number in range(count):
        document = found[number % len(found)]
        identity = hashlib.sha256(b"%d" % number).hexdigest()
        subject = document["subject"] | {"address": f"bc1q{identity[:38]}"}
        yield document | {"screening_id": identity, "subject": subject}


def measure(bench: Path) -> list[str]:
    """Lines of the page."""
    folder = bench / "screenings-kept"
    shutil.rmtree(folder, ignore_errors=True)
    found = documents(folder / "world", _SAMPLE)
    bytes_each = statistics.mean(
        len(json.dumps(each, ensure_ascii=False, separators=(",", ":"))) for each in found
    )
    with State.open(Workspace(folder / "kept")) as state:
        empty = _size(state)
        rest, wall = told_again(found, _COUNT), 0.0
        while chunk := list(islice(rest, _CHUNK)):
            started = time.perf_counter()
            assert store.save(state, chunk) == len(chunk)
            wall += time.perf_counter() - started
        million = (_size(state) - empty) / _COUNT
        started = time.perf_counter()
        for number in range(0, _COUNT, _COUNT // 1_000):
            store.get(state, hashlib.sha256(b"%d" % number).hexdigest())
        one = (time.perf_counter() - started) / 1_000
        started = time.perf_counter()
        done = retention.purge(state, before=1 << 40, now=0, compact=False)
        purged = time.perf_counter() - started
    shutil.rmtree(folder)
    return [
        f"{_COUNT:,} screenings, {bytes_each:,.0f} bytes of JSON each on average:",
        "",
        "| saved, a second | on disk, a million | one by its id | purged |",
        "|---|---|---|---|",
        f"| {_COUNT / wall:,.0f} | {million:,.0f} MB | {one * 1e3:.2f} ms | {done.count:,} in {purged:.1f} s |",
    ]


def _size(state: State) -> int:
    state.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return state.path.stat().st_size
