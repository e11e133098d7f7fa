"""Facts of a chain of outputs as files with bitcoin-etl's names: a whole folder or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from adapters.bitcoin.entry import BitcoinChain
from adapters.files.bitcoin_etl.layout import Dataset
from adapters.files.bitcoin_etl.scripts import from_pools, made_up, with_names, with_scripts
from adapters.files.folder import Format, Written, parts_of, readme, write_folder
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("adapters.files.bitcoin_etl", "export.sql")
SLICE_ROWS = 400_000
"""Transactions, inputs and outputs that are written at once (P): a few hundred MB."""
NOT_CARRIED = (
    "script_hex of inputs, coinbase_param, script_asm, stripped_size and weight are empty: tracer does not keep what "
    "unlocks outputs. So only the txid of what spends native SegWit outputs alone can be recomputed from these files; "
    "`tracer import` takes the others as they are stated, and says so",
    "input_value, fee and the values, types and addresses of inputs are there where tracer knows what was spent, and "
    "empty elsewhere (bitcoin-etl writes 0 and a negative fee there)",
    "required_signatures is empty, as with new nodes. A bare multisig has no addresses. Of zcash's nonces of 32 bytes "
    "the last four are here",
    "blocks have one column more, previous_hash. Blocks of which only some transactions are known are left out",
    "what comes out of a shielded pool is an input of type shielded with the pool's name as its address; several moves "
    "of one transaction in one pool are one",
)


def export(
    ledger: Ledger,
    chain: BitcoinChain,
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
        bounds = {"first": low, "last": high}
        yield Dataset.BLOCKS, _blocks(ledger, bounds)
        found = _transactions(ledger, chain, bounds)
        yield Dataset.TRANSACTIONS, _spelt(found) if form is Format.CSV else found

    def beside(written: Written) -> str:
        return readme(chain, written, "bitcoin-etl", "1.5.2", NOT_CARRIED)

    return write_folder(to, form, list(Dataset), parts, frames, beside, progress)


def _blocks(ledger: Ledger, bounds: Mapping[str, int]) -> pl.DataFrame:
    import polars as pl

    found = ledger.db.polars(_SQL["blocks"], bounds)
    return found.select(
        _shown(found["hash"]), "size", pl.lit(None, pl.Int64).alias("stripped_size"),
        pl.lit(None, pl.Int64).alias("weight"), pl.col("height").alias("number"), "version",
        _shown(found["merkle_root"]), pl.col("time").alias("timestamp"), pl.Series("nonce", _hex(found["nonce"], "")),
        pl.Series("bits", _hex(found["bits"], "08")), pl.lit(None, pl.String).alias("coinbase_param"),
        pl.col("tx_count").alias("transaction_count"), _shown(found["prev_hash"]).alias("previous_hash"),
    )  # fmt: skip


def _hex(numbers: pl.Series, width: str) -> list[str]:
    return [format(number, f"{width}x") for number in numbers.to_list()]


def _shown(hashes: pl.Series) -> pl.Series:
    """Hashes as people write them; null stays null."""
    import polars as pl

    there = hashes.is_not_null().to_numpy()
    raw = np.frombuffer(b"".join(hashes.drop_nulls().to_list()), np.uint8).reshape(-1, 32)[:, ::-1].tobytes()
    found = pl.Series([raw[at : at + 32] for at in range(0, len(raw), 32)], dtype=pl.Binary).bin.encode("hex")
    if there.all():
        return found.alias(hashes.name)
    rows = np.where(there, np.cumsum(there) - 1, 0)
    spread = found.gather(rows) if len(found) else pl.Series([None] * len(there), dtype=pl.String)
    return pl.select(pl.when(pl.Series(there)).then(spread).alias(hashes.name)).to_series()


def _transactions(ledger: Ledger, chain: BitcoinChain, bounds: Mapping[str, int]) -> pl.DataFrame:
    import polars as pl

    txs = ledger.db.polars(_SQL["transactions"], bounds)
    spent = with_names(ledger.db.polars(_SQL["inputs"], bounds), chain)
    told = spent.group_by("tx_id").agg(
        pl.col("value").sum().alias("put"), pl.col("value").null_count().alias("unknown")
    )
    outputs = with_scripts(made_up(with_names(ledger.db.polars(_SQL["outputs"], bounds), chain)))
    txs = (
        txs.with_columns(_lists(_inputs(spent), txs["inputs"]), _lists(_outputs(outputs), txs["outputs"]))
        .join(told, on="tx_id", how="left", maintain_order="left")
        .sort("height", "place")
    )
    coinbase = pl.col("tx_id") & ((1 << 24) - 1) == 0
    put = pl.when(pl.col("unknown").fill_null(0) == 0).then(pl.col("put").fill_null(0))
    return txs.select(
        _shown(txs["txid"]).alias("hash"), "size", pl.col("vsize").alias("virtual_size"), "version",
        pl.col("locktime").alias("lock_time"), pl.col("height").alias("block_number"),
        _shown(txs["hash"]).alias("block_hash"), pl.col("time").alias("block_timestamp"), coinbase.alias("is_coinbase"),
        pl.col("place").alias("index"), pl.col("inputs_listed").alias("inputs"),
        pl.col("outputs_listed").alias("outputs"), pl.col("inputs").alias("input_count"),
        pl.col("outputs").alias("output_count"), put.alias("input_value"), pl.col("out_value").alias("output_value"),
        pl.when(coinbase).then(0).otherwise(pl.col("fee")).alias("fee"),
    )  # fmt: skip


def _inputs(spent: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    spent = from_pools(spent)
    return spent.select(
        pl.col("vin").alias("index"), _shown(spent["prev_txid"]).alias("spent_transaction_hash"),
        pl.col("prev_vout").alias("spent_output_index"), _nothing("script_asm"), _nothing("script_hex"), "sequence",
        _nothing("required_signatures"), "type", _addresses(), "value",
    )  # fmt: skip


def _outputs(outputs: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return outputs.select(
        pl.col("vout").alias("index"), _nothing("script_asm"), "script_hex", _nothing("required_signatures"), "type",
        _addresses(), "value",
    )  # fmt: skip


def _nothing(name: str) -> pl.Expr:
    """A column of bitcoin-etl that tracer does not fill."""
    import polars as pl

    return pl.lit(None, pl.Int64 if name == "required_signatures" else pl.String).alias(name)


def _addresses() -> pl.Expr:
    import polars as pl

    none = pl.lit([], pl.List(pl.String))
    return (
        pl.when(pl.col("address").is_null())
        .then(none)
        .otherwise(pl.concat_list("address"))
        .alias("addresses")
    )


def _lists(rows: pl.DataFrame, counts: pl.Series) -> pl.Series:
    """Rows as lists of structs, so many in each; named after the counts."""
    import polars as pl
    import pyarrow as pa

    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts.to_numpy(), dtype=np.int64)))
    inside = rows.to_struct("row").to_arrow()
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), inside)
    return pl.Series(f"{counts.name}_listed", lists)


def _spelt(found: pl.DataFrame) -> pl.DataFrame:
    """Inputs and outputs as JSON, for CSV."""
    import polars as pl

    each = pl.element().struct.json_encode()
    return found.with_columns(
        pl.format("[{}]", pl.col(name).list.eval(each).list.join(",")).alias(name)
        for name in ("inputs", "outputs")
    )
