"""Endpoints: where a legal request can go, with the single transactions it can name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.amounts import largest_remainder, share_text
from tracer.clustering.accounts import Shape, shapes
from tracer.clustering.pools import Thresholds
from tracer.flow.fates import Fate
from tracer.flow.movements import Taint
from tracer.flow.question import utc
from tracer.intel import taxonomy
from tracer.intel.claims import KycLevel
from tracer.intel.kyc import KycAt

if TYPE_CHECKING:
    from tracer.flow.facts import Answer, Facts
    from tracer.flow.trail import Trail

Key = tuple[str, str, str | None, tuple[str, str] | None, str]
"""Entity, KYC level at that time, last known level, the interval it rests on, the host of its account: one row each."""


@dataclass(frozen=True)
class Leg:
    """One output through which traced money reached a service."""

    output: int
    role: str
    basis: str
    swept: bool
    amount: int


@dataclass
class Endpoint:
    """A service at one KYC level, with its legs."""

    key: Key
    vasp_id: str | None
    category: str
    nested_in: str = ""
    legs: list[Leg] = field(default_factory=list)
    holdings: set[int] = field(default_factory=set)
    kyc_claims: set[str] = field(default_factory=set)

    @property
    def level(self) -> str:
        """KYC level at the time of the legs."""
        return self.key[1]

    @property
    def total(self) -> int:
        """Base units traced into it."""
        return sum(leg.amount for leg in self.legs)


def group(facts: Facts, answer: Answer) -> list[Endpoint]:
    """Endpoints of one method, largest first. The level is that of the day of each leg's block."""
    taint, trail = answer.taint, facts.trail
    known: dict[tuple[str, str], KycAt] = {}
    found: dict[Key, Endpoint] = {}
    for o in np.flatnonzero((taint.amount > 0) & (taint.fate == int(Fate.SERVICE))).tolist():
        number = int(trail.holding[o])
        entity = facts.services.holding(number).entity
        kyc = KycAt(KycLevel.UNKNOWN, None, None)
        if entity.vasp_id is not None:
            day = (utc(int(trail.time[trail.out_tx[o]])) or "")[:10]
            kyc = known.get((entity.vasp_id, day)) or facts.snapshot.kyc_at(entity.vasp_id, day)
            known[entity.vasp_id, day] = kyc
        interval = kyc.interval if kyc.interval and any(kyc.interval) else None  # a claim without any date
        last = str(kyc.last_known) if kyc.last_known is not None else None
        key: Key = (entity.name, str(kyc.level), last, interval, entity.nested_in)
        row = found.setdefault(key, Endpoint(key, entity.vasp_id, entity.category, entity.nested_in))
        row.kyc_claims.update(kyc.claims)
        row.category = min(row.category, entity.category, key=_category_order)
        role, basis = _role(facts, o, number)
        row.legs.append(Leg(o, role, basis, int(trail.swept_to[o]) >= 0, int(taint.amount[o])))
        row.holdings.add(number)
    for row in found.values():
        row.legs.sort(key=lambda leg: _leg_order(facts, leg))
    return sorted(
        found.values(), key=lambda e: (-e.total, _leg_order(facts, e.legs[0])[1:], e.key[0], e.key[1])
    )


def _category_order(category: str) -> tuple[bool, str]:
    concept = taxonomy.load().get(category)
    return (concept is None or concept.behaviour != "endpoint", category)


def _leg_order(facts: Facts, leg: Leg) -> tuple[int, str, str, int]:
    return (
        -leg.amount,
        facts.address(leg.output) or "",
        facts.txid(leg.output),
        int(facts.trail.vout[leg.output]),
    )


def _role(facts: Facts, output: int, number: int) -> tuple[str, str]:
    """What the address is to the service, and why we say so."""
    hot, holding = int(facts.trail.swept_to[output]), facts.services.holding(number)
    if hot >= 0:
        sweep = facts.txids[int(facts.trail.spender[output])]
        known = " (the service's by cluster)" if holding.whole_cluster else ""
        return "deposit", f"swept to hot wallet {facts.addresses[hot]}{known} by {sweep}"
    if holding.whole_cluster:
        return "deposit", "in the service's co-spend cluster"
    if holding.role in ("hot", "deposit"):
        return holding.role, "tag"
    return "unknown", f"tagged {holding.role}" if holding.role else "tag"


