"""Files that other tools made of one small chain, and what a node says of it (see data/README.md)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from adapters.evm.chains import EvmChain, chain_named
from adapters.evm.decode import decode
from adapters.files.exports import open_exports
from adapters.files.source import ExportSource
from tests.accounts_store import contents
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.batch import KnownBlock
from tracer.ledger.loading import joined
from tracer.ledger.pull import Pulled, pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

DATA = Path(__file__).parent / "data"
TOKEN = bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3")
CHAIN = replace(chain_named("evm-31337"), wrapped=(TOKEN,))
ETL = ("blocks", "transactions", "receipts", "logs", "token_transfers", "traces")
CRYO = ("blocks", "transactions", "logs", "traces", "erc20_transfers", "erc721_transfers")
PARTS = ("blocks", "txs", "transfers", "relations", "events", "quarantine")
CREATIONS = (0, 1)

Row = dict[str, Any]


class Nothing:
    """A ledger without a block."""

    def blocks(self) -> list[KnownBlock]:
        return []

    def runs(self) -> list[tuple[int, int]]:
        return []

    def at(self, height: int) -> KnownBlock | None:
        return None


def source(
    paths: Iterable[Path], scratch: Path, wanted: frozenset[bytes] = frozenset(), chain: EvmChain = CHAIN
) -> ExportSource:
    """Files as a source of blocks."""
    scratch.mkdir(parents=True, exist_ok=True)
    return ExportSource(open_exports(list(paths), scratch), chain, wanted)


def batch(found: ExportSource) -> AccountBatch:
    """All it has."""
    return joined([part for plan in found.plan(Nothing()) for part in found.batches(plan)])


def of_node(frames: str | None = "frames", wanted: frozenset[bytes] = frozenset()) -> AccountBatch:
    """What the node's own answers are decoded to."""
    answers = json.loads((DATA / "node.json").read_text())
    told = {name: [json.dumps(answer).encode() for answer in of] for name, of in answers.items()}
    return decode(
        CHAIN, told["blocks"], told["receipts"], told[frames] if frames else None, wanted=wanted
    ).batch


def rows(table: pa.Table) -> list[Row]:
    """A table as rows."""
    found: list[Row] = table.to_pylist()
    return found


def etl(*names: str) -> list[Path]:
    """ethereum-etl's files."""
    return [DATA / f"{name}.csv" for name in names or ETL]


def edited(folder: Path, name: str, edit: Callable[[Row], Iterable[Row]]) -> Path:
    """A CSV of ethereum-etl with rows changed, left out or added."""
    csv.field_size_limit(1 << 24)
    with (DATA / f"{name}.csv").open() as file:
        reader = csv.DictReader(file)
        found = [new for row in reader for new in edit(row)]
        names = list(found[0]) if found else list(reader.fieldnames or ())
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(found)
    return path


def json_lines(folder: Path, name: str) -> Path:
    """The same file as JSON lines: numbers as numbers, lists as lists, as ethereum-etl writes them."""
    csv.field_size_limit(1 << 24)
    path = folder / f"{name}.json"
    lines = []
    with (DATA / f"{name}.csv").open() as file:
        for row in csv.DictReader(file):
            shown: Row = {key: int(value) if value.isdigit() else value or None for key, value in row.items()}
            if "topics" in row:
                shown["topics"] = row["topics"].split(",")
            if "trace_address" in row:
                shown["trace_address"] = [int(step) for step in row["trace_address"].split(",") if step]
            if "withdrawals" in row:
                shown["withdrawals"] = json.loads(f"[{row['withdrawals']}]")
            lines.append(json.dumps(shown))
    path.write_text("\n".join(lines) + "\n")
    return path


def parquet(folder: Path, name: str, **types: pl.DataType) -> Path:
    """The same file as Parquet, as `pandas` or a warehouse would write it: text, whole numbers, decimals."""
    frame = pl.read_csv(DATA / f"{name}.csv", infer_schema=False)
    numbers = [
        column
        for column in frame.columns
        if column not in types and column != "trace_address" and _whole(frame[column])
    ]
    frame = frame.with_columns(pl.col(numbers).cast(pl.Int64)).with_columns(
        [pl.col(column).cast(kind) for column, kind in types.items() if column in frame.columns]
    )
    path = folder / f"{name}.parquet"
    frame.write_parquet(path, row_group_size=5)
    return path


def _whole(column: pl.Series) -> bool:
    told = column.drop_nulls()
    return len(told) > 0 and bool(told.str.contains(r"^[0-9]{1,18}$").all())


def cryo(
    folder: Path, names: Sequence[str] = CRYO, *, as_hex: bool = False, without: Sequence[str] = ()
) -> list[Path]:
    """cryo's Parquet files with its types; `as_hex`: as with `--hex`."""
    folder.mkdir(exist_ok=True)
    told: Mapping[str, Mapping[str, tuple[str, list[Any]]]] = json.loads((DATA / "cryo.json").read_text())
    paths = []
    for name in names:
        columns = {}
        for column, (kind, values) in told[name].items():
            if column in without:
                continue
            if kind == "Binary":
                spelt = [None if v is None else f"0x{v}" if as_hex else bytes.fromhex(v) for v in values]
                columns[column] = pl.Series(spelt, dtype=pl.String if as_hex else pl.Binary)
            else:
                columns[column] = pl.Series(values, dtype=getattr(pl, kind))
        path = folder / f"network_31337__{name}__00000000_to_00000011.parquet"
        pl.DataFrame(columns).write_parquet(path)
        paths.append(path)
    return paths


def load(workspace: Path, found: ExportSource) -> Pulled:
    """Pull all of it into a workspace."""
    place = Workspace(workspace).ready()
    return pull(lambda: Ledger.open(place, CHAIN, read_only=False), found)


def loaded(workspace: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every fact of a workspace on natural keys."""
    with Ledger.open(Workspace(workspace), CHAIN) as ledger:
        return contents(ledger)
