"""Facts of an EVM ledger as files with ethereum-etl's names: a whole folder or none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from adapters.evm import hexes
from adapters.evm.amounts import WIDE
from adapters.evm.eventlogs import topic
from adapters.files.layouts import Dataset
from tracer.chain import RelationKind, TransferKind
from tracer.db import named_sql
from tracer.errors import StoreUnwritable, UsageError
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl
    import pyarrow.parquet as pq

_SQL = named_sql("adapters.files", "export.sql")
SLICE_ROWS = 500_000
"""Rows that are written at once (P): a few hundred MB."""
_PARAMETERS: dict[Dataset, dict[str, int | str]] = {
    Dataset.BLOCKS: {"withdrawal": TransferKind.WITHDRAWAL},
    Dataset.TRANSACTIONS: {"value": TransferKind.VALUE},
    Dataset.RECEIPTS: {},
    Dataset.LOGS: {
        "wrap": TransferKind.WRAP, "unwrap": TransferKind.UNWRAP, "deposit": topic("Deposit").hex(),
        "withdrawal": topic("Withdrawal").hex(),
    },
    Dataset.TOKEN_TRANSFERS: {"token": TransferKind.TOKEN},
    Dataset.TRACES: {
        "value": TransferKind.VALUE, "internal": TransferKind.INTERNAL, "reward": TransferKind.REWARD,
        "created": RelationKind.CREATE, "cloned": RelationKind.CREATE2,
    },
}  # fmt: skip
"""What is written, in this order, and what its query asks for beside the heights."""
NOT_CARRIED = (
    "logs: only the events that tracer keeps for bridges, swaps and mixers, and those of wrapping, whose text follows "
    "from its transfers",
    "token_transfers: all transfers of tokens. Two columns are added at the end, token_type (ERC20, ERC721, ERC1155) "
    "and token_id; value is the token's number for ERC721, as ethereum-etl writes it",
    "traces: frames that moved value or created a contract, in the order of execution, all right below their "
    "transaction; self-destructs are written as calls. Blocks that were not traced have none",
    "transactions: value is 0 where a transaction failed; input is its first four bytes. What deposits of the OP "
    "stack brought from layer 1 (mint) is not here",
    "empty columns: what tracer does not keep. Approvals, opening balances, names of tokens and clusters are not here; "
    "the gas of blobs is not, so that the fees of transactions of type 3 cannot be told from these files",
)


class Format(StrEnum):
    """How files are written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Written:
    """What an export wrote: blocks, and the rows of each file by its name."""

    first: int
    last: int
    blocks: int
    rows: dict[str, int]


