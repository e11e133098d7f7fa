"""The `tracer.trace/1` document: keys and order as CONTRACTS shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracer.amounts import Amount
from tracer.flow import leaned, stops
from tracer.flow.coverage import coverage
from tracer.flow.endpoints import Endpoint, endpoint_rows, group
from tracer.flow.facts import Answer, Facts
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.grammar import digest
from tracer.flow.movements import Taint
from tracer.flow.question import Exits, utc
from tracer.flow.tagged import among
from tracer.flow.used import used_heuristics
from tracer.intel.ranking import protection_of


def document(facts: Facts, answer: Answer, answers: Sequence[Answer]) -> dict[str, Any]:
    """One method's document; `answers` are all methods of the question, for the range."""
    taint, lots, chain = answer.taint, facts.lots, facts.ledger.chain
    rests = taint.rests()
    buckets = {
        name: sum(sum(rests[taint.fate == int(fate)].tolist()) for fate in fates)
        for name, fates in BUCKETS.items()
    }
    seeded = sum(taint.seeded.tolist())
    endpoints = group(facts, answer)
    others = {other.method: group(facts, other) for other in answers}
    exits = Exits.parse(facts.question.exits)
    shown = [e for e in endpoints if exits.shows(e.level, e.category)]
    hidden = [e for e in endpoints if not exits.shows(e.level, e.category)]
    unknown = [e for e in hidden if e.level == "unknown"]
    moved = taint.amount > 0
    received = lots.received
    # money that left the set and came back is no new arrival, and only the method knows how much that is
    arrived = facts.by_day(taint.seeded) if lots.unit == "lot" else lots.arrived
    inside = {day: rest for day, units in received.items() if (rest := units - arrived.get(day, 0))}
    used = leaned.claims(facts, endpoints)
    covered = coverage(facts, taint, buckets["unread"], seeded, endpoints)
    covered["notes"] += facts.worth.notes([*received, *lots.left, *facts.days_of(rests > 0)])
    return {
        "schema": "tracer.trace/1",
        **as_of(facts),
        "coverage": covered,
        "seeds": [
            {
                "chain": chain.name,
                "kind": seed.kind,
                "value": seed.value,
                "role": None,
                "lots": lots.count(number),
            }
            for number, seed in enumerate(lots.seeds)
        ],
        "seeds_sha256": digest(lots.seeds, chain),
        "unit": lots.unit,
        "direction": "forward",
        "method": answer.method,
        "parameters": facts.question.parameters(),
        "seed_summary": {
            "gross_received": facts.worth.over(received),
            "internal": facts.worth.over(inside),
            "external_received": facts.worth.over(arrived),
            "left": facts.worth.over(lots.left) if lots.unit == "entity" else None,
        },
        "totals": [
            {
                "chain": chain.name,
                "asset": chain.asset,
                "seed": str(seeded),
                "converted_in": "0",
                "services": str(buckets["services"]),
                "unspent": str(buckets["unspent"]),
                "unread": str(buckets["unread"]),
                "fees": str(sum(taint.fees.tolist())),
                "burned": str(buckets["burned"]),
                "stopped": str(buckets["stopped"]),
                "pruned": str(buckets["pruned"]),
                "converted_out": "0",
            }
        ],
        "conversions": [],
        "endpoints": endpoint_rows(facts, answer, shown, others, seeded),
        "other_endpoints": {
            "count": len(hidden),
            "amount": _sum_of(facts, hidden),
            "unknown_kyc": {"count": len(unknown), "amount": _sum_of(facts, unknown)},
        },
        "stops": stops.rows(facts, taint),
        "unspent": stops.resting(facts, taint, Fate.UNSPENT),
        "unread": stops.resting(facts, taint, Fate.UNREAD),
        "heuristics": used_heuristics(facts, endpoints, taint),
        "graph": {
            "transactions": len(np.unique(facts.trail.out_tx[moved])),
            "hops": int(taint.hop[moved].max()) if moved.any() else 0,
        },
        "overrides": facts.overrides,
        "protected": _protected(facts, taint),
        "claims": used,
        "tlp": leaned.marking(facts, used),
    }


def _sum_of(facts: Facts, endpoints: Sequence[Endpoint]) -> Amount:
    return facts.worth.total(
        facts.amount(leg.amount, leg.output) for endpoint in endpoints for leg in endpoint.legs
    )


def compare(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per shown service: what each method says, and whether only one of them finds it."""
    methods = [d["method"] for d in documents]
    found: dict[str, dict[str, int]] = {}
    bound: dict[str, int] = {}
    for doc in documents:
        for row in doc["endpoints"]:
            name = row["vasp_id"] or row["entity"]
            per = found.setdefault(name, {})
            per[doc["method"]] = per.get(doc["method"], 0) + int(row["amount"]["base_units"])
    for name in found:
        per_doc = [
            sum(
                int(r["range"]["upper_bound"])
                for r in d["endpoints"]
                if (r["vasp_id"] or r["entity"]) == name
            )
            for d in documents
        ]
        bound[name] = min(max(per_doc), max(int(d["totals"][0]["seed"]) for d in documents))
    ranked = sorted(found, key=lambda name: (-max(found[name].values()), name))
    return [
        {
            "endpoint": name,
            **{m: str(found[name].get(m, 0)) for m in methods},
            "upper_bound": str(bound[name]),
            "only_in": next(iter(found[name])) if len(found[name]) == 1 else None,
        }
        for name in ranked
    ]


def as_of(facts: Facts) -> dict[str, Any]:
    """Where the chain, the claims, the rules and the engine stood."""
    state = facts.clustering
    return {
        "as_of": [
            {
                "chain": facts.ledger.chain.name,
                "caip2": facts.ledger.chain.caip2,
                "height": facts.tip.height,
                "block_hash": facts.tip.block_hash[::-1].hex(),
                "block_time": utc(facts.tip.time),
                "clustering": {"tier": state.tier, "height": state.height} if state else None,
            }
        ],
        "intel_snapshot": facts.snapshot.id,
        "rules": facts.rules.digest,
        "engine": facts.engine,
    }


def _protected(facts: Facts, taint: Taint) -> list[dict[str, Any]]:
    """Addresses the money passed that claims ask to protect: a victim is no suspect, a test purchase no sale."""
    import polars as pl

    met = np.unique(facts.trail.address[(taint.amount > 0) & (facts.trail.address >= 0)]).tolist()
    shields = pl.col("shields") & among("address_id", met)
    rows = {
        (facts.addresses[address], protection_of(row), row["claim_id"])
        for row, address in facts.services.tagged.select(shields)
    }
    return [{"address": a, "protection": b, "claim": c} for a, b, c in sorted(rows)]
