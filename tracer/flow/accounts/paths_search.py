"""The best ways for money to have gone over account transfers, exactly: each from the account that held it first.

A path is a row of transfers and conversions: each takes out of an account, in the asset that came, what an earlier one
brought there; of one transaction the order of execution decides. It ends at the first that is a target. What can have
gone along it is bounded by every amount on the way; a conversion scales the bound by its own rate, rounded up, as the
ceiling does (heuristics.md section C, "Upper bound"). It starts with all that was seeded in its first account by then.

An account is filled again and again, so the search over outpoints (`tracer.flow.paths.search`), where what is spent is
spent by one transaction, would need a copy of every payment for every arrival before it. Here one pass in the order of
execution keeps for each queue and number of hops the most that can be there by then.

Order: fewer hops; then the asset that arrives, by its number, as amounts of several are never compared; then the most
that can have arrived; then the order of the chain, from the end back. More at the start of a way is never less at
its end, so what can have come to each row is the exact estimate of a best-first search from the end (ADR 8).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from numba import njit

from tracer.flow.movements import I64
from tracer.flow.queues.shared import still
from tracer.flow.queues.wide import Wide, add, at, less, mul_div, put, to_ints

Bools = npt.NDArray[np.bool_]

_FAR = 1 << 30
"""More steps than any path has."""


@dataclass(frozen=True)
class AccountNetwork:
    """`n` rows in the order of execution between queues, `(account, asset)`, numbered from 0 to `queues` - 1.

    source   int64[n]  queue that pays; -1 where none does, or the row may be no step
    target   int64[n]  queue that is paid; -1 where the money is not followed on
    given    Wide[n]   base units that left `source`; of an unknown amount 0
    got      Wide[n]   base units that came to `target`: others than `given` in a conversion
    unknown  bool[n]   nobody could read the amount: it bounds nothing
    asset    int64[n]  number of the asset that arrives
    ends     bool[n]   a path ends here, and never goes through
    seed     Wide[n]   base units that were seeded here: paths start where they came to
    starts   bool[n]   the seed is what this row itself takes out: it is the first step
    least    Wide[n]   below this many units of `asset` no path goes; `least_in` of the asset that `source` gives
    """

    queues: int
    source: I64
    target: I64
    given: Wide
    got: Wide
    unknown: Bools
    asset: I64
    ends: Bools
    seed: Wide
    starts: Bools
    least: Wide
    least_in: Wide


@dataclass(frozen=True)
class Way:
    """One path. `seeds`: rows by which what it starts with was seeded; `steps`: its rows.

    started, carried  base units with which it starts, and at most after each step, in the asset that arrives there
    """

    seeds: tuple[int, ...]
    steps: tuple[int, ...]
    started: int
    carried: tuple[int, ...]

    @property
    def hops(self) -> int:
        """Its steps, conversions too."""
        return len(self.steps)

    @property
    def bottleneck(self) -> int:
        """The most that can have arrived along it."""
        return self.carried[-1]

    @property
    def outputs(self) -> tuple[int, ...]:
        """All its rows."""
        return (*(row for row in self.seeds if row not in self.steps), *self.steps)


class AccountPaths:
    """All paths of at most `hops` steps in a network.

    reached  Wide[n]  the most that can have come through each row by one path; 0 where none leads there
    """

    def __init__(self, network: AccountNetwork, hops: int) -> None:
        """Two passes over the rows, the second keeps 16 bytes for each row on the way and number of hops."""
        self._net, self._hops = network, hops
        after = _after(
            still(network.source), still(network.target), still(network.ends), still(network.starts),
            network.queues,
        )  # fmt: skip
        on_the_way = after < hops
        self._slot = np.where(on_the_way, np.cumsum(on_the_way) - 1, -1)
        self.reached, self._came = _forward(
            *self._columns(), still(network.source), still(network.target), still(network.ends),
            still(network.seed), still(network.starts), still(self._slot), network.queues, hops,
            int(np.count_nonzero(on_the_way)),
        )  # fmt: skip

    def _columns(self) -> tuple[Wide, Wide, Bools, Wide, Wide]:
        """What bounds a step, as kernels read it."""
        net = self._net
        return still(net.given), still(net.got), still(net.unknown), still(net.least_in), still(net.least)

    def best(self, count: int) -> list[Way]:
        """The `count` best, in order; every prefix that is opened belongs to one of them, of each hops and asset."""
        found: list[Way] = []
        for way in self._ways(count):
            found.append(way)
            if len(found) == count:
                break
        return found

    def _ways(self, count: int) -> Iterator[Way]:
        net = self._net
        ends = np.flatnonzero(net.ends & (self._slot >= 0))
        for hops in range(1, self._hops + 1):
            came = self._came[hops - 1][self._slot[ends]]
            met = ends[came.any(axis=1)]
            for asset in np.unique(net.asset[met]).tolist():
                yield from self._of(met[net.asset[met] == asset], hops, count)

    def _of(self, ends: I64, hops: int, count: int) -> Iterator[Way]:
        """The best ways of exactly so many hops to these rows, from the end back."""
        heap: list[tuple[int, tuple[int, ...]]]
        heap = [(-units, (row,)) for units, row in self._largest(ends, hops, (), count)]
        heapq.heapify(heap)
        while heap:
            _, back = heapq.heappop(heap)
            if len(back) == hops:
                yield self._way(back[::-1])
                continue
            before = self._before(back[-1])
            for units, row in self._largest(before, hops - len(back), back[::-1], count):
                heapq.heappush(heap, (-units, (*back, row)))

    def _largest(self, rows: I64, hops: int, on: tuple[int, ...], count: int) -> list[tuple[int, int]]:
        """Of rows to which `hops` steps lead those by which most arrives through `on`: units, row; best first."""
        came = self._came[hops - 1][self._slot[rows]].copy()
        some = came.any(axis=1)
        rows, came = rows[some], came[some]
        through = _through(came, np.array(on, np.int64), *self._columns())
        order = np.lexsort((rows, ~through[:, 0], ~through[:, 1]))[:count]
        return [
            (units, row)
            for units, row in zip(to_ints(through[order]), rows[order].tolist(), strict=True)
            if units
        ]

    def _before(self, row: int) -> I64:
        """Rows by which money can have come to where this one takes it, of those on the way."""
        order, queue = self._arrivals
        own = order[
            slice(*np.searchsorted(queue, [self._net.source[row], self._net.source[row] + 1]).tolist())
        ]
        return own[: np.searchsorted(own, row)]

    @cached_property
    def _arrivals(self) -> tuple[I64, I64]:
        """Rows that go on, by the queue they go to and then in order; that queue."""
        net = self._net
        on = np.flatnonzero((net.target >= 0) & ~net.ends & (self._slot >= 0))
        order = on[np.argsort(net.target[on], kind="stable")]
        return order, net.target[order]

    def _way(self, steps: tuple[int, ...]) -> Way:
        net, first = self._net, steps[0]
        seeded = (
            net.seed[:first].any(axis=1) & ~net.starts[:first] & (net.target[:first] == net.source[first])
        )
        seeds = [int(row) for row in np.flatnonzero(seeded)] if net.source[first] >= 0 else []
        if net.starts[first]:
            seeds.append(first)
        started = min(sum(to_ints(net.seed[seeds])), (1 << 128) - 1)
        whole = np.array([[started & (1 << 64) - 1, started >> 64]], np.uint64)
        carried = [
            to_ints(_through(whole.copy(), np.array(steps[:length], np.int64), *self._columns()))[0]
            for length in range(1, len(steps) + 1)
        ]
        return Way(tuple(seeds), steps, started, tuple(carried))


@njit(cache=True, nogil=True)
def _after(source, target, ends, starts, queues):  # type: ignore[no-untyped-def]
    """int64[n]: the least number of steps from each row to a target, _FAR where none leads there."""
    need = np.full(queues, _FAR, np.int64)
    after = np.full(len(source), _FAR, np.int64)
    for r in range(len(source) - 1, -1, -1):
        s, t = source[r], target[r]
        if s < 0 and not starts[r]:
            continue
        if ends[r]:
            after[r] = 0
        elif t >= 0:
            after[r] = min(need[t] + 1, _FAR)
        if s >= 0:
            need[s] = min(need[s], after[r])
    return after


@njit(cache=True, nogil=True)
def _step(hi, lo, r, given, got, unknown, least_in, least):  # type: ignore[no-untyped-def]
    """How many of so many units can have gone through a row, in what arrives."""
    zero, one = np.uint64(0), np.uint64(1)
    gh, gl = at(given, r)
    if not unknown[r] and less(gh, gl, hi, lo):
        hi, lo = gh, gl
    fh, fl = at(least_in, r)
    if less(hi, lo, fh, fl) or (hi == zero and lo == zero):
        return zero, zero
    oh, ol = at(got, r)
    if oh != gh or ol != gl:
        hi, lo, rh, rl = mul_div(hi, lo, oh, ol, gh, gl)
        if rh != zero or rl != zero:
            hi, lo, _ = add(hi, lo, zero, one)
    fh, fl = at(least, r)
    if less(hi, lo, fh, fl):
        return zero, zero
    return hi, lo


@njit(cache=True, nogil=True)
def _through(units, steps, given, got, unknown, least_in, least):  # type: ignore[no-untyped-def]
    """Numbers of units after these steps, in place."""
    for i in range(len(units)):
        hi, lo = at(units, i)
        for r in steps:
            hi, lo = _step(hi, lo, r, given, got, unknown, least_in, least)
        put(units, i, hi, lo)
    return units


@njit(cache=True, nogil=True)
def _forward(  # type: ignore[no-untyped-def]
    given, got, unknown, least_in, least, source, target, ends, seed, starts, slot, queues, hops, slots
):  # fmt: skip
    """`reached`, and of rows with a slot the most that can have come through them by exactly 1, 2, ... steps."""
    zero, most = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)
    reached = np.zeros((len(source), 2), np.uint64)
    came = np.zeros((hops, slots, 2), np.uint64)
    # what was seeded in each queue, and what can have come there by how many steps; row 0 is of the seeds
    there = np.zeros((hops, queues, 2), np.uint64)
    for r in range(len(source)):
        s, t = source[r], target[r]
        sh, sl = at(seed, r)
        for h in range(hops - 1, -1, -1):  # lest a row that pays its own account is gone through twice
            hi, lo = zero, zero
            if s >= 0:
                hi, lo = at(there[h], s)
            if h == 0 and starts[r]:
                hi, lo, over = add(hi, lo, sh, sl)
                if over:
                    hi, lo = most, most
            if hi == zero and lo == zero:
                continue
            hi, lo = _step(hi, lo, r, given, got, unknown, least_in, least)
            bh, bl = at(reached, r)
            if less(bh, bl, hi, lo):
                put(reached, r, hi, lo)
            if slot[r] >= 0:
                put(came[h], slot[r], hi, lo)
            if t >= 0 and not ends[r] and h + 1 < hops:
                bh, bl = at(there[h + 1], t)
                if less(bh, bl, hi, lo):
                    put(there[h + 1], t, hi, lo)
        if t >= 0 and not starts[r] and (sh != zero or sl != zero):
            hi, lo = at(there[0], t)
            hi, lo, over = add(hi, lo, sh, sl)
            if over:
                hi, lo = most, most
            put(there[0], t, hi, lo)
    return reached, came
