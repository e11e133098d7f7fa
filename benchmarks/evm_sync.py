"""Reading an EVM node: `tracer sync`, cryo and ethereum-etl from one anvil, the same transactions in the same run.

The peers live in environments of their own, outside the project: `TRACER_CRYO` names the Python of an environment
with cryo 0.3.2, `TRACER_ETHEREUM_ETL` the program `ethereumetl` 2.4.2 (on Python 3.11 it needs setuptools below 80 and
parsimonious 0.10). Where one is not there its row says so.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from adapters.evm.anvil import VERSION
from benchmarks.processes import run

TXS = 40_000
PER_BLOCK = 200
_OURS = """
import sys, time
from pathlib import Path
import adapters.evm.decode, duckdb, polars, pyarrow.compute, web3
from adapters.evm.chains import chain_named
from adapters.evm.source import EvmSource
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace
chain = chain_named("evm-31337")
def read(folder, last=None):
    workspace = Workspace(Path(folder)).ready()
    source = EvmSource(sys.argv[1], chain, internal=sys.argv[3] == "internal")
    return pull(lambda: Ledger.open(workspace, chain, read_only=False), source, last=last).txs
read(sys.argv[2] + "-first", 2)  # loads compiled kernels
began = time.perf_counter()
assert read(sys.argv[2]) > 0
print(time.perf_counter() - began)
"""
_CRYO = """
import sys, time, cryo
began = time.perf_counter()
cryo.freeze(sys.argv[3].split(","), blocks=[sys.argv[4]], rpc=sys.argv[1], output_dir=sys.argv[2], verbose=False)
print(time.perf_counter() - began)
"""
_FACTS = ("blocks", "transactions", "logs", "erc20_transfers")


def measure(root: Path, bench: Path, runs: int, txs: int = TXS) -> list[str]:
    """Rows of tables: without internal transfers, with them, and whole commands."""
    from adapters.evm.anvil import anvil

    folder = bench / "evm"
    with anvil(no_mining=True, gas_limit=10**9, balance=10**12, timestamp=1_600_000_000) as node:
        stop = _fill(node.call, node.calls, txs)
        url = node.url
        plain: dict[str, Callable[[], float]] = {
            "tracer: blocks, transactions, receipts, logs, transfers, into a store ready to trace": lambda: (
                _tracer(root, folder, url, "plain")
            ),
            "cryo 0.3.2: blocks, transactions, logs, ERC-20 transfers, into Parquet": lambda: _cryo(
                folder, url, _FACTS, stop
            ),
            "ethereum-etl 2.4.2: blocks, transactions, receipts, logs, token transfers, into CSV": lambda: (
                _etl(folder, url, stop)
            ),
        }
        internal: dict[str, Callable[[], float]] = {
            "tracer, with internal transfers": lambda: _tracer(root, folder, url, "internal"),
            "cryo 0.3.2, with native transfers": lambda: _cryo(
                folder, url, (*_FACTS, "native_transfers"), stop
            ),
            "`tracer sync` as a whole command": lambda: _command(root, folder, url),
        }
        return [
            f"{txs:,} transactions in blocks of {PER_BLOCK}, half of them token transfers; one anvil {VERSION} for "
            "all, which takes 0.19 ms of a core for each transaction: half of that on two cores is what no reader goes "
            "below. From the first request to the last byte written; imports and compiled kernels being loaded (tracer "
            "about 3 s of a core, cryo 0.1 s) are not in it, but for ethereum-etl's:",
            "", *_table(plain, folder, runs), "",
            "The same with internal transfers (`trace_block`):", "", *_table(internal, folder, runs),
        ]  # fmt: skip


def _table(programs: dict[str, Callable[[], float]], folder: Path, runs: int) -> list[str]:
    """The programs in turn, so that a busy machine is busy for all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, work in programs.items():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            with suppress(_NotThere):
                seconds[name].append(work())
    ours = statistics.median(next(iter(seconds.values())))
    lines = ["| | seconds | beside tracer |", "|---|---|---|"]
    for name, figures in seconds.items():
        if figures:
            middle = statistics.median(figures)
            spread = f"{middle:.1f} ({min(figures):.1f} to {max(figures):.1f})"
            lines.append(f"| {name} | {spread} | {middle / ours:.2f} |")
        else:
            lines.append(f"| {name} | not there: TRACER_CRYO and TRACER_ETHEREUM_ETL name the programs | |")
    return lines


