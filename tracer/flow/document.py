"""The `tracer.trace/1` document: keys and order as CONTRACTS shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracer.amounts import Amount
from tracer.flow import leaned, stops
from tracer.flow.coverage import coverage
from tracer.flow.endpoints import Endpoint, endpoint_rows, group
from tracer.flow.facts import Answer, Facts
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.graph import graph
from tracer.flow.movements import Taint
from tracer.flow.peels import peel_chains
from tracer.flow.question import Exits, utc
from tracer.flow.seeding.grammar import digest
from tracer.flow.sets import distinct
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
    seeds_arrivals = lots.unit == "lot" or facts.trail.backward
    arrived = facts.by_day(taint.seeded) if seeds_arrivals else lots.arrived
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
                "role": seed.role,
                "lots": lots.count(number),
            }
            for number, seed in enumerate(lots.seeds)
        ],
        "seeds_sha256": digest(lots.seeds, chain),
        "unit": lots.unit,
        "direction": facts.question.direction,
        "method": answer.method,
        "parameters": {**facts.question.parameters(), "floor": str(facts.floor)},
        "seed_summary": {
            "gross_received": facts.worth.over(received),
            "internal": facts.worth.over(inside),
            "external_received": facts.worth.over(arrived),
            "left": facts.worth.over(lots.left) if not seeds_arrivals else None,
        },
        "totals": [
            {
                "chain": chain.name,
                "asset": chain.asset,
                "seed": str(seeded),
                "converted_in": "0",
                "services": str(buckets["services"]),
                "unspent": str(buckets["unspent"]),
                "minted": str(buckets["minted"]),
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
            "transactions": len(distinct(facts.trail.met[moved])),
            "hops": int(taint.hop[moved].max()) if moved.any() else 0,
            **(graph(facts, answer) if facts.question.edges else {}),
        },
        "minted": stops.resting(facts, taint, Fate.MINTED),
        "peel_chains": [] if facts.trail.backward else peel_chains(facts, taint),
        "leads": facts.leads,
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
            "only_in": _only_in(methods, found[name]),
        }
        for name in ranked
    ]


def _only_in(asked: Sequence[str], found: Mapping[str, int]) -> str | None:
    """The one convention of several that finds a service.

    Poison marks all that any other reaches: it agrees with none.
    """
    dividing = [method for method in found if method != "poison"]
    if not dividing:
        return "poison" if len(asked) > 1 else None
    several = sum(method != "poison" for method in asked) > 1
    return dividing[0] if several and len(dividing) == 1 else None


def as_of(facts: Facts) -> dict[str, Any]:
    """Where the chain, the claims, the rules and the engine stood."""
    state = facts.clustering
    return {
        "as_of": [
            {
                "chain": facts.ledger.chain.name,
                "caip2": facts.ledger.chain.caip2,
                "height": facts.tip.height,
                "block_hash": facts.ledger.chain.hash_text(facts.tip.block_hash),
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

    met = distinct(facts.trail.address[(taint.amount > 0) & (facts.trail.address >= 0)]).tolist()
    shields = pl.col("shields") & among("address_id", met)
    rows = {
        (facts.addresses[address], protection_of(row), row["claim_id"])
        for row, address in facts.services.tagged.select(shields)
    }
    return [{"address": a, "protection": b, "claim": c} for a, b, c in sorted(rows)]
