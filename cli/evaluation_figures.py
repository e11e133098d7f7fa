"""Figures of the evaluation as decimal text, with their 95 % intervals."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracer.clustering.metrics import Interval

SHARE, RATE = 4, 6
"""Decimal places of a share, and of an error rate."""


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
