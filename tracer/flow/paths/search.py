"""The k best ways for money to have gone from one place to another, exactly, out of a network of outpoints.

A path starts in an output, goes through its spender to one of the outputs of that, and so on to the first output
that is a target. A spender comes after what it spends, within a block too, so every path respects time. Its
*bottleneck* is the least value on it, the start counted with what was seeded there: the most that can have flowed
along this path, under any convention (reference, C: "upper bound"). Money of one output can take one path only, so
bottlenecks of several paths do not add up.

Order: bottleneck, largest first; then fewer hops; then canonical outpoints from the start on, as texts. How far the
widest way on reaches is worked out first, backward, for every number of hops; a best-first search whose estimate is
that very width meets complete paths in this order and opens no more than k prefixes of each length (ADR 8).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tracer.flow.movements import I64

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Network:
    """Outputs of `m` transactions in execution order; `k` in all, those of one transaction together.

    out_start  int64[m+1]  slice of each transaction's outputs
    value      int64[k]    base units
    onward     int64[k]    index of the transaction that spends it, -1 where the money is not followed on
    target     bool[k]     a path ends here, and never goes through
    start      int64[k]    base units with which paths start here, 0 elsewhere; at most `value`
    """

    out_start: I64
    value: I64
    onward: I64
    target: Bools
    start: I64

    @cached_property
    def out_tx(self) -> I64:
        """Index of the transaction that made each output, int64[k]."""
        return np.repeat(np.arange(len(self.out_start) - 1), np.diff(self.out_start))


@dataclass(frozen=True)
class Path:
    """One way: the outputs from the start to the target, as indices. A hop is a transaction between two of them."""

    bottleneck: int
    outputs: tuple[int, ...]

    @property
    def hops(self) -> int:
        """Transactions on the way."""
        return len(self.outputs) - 1


class Paths:
    """All paths of at most `hops` hops and of at least `floor` base units in a network; at least one of each."""

    def __init__(self, network: Network, hops: int, floor: int = 1) -> None:
        """Works out both widths, each hop in columns; about hops * (m + 2 k) numbers are looked at."""
        self._net = network
        self._floor = max(1, floor)
        self._wide = np.where(network.value >= self._floor, network.value, 0)
        self._starts = np.minimum(network.start, self._wide)
        self._starts[self._starts < self._floor] = 0
        self.reached = self._widest_to(hops)
        self._widest = self._widest_on(hops)

    def _widest_to(self, hops: int) -> I64:
        """The most that can have come to each output by one path, int64[k]; 0 where none leads there.

        A start that no path leads to has 0 too: nothing was followed there.
        """
        net = self._net
        came = np.zeros(len(net.value), np.int64)
        carried, leaving = self._starts, np.flatnonzero((self._starts > 0) & (net.onward >= 0))
        for _ in range(hops):
            entered = np.zeros(len(net.out_start) - 1, np.int64)
            np.maximum.at(entered, net.onward[leaving], carried[leaving])
            found = np.maximum(came, np.minimum(self._wide, entered[net.out_tx]))
            if np.array_equal(found, came):
                break
            came = found
            # money in a target is there; only where it starts it goes on
            carried = np.where(net.target, self._starts, np.maximum(self._starts, came))
            leaving = np.flatnonzero((carried > 0) & (net.onward >= 0))
        return came

    def _widest_on(self, hops: int) -> list[I64]:
        """[g]: the widest way on from each transaction to a target output that has g transactions more; int64[m]."""
        net = self._net
        near = self._wide.copy()
        near[(self.reached == 0)] = 0  # the rest lies on no path
        found = [self._best_output(np.where(net.target, near, 0))]
        between = np.flatnonzero((near > 0) & ~net.target & (net.onward >= 0))
        while len(found) < hops and found[-1].any():
            on = np.zeros(len(near), np.int64)
            on[between] = np.minimum(near[between], found[-1][net.onward[between]])
            found.append(self._best_output(on))
        return found

    def _best_output(self, widths: I64) -> I64:
        """The largest of `widths` (int64[k]) among the outputs of each transaction, int64[m]."""
        best = np.zeros(len(self._net.out_start) - 1, np.int64)
        some = np.flatnonzero(widths)
        np.maximum.at(best, self._net.out_tx[some], widths[some])
        return best

    @cached_property
    def met(self) -> Bools:
        """Transactions that a path may lead through or start from, bool[m]: all that `best` compares by name."""
        net = self._net
        followed = net.onward >= 0
        onward = np.zeros(len(net.out_start) - 1, np.bool_)
        for widths in self._widest:
            onward |= widths > 0
        leads = np.zeros(len(net.value), np.bool_)
        leads[followed] = onward[net.onward[followed]]
        starting = np.zeros_like(onward)
        starting[net.out_tx[leads & (self._starts > 0)]] = True
        return onward | starting

    def best(self, count: int, rank: I64) -> list[Path]:
        """The `count` best paths, in order. `rank` (int64[k]): place of each output by its canonical name.

        Ranks of outputs of transactions in `met` must be distinct; others are not looked at. Every opened prefix
        belongs to one of the `count` best paths, so at most count * (hops + 1) are opened.
        """
        heap = self._beginnings(count, rank)
        heapq.heapify(heap)
        found: list[Path] = []
        while heap and len(found) < count:
            width, length, _, prefix = heapq.heappop(heap)
            if len(prefix) == length + 1:
                found.append(Path(-width, prefix))
                continue
            for item in self._steps(length, prefix, count, rank):
                heapq.heappush(heap, item)
        return found

    def _beginnings(self, count: int, rank: I64) -> list[_Item]:
        """The best starts with every number of hops; each begins a path of its own, so `count` of them do."""
        net = self._net
        starts = np.flatnonzero((self._starts > 0) & (net.onward >= 0))
        columns = [
            (np.minimum(self._starts[starts], on[net.onward[starts]]), np.full(len(starts), length), starts)
            for length, on in enumerate(self._widest, start=1)
        ]
        width, length, start = (np.concatenate(column) for column in zip(*columns, strict=True))
        order = np.lexsort((rank[start], length, -width))
        order = order[width[order] > 0][:count]
        return [
            (-w, h, (r,), (o,))
            for w, h, r, o in zip(
                width[order].tolist(), length[order].tolist(), rank[start[order]].tolist(),
                start[order].tolist(), strict=True,
            )
        ]  # fmt: skip

    def _steps(self, length: int, prefix: tuple[int, ...], count: int, rank: I64) -> list[_Item]:
        """The best next outputs of a path of `length` hops that has come so far."""
        net, left = self._net, length - len(prefix)
        tx = int(net.onward[prefix[-1]])
        outputs = np.arange(net.out_start[tx], net.out_start[tx + 1])
        widths = self._wide[outputs]
        if left == 0:
            widths = np.where(net.target[outputs], widths, 0)
        else:
            followed = ~net.target[outputs] & (net.onward[outputs] >= 0)
            on = self._widest[left - 1][net.onward[outputs]]
            widths = np.where(followed, np.minimum(widths, on), 0)
        widths = np.minimum(widths, self._narrowest(prefix))
        order = np.lexsort((rank[outputs], -widths))
        order = order[widths[order] > 0][:count]
        ranks = tuple(rank[list(prefix)].tolist())
        return [
            (-w, length, (*ranks, r), (*prefix, o))
            for w, r, o in zip(
                widths[order].tolist(), rank[outputs[order]].tolist(), outputs[order].tolist(), strict=True
            )
        ]

    def _narrowest(self, prefix: tuple[int, ...]) -> int:
        """The bottleneck so far."""
        first, *more = prefix
        widths: list[int] = self._wide[more].tolist()
        return min([int(self._starts[first]), *widths])


_Item = tuple[int, int, tuple[int, ...], tuple[int, ...]]
"""Width of the best completion (negative), its hops, names and outputs of the path so far."""


def by_name(txids: Sequence[str], out_start: I64) -> I64:
    """Place of each output by (txid as text, vout), int64[k]; outputs are in vout order."""
    counts = np.diff(out_start)
    order = np.argsort(np.array(txids, dtype=np.str_), kind="stable")
    first = np.zeros(len(counts), np.int64)
    first[order] = np.cumsum(counts[order]) - counts[order]
    return np.repeat(first - out_start[:-1], counts) + np.arange(counts.sum())
