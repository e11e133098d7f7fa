"""Figures of the evaluation as decimal text, with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from tracer.clustering.metrics import Agreement, Cells, Interval

SHARE, RATE = 4, 6
"""Decimal places of a share, and of an error rate."""
SEED = 1
"""Of the bootstrap: the figures are the same in every run."""
_PER_WORLD = ("ari", "homogeneity", "completeness", "v_measure")


def share(value: Fraction | float | None, interval: Interval | None = None) -> dict[str, Any]:
    """A share with its interval, as decimal text; null where there is nothing to speak of."""
    from tracer.clustering.metrics import decimal, outward

    return {
        "value": None if value is None else decimal(value, SHARE),
        "interval": list(outward(interval, SHARE)) if interval else None,
    }


def proportion(hits: int, total: int, places: int = SHARE) -> dict[str, Any]:
    """A proportion with its Wilson interval."""
    from tracer.clustering.metrics import decimal, outward, wilson

    interval = wilson(hits, total)
    return {
        "value": decimal(Fraction(hits, total), places) if total else None,
        "interval": list(outward(interval, places)) if interval else None,
    }


def counted(links: int, false: int) -> dict[str, Any]:
    """How often a rule spoke and how often it was wrong, with the rate."""
    found = proportion(false, links, RATE)
    return {"links": links, "false": false, "rate": found["value"], "interval": found["interval"]}


def cells_of(frames: Iterable[pl.DataFrame], tier: str) -> Cells:
    """Clusters (column `tier`) and owners (`owner`) of several worlds or chains side by side; no two share any."""
    import numpy as np

    from tracer.clustering.metrics import cells

    clusters, owners = [], []
    for place, frame in enumerate(frames):
        first = place << 32
        clusters.append(frame[tier].to_numpy().astype(np.int64) + first)
        owners.append(frame["owner"].to_numpy().astype(np.int64) + first)
    return cells(np.concatenate(clusters), np.concatenate(owners))


def agreed(frames: Sequence[pl.DataFrame], tier: str) -> tuple[dict[str, Any], list[Agreement]]:
    """How far the clusters of a tier agree with the owners, over all frames; and in each of them."""
    from tracer.clustering.metrics import agreement, intervals

    found = cells_of(frames, tier)
    whole, ends = agreement(found), intervals(found, seed=SEED)
    each = [agreement(cells_of([frame], tier)) for frame in frames]
    figures = {
        "addresses": whole.addresses,
        "clusters": whole.clusters,
        "owners": whole.owners,
        "pairs": {"joined": whole.joined, "false": whole.joined - whole.right, "owned": whole.owned},
        **{
            name: share(getattr(whole, name), ends[name])
            for name in ("precision", "recall", "bcubed_precision", "bcubed_recall")
        },
        "f1": share(whole.f1),
        **{name: _range(getattr(a, name) for a in each) for name in _PER_WORLD},
        "impure_clusters": whole.impure,
        "largest_foreign_share": share(whole.foreign_share),
        "largest_impure_share": share(max(a.impure_share for a in each)),
    }
    return figures, each


def _range(values: Iterable[float | None]) -> list[str] | None:
    """Least and greatest over the worlds; these figures do not add up over them."""
    known = [value for value in values if value is not None]
    return [share(min(known))["value"], share(max(known))["value"]] if known else None
