"""The times between which claims held, as spans of unix seconds: from a moment on, and before another.

A claim is dated by days (UTC, both included) and judged by the time of the block that paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

Span = tuple[int, int]
"""Since (included) and until (not included)."""

FOREVER: Span = (-(1 << 62), 1 << 62)


def cut(rows: Iterable[Mapping[str, Any]]) -> list[Span]:
    """All time, cut wherever one of these claims begins or ceases to hold."""
    edges = set(FOREVER)
    for row in rows:
        edges.update(span_of(row["valid_from"], row["valid_to"]))
    return list(pairwise(sorted(edges)))


def valid(row: Mapping[str, Any], span: Span) -> bool:
    """Whether a claim holds throughout a span that `cut` made of it."""
    since, until = span_of(row["valid_from"], row["valid_to"])
    return since <= span[0] and span[1] <= until


def spells(key: str, held: pl.DataFrame, beside: pl.DataFrame) -> pl.DataFrame:
    """`cut` and `valid` for many keys at once: the spans at which any of the claims of a key holds.

    `held` and `beside` are claims (`key`, since, until); they are cut where one of either begins or ceases.
    -> `key`, since, until, in that order.
    """
    import polars as pl

    counts = (pl.col("since") < pl.col("until")).cast(pl.Int32)
    edges = [
        frame.select(key, pl.col(at).alias("since"), (counts * step).alias("holding"))
        for frame, sign in ((held, 1), (beside, 0))
        for at, step in (("since", sign), ("until", -sign))
    ]
    cuts = pl.concat(edges).group_by(key, "since").agg(pl.col("holding").sum()).sort(key, "since")
    # each claim ends what it began, so the running sum is 0 again at the last edge of every key
    spans = cuts.with_columns(pl.col("holding").cum_sum(), pl.col("since").shift(-1).alias("until"))
    return spans.filter(pl.col("holding") > 0).select(key, "since", "until")


def union(rows: Iterable[Mapping[str, Any]]) -> list[Span]:
    """The times at which at least one of these claims holds."""
    return merge(span_of(row["valid_from"], row["valid_to"]) for row in rows)


def merge(spans: Iterable[Span]) -> list[Span]:
    """The same times, apart from each other and in order."""
    merged: list[Span] = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return merged


def common(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    """The times that are in both."""
    second = list(second)
    both = [(max(a, c), min(b, d)) for a, b in first for c, d in second]
    return merge((since, until) for since, until in both if since < until)


@lru_cache(maxsize=4096)
def span_of(first: str, last: str) -> Span:
    """The time from one day to another (ISO dates, both included); "" leaves it open."""
    since = _midnight(date.fromisoformat(first)) if first else FOREVER[0]
    until = _midnight(date.fromisoformat(last) + timedelta(days=1)) if last else FOREVER[1]
    return since, until


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
