"""`make bench`: what Tracer's speed is here and now, peers side by side where they install.

    python -m benchmarks [WORD ...] [--txs N ...] [--runs N]      writes benchmarks/RESULTS.md

Whole commands are timed as processes of their own; medians over the runs. Worlds are built once into `.bench/`.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import (
    account_following,
    alerting,
    claims,
    clustering,
    coin_folder,
    coin_node,
    evm_sync,
    explaining,
    following,
    loading,
    mixing,
    peers,
    screening,
    screenings_kept,
    tracing,
    transfers,
    watching,
)

ROOT = Path(__file__).parents[1]
BENCH = ROOT / ".bench"


def machine() -> str:
    """What the figures were measured on."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.processor()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"


def median_of(runs: int, work: Callable[[], float]) -> tuple[float, list[float]]:
    """Median and all figures of several runs."""
    figures = [work() for _ in range(runs)]
    return statistics.median(figures), figures


def help_seconds() -> float:
    """`tracer --help` as a process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cli.main", "--help"], check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - began


def main() -> None:
    """Measure and write the page."""
    options = argparse.ArgumentParser()
    options.add_argument("--txs", type=int, nargs="+", default=[1_000_000], help="sizes of the worlds")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument(
        "only",
        nargs="*",
        metavar="WORD",
        help="measure the sections with these words in their titles, not all",
    )
    chosen = options.parse_args()
    BENCH.mkdir(exist_ok=True)
    page = ROOT / "benchmarks" / "RESULTS.md"
    store, runs = BENCH / f"store-{chosen.txs[0]}", chosen.runs
    sections: dict[str, Callable[[], list[str]]] = {
        "Load: raw block files to a store ready to trace, all checks on, kill-safe": lambda: load(
            chosen.txs, runs
        ),
        "Core data folder to a store, and one block more": lambda: coin_folder.measure(ROOT, BENCH, runs),
        "Read a node of coins, a peer beside": lambda: coin_node.measure(ROOT, BENCH, runs),
        "Links": lambda: [
            *mixing.measure(ROOT, store, runs),
            "",
            *clustering.measure(ROOT, loading.world(BENCH, chosen.txs[0]), BENCH, runs),
            "",
            *explaining.measure(BENCH, runs),
        ],
        "Trace in that store": lambda: tracing.measure(ROOT, store, BENCH),
        "Trace in a store of 25 M outputs": lambda: following.measure(ROOT, BENCH, runs),
        "Screening (examinations) in that store": lambda: screening.measure(BENCH),
        "Transfers of an account chain, Parquet to a store ready to query": lambda: transfers.measure(
            ROOT, BENCH, runs
        ),
        "Trace on an account chain, 10 M transfers": lambda: account_following.measure(ROOT, BENCH, runs),
        "Read an EVM node, peers beside": lambda: evm_sync.measure(ROOT, BENCH, runs),
        "Claims": lambda: claims.measure(ROOT, BENCH, runs),
        "Kept screenings": lambda: screenings_kept.measure(BENCH),
        "Watch: 100,000 watches against a block": lambda: watching.measure(ROOT, BENCH, runs),
        "Alerts: a block to the last of its webhooks": lambda: alerting.measure(ROOT, BENCH, runs),
        "Decoding beside peers, the same block in the same run": lambda: peers.measure(runs),
        "First word": first_word,
    }
    before = dict(part.split("\n", 1) for part in page.read_text().split("\n## ")[1:]) if chosen.only else {}
    text = f"# Speeds\n\nWritten by `make bench`. {machine()}. Medians of {runs} runs on a shared machine.\n"
    if chosen.only:
        text += "Sections that were not measured anew keep the figures of their own day and machine.\n"
    for title, measured in sections.items():
        anew = not chosen.only or any(word in title for word in chosen.only)
        text += f"\n## {title}\n"
        if anew:
            text += "\n" + "\n".join(measured()) + "\n"
        else:
            text += before.get(title, "\nnot measured yet\n")
    page.write_text(text.rstrip("\n") + "\n")
    sys.stdout.write(text)


def load(sizes: Sequence[int], runs: int) -> list[str]:
    """Rows of a table: each size loaded into an empty store."""
    lines = [
        "| transactions | block files | seconds | tx/s | store | peak memory | beside BlockSci (fixed reference) |",
        "|---|---|---|---|---|---|---|",
    ]
    for txs in sizes:
        folder = loading.world(BENCH, txs)
        results = [loading.load(ROOT, folder, BENCH / f"store-{txs}") for _ in range(runs)]
        seconds = statistics.median(r.seconds for r in results)
        spread = f"{min(r.seconds for r in results):.1f} to {max(r.seconds for r in results):.1f}"
        last = results[-1]
        rate = last.txs / seconds
        lines.append(
            f"| {last.txs:,} | {last.source_bytes / 1e6:.0f} MB | {seconds:.1f} ({spread}) | {rate:,.0f} | "
            f"{last.store_bytes / 1e6:.0f} MB | {last.peak_bytes / 1e9:.2f} GB | 47,000 tx/s, no Merkle checks "
            f"(ratio {rate / 47_000:.1f}) |"
        )
    return lines


def first_word() -> list[str]:
    """How long `tracer --help` takes."""
    median, figures = median_of(5, help_seconds)
    return [f"`tracer --help`: {median:.2f} s ({min(figures):.2f} to {max(figures):.2f})"]


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    assert shutil.which("git"), "run from a checkout"
    main()
