"""The claims an answer leaned on, so that it can be found again when one of them falls."""

from __future__ import annotations

from collections.abc import Iterable

from tracer.flow.endpoints import Endpoint
from tracer.flow.facts import Facts
from tracer.flow.sets import union
from tracer.flow.tagged import among
from tracer.intel.claims import ClaimKind, most_closed


def claims(facts: Facts, endpoints: Iterable[Endpoint]) -> list[str]:
    """Ids of all claims that had a say, or stood where the answer looked: without any of them it could differ.

    Those at addresses of the transactions that were read, in the seed set and its clusters, in the clusters of who
    else paid the deposit addresses that were reached, and all that is said
    of the actors and services these name. Prices are not among them.
    """
    import polars as pl

    trail, services = facts.trail, facts.services
    found = set(facts.lots.considered)
    for holding in services.holdings(union(trail.looked_at, trail.holding[trail.holding >= 0]).tolist()):
        found.update(holding.considered)
    met = among("address_id", trail.seen.tolist() + list(facts.lots.members))
    tagged = services.tagged.frame
    found.update(tagged.filter(met | among("cluster_id", facts.senders.tolist()))["claim_id"])
    names: set[str] = set()
    for endpoint in endpoints:
        found.update(endpoint.kyc_claims)
        names.update(name for name in (endpoint.key[0], endpoint.vasp_id, endpoint.nested_in) if name)
    said = tagged.filter(pl.col("claim_id").is_in(list(found)))
    names.update(name for column in ("actor", "label", "nested_in") for name in said[column] if name)
    found.update(row["claim"] for row in facts.overrides)
    found |= facts.led_by
    return sorted(found | facts.snapshot.naming(names))


def marking(facts: Facts, used: Iterable[str]) -> str | None:
    """The most closed marking among these claims: what the answer may be shown to. None where none is marked."""
    import polars as pl

    marks: set[str] = set()
    kinds: tuple[ClaimKind, ...] = ("tags", "vasps", "actors", "legs", "overrides")
    for frame in map(facts.snapshot.claims, kinds):
        marks.update(frame.filter(pl.col("claim_id").is_in(list(used)))["tlp"].to_list())
    return most_closed(marks)
