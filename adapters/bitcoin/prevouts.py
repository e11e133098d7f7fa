"""Spent outputs a source tells along with its blocks: undo data, `getblock 3`, an explorer's prevouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from adapters.bitcoin.classify import Scripts
from adapters.bitcoin.decode import payload_column
from tracer.errors import DataError
from tracer.ledger.batch import UtxoBatch


def with_prevouts(batch: UtxoBatch, values: Sequence[int], scripts: Sequence[bytes]) -> UtxoBatch:
    """The batch with value and script of every spent output, in the order of its inputs.

    The ledger takes them for inputs whose transaction it never read, so that fees and counterparties are known
    in a history that starts in the middle. Raises `DataError` where their number differs.
    """
    import pyarrow as pa

    count = batch.inputs.num_rows
    if len(values) != count or len(scripts) != count:
        raise DataError(f"{len(values)} spent outputs were given for {count} inputs.")
    sizes = np.array([len(script) for script in scripts], np.int64)
    buffer = np.frombuffer(b"".join(scripts) + b"\0", np.uint8).copy()
    told = Scripts(buffer, np.column_stack((np.cumsum(sizes) - sizes, sizes)))
    columns = {
        "prev_value": pa.array(values, pa.int64()),
        "prev_kind": pa.array(told.kind),
        "prev_address_kind": pa.array(told.address_kind),
        "prev_payload": payload_column(told),
    }
    inputs = batch.inputs
    for name, column in columns.items():
        inputs = inputs.set_column(inputs.schema.get_field_index(name), name, column)
    return replace(batch, inputs=inputs)
