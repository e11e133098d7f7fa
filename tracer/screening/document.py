"""`tracer.screening/1`: evidence and what a policy made of it, as CONTRACTS writes it.

A function of what it is given: no clock, no ledger. Amounts are of the larger method, shares lie between the two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracer.flow.question import utc
from tracer.screening.model import Designation, Evidence, Judgement, Subject, Trigger
from tracer.screening.rows import Coin, after, amount, exposure, identification, plain, rank

if TYPE_CHECKING:
    from tracer.screening.policy import Policy

__all__ = ["SCHEMA", "Coin", "document", "screening_id"]

SCHEMA = "tracer.screening/1"


def document(
    evidence: Evidence,
    judgement: Judgement,
    policy: Policy,
    *,
    snapshot_id: str,
    rules: str,
    engine: str,
    evaluated_at: int,
    parameters: Mapping[str, Any],
    coin: Coin,
    tlp: str | None = None,
) -> dict[str, Any]:
    """The document of one screening.

    rules         digest of the rules the facts were linked by
    evaluated_at  unix seconds: as of when lists were young enough
    parameters    what was asked beside the policy: hops, own ...; part of the screening's identity
    coin          what the subject's own amount is of
    tlp           the most closed marking of the claims it leans on; None where none is marked
    """
    order = sorted(range(len(evidence.exposures)), key=lambda place: rank(evidence.exposures[place]))
    exposures = [exposure(evidence.exposures[place]) for place in order]
    places = {place: number for number, place in enumerate(order)}
    said = {
        "as_of": _as_of(evidence),
        "intel_snapshot": snapshot_id,
        "rules": rules,
        "engine": engine,
        "evaluated_at": utc(evaluated_at),
        "coverage": _coverage(evidence, judgement),
        "policy": {"id": policy.id, "version": policy.version, "sha256": policy.sha256},
        "parameters": dict(parameters),
        "subject": _subject(evidence, coin),
        "verdict": judgement.verdict,
        "risk": judgement.risk,
        "risk_reasons": list(judgement.reasons),
        "handling": judgement.handling,
        "second_person": judgement.second,
        "sanctioned": _sanctioned(evidence),
        "cluster": None if evidence.cluster is None else plain(evidence.cluster),
        "identifications": [identification(row) for row in evidence.identifications],
        "exposures": exposures,
        "triggers": [_trigger(row, evidence, policy, places) for row in judgement.triggers],
        "findings": [dict(row) for row in evidence.findings],
        "truncated": evidence.truncated,
        "seen": evidence.seen,
        "protected": list(evidence.protected),
        "bursts": [dict(row) for row in evidence.bursts],
        "tlp": tlp,
        "designations": [plain(row) for row in evidence.designations],
        "claims": sorted(evidence.claims),
    }
    return {"schema": SCHEMA, "screening_id": screening_id(said), **said}


def screening_id(said: Mapping[str, Any]) -> str:
    """Names a screening by what was asked and what was known: a rerun of the same adds nothing.

    SHA-256 over the canonical JSON of subject, policy with parameters, `as_of` with claims, rules and engine, coverage,
    and the outcome: a policy may ask for time since a payment, so that the same facts can be judged otherwise later.
    """
    named = {key: said[key] for key in _NAMED}
    named["triggers"] = [
        [row["rule_id"], row["rule_version"], row["verdict"], row["handling"], row["observed"]]
        for row in said["triggers"]
    ]
    text = json.dumps(named, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


_NAMED = (
    "subject", "policy", "parameters", "as_of", "intel_snapshot", "rules", "engine", "coverage", "verdict", "risk",
)  # fmt: skip


def _as_of(evidence: Evidence) -> list[dict[str, Any]]:
    tip = evidence.tip
    if tip is None:
        return []
    return [
        {
            "chain": tip.chain, "caip2": tip.caip2, "height": tip.height, "block_hash": tip.block_hash,
            "block_time": tip.block_time, "clustering": None if tip.clustering is None else dict(tip.clustering),
        }
    ]  # fmt: skip


def _coverage(evidence: Evidence, judgement: Judgement) -> dict[str, Any]:
    chain = evidence.subject.chain
    notes = [*evidence.gaps, *evidence.notes, *judgement.notes]
    return {
        "status": judgement.status,
        "chains": [
            {
                "chain": chain,
                "blocks": [list(span) for span in evidence.blocks],
                "missing": [list(span) for span in evidence.missing],
            }
        ],
        "intel": [plain(row) for row in judgement.lists],
        "notes": list(dict.fromkeys(notes)),
        "gaps": list(evidence.gaps),
    }


def _subject(evidence: Evidence, coin: Coin) -> dict[str, Any]:
    subject: Subject = evidence.subject
    return {
        "kind": subject.kind,
        "chain": subject.chain,
        "address": subject.address,
        "txid": subject.txid,
        "vout": subject.vout,
        "transfer_index": subject.transfer_index,
        "asset": coin.name if subject.kind != "address" else subject.asset,
        "amount": None if subject.units is None else amount(coin, subject.units, None),
        "chain_state": evidence.chain_state,
        "direction": subject.direction,
        "customer_reference": subject.reference or None,
    }


def _trigger(row: Trigger, evidence: Evidence, policy: Policy, places: Mapping[int, int]) -> dict[str, Any]:
    rule = policy.rule(row.rule_id)
    party = None if row.exposure is None else evidence.exposures[row.exposure]
    observed = dict(row.observed)
    if "exposures" in observed:
        observed["exposures"] = sorted(places[place] for place in observed["exposures"])
    return {
        "rule_id": row.rule_id,
        "rule_version": row.rule_version,
        "threshold": dict(row.threshold),
        "observed": observed,
        "severity": row.severity,
        "verdict": row.verdict,
        "handling": row.handling,
        "category": observed.get("category") if party is None else party.category,
        "exposure": None if row.exposure is None else places[row.exposure],
        "title": rule.title if rule else "",
        "false_positives": rule.false_positives if rule else "",
    }


def _sanctioned(evidence: Evidence) -> dict[str, Any]:
    """Whether the subject stands on a sanctions list; of a transfer, whether who paid it (or was paid) does.

    Of several designations the one that was made first. `transfer_after_designation` is None where a date is missing.
    """
    rows: list[tuple[Designation, int | None]] = [(row, evidence.time) for row in evidence.designations]
    if evidence.subject.kind == "transfer":
        rows += [
            (listed, evidence.time)
            for row in evidence.exposures
            if row.type == "direct"
            for listed in row.listed
        ]
    if not rows:
        return dict.fromkeys(_SANCTIONED, None) | {"hit": False}
    first, time = min(rows, key=lambda item: (item[0].designated_at or "9999", item[0].list, item[0].claim))
    return {
        "hit": True,
        "list": first.list,
        "list_version": first.list_version,
        "designated_at": first.designated_at or None,
        "transfer_after_designation": after(first, time if time is not None else _last(evidence)),
    }


_SANCTIONED = ("hit", "list", "list_version", "designated_at", "transfer_after_designation")


def _last(evidence: Evidence) -> int | None:
    """When the subject's money last moved from or to a counterparty that is known."""
    return max((row.last_time for row in evidence.exposures if row.last_time is not None), default=None)
