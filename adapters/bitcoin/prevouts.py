"""Spent outputs a source tells along with its blocks: undo data, `getblock 3`, an explorer's prevouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.classify import Scripts
from adapters.bitcoin.decode import payload_column
from adapters.bitcoin.entry import BitcoinChain
from adapters.bitcoin.layouts import skip_tokens
from tracer.chain import BLOCK_INDEX, ScriptKind, first_tx_id
from tracer.errors import DataError
from tracer.ledger.batch import UtxoBatch

if TYPE_CHECKING:
    import pyarrow as pa

NOT_TOLD = -1
"""In the place of a value: what this input spends was not told."""


@dataclass(frozen=True)
class Spends:
    """What spends an output in a batch, in the order in which its blocks have it: sources tell it like that.

    counts  (t,) int64: such inputs of each transaction, coinbases (0) included, in that order
    rows    (n,) int64: the row of each in `batch.inputs`; None where row and place are the same
    """

    counts: NDArray[np.int64]
    rows: NDArray[np.int64] | None
    count: int


def spends(batch: UtxoBatch) -> Spends:
    """The batch's inputs but those that leave a shielded pool, transactions where their block has them."""
    counts = batch.txs.column("inputs").to_numpy().astype(np.int64)
    kinds = batch.inputs.column("prev_kind")
    places = batch.txs.column("block_index")
    pooled = kinds.null_count < len(kinds)
    moved = places.null_count < len(places)
    if not pooled and not moved:
        return Spends(counts, None, len(kinds))
    firsts = np.cumsum(counts) - counts
    rows = np.arange(len(kinds))
    if moved:
        ids = batch.txs.column("tx_id").to_numpy()
        told = places.is_valid().to_numpy()
        order = np.argsort(np.where(told, (ids & ~BLOCK_INDEX) | places.fill_null(0).to_numpy(), ids))
        counts, firsts = counts[order], firsts[order]
        rows = np.repeat(firsts - (np.cumsum(counts) - counts), counts) + rows
    if pooled:
        kept = (kinds.fill_null(0).to_numpy() != int(ScriptKind.SHIELDED))[rows]
        owner = np.repeat(np.arange(len(counts)), counts)
        rows, counts = rows[kept], np.bincount(owner[kept], minlength=len(counts))
    return Spends(counts, rows, len(rows))


def with_spent(
    batch: UtxoBatch,
    values: NDArray[np.int64],
    buffer: NDArray[np.uint8],
    places: NDArray[np.int64],
    chain: BitcoinChain | None = None,
) -> UtxoBatch:
    """The batch with value and script of every spent output, in the order of `spends(batch)`.

    The ledger takes them for inputs whose transaction it never read, so that fees and counterparties are known
    in a history that starts in the middle; it checks them there. `values` (n,) int64 are base units, `NOT_TOLD`
    where nothing is known; `places` (n, 2) int64 are offset and length of each script in `buffer` (not looked
    at where the value is not told). Scripts are read as `chain` writes them, as Bitcoin does where none is given.
    Raises `DataError` where their number is not that of the spends, or an amount is outside the chain's money range.
    """
    import pyarrow as pa

    found = spends(batch)
    if len(values) != found.count or len(places) != found.count:
        raise DataError(f"{len(values)} spent outputs were given for {found.count} inputs.")
    if chain is not None and len(values) and int(values.max()) > chain.max_money:
        raise DataError(f"a spent output of {int(values.max())} was told, which is outside the money range.")
    unknown = values < 0
    if not len(buffer):  # kernels want a byte to look at
        buffer = np.zeros(1, np.uint8)
    places = np.where(unknown[:, None], 0, places).astype(np.int64)
    told = _scripts(batch, found, buffer, places, chain)
    columns = {
        "prev_value": pa.array(values, pa.int64(), mask=unknown),
        "prev_kind": pa.array(told.kind, mask=unknown),
        "prev_address_kind": pa.array(told.address_kind, mask=unknown),
        "prev_payload": payload_column(told),
    }
    inputs = batch.inputs
    for name, column in columns.items():
        at = inputs.schema.get_field_index(name)
        if found.rows is not None:
            column = _at_rows(column, found.rows, inputs.column(at))
        inputs = inputs.set_column(at, name, column)
    return replace(batch, inputs=inputs)


def _scripts(
    batch: UtxoBatch,
    found: Spends,
    buffer: NDArray[np.uint8],
    places: NDArray[np.int64],
    chain: BitcoinChain | None,
) -> Scripts:
    if chain is None or chain.tokens_height is None:
        return Scripts(buffer, places, witness=chain is None or chain.segwit_height is not None)
    below = batch.txs.column("tx_id").to_numpy() < first_tx_id(chain.tokens_height)
    first = int(found.counts[below].sum())  # heights ascend in any order of a block
    columns = np.concatenate((np.zeros_like(places), places), axis=1)
    skip_tokens(buffer, columns, first)
    return Scripts(
        buffer,
        np.ascontiguousarray(columns[:, 2:]),
        witness=chain.segwit_height is not None,
        p2sh32_from=first,
    )


def _at_rows(told: pa.Array, rows: NDArray[np.int64], before: pa.ChunkedArray) -> pa.ChunkedArray:
    """What was told in the rows it is about; in the others what stood there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    which = np.full(len(before), -1, np.int64)
    which[rows] = np.arange(len(rows))
    here = told.take(pa.array(which, mask=which < 0))
    return cast("pa.ChunkedArray", pc.coalesce(here, before))


def with_prevouts(
    batch: UtxoBatch, values: Sequence[int], scripts: Sequence[bytes], chain: BitcoinChain | None = None
) -> UtxoBatch:
    """`with_spent` for values and scripts one by one: for a handful of blocks."""
    if len(values) != len(scripts):
        raise DataError(f"{len(values)} values and {len(scripts)} scripts of spent outputs were given.")
    sizes = np.array([len(script) for script in scripts], np.int64)
    buffer = np.frombuffer(b"".join(scripts), np.uint8)
    places = np.column_stack((np.cumsum(sizes) - sizes, sizes)).reshape(-1, 2)
    return with_spent(batch, np.array(values, np.int64), buffer, places, chain)
