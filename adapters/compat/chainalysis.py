"""Chainalysis: an address as the Entity Risking API, a transfer or attempt as the Transaction Monitoring API v2.

Field names: "Entity Risking API" (docs.chainalysis.com/api/address-screening: `risk`, `riskReason`, `cluster`,
`addressIdentifications`, `exposures` with `exposureType` and `direction` since May 2024, `triggers`) and "KYT API"
(docs.chainalysis.com/api/kyt: the summary of a registered transfer, its `alerts` with `alertLevel` and `exposureType`).
There a transfer whose `updatedAt` is null was not processed yet: so is one of which nothing is known here.
"""

from __future__ import annotations

from typing import Any

from adapters.compat.base import Document, fired, is_known, number, origin, percent, title, usd

_RISKS = {"low": "Low", "medium": "Medium", "high": "High", "severe": "Severe", None: None}
_CATEGORIES = {
    "sanction": "sanctioned entity", "child_sexual_abuse": "child abuse material", "dark_market": "darknet market",
    "market": "darknet market", "market_pool": "darknet market", "mixing_service": "mixing", "tumbler": "mixing",
    "mixing": "mixing", "coinjoin": "mixing", "privacy_wallet": "mixing", "terrorism_financing": "terrorist financing",
    "terrorism": "terrorist financing", "service_hack": "stolen funds", "exploit": "stolen funds",
    "phishing": "stolen funds", "payment_card_fraud": "fraud shop", "p2p_exchange": "p2p exchange",
    "swapper": "no kyc exchange", "defi_bridge": "bridge", "payment_processor": "merchant services",
    "exchange": "exchange", "gov_black_list": "special measures",
}  # fmt: skip
"""Our category -> theirs, where the words differ."""


def project(document: Document) -> dict[str, Any]:
    """One screening."""
    return _entity(document) if document["subject"]["kind"] == "address" else _transfer(document)


def _category(category: str) -> str:
    return _CATEGORIES.get(category, title(category))


def _entity(document: Document) -> dict[str, Any]:
    known, cluster = is_known(document), document["cluster"]
    return {
        "address": document["subject"]["address"],
        "risk": _RISKS[document["risk"]] if known else None,
        "riskReason": "; ".join(document["risk_reasons"]) or None,
        "addressType": "LIQUIDITY_POOL" if cluster and cluster["category"] == "defi_dex_pair" else "PRIVATE_WALLET",
        "cluster": {"name": cluster["entity"], "category": _category(cluster["category"] or "unknown")}
        if cluster and cluster["entity"]
        else None,
        "addressIdentifications": [
            {"name": row["label"], "category": _category(row["category"]), "description": row["source"],
             "url": None}
            for row in document["identifications"]
        ],
        "exposures": [
            {
                "category": _category(row["category"]),
                "value": usd(row["amount"]),
                "exposureType": row["type"],
                "direction": "incoming" if row["side"] == "source" else "outgoing",
            }
            for row in document["exposures"]
            if row["type"] != "ownership"
        ],
        "triggers": [
            {
                "category": _category(trigger["category"] or trigger["title"]),
                "percentage": None if row is None else percent(row["share_high"]),
                "message": trigger["title"],
                "ruleTriggered": {
                    "risk": _RISKS[trigger["severity"]],
                    "minThreshold": None,
                    "maxThreshold": None,
                    "exposureType": None if row is None else row["type"],
                    "direction": None if row is None else "incoming" if row["side"] == "source" else "outgoing",
                },
            }
            for trigger, row in fired(document)
        ],
        "poolMetadata": None,
        "status": "COMPLETE" if known else "UNKNOWN",
        "tracer": origin(document),
    }  # fmt: skip


def _transfer(document: Document) -> dict[str, Any]:
    known, subject = is_known(document), document["subject"]
    place = subject["vout"] if subject["vout"] is not None else subject["transfer_index"]
    direct = next((row for row in document["exposures"] if row["type"] in ("ownership", "direct")), None)
    said: dict[str, Any] = {
        "updatedAt": document["evaluated_at"] if known else None,
        "asset": subject["asset"],
        "network": subject["chain"],
        "transferReference": f"{subject['txid']}:{subject['address']}" if subject["txid"] else None,
        "attemptIdentifier": None if subject["txid"] else document["screening_id"],
        "tx": subject["txid"],
        "idx": place,
        "usdAmount": usd(subject["amount"]),
        "assetAmount": number(subject["amount"]),
        "timestamp": None,
        "outputAddress": subject["address"],
        "externalId": document["screening_id"],
    }
    return said | {
        "direction": "received" if subject["direction"] == "inbound" else "sent",
        "status": "COMPLETE" if known else "UNKNOWN",
        "alerts": [
            {
                "alertLevel": trigger["severity"].upper(),
                "category": _category(trigger["category"] or trigger["title"]),
                "categoryId": None,
                "service": None if row is None else row["entity"] or None,
                "externalId": f"{document['screening_id']}.{number_}",
                "alertAmount": None if row is None else usd(row["amount"]),
                "exposureType": None if row is None else "INDIRECT" if row["type"] == "indirect" else "DIRECT",
            }
            for number_, (trigger, row) in enumerate(fired(document))
        ]
        if known
        else None,
        "exposures": {
            "direct": {"name": direct["entity"] or None, "category": _category(direct["category"]),
                       "categoryId": None, "value": usd(direct["amount"])}
            if direct
            else None
        }
        if known
        else None,
        "tracer": origin(document),
    }  # fmt: skip
