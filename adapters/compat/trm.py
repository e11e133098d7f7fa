"""TRM Labs: the answer of Wallet Screening v2, a list with one entry for the address asked for.

Field names: "Wallet Screening API" (`POST /public/v2/screening/addresses`: `addressRiskIndicators` with
`categoryRiskScoreLevel` and `riskType`, `entities`, volumes as text). Levels as "Watchlist and Screening" (Chainlink
docs, of TRM's levels) names them: severe 15, high 10, medium 5, low 1. Integrators read an empty list of indicators as
"no risk", so of what is unknown the list is null.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from adapters.compat.base import Document, fired, is_known, origin, title

_LEVELS = {"low": 1, "medium": 5, "high": 10, "severe": 15}
_TYPES = {"ownership": "OWNERSHIP", "direct": "COUNTERPARTY", "indirect": "INDIRECT"}


def project(document: Document) -> list[dict[str, Any]]:
    """One screening."""
    known, subject, risk = is_known(document), document["subject"], document["risk"]
    return [
        {
            "accountExternalId": subject["customer_reference"],
            "address": subject["address"],
            "addressIncomingVolumeUsd": None,
            "addressOutgoingVolumeUsd": None,
            "addressTotalVolumeUsd": None,
            "addressRiskScoreLevel": _LEVELS[risk] if known and risk else None,
            "addressRiskScoreLevelLabel": risk.title() if known and risk else "Unknown",
            "addressRiskIndicators": _indicators(document) if known else None,
            "addressSubmitted": subject["address"],
            "chain": subject["chain"],
            "entities": _entities(document),
            "externalId": document["screening_id"],
            "onchainReference": subject["txid"],
            "status": "complete" if known else "unknown",
            "trmAppUrl": None,
            "tracer": origin(document),
        }
    ]


def _indicators(document: Document) -> list[dict[str, Any]]:
    """One for each category and kind of exposure that fired a rule, at its worst level, with what moved in and out."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    volumes: dict[tuple[str, str], dict[str, list[str | None]]] = {}
    counted: set[int] = set()
    for trigger, row in fired(document):
        category = trigger["category"] or trigger["title"]
        key = category, _TYPES[row["type"]] if row else "BEHAVIORAL"
        level = _LEVELS[trigger["severity"]]
        one = found.setdefault(key, {"level": level})
        one["level"] = max(one["level"], level)
        moved = volumes.setdefault(key, {"source": [], "destination": []})
        if row is not None and row["type"] != "ownership" and trigger["exposure"] not in counted:
            counted.add(trigger["exposure"])
            moved[row["side"]].append(_usd(row))
    return [_indicator(*key, one["level"], volumes[key]) for key, one in found.items()]


def _indicator(category: str, kind: str, level: int, moved: dict[str, list[str | None]]) -> dict[str, Any]:
    label = next(name for name, one in _LEVELS.items() if one == level)
    both = moved["source"] + moved["destination"]
    return {
        "category": title(category).title(),
        "categoryId": category,
        "categoryRiskScoreLevel": level,
        "categoryRiskScoreLevelLabel": label.title(),
        "incomingVolumeUsd": _sum(moved["source"]),
        "outgoingVolumeUsd": _sum(moved["destination"]),
        "riskType": kind,
        "totalVolumeUsd": _sum(both),
    }


def _entities(document: Document) -> list[dict[str, Any]]:
    owned = {
        trigger["category"]: trigger["severity"]
        for trigger, row in fired(document)
        if row is not None and row["type"] == "ownership"
    }
    return [
        {
            "category": title(row["category"]).title(),
            "categoryId": row["category"],
            "confidenceScoreLabel": row["confidence"],
            "entity": row["entity"] or row["label"],
            "riskScoreLevel": _LEVELS[owned[row["category"]]] if row["category"] in owned else None,
            "riskScoreLevelLabel": owned[row["category"]].title() if row["category"] in owned else "Unknown",
            "trmAppUrl": None,
            "trmUrn": None,
        }
        for row in document["identifications"]
    ]


def _usd(row: Document) -> str | None:
    fiat = row["amount"]["fiat"]
    return str(fiat["value"]) if fiat is not None and fiat["currency"] == "USD" else None


def _sum(values: list[str | None]) -> str | None:
    """A sum as text; None where a part of it has no price, or there is none."""
    told = [value for value in values if value is not None]
    return str(sum(map(Decimal, told))) if told and len(told) == len(values) else None
