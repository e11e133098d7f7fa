"""The union-find kernel equals a partition computed by hand, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.clustering.unionfind import UnionFind

ADDRESSES = 30
ledgers = st.lists(st.lists(st.integers(0, ADDRESSES - 1), max_size=6), max_size=25)
"""Transactions in order, each the addresses of its inputs (repeats and empty ones included)."""


def partition(transactions: list[list[int]]) -> list[int]:
    """For each address the least member of its set, by plain set arithmetic."""
    sets = [{address} for address in range(ADDRESSES)]
    for spent in transactions:
        touched = [s for s in sets if s & set(spent)]
        if touched:
            sets = [s for s in sets if s not in touched] + [set().union(*touched)]
    least = {address: min(s) for s in sets for address in s}
    return [least[address] for address in range(ADDRESSES)]


def stream(transactions: list[list[int]], batch: int) -> UnionFind:
    pairs = [(tx, address) for tx, spent in enumerate(transactions) for address in sorted(spent)]
    sets = UnionFind(ADDRESSES)
    for at in range(0, len(pairs), batch):
        part = pairs[at : at + batch]
        sets.add(np.array([t for t, _ in part], np.int64), np.array([a for _, a in part], np.int32))
    return sets


@settings(deadline=None)
@given(ledgers, st.integers(1, 60))
def test_roots_are_the_least_member_for_any_batch_size(transactions: list[list[int]], batch: int) -> None:
    assert stream(transactions, batch).roots().tolist() == partition(transactions)


@settings(deadline=None)
@given(ledgers, st.integers(1, 60))
def test_counts_follow_distinct_addresses_for_any_batch_size(
    transactions: list[list[int]], batch: int
) -> None:
    sets = stream(transactions, batch)
    distinct = [len(set(spent)) for spent in transactions]
    assert sets.transactions_used == sum(n >= 2 for n in distinct)
    assert sets.links == sum(n - 1 for n in distinct if n)


def test_a_transaction_cut_by_a_batch_border_still_joins_its_inputs() -> None:
    assert stream([[4, 7, 9]], batch=1).roots()[[4, 7, 9]].tolist() == [4, 4, 4]


@pytest.mark.parametrize("second", [[3, 2], [0, 5]], ids=["inside a batch", "against the batch before"])
def test_an_unordered_stream_is_refused_not_silently_unlinked(second: list[int]) -> None:
    sets = UnionFind(ADDRESSES)
    sets.add(np.array([1, 1], np.int64), np.array([0, 1], np.int32))
    with pytest.raises(ValueError, match="out of order"):
        sets.add(np.array(second, np.int64), np.array([0, 1], np.int32))


def test_more_addresses_than_an_int32_can_number_are_refused() -> None:
    with pytest.raises(ValueError, match="int32"):
        UnionFind((1 << 31) + 1)
