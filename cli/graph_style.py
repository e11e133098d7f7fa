"""What the things of a picture are called and how they are coloured, the same in every format."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from cli.graph_merge import Box, Node
from cli.trace_answer import Answer, many

STYLES: Mapping[str, tuple[str, str]] = {
    "seed": ("seed", "#0072b2"),
    "transaction": ("transaction", "#56616f"),
    "kyc_none": ("service, KYC none", "#d55e00"),
    "kyc_weak": ("service, KYC weak", "#e69f00"),
    "kyc_full": ("service, KYC full", "#009e73"),
    "kyc_unknown": ("service, KYC unknown", "#b8a500"),
    "mixer": ("mixer", "#8e44ad"),
    "pool": ("pool", "#2fa3d6"),
    "stop": ("other stop", "#cc79a7"),
    "limit": ("cut by a limit of the question", "#9a9a9a"),
    "unspent": ("unspent", "#3f7d20"),
    "unread": ("unread", "#c4b7a6"),
    "minted": ("minted", "#7d6b3f"),
    "burned": ("burned", "#222222"),
    "fees": ("fees", "#b0b7c0"),
    "several": ("several, merged", "#7f8ea3"),
}
"""Kind of a thing -> what the legend calls it, and its colour (after Okabe and Ito, told apart by the colour-blind)."""

AXIS = "time steps, by the UTC day of their first transaction"

_STOPS = {"mixer": "mixer", "custodial_pool": "pool"}


def style(box: Box) -> str:
    """Key into `STYLES`."""
    return style_of(box.nodes[0]) if len({style_of(node) for node in box.nodes}) == 1 else "several"


def style_of(node: Node) -> str:
    """The same for one node of a graph."""
    kind: str = node["kind"]
    if kind == "service":
        level = node["kyc_level"] or "unknown"
        return f"kyc_{level}" if level in ("none", "full", "unknown") else "kyc_weak"
    if kind == "stop":
        return "limit" if node["basis"] == "limit" else _STOPS.get(node["reason"], "stop")
    return kind if kind in STYLES else "several"


def name(box: Box) -> str:
    """What a box is called, whole, fit to be shown."""
    if not box.merged:
        return name_of(box.nodes[0])
    what = "transaction" if box.side == 0 else "source" if box.side < 0 else "end"
    return many(len(box.nodes), f"more {what}")


def name_of(node: Node) -> str:
    """`Alpine Exchange, KYC full`, `mixer: wasabi2`, `hop limit`, a txid, a seed as it was given."""
    kind, text = node["kind"], plain(node["name"])
    if kind == "service" and node["kyc_level"]:
        last = f" (last known {node['kyc_last_known']})" if node["kyc_last_known"] else ""
        host = f", at {plain(node['nested_in'])}" if node["nested_in"] else ""
        return f"{text}, KYC {node['kyc_level']}{last}{host}"
    if kind == "stop":
        reason = node["reason"].replace("_", " ")
        return reason if node["name"] == node["reason"] else f"{reason}: {text}"
    return f"seed {text}" if kind == "seed" and text != "seed" else text


def short(text: str, most: int) -> str:
    """At most so many letters, the middle left out: both ends of an address tell it apart."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def label(answer: Answer, box: Box) -> str:
    """What stands beside a box."""
    units = trimmed(answer.coins(box.total))
    if box.side == 0:
        text = name(box) if box.merged else name(box)[:8]
        return f"{text} · {units}"
    most = 38 if style(box).startswith("kyc_") else 28
    return f"{short(name(box), most)} · {units} {answer.asset}"


def trimmed(decimal: str) -> str:
    """A decimal without the zeros at its end: `0.50000000` is `0.5`."""
    return decimal.rstrip("0").removesuffix(".") if "." in decimal else decimal


def plain(text: str) -> str:
    """Text of a stranger, fit to be shown: what is no visible letter (controls, bidi marks) is replaced by one."""
    return "".join("\ufffd" if unicodedata.category(letter) in _UNSEEN else letter for letter in text)


_UNSEEN = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def heading(answer: Answer, doc: Mapping[str, Any]) -> list[str]:
    """What a picture is of: the marking, the question, where the facts stood, where the money is; a line each."""
    tip, total = doc["as_of"][0], doc["totals"][0]
    seeds = [plain(f"{seed['kind']} {seed['value']}") for seed in doc["seeds"]]
    more = f" and {many(len(seeds) - 3, 'more seed')}" if len(seeds) > 3 else ""
    parts = [
        f"{bucket} {trimmed(answer.coins(int(units)))}"
        for bucket, units in total.items()
        if bucket not in ("chain", "asset", "seed") and int(units)
    ]
    return [
        *([f"{doc['tlp']}: show this to nobody whom that marking does not allow"] if doc["tlp"] else []),
        f"Trace on {tip['chain']} as of block {tip['height']:,} ({tip['block_time']}, {tip['block_hash']})",
        f"{doc['direction']} under {doc['method']}, from {', '.join(seeds[:3])}{more}",
        f"{trimmed(answer.coins(int(total['seed'])))} {answer.asset} followed: {', '.join(parts) or 'nothing'}",
        f"coverage: {doc['coverage']['status']}; claims {doc['intel_snapshot']}; engine {doc['engine']}",
    ]


def beyond(doc: Mapping[str, Any]) -> list[str]:
    """What belongs to the answer and is not in the picture."""
    behind = sum(1 for row in doc["offchain"] if row["continuation"])
    found = (
        (behind, f"what was found behind {many(behind, 'off-chain link')}"),
        (len(doc["leads"]), f"{many(len(doc['leads']), 'lead')} behind mixers"),
    )
    return [f"Not drawn: {what}; the text and the JSON have it." for count, what in found if count]
