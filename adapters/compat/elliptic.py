"""Elliptic: the synchronous wallet and transaction analyses of the AML API v2.

Field names: "AML API V2" (developers.elliptic.co; `POST /v2/wallets/synchronous`, `POST /v2/analyses/synchronous`:
`risk_score` 0 to 10, `risk_score_detail`, `evaluation_detail` and `contributions` by source and destination). A verdict
of which nothing is known has no score and ends as a failed analysis does: `process_status` "error", with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.compat.base import Document, fired, is_known, of_side, origin, percent, usd

_SCORES = {"low": 2.5, "medium": 5.0, "high": 7.5, "severe": 10.0}
_NOTHING = 0.0
"""Of what was looked at whole and fired no rule."""
_SIDES = ("source", "destination")
_KINDS = {("transfer", "inbound"): "source_of_funds", ("transfer", "outbound"): "destination_of_funds"}


def project(document: Document) -> dict[str, Any]:
    """One screening."""
    known, subject = is_known(document), document["subject"]
    moment = document["evaluated_at"]
    scores = {side: _score(document, side) for side in _SIDES}
    every = [score for score in scores.values() if score is not None]
    return {
        "id": document["screening_id"],
        "type": _KINDS.get((subject["kind"], subject["direction"]), "wallet_exposure"),
        "subject": {
            "asset": subject["asset"],
            "blockchain": subject["chain"],
            "type": "transaction" if subject["txid"] else "address",
            "hash": subject["txid"] or subject["address"],
            "output_type": "address" if subject["txid"] else None,
            "output_address": subject["address"] if subject["txid"] else None,
        },
        "customer": {"id": None, "reference": subject["customer_reference"]},
        "customer_reference": subject["customer_reference"],
        "created_at": moment,
        "updated_at": moment,
        "analysed_at": moment if known else None,
        "process_status": "complete" if known else "error",
        "process_status_id": 2 if known else 3,
        "error": None
        if known
        else {"message": "; ".join(document["risk_reasons"]) or "nothing is known of it"},
        "risk_score": max(every, default=_NOTHING) if known else None,
        "risk_score_detail": scores if known else dict.fromkeys(_SIDES),
        "evaluation_detail": {side: _rules(document, side) for side in _SIDES} if known else None,
        "contributions": {
            side: [_contribution(row) for row in of_side(document["exposures"], side)] for side in _SIDES
        },
        "cluster_entities": _cluster(document),
        "blockchain_info": {"cluster": {"inflow_value": {"usd": None}, "outflow_value": {"usd": None}}},
        "tracer": origin(document),
    }


def _of_side(document: Document, side: str) -> Iterable[tuple[Document, Document | None]]:
    """Triggers of one side; those of no exposure are of both."""
    return [
        (trigger, row)
        for trigger, row in fired(document)
        if row is None or row["type"] == "ownership" or row["side"] == side
    ]


def _score(document: Document, side: str) -> float | None:
    """The worst of a side; null where that side was not asked, or where nothing fired and not all of it was seen."""
    asked = {"inbound": ("source",), "outbound": ("destination",)}.get(
        document["subject"]["direction"], _SIDES
    )
    found = [_SCORES[trigger["severity"]] for trigger, _ in _of_side(document, side)]
    whole = document["coverage"]["status"] == "complete"
    return max(found) if found else _NOTHING if whole and side in asked else None


def _rules(document: Document, side: str) -> list[dict[str, Any]]:
    return [
        {
            "rule_id": trigger["rule_id"],
            "rule_name": trigger["title"],
            "rule_type": "exposure" if row else "behavior",
            "risk_score": _SCORES[trigger["severity"]],
            "matched_elements": [_element(row)] if row else [],
            "matched_behaviors": [] if row else [{"behavior_type": trigger["title"]}],
        }
        for trigger, row in _of_side(document, side)
    ]


def _element(row: Document) -> dict[str, Any]:
    share = percent(row["share_high"])
    return {
        "category_id": None,
        "category": row["category"],
        "contribution_percentage": share,
        "contribution_value": {"usd": usd(row["amount"])},
        "contributions": [
            {
                "entity": row["entity"] or None,
                "contribution_percentage": share,
                "contribution_value": {"usd": usd(row["amount"])},
                "min_number_of_hops": row["min_hops"],
                "is_screened_address": row["type"] == "ownership",
                "risk_triggers": {
                    "name": row["entity"] or None,
                    "category": row["category"],
                    "is_sanctioned": bool(row["listed"]),
                    "country": None,
                },
            }
        ],
    }


def _contribution(row: Document) -> dict[str, Any]:
    share = percent(row["share_high"])
    near = row["type"] != "indirect"
    return {
        "entities": [
            {
                "name": row["entity"] or None,
                "category": row["category"],
                "is_primary_entity": True,
                "is_vasp": row["vasp_id"] is not None,
            }
        ],
        "contribution_percentage": share,
        "contribution_value": {"usd": usd(row["amount"])},
        "counterparty_percentage": share if near else 0.0,
        "indirect_percentage": 0.0 if near else share,
        "min_number_of_hops": row["min_hops"],
        "is_screened_address": row["type"] == "ownership",
    }


def _cluster(document: Document) -> list[dict[str, Any]]:
    cluster = document["cluster"]
    if not cluster or not cluster["entity"]:
        return []
    return [
        {
            "name": cluster["entity"],
            "category": cluster["category"],
            "is_primary_entity": True,
            "is_vasp": cluster["kyc_level"] is not None,
        }
    ]
