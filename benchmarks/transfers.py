"""How fast transfers of an account chain become a store that is ready to query, and what one block more costs."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.processes import Run, run
from tracer.chain import TransferKind

if TYPE_CHECKING:
    import pyarrow as pa

    from tracer.ledger.accounts.batch import AccountBatch
    from tracer.ledger.store import Ledger

TRANSFERS = 10_000_000
PER_BLOCK = 200
"""Transactions of a block: about Ethereum's."""
PER_BATCH = 500
ACCOUNTS = 1_500_000
TOKENS = 20_000
TABLES = ("blocks", "txs", "transfers")


def made(folder: Path, transfers: int) -> Path:
    """Parquet files of a made-up chain, one row group of each table per batch of blocks, written once.

    Half of the transactions move ETH, half a token; each burns gas and pays a tip. Accounts and tokens are drawn with
    a heavy head (Zipf), as on real chains.
    """
    import pyarrow.parquet as pq

    from tracer.ledger.accounts.batch import schemas

    path = folder / f"transfers-{transfers}"
    if not (path / "done").exists():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        writers = {name: pq.ParquetWriter(path / f"{name}.parquet", schemas()[name]) for name in TABLES}
        for part in _batches(transfers):
            for name, writer in writers.items():
                writer.write_table(part[name], row_group_size=1 << 30)
        for writer in writers.values():
            writer.close()
        (path / "done").touch()
    return path


