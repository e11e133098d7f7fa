"""The prefixes that look-up tables are sorted by: the same one by one and by column."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tracer.chain import AddressKey
from tracer.ledger.prefix import address_prefix, address_prefixes


@given(st.lists(st.tuples(st.integers(0, 10), st.binary(min_size=2, max_size=40)), min_size=1, max_size=30))
def test_prefixes_by_column_are_those_of_single_addresses(keys: list[tuple[int, bytes]]) -> None:
    frame = pl.DataFrame(keys, schema={"kind": pl.UInt8, "payload": pl.Binary}, orient="row")
    expected = [address_prefix(AddressKey(kind, payload)) for kind, payload in keys]
    assert address_prefixes(frame).to_list() == expected
