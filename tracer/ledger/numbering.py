"""Give every address of a turn its dense id; new ones are numbered in order of appearance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracer.db import Database, named_sql
from tracer.ledger import kernels

if TYPE_CHECKING:
    import pyarrow as pa

_SQL = named_sql("tracer.ledger", "ingest.sql")
_STORE = named_sql("tracer.ledger", "store.sql")


@dataclass(frozen=True)
class Numbered:
    """Ids of a turn's addresses.

    outputs  (o,) int64, -1 where an output is nobody's; told: (t,) int64, of the spent outputs that were told
    new      rows of `address` that the store lacks, with their prefix
    """

    outputs: NDArray[np.int64]
    told: NDArray[np.int64]
    new: pa.Table


def number_addresses(db: Database, outputs: pa.Table, told: pa.Table) -> Numbered:
    """Ids for the addresses of `outputs` and of `told`: rows of inputs whose `prev_payload` is not null."""
    import pyarrow as pa

    kinds, prefixes = outputs.column("address_kind"), outputs.column("prefix")
    payloads = outputs.column("payload").combine_chunks()
    order: NDArray[np.int64] | None = None
    if told.num_rows:
        # spends before outputs, in the order of transactions
        position = np.concatenate((2 * _numbers(outputs, "tx_id") + 1, 2 * _numbers(told, "tx_id")))
        order = np.argsort(position, kind="stable")
        behind = told.select(["prev_address_kind", "prev_payload"]).combine_chunks()
        told_kinds, told_payloads = behind.column(0), behind.column(1).combine_chunks()
        told_prefixes = pa.array(_prefixes(told_kinds.to_numpy(), told_payloads))
        kinds = pa.chunked_array([*kinds.chunks, *told_kinds.chunks]).take(pa.array(order))
        prefixes = pa.chunked_array([*prefixes.chunks, told_prefixes]).take(pa.array(order))
        payloads = pa.chunked_array([payloads, told_payloads]).take(pa.array(order)).combine_chunks()
    offsets, data = _bytes(payloads)
    kind, prefix = kinds.to_numpy().copy(), prefixes.to_numpy().copy()
    local = np.empty(len(kind), np.int32)
    firsts = np.empty(len(kind), np.int64)
    table = np.full(kernels.table_size(len(kind)), -1, np.int32)
    count = kernels.same_addresses(kind, prefix, offsets, data, table, local, firsts)
    firsts = firsts[:count]
    distinct = pa.table(
        {
            "place": np.arange(count, dtype=np.int64),
            "prefix": prefix[firsts],
            "kind": kind[firsts],
            "payload": payloads.take(pa.array(firsts)),
        }
    )
    ids, new = _known_ids(db, distinct, count)
    # -1 stays -1: the last element is for "no address"
    found = np.append(ids, -1)[local]
    if order is not None:
        unordered = np.empty(len(found), np.int64)
        unordered[order] = found
        found = unordered
    return Numbered(found[: outputs.num_rows], found[outputs.num_rows :], new)


def _known_ids(db: Database, distinct: pa.Table, count: int) -> tuple[NDArray[np.int64], pa.Table]:
    import pyarrow as pa

    known = int(db.value(_SQL["next_address_id"]))
    ids = np.full(count, -1, np.int64)
    if known:
        with db.table("asked", distinct):
            found = db.arrow(_STORE["find_addresses"])
        ids[_numbers(found, "place")] = _numbers(found, "address_id")
    fresh = np.flatnonzero(ids < 0)
    ids[fresh] = known + np.arange(len(fresh))
    new = distinct.take(pa.array(fresh)).append_column("address_id", pa.array(ids[fresh].astype(np.int32)))
    return ids, new


def _prefixes(kinds: NDArray[np.uint8], payloads: pa.Array) -> NDArray[np.int64]:
    out = np.empty(len(kinds), np.int64)
    kernels.address_prefixes(kinds.copy(), *_bytes(payloads), out)
    return out


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    values: NDArray[Any] = table.column(name).to_numpy()
    return values


def _bytes(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets and bytes of a binary column."""
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
    return offsets.astype(np.int64), np.frombuffer(array.buffers()[2] or b"", np.uint8).copy()
