"""Transactions of whole blocks -> a batch: laid out as raw blocks without witnesses, and decoded like any others.

What bytes without witness cannot tell is then put in as it is stated: sizes, spent outputs, pools, and txids that do
not follow from what was exported.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.classify import PAYLOAD_MAX
from adapters.bitcoin.decode import Decoded, binary32, decode_blocks, merkle
from adapters.bitcoin.entry import BitcoinChain, Layout
from adapters.bitcoin.execution import execution_order, first_unsorted
from adapters.bitcoin.hashing import sha256_pieces
from adapters.bitcoin.pools import with_pools
from adapters.bitcoin.work import BY_BLOCK_HASH
from adapters.bitcoin.zcash.scan import POOLS
from adapters.files.bitcoin_etl import kernels
from adapters.files.bitcoin_etl.addresses import Addresses
from adapters.files.bitcoin_etl.heads import Heads
from adapters.files.bitcoin_etl.ordering import Ordered, offsets, rows32
from adapters.files.bitcoin_etl.transactions import PLAIN
from tracer.chain import TX_INDEX_BITS
from tracer.ledger.batch import UtxoBatch

if TYPE_CHECKING:
    import pyarrow as pa

_NEVER = 1 << 31
_INDEX = (1 << TX_INDEX_BITS) - 1


def batch_of(found: Ordered, heads: Heads, chain: BitcoinChain) -> Decoded:
    """The blocks as a batch up to the first that the decoder refuses, and why it does."""
    plain = replace(
        chain,
        segwit_height=None if chain.segwit_height is None else _NEVER,
        layout=Layout.BITCOIN,
        proof=BY_BLOCK_HASH,
    )
    if (found.column("fits") == PLAIN).all():
        decoded = _decoded(found, heads, plain)
        if decoded.batch is None:
            return decoded
        place = _places(decoded.batch, found.counts[: decoded.sound])
    else:  # an order by txid would be by other txids than the stated ones
        plain = replace(plain, txid_order_height=None)
        decoded = _decoded(found, heads, plain)
        if decoded.batch is None:
            return decoded
        place = np.arange(decoded.batch.txs.num_rows)
        if chain.txid_order_height is not None:
            decoded, place = _executed(found.head(decoded.sound), heads, chain, plain, decoded)
    if decoded.batch is None:
        return decoded
    stated = found.table.take(place)
    return replace(decoded, batch=_as_stated(decoded.batch, stated, heads.take(np.arange(decoded.sound))))


def _decoded(found: Ordered, heads: Heads, chain: BitcoinChain) -> Decoded:
    """Raw blocks through the decoder; their headers have the root that their bytes make."""
    raw = found.table.column("raw").combine_chunks()
    starts = offsets(found.table.column("raw"))
    data = np.frombuffer(raw.buffers()[2], np.uint8)
    heads = heads.take(np.arange(len(found.counts)))
    headers = heads.wire()
    if not (found.column("fits") == PLAIN).all():
        pieces = np.zeros((len(raw), 6), np.int64)
        pieces[:, 0], pieces[:, 1] = starts[:-1], starts[1:]
        headers[:, 36:68] = merkle(sha256_pieces(data, pieces, double=True), found.counts)[0]
    buffer = np.empty(int(starts[-1] - starts[0]) + 89 * len(heads), np.uint8)
    begins = np.zeros(len(heads) + 1, np.int64)
    kernels.lay_out(headers, found.counts, data, starts, buffer, begins)
    return decode_blocks(buffer, begins[:-1], begins[1:], int(heads.heights[0]), heads.hashes, chain)


def _places(batch: UtxoBatch, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(t,) the place among all, in the order of blocks, of each transaction of a batch."""
    import pyarrow as pa

    index = (batch.txs.column("tx_id").to_numpy() & _INDEX).astype(np.int32)
    told = batch.txs.column("block_index").combine_chunks()
    placed = (
        told.fill_null(-1).to_numpy()
        if isinstance(told, pa.Array)
        else told.chunk(0).fill_null(-1).to_numpy()
    )
    within: NDArray[np.int64] = np.where(placed >= 0, placed, index) + np.repeat(
        np.cumsum(counts) - counts, counts
    )
    return within


