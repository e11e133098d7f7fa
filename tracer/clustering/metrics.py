"""How far a clustering agrees with known owners, and how sure such a figure is.

Pure functions over columns. Pairs are counted in whole numbers, so "exactly 1" means exactly. Definitions:
pairwise, adjusted Rand index (Hubert and Arabie 1985), B-cubed (Bagga and Baldwin 1998; Amigo et al. 2009),
homogeneity, completeness, V-measure (Rosenberg and Hirschberg 2007), impure share (heuristics.md, K).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

Interval = tuple[float, float]

Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""
DRAWS = 1_000
"""Resamples of a bootstrap (P): the ends then move by less than the third digit from seed to seed."""


@dataclass(frozen=True)
class Cells:
    """How often each cluster meets each owner: one row per pair that meets, by (cluster, owner).

    cluster, owner  int64, counted from 0 in the order of the labels
    count           addresses that are in both
    """

    cluster: Ints
    owner: Ints
    count: Ints

    @property
    def cluster_sizes(self) -> Ints:
        """Addresses of each cluster."""
        return _summed(self.cluster, self.count)

    @property
    def owner_sizes(self) -> Ints:
        """Addresses of each owner."""
        return _summed(self.owner, self.count)


@dataclass(frozen=True)
class Agreement:
    """What one clustering is worth against the truth. A figure is None where it has nothing to speak of.

    right            pairs of addresses in one cluster that are of one owner
    joined, owned    pairs in one cluster; pairs of one owner
    impure           clusters that hold addresses of two owners or more
    foreign_share    of the addresses of one impure cluster, the largest share that is not its main owner's
    impure_share     of all addresses, the share that stands in the largest impure cluster
    """

    addresses: int
    clusters: int
    owners: int
    right: int
    joined: int
    owned: int
    bcubed_precision: float | None
    bcubed_recall: float | None
    ari: float | None
    homogeneity: float | None
    completeness: float | None
    v_measure: float | None
    impure: int
    foreign_share: Fraction
    impure_share: Fraction

    @property
    def precision(self) -> Fraction | None:
        """Of the pairs that the clusters join, the share of one owner."""
        return Fraction(self.right, self.joined) if self.joined else None

    @property
    def recall(self) -> Fraction | None:
        """Of the pairs of one owner, the share that the clusters join."""
        return Fraction(self.right, self.owned) if self.owned else None

    @property
    def f1(self) -> Fraction | None:
        """Harmonic mean of precision and recall."""
        both = self.joined + self.owned
        return Fraction(2 * self.right, both) if both else None


def cells(cluster: NDArray[Any], owner: NDArray[Any]) -> Cells:
    """Count two label columns of equal length against each other. Labels are compared, never reckoned with."""
    if cluster.shape != owner.shape:
        raise ValueError("the label columns differ in length")
    clusters, cluster_of = np.unique(cluster, return_inverse=True)
    owners, owner_of = np.unique(owner, return_inverse=True)
    if clusters.size * owners.size > np.iinfo(np.int64).max:
        raise ValueError("too many labels to count against each other")
    met, count = np.unique(cluster_of.astype(np.int64) * owners.size + owner_of, return_counts=True)
    width = max(owners.size, 1)
    return Cells(met // width, met % width, count.astype(np.int64))


def agreement(found: Cells) -> Agreement:
    """All figures of one clustering."""
    c_sizes, o_sizes = found.cluster_sizes, found.owner_sizes
    addresses = int(found.count.sum())
    right, joined, owned = (int(_pairs(x).sum()) for x in (found.count, c_sizes, o_sizes))
    squares = _summed(found.cluster, found.count**2), _summed(found.owner, found.count**2)
    homogeneity = _explained(found.count, found.cluster, c_sizes, o_sizes)
    completeness = _explained(found.count, found.owner, o_sizes, c_sizes)
    main = np.zeros(c_sizes.size, np.int64)
    np.maximum.at(main, found.cluster, found.count)
    foreign = c_sizes - main
    impure = np.flatnonzero(foreign)
    return Agreement(
        addresses=addresses,
        clusters=c_sizes.size,
        owners=o_sizes.size,
        right=right,
        joined=joined,
        owned=owned,
        bcubed_precision=math.fsum(squares[0] / c_sizes) / addresses if addresses else None,
        bcubed_recall=math.fsum(squares[1] / o_sizes) / addresses if addresses else None,
        ari=_adjusted_rand(right, joined, owned, addresses),
        homogeneity=homogeneity,
        completeness=completeness,
        v_measure=_harmonic(homogeneity, completeness),
        impure=impure.size,
        foreign_share=max(
            (Fraction(int(foreign[i]), int(c_sizes[i])) for i in impure.tolist()), default=Fraction(0)
        ),
        impure_share=Fraction(int(c_sizes[impure].max(initial=0)), addresses or 1),
    )


def intervals(found: Cells, *, seed: int, draws: int = DRAWS) -> dict[str, Interval | None]:
    """Bootstrap intervals of `precision`, `recall`, `bcubed_precision` and `bcubed_recall`.

    Clusters are resampled for the precision of pairs, owners for the others: addresses of one owner, or of one
    cluster, are no independent observations. The same seed gives the same figures.
    """
    c_sizes, o_sizes = found.cluster_sizes, found.owner_sizes
    pairs = _pairs(found.count)
    of_clusters = np.column_stack((_summed(found.cluster, pairs), _pairs(c_sizes))).astype(np.float64)
    squares = found.count.astype(np.float64) ** 2
    pure = np.bincount(found.owner, squares / c_sizes[found.cluster], o_sizes.size)
    whole = np.bincount(found.owner, squares / o_sizes[found.owner], o_sizes.size)
    of_owners = np.column_stack((_summed(found.owner, pairs), _pairs(o_sizes), pure, whole, o_sizes))
    (precision,) = bootstrap(of_clusters, [(0, 1)], seed=seed, draws=draws)
    recall, b_precision, b_recall = bootstrap(
        of_owners.astype(np.float64), [(0, 1), (2, 4), (3, 4)], seed=seed, draws=draws
    )
    return {
        "precision": precision,
        "recall": recall,
        "bcubed_precision": b_precision,
        "bcubed_recall": b_recall,
    }


def wilson(hits: int, total: int) -> Interval | None:
    """95 % interval of a proportion (Wilson 1927): honest also where no miss was seen. None of nothing."""
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} of {total}")
    if not total:
        return None
    share, spread = hits / total, Z * Z / total
    middle = (share + spread / 2) / (1 + spread)
    reach = Z * math.sqrt(share * (1 - share) / total + spread / total / 4) / (1 + spread)
    return (
        0.0 if hits == 0 else max(0.0, middle - reach),
        1.0 if hits == total else min(1.0, middle + reach),
    )


def decimal(share: Fraction | float, places: int) -> str:
    """A share as decimal text, to the nearest; what is not all, or not nothing, is never shown as if it were."""
    unit = 10**places
    whole = round(share * unit)
    if whole >= unit > share * unit:
        whole = unit - 1
    if whole <= 0 < share:
        whole = 1
    return f"{whole // unit}.{whole % unit:0{places}d}"


def outward(interval: Interval, places: int) -> tuple[str, str]:
    """The ends of an interval as decimal text, rounded away from its middle."""
    unit = 10**places
    low, high = (round(end * unit, 6) for end in interval)  # noise of the last bits is no further digit
    least, most = math.floor(low), math.ceil(high)
    return f"{least // unit}.{least % unit:0{places}d}", f"{most // unit}.{most % unit:0{places}d}"


def bootstrap(
    units: Floats, ratios: Sequence[tuple[int, int]], *, seed: int, draws: int = DRAWS
) -> list[Interval | None]:
    """95 % percentile intervals (Efron 1979) of ratios of sums, units drawn with replacement.

    units   one row per unit, one column per quantity
    ratios  (column above, column below) of each figure

    None where nothing stands below. Units that are alike are drawn together, which is the same and faster.
    """
    if not units.size:
        return [None] * len(ratios)
    kinds, counts = np.unique(units, axis=0, return_counts=True)
    dice = np.random.default_rng(seed)
    total = int(counts.sum())
    sums = np.empty((draws, units.shape[1]))
    for draw in range(draws):
        sums[draw] = (dice.multinomial(total, counts / total)[:, None] * kinds).sum(axis=0)
    found: list[Interval | None] = []
    for above, below in ratios:
        usable = sums[sums[:, below] > 0]
        if not usable.size:
            found.append(None)
            continue
        low, high = np.quantile(usable[:, above] / usable[:, below], (0.025, 0.975))
        found.append((float(low), float(high)))
    return found


def _summed(group: Ints, values: Ints) -> Ints:
    """Sums of whole numbers by group; never through floats."""
    sums = np.zeros(int(group.max(initial=-1)) + 1, np.int64)
    np.add.at(sums, group, values)
    return sums


def _pairs(sizes: Ints) -> Ints:
    pairs: Ints = sizes * (sizes - 1) // 2
    return pairs


def _adjusted_rand(right: int, joined: int, owned: int, addresses: int) -> float | None:
    """1 for the same partition, about 0 for chance. None for fewer than two addresses."""
    total = addresses * (addresses - 1) // 2
    if not total:
        return None
    below = (joined + owned) * total - 2 * joined * owned
    # both partitions all alone, or both all in one: nothing can be told apart, and nothing is
    return float(Fraction(2 * (right * total - joined * owned), below)) if below else 1.0


def _explained(count: Ints, given: Ints, given_sizes: Ints, other_sizes: Ints) -> float | None:
    """1 - H(other | given) / H(other): how far the one label tells the other."""
    total = int(count.sum())
    if not total:
        return None
    entropy = -math.fsum(other_sizes / total * np.log(other_sizes / total))
    left = -math.fsum(count / total * np.log(count / given_sizes[given]))
    return 1.0 - left / entropy if entropy > 0 else 1.0


def _harmonic(a: float | None, b: float | None) -> float | None:
    if a is None or b is None:
        return None
    return 2 * a * b / (a + b) if a + b else 0.0
