"""The union-find kernel equals plain set arithmetic: sets, what met, and what was refused, whatever the batches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.clustering.unionfind import MAX_ADDRESSES, REASONS, UnionFind
from tracer.errors import UsageError

SIZE, LARGE, LEAP = 16, 3, 2
members = st.integers(0, SIZE - 1)
transactions = st.lists(st.lists(members, max_size=5), max_size=20)
"""Transactions in order, each the addresses of its inputs (repeats and empty ones included)."""
pairs = st.tuples(members, members)


@dataclass(frozen=True)
class Given:
    """A stream and what binds it. Transaction ids are places in `spent`, plus `base`."""

    spent: list[list[int]]
    parties: list[int] = field(default_factory=lambda: [0] * SIZE)
    apart: list[tuple[int, int]] = field(default_factory=list)
    keys: list[tuple[int, int, int]] = field(default_factory=list)
    base: int = 0

    def rows(self, start: int = 0, stop: int | None = None) -> list[tuple[int, int]]:
        return [
            (self.base + tx, member)
            for tx, spent in enumerate(self.spent[:stop])
            for member in sorted(spent)
            if tx >= start
        ]


@st.composite
def streams(draw: st.DrawFn) -> Given:
    """Streams with few parties and few pairs, so that most transactions pass and some are refused."""
    spent = draw(transactions)
    base = draw(st.sampled_from([0, 900_000 << 24]))
    parties = [0] * SIZE
    for member, party in draw(st.lists(st.tuples(members, st.integers(1, 3)), max_size=5)):
        parties[member] = party
    keys = draw(st.lists(st.tuples(st.integers(0, len(spent)), members, members), max_size=6))
    return Given(
        spent=spent,
        parties=parties,
        apart=[pair for pair in draw(st.lists(pairs, max_size=4)) if pair[0] != pair[1]],
        keys=sorted((base + tx, a, b) for tx, a, b in keys),
        base=base,
    )


class Model:
    """The same by plain sets."""

    def __init__(self, given: Given) -> None:
        self.sets = [frozenset({member}) for member in range(SIZE)]
        self.parties = given.parties
        self.apart = {frozenset(pair) for pair in given.apart}
        self.merges: list[tuple[int, bool, int, int, int, int, bool]] = []
        self.refused: list[tuple[int, int, bool]] = []
        self.forbidden: list[set[tuple[int, int]]] = []
        self.links = self.used = 0

    def run(self, given: Given) -> Model:
        """Transactions in order; a key's link follows the transaction that shows it."""
        events = [(given.base + tx, False, sorted(set(spent))) for tx, spent in enumerate(given.spent)]
        events += [(tx, True, [a, b]) for tx, a, b in given.keys]
        for tx, by_key, touched in sorted(events, key=lambda event: event[:2]):
            self.take(tx, touched, by_key)
        return self

    def of(self, member: int) -> frozenset[int]:
        return next(one for one in self.sets if member in one)

    def known(self, one: frozenset[int]) -> set[int]:
        return {self.parties[member] for member in one} - {0}

    def rivals(self, a: int, b: int, reason: int) -> bool:
        one, other = self.of(a), self.of(b)
        if reason == REASONS.index("different_parties"):
            return len(self.known(one)) == len(self.known(other)) == 1 and self.known(one) != self.known(
                other
            )
        return one != other and any(frozenset({x, y}) in self.apart for x in one for y in other)

    def reason(self, touched: list[int]) -> int:
        for reason in (1, 2):
            if any(self.rivals(a, b, reason) for a in touched for b in touched):
                return reason
        return 0

    def leaps(self, sizes: tuple[int, int]) -> bool:
        largest = max(len(one) for one in self.sets)
        return min(sizes) > LARGE or (largest > LARGE and (sum(sizes) - largest) * LEAP > largest)

    def unite(self, one: frozenset[int], other: frozenset[int]) -> None:
        self.sets = [s for s in self.sets if s not in (one, other)] + [one | other]

    def take(self, tx: int, touched: list[int], by_key: bool) -> None:
        if len(set(touched)) < 2:
            return
        reason = self.reason(touched)
        if reason:
            self.refused.append((tx, reason, by_key))
            self.forbidden.append({(a, b) for a in touched for b in touched if self.rivals(a, b, reason)})
            return
        if not by_key:
            self.used += 1
            self.links += len(touched) - 1
        for member in touched[1:]:
            kept, merged = sorted((self.of(touched[0]), self.of(member)), key=min)
            if kept == merged:
                continue
            if len(kept) > 1 and len(merged) > 1:
                alarm = self.leaps((len(kept), len(merged)))
                self.merges.append((tx, by_key, min(kept), min(merged), len(kept), len(merged), alarm))
            self.unite(kept, merged)

    def link(self, a: int, b: int, wary: bool) -> int:
        one, other = self.of(a), self.of(b)
        if one == other:
            return 0
        reason = self.reason([a, b])
        if not reason and wary and self.known(one) != self.known(other):
            reason = 5 if self.known(other) or len(other) > 1 else 0
        if not reason and len(one) > LARGE and len(other) > LARGE:
            reason = REASONS.index("both_large")
        if not reason and wary and self.leaps((len(one), len(other))):
            reason = REASONS.index("leap")
        if not reason:
            self.unite(one, other)
        return reason

    @property
    def roots(self) -> list[int]:
        return [min(self.of(member)) for member in range(SIZE)]


