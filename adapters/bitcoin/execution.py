"""The order in which the transactions of a block happen, where the block has them in the order of their txids.

bitcoin-cash orders a block by txid since November 2018 (CTOR): a transaction may stand before one whose output it
spends. Money moves in the order of execution: parents before children, else as the block has them.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

_MIX = np.uint64(0x9E3779B97F4A7C15)


@nb.njit(nogil=True, cache=True)
def _first_unsorted(txids, firsts, counts, first):  # type: ignore[no-untyped-def]
    for b in range(first, counts.shape[0]):
        for t in range(firsts[b] + 2, firsts[b] + counts[b]):
            for k in range(31, -1, -1):  # the number a txid is, least byte first
                if txids[t, k] != txids[t - 1, k]:
                    break
            if txids[t, k] <= txids[t - 1, k]:
                return b
    return -1


def first_unsorted(
    txids: NDArray[np.uint8], firsts: NDArray[np.int64], counts: NDArray[np.int64], first: int
) -> int | None:
    """The first block from `first` on whose transactions, the coinbase apart, do not ascend by txid."""
    found = int(_first_unsorted(txids, firsts, counts, first))
    return None if found < 0 else found


@nb.njit(nogil=True, cache=True)
def _sift_up(heap, size, value):  # type: ignore[no-untyped-def]
    at = size
    while at > 0 and heap[(at - 1) // 2] > value:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = value


@nb.njit(nogil=True, cache=True)
def _pop(heap, size):  # type: ignore[no-untyped-def]
    """Least of a heap of `size`; it has one less then."""
    least = heap[0]
    last = heap[size - 1]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size - 1:
            break
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = last
    return least


@nb.njit(nogil=True, cache=True)
def _order(words, prev_words, in_first, firsts, counts, first, order):  # type: ignore[no-untyped-def]
    most = 0
    edges = 0
    for b in range(first, counts.shape[0]):
        most = max(most, counts[b])
        edges = max(edges, in_first[firsts[b] + counts[b]] - in_first[firsts[b]])
    slots = 16
    while slots < 2 * most:
        slots *= 2
    mask = np.uint64(slots - 1)
    table = np.empty(slots, np.int64)
    waits = np.empty(most, np.int64)  # parents in the block that did not happen yet
    head = np.empty(most, np.int64)  # of each parent's list of children
    child = np.empty(edges, np.int64)
    following = np.empty(edges, np.int64)
    heap = np.empty(most, np.int64)
    for b in range(first, counts.shape[0]):
        n = counts[b]
        at = firsts[b]
        table[:] = -1
        for t in range(n):
            waits[t] = 0
            head[t] = -1
            slot = (words[at + t, 0] * _MIX) >> np.uint64(20) & mask
            while table[slot] >= 0:
                slot = (slot + np.uint64(1)) & mask
            table[slot] = t
        n_edges = 0
        for t in range(n):
            for i in range(in_first[at + t], in_first[at + t + 1]):
                slot = (prev_words[i, 0] * _MIX) >> np.uint64(20) & mask
                while table[slot] >= 0:
                    p = table[slot]
                    same = True
                    for k in range(4):
                        same = same and words[at + p, k] == prev_words[i, k]
                    if same:
                        child[n_edges] = t
                        following[n_edges] = head[p]
                        head[p] = n_edges
                        n_edges += 1
                        waits[t] += 1
                        break
                    slot = (slot + np.uint64(1)) & mask
        size = 0
        for t in range(n):
            if waits[t] == 0:
                _sift_up(heap, size, t)
                size += 1
        done = 0
        while size > 0:
            t = _pop(heap, size)
            size -= 1
            order[at + done] = at + t
            done += 1
            e = head[t]
            while e >= 0:
                waits[child[e]] -= 1
                if waits[child[e]] == 0:
                    _sift_up(heap, size, child[e])
                    size += 1
                e = following[e]
        for t in range(n):  # a ring of spends, which no honest txids make: as the block has them
            if waits[t] > 0:
                order[at + done] = at + t
                done += 1


def execution_order(
    txids: NDArray[np.uint8],
    prev_txids: NDArray[np.uint8],
    inputs: NDArray[np.int64],
    counts: NDArray[np.int64],
    first: int,
) -> NDArray[np.int64]:
    """Rows of transactions in the order in which they happen: in blocks below `first` as they stand.

    txids (t, 32), prev_txids (i, 32) uint8: of every input, by transaction; inputs (t,): how many each has; counts
    (b,): transactions of each block. Of those whose parents in the block are done, the first of the block comes next.
    """
    order = np.arange(len(txids))
    if first >= len(counts):
        return order
    firsts = np.cumsum(counts) - counts
    in_first = np.concatenate(([0], np.cumsum(inputs))).astype(np.int64)
    words = np.ascontiguousarray(txids).view(np.uint64).reshape(-1, 4)
    prev_words = np.ascontiguousarray(prev_txids).view(np.uint64).reshape(-1, 4)
    _order(words, prev_words, in_first, firsts, counts, first, order)
    return order