def _batches(transfers: int) -> Iterator[dict[str, pa.Table]]:
    """Three transfers for each transaction: what it moves, gas burnt, gas paid."""
    dice = np.random.default_rng(7)
    blocks = -(-transfers // (3 * PER_BLOCK))
    people, coins = keys(dice, ACCOUNTS), keys(dice, TOKENS)
    for first in range(0, blocks, PER_BATCH):
        heights = np.arange(first, min(blocks, first + PER_BATCH), dtype=np.int64)
        yield _batch(dice, heights, people, coins)


def _batch(dice: np.random.Generator, heights: Any, people: Any, coins: Any) -> dict[str, pa.Table]:
    txs = len(heights) * PER_BLOCK
    sender, target = people[_drawn(dice, txs)], people[_drawn(dice, txs)]
    token = dice.random(txs) < 0.5
    contract = coins[np.minimum(dice.zipf(1.4, txs) - 1, TOKENS - 1)]
    units = _decimals((10.0 ** dice.uniform(3, 18, txs)).astype(np.int64))
    fee = dice.integers(10**12, 10**15, txs)
    return tables(heights, people[heights % 50], sender, target, token, contract, units, fee)


def tables(
    heights: Any, miner: Any, sender: Any, target: Any, token: Any, contract: Any, units: Any, fee: Any
) -> dict[str, pa.Table]:
    """Blocks of `PER_BLOCK` transactions as a source hands them over, three transfers each.

    miner   payload of the producer of each block; the others are of each transaction
    token   bool: it moves `units` of `contract`; else of native coin
    units   decimal128(38, 0); fee: int64, wei, half of it burnt and half paid
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from tracer.ledger.accounts.batch import schemas

    n, each = len(heights), PER_BLOCK
    txs = n * each
    tx_id = (heights[:, None] << 24 | np.arange(each)).reshape(-1)

    def hashes(numbers: Any, salt: int) -> pa.Array:
        words = np.empty((len(numbers), 4), np.uint64)
        words[:] = (numbers.astype(np.uint64) + np.uint64(salt))[:, None] * np.uint64(0x9E3779B97F4A7C15)
        return _fixed(words.view(np.uint8), 32)

    def table(name: str, **columns: Any) -> pa.Table:
        rows = len(next(iter(columns.values())))
        schema = schemas()[name]
        filled = [columns.get(f.name, pa.nulls(rows, f.type)) for f in schema]
        return pa.table(
            [pa.array(c) if isinstance(c, np.ndarray) else c for c in filled], names=schema.names
        ).cast(schema)

    three = np.repeat(np.arange(txs), 3)
    part = np.tile(np.arange(3), txs)
    moved = (part == 0) & token[three]
    kinds = np.array([TransferKind.VALUE, TransferKind.FEE_BURNED, TransferKind.FEE_PAID])[part]
    kinds[moved] = TransferKind.TOKEN
    ends = np.where((part == 0)[:, None], target[three], np.repeat(miner, each, axis=0)[three])
    return {
        "blocks": table(
            "blocks", height=heights.astype(np.int32), hash=hashes(heights, 1), prev_hash=hashes(heights, 0),
            time=heights * 12, tx_count=np.full(n, each, np.int32), producer=_fixed(miner, 20),
            traced=np.ones(n, np.bool_),
        ),
        "txs": table(
            "txs", tx_id=tx_id, txid=hashes(tx_id, 7), sender=_fixed(sender, 20),
            recipient=_fixed(np.where(token[:, None], contract, target), 20), status=np.ones(txs, np.uint8),
            kind=np.full(txs, 2, np.uint8), nonce=tx_id & 0xFFFF, gas_used=np.full(txs, 21_000),
            gas_price=_decimals(fee // 21_000), fee=_decimals(fee),
        ),
        "transfers": table(
            "transfers", tx_id=tx_id[three], position=part.astype(np.int32), kind=kinds.astype(np.uint8),
            standard=moved.astype(np.uint8), contract=_fixed(contract[three], 20, moved),
            source=_fixed(sender[three], 20), target=_fixed(ends, 20, part != 1),
            amount=pc.if_else(pa.array(part == 0), units.take(pa.array(three)), _decimals(fee[three] // 2)),
            log_index=pa.array(part.astype(np.int32), mask=~moved),
        ),
    }  # fmt: skip


def _drawn(dice: np.random.Generator, count: int) -> Any:
    """Account numbers: half of them few and often, half anybody."""
    often = np.minimum(dice.zipf(1.2, count) - 1, ACCOUNTS - 1)
    return np.where(dice.random(count) < 0.5, often, dice.integers(0, ACCOUNTS, count))


def keys(dice: np.random.Generator, count: int) -> Any:
    """Payloads of made-up addresses, uint8[count, 20]."""
    return dice.integers(0, 256, (count, 20), np.uint8)


def _fixed(rows: Any, size: int, there: Any = None) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    raw = pa.py_buffer(np.ascontiguousarray(rows))
    count = raw.size // size
    found = pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), count, [None, raw])
    return found if there is None else pc.if_else(pa.array(there), found, pa.scalar(None, found.type))


def product(units: Any, each: Any) -> pa.Array:
    """int64 times int64 below 10^18 as decimals."""
    import pyarrow as pa
    import pyarrow.compute as pc

    left, right = pa.array(units).cast(pa.decimal128(19, 0)), pa.array(each).cast(pa.decimal128(19, 0))
    return pc.multiply(left, right.cast(pa.decimal128(18, 0))).cast(pa.decimal128(38, 0))


def _decimals(values: Any) -> pa.Array:
    import pyarrow as pa

    return pa.array(values).cast(pa.decimal128(38, 0))


def batches(path: Path, first: int = 0, last: int | None = None) -> Iterator[AccountBatch]:
    """The batches of `made`, read from their files."""
    import pyarrow.parquet as pq

    from tracer.ledger.accounts.batch import AccountBatch, schemas

    files = {name: pq.ParquetFile(path / f"{name}.parquet") for name in TABLES}
    for group in range(files["blocks"].num_row_groups)[first:last]:
        read = {name: file.read_row_group(group).cast(schemas()[name]) for name, file in files.items()}
        none = {name: schemas()[name].empty_table() for name in ("relations", "events", "quarantine")}
        yield AccountBatch(**read, **none)


def opened(folder: Path) -> Ledger:
    """The store of a folder, for writing."""
    from adapters.evm.chains import chain_named
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    return Ledger.open(Workspace(folder).ready(), chain_named("evm-31337"), read_only=False)


def load(path: Path, folder: Path) -> None:
    """Load all but the last batch into a new store, then print how long one block more takes."""
    from tracer.ledger.accounts.ingest import AccountLoader

    began = time.perf_counter()
    with opened(folder) as ledger:
        AccountLoader(ledger).load(batches(path, last=-1))
    seconds = time.perf_counter() - began
    tail = next(batches(path, first=-1))
    one = AccountLoader.head(AccountLoader.__new__(AccountLoader), tail, 1)
    began = time.perf_counter()
    with opened(folder) as ledger:
        AccountLoader(ledger).load([one])
    increment = time.perf_counter() - began
    with opened(folder) as ledger:
        rows = ledger.db.value("SELECT count(*) FROM transfer") - one.transfers.num_rows
    json.dump({"seconds": seconds, "increment": increment, "transfers": rows}, sys.stdout)


def measure(root: Path, bench: Path, runs: int, transfers: int = TRANSFERS) -> list[str]:
    """Rows of a table: Parquet to a store whose look-ups are sorted, in a process of its own."""
    path, store = made(bench, transfers), bench / "transfers-store"
    done: list[tuple[Run, dict[str, Any]]] = []
    for _ in range(runs):
        shutil.rmtree(store, ignore_errors=True)
        each = run([sys.executable, "-m", "benchmarks.transfers", str(path), str(store)], root)
        done.append((each, json.loads(each.output)))
    seconds = [told["seconds"] for _, told in done]
    more = [told["increment"] for _, told in done]
    rows = done[-1][1]["transfers"]
    size = sum(file.stat().st_size for file in (store / "chains").rglob("*") if file.is_file())
    median = statistics.median(seconds)
    return [
        "| transfers | Parquet | seconds | transfers/s | store | peak memory | one block more |",
        "|---|---|---|---|---|---|---|",
        f"| {rows:,} | {sum(f.stat().st_size for f in path.iterdir()) / 1e6:.0f} MB | {median:.1f} "
        f"({min(seconds):.1f} to {max(seconds):.1f}) | {rows / median:,.0f} | {size / 1e6:.0f} MB | "
        f"{max(each.peak_bytes for each, _ in done) / 1e9:.2f} GB | {statistics.median(more):.2f} s |",
    ]


if __name__ == "__main__":
    load(Path(sys.argv[1]), Path(sys.argv[2]))
