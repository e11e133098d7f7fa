"""Who holds where claims disagree: the confidence of the claims decides, never the order they came in.

The parties of a dispute are actors, or labels where a source names no actor. A wrong endpoint sends a legal
request to the wrong house, and a stop too few walks through a service: so a dispute between equals still
stops a trace, and names nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracer.flow.fates import Fate
from tracer.intel import ranking
from tracer.intel.ranking import Row, named, party, score

Claim = tuple[Row, Fate]
"""A tag and what a trace does there."""


def ranked(claims: Sequence[Claim]) -> list[Claim]:
    """Strongest first (`tracer.intel.ranking`)."""
    fates = {row["claim_id"]: fate for row, fate in claims}
    return [(row, fates[row["claim_id"]]) for row in ranking.ranked(row for row, _ in claims)]


def standings(rows: Sequence[Row]) -> dict[str, int]:
    """Party -> its best confidence."""
    best: dict[str, int] = {}
    for row in rows:
        best[party(row)] = max(best.get(party(row), 0), score(row))
    return best


def leaders(rows: Sequence[Row]) -> set[str]:
    """The parties of the best confidence; several where nobody wins."""
    best = standings(rows)
    return {name for name, points in best.items() if points == max(best.values())}


def listed(rows: Sequence[Row]) -> str:
    """Names of all parties, sorted: `acme and zeta`."""
    names: dict[str, str] = {}
    for row in rows:
        names[party(row)] = min(named(row), names.get(party(row), named(row)))
    return " and ".join(sorted(names.values()))
