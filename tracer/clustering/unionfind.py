"""Streaming union-find: who was spent together, over one int32 array.

The pairs arrive in transaction order, in batches of any size; all that is carried over a border is four
numbers. The root of a set is its least address id, which is its earliest-seen member (ids are given in
order of first appearance), so the result depends on nothing but the pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int32 = NDArray[np.int32]
    Int64 = NDArray[np.int64]

MAX_ADDRESSES = 1 << 31
_NO_TX = -1
_TX, _FIRST, _LAST, _DISTINCT, _USED, _LINKS = range(6)


@njit(cache=True, nogil=True)
def _find(parent, node):  # type: ignore[no-untyped-def]
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def _add(parent, carry, tx_ids, address_ids):  # type: ignore[no-untyped-def]
    tx, first, last = carry[_TX], carry[_FIRST], carry[_LAST]
    distinct, used, links = carry[_DISTINCT], carry[_USED], carry[_LINKS]
    for i in range(tx_ids.size):
        address = address_ids[i]
        if tx_ids[i] != tx:
            tx, first, last, distinct = tx_ids[i], address, address, 1
            continue
        if address == last:
            continue
        last = address
        distinct += 1
        links += 1
        if distinct == 2:
            used += 1
        a, b = _find(parent, first), _find(parent, address)
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    carry[_TX], carry[_FIRST], carry[_LAST] = tx, first, last
    carry[_DISTINCT], carry[_USED], carry[_LINKS] = distinct, used, links


@njit(cache=True, nogil=True)
def _flatten(parent):  # type: ignore[no-untyped-def]
    # a parent is never greater than its child, so one ascending pass reaches every root
    for node in range(parent.size):
        parent[node] = parent[parent[node]]


class UnionFind:
    """Sets over the address ids `0 .. size-1`; 4 bytes each."""

    def __init__(self, size: int) -> None:
        """Every address starts as its own set. `size` is one more than the greatest id, at most 2**31."""
        if size > MAX_ADDRESSES:
            raise ValueError(f"{size} addresses are more than an int32 can number")
        self._parent = np.arange(size, dtype=np.int32)
        self._carry = np.array([_NO_TX, _NO_TX, _NO_TX, 0, 0, 0], dtype=np.int64)

    def add(self, tx_ids: Int64, address_ids: Int32) -> None:
        """Unite the addresses of each transaction.

        `tx_ids` int64 and `address_ids` int32 of equal length, ordered by (tx_id, address_id) within this
        batch and over all batches; repeats are fine. An unordered stream would silently lose links, so it
        is refused with a ValueError.
        """
        if tx_ids.size != address_ids.size:
            raise ValueError("tx_ids and address_ids differ in length")
        if not tx_ids.size:
            return
        if tx_ids[0] < self._carry[_TX] or np.any(tx_ids[1:] < tx_ids[:-1]):
            raise ValueError("transactions arrived out of order")
        _add(self._parent, self._carry, tx_ids, address_ids)

    @property
    def transactions_used(self) -> int:
        """Transactions that brought at least two distinct addresses."""
        return int(self._carry[_USED])

    @property
    def links(self) -> int:
        """Statements "these two are spent together": per transaction, its distinct addresses less one."""
        return int(self._carry[_LINKS])

    def roots(self) -> Int32:
        """For each address id, the least id of its set. A view: do not write to it."""
        _flatten(self._parent)
        return self._parent
