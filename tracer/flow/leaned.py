"""The claims an answer leaned on, so that it can be found again when one of them falls."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tracer.flow.endpoints import Endpoint
from tracer.flow.facts import Facts
from tracer.intel.claims import TLPS


def claims(facts: Facts, endpoints: Iterable[Endpoint]) -> list[str]:
    """Ids of all claims that had a say: at the stops that were met, at the seeds, for KYC levels, protections.

    Also those that lost against others: without them the answer would have been reached another way.
    """
    trail, services = facts.trail, facts.services
    found: set[str] = set()
    for number in np.unique(trail.holding[trail.holding >= 0]).tolist():
        found.update(services.holdings[number].considered)
    if facts.lots.unit == "entity" or any(seed.kind in ("tag", "vasp") for seed in facts.lots.seeds):
        members = facts.lots.members
        found.update(row["claim_id"] for row, address, _ in services.tagged if address in members)
    for endpoint in endpoints:
        found.update(endpoint.kyc_claims)
    for address in np.unique(trail.address[trail.address >= 0]).tolist():
        found.update(row["claim_id"] for row in services.protected.get(address, ()))
    return sorted(found)


def marking(facts: Facts, used: Iterable[str]) -> str | None:
    """The most closed marking among these claims: what the answer may be shown to. None where none is marked."""
    import polars as pl

    marks: set[str] = set()
    for frame in (facts.snapshot.tags(), facts.snapshot.vasps(), facts.snapshot.claims("legs")):
        marks.update(frame.filter(pl.col("claim_id").is_in(list(used)))["tlp"].to_list())
    return max(marks & set(TLPS), key=TLPS.index, default=None)
