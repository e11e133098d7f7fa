"""`tracer.policy_explanation/1`: the rules of a policy in order, which fired on what, what would make it clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracer.flow.question import utc
from tracer.screening.counterfactual import Step, steps
from tracer.screening.judge import Judge
from tracer.screening.model import Evidence, Judgement

SCHEMA = "tracer.policy_explanation/1"


def explanation(
    evidence: Evidence, judge: Judge, *, screened: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The document. `screened`: a screening it is the explanation of; whether its verdict comes out again is said."""
    judgement = judge.of(evidence)
    subject, policy = evidence.subject, judge.policy
    todo = steps(evidence, judgement, judge)
    return {
        "schema": SCHEMA,
        "subject": {
            "kind": subject.kind,
            "chain": subject.chain,
            "address": subject.address,
            "txid": subject.txid,
            "vout": subject.vout,
            "transfer_index": subject.transfer_index,
        },
        "policy": {"id": policy.id, "version": policy.version, "sha256": policy.sha256},
        "evaluated_at": utc(judge.evaluated_at),
        "verdict": judgement.verdict,
        "risk": judgement.risk,
        "risk_reasons": list(judgement.reasons),
        "handling": judgement.handling,
        "second_person": judgement.second,
        "status": judgement.status,
        "notes": list(judgement.notes),
        "screened": None if screened is None else _screened(screened, judgement, policy.sha256),
        "rules": _rules(judge, judgement),
        "clear_if": {"already": not todo, "all_of": [_step(step) for step in todo]},
    }


def _screened(document: Mapping[str, Any], judgement: Judgement, sha256: str) -> dict[str, Any]:
    return {
        "screening_id": document["screening_id"],
        # an exception changes what is answered, not what the policy says
        "verdict": document.get("policy_verdict") or document["verdict"],
        "policy": dict(document["policy"]),
        "same_policy": document["policy"]["sha256"] == sha256,
        "same_verdict": (document.get("policy_verdict") or document["verdict"]) == judgement.verdict,
    }


def _rules(judge: Judge, judgement: Judgement) -> list[dict[str, Any]]:
    found = []
    for rule in judge.policy.rules:
        fired = [trigger for trigger in judgement.triggers if trigger.rule_id == rule.id]
        found.append(
            {
                "id": rule.id,
                "version": rule.version,
                "title": rule.title,
                "when": [dict(asked) for asked in rule.asked],
                "severity": rule.severity,
                "verdict": rule.verdict,
                "handling": rule.handling,
                "fired": bool(fired),
                "triggers": [
                    {
                        "threshold": dict(trigger.threshold),
                        "observed": dict(trigger.observed),
                        "verdict": trigger.verdict,
                        "handling": trigger.handling,
                    }
                    for trigger in fired
                ],
                "false_positives": rule.false_positives,
                "references": list(rule.references),
            }
        )
    return found


def _step(step: Step) -> dict[str, Any]:
    return {
        "rules": list(step.rules),
        "exposures": list(step.exposures),
        "any_of": [{"change": way.change, "text": way.text, **_detail(way.detail)} for way in step.ways],
    }


def _detail(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
            for key, value in detail.items()}  # fmt: skip
