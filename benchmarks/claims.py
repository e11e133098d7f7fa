"""How fast claims come in and are found: 500,000 tags of one TagPack, and the tags of 100,000 addresses.

Peers on the same file in the same run: PyYAML's C loader alone, which only builds objects, and GraphSense's own
reader and validator where `TRACER_GRAPHSENSE_PYTHON` names a Python that has graphsense-lib.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import Run, run

TAGS = 500_000
ASKED = 100_000

_YAML = """
import sys, yaml
with open(sys.argv[1], encoding="utf-8") as file:
    print(len(yaml.load(file, Loader=yaml.CSafeLoader)["tags"]))
"""
_GRAPHSENSE = """
import sys
from graphsenselib.tagpack.constants import DEFAULT_CONFIG
from graphsenselib.tagpack.tagpack import TagPack
from graphsenselib.tagpack.tagpack_schema import TagPackSchema
from graphsenselib.tagpack.taxonomy import _load_taxonomies
pack = TagPack.load_from_file("", sys.argv[1], TagPackSchema(), _load_taxonomies(DEFAULT_CONFIG), None)
pack.validate()
print(len(pack.get_unique_tags()))
"""


def pack(bench: Path) -> Path:
    """A TagPack: half base58check, a quarter bech32, a quarter EIP-55 addresses, every source its own."""
    path = bench / f"pack-{TAGS}.yaml"
    if path.exists():
        return path
    from adapters.addresses.registry import render
    from tracer.chain import AddressKey

    dice = random.Random(7)
    forms = (("bitcoin", 2, "BTC"), ("bitcoin", 2, "BTC"), ("bitcoin", 4, "BTC"), ("ethereum", 32, "ETH"))
    with path.with_suffix(".part").open("w", encoding="utf-8") as out:
        out.write("title: Speed\ncreator: Somebody\nconfidence: web_crawl\nlastmod: 2021-11-12\ntags:\n")
        for number in range(TAGS):
            chain, kind, currency = forms[number % 4]
            address = render(chain, AddressKey(kind, dice.randbytes(20)))
            out.write(
                f"- address: '{address}'\n  currency: {currency}\n  label: Service {number % 997}\n"
                f"  source: https://www.example.org/address/{address}\n  category: exchange\n"
                f"  actor: service{number % 997}\n"
            )
    path.with_suffix(".part").rename(path)
    return path


def measure(root: Path, bench: Path, runs: int) -> list[str]:
    """Rows of two tables."""
    file = pack(bench)
    workspace = bench / "claims"
    environment = {**os.environ, "TRACER_WORKSPACE": str(workspace)}
    imports, yamls, theirs = [], [], []
    graphsense = os.environ.get("TRACER_GRAPHSENSE_PYTHON")
    for number in range(runs):
        shutil.rmtree(workspace, ignore_errors=True)
        words = [sys.executable, "-m", "cli.main", "tags", "import", str(file), "--json"]
        imports.append(run(words, root, environment))
        if number:  # the peers take minutes: once is enough to compare
            continue
        yamls.append(run([sys.executable, "-c", _YAML, str(file)], root, environment))
        if graphsense:
            theirs.append(run([graphsense, "-c", _GRAPHSENSE, str(file)], root, environment))
    mine = statistics.median(each.seconds for each in imports)
    rows = [_row(f"tracer tags import, {TAGS:,} tags: read, checked, stored", imports, mine)]
    rows.append(_row("PyYAML's C loader alone: objects, nothing checked, nothing stored", yamls, mine))
    if theirs:
        rows.append(_row("graphsense-lib: read and validated, nothing stored", theirs, mine))
    opened, found = _lookups(workspace, runs)
    return [
        f"A TagPack of {TAGS:,} tags, {file.stat().st_size / 1e6:.0f} MB of YAML, whole commands, peers once:",
        "",
        "| | seconds | peak memory | ratio |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Tags of {ASKED:,} addresses, half of them tagged, among these: {found:.2f} s, after {opened:.2f} s to open "
        "and verify the snapshot; in one process.",
    ]


def _row(title: str, runs: Sequence[Run], mine: float) -> str:
    seconds = [each.seconds for each in runs]
    median = statistics.median(seconds)
    peak = max(each.peak_bytes for each in runs)
    return (
        f"| {title} | {median:.1f} ({min(seconds):.1f} to {max(seconds):.1f}) | {peak / 1e9:.2f} GB | "
        f"{median / mine:.1f} |"
    )


def _lookups(folder: Path, runs: int) -> tuple[float, float]:
    """Median seconds to open the snapshot, and to find the tags of many addresses in it."""
    import polars as pl

    from tracer.intel.snapshot import Snapshot
    from tracer.workspace import Workspace

    dice = random.Random(11)
    opened, found = [], []
    for _ in range(runs):
        began = time.perf_counter()
        snapshot = Snapshot.open(Workspace(folder))
        known = snapshot.tags().select("chain", "kind", "payload").unique(maintain_order=True)
        opened.append(time.perf_counter() - began)
        strangers = pl.DataFrame(
            {"chain": ["bitcoin"] * (ASKED // 2), "kind": [2] * (ASKED // 2),
             "payload": [dice.randbytes(20) for _ in range(ASKED // 2)]},
            schema=known.schema,
        )  # fmt: skip
        asked = pl.concat([known.sample(ASKED // 2, seed=3), strangers])
        began = time.perf_counter()
        tags = snapshot.tags_of(asked)
        found.append(time.perf_counter() - began)
        assert tags["asked"].n_unique() == ASKED // 2
    return statistics.median(opened), statistics.median(found)
