"""Facts of an EVM ledger as files with ethereum-etl's names: a whole folder or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from adapters.evm import hexes
from adapters.evm.amounts import WIDE
from adapters.evm.eventlogs import topic
from adapters.files.folder import Format, Written, parts_of, readme, write_folder
from adapters.files.layouts import Dataset
from tracer.chain import RelationKind, TransferKind
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

__all__ = ["NOT_CARRIED", "Format", "Written", "export"]

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
    parts = parts_of(ledger, _SQL["weights"], first, last, SLICE_ROWS)

    def frames(low: int, high: int) -> Iterator[tuple[str, pl.DataFrame]]:
        for dataset, frame in _frames(ledger, low, high):
            yield str(dataset), frame if form is Format.CSV else _listed(frame)

    names = [str(dataset) for dataset in _PARAMETERS]

    def beside(written: Written) -> str:
        return readme(ledger.chain, written, "ethereum-etl", "2.4.2", NOT_CARRIED)

    return write_folder(to, form, names, parts, frames, beside, progress)


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
