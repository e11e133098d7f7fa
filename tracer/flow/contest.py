"""Who holds where claims disagree: the confidence of the claims decides, never the order they came in.

The parties of a dispute are actors, or labels where a source names no actor. A wrong endpoint sends a legal
request to the wrong house, and a stop too few walks through a service: so a dispute between equals still
stops a trace, and names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracer.flow.fates import Fate
from tracer.intel import taxonomy

Row = Mapping[str, Any]
"""A tag, by the snapshot's column names."""

Claim = tuple[Row, Fate]
"""A tag and what a trace does there."""

_FIRST = (Fate.SERVICE, Fate.MIXER, Fate.BRIDGE, Fate.CUSTODIAL_POOL)


def named(row: Row) -> str:
    """Whom a tag names: its actor, else its label."""
    name: str = row["actor"] or row["label"]
    return name


def party(row: Row) -> str:
    """The same, to tell whether two tags name one entity."""
    return named(row).casefold()


def score(row: Row) -> int:
    """Confidence of a tag, 0 to 100; 0 for a word the taxonomy does not know."""
    known = taxonomy.confidences().get(row["confidence"])
    return known.score if known else 0


def ranked(claims: Sequence[Claim]) -> list[Claim]:
    """Strongest first: confidence, then claims that name an actor; a total order."""

    def strength(claim: Claim) -> tuple[int, bool, int, str, str, str, str]:
        row, fate = claim
        return (
            -score(row), not row["actor"], _FIRST.index(fate), row["actor"], row["label"], row["source"],
            row["claim_id"],
        )  # fmt: skip

    return sorted(claims, key=strength)


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
