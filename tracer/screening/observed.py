"""What was seen where a rule fired, as data and in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tracer.amounts import decimal_text, share_text
from tracer.intel import taxonomy
from tracer.screening.conditions import Condition, matching_findings, share, standing
from tracer.screening.model import METHODS, Evidence, Exposure, Trigger
from tracer.screening.policy import Rule

PLACES = 6
"""Digits after the point of a share."""


def observed_rows(rows: Sequence[tuple[int, Exposure]]) -> dict[str, Any]:
    """What exposures of one category, side and asset come to: units and shares per method, both ends of the range.

    `labels_later`: all claims that name any of them are dated after the payments. `designation`: of a sanctions list,
    `after` where any was paid after the designation. `exposures` are places in the evidence.
    """
    parts = [row for _, row in rows]
    first = parts[0]
    seen: dict[str, Any] = {
        "category": first.category,
        "type": sorted({row.type for row in parts}),
        "entities": sorted({row.entity for row in parts if row.entity}),
        "min_hops": min(row.min_hops for row in parts),
        "labels_later": all(row.labels_later for row in parts),
        "exposures": sorted(place for place, _ in rows),
    }
    if first.type == "ownership":
        return seen
    units = {method: sum(row.units.get(method, 0) for row in parts) for method in METHODS}
    shares = sorted(share(parts, method) for method in METHODS)
    low, high = (share_text(one.numerator, one.denominator, PLACES) for one in (shares[0], shares[-1]))
    times = [row.last_time for row in parts if row.last_time is not None]
    stood = {standing(row) for row in parts}
    return {
        **seen,
        "side": first.side,
        "asset": first.asset,
        "decimals": first.decimals,
        "units": {method: str(units[method]) for method in METHODS},
        "share_low": low,
        "share_high": high,
        "kyc_levels": sorted({row.kyc_level for row in parts}),
        "solicited": any(row.solicited for row in parts),
        "last_time": _iso(max(times)) if times else None,
        "designation": next((word for word in ("after", "undated", "before") if word in stood), None),
    }


def observed_subject(condition: Condition, evidence: Evidence) -> dict[str, Any]:
    """What is known of the subject itself that a condition asks for."""
    seen: dict[str, Any] = {}
    if condition.designated:
        seen["designated"] = [
            {"list": one.list, "designated_at": one.designated_at or None} for one in evidence.designations
        ]
    if condition.protected:
        seen["protected"] = sorted(condition.protected & set(evidence.protected))
    if condition.bursts is not None:
        seen["bursts"] = [dict(one) for one in evidence.bursts]
    if condition.findings is not None:
        seen["findings"] = sorted(
            {str(one.get("rule_id", "")) for one in matching_findings(condition.findings, evidence)}
        )
    return seen


def reason(rule: Rule, trigger: Trigger) -> str:
    """One sentence: what the rule says, and what was seen."""
    seen = trigger.observed
    if "category" not in seen:
        return f"{rule.title} ({rule.id}){_marks(seen)}"
    known = taxonomy.load().get(seen["category"])
    what = known.title if known else str(seen["category"])
    who = f" ({', '.join(seen['entities'][:3])})" if seen["entities"] else ""
    if "side" not in seen:
        said = f"named {what}{who} itself"
    else:
        way = "from" if seen["side"] == "source" else "to"
        amounts = sorted({int(units) for units in seen["units"].values()})
        texts = [decimal_text(units, seen["decimals"]) for units in amounts]
        said = (
            f"{' to '.join(texts)} {seen['asset']} ({_percent(seen)}) {way} {what}{who}, {_distance(seen)}"
            f"{_remarks(seen)}"
        )
    later = "; every label is dated after the payments" if seen["labels_later"] and "side" in seen else ""
    return f"{rule.title} ({rule.id}): {said}{later}"


def _marks(seen: Mapping[str, Any]) -> str:
    """What is known of the subject itself, in words."""
    said = [f"{one['list']}, {one['designated_at'] or 'undated'}" for one in seen.get("designated", ())]
    said += [*seen.get("protected", ()), *seen.get("findings", ())]
    return f": {'; '.join(said)}" if said else ""


def _percent(seen: Mapping[str, Any]) -> str:
    low, high = _hundredths(seen["share_low"]), _hundredths(seen["share_high"])
    return f"{low} %" if low == high else f"{low} to {high} %"


def _hundredths(share: str) -> str:
    """A share in percent; what is above nothing is never written as nothing."""
    percent = Decimal(share) * 100
    if 0 < percent < Decimal("0.01"):
        return "under 0.01"
    return f"{percent.quantize(Decimal('0.01')):f}".rstrip("0").rstrip(".")


def _distance(seen: Mapping[str, Any]) -> str:
    return "1 transaction away" if seen["min_hops"] <= 1 else f"{seen['min_hops']} transactions away"


def _remarks(seen: Mapping[str, Any]) -> str:
    said = ""
    if seen["designation"] == "before":
        said += "; paid before the designation"
    elif seen["designation"] == "after":
        said += "; paid after the designation"
    if not seen["solicited"]:
        said += "; nobody asked for it"
    if seen.get("may_be_victim"):
        said += "; the subject may be a victim"
    if marks := seen.get("marked"):
        said += f"; the subject is marked: {', '.join(mark.replace('_', ' ') for mark in marks)}"
    return said


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
