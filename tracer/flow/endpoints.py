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
from tracer.flow.legs import Leg, leg_order, leg_row, legs_of, role_of
from tracer.flow.question import utc
from tracer.intel import taxonomy
from tracer.intel.claims import KycLevel
from tracer.intel.kyc import KycAt

if TYPE_CHECKING:
    from tracer.flow.facts import Answer, Facts

Key = tuple[str, str, str | None, tuple[str, str] | None, str, int]
"""Entity, KYC level at that time, last known level, the interval it rests on, the host of its account, the asset's
number: one row each."""


@dataclass
class Endpoint:
    """A service at one KYC level, with its legs."""

    key: Key
    vasp_id: str | None
    category: str
    nested_in: str = ""
    outputs: list[int] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)
    holdings: set[int] = field(default_factory=set)
    kyc_claims: set[str] = field(default_factory=set)

    @property
    def level(self) -> str:
        """KYC level at the time of the legs."""
        return self.key[1]

    @property
    def asset(self) -> int:
        """Number of the asset that it got."""
        return self.key[5]

    @property
    def total(self) -> int:
        """Base units traced into it."""
        return sum(leg.amount for leg in self.legs)


def group(facts: Facts, answer: Answer) -> list[Endpoint]:
    """Endpoints of one method, by asset, largest first. The level is that of the day of each leg's block."""
    taint, found = answer.taint, dict[Key, Endpoint]()
    for o in np.flatnonzero((taint.amount > 0) & (taint.fate == int(Fate.SERVICE))).tolist():
        number = int(facts.trail.holding[o])
        entity = facts.services.holding(number).entity
        key, kyc = key_of(facts, o)
        row = found.setdefault(key, Endpoint(key, entity.vasp_id, entity.category, entity.nested_in))
        row.kyc_claims.update(kyc.claims)
        row.category = min(row.category, entity.category, key=_category_order)
        row.outputs.append(o)
        row.holdings.add(number)
    for row in found.values():
        row.legs = legs_of(facts, taint, row.outputs)
    return sorted(
        found.values(),
        key=lambda e: (e.asset, -e.total, leg_order(facts, e.legs[0])[1:], e.key[0], e.key[1]),
    )


def key_of(facts: Facts, output: int) -> tuple[Key, KycAt]:
    """Which endpoint a service's output belongs to, and its KYC level on the day of the payment."""
    entity = facts.services.holding(int(facts.trail.holding[output])).entity
    kyc = KycAt(KycLevel.UNKNOWN, None, None)
    if entity.vasp_id is not None:
        place = (entity.vasp_id, (utc(int(facts.trail.time[output])) or "")[:10])
        if place not in facts.levels:
            facts.levels[place] = facts.snapshot.kyc_at(*place)
        kyc = facts.levels[place]
    interval = kyc.interval if kyc.interval and any(kyc.interval) else None  # a claim without any date
    last = str(kyc.last_known) if kyc.last_known is not None else None
    return (entity.name, str(kyc.level), last, interval, entity.nested_in, facts.asset(output)), kyc


def most_there(facts: Facts) -> dict[Key, int]:
    """The most that any convention can have brought to each service that stands on the trail, reached or not."""
    bounds: dict[Key, int] = {}
    for o in np.flatnonzero(
        (facts.ceiling > 0) & (facts.trail.movements.out_fate == int(Fate.SERVICE))
    ).tolist():
        key, _ = key_of(facts, o)
        bounds[key] = bounds.get(key, 0) + int(facts.ceiling[o])
    return bounds


def _category_order(category: str) -> tuple[bool, str]:
    concept = taxonomy.load().get(category)
    return (concept is None or concept.behaviour != "endpoint", category)


def endpoint_rows(
    facts: Facts,
    answer: Answer,
    endpoints: Sequence[Endpoint],
    others: Mapping[str, Sequence[Endpoint]],
    brought: Sequence[int],
    converted: frozenset[int] = frozenset(),
) -> list[dict[str, Any]]:
    """Endpoints as CONTRACTS prints them; `others` holds every method's endpoints, for the range.

    `brought`: base units that were seeded of each asset, or converted into it; of assets in `converted` another
    convention may bring more.
    """
    return [
        _row(facts, answer, endpoint, others, brought[endpoint.asset], open_ended=endpoint.asset in converted)
        for endpoint in endpoints
    ]


def _row(
    facts: Facts,
    answer: Answer,
    endpoint: Endpoint,
    others: Mapping[str, Sequence[Endpoint]],
    seeded: int,
    *,
    open_ended: bool,
) -> dict[str, Any]:
    trail, taint = facts.trail, answer.taint
    outputs = endpoint.outputs
    times = [int(trail.time[o]) for o in outputs]
    day = (utc(max(times)) or "")[:10]
    vasp = facts.snapshot.vasp(endpoint.vasp_id, day) if endpoint.vasp_id else None
    name, level, last_known, interval, _, asset = endpoint.key
    legs = [leg_row(facts, taint, leg) for leg in endpoint.legs]
    return {
        "entity": vasp.name if vasp else name,
        "vasp_id": endpoint.vasp_id,
        "category": endpoint.category,
        "kyc_level": level,
        "kyc_last_known": last_known,
        "kyc_interval": list(interval) if interval else None,
        "jurisdiction": (vasp.jurisdiction or None) if vasp else None,
        "amount": facts.worth_of(asset).total(leg["amount_traced"] for leg in legs),
        "share": share_text(endpoint.total, seeded) if answer.method != "poison" else None,
        "range": _range(facts, endpoint, others, seeded, open_ended=open_ended) if len(others) > 1 else None,
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
    if trail.backward:  # what a service paid out tells nothing of who pays in
        return
    deposits = [
        int(trail.address[o])
        for o in np.flatnonzero(reached & (trail.address >= 0)).tolist()
        if role_of(facts, o)[0] == "deposit"
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
    if answer.method == "poison":  # every seed marks the whole
        return []
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
    facts: Facts,
    endpoint: Endpoint,
    others: Mapping[str, Sequence[Endpoint]],
    seeded: int,
    *,
    open_ended: bool,
) -> dict[str, str]:
    """What each method finds at this endpoint, and the most that can have arrived by any convention.

    Poison divides nothing: what it marks is no amount of the seed, and is not in here.
    """
    amounts = {
        m: sum(e.total for e in found if e.key == endpoint.key)
        for m, found in others.items()
        if m != "poison"
    }
    most = facts.most.get(endpoint.key, 0)
    bound = most if open_ended else min(max(seeded, *amounts.values(), 0), most)
    return {**{m: str(units) for m, units in amounts.items()}, "upper_bound": str(bound)}


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
