"""Arrow columns of bytes, without a Python object for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.classify import Scripts

if TYPE_CHECKING:
    import pyarrow as pa


def binary32(rows: NDArray[np.uint8]) -> pa.Array:
    """An (n, 32) byte matrix as an Arrow column, without a copy."""
    import pyarrow as pa

    rows = np.ascontiguousarray(rows)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(rows), [None, pa.py_buffer(rows)])


@nb.njit(nogil=True, cache=True)
def _pack(buffer, starts, offsets, out):  # type: ignore[no-untyped-def]
    """Copy slices of `buffer` one after the other; offsets (n + 1,) are their places in `out`."""
    for i in range(starts.shape[0]):
        for k in range(offsets[i + 1] - offsets[i]):
            out[offsets[i] + k] = buffer[starts[i] + k]


def slices(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64], valid: NDArray[np.bool_]
) -> pa.Array:
    """Byte slices as an Arrow binary column, null where not valid."""
    import pyarrow as pa

    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    data = np.empty(int(offsets[-1]), np.uint8)
    _pack(buffer, starts, offsets, data)
    mask = np.packbits(valid, bitorder="little")
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(sizes), [pa.py_buffer(mask), pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def payload_column(scripts: Scripts) -> pa.Array:
    """Payloads as an Arrow binary column, null where a script has no address."""
    width = scripts.payload.shape[1]
    starts = np.arange(len(scripts.payload)) * width
    sizes = scripts.length.astype(np.int64)
    return slices(scripts.payload.reshape(-1), starts, sizes, scripts.length > 0)
