"""What a TagPack has no field for travels in its `context`: a JSON object with our fields under one key.

    {"tracer": {"role": "hot", "valid_from": "2019-01-01", "context": "<the pack's own context, if any>"}}

GraphSense and others pass a context through unread; we take it apart again, so that a claim that goes out and
comes back is the same claim. Whoever reviews a pack reads its rows and not that JSON: it never says anything
but what the row says or leaves open.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from adapters.intel.place import CURRENCY, NETWORK, Ticker, place
from adapters.intel.vocabulary import category_and_concepts, in_tagpack_words
from tracer.errors import BadClaim
from tracer.intel.claims import ClaimKind

KEY = "tracer"
CREATOR = "tracer"
"""Who a pack is by that nobody made: the format wants somebody."""
CASE = ("author", "reason", "case_id", "tlp")
OF_A_TAG = (
    "role", "nested_in", "programme", "designated_at", "subject", "valid_from", "valid_to", "protection", *CASE,
)  # fmt: skip
"""Fields of a tag that a TagPack has no place for."""
_CARRIED: Mapping[ClaimKind, frozenset[str]] = {
    "tags": frozenset({*OF_A_TAG, "chain", "asset", "pack", "creator", "category", "concepts", "context"}),
    "actors": frozenset({*CASE, "source", "pack", "creator", "categories", "context"}),
}
"""What an export writes into a context; nothing else is taken out of one."""
_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def json_text(value: Any) -> str:
    """The one JSON text of a value: names sorted, no space."""
    return _ENCODE(value)


def wrapped(context: str, more: Mapping[str, str], known: Collection[str]) -> str:
    """The context with more fields in it; the context itself where there are none."""
    if not more and unwrapped(context, known) is None:
        return context
    carried = {**more, **({"context": context} if context else {})}
    return json_text({**_as_object(context), KEY: carried})


def unwrapped(context: str, known: Collection[str]) -> dict[str, str] | None:
    """The fields a context carries, its own text as `context`; None where it is not one of ours."""
    if f'"{KEY}"' not in context:
        return None
    carried = _as_object(context).get(KEY)
    if not isinstance(carried, dict) or not carried.keys() <= {*known, "context"}:
        return None
    if not all(isinstance(text, str) for text in carried.values()):
        return None
    return {"context": "", **carried}


def opened(kind: ClaimKind, row: dict[str, str], known: Collection[str], ticker: Ticker) -> dict[str, str]:
    """The row with the fields that its context carries.

    Raises `BadClaim` where the context carries a field that no export puts there, or one that the row (or its
    header) says itself and otherwise; a stand-in that an export writes for want of a word is no other.
    """
    carried = unwrapped(row.get("context", ""), known) if kind in _CARRIED else None
    if carried is None:
        return row
    if strange := sorted(carried.keys() - _CARRIED[kind]):
        raise BadClaim(f"context carries {strange[0]!r}, which only the row itself may say")
    whole = row | carried
    said = _said(kind, row)
    meant = {name: text for name, text in carried.items() if name != "context" and said.get(name)}
    for name, text in (meant | _stand_ins(kind, whole, carried, said, ticker)).items():
        if said.get(name, "") != text:
            raise BadClaim(f"context carries another {name} than the row says")
    return whole


def _said(kind: ClaimKind, row: Mapping[str, str]) -> dict[str, str]:
    """What the row says, several words in the one order an export writes them."""
    words = row.get("concepts", "").replace(",", " ").replace(";", " ").split()
    items = filter(None, map(str.strip, row.get("categories", "").split(";")))
    return {**row, "concepts": " ".join(sorted({*words}))} | (
        {"categories": "; ".join(dict.fromkeys(items))} if kind == "actors" else {}
    )


def _stand_ins(
    kind: ClaimKind,
    whole: Mapping[str, str],
    carried: Mapping[str, str],
    said: Mapping[str, str],
    ticker: Ticker,
) -> dict[str, str]:
    """What an export writes in the row for those carried fields that the format has another word for."""
    found: dict[str, str] = {}
    if said.get("pack") and carried.get("pack") == "":
        found["pack"] = whole.get("source", "")
    if said.get("creator") and carried.get("creator") == "":
        found["creator"] = CREATOR
    if kind == "actors":
        if "categories" in carried:
            found["categories"] = "; ".join(in_tagpack_words(carried["categories"].split("; ")))
        return found
    if {"category", "concepts"} & carried.keys():
        category, concepts = category_and_concepts(whole.get("category", ""), whole.get("concepts", ""))
        found |= {"category": category, "concepts": concepts}
    if where := {name: carried[name] for name in ("chain", "asset") if name in carried}:
        row = {"chain": "", "asset": "", "address": whole.get("address", ""), **where}
        outward, beside = place(row, ticker)
        if beside != where:
            raise BadClaim("context carries a chain or asset that the row can say itself")
        found |= {CURRENCY: "", NETWORK: "", **outward}
    return found


def _as_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text.startswith("{") else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