def endpoint_rows(
    facts: Facts,
    answer: Answer,
    endpoints: Sequence[Endpoint],
    others: Mapping[str, Sequence[Endpoint]],
    seeded: int,
) -> list[dict[str, Any]]:
    """Endpoints as CONTRACTS prints them; `others` holds every method's endpoints, for the range."""
    return [_row(facts, answer, endpoint, others, seeded) for endpoint in endpoints]


def _row(
    facts: Facts, answer: Answer, endpoint: Endpoint, others: Mapping[str, Sequence[Endpoint]], seeded: int
) -> dict[str, Any]:
    trail, taint = facts.trail, answer.taint
    outputs = [leg.output for leg in endpoint.legs]
    times = [int(trail.time[trail.out_tx[o]]) for o in outputs]
    day = (utc(max(times)) or "")[:10]
    vasp = facts.snapshot.vasp(endpoint.vasp_id, day) if endpoint.vasp_id else None
    name, level, last_known, interval, _ = endpoint.key
    legs = [_leg(facts, taint, leg) for leg in endpoint.legs]
    return {
        "entity": vasp.name if vasp else name,
        "vasp_id": endpoint.vasp_id,
        "category": endpoint.category,
        "kyc_level": level,
        "kyc_last_known": last_known,
        "kyc_interval": list(interval) if interval else None,
        "jurisdiction": (vasp.jurisdiction or None) if vasp else None,
        "amount": facts.worth.total(leg["amount_traced"] for leg in legs),
        "share": share_text(endpoint.total, seeded),
        "range": _range(facts, endpoint, others, seeded) if len(others) > 1 else None,
        "legs": legs,
        "account_shape": _shape(endpoint, legs),
        "first_time": utc(min(times)),
        "last_time": utc(max(times)),
        "min_hops": min(leg["hops"] for leg in legs),
        "by_seed": _by_seed(facts, answer, endpoint, outputs),
        "attribution": _attribution(facts, endpoint),
        "kyc_evidence": _evidence(facts, endpoint),
        "nested_in": _host(facts, endpoint, day) if endpoint.nested_in else None,
        "request_to": _request_to(facts, endpoint.vasp_id or endpoint.nested_in),
    }


def look_at_accounts(facts: Facts, answers: Sequence[Answer], pools: Thresholds | None) -> None:
    """Find out which shape the accounts behind the deposit addresses have that any method's money reached."""
    import polars as pl

    trail, reached = facts.trail, np.zeros(len(facts.trail.vout), bool)
    for answer in answers:
        reached |= (answer.taint.amount > 0) & (answer.taint.fate == int(Fate.SERVICE))
    deposits = [
        int(trail.address[o])
        for o in np.flatnonzero(reached & (trail.address >= 0)).tolist()
        if _role(facts, o, int(trail.holding[o]))[0] == "deposit"
    ]
    if not deposits:
        return
    tagged = facts.services.tagged.frame
    held = tagged.filter(pl.col("fate").is_not_null())["cluster_id"]
    found = shapes(facts.ledger, deposits, held.unique().to_list(), pools=pools)
    facts.accounts.update(found.select("address_id", "shape").iter_rows())
    facts.senders = np.unique(found["sent_by"].explode().drop_nulls().to_numpy()).astype(np.int64)


def _shape(endpoint: Endpoint, legs: Sequence[Mapping[str, Any]]) -> str:
    """The shape of the account: of a nested service by claim, else the one that all deposits agree on."""
    if endpoint.nested_in:
        return Shape.NESTED
    told = {leg["account_shape"] for leg in legs if leg["account_shape"]}
    return told.pop() if len(told) == 1 else Shape.UNKNOWN


def _by_seed(facts: Facts, answer: Answer, endpoint: Endpoint, outputs: list[int]) -> list[dict[str, str]]:
    """What each seed brought; adds up to the endpoint. Only rounding is scaled away."""
    alone = {number: sum(found[outputs].tolist()) for number, found in sorted(answer.by_seed.items())}
    if not any(alone.values()):
        return []
    parts = largest_remainder(endpoint.total, list(alone.values()))
    return [
        {"seed": facts.lots.seeds[number].text, "amount": str(part)}
        for number, part in zip(alone, parts, strict=True)
        if part
    ]


