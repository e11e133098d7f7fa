"""The heuristics an answer leaned on, each with its error rate where one was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracer.clustering.pools import POOL_LIKE
from tracer.clustering.rules import Heuristic, MixDetector
from tracer.flow.accounts.deposits import ACCOUNT_SWEEP
from tracer.flow.accounts.swaps import SWAP_POOL
from tracer.flow.deposits import DEPOSIT_SWEEP
from tracer.flow.endpoints import Endpoint
from tracer.flow.facts import Facts
from tracer.flow.fates import Fate
from tracer.flow.movements import Taint
from tracer.flow.sets import distinct


def used_heuristics(facts: Facts, endpoints: Sequence[Endpoint], taint: Taint) -> list[dict[str, Any]]:
    """Every heuristic this answer leaned on, and for what. No error rate is claimed where none was measured."""
    trail = facts.trail
    used = _conservative(facts, taint)
    if trail.asset is not None:
        return used + _of_accounts(facts, endpoints)
    sweep, pool = facts.rules.heuristic(DEPOSIT_SWEEP), facts.rules.heuristic(POOL_LIKE)
    if sweep and any(np.any(trail.swept_to[endpoint.outputs] >= 0) for endpoint in endpoints):
        used.append(_row(facts, sweep, "endpoint legs"))
    if pool and bool(np.any((taint.amount > 0) & (trail.pool >= 0))):
        used.append(_row(facts, pool, "stops at pools"))
    detectors = {detector.kind: detector for detector in facts.rules.detectors}
    for purpose, kinds in (
        ("stops at mixers", _mixers(facts, taint)),
        (MAY_MIX, may_mix(facts, taint)),
    ):
        used += [_row(facts, detectors[kind], purpose) for kind in sorted(kinds) if kind in detectors]
    return used


def _of_accounts(facts: Facts, endpoints: Sequence[Endpoint]) -> list[dict[str, Any]]:
    """Heuristics that only account chains have."""
    used = []
    sweep, pool = facts.rules.heuristic(ACCOUNT_SWEEP), facts.rules.heuristic(SWAP_POOL)
    if sweep and any(np.any(facts.trail.swept_to[endpoint.outputs] >= 0) for endpoint in endpoints):
        used.append(_row(facts, sweep, "endpoint legs"))
    if pool and facts.swapped:
        used.append(_row(facts, pool, "swaps"))
    return used


MAY_MIX = "passed through a transaction that may be a mix"


def may_mix(facts: Facts, taint: Taint) -> dict[str, int]:
    """Kind -> transactions that may mix two parties' coins, and that traced money went through."""
    trail = facts.trail
    carried = distinct(trail.met[(taint.amount > 0) & (taint.hop > 0)]).tolist()
    kinds = dict(trail.mixes.filter(~trail.mixes["stops"]).select("tx_id", "kind").iter_rows())
    met = [kinds[tx_id] for tx_id in carried if tx_id in kinds]
    return {kind: met.count(kind) for kind in sorted(set(met))}


def _mixers(facts: Facts, taint: Taint) -> set[str]:
    trail = facts.trail
    at_shape = (taint.amount > 0) & (taint.fate == int(Fate.MIXER)) & (trail.holding < 0)
    at_shape &= trail.beyond >= 0  # a shielded pool is told by no shape
    return {facts.kinds[tx_id] for tx_id in distinct(trail.beyond[at_shape]).tolist()}


def _conservative(facts: Facts, taint: Taint) -> list[dict[str, Any]]:
    """The heuristics that made links of the clusters, where clusters decided anything."""
    trail = facts.trail
    ended = (taint.amount > 0) & (taint.fate != int(Fate.SPENT)) & (trail.holding >= 0)
    holdings = facts.services.holdings(np.unique(trail.holding[ended]).tolist())
    by_cluster = any(holding.whole_cluster for holding in holdings)
    by_behaviour = trail.asset is None and bool(np.any((taint.amount > 0) & (trail.pool >= 0)))
    purposes = [
        text
        for text, leaned in (
            ("members of the seed set", facts.lots.clustered),
            ("services and pools", by_cluster or by_behaviour),
        )
        if leaned
    ]
    if not purposes or facts.clustering is None:
        return []
    tier = facts.clustering.tier
    return [
        _told(facts, h.id, h.version, tier, " and ".join(purposes))
        for h in facts.clustering.recorded.heuristics
        if h.links
    ]


def _row(facts: Facts, rule: Heuristic | MixDetector, used_for: str) -> dict[str, Any]:
    tier = str(getattr(rule, "tier", "conservative"))  # what keeps a mix out of co-spend is conservative
    return _told(facts, rule.id, rule.version, tier, used_for)


def _told(facts: Facts, name: str, version: int, tier: str, used_for: str) -> dict[str, Any]:
    rate = facts.rates(name, version, facts.ledger.chain.family)
    return {"id": name, "version": version, "tier": tier, "error_rate": rate, "used_for": used_for}
