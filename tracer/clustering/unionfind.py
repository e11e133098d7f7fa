"""Streaming union-find: who was spent together, over one int32 array, with what must not be joined.

The pairs arrive in transaction order, in batches of any size. The root of a set is its least number, which is
its earliest-seen member where numbers follow the order of first appearance, so the result depends on nothing but
the pairs and the constraints. Each root holds the size of its set, negated, in the same array.

Constraints: two sets of different parties, and pairs that must stay apart. A transaction that would break one
joins nobody at all: it was signed by more than one party, and nobody can tell which of its inputs are whose.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.clustering import kernels
from tracer.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int32 = NDArray[np.int32]
    Int64 = NDArray[np.int64]

MAX_ADDRESSES = 1 << 31
LARGE = 10_000
"""Addresses from which on a set is large: two of them that meet raise an alarm (P; heuristics.md A5)."""
LEAP = 100
"""The largest set of all, once large, must not grow by more than one part in so many at once (P; A5)."""

REASONS = ("", "different_parties", "split", "both_large", "leap", "one_side_known")
"""Why a link was refused, by code."""


@dataclass(frozen=True)
class Merges:
    """Where two sets of two members or more became one, in the order in which it happened. Columns of equal length.

    kept, merged   the least members of both, as they were before; their sizes then
    alarm          both were large, or the largest of all grew by a leap
    by_key         one key, not a common spend
    """

    tx_id: Int64
    by_key: NDArray[np.bool_]
    kept: Int32
    merged: Int32
    kept_size: Int32
    merged_size: Int32
    alarm: NDArray[np.bool_]


def _merges_of(rows: Int64) -> Merges:
    """The rows of one batch in as few bytes as they need: there may be millions."""
    kept, merged, kept_size, merged_size = (rows[:, i].astype(np.int32) for i in range(2, 6))
    by_key, alarm = rows[:, 1].astype(bool), rows[:, 6].astype(bool)
    return Merges(rows[:, 0].copy(), by_key, kept, merged, kept_size, merged_size, alarm)


@dataclass(frozen=True)
class Refused:
    """Transactions (or key links) that joined nobody, because a and b must not be joined; `reason` in `REASONS`."""

    tx_id: Int64
    a: Int32
    b: Int32
    reason: Int32
    by_key: NDArray[np.bool_]


@dataclass(frozen=True)
class Sizes:
    """Sets, those of two members or more, members of the largest; `alone` bool[size]: who is a set by itself."""

    sets: int
    non_singleton: int
    largest: int
    alone: NDArray[np.bool_]


class UnionFind:
    """Sets over the numbers `0 .. size-1`; 4 bytes each, 8 with parties, 16 with pairs that must stay apart."""

    def __init__(
        self,
        size: int,
        *,
        roots: Int32 | None = None,
        parties: Int32 | None = None,
        apart: Int32 | None = None,
        keys: Int64 | None = None,
        large: int = LARGE,
        leap: int = LEAP,
    ) -> None:
        """Every number starts as its own set, or in the sets of a former build.

        size     one more than the greatest number; `UsageError` above 2**31
        roots    int32[<= size], the least member of each number's set, as `roots()` gave them
        parties  int32[size], the party each is known to belong to; 0 where none is known
        apart    int32[m, 2], pairs that must never be in one set
        keys     int64[k, 3], (tx_id, a, b) by tx_id: two of one key, from that transaction on
        """
        if size > MAX_ADDRESSES:
            raise UsageError(
                f"{size:,} addresses are more than the {MAX_ADDRESSES:,} that a store can number.",
                hint="Read fewer blocks into this workspace; nothing was changed.",
            )
        self._parent = np.full(size, -1, dtype=np.int32)
        self._counts = np.zeros(4, dtype=np.int64)
        self._limits = large, leap
        self._earliest = np.iinfo(np.int64).min  # what may come next
        self._tail: tuple[Int64, Int32] = (np.empty(0, np.int64), np.empty(0, np.int32))
        self._merges: list[Merges] = []
        self._refused: list[NDArray[np.int64]] = []
        self._keys = np.ascontiguousarray(keys) if keys is not None else np.empty((0, 3), np.int64)
        if roots is not None:
            kernels.regrow(self._parent, roots)
        self._counts[kernels.LARGEST] = -int(self._parent.min(initial=-1))
        self._party = np.empty(0, np.int32)
        if parties is not None and parties.any():
            self._party = np.zeros(size, np.int32)
            kernels.settle(self._parent, parties, self._party)
        self._pairs(apart)

    def _pairs(self, apart: Int32 | None) -> None:
        """Each root's pairs as a chain: `head` and `tail` by root, `chained` and `other` by place."""
        self._head = self._end = np.empty(0, np.int32)
        self._chained = self._other = np.empty(0, np.int32)
        if apart is None or not len(apart):
            return
        size = self._parent.size
        self._head, self._end = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
        ends = np.concatenate((apart, apart[:, ::-1])).astype(np.int32)
        self._other = np.ascontiguousarray(ends[:, 1])
        self._chained = np.full(len(ends), -1, np.int32)
        members = np.ascontiguousarray(ends[:, 0])
        kernels.chain(self._parent, members, self._head, self._end, self._chained)

    @property
    def _state(self) -> tuple[Any, ...]:
        return (
            self._parent, self._party, self._head, self._end, self._chained, self._other, self._counts,
        )  # fmt: skip

    def add(self, tx_ids: Int64, members: Int32) -> None:
        """Unite the members of each transaction, unless a constraint forbids it.

        `tx_ids` int64 and `members` int32 of equal length, ordered by (tx_id, member) within this batch, and by
        tx_id over all batches; repeats are fine. An unordered stream would silently lose links, so it is refused with a
        ValueError. The last transaction of a batch waits for the next one, or for `finish`.
        """
        if tx_ids.size != members.size:
            raise ValueError("tx_ids and members differ in length")
        if not tx_ids.size:
            return
        waiting, ids = self._tail
        if tx_ids[0] < self._earliest or np.any(tx_ids[1:] < tx_ids[:-1]):
            raise ValueError("transactions arrived out of order")
        self._earliest = int(tx_ids[-1])
        whole = int(np.searchsorted(tx_ids, tx_ids[-1]))
        if whole == 0 and waiting.size and waiting[-1] == tx_ids[0]:
            self._tail = np.concatenate((waiting, tx_ids)), np.sort(np.concatenate((ids, members)))
            return
        if waiting.size and waiting[-1] == tx_ids[0]:
            same = int(np.searchsorted(tx_ids, tx_ids[0], side="right"))
            both = np.sort(np.concatenate((ids, members[:same])))  # ordered in each batch, not over both
            self._take(np.concatenate((waiting, tx_ids[:same])), both, int(tx_ids[0]))
            self._take(tx_ids[same:whole], members[same:whole], int(tx_ids[-1]))
        else:
            self._take(waiting, ids, int(tx_ids[0]))
            self._take(tx_ids[:whole], members[:whole], int(tx_ids[-1]))
        self._tail = tx_ids[whole:].copy(), members[whole:].copy()

    def finish(self) -> None:
        """Take what still waits: the last transaction, and the key links after it."""
        waiting, ids = self._tail
        if waiting.size:
            self._earliest += 1
        self._tail = np.empty(0, np.int64), np.empty(0, np.int32)
        self._take(waiting, ids, np.iinfo(np.int64).max)

    def _take(self, tx_ids: Int64, members: Int32, until: int) -> None:
        keys_left = len(self._keys) - int(self._counts[kernels.KEY])
        if not tx_ids.size and not keys_left:
            return
        room = tx_ids.size + keys_left
        merges = np.empty((room, kernels.MERGE_COLUMNS), np.int64)
        bound = self._party.size or self._head.size
        refused = np.empty((room if bound else 0, kernels.REFUSED_COLUMNS), np.int64)
        taken = (tx_ids, members, self._keys, until, merges, refused)
        found, no = kernels.add(*(*self._state, *taken, *self._limits))
        if found:
            self._merges.append(_merges_of(merges[:found]))
        if no:
            self._refused.append(refused[:no].copy())

    def link(self, a: Int32, b: Int32, wary: NDArray[np.bool_]) -> Int32:
        """Take single links in order; -> why each was refused (`REASONS`), 0 where it was not.

        Where `wary`, b is taken for a's change: it is refused where b's set is known to be another party's, or is
        more than one address of nobody known while a's is a party's, or makes the largest set of all leap.
        """
        reasons = np.zeros(a.size, np.int32)
        kernels.links(*(*self._state, a, b, wary, reasons, *self._limits))
        return reasons

    @property
    def transactions_used(self) -> int:
        """Transactions that brought at least two distinct members, and were not refused."""
        return int(self._counts[kernels.USED])

    @property
    def links(self) -> int:
        """Statements "these two are spent together": per transaction, its distinct members less one."""
        return int(self._counts[kernels.LINKS])

    def merges(self) -> Merges:
        """Where sets met, so far."""
        parts = self._merges or [_merges_of(np.empty((0, kernels.MERGE_COLUMNS), np.int64))]
        return Merges(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Merges)})

    def refused(self) -> Refused:
        """What was refused, so far."""
        rows = (
            np.concatenate(self._refused)
            if self._refused
            else np.empty((0, kernels.REFUSED_COLUMNS), np.int64)
        )
        tx_id, a, b, reason, by_key = (
            np.ascontiguousarray(rows[:, i]) for i in range(kernels.REFUSED_COLUMNS)
        )
        return Refused(
            tx_id, a.astype(np.int32), b.astype(np.int32), reason.astype(np.int32), by_key.astype(bool)
        )

    def sizes(self) -> Sizes:
        """How many sets there are, and how large; what still waits is taken first."""
        self.finish()
        return Sizes(
            sets=int(np.count_nonzero(self._parent < 0)),
            non_singleton=int(np.count_nonzero(self._parent < -1)),
            largest=int(self._counts[kernels.LARGEST]),
            alone=self._parent == -1,
        )

    def roots(self) -> Int32:
        """For each number, the least of its set. A view, and the end: nothing can be added after."""
        self.finish()
        kernels.flatten(self._parent)
        return self._parent