def kernel(given: Given, size: int = SIZE, roots: list[int] | None = None) -> UnionFind:
    return UnionFind(
        size,
        roots=None if roots is None else np.array(roots, np.int32),
        parties=np.array(given.parties[:size], np.int32),
        apart=np.array([p for p in given.apart if max(p) < size], np.int32).reshape(-1, 2),
        keys=np.array(given.keys, np.int64).reshape(-1, 3),
        large=LARGE,
        leap=LEAP,
    )


def feed(sets: UnionFind, rows: list[tuple[int, int]], batch: int) -> UnionFind:
    for at in range(0, len(rows), batch):
        part = rows[at : at + batch]
        sets.add(np.array([tx for tx, _ in part], np.int64), np.array([m for _, m in part], np.int32))
    sets.finish()
    return sets


def merges(sets: UnionFind) -> list[tuple[int, ...]]:
    m = sets.merges()
    columns = (m.tx_id, m.by_key, m.kept, m.merged, m.kept_size, m.merged_size, m.alarm)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def refused(sets: UnionFind) -> list[tuple[int, ...]]:
    r = sets.refused()
    return list(zip(*(c.tolist() for c in (r.tx_id, r.reason, r.by_key, r.a, r.b)), strict=True))


# without constraints -----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(transactions, st.integers(1, 60))
def test_roots_are_the_least_member_for_any_batch_size(spent: list[list[int]], batch: int) -> None:
    given = Given(spent)
    assert feed(kernel(given), given.rows(), batch).roots().tolist() == Model(given).run(given).roots


@settings(deadline=None)
@given(transactions, st.integers(1, 60))
def test_counts_follow_distinct_addresses_for_any_batch_size(spent: list[list[int]], batch: int) -> None:
    given = Given(spent)
    sets = feed(kernel(given), given.rows(), batch)
    distinct = [len(set(one)) for one in spent]
    assert sets.transactions_used == sum(n >= 2 for n in distinct)
    assert sets.links == sum(n - 1 for n in distinct if n)


@settings(deadline=None)
@given(transactions)
def test_sizes_count_the_sets(spent: list[list[int]]) -> None:
    given = Given(spent)
    sets, model = feed(kernel(given), given.rows(), 7), Model(given).run(given)
    sizes = sets.sizes()
    assert sizes.sets == len(model.sets)
    assert sizes.non_singleton == sum(len(one) > 1 for one in model.sets)
    assert sizes.largest == max(len(one) for one in model.sets)
    assert sizes.alone.tolist() == [len(model.of(member)) == 1 for member in range(SIZE)]


def test_a_transaction_cut_by_a_batch_border_still_joins_its_inputs() -> None:
    given = Given([[4, 7, 9]])
    assert feed(kernel(given), given.rows(), 1).roots()[[4, 7, 9]].tolist() == [4, 4, 4]


def test_no_address_and_no_transaction_are_no_work() -> None:
    sets = UnionFind(0)
    sets.add(np.empty(0, np.int64), np.empty(0, np.int32))
    assert sets.roots().tolist() == []
    assert (merges(sets), refused(sets), sets.links) == ([], [], 0)


@pytest.mark.parametrize("second", [[3, 2], [0, 5]], ids=["inside a batch", "against the batch before"])
def test_an_unordered_stream_is_refused_not_silently_unlinked(second: list[int]) -> None:
    sets = UnionFind(SIZE)
    sets.add(np.array([1, 1], np.int64), np.array([0, 1], np.int32))
    with pytest.raises(ValueError, match="out of order"):
        sets.add(np.array(second, np.int64), np.array([0, 1], np.int32))


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        UnionFind(SIZE).add(np.array([1, 1], np.int64), np.array([0], np.int32))


def test_more_addresses_than_an_int32_can_number_are_refused_before_any_memory_is_taken() -> None:
    with pytest.raises(UsageError, match="more than the 2,147,483,648"):
        UnionFind(MAX_ADDRESSES + 1)


# with constraints and keys -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(streams(), st.integers(1, 60))
def test_sets_merges_and_refusals_equal_plain_sets(given: Given, batch: int) -> None:
    sets, model = feed(kernel(given), given.rows(), batch), Model(given).run(given)
    assert merges(sets) == model.merges
    found = refused(sets)
    assert [row[:3] for row in found] == model.refused
    assert all((a, b) in allowed for (*_, a, b), allowed in zip(found, model.forbidden, strict=True))
    assert (sets.transactions_used, sets.links) == (model.used, model.links)
    assert sets.roots().tolist() == model.roots


@settings(deadline=None, max_examples=200)
@given(streams(), st.integers(1, 60), st.integers(1, 60))
def test_the_batch_size_changes_no_row(given: Given, one: int, other: int) -> None:
    a, b = feed(kernel(given), given.rows(), one), feed(kernel(given), given.rows(), other)
    assert (merges(a), refused(a)) == (merges(b), refused(b))
    assert a.roots().tolist() == b.roots().tolist()


