"""Agreement with known owners: published examples, a naive count beside ours, and what must not matter."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer.clustering.metrics import (
    Agreement,
    agreement,
    bootstrap,
    cells,
    decimal,
    intervals,
    outward,
    wilson,
)

labels = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=25)


def measured(clusters: list[int] | str, owners: list[int] | str) -> Agreement:
    return agreement(cells(np.array(list(clusters)), np.array(list(owners))))


class TestPublishedExamples:
    def test_manning_raghavan_schuetze_figure_16_4(self) -> None:
        """Introduction to Information Retrieval, section 16.3: TP 20, FP 20, FN 24; F1 about 0.48."""
        found = measured("a" * 6 + "b" * 6 + "c" * 5, "xxxxxo" + "xooood" + "xxddd")
        assert (found.right, found.joined - found.right, found.owned - found.right) == (20, 20, 24)
        assert found.precision == Fraction(1, 2)
        assert found.recall == Fraction(20, 44)
        assert found.f1 is not None
        assert round(float(found.f1), 2) == 0.48

    @pytest.mark.parametrize(
        ("response", "precision"),
        [("aaaaa" + "bb" + "bbbbb", Fraction(16, 21)), ("aaaaa" + "bb" + "aaaaa", Fraction(7, 12))],
    )
    def test_bagga_and_baldwin_1998(self, response: str, precision: Fraction) -> None:
        """Their two responses to {1-5}, {6, 7}, {8-12}: B-cubed precision 76 % and 58 %, recall 100 %."""
        found = measured(response, "11111" + "22" + "33333")
        assert found.bcubed_precision == pytest.approx(float(precision))
        assert found.bcubed_recall == 1.0

    def test_amigo_et_al_2009_the_precision_and_recall_of_one_item(self) -> None:
        """An item with four of its category in a cluster of five, and two elsewhere: 4/5 and 4/6."""
        clusters, owners = "aaaaa" + "bb", "xxxxo" + "xx"
        found = measured(clusters, owners)
        x = [(Fraction(4, 5), Fraction(4, 6))] * 4 + [(Fraction(1), Fraction(2, 6))] * 2
        items = [*x, (Fraction(1, 5), Fraction(1))]
        assert found.bcubed_precision == pytest.approx(float(sum(p for p, _ in items) / 7))
        assert found.bcubed_recall == pytest.approx(float(sum(r for _, r in items) / 7))

    def test_scikit_learn_documents_these(self) -> None:
        assert measured([0, 0, 1, 2], [0, 0, 1, 1]).ari == pytest.approx(0.571428, abs=1e-6)
        assert measured([0, 0, 0, 0], [0, 1, 2, 3]).ari == 0.0
        half = measured([0, 0, 1, 2], [0, 0, 1, 1])
        assert (half.homogeneity, round(half.v_measure or 0, 3)) == (1.0, 0.8)
        assert measured([0, 1, 2, 3], [0, 0, 1, 1]).v_measure == pytest.approx(2 / 3)
        assert measured([0, 0, 0, 0], [0, 1, 2, 3]).v_measure == 0.0

    def test_newcombe_1998_the_score_interval(self) -> None:
        """Statistics in Medicine 17, table I, method 3: 81/263, 15/148, 0/20, 1/29."""
        for hits, total, low, high in (
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ):
            found = wilson(hits, total)
            assert found is not None
            assert (round(found[0], 4), round(found[1], 4)) == (low, high)


@given(labels)
def test_all_counts_are_those_of_looking_at_every_pair(rows: list[tuple[int, int]]) -> None:
    found = measured([c for c, _ in rows], [o for _, o in rows])
    same = [(a[0] == b[0], a[1] == b[1]) for a, b in combinations(rows, 2)]
    assert found.right == sum(c and o for c, o in same)
    assert found.joined == sum(c for c, _ in same)
    assert found.owned == sum(o for _, o in same)
    if same:
        expected = Fraction(found.joined * found.owned, len(same))
        most = Fraction(found.joined + found.owned, 2)
        assert found.ari == pytest.approx(
            float((found.right - expected) / (most - expected)) if most != expected else 1.0
        )


@given(labels.filter(bool))
def test_b_cubed_is_the_mean_over_items(rows: list[tuple[int, int]]) -> None:
    found = measured([c for c, _ in rows], [o for _, o in rows])
    precision = recall = Fraction(0)
    for cluster, owner in rows:
        both = sum(row == (cluster, owner) for row in rows)
        precision += Fraction(both, sum(c == cluster for c, _ in rows))
        recall += Fraction(both, sum(o == owner for _, o in rows))
    assert found.bcubed_precision == pytest.approx(float(precision / len(rows)))
    assert found.bcubed_recall == pytest.approx(float(recall / len(rows)))


@given(labels.filter(bool))
def test_homogeneity_is_what_the_clusters_tell_of_the_owners(rows: list[tuple[int, int]]) -> None:
    def entropy(parts: list[list[int]]) -> float:
        return sum(
            -len(part) / len(rows) * part.count(x) / len(part) * math.log(part.count(x) / len(part))
            for part in parts
            for x in set(part)
        )

    owners = [o for _, o in rows]
    within = [[o for c, o in rows if c == name] for name in {c for c, _ in rows}]
    of_owners = entropy([owners])
    told = 1 - entropy(within) / of_owners if of_owners else 1.0
    assert measured([c for c, _ in rows], owners).homogeneity == pytest.approx(told)
    assert measured(owners, [c for c, _ in rows]).completeness == pytest.approx(told)


@given(labels, st.permutations(range(-3, 4)), st.permutations(range(-3, 4)))
def test_names_and_order_do_not_matter(
    rows: list[tuple[int, int]], clusters: list[int], owners: list[int]
) -> None:
    renamed = [(clusters[c + 3], owners[o + 3]) for c, o in rows][::-1]
    a = measured([c for c, _ in rows], [o for _, o in rows])
    b = measured([c for c, _ in renamed], [o for _, o in renamed])
    whole = (
        "addresses", "clusters", "owners", "right", "joined", "owned", "ari", "impure", "foreign_share",
        "impure_share",
    )  # fmt: skip
    assert [getattr(a, name) for name in whole] == [getattr(b, name) for name in whole]
    for name in ("bcubed_precision", "bcubed_recall", "homogeneity", "completeness", "v_measure"):
        assert getattr(a, name) == pytest.approx(getattr(b, name))


def test_the_largest_impure_cluster_and_the_most_foreign_one_may_be_two() -> None:
    found = measured("a" * 10 + "b" * 3 + "c" * 7, "x" * 9 + "y" + "yzz" + "u" * 7)
    assert found.impure == 2
    assert found.impure_share == Fraction(10, 20)
    assert found.foreign_share == Fraction(1, 3)


def test_a_perfect_clustering_is_exactly_one() -> None:
    found = measured("aabbc", "xxyyz")
    assert found.precision == found.recall == found.f1 == 1
    assert (found.bcubed_precision, found.bcubed_recall, found.ari) == (1.0, 1.0, 1.0)
    assert (found.impure, found.foreign_share, found.impure_share) == (0, Fraction(0), Fraction(0))


def test_of_nothing_nothing_is_said() -> None:
    none = measured([], [])
    assert (none.precision, none.recall, none.f1, none.ari, none.bcubed_recall) == (None,) * 5
    assert measured([1, 2], [1, 2]).precision is None
    assert wilson(0, 0) is None
    assert set(intervals(cells(np.array([]), np.array([])), seed=1).values()) == {None}
    assert intervals(cells(np.array([1, 2]), np.array([1, 1])), seed=1)["precision"] is None


def test_pairs_are_counted_in_whole_numbers() -> None:
    many = 200_000_000
    found = agreement(cells(np.zeros(3, np.int64), np.array([0, 0, 1])))
    assert found.joined == 3
    big = cells(np.zeros(1, np.int64), np.zeros(1, np.int64))
    grown = agreement(type(big)(big.cluster, big.owner, np.array([many])))
    assert grown.right == many * (many - 1) // 2


def test_columns_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        cells(np.zeros(2), np.zeros(3))


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_wilson_interval_holds_the_share(hits: int, misses: int) -> None:
    found = wilson(hits, hits + misses)
    if found is not None:
        assert 0 <= found[0] <= hits / (hits + misses) <= found[1] <= 1
        assert found[0] < found[1]


def test_a_bootstrap_is_repeatable_and_near_the_normal_interval() -> None:
    units = np.column_stack((np.arange(400) % 4 == 0, np.ones(400))).astype(np.float64)
    (found,) = bootstrap(units, [(0, 1)], seed=7)
    assert [found] == bootstrap(units, [(0, 1)], seed=7)
    assert found is not None
    assert found == pytest.approx((0.25 - 0.0424, 0.25 + 0.0424), abs=0.006)


@given(labels.filter(lambda rows: len(rows) > 1), st.integers(0, 5))
def test_intervals_stand_within_zero_and_one(rows: list[tuple[int, int]], seed: int) -> None:
    found = intervals(
        cells(np.array([c for c, _ in rows]), np.array([o for _, o in rows])), seed=seed, draws=40
    )
    for interval in found.values():
        assert interval is None or 0 <= interval[0] <= interval[1] <= 1 + 1e-12


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Fraction(1), "1.0000"),
        (Fraction(999_999, 1_000_000), "0.9999"),
        (Fraction(0), "0.0000"),
        (Fraction(1, 1_000_000), "0.0001"),
        (Fraction(1, 3), "0.3333"),
        (0.25, "0.2500"),
    ],
)
def test_what_is_not_all_is_never_shown_as_all(share: Fraction | float, text: str) -> None:
    assert decimal(share, 4) == text


def test_an_interval_is_rounded_away_from_its_middle() -> None:
    assert outward((0.12341, 0.56781), 4) == ("0.1234", "0.5679")
    assert outward((0.0, 0.9999999999999), 4) == ("0.0000", "1.0000")
