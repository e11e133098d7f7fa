"""MistTrack: the answer of `risk_score`, v2 with the `address_label` of v3.

Field names and scores: "Get Risk Score (KYT/KYA)" and its V3.0 (docs.misttrack.io): `score` 3 to 100 with `risk_level`
Low, Moderate, High, Severe, `detail_list`, `risk_detail` with `risk_type`, `hop_num` from 1, `exposure_type`. Of what
is unknown the call does not succeed: `success` is false, `score` and `risk_level` are null.
"""

from __future__ import annotations

from typing import Any

from adapters.compat.base import Document, fired, is_known, origin, percent, usd

_LEVELS = {"low": (30, "Low"), "medium": (70, "Moderate"), "high": (90, "High"), "severe": (100, "Severe")}
"""The highest score of each of their levels."""
_LEAST = 3
_TYPES = {
    "sanction": "sanctioned_entity", "gov_black_list": "sanctioned_entity", "mixing_service": "mixer",
    "mixing": "mixer", "coinjoin": "mixer", "tumbler": "mixer", "privacy_wallet": "mixer", "gambling": "gambling",
    "defi_bridge": "bridge", "exchange": "risk_exchange", "swapper": "risk_exchange", "p2p_exchange": "risk_exchange",
    "atm": "risk_exchange", "otc_desk": "risk_exchange",
}  # fmt: skip
_DETAILS = {
    "sanctioned_entity": "Sanctioned Entity", "mixer": "Mixer", "gambling": "Gambling", "bridge": "Bridge",
    "risk_exchange": "Risk Exchange", "illicit_activity": "Malicious Address",
}  # fmt: skip


def project(document: Document) -> dict[str, Any]:
    """One screening."""
    known, risk = is_known(document), document["risk"]
    score, level = _LEVELS[risk] if risk else (_LEAST, "Low")
    if document["verdict"] == "clear":
        score = _LEAST
    named = document["cluster"]["entity"] if document["cluster"] else None
    labels = [row["entity"] or row["label"] for row in document["identifications"]]
    return {
        "success": known,
        "msg": "" if known else f"Unknown: {'; '.join(document['risk_reasons']) or 'nothing is known of it'}",
        "data": {
            "score": score if known else None,
            "hacking_event": "",
            "detail_list": _details(document),
            "risk_level": level if known else None,
            "risk_detail": _rows(document),
            "address_label": next(iter(labels), named or ""),
            "risk_report_url": None,
        },
        "tracer": origin(document),
    }


def _kind(category: str | None) -> str:
    return _TYPES.get(category or "", "illicit_activity")


def _details(document: Document) -> list[str]:
    """What the rules that fired say, in their words: of the address itself, or of whom it dealt with."""
    found = []
    for trigger, row in fired(document):
        words = _DETAILS[_kind(trigger["category"])]
        near = row is None or row["type"] == "ownership"
        found.append(words if near else f"Interact With {words}")
    return list(dict.fromkeys(found))


def _rows(document: Document) -> list[dict[str, Any]]:
    rows = []
    for place in dict.fromkeys(row["exposure"] for row, _ in fired(document) if row["exposure"] is not None):
        row = document["exposures"][place]
        rows.append(
            {
                "entity": row["entity"] or row["category"],
                "risk_type": _kind(row["category"]),
                "exposure_type": "indirect" if row["type"] == "indirect" else "direct",
                "hop_num": max(1, row["min_hops"]),
                "volume": usd(row["amount"]),
                "percent": percent(row["share_high"]),
            }
        )
    return rows
