"""The analysts' overrides of clusters that an answer met."""

from __future__ import annotations

from typing import Any

from tracer.clustering.constraints import overrides
from tracer.clustering.lookup import clusters_of
from tracer.clustering.overrides import touching
from tracer.clustering.rules import Tier
from tracer.flow.facts import Facts


def overrides_met(facts: Facts) -> list[dict[str, Any]]:
    """The analysts' overrides that touch a cluster the answer met: of the seed set, or of an address on the way."""
    said = overrides(facts.ledger, facts.snapshot)
    if not said:
        return []
    met = clusters_of(facts.ledger, [*facts.lots.members, *facts.trail.seen.tolist()])
    return touching(facts.ledger, said, set(met.values()), Tier.CONSERVATIVE)
