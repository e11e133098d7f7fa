"""How fast traces are in a large store of an account chain: ten million transfers that conserve.

500,000 accounts hold native coin and one token each, of a few thousand tokens; they pay each other shares of what they
hold, and 50 accounts that nobody tagged are paid and pay so often that a trace ends there. Every balance before the
first block is told, as a node tells it. Payers and payees are drawn evenly: what one account paid is not
what a real one pays, but as much is reached in as many hops.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from benchmarks import transfers
from benchmarks.processes import run

if TYPE_CHECKING:
    from tracer.ledger.accounts.batch import AccountBatch
    from tracer.ledger.store import Ledger

CHAIN = "evm-31337"
TXS = 3_300_000
"""Three transfers each."""
ACCOUNTS, HUBS, TOKENS = 500_000, 50, 3_000
FIRST = 1_000
"""Height of the first block: what was before is not in the store."""
GWEI = 10**9
SEEDS, HOPS = 60, 5
CLOSURE = 1_000_000


FEE, KEPT = 20_000, 10**9
"""Gas of each transaction, half of it burnt; what an account never pays on, so that it can pay gas: gwei."""


@njit(cache=True)
def _paid(txs, per_block, hubs, first_of, token_of, coin, held):  # type: ignore[no-untyped-def]
    """Who pays whom how much of what: sender, target, whether it is of their token, units (gwei, or of the token)."""
    np.random.seed(1)
    sender, target = np.empty(txs, np.int32), np.empty(txs, np.int32)
    token, units = np.zeros(txs, np.bool_), np.empty(txs, np.int64)
    for t in range(txs):
        a = np.random.randint(hubs if np.random.random() < 0.1 else len(coin))
        b = np.random.randint(hubs if np.random.random() < 0.1 else len(coin))
        low, high = first_of[token_of[a]], first_of[token_of[a] + 1]
        token[t] = np.random.random() < 0.5 and held[a] > 0 and high - low > 1
        if token[t]:
            b = low + np.random.randint(high - low)
        purse = held if token[t] else coin
        left = purse[a] if token[t] else max(0, purse[a] - KEPT)
        part = left if np.random.random() < 0.2 else np.int64(left * (0.05 + 0.6 * np.random.random()))
        purse[a] -= part
        purse[b] += part
        coin[a] -= FEE
        coin[t // per_block % hubs] += FEE // 2
        sender[t], target[t], units[t] = a, b, part
    return sender, target, token, units


def _begun(accounts: int) -> dict[str, Any]:
    """What accounts hold at first: token_of and first_of (accounts of a token stand together), coin (gwei), held."""
    dice = np.random.default_rng(7)
    tokens = max(2, min(TOKENS, accounts // 50))
    token_of = np.sort((tokens * dice.random(accounts) ** 3).astype(np.int64))  # a few have many holders
    return {
        "token_of": token_of,
        "first_of": np.searchsorted(token_of, np.arange(tokens + 1)),
        "coin": dice.integers(2 * KEPT, 20 * KEPT, accounts),
        "held": dice.integers(10**6, 10**12, accounts),
    }


def _batches(txs: int, people: Any, coins: Any, told: dict[str, Any]) -> Iterator[AccountBatch]:
    from tracer.ledger.accounts.batch import AccountBatch, schemas

    each, span = transfers.PER_BLOCK, transfers.PER_BATCH
    purses = told["coin"].copy(), told["held"].copy()
    sender, target, token, units = _paid(txs, each, HUBS, told["first_of"], told["token_of"], *purses)
    none = {name: schemas()[name].empty_table() for name in ("relations", "events", "quarantine")}
    for first in range(0, txs // each, span):
        heights = np.arange(first, min(first + span, txs // each), dtype=np.int64)
        rows = slice(first * each, (first + len(heights)) * each)
        a, b, own = sender[rows], target[rows], token[rows]
        yield AccountBatch(
            **transfers.tables(
                heights + FIRST, people[heights % HUBS], people[a], people[b], own, coins[told["token_of"][a]],
                transfers.product(units[rows], np.where(own, 1, GWEI)), np.full(len(a), FEE * GWEI),
            ),
            **none,
        )  # fmt: skip


def store(bench: Path, txs: int = TXS) -> Path:
    """A workspace with that chain; made once."""
    folder = bench / f"account-following-{txs}"
    if folder.exists():
        return folder
    from tracer.ledger.accounts.ingest import AccountLoader

    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    accounts = min(ACCOUNTS, max(1_000, txs // 6))
    told, dice = _begun(accounts), np.random.default_rng(8)
    people, coins = transfers.keys(dice, accounts), transfers.keys(dice, len(told["first_of"]) - 1)
    with transfers.opened(part) as ledger:
        AccountLoader(ledger).load(_batches(txs, people, coins, told))
        _tell(ledger, people, coins, told)
    part.rename(folder)
    return folder


def _tell(ledger: Ledger, people: Any, coins: Any, told: dict[str, Any]) -> None:
    """Write what accounts held before the first block, as a node tells it."""
    import polars as pl

    own = pl.DataFrame({"payload": [row.tobytes() for row in people]})
    coin = own.with_columns(
        pl.Series("units", told["coin"]), contract=pl.lit(None, pl.Binary), each=pl.lit(GWEI)
    )
    contracts = pl.Series("contract", [coins[token].tobytes() for token in told["token_of"]])
    held = own.with_columns(pl.Series("units", told["held"]), contracts, each=pl.lit(1))
    frame = pl.concat([part.cast({"each": pl.Int64}) for part in (coin, held)])
    with ledger.db.table("told", frame):
        ledger.db.run(
            """INSERT INTO opening SELECT a.address_id, s.asset_id, $height, t.units::HUGEINT * t.each
            FROM told AS t JOIN address AS a ON a.payload = t.payload
            LEFT JOIN address AS c ON c.payload = t.contract
            JOIN asset AS s ON s.contract IS NOT DISTINCT FROM c.address_id
            ORDER BY ALL""",
            {"height": FIRST - 1},
        )


def measure(root: Path, bench: Path, runs: int) -> list[str]:
    """Rows of tables: short traces, a closure to a million transactions with kernels over it, the first line."""
    folder = store(bench)
    lines = [
        f"A made-up account chain of {TXS:,} transactions and {3 * TXS:,} transfers that conserve, between "
        f"{ACCOUNTS:,} accounts; every balance before it told; no claims.",
        "",
        f"{SEEDS} random transfers, {HOPS} hops, fifo and haircut and the upper bound, document built:",
        "",
        "| | median | 95th percentile | most | transactions followed, median | most |",
        "|---|---|---|---|---|---|",
    ]
    for direction in ("forward", "backward"):
        seconds, sizes = _short(folder, direction)
        lines.append(
            f"| {direction} | {statistics.median(seconds):.3f} s | {seconds[int(len(seconds) * 0.95)]:.3f} s | "
            f"{seconds[-1]:.3f} s | {statistics.median(sizes):,.0f} | {max(sizes):,} |"
        )
    told = [_whole(root, folder) for _ in range(runs)]
    last = told[-1]
    lines += [
        "",
        f"From one early transfer, closure to {CLOSURE:,} transactions, no degree stops; then what kernels read of it "
        f"({int(last['queues']):,} queues, {int(last['transfers']):,} transfers of {int(last['touching']):,} "
        "transactions that touch them), then methods; each run a process of its own, kernels loaded before:",
        "",
        "| | seconds | peak memory | beside |",
        "|---|---|---|---|",
        f"| closure and FIFO together | {_spread(told, 'together')} | {_gigabytes(told)} | 8 s, 2 GB |",
        *(f"| {what} | {_spread(told, name)} | | |" for name, what in _PARTS),
        "",
        "`tracer trace` in that store, from the start of the process to the first line of the result: "
        f"{_spread([_first_line(root, folder) for _ in range(runs + 1)][1:], 'first')} s (byte code cached)",
    ]
    return lines


_PARTS = (
    ("closure", "closure"),
    ("openings", "balances before the stretch of each queue"),
    ("rows", "rows that touch them, in order"),
    ("book", "columns for kernels, balances checked"),
    ("fifo", "fifo"),
    ("lifo", "lifo"),
    ("haircut", "haircut"),
    ("poison", "poison"),
)


def _gigabytes(told: list[dict[str, float]]) -> str:
    return f"{max(each['peak'] for each in told) / 1e9:.2f} GB"


def _spread(told: list[dict[str, float]], name: str) -> str:
    figures = [each[name] for each in told]
    return f"{statistics.median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f})"


def _sample(ledger: Ledger) -> list[str]:
    """A few hundred transfers from all over the chain, as seeds."""
    rows = ledger.db.rows(
        "SELECT tx_id, position FROM transfer WHERE position = 0 AND amount > 0 AND hash(tx_id) % 10000 = 7 "
        "ORDER BY ALL"
    )
    names = ledger.render_txids(tx_id for tx_id, _ in rows)
    return [f"{names[tx_id]}:{position}" for tx_id, position in rows]


def _short(folder: Path, direction: str) -> tuple[list[float], list[int]]:
    import rules
    from adapters.evm.chains import chain_named
    from tracer.flow.question import Question
    from tracer.flow.trace import trace
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    snapshot, dice = Snapshot.open(Workspace(folder)), random.Random(1)
    with Ledger.open(Workspace(folder), chain_named(CHAIN)) as ledger:
        seconds, sizes = [], []
        for seed in dice.sample(_sample(ledger), SEEDS + 3):
            question = Question(
                seeds=(seed,), hops=HOPS, direction="backward" if direction == "backward" else "forward"
            )
            began = time.perf_counter()
            document = trace(ledger, snapshot, question, rules=rules.clustering(), engine="bench")
            seconds.append(time.perf_counter() - began)
            sizes.append(document["documents"][0]["graph"]["transactions"])
    return sorted(seconds[3:]), sizes[3:]  # the first ones compile and warm


def _whole(root: Path, folder: Path) -> dict[str, float]:
    """One process that grows the large closure and runs methods over it."""
    words = [sys.executable, "-c", f"from benchmarks.account_following import whole; whole({str(folder)!r})"]
    ran = run(words, root)
    figures = {name: float(figure) for name, figure in (line.split() for line in ran.output.splitlines())}
    return {**figures, "peak": float(ran.peak_bytes)}


def whole(folder: str) -> None:
    """Print figures of one closure, what kernels read of it, and methods over it, a line each: name, seconds."""
    from adapters.evm.chains import chain_named
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    with Ledger.open(Workspace(Path(folder)), chain_named(CHAIN)) as ledger:
        _steps(ledger, folder, 1_000)  # loads compiled kernels, or compiles them
        figures = _steps(ledger, folder, CLOSURE)
    sys.stdout.write("".join(f"{name} {figure}\n" for name, figure in figures.items()))


def _steps(ledger: Ledger, folder: str, most: int) -> dict[str, float]:
    """The steps of a trace up to its methods, as `tracer.flow.accounts.trace` takes them."""
    import polars as pl

    import rules
    from tracer.flow import services
    from tracer.flow.accounts.assets import Assets, disbelieved
    from tracer.flow.accounts.closure import Closure
    from tracer.flow.accounts.columns import book, rows_of, with_sides
    from tracer.flow.accounts.doubts import balanced
    from tracer.flow.accounts.limits import Rests
    from tracer.flow.accounts.openings import openings
    from tracer.flow.accounts.rows import plain, schema
    from tracer.flow.accounts.swaps import Swaps, pool_least
    from tracer.flow.movements import Limits
    from tracer.flow.queues.methods import queue_method
    from tracer.flow.trail import Budget
    from tracer.intel.snapshot import Snapshot
    from tracer.workspace import Workspace

    known = services.load(ledger, Snapshot.open(Workspace(Path(folder))))
    runs = ledger.db.rows("SELECT min(height), max(height) FROM block")
    swaps = Swaps(ledger, known, disbelieved(ledger), pool_least(rules.clustering()))
    first = ledger.db.polars(
        "SELECT tx_id, position, kind, asset_id, source, target, amount FROM transfer "
        "WHERE asset_id = 0 AND position = 0 AND amount > 0 ORDER BY tx_id LIMIT 1"
    )
    seeds = plain(first).select(list(schema()))
    figures: dict[str, float] = {}
    clock = [time.perf_counter()]

    def lap(name: str) -> None:
        clock.append(time.perf_counter())
        figures[name] = clock[-1] - clock[-2]

    closure = Closure(
        ledger, known, swaps, Budget(10_000, most), home=np.empty(0, np.int64), own_set_stops=False, degree=0,
        backward=False, sweeps=None,
    )  # fmt: skip
    reach = closure.grow(seeds)
    lap("closure")
    found = openings(ledger, reach.queues, runs, backward=False)
    lap("openings")
    rows = closure.verdicts.timed(rows_of(ledger, swaps, reach, found, seeds, backward=False))
    lap("rows")
    assets = Assets(ledger, {*rows["asset_in"].unique().to_list(), *rows["asset_out"].unique().to_list()})
    rests = Rests(ledger, reach, runs, rows, swaps.pools, backward=False)
    entering = seeds.with_columns(asset_id=pl.col("asset_out"), units=pl.col("amount_out"), seed=pl.lit(0))
    made = book(
        with_sides(rows, entering), reach.queues, found, assets.numbers(), rests.fates, str, backward=False
    )
    made, _ = balanced(ledger, made, assets)
    seeding = made.seeding(entering)
    lap("book")
    for method in ("fifo", "lifo", "haircut", "poison"):
        taint = queue_method(method)(made.transfers, seeding, Limits())
        lap(method)
        figures[f"{method}_tainted"] = float(np.count_nonzero(taint.amount.any(axis=1)))
    figures["together"] = sum(figures[name] for name in ("closure", "openings", "rows", "book", "fifo"))
    figures["queues"] = float(reach.queues.height)
    figures["transfers"] = float(len(made.transfers))
    figures["touching"] = float(rows["tx_id"].n_unique())
    return figures


def _first_line(root: Path, folder: Path) -> dict[str, float]:
    """Seconds until `tracer trace` prints."""
    from adapters.evm.chains import chain_named
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    with Ledger.open(Workspace(folder), chain_named(CHAIN)) as ledger:
        seed = _sample(ledger)[0]
    # byte code is cached, as an installed program has it
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder.parent / "pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    words = ["--workspace", str(folder), "trace", seed, "--chain", CHAIN, "--hops", str(HOPS)]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words],
        cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline()
    first = time.perf_counter() - began
    process.communicate()
    return {"first": first}
