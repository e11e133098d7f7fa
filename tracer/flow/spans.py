"""The times between which claims held, as spans of unix seconds: from a moment on, and before another.

A claim is dated by days (UTC, both included) and judged by the time of the block that paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

Span = tuple[int, int]
"""Since (included) and until (not included)."""

FOREVER: Span = (-(1 << 62), 1 << 62)


def cut(rows: Iterable[Mapping[str, Any]]) -> list[Span]:
    """All time, cut wherever one of these claims begins or ceases to hold."""
    edges = set(FOREVER)
    for row in rows:
        edges.update(_span(row["valid_from"], row["valid_to"]))
    return list(pairwise(sorted(edges)))


def valid(row: Mapping[str, Any], span: Span) -> bool:
    """Whether a claim holds throughout a span that `cut` made of it."""
    since, until = _span(row["valid_from"], row["valid_to"])
    return since <= span[0] and span[1] <= until


def union(rows: Iterable[Mapping[str, Any]]) -> list[Span]:
    """The times at which at least one of these claims holds."""
    return merge(_span(row["valid_from"], row["valid_to"]) for row in rows)


def merge(spans: Iterable[Span]) -> list[Span]:
    """The same times, apart from each other and in order."""
    merged: list[Span] = []
    for since, until in sorted(spans):
        if merged and since <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((since, until))
    return merged


@lru_cache(maxsize=4096)
def _span(first: str, last: str) -> Span:
    since = _midnight(date.fromisoformat(first)) if first else FOREVER[0]
    until = _midnight(date.fromisoformat(last) + timedelta(days=1)) if last else FOREVER[1]
    return since, until


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
