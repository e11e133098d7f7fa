"""Shielded pools as the ledger keeps them: what a transaction adds to one is an output, what it takes out an input."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracer.chain import FROM_POOL, ScriptKind
from tracer.ledger.batch import UtxoBatch

if TYPE_CHECKING:
    import pyarrow as pa


def with_pools(batch: UtxoBatch, moved: NDArray[np.int64]) -> UtxoBatch:
    """The batch of the transparent parts with its rows of kind SHIELDED (`UtxoBatch` says how they are written).

    moved (t, p) int64: base units that each transaction adds to each pool, net; below zero: takes out of it.
    """
    import pyarrow as pa

    if not moved.any():
        return batch
    into, out_of = moved > 0, moved < 0
    txs = batch.txs
    ins, outs = (txs.column(name).to_numpy().astype(np.int64) for name in ("inputs", "outputs"))
    value = txs.column("out_value").to_numpy() + np.where(into, moved, 0).sum(axis=1)
    for name, column in (
        ("inputs", (ins + out_of.sum(axis=1)).astype(np.int32)),
        ("outputs", (outs + into.sum(axis=1)).astype(np.int32)),
        ("out_value", value),
    ):
        txs = txs.set_column(txs.schema.get_field_index(name), name, pa.array(column))
    tx_id = txs.column("tx_id").to_numpy()
    shielded = int(ScriptKind.SHIELDED)
    row, pool = np.nonzero(into)
    outputs = _behind(
        batch.outputs, outs, row,
        {
            "tx_id": tx_id[row], "vout": outs[row] + _rank(row), "value": moved[row, pool],
            "kind": np.full(len(row), shielded), "address_kind": np.full(len(row), shielded),
            "prefix": np.zeros(len(row), np.int64),
        },
    )  # fmt: skip
    row, pool = np.nonzero(out_of)
    inputs = _behind(
        batch.inputs, ins, row,
        {
            "tx_id": tx_id[row], "vin": ins[row] + _rank(row), "prev_txid": [bytes(32)] * len(row),
            "prev_vout": FROM_POOL - pool, "sequence": np.zeros(len(row), np.int64),
            "prev_value": -moved[row, pool], "prev_kind": np.full(len(row), shielded),
            "prev_address_kind": np.full(len(row), shielded),
        },
    )  # fmt: skip
    return replace(batch, txs=txs, outputs=outputs, inputs=inputs)


def _rank(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many equal ones stand before each, in an ascending list."""
    found: NDArray[np.int64] = np.arange(len(rows)) - np.searchsorted(rows, rows)
    return found


def _behind(
    table: pa.Table, counts: NDArray[np.int64], row: NDArray[np.int64], columns: dict[str, object]
) -> pa.Table:
    """The table with more rows, each behind those of its transaction; what a row does not tell is null."""
    import pyarrow as pa

    if not len(row):
        return table
    more = pa.table(
        [
            pa.array(columns[field.name]).cast(field.type)
            if field.name in columns
            else pa.nulls(len(row), field.type)
            for field in table.schema
        ],
        schema=table.schema,
    )
    owner = np.concatenate((np.repeat(np.arange(len(counts)), counts), row))
    order = pa.array(np.argsort(owner, kind="stable"))
    return pa.concat_tables([table, more]).take(order).combine_chunks()
