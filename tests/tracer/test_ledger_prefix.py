"""The prefixes that look-up tables are sorted by: the same one by one and by column."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.chain import AddressKey
from tracer.ledger import kernels
from tracer.ledger.prefix import address_prefix, address_prefixes


@settings(deadline=None)  # the first example loads a kernel
@given(st.lists(st.tuples(st.integers(0, 10), st.binary(min_size=2, max_size=40)), min_size=1, max_size=30))
def test_prefixes_by_column_are_those_of_single_addresses(keys: list[tuple[int, bytes]]) -> None:
    frame = pl.DataFrame(keys, schema={"kind": pl.UInt8, "payload": pl.Binary}, orient="row")
    expected = [address_prefix(AddressKey(kind, payload)) for kind, payload in keys]
    assert address_prefixes(frame).to_list() == expected
    sizes = [0, *accumulate(len(payload) for _, payload in keys)]
    data = np.frombuffer(b"".join(payload for _, payload in keys), np.uint8).copy()
    out = np.empty(len(keys), np.int64)
    kernels.address_prefixes(np.array([kind for kind, _ in keys], np.uint8), np.array(sizes), data, out)
    assert out.tolist() == expected
