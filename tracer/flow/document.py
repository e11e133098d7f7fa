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
    sums = sums_of(answer)
    brought = [told["seed"] + told["converted_in"] for told in sums]
    unread = sum(told["unread"] for told in sums)
    endpoints = group(facts, answer)
    others = {other.method: group(facts, other) for other in answers}
    exits = Exits.parse(facts.question.exits)
    shown = [e for e in endpoints if exits.shows(e.level, e.category)]
    hidden = [e for e in endpoints if not exits.shows(e.level, e.category)]
    unknown = [e for e in hidden if e.level == "unknown"]
    moved = taint.amount > 0
    listed = [asset for asset, told in enumerate(sums) if any(told.values())] or [0]
    used = leaned.claims(facts, endpoints)
    covered = coverage(facts, taint, unread, sum(brought), endpoints)
    coins = (rests > 0) & (facts.trail.assets() == 0)
    covered["notes"] += facts.worth.notes([*_received(facts, 0), *lots.left, *facts.days_of(coins)])
    main = _summary(facts, taint, listed[0])
    peels = not facts.trail.backward and facts.trail.asset is None
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
        "seed_summary": main,
        "totals": [_total(facts, asset, sums[asset]) for asset in listed],
        "conversions": list(answer.conversions),
        "endpoints": endpoint_rows(facts, answer, shown, others, brought, _converted(answers)),
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
        "peel_chains": peel_chains(facts, taint) if peels else [],
        "leads": facts.leads,
        "overrides": facts.overrides,
        "protected": _protected(facts, taint),
        "claims": used,
        "tlp": leaned.marking(facts, used),
        **_of_assets(facts, answer, listed, hidden),
    }


def sums_of(answer: Answer) -> Sequence[Mapping[str, int]]:
    """Of each asset, by its number: what was seeded, converted, and rests in which bucket, base units."""
    if answer.sums is not None:
        return answer.sums
    taint, rests = answer.taint, answer.taint.rests()
    buckets = {
        name: sum(sum(rests[taint.fate == int(fate)].tolist()) for fate in fates)
        for name, fates in BUCKETS.items()
    }
    whole = {"seed": sum(taint.seeded.tolist()), "fees": sum(taint.fees.tolist())}
    return [{**whole, "converted_in": 0, "converted_out": 0, **buckets}]


def _converted(answers: Sequence[Answer]) -> frozenset[int]:
    """Numbers of the assets into which any method converted anything: another convention may convert more."""
    return frozenset(
        asset for answer in answers for asset, told in enumerate(sums_of(answer)) if told["converted_in"]
    )


def _total(facts: Facts, asset: int, told: Mapping[str, int]) -> dict[str, Any]:
    """One row of `totals`."""
    coin = facts.worth_of(asset).coin
    row: dict[str, Any] = {"chain": facts.ledger.chain.name, "asset": coin.name}
    row |= {name: str(told[name]) for name in _COLUMNS}
    if coin.asset_id is not None:
        row |= {"asset_id": coin.asset_id, "decimals": coin.decimals}
    return row


_COLUMNS = (
    "seed", "converted_in", "services", "unspent", "minted", "unread", "fees", "burned", "stopped", "pruned",
    "converted_out",
)  # fmt: skip


def _received(facts: Facts, asset: int) -> Mapping[int, int]:
    """What lots and set received of an asset, by UTC day."""
    return facts.lots.received if facts.trail.asset is None else facts.received.get(asset, {})


def _summary(facts: Facts, taint: Taint, asset: int) -> dict[str, Any]:
    """What the seeds brought of one asset."""
    lots, worth, received = facts.lots, facts.worth_of(asset), _received(facts, asset)
    # money that left the set and came back is no new arrival, and only the method knows how much that is
    seeds_arrivals = lots.unit == "lot" or facts.trail.backward
    seeded = facts.by_day(taint.seeded, asset)
    arrived = seeded if seeds_arrivals else lots.arrived
    left = lots.left if facts.trail.asset is None else seeded
    inside = {day: rest for day, units in received.items() if (rest := units - arrived.get(day, 0))}
    return {
        "gross_received": worth.over(received),
        "internal": worth.over(inside),
        "external_received": worth.over(arrived),
        "left": worth.over(left) if not seeds_arrivals else None,
    }


def _of_assets(
    facts: Facts, answer: Answer, listed: Sequence[int], hidden: Sequence[Endpoint]
) -> dict[str, Any]:
    """What a document of a chain with many assets has beside the others' keys."""
    if facts.trail.asset is None:
        return {}
    return {
        "seed_summaries": [_summary(facts, answer.taint, asset) for asset in listed],
        "other_amounts": [
            _sum_of(facts, own) for asset in listed if (own := [e for e in hidden if e.asset == asset])
        ],
        **facts.beside,
    }


def _sum_of(facts: Facts, endpoints: Sequence[Endpoint]) -> Amount:
    """What endpoints got, of the first asset among them."""
    asset = endpoints[0].asset if endpoints else 0
    return facts.worth_of(asset).total(
        facts.amount(leg.amount, leg.output)
        for endpoint in endpoints
        if endpoint.asset == asset
        for leg in endpoint.legs
    )


def compare(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per shown service: what each method says, and whether only one of them finds it."""
    methods = [d["method"] for d in documents]
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    bound: dict[tuple[str, str, str], int] = {}
    brought: dict[tuple[str, str], int] = {}
    for doc in documents:
        for total in doc["totals"]:
            own = _chain_of(doc, total), total.get("asset_id", "")
            brought[own] = max(brought.get(own, 0), int(total["seed"]) + int(total["converted_in"]))
        for row in doc["endpoints"]:
            per = found.setdefault(_named(row), {})
            per[doc["method"]] = per.get(doc["method"], 0) + int(row["amount"]["base_units"])
    for name in found:
        per_doc = [
            sum(int(r["range"]["upper_bound"]) for r in d["endpoints"] if _named(r) == name)
            for d in documents
        ]
        # by a conversion another convention may have brought more than any of these
        whole = max(per_doc) if any(_converts(d, name[1:]) for d in documents) else brought[name[1:]]
        bound[name] = min(max(per_doc), whole)
    assets = [(_chain_of(d, total), total.get("asset_id", "")) for d in documents for total in d["totals"]]
    ranked = sorted(found, key=lambda name: (assets.index(name[1:]), -max(found[name].values()), name))
    return [
        {
            "endpoint": name[0],
            **{m: str(found[name].get(m, 0)) for m in methods},
            "upper_bound": str(bound[name]),
            "only_in": _only_in(methods, found[name]),
            **({"asset_id": name[2]} if name[2] else {}),
            **({"chain": name[1]} if name[1] else {}),
        }
        for name in ranked
    ]


def _named(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """What makes rows of different methods one of the comparison: the service, and chain and asset of several."""
    return row["vasp_id"] or row["entity"], row.get("chain", ""), row["amount"].get("asset_id", "")


def _chain_of(doc: Mapping[str, Any], total: Mapping[str, Any]) -> str:
    """The chain of a row of totals, where the document is of several."""
    return str(total["chain"]) if len(doc["as_of"]) > 1 else ""


def _converts(doc: Mapping[str, Any], own: tuple[str, str]) -> bool:
    """Whether anything was converted into an asset."""
    return any(
        int(total["converted_in"]) > 0
        for total in doc["totals"]
        if (_chain_of(doc, total), total.get("asset_id", "")) == own
    )


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
