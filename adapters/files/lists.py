"""Columns that hold a list in each row: places in a tree of calls, topics, withdrawals; as lists or spelt as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.files import kernels
from adapters.files.columns import Fixed, Place, buffers, fixed, whole
from tracer.errors import BadExport

if TYPE_CHECKING:
    import pyarrow as pa


def paths(column: pa.ChunkedArray, place: Place) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of frames in their call tree -> steps, and where those of each row start (n + 1)."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    if pt.is_list(column.type) or pt.is_large_list(column.type):
        column = pc.binary_join(column.cast(pa.list_(pa.string())), ",")
    raw = buffers(column, place, "places of calls")
    starts = np.zeros(len(raw.there) + 1, np.int64)
    steps = np.empty(len(raw.data) + len(raw.there) + 1, np.int64)
    row = kernels.paths(raw.data, raw.offsets, starts, steps)
    if row >= 0:
        raise place.bad(column, row, "which is no place in a tree of calls (0,1 or 0_1)")
    return steps[: starts[-1]], starts


def withdrawals(column: pa.ChunkedArray, place: Place) -> tuple[NDArray[np.int64], Fixed, NDArray[np.int64]]:
    """Stake returned by blocks (EIP-4895) -> row of each one's block, to whom, and how much in Gwei.

    A list of objects, or as text: JSON, which ethereum-etl's CSV writes without its brackets.
    """
    import polars as pl
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    if not (pt.is_list(column.type) or pt.is_large_list(column.type)):
        said = pl.Series(column.cast(pa.large_string())).str.strip_chars("[] ").fill_null("")
        shape = pl.List(pl.Struct({"address": pl.String, "amount": pl.String}))
        try:
            column = pa.chunked_array([("[" + said + "]").str.json_decode(shape).to_arrow()])
        except pl.exceptions.ComputeError as error:
            raise BadExport(f"{place.file}: column {place.column} holds no list of withdrawals.") from error
    lists = column.combine_chunks()
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    inside = pc.list_flatten(lists)
    inside = inside if isinstance(inside, pa.ChunkedArray) else pa.chunked_array([inside])
    of = Place(place.file, place.column, place.heights[rows])
    if inside.null_count:
        raise of.bad(inside, int(np.argmin(inside.is_valid().to_numpy())), "which is no withdrawal")
    whom = fixed(pc.struct_field(inside, "address"), 20, of)
    gwei, told = whole(pc.struct_field(inside, "amount"), of)
    if not (whom.there & told).all():
        raise of.bad(inside, int(np.argmin(whom.there & told)), "which is no withdrawal")
    return rows, whom, gwei


def topics(column: pa.ChunkedArray, place: Place) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Topics of logs, a list or text with commas -> (n, 4, 32) bytes, zeros where there are fewer; (n,) how many."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    if not (pt.is_list(column.type) or pt.is_large_list(column.type)):
        text = pc.fill_null(column.cast(pa.large_string()), "")
        column = pc.split_pattern(text, ",")
    lists = column.combine_chunks()
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    inside = pc.list_flatten(lists)
    inside = inside if isinstance(inside, pa.ChunkedArray) else pa.chunked_array([inside])
    of = fixed(inside, 32, Place(place.file, place.column, place.heights[rows]))
    rows, raw = rows[of.there], of.raw[of.there]  # no topic at all is one empty text
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    if (rank > 3).any():
        raise place.bad(column, int(rows[np.argmax(rank > 3)]), "which are more than four topics")
    out = np.zeros((len(column), 4, 32), np.uint8)
    out[rows, rank] = raw
    return out, np.bincount(rows, minlength=len(column))