def export(
    ledger: Ledger,
    to: Path,
    form: Format,
    *,
    first: int | None = None,
    last: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write the facts between two heights into the new folder `to`, which is there whole or not at all.

    `UsageError` where the folder exists or no such block was read, `StoreUnwritable` where it cannot be written.
    """
    if to.exists():
        raise UsageError(f"{to} exists already.", hint="Name a new folder: nothing is written over.")
    slices = list(_slices(ledger, first or 0, (1 << 31) - 1 if last is None else last))
    if not slices:
        raise UsageError(
            f"no block of {ledger.chain.name} was read between these heights.", hint="See `tracer status`."
        )
    blocks = sum(count for _, _, count in slices)
    unfinished = to.with_name(f".{to.name}.unfinished")
    rows = dict.fromkeys((f"{dataset}.{form}" for dataset in _PARAMETERS), 0)
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with ExitStack() as stack:
            files = {d: stack.enter_context(_File(unfinished / f"{d}.{form}", form)) for d in _PARAMETERS}
            done = 0
            for low, high, count in slices:
                for dataset, frame in _frames(ledger, low, high):
                    files[dataset].write(frame)
                    rows[f"{dataset}.{form}"] += frame.height
                done += count
                if progress:
                    progress(done, blocks)
        written = Written(slices[0][0], slices[-1][1], blocks, rows)
        (unfinished / "README.md").write_text(_readme(ledger, written), encoding="utf-8")
        unfinished.rename(to)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot write {to}: {error.strerror or error}.", hint="Nothing was left there."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return written


def _slices(ledger: Ledger, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Heights, first and last, of runs of blocks with about SLICE_ROWS rows, and how many blocks each has."""
    found = ledger.db.arrow(_SQL["weights"], {"first": first, "last": last})
    heights = found.column("height").to_numpy()
    weights = found.column("weight").to_numpy()
    number = (np.cumsum(weights) - weights) // SLICE_ROWS
    starts = [*np.flatnonzero(np.diff(number, prepend=-1) > 0).tolist(), len(heights)]
    for start, end in pairwise(starts):
        yield int(heights[start]), int(heights[end - 1]), end - start


def _frames(ledger: Ledger, first: int, last: int) -> Iterator[tuple[Dataset, pl.DataFrame]]:
    """Rows of all files between two heights."""
    bounds: dict[str, Any] = {"first": first, "last": last}
    with ledger.db.table("wide", ledger.db.arrow(_SQL["wide"], bounds)):
        for dataset, parameters in _PARAMETERS.items():
            frame = ledger.db.polars(_SQL[dataset], {**bounds, **parameters})
            if dataset is Dataset.TOKEN_TRANSFERS:
                frame = _numbered(frame)
            elif dataset is Dataset.TRANSACTIONS:
                frame = _valued(frame)
            yield dataset, frame


def _valued(frame: pl.DataFrame) -> pl.DataFrame:
    """What transactions carried of which nobody knows whether they failed: the amount is in quarantine."""
    import polars as pl

    raw = _decimal(frame["raw"]).cast(pl.Decimal(38, 0), strict=False)
    return frame.with_columns(pl.coalesce("value", raw).alias("value")).drop("raw")


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers of collectibles, and amounts of more than 38 digits, written out."""
    import polars as pl

    frame = frame.with_columns(_decimal(frame["token_id"]), _decimal(frame["raw"]))
    unique = pl.col("token_type") == "ERC721"
    value = pl.when(unique).then(pl.col("token_id")).otherwise(pl.coalesce("value", "raw"))
    return frame.with_columns(value.alias("value")).drop("raw")


def _decimal(words: pl.Series) -> pl.Series:
    """Big-endian words of 32 bytes as decimal text; null stays null."""
    import polars as pl

    there = words.is_not_null().to_numpy()
    raw = np.frombuffer(b"".join(words.drop_nulls().to_list()), np.uint8)
    numbers = hexes.words(raw, np.arange(len(raw) // 32) * 32)
    text = pl.Series(numbers.arrow()).cast(pl.String)
    if (wide := np.flatnonzero(numbers.states == WIDE)).size:
        spelt = [str(int.from_bytes(raw[32 * k : 32 * k + 32].tobytes(), "big")) for k in wide.tolist()]
        text = text.scatter(pl.Series(wide), spelt)
    rows = pl.Series(np.where(there, np.cumsum(there) - 1, 0))
    found = text.gather(rows) if len(text) else pl.Series([None] * len(words), dtype=pl.String)
    return pl.select(pl.when(pl.Series(there)).then(found).alias(words.name)).to_series()


class _File:
    """One file, written part by part."""

    def __init__(self, path: Path, form: Format) -> None:
        self.path, self.form = path, form
        self._text: IO[bytes] | None = None
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> _File:
        if self.form is not Format.PARQUET:
            self._text = self.path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._text is not None:
            self._text.close()
        if self._parquet is not None:
            self._parquet.close()

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows."""
        import polars as pl
        import polars.selectors as cs

        if self._text is None:
            self._write_parquet(_listed(frame))
            return
        frame = frame.with_columns(cs.decimal().cast(pl.String))
        if self.form is Format.CSV:
            frame.write_csv(self._text, include_header=self._text.tell() == 0)
        elif frame.height:
            _listed(frame).write_ndjson(self._text)

    def _write_parquet(self, frame: pl.DataFrame) -> None:
        import pyarrow.parquet as pq

        from adapters.files.staging import plain_table

        table = plain_table(frame.to_arrow())
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self.path, table.schema, compression="zstd")
        self._parquet.write_table(table)


def _listed(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists, which CSV writes as text, as lists."""
    import polars as pl

    if "topics" in frame.columns:
        return frame.with_columns(pl.col("topics").str.split(","))
    if "withdrawals" in frame.columns:
        entry = pl.Struct(
            {"index": pl.Int64, "validator_index": pl.Int64, "address": pl.String, "amount": pl.Int64}
        )
        text = pl.format("[{}]", pl.col("withdrawals"))
        return frame.with_columns(text.str.json_decode(pl.List(entry)).alias("withdrawals"))
    return frame


def _readme(ledger: Ledger, written: Written) -> str:
    files = "\n".join(f"- {name}: {rows:,} rows" for name, rows in written.rows.items())
    carried = "\n".join(f"- {line}." for line in NOT_CARRIED)
    return (
        f"# {ledger.chain.name} ({ledger.chain.caip2}), blocks {written.first} to {written.last}\n\n"
        f"Facts of {written.blocks:,} blocks, under the names of ethereum-etl 2.4.2. `tracer import` reads them.\n\n"
        f"{files}\n\nWhat is different from what ethereum-etl writes, and what is missing:\n\n{carried}\n"
    )