def _executed(
    found: Ordered, heads: Heads, chain: BitcoinChain, plain: BitcoinChain, decoded: Decoded
) -> tuple[Decoded, NDArray[np.int64]]:
    """The blocks again in the order of execution by the stated txids, and the place of each transaction before."""
    import pyarrow as pa

    assert chain.txid_order_height is not None and decoded.batch is not None
    counts = found.counts
    firsts = np.cumsum(counts) - counts
    first_by_txid = int(np.searchsorted(heads.heights, chain.txid_order_height))
    unsorted = first_unsorted(found.txids, firsts, counts, min(first_by_txid, len(counts)))
    if unsorted is not None:
        return Decoded(None, unsorted, "its transactions are not in the order of their txids"), firsts[:0]
    inputs = decoded.batch.txs.column("inputs").to_numpy().astype(np.int64)
    inputs[firsts] = 1
    spends = np.ones(int(inputs.sum()), np.bool_)
    spends[(np.cumsum(inputs) - inputs)[firsts]] = False
    outpoints = np.zeros((len(spends), 32), np.uint8)
    outpoints[spends] = rows32(decoded.batch.inputs.column("prev_txid"))
    order = execution_order(found.txids, outpoints, inputs, counts, min(first_by_txid, len(counts)))
    moved = replace(found, table=found.table.take(pa.array(order)))
    again = _decoded(moved, heads, plain)
    assert again.batch is not None  # the same transactions as before
    shift = np.repeat(firsts, counts)
    index, here = order - shift, np.arange(len(order)) - shift
    txs = again.batch.txs
    placed = pa.array(index.astype(np.int32), mask=index == here)
    txs = txs.set_column(txs.schema.get_field_index("block_index"), "block_index", placed)
    return replace(again, batch=replace(again.batch, txs=txs)), order


def _as_stated(batch: UtxoBatch, stated: pa.Table, heads: Heads) -> UtxoBatch:
    """The batch with what is stated of its transactions (in its order) and blocks."""
    import pyarrow as pa

    def column(name: str) -> NDArray[np.int64]:
        values: NDArray[np.int64] = stated.column(name).to_numpy()
        return values

    blocks, txs = batch.blocks, batch.txs
    blocks = _set(blocks, "prev_hash", _nullable32(heads.parents, heads.linked))
    blocks = _set(blocks, "merkle_root", binary32(heads.roots))
    size = np.where(heads.sizes >= 0, heads.sizes, blocks.column("size").to_numpy())
    blocks = _set(blocks, "size", pa.array(size.astype(np.int32)))
    txs = _set(txs, "txid", binary32(rows32(stated.column("txid"))))
    for name in ("size", "vsize"):
        told = column(name)
        txs = _set(
            txs, name, pa.array(np.where(told >= 0, told, txs.column(name).to_numpy()).astype(np.int32))
        )
    batch = _without_empty(replace(batch, blocks=blocks, txs=txs), column("bare"))
    batch = _with_told(batch, stated.column("told"))
    return with_pools(batch, np.stack([column(name) for name in POOLS], axis=1))


def _set(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)


def _nullable32(rows: NDArray[np.uint8], there: NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    mask = pa.py_buffer(np.packbits(there, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(rows), [mask, data])


def _without_empty(batch: UtxoBatch, bare: NDArray[np.int64]) -> UtxoBatch:
    """Without the empty inputs and outputs that stand where a transaction has none."""
    import pyarrow as pa

    if not bare.any():
        return batch
    txs, parts = batch.txs, {}
    for name, flag in (("inputs", 1), ("outputs", 2)):
        empty = (bare & flag) > 0
        counts = txs.column(name).to_numpy()
        table = getattr(batch, name)
        parts[name] = table.filter(pa.array(~np.repeat(empty, counts)))
        txs = _set(txs, name, pa.array(np.where(empty, 0, counts).astype(np.int32)))
    return replace(batch, txs=txs, **parts)


def _with_told(batch: UtxoBatch, told: pa.ChunkedArray) -> UtxoBatch:
    """The batch with the spent outputs that rows tell; what `adapters.bitcoin.prevouts` does of scripts."""
    import pyarrow as pa

    starts = offsets(told)
    if starts[0] == starts[-1]:
        return batch
    data = told.combine_chunks().buffers()[2]
    inputs = batch.txs.column("inputs").to_numpy()
    records = np.zeros(batch.inputs.num_rows, Addresses.dtype)
    records["value"] = -1
    records[np.repeat(np.diff(starts) > 0, inputs)] = np.frombuffer(data, Addresses.dtype)[
        starts[0] // Addresses.dtype.itemsize : starts[-1] // Addresses.dtype.itemsize
    ]
    absent = records["value"] < 0
    nowhere = records["length"] == 0  # whose it was is not told
    sizes = records["length"].astype(np.int32)
    ends = np.concatenate((np.zeros(1, np.int32), np.cumsum(sizes, dtype=np.int32)))
    payload = records["payload"][np.arange(PAYLOAD_MAX) < sizes[:, None]]
    table = batch.inputs
    for name, column in (
        ("prev_value", pa.array(records["value"], mask=absent)),
        ("prev_kind", pa.array(records["kind"], mask=nowhere)),
        ("prev_address_kind", pa.array(records["address_kind"], mask=nowhere)),
        ("prev_payload", pa.BinaryArray.from_buffers(
            pa.binary(), len(records),
            [pa.py_buffer(np.packbits(~nowhere, bitorder="little")), pa.py_buffer(ends), pa.py_buffer(payload)],
        )),
    ):  # fmt: skip
        table = _set(table, name, column)
    return replace(batch, inputs=table)
