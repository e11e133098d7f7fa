"""The shortest way between two addresses through what they were spent in, and through pairs that were linked.

Breadth first over arrays: the rows of a cluster (a transaction and one of its inputs' addresses) and its pairs.
Among ways of equal length one alone is right: from the start on, each next link is the one that lies earliest in
the chain. So the answer depends neither on address ids nor on the order in which blocks were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int32 = NDArray[np.int32]
    Int64 = NDArray[np.int64]

BY_SPEND, BY_PAIR = 0, 1
"""What a link of a way is: a common spend, or a pair."""


@njit(cache=True, nogil=True)
def _places(nodes, size):  # type: ignore[no-untyped-def]
    """Where each node stands in `nodes`: (start of each node's places, places ascending within a node)."""
    start = np.zeros(size + 1, np.int64)
    for i in range(nodes.size):
        start[nodes[i] + 1] += 1
    for node in range(size):
        start[node + 1] += start[node]
    free = start[:-1].copy()
    places = np.empty(nodes.size, np.int64)
    for i in range(nodes.size):
        places[free[nodes[i]]] = i
        free[nodes[i]] += 1
    return start, places


@njit(cache=True, nogil=True)
def _groups(tx_ids):  # type: ignore[no-untyped-def]
    """The transaction of each row, counted from 0, and where each transaction's rows start."""
    group = np.empty(tx_ids.size, np.int64)
    start = np.empty(tx_ids.size + 1, np.int64)
    count = 0
    for i in range(tx_ids.size):
        if i == 0 or tx_ids[i] != tx_ids[i - 1]:
            start[count] = i
            count += 1
        group[i] = count - 1
    start[count] = tx_ids.size
    return group, start[: count + 1]


@njit(cache=True, nogil=True)
def _distances(graph, size, source, target):  # type: ignore[no-untyped-def]
    """Links from each node to `target`, -1 where not known; known for all that are nearer than `source`."""
    nodes, group, group_start, row_start, rows, ends, pair_start, pairs = graph
    distance = np.full(size, -1, np.int32)
    done = np.zeros(group_start.size, np.bool_)
    queue = np.empty(size, np.int32)
    distance[target] = 0
    queue[0] = target
    first, last = 0, 1
    while first < last and distance[source] < 0:
        node = queue[first]
        first += 1
        further = distance[node] + 1
        for place in range(row_start[node], row_start[node + 1]):
            tx = group[rows[place]]
            if done[tx]:
                continue
            done[tx] = True
            for row in range(group_start[tx], group_start[tx + 1]):
                if distance[nodes[row]] < 0:
                    distance[nodes[row]] = further
                    queue[last] = nodes[row]
                    last += 1
        for place in range(pair_start[node], pair_start[node + 1]):
            other = ends[pairs[place] ^ 1]
            if distance[other] < 0:
                distance[other] = further
                queue[last] = other
                last += 1
    return distance


@njit(cache=True, nogil=True)
def _walk(graph, tx_ids, pair_tx, distance, source):  # type: ignore[no-untyped-def]
    """From `source` on, at each node the earliest link that comes nearer."""
    nodes, group, group_start, row_start, rows, ends, pair_start, pairs = graph
    steps = np.empty((distance[source], 3), np.int64)
    node = source
    for step in range(steps.shape[0]):
        near = distance[node] - 1
        mine, other, seen = -1, -1, -1
        for place in range(row_start[node], row_start[node + 1]):
            mine = rows[place]
            tx = group[mine]
            if tx != seen:
                seen = tx
                for row in range(group_start[tx], group_start[tx + 1]):
                    if distance[nodes[row]] == near:
                        other = row
                        break
            if other >= 0:
                break
        end = -1
        for place in range(pair_start[node], pair_start[node + 1]):
            if distance[ends[pairs[place] ^ 1]] == near:
                end = pairs[place]
                break
        if end >= 0 and (other < 0 or pair_tx[end >> 1] < tx_ids[other]):
            steps[step, 0], steps[step, 1], steps[step, 2] = BY_PAIR, end, end ^ 1
            node = ends[end ^ 1]
        else:
            steps[step, 0], steps[step, 1], steps[step, 2] = BY_SPEND, mine, other
            node = nodes[other]
    return steps


@dataclass(frozen=True)
class Graph:
    """What links the members of one cluster; members are numbered `0 .. size - 1`.

    tx_ids, nodes  int64[r], int32[r]: the member of each input, by (transaction, input)
    pair_tx        int64[p]: where in the chain a pair is shown; ascending, equal ones in their own natural order
    ends           int32[2p]: both members of each pair, one pair after the other
    """

    size: int
    tx_ids: Int64
    nodes: Int32
    pair_tx: Int64
    ends: Int32

    def shortest(self, source: int, target: int) -> Int64 | None:
        """int64[links, 3], or None where nothing joins them; source and target are two different members.

        A link is (BY_SPEND, row, row) in `nodes`, or (BY_PAIR, end, end) in `ends`: whence, then where to. Of
        equally short ways, link by link from the source: the earliest transaction, then a common spend before a
        pair, then the lowest input (the first pair).
        """
        group, starts = _groups(self.tx_ids)
        row_start, rows = _places(self.nodes, self.size)
        pair_start, pairs = _places(self.ends, self.size)
        graph = (self.nodes, group, starts, row_start, rows, self.ends, pair_start, pairs)
        distance = _distances(graph, self.size, source, target)
        if distance[source] < 0:
            return None
        way: Int64 = _walk(graph, self.tx_ids, self.pair_tx, distance, source)
        return way
