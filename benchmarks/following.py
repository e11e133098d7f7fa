"""How fast traces are in a large store: a made-up chain of 25 million outputs whose values conserve.

300,000 wallets pay each other: up to four coins of one wallet go in, one or two payments and change come out;
nobody is tagged. The store is filled directly (no scripts, no signatures) and then linked by the
real rules.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from benchmarks.processes import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer.ledger.store import Ledger

CHAIN = "bitcoin-regtest"
TXS = 10_000_000
PER_BLOCK = 2_000
WALLETS = 300_000
SEEDS, HOPS = 60, 5
CLOSURE = 1_000_000


@njit(cache=True)
def _made(txs, per_block, wallets):  # type: ignore[no-untyped-def]
    """Columns of the chain: per transaction inputs, outputs, fee; per input the output spent; values, addresses."""
    np.random.seed(1)
    ins, outs, fee = np.zeros(txs, np.int32), np.zeros(txs, np.int32), np.full(txs, -1, np.int64)
    value, address = np.empty(3 * txs, np.int64), np.empty(3 * txs, np.int32)
    spent = np.empty(3 * txs, np.int64)
    # coins of a wallet stand in a queue, wallets with coins in `rich`
    coin, newest = np.full(wallets, -1, np.int64), np.full(wallets, -1, np.int64)
    after = np.full(3 * txs, -1, np.int64)
    rich, place, known = (
        np.empty(wallets, np.int64),
        np.full(wallets, -1, np.int64),
        np.full(wallets, -1, np.int64),
    )
    n_out = n_in = n_rich = n_address = 0
    for t in range(txs):
        payer = np.int64(np.random.randint(wallets))
        mined = (
            20 if t else wallets // 5
        )  # a coinbase pays a pool's miners, the first one a fifth of all wallets
        whole, count = np.int64(5_000_000_000), mined
        if t % per_block and n_rich:
            payer = rich[np.random.randint(n_rich)]
            whole = np.int64(0)
            for _ in range(1 + np.random.randint(4)):
                if coin[payer] < 0:
                    break
                spent[n_in] = coin[payer]
                whole += value[coin[payer]]
                coin[payer] = after[coin[payer]]
                n_in += 1
                ins[t] += 1
            if coin[payer] < 0:
                last = rich[n_rich - 1]
                rich[place[payer]], place[last], place[payer] = last, place[payer], -1
                n_rich -= 1
            fee[t] = min(whole // 100, 1_000)
            whole -= fee[t]
            mined, count = 0, 2 + np.random.randint(2)
        outs[t] = count
        left = whole
        for i in range(count):
            keeps = i == count - 1
            owner = payer if keeps else np.int64(np.random.randint(wallets))
            part = left if keeps else np.int64(left * (0.05 + 0.6 * np.random.random()))
            part = whole if mined else part
            left -= 0 if mined else part
            if known[owner] < 0 or np.random.random() < 0.6:
                known[owner] = n_address
                n_address += 1
            value[n_out], address[n_out] = part, known[owner]
            if coin[owner] < 0:
                coin[owner] = n_out
            else:
                after[newest[owner]] = n_out
            newest[owner] = n_out
            if place[owner] < 0:
                rich[n_rich], place[owner] = owner, n_rich
                n_rich += 1
            n_out += 1
    return ins, outs, fee, value[:n_out], address[:n_out], spent[:n_in], n_address


_FILL = (
    """INSERT INTO block
       SELECT i::INTEGER, unhex(sha256('block' || i)), unhex(sha256('block' || (i - 1))), unhex(sha256('')),
              1300000000 + 600 * i, 1, 0, 0, $per_block, 0, true FROM range($txs // $per_block) AS r(i) ORDER BY i""",
    """INSERT INTO tx SELECT tx_id, unhex(sha256('tx' || tx_id)), 2, 0, 300, 200, ins, outs, out_value,
              CASE WHEN fee < 0 THEN NULL ELSE fee END, NULL FROM made_tx ORDER BY tx_id""",
    """INSERT INTO txout SELECT tx_id, vout, value, 4, address_id, NULL FROM made_out ORDER BY tx_id, vout""",
    """INSERT INTO txin SELECT i.tx_id, i.vin, o.tx_id, o.vout, o.value, 4, o.address_id, 4294967295
       FROM made_in AS i JOIN made_out AS o ON o.number = i.spent ORDER BY i.tx_id, i.vin""",
    """INSERT INTO spend SELECT prev_tx_id, prev_vout, tx_id, vin FROM txin ORDER BY prev_tx_id, prev_vout""",
    """INSERT INTO address_tx SELECT DISTINCT address_id, tx_id FROM (
           SELECT address_id, tx_id FROM txout UNION ALL SELECT address_id, tx_id FROM txin
       ) ORDER BY address_id, tx_id""",
    """INSERT INTO address SELECT i::INTEGER, 4, unhex(sha256('address' || i)[1:40]) FROM range($addresses) AS r(i)
       ORDER BY i""",
)


