"""Numbering addresses: equal ones alike, others apart, however many begin with the same bytes."""

import random

import numpy as np
import pytest

from tracer.ledger import kernels

BEGINNINGS = {"each its own": 20, "all the same eight bytes": 3}
"""Bytes of a payload that are drawn; the rest are zeros, at the front."""


@pytest.mark.parametrize("drawn", BEGINNINGS.values(), ids=BEGINNINGS)
def test_addresses_are_numbered_as_a_dictionary_does(dice: random.Random, drawn: int) -> None:
    known = [dice.randbytes(drawn).rjust(20, b"\0") for _ in range(50_000)]
    payloads = [dice.choice(known) for _ in range(100_000)]
    data = np.frombuffer(b"".join(payloads), np.uint8).copy()
    offsets, kinds = np.arange(len(payloads) + 1) * 20, np.full(len(payloads), 4, np.uint8)
    prefixes = np.empty(len(payloads), np.int64)
    kernels.address_prefixes(kinds, offsets, data, prefixes)
    table = np.full(kernels.table_size(len(payloads)), -1, np.int32)
    local, firsts = np.empty(len(payloads), np.int32), np.empty(len(payloads), np.int64)
    count = kernels.same_addresses(kinds, prefixes, offsets, data, table, local, firsts)
    numbers: dict[bytes, int] = {}
    assert local.tolist() == [numbers.setdefault(payload, len(numbers)) for payload in payloads]
    assert [payloads[row] for row in firsts[:count].tolist()] == list(numbers)