def _range(
    facts: Facts, endpoint: Endpoint, others: Mapping[str, Sequence[Endpoint]], seeded: int
) -> dict[str, str]:
    """What each method finds at this endpoint, and the most that can have arrived by any convention."""
    amounts = {m: sum(e.total for e in found if e.key == endpoint.key) for m, found in others.items()}
    outputs = {
        leg.output for found in others.values() for e in found if e.key == endpoint.key for leg in e.legs
    }
    most = max(seeded, *amounts.values())
    bound = min(most, sum(facts.ceiling[sorted(outputs)].tolist()))
    return {**{m: str(units) for m, units in amounts.items()}, "upper_bound": str(bound)}


def _leg(facts: Facts, taint: Taint, leg: Leg) -> dict[str, Any]:
    trail, o = facts.trail, leg.output
    t, steps = int(trail.out_tx[o]), path(trail, taint, o)
    return {
        "role": leg.role,
        "role_basis": leg.basis,
        "account_shape": facts.accounts.get(int(trail.address[o])) if leg.role == "deposit" else None,
        "address": facts.address(o),
        "txid": facts.txid(o),
        "vout": int(trail.vout[o]),
        "transfer_index": None,
        "height": int(trail.tx_id[t]) >> 24,
        "time": utc(int(trail.time[t])),
        "amount_onchain": facts.amount(int(trail.movements.out_value[o]), o),
        "amount_traced": facts.amount(leg.amount, o),
        "hops": int(taint.hop[o]),
        "path": [facts.txids[int(trail.tx_id[i])] for i in steps],
    }


def path(trail: Trail, taint: Taint, output: int) -> list[int]:
    """Transactions from a seed to an output, by the shortest way its traced money came; indices into the trail.

    Under FIFO that way can be longer than the `hops` of the leg: these count from the nearest seed whose money
    entered the same transactions, as --hops does.
    """
    steps = [int(trail.out_tx[output])]
    while taint.seeded[output] == 0:
        output = int(taint.via[output])
        steps.append(int(trail.out_tx[output]))
    return steps[::-1]


def _attribution(facts: Facts, endpoint: Endpoint) -> list[dict[str, Any]]:
    """The claims that name this service at its legs, each once."""
    rows = {
        (row["label"], row["source"], row["confidence"], row["lastmod"], row["claim_id"], row["tlp"])
        for holding in facts.services.holdings(endpoint.holdings)
        for row in holding.claims
    }
    return [
        {"label": a, "source": b, "confidence": c, "date": d, "claim": e, "tlp": f or None}
        for a, b, c, d, e, f in sorted(rows)
    ]


def _evidence(facts: Facts, endpoint: Endpoint) -> list[dict[str, Any]]:
    """The statements a level, or the last one known, rests on."""
    said = sorted((claim, facts.snapshot.statement(claim)) for claim in endpoint.kyc_claims)
    return [
        {
            "claim": claim,
            "kyc_level": str(row.kyc_level),
            "source": row.source,
            "assessed_at": row.assessed_at or None,
            "evidence_url": row.evidence_url or None,
            "evidence_sha256": row.evidence_sha256 or None,
        }
        for claim, row in said
    ]


def _host(facts: Facts, endpoint: Endpoint, day: str) -> dict[str, Any]:
    """The service in whose custody the account lies: it too can be asked who opened it."""
    kyc = facts.snapshot.kyc_at(endpoint.nested_in, day)
    vasp = facts.snapshot.vasp(endpoint.nested_in, day)
    return {
        "vasp_id": endpoint.nested_in,
        "entity": vasp.name if vasp else endpoint.nested_in,
        "kyc_level": str(kyc.level),
        "kyc_last_known": str(kyc.last_known) if kyc.last_known else None,
    }


def _request_to(facts: Facts, vasp_id: str | None) -> dict[str, Any] | None:
    """Where a request goes, by the newest statement about the service; None where no register speaks of it."""
    vasp = facts.snapshot.newest(vasp_id) if vasp_id else None
    if vasp is None:
        return None
    names = ("name", "legal_entity", "legal_contact", "records_holder", "retention", "status", "successor")
    return {"vasp_id": vasp.vasp_id, **{name: getattr(vasp, name) or None for name in names}}