def store(bench: Path, txs: int = TXS) -> Path:
    """A workspace with that chain, clusters built; made once."""
    folder = bench / f"following-{txs}"
    if folder.exists():
        return folder
    import rules
    from adapters.bitcoin.chains import chain_named
    from tracer.clustering.build import build
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    with Ledger.open(Workspace(part).ready(), chain_named(CHAIN), read_only=False) as ledger:
        _fill(ledger, txs)
        build(ledger, rules.clustering())
    part.rename(folder)
    return folder


def _fill(ledger: Ledger, txs: int) -> None:
    import polars as pl

    from tracer.ledger.prefix import address_prefixes

    ins, outs, fee, value, address, spent, addresses = _made(txs, PER_BLOCK, min(WALLETS, max(2, txs // 10)))
    number = np.arange(txs, dtype=np.int64)
    tx_id = ((number // PER_BLOCK) << 24) + number % PER_BLOCK
    owner, starts = np.repeat(number, outs), np.cumsum(outs) - outs
    of_input, first = np.repeat(number, ins), np.cumsum(ins) - ins
    sums = np.add.reduceat(value, starts)
    made_tx = pl.DataFrame({"tx_id": tx_id, "ins": ins, "outs": outs, "out_value": sums, "fee": fee})
    made_out = pl.DataFrame(
        {
            "number": np.arange(len(value)), "tx_id": tx_id[owner],
            "vout": (np.arange(len(value)) - starts[owner]).astype(np.int32), "value": value, "address_id": address,
        }
    )  # fmt: skip
    made_in = pl.DataFrame(
        {
            "tx_id": tx_id[of_input], "vin": (np.arange(len(spent)) - first[of_input]).astype(np.int32),
            "spent": spent,
        }
    )  # fmt: skip
    given: dict[str, Any] = {"txs": txs, "per_block": PER_BLOCK, "addresses": addresses}
    db = ledger.db
    with db.table("made_tx", made_tx), db.table("made_out", made_out), db.table("made_in", made_in):
        for statement in _FILL:
            db.run(
                statement, {name: units for name, units in given.items() if f"${name}" in statement} or None
            )
    known = db.polars("SELECT * FROM address ORDER BY address_id")
    found = known.select(address_prefixes(known).alias("prefix"), "address_id").sort("prefix", "address_id")
    with db.table("found", found):
        db.run("INSERT INTO address_lookup SELECT prefix, address_id FROM found ORDER BY prefix, address_id")
    txids = db.polars("SELECT tx_id, txid FROM tx ORDER BY tx_id")
    prefixes = txids.select(
        pl.col("txid").bin.head(8).bin.reinterpret(dtype=pl.Int64, endianness="little").alias("prefix"),
        "tx_id",
    ).sort("prefix", "tx_id")
    with db.table("found", prefixes):
        db.run("INSERT INTO txid_lookup SELECT prefix, tx_id FROM found ORDER BY prefix, tx_id")


def measure(root: Path, bench: Path, runs: int) -> list[str]:
    """Rows of tables: short traces, a closure to a million transactions, kernels over it, the first line on screen."""
    folder = store(bench)
    lines = [
        f"A made-up chain of {TXS:,} transactions and 25 M outputs, clusters built, no claims.",
        "",
        f"{SEEDS} random spent outputs, {HOPS} hops, fifo and haircut and the upper bound, document built:",
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
    alone = [_whole(root, folder, METHODS[:1]) for _ in range(runs)]
    told = [_whole(root, folder, METHODS) for _ in range(runs)]
    lines += [
        "",
        f"From one early coinbase, closure to {CLOSURE:,} transactions, then methods over all of them; each run a "
        "process of its own, kernels loaded before:",
        "",
        "| | seconds | peak memory | beside |",
        "|---|---|---|---|",
        f"| closure and FIFO together | {_spread(alone, 'together')} | {_gigabytes(alone)} | 8 s, 2 GB |",
        f"| closure for every method: the places of equal scripts too | {_spread(told, 'closure')} | "
        f"{_gigabytes(told)} | |",
        *(
            f"| {name}: {int(told[0][f'{name}_outputs']):,} outputs reached | {_spread(told, name)} | | "
            f"{'BlockSci 1.6 s (fixed reference)' if name in ('haircut', 'poison') else ''} |"
            for name in METHODS
        ),
        "",
        f"`tracer trace` in that store, from the start of the process to the first line of the result: "
        f"{_spread([_first_line(root, folder) for _ in range(runs + 1)][1:], 'first')} s (byte code cached)",
    ]
    return lines


METHODS = ("fifo", "lifo", "tiho", "haircut", "poison")


def _gigabytes(told: list[dict[str, float]]) -> str:
    return f"{max(each['peak'] for each in told) / 1e9:.2f} GB"


def _spread(told: list[dict[str, float]], name: str) -> str:
    figures = [each[name] for each in told]
    return f"{statistics.median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f})"


def _short(folder: Path, direction: str) -> tuple[list[float], list[int]]:
    import rules
    from adapters.bitcoin.chains import chain_named
    from tracer.flow.question import Question
    from tracer.flow.trace import trace
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    snapshot, dice = Snapshot.open(Workspace(folder)), random.Random(1)
    with Ledger.open(Workspace(folder), chain_named(CHAIN)) as ledger:
        spent = _sample(ledger)
        chosen = dice.sample(spent, SEEDS + 3)
        names = ledger.render_txids(tx for tx, _ in chosen)
        seconds, sizes = [], []
        for tx, vout in chosen:
            question = Question(
                seeds=(f"{names[tx]}:{vout}",),
                hops=HOPS,
                direction="backward" if direction == "backward" else "forward",
            )
            began = time.perf_counter()
            document = trace(ledger, snapshot, question, rules=rules.clustering(), engine="bench")
            seconds.append(time.perf_counter() - began)
            sizes.append(document["documents"][0]["graph"]["transactions"])
    return sorted(seconds[3:]), sizes[3:]  # the first ones compile and warm


def _sample(ledger: Ledger) -> list[tuple[int, int]]:
    """A few hundred spent outputs from all over the chain."""
    return ledger.db.rows(
        "SELECT prev_tx_id, prev_vout FROM spend WHERE hash(prev_tx_id, prev_vout) % 40000 = 7 ORDER BY ALL"
    )


def _whole(root: Path, folder: Path, names: Sequence[str]) -> dict[str, float]:
    """One process that grows the large closure and runs methods over it."""
    words = [
        sys.executable,
        "-c",
        f"from benchmarks.following import whole; whole({str(folder)!r}, {tuple(names)!r})",
    ]
    ran = run(words, root)
    figures = {name: float(figure) for name, figure in (line.split() for line in ran.output.splitlines())}
    return {**figures, "peak": float(ran.peak_bytes)}


def whole(folder: str, names: Sequence[str]) -> None:
    """Print figures of one closure and these methods over it, a line each: name, seconds."""
    import polars as pl

    import rules
    from adapters.bitcoin.chains import chain_named
    from tracer.clustering.pools import rule_of
    from tracer.flow import services
    from tracer.flow.closure import SWEEP_FROM, Closure
    from tracer.flow.methods import breaks_ties, method
    from tracer.flow.movements import Limits, Seeding
    from tracer.flow.trail import Budget, Trail
    from tracer.flow.untagged import Untagged
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    rule = rule_of(rules.clustering())
    entries = pl.DataFrame({"tx_id": [0], "vout": [0]}, schema={"tx_id": pl.Int64, "vout": pl.Int32})
    with Ledger.open(Workspace(Path(folder)), chain_named(CHAIN)) as ledger:
        known = services.load(ledger, Snapshot.open(Workspace(Path(folder))))

        def grow(most: int, sweep_from: int) -> Trail:
            untagged = Untagged(ledger, rule.parameters if rule else None, 1_000)
            return Closure(
                ledger, known, Budget(10_000, most), untagged, home=np.empty(0, np.int64), last_gap=-1,
                own_set_stops=False, ties=breaks_ties(names),
            ).grow(entries, sweep_from=sweep_from)  # fmt: skip

        grow(1_000, 0)  # loads compiled kernels, or compiles them
        began = time.perf_counter()
        trail = grow(CLOSURE, SWEEP_FROM)
        figures = {"closure": time.perf_counter() - began, "txs": float(len(trail.movements))}
    seeding = Seeding.empty(trail.movements)
    seeding.fixed[trail.index(np.array([0]), np.array([0]))] = trail.movements.out_value[0]
    for name in names:
        times = []
        for _ in range(2):  # the first one may compile
            began = time.perf_counter()
            taint = method(name)(trail.movements, seeding, Limits())
            times.append(time.perf_counter() - began)
        figures[name] = times[-1]
        figures[f"{name}_outputs"] = float(np.count_nonzero(taint.amount))
    figures["together"] = figures["closure"] + figures[names[0]]
    sys.stdout.write("".join(f"{name} {figure}\n" for name, figure in figures.items()))


def _first_line(root: Path, folder: Path) -> dict[str, float]:
    """Seconds until `tracer trace` prints."""
    from adapters.bitcoin.chains import chain_named
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    with Ledger.open(Workspace(folder), chain_named(CHAIN)) as ledger:
        ((tx, vout), *_) = _sample(ledger)
        seed = f"{ledger.render_txids([tx])[tx]}:{vout}"
    # byte code is cached, as an installed program has it
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder.parent / "pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    words = ["--workspace", str(folder), "trace", seed, "--chain", CHAIN, "--hops", "5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words],
        cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline()
    first = time.perf_counter() - began
    process.communicate()
    return {"first": first}