class _NotThere(Exception):
    """No environment variable names the program."""


def _tracer(root: Path, folder: Path, url: str, what: str) -> float:
    return float(run([sys.executable, "-c", _OURS, url, str(folder / "w"), what], root).output)


def _command(root: Path, folder: Path, url: str) -> float:
    words = [sys.executable, "-m", "cli.main", "sync", "evm-31337", "--source", f"evm:{url}", "--json"]
    return run(words, root, {**os.environ, "TRACER_WORKSPACE": str(folder / "w")}).seconds


def _cryo(folder: Path, url: str, what: Sequence[str], stop: int) -> float:
    python = os.environ.get("TRACER_CRYO")
    if not python:
        raise _NotThere
    words = [python, "-c", _CRYO, url, str(folder), ",".join(what), f"0:{stop + 1}"]
    seconds = float(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])
    assert len(list(folder.glob("*.parquet"))) == len(what)
    return seconds


def _etl(folder: Path, url: str, stop: int) -> float:
    program = os.environ.get("TRACER_ETHEREUM_ETL")
    if not program:
        raise _NotThere
    many = ["-w", "4", "-p", url]
    began = time.perf_counter()

    def etl(*words: str) -> None:
        subprocess.run([program, *words], check=True, cwd=folder, stderr=subprocess.DEVNULL)

    blocks = ["--start-block", "0", "--end-block", str(stop), "-b", "10"]
    etl(
        "export_blocks_and_transactions",
        *blocks,
        *many,
        "--blocks-output",
        "b.csv",
        "--transactions-output",
        "t.csv",
    )
    lines = (folder / "t.csv").read_text().splitlines()[1:]
    (folder / "hashes").write_text("\n".join(line.partition(",")[0] for line in lines) + "\n")
    outputs = ["--receipts-output", "r.csv", "--logs-output", "l.csv"]
    etl("export_receipts_and_logs", "--transaction-hashes", "hashes", "-b", "100", *many, *outputs)
    etl("extract_token_transfers", "--logs", "l.csv", "--output", "tt.csv")
    return time.perf_counter() - began


def _fill(
    call: Callable[..., object], calls: Callable[[list[tuple[str, list[object]]]], list[object]], txs: int
) -> int:
    """Half coin and half token payments from the node's own accounts to 20,000 others; the newest height."""
    from adapters.simulation.accounts.artefacts import contract, created_at

    people = call("eth_accounts")
    assert isinstance(people, list)
    token = "0x" + created_at(bytes.fromhex(people[0][2:]), 0).hex()
    price = {"maxFeePerGas": hex(10**11), "maxPriorityFeePerGas": hex(10**9)}

    def to_token(sender: str, nonce: int, function: str, *values: object) -> dict[str, object]:
        data = "0x" + contract("Token").call(function, *values).hex()
        return {"from": sender, "to": token, "nonce": hex(nonce), "gas": hex(200_000), "data": data, **price}

    creation = "0x" + contract("Token").creation("Tether", "USDT", 6, 0).hex()
    call("anvil_setBlockTimestampInterval", 12)
    call("eth_sendTransaction", {"from": people[0], "gas": hex(5_000_000), "data": creation, **price})
    call("evm_mine")
    nonces = dict.fromkeys(people, 0)
    nonces[people[0]] = 1 + len(people)
    mints = [
        to_token(people[0], 1 + at, "mint", bytes.fromhex(who[2:]), 10**15) for at, who in enumerate(people)
    ]
    calls([("eth_sendTransaction", [mint]) for mint in mints])
    call("evm_mine")
    for start in range(0, txs, PER_BLOCK):
        batch: list[tuple[str, list[object]]] = []
        for number in range(start, min(start + PER_BLOCK, txs)):
            sender = people[number % len(people)]
            to = (0x1000 + number * 7919 % 20_011).to_bytes(20, "big")
            nonce = nonces[sender]
            nonces[sender] += 1
            if number % 2:
                tx = to_token(sender, nonce, "transfer", to, 1000 + number)
            else:
                tx = {"from": sender, "to": "0x" + to.hex(), "nonce": hex(nonce), "gas": hex(21_000)}
                tx |= {"value": hex(1 + number), **price}
            batch.append(("eth_sendTransaction", [tx]))
        calls(batch)
        call("evm_mine")
    height = call("eth_blockNumber")
    assert isinstance(height, str)
    return int(height, 16)
