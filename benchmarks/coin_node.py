"""Reading a node of coins: `tracer sync` and bitcoin-etl from one litecoind, the same blocks in the same run.

The peer lives in an environment of its own, outside the project: `TRACER_BITCOIN_ETL` names the program `bitcoinetl` of
bitcoin-etl 1.5.2. It gets no values of inputs from a node; tracer's facts have them.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from benchmarks.processes import run
from tests.nodes.litecoind import COIN, MATURE, Litecoind, litecoind, program

TXS, PER_BLOCK, RECEIVERS = 1_200, 20, 300
"""Wallet transactions, how many in a block, payments in each: all below height 431, where MWEB begins.

The wallet takes some tenths of a second for each: the chain is made once.
"""
USER, PASSWORD = "tracer", "bench"
_CREDENTIALS = (f"-rpcuser={USER}", f"-rpcpassword={PASSWORD}")
_OURS = """
import os, sys, time
from pathlib import Path
import adapters.bitcoin.decode, duckdb, polars, pyarrow.compute
from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.core.source import CoreSource
from adapters.bitcoin.core.access import access
from tracer.ledger.coverage import coverage
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace
chain = CHAINS["litecoin-regtest"]
def read(folder, last=None):
    workspace = Workspace(Path(folder)).ready()
    source = CoreSource(access(sys.argv[1], chain.name, os.environ), chain)
    pull(lambda: Ledger.open(workspace, chain, read_only=False), source, last=last)
    with Ledger.open(workspace, chain) as ledger:
        assert coverage(ledger).complete
read(sys.argv[2] + "-first", 105)  # loads compiled kernels
began = time.perf_counter()
read(sys.argv[2])
print(time.perf_counter() - began)
"""


def measure(root: Path, bench: Path, runs: int, txs: int = TXS) -> list[str]:
    """Rows of a table: each way to ask the node, and the peer."""
    if program() is None:
        return ["No litecoind: run `make setup`, or name it in TRACER_LITECOIND."]
    folder = bench / "coins"
    data = _chain(folder / f"node-{txs}x{RECEIVERS}", txs)
    by_rpc: dict[str, list[float]] = {}
    with litecoind(data, *_CREDENTIALS, "-rest=1") as node:
        made = node.call("getchaintxstats")["txcount"]
        paid = made - node.height - 1
        by_rest = _seconds(_programs(root, folder, node, "REST"), folder, runs)
        node.restart(*_CREDENTIALS, "-rest=0")
        by_rpc = _seconds(_ours(root, folder, node, "raw blocks by RPC"), folder, runs)
        size = sum(file.stat().st_size for file in node.datadir.glob("blocks/blk*.dat"))
    measured = by_rest | by_rpc
    ours = statistics.median(next(iter(measured.values())))
    lines = [
        f"{made:,} transactions, {paid:,} of them a wallet's with {RECEIVERS} payments each, on one litecoind regtest "
        f"({size / 1e6:.0f} MB of block files). From the first request to the last byte written; imports and compiled "
        "kernels being loaded are in it only for bitcoin-etl and the whole command.",
        "", "| | seconds | tx/s | beside tracer |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, figures in measured.items():
        if figures:
            middle = statistics.median(figures)
            spread = f"{middle:.2f} ({min(figures):.2f} to {max(figures):.2f})"
            lines.append(f"| {name} | {spread} | {made / middle:,.0f} | {middle / ours:.1f} |")
        else:
            lines.append(f"| {name} | not there: TRACER_BITCOIN_ETL names the program | | |")
    return lines


def _ours(root: Path, folder: Path, node: Litecoind, way: str) -> dict[str, Callable[[], float]]:
    url = f"http://{USER}:{PASSWORD}@127.0.0.1:{node.port}"
    ours = [sys.executable, "-c", _OURS, url, str(folder / "run" / "w")]
    return {
        f"tracer, {way}: values of inputs and fees, into a store ready to trace": lambda: float(
            run(ours, root).output
        )
    }


def _programs(root: Path, folder: Path, node: Litecoind, way: str) -> dict[str, Callable[[], float]]:
    url = f"http://{USER}:{PASSWORD}@127.0.0.1:{node.port}"
    words = [
        sys.executable,
        "-m",
        "cli.main",
        "sync",
        "litecoin-regtest",
        "--source",
        f"core:{url}",
        "--json",
    ]
    environment = {**os.environ, "TRACER_WORKSPACE": str(folder / "run" / "w")}
    return {
        **_ours(root, folder, node, way),
        "`tracer sync` as a whole command": lambda: run(words, root, environment).seconds,
        "bitcoin-etl 1.5.2: blocks and transactions, no values of inputs, into JSON": lambda: _etl(
            folder / "run", url, node.height
        ),
    }


def _seconds(programs: dict[str, Callable[[], float]], folder: Path, runs: int) -> dict[str, list[float]]:
    """The programs in turn, so that a busy machine is busy for all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, work in programs.items():
            shutil.rmtree(folder / "run", ignore_errors=True)
            (folder / "run").mkdir(parents=True)
            with suppress(_NotThere):
                seconds[name].append(work())
    return seconds


class _NotThere(Exception):
    """No environment variable names the program."""


def _etl(folder: Path, url: str, stop: int) -> float:
    peer = os.environ.get("TRACER_BITCOIN_ETL")
    if not peer:
        raise _NotThere
    words = [peer, "export_blocks_and_transactions", "--chain", "litecoin", "--provider-uri", url]
    words += ["--start-block", "0", "--end-block", str(stop), "--max-workers", "4", "--batch-size", "10"]
    words += ["--blocks-output", "blocks.json", "--transactions-output", "transactions.json"]
    began = time.perf_counter()
    subprocess.run(words, check=True, cwd=folder, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    assert (folder / "blocks.json").read_bytes().count(b"\n") == stop + 1
    return seconds


def _addresses() -> list[str]:
    """Addresses of nobody: a wallet that pays itself gets slower with every coin."""
    from adapters.bitcoin.chains import CHAINS
    from tracer.chain import AddressKey, ScriptKind

    chain = CHAINS["litecoin-regtest"]
    return [
        chain.render_address(AddressKey(ScriptKind.P2WPKH, number.to_bytes(20, "big")))
        for number in range(2_000)
    ]


def _chain(data: Path, txs: int) -> Path:
    """A data folder with a chain of wallet transactions, made once."""
    if (data / "done").exists():
        return data
    shutil.rmtree(data, ignore_errors=True)
    with litecoind(data, *_CREDENTIALS) as node:
        node.mine(MATURE + 40)
        addresses = _addresses()
        for first in range(0, txs, PER_BLOCK):
            payments = [
                {
                    addresses[(number * RECEIVERS + at) % len(addresses)]: str(
                        Decimal(COIN // 10_000 + number) / COIN
                    )
                    for at in range(RECEIVERS)
                }
                for number in range(first, min(first + PER_BLOCK, txs))
            ]
            node.calls([("sendmany", ["", each]) for each in payments])
            node.mine()
        assert node.height < 431, "MWEB begins there"
        node.stop()
    (data / "done").touch()
    return data
