"""`tracer.alert/1` (CONTRACTS, "Alert"): what is recorded, and what is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tracer.watching.model import RULE_VERSION, Block, Raised, utc

SCHEMA = "tracer.alert/1"


def document(event: Raised, *, revision: int) -> dict[str, Any]:
    """The document of an event as it is first recorded. Nothing in it depends on the clock but `late`."""
    watch = event.watch
    return {
        "schema": SCHEMA,
        "alert_id": event.alert_id,
        "revision": revision,
        "alert_type": event.alert_type,
        "severity": event.severity or None,
        "watch": {"id": watch.watch_id, "label": watch.label, "tags": list(watch.tags)},
        "rule_version": RULE_VERSION,
        "chain": event.chain,
        "txid": event.txid,
        "direction": event.direction,
        "amount": event.amount,
        "legs": list(event.legs),
        "counterparty": event.counterparty,
        "exposure": event.exposure,
        "chain_state": event.chain_state,
        "validity": "valid",
        "late": event.late,
        "block": _block(event.block),
        "replay": f"tracer alerts show {event.alert_id}",
        "caip2": event.caip2 or None,
        "event_key": event.event_key,
        "details": dict(event.details),
        "case": watch.case_id or None,
        "owner": watch.owner or None,
        "tlp": event.tlp or None,
        "protected": event.protected,
    }


def revised(before: Mapping[str, Any], event: Raised) -> dict[str, Any]:
    """The record with the state its transaction has now. What it was raised for stays as it was told."""
    if event.chain_state is None:
        return {**before, "validity": "valid"}
    fresh = document(event, revision=before["revision"])
    kept = {"late": before["late"], "severity": before["severity"]}
    return {**fresh, **kept}


def encoded(said: Mapping[str, Any]) -> str:
    """The text that is kept, hashed and sent: the same bytes for the same document."""
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def _block(block: Block | None) -> dict[str, Any] | None:
    return None if block is None else {"height": block.height, "hash": block.hash, "time": utc(block.time)}
