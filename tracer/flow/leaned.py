"""The claims an answer leaned on, so that it can be found again when one of them falls."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tracer.flow.endpoints import Endpoint
from tracer.flow.facts import Facts
from tracer.intel.claims import ClaimKind, most_closed


def claims(facts: Facts, endpoints: Iterable[Endpoint]) -> list[str]:
    """Ids of all claims that had a say, or stood where the answer looked: without any of them it could differ.

    Those at addresses of the transactions that were read, in the seed set and its clusters, and all that is said
    of the actors and services these name. Prices are not among them.
    """
    trail, services = facts.trail, facts.services
    found = set(facts.lots.considered)
    for number in np.union1d(trail.looked_at, trail.holding[trail.holding >= 0]).tolist():
        found.update(services.holdings[number].considered)
    met = set(trail.seen.tolist()) | facts.lots.members.keys()
    rows = [row for row, address, _ in services.tagged if address in met]
    found.update(row["claim_id"] for row in rows)
    names = {name for row in rows for name in (row["actor"], row["label"], row["nested_in"]) if name}
    for endpoint in endpoints:
        found.update(endpoint.kyc_claims)
        names.update(name for name in (endpoint.key[0], endpoint.vasp_id, endpoint.nested_in) if name)
    tagged = {claim: row for row, _, _ in services.tagged for claim in [row["claim_id"]] if claim in found}
    for row in tagged.values():
        names.update(name for name in (row["actor"], row["label"], row["nested_in"]) if name)
    return sorted(found | facts.snapshot.naming(names))


def marking(facts: Facts, used: Iterable[str]) -> str | None:
    """The most closed marking among these claims: what the answer may be shown to. None where none is marked."""
    import polars as pl

    marks: set[str] = set()
    kinds: tuple[ClaimKind, ...] = ("tags", "vasps", "actors", "legs")
    for frame in map(facts.snapshot.claims, kinds):
        marks.update(frame.filter(pl.col("claim_id").is_in(list(used)))["tlp"].to_list())
    return most_closed(marks)
