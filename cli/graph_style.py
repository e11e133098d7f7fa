"""What the things of a picture are called and how they are coloured, the same in every format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.graph_coins import Coin, Coins, plain, trimmed
from cli.graph_merge import Band, Box, Drawn, Node
from cli.trace_answer import Answer, many

STYLES: Mapping[str, tuple[str, str]] = {
    "seed": ("seed", "#0072b2"),
    "transaction": ("transaction", "#56616f"),
    "account": ("account", "#4b6c8c"),
    "bridge": ("bridge", "#8c510a"),
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
    "rounded": ("rounded away", "#d8d8d8"),
    "minted": ("minted", "#7d6b3f"),
    "burned": ("burned", "#222222"),
    "fees": ("fees", "#b0b7c0"),
    "several": ("several, merged", "#7f8ea3"),
    "converted": ("swapped or wrapped", "#12b5a6"),
    "held": ("kept until more came", "#a9b1bb"),
}
"""Kind of a thing -> what the legend calls it, and its colour (after Okabe and Ito, told apart by the colour-blind)."""

AXIS = "time steps, by the UTC day of their first transaction"

_STOPS = {"mixer": "mixer", "custodial_pool": "pool"}


def style(box: Box) -> str:
    """Key into `STYLES`."""
    return style_of(box.nodes[0]) if len({style_of(node) for node in box.nodes}) == 1 else "several"


def band_style(what: Drawn, band: Band) -> str:
    """The same for what went from one box to another: what it is of where it ends, else of where it begins."""
    if band.kind:
        return band.kind if band.kind in STYLES else "converted"
    source, target = what.boxes[band.source], what.boxes[band.target]
    return style(target if target.side else source)


def present(what: Drawn) -> set[str]:
    """All of `STYLES` that a picture has."""
    return {style(box) for box in what.boxes} | {band_style(what, band) for band in what.bands if band.kind}


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
    passing = "account" if box.nodes[0]["kind"] == "account" else "transaction"
    what = passing if box.side == 0 else "source" if box.side < 0 else "end"
    return many(len(box.nodes), f"more {what}")


def name_of(node: Node) -> str:
    """`Alpine Exchange, KYC full`, `mixer: wasabi2`, `hop limit`, `bridge across`, a txid, a seed as it was given."""
    kind, text = node["kind"], plain(node["name"])
    if kind == "service" and node["kyc_level"]:
        last = f" (last known {node['kyc_last_known']})" if node["kyc_last_known"] else ""
        host = f", at {plain(node['nested_in'])}" if node["nested_in"] else ""
        return f"{text}, KYC {node['kyc_level']}{last}{host}"
    if kind == "stop":
        reason = node["reason"].replace("_", " ")
        return reason if node["name"] == node["reason"] else f"{reason}: {text}"
    return f"{kind} {text}" if kind in ("seed", "bridge") and text != kind else text


def short(text: str, most: int) -> str:
    """At most so many letters, the middle left out: both ends of an address tell it apart."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def label(box: Box, *, narrow: bool = False) -> str:
    """What stands beside a box; `narrow`: as little as tells it, for where all can be shown in another way."""
    rough = " → ".join(coin.rough(units) for coin, units in box.sides)
    if box.side == 0:
        if box.coin.asset_id:
            return f"{short(name(box), 12 if len(box.sides) == 1 else 24)} · {rough}"
        text = name(box) if box.merged else name(box)[:8]
        return f"{text} · {trimmed(box.coin.decimal(box.total))}"
    if narrow and box.coin.asset_id:
        return f"{short(name(box), 28)} · {rough}"
    most = 38 if style(box).startswith("kyc_") else 28
    return f"{short(name(box), most)} · {' → '.join(coin.short(units) for coin, units in box.sides)}"


def rank(box: Box) -> tuple[int, float]:
    """In which order names take their place: seeds and ends first, then crossings, then by amount."""
    return (0 if box.side else 1 if len(box.sides) > 1 else 2), -box.weight


def heading(answer: Answer, doc: Mapping[str, Any]) -> list[str]:
    """What a picture is of: the marking, the question, where the facts stood, where the money is; a line each."""
    seeds = [plain(f"{seed['kind']} {seed['value']}") for seed in doc["seeds"]]
    more = f" and {many(len(seeds) - 3, 'more seed')}" if len(seeds) > 3 else ""
    return [
        *([f"{doc['tlp']}: show this to nobody whom that marking does not allow"] if doc["tlp"] else []),
        *(
            f"Trace on {tip['chain']} as of block {tip['height']:,} ({tip['block_time']}, {tip['block_hash']})"
            for tip in doc["as_of"]
        ),
        f"{doc['direction']} under {doc['method']}, from {', '.join(seeds[:3])}{more}",
        *_sums(answer, doc),
        f"coverage: {doc['coverage']['status']}; claims {doc['intel_snapshot']}; engine {doc['engine']}",
    ]


_NO_BUCKETS = ("chain", "asset", "asset_id", "decimals", "seed", "converted_in")
_ASSETS = 6
"""A heading tells the sums of so many assets at most."""


def _sums(answer: Answer, doc: Mapping[str, Any]) -> Iterator[str]:
    """What was followed of each asset, and where it is."""
    coins, totals = Coins.of_document(answer, doc), doc["totals"]
    for total in totals[:_ASSETS]:
        coin: Coin = coins.of(total)
        ways = [("seed", "followed"), ("converted_in", "came by conversion")]
        came = [f"{coin.short(int(total[key]))} {way}" for key, way in ways if int(total.get(key, 0))]
        went = [
            f"{bucket.replace('_', ' ')} {trimmed(coin.decimal(int(units)))}"
            for bucket, units in total.items() if bucket not in _NO_BUCKETS and int(units)
        ]  # fmt: skip
        where = (
            "" if len(doc["as_of"]) == 1 or coin.name.endswith(total["chain"]) else f", on {total['chain']}"
        )
        yield f"{' and '.join(came) or f'0 {coin.name} followed'}{where}: {', '.join(went) or 'nothing'}"
    if len(totals) > _ASSETS:
        yield f"and {many(len(totals) - _ASSETS, 'more asset')}, of which the JSON has the sums"


def beyond(doc: Mapping[str, Any]) -> list[str]:
    """What belongs to the answer and is not in the picture."""
    behind = sum(1 for row in doc["offchain"] if row["continuation"])
    found = (
        (behind, f"what was found behind {many(behind, 'off-chain link')}"),
        (len(doc["leads"]), f"{many(len(doc['leads']), 'lead')} behind mixers"),
    )
    return [f"Not drawn: {what}; the text and the JSON have it." for count, what in found if count]