@settings(deadline=None, max_examples=200)
@given(streams())
def test_no_set_holds_two_parties_or_a_pair_that_stays_apart(given: Given) -> None:
    roots = feed(kernel(given), given.rows(), 7).roots().tolist()
    known = {(root, party) for root, party in zip(roots, given.parties, strict=True) if party}
    assert len(known) == len({root for root, _ in known})
    assert not [pair for pair in given.apart if roots[pair[0]] == roots[pair[1]]]


@settings(deadline=None, max_examples=200)
@given(streams(), st.integers(0, 20), st.integers(1, 60))
def test_going_on_from_former_roots_equals_one_pass(given: Given, cut: int, batch: int) -> None:
    """Also where the former build knew fewer addresses."""
    early = Given(
        given.spent,
        given.parties,
        given.apart,
        [k for k in given.keys if k[0] < given.base + cut],
        given.base,
    )
    late = Given(
        given.spent,
        given.parties,
        given.apart,
        [k for k in given.keys if k[0] >= given.base + cut],
        given.base,
    )
    shown = [m for _, m in early.rows(stop=cut)] + [m for _, a, b in early.keys for m in (a, b)]
    first = feed(kernel(early, size=max(shown, default=0) + 1), early.rows(stop=cut), batch)
    noted = merges(first), refused(first)
    second = feed(kernel(late, roots=first.roots().tolist()), late.rows(start=cut), batch)
    whole = feed(kernel(given), given.rows(), batch)
    assert noted[0] + merges(second) == merges(whole)
    assert noted[1] + refused(second) == refused(whole)
    assert first.links + second.links == whole.links
    assert second.sizes().largest == whole.sizes().largest
    assert second.roots().tolist() == whole.roots().tolist()


@settings(deadline=None, max_examples=300)
@given(streams(), st.lists(st.tuples(members, members, st.booleans()), max_size=12))
def test_single_links_are_taken_in_order_or_refused_with_the_reason(
    given: Given, links: list[tuple[int, int, bool]]
) -> None:
    sets, model = feed(kernel(given), given.rows(), 60), Model(given).run(given)
    a, b, wary = zip(*links, strict=True) if links else ((), (), ())
    said = sets.link(np.array(a, np.int32), np.array(b, np.int32), np.array(wary, np.bool_))
    assert said.tolist() == [model.link(*one) for one in links]
    assert sets.roots().tolist() == model.roots


def run(given: Given) -> UnionFind:
    return feed(kernel(given), given.rows(), 60)


def test_a_transaction_of_two_parties_joins_nobody_not_even_its_bystanders() -> None:
    parties = [0] * SIZE
    parties[1], parties[2] = 1, 2
    sets = run(Given([[1, 2, 5, 6]], parties=parties))
    assert refused(sets) == [(0, REASONS.index("different_parties"), False, 1, 2)]
    assert sets.transactions_used == 0
    assert sets.roots().tolist() == list(range(SIZE))


def test_a_party_is_remembered_through_those_it_was_joined_with() -> None:
    parties = [0] * SIZE
    parties[9], parties[4] = 1, 2
    sets = run(Given([[3, 9], [2, 3], [2, 4]], parties=parties))
    assert refused(sets) == [(2, REASONS.index("different_parties"), False, 2, 4)]


def test_a_pair_stays_apart_through_those_both_were_joined_with() -> None:
    sets = run(Given([[1, 5], [2, 6], [5, 6], [1, 7]], apart=[(1, 2)]))
    assert refused(sets) == [(2, REASONS.index("split"), False, 5, 6)]
    assert sets.roots()[[1, 2, 5, 6, 7]].tolist() == [1, 2, 1, 2, 1]


def test_many_inputs_of_one_set_do_not_hide_the_rival_behind_them() -> None:
    sets = run(Given([[1, 5, 6, 7], [1, 5, 6, 7, 9]], apart=[(6, 9)]))
    assert refused(sets) == [(1, REASONS.index("split"), False, 1, 9)]


def test_a_key_joins_after_the_transaction_that_shows_it() -> None:
    """The later transaction meets a set that the key made; the one that shows the key does not."""
    sets = run(Given([[0, 1], [4, 5], [1, 4]], keys=[(1, 1, 4)]))
    assert merges(sets) == [(1, True, 0, 4, 2, 2, False)]


def test_a_key_of_two_parties_is_refused_as_such() -> None:
    parties = [0] * SIZE
    parties[1], parties[2] = 1, 2
    assert refused(run(Given([], parties=parties, keys=[(3, 1, 2)]))) == [
        (3, REASONS.index("different_parties"), True, 1, 2)
    ]


def test_two_large_sets_that_meet_raise_an_alarm() -> None:
    sets = run(Given([[0, 1, 2, 3], [4, 5, 6, 7], [3, 7]]))
    assert merges(sets) == [(2, False, 0, 4, 4, 4, True)]
