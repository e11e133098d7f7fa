"""One document of a trace that went over several chains: the home chain's, with what the others add to it.

Rows that name a place say which chain it is on. Totals, endpoints and stops of all chains stand side by side and add up
on their own, each chain and asset for itself; crossings are conversions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracer.chain import Chain
from tracer.flow.bridges.joined import Crossing, joined
from tracer.flow.bridges.trace import Across, Crossed
from tracer.flow.facts import Answer, Facts
from tracer.flow.offchain import Followed
from tracer.flow.question import utc
from tracer.flow.worth import DAY
from tracer.intel.claims import most_closed

Single = Callable[[Followed, str, str], dict[str, Any]]
"""One chain's document: what was followed there, the method, the chain."""

_PLACES = (
    "endpoints", "stops", "unspent", "unread", "minted", "protected", "peel_chains", "leads", "overrides", "offchain",
)  # fmt: skip
_ASKED = ("seeds", "seeds_sha256", "seed_summary", "seed_summaries")


def across_chains(across: Across, method: str, single: Single) -> dict[str, Any]:
    """One method's document of all chains that were followed; of one chain alone its own."""
    home, *others = across.chains
    documents = {name: single(followed, method, name) for name, followed in across.chains.items()}
    said = documents[home]
    if across.beyond[home].brought:  # what came back to it is no seed
        before = single(across.first, method, home)
        said = {**said, **{key: before[key] for key in _ASKED if key in before}}
    if not others and not across.crossed:
        return _noted(said, across, method)
    documents = {
        name: _named(part, across.runs[name].ledger.chain) for name, part in {**documents, home: said}.items()
    }
    said, parts = documents[home], list(documents.values())
    crossed = [row for one in across.crossed if (row := _conversion(across, one, method))]
    whole = {
        **said,
        "seed_summaries": said.get("seed_summaries", [said["seed_summary"]]),
        "as_of": [row for part in parts for row in part["as_of"]],
        "coverage": _coverage(documents, home),
        "totals": [row for part in parts for row in part["totals"]],
        "conversions": [
            *(row for name, part in documents.items() for row in _placed(part["conversions"], name)),
            *crossed,
        ],
        **{
            key: [row for name, part in documents.items() for row in _placed(part[key], name)]
            for key in _PLACES if key in said
        },
        "other_endpoints": _others(parts),
        "other_amounts": [amount for part in parts for amount in _hidden(part)],
        "heuristics": _heuristics(parts),
        "graph": {
            **said["graph"],
            "transactions": sum(part["graph"]["transactions"] for part in parts),
            "hops": max(part["graph"]["hops"] for part in parts),
            **(_graph(across, documents, crossed) if "edges" in said["graph"] else {}),
        },
        "claims": sorted({claim for part in parts for claim in part["claims"]}),
        "tlp": most_closed([part["tlp"] for part in parts]),
        **{
            key: [row for part in parts for row in part.get(key, [])]
            for key in ("floors", "unbelieved") if any(key in part for part in parts)
        },
    }  # fmt: skip
    return _noted(whole, across, method)


def _graph(
    across: Across, documents: Mapping[str, Mapping[str, Any]], crossed: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """`nodes` and `edges` of all chains."""
    backward = across.chains[next(iter(across.chains))][0].trail.backward
    near, far = ("to", "from") if backward else ("from", "to")
    return joined(
        {name: part["graph"] for name, part in documents.items()},
        {name: across.runs[name].ledger.chain for name in documents},
        [Crossing(row, near, far) for row in crossed],
    )


def _named(part: Any, chain: Chain) -> Any:
    """The same with the asset of every amount named: on a chain that has only its coin nobody needed that."""
    if isinstance(part, list):
        return [_named(row, chain) for row in part]
    if not isinstance(part, dict):
        return part
    named = {key: _named(value, chain) for key, value in part.items()}
    if "asset_id" not in named and "asset" in named and ("base_units" in named or "converted_in" in named):
        named |= {"asset_id": f"{chain.caip2}/native", "decimals": chain.decimals}
    return named


def _placed(rows: Sequence[Mapping[str, Any]], chain: str) -> list[dict[str, Any]]:
    """Rows that say on which chain they are; their legs too."""
    placed = []
    for row in rows:
        named = {"chain": chain, **row}
        if "legs" in row:
            named["legs"] = [{"chain": chain, **leg} for leg in row["legs"]]
        placed.append(named)
    return placed


def _others(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`other_endpoints` of all; the amounts are of the first chain that has any, `other_amounts` has all."""
    rows = [part["other_endpoints"] for part in parts]
    first = next((row for row in rows if row["count"]), rows[0])
    unknown = next(
        (row["unknown_kyc"] for row in rows if row["unknown_kyc"]["count"]), rows[0]["unknown_kyc"]
    )
    return {
        **first,
        "count": sum(row["count"] for row in rows),
        "unknown_kyc": {**unknown, "count": sum(row["unknown_kyc"]["count"] for row in rows)},
    }


def _hidden(part: Mapping[str, Any]) -> list[Any]:
    own = part["other_endpoints"]
    return list(part["other_amounts"]) if "other_amounts" in part else [own["amount"]] if own["count"] else []


def _coverage(documents: Mapping[str, Mapping[str, Any]], home: str) -> dict[str, Any]:
    """What is open on any chain is open in all."""
    said = documents[home]["coverage"]
    notes = dict.fromkeys(said["notes"])
    for name, part in documents.items():
        if name != home:
            notes.update(dict.fromkeys(f"{name}: {n}" for n in part["coverage"]["notes"] if n not in notes))
    partial = any(part["coverage"]["status"] == "partial" for part in documents.values())
    return {
        **said,
        "status": "partial" if partial else said["status"],
        "chains": [row for part in documents.values() for row in part["coverage"]["chains"]],
        "notes": list(notes),
    }


def _noted(said: dict[str, Any], across: Across, method: str) -> dict[str, Any]:
    """With what is to be known of the crossings."""
    gaps = list(across.gaps)
    notes = list(across.notes)
    if any(one.near.get(method) for one in across.crossed):
        notes.append(
            "money was followed over bridges: what lies behind one is traced in the same share of what came as of what "
            "left, its hops count from there, and --min-value is of the first chain alone"
        )
    notes += [note for one in across.crossed if one.near.get(method) and (note := _apart(across, one))]
    if not gaps and not notes:
        return said
    covered = said["coverage"]
    status = "partial" if gaps and covered["status"] == "complete" else covered["status"]
    return {**said, "coverage": {**covered, "status": status, "notes": [*covered["notes"], *gaps, *notes]}}


def _apart(across: Across, one: Crossed) -> str | None:
    """Of a crossing whose sides are of other tokens by name, or far apart: the key alone says they belong together."""
    out, came = (_asset(across, one, side) for side in ("out", "in"))
    units = [int(one.row[f"units_{side}"]) * 10 ** other[1] for side, other in (("out", came), ("in", out))]
    if out[0] != came[0]:
        return f"{one.row['bridge']} {one.row['key']}: {out[0]} left and {came[0]} came, matched by key alone"
    if abs(units[0] - units[1]) * FAR_APART > units[0]:
        return f"{one.row['bridge']} {one.row['key']}: what came is over a tenth off what left, matched by key alone"
    return None


FAR_APART = 10
"""A bridge keeps less than one part in so many (P); more than that is said."""


def _asset(across: Across, one: Crossed, side: str) -> tuple[str, int]:
    """Name and decimals of a side's asset."""
    facts, place = _where(across, one, side)
    coin = facts.worth_of(facts.asset(place) if place >= 0 else 0).coin
    return coin.name, coin.decimals or 0


def _where(across: Across, one: Crossed, side: str) -> tuple[Facts, int]:
    """The facts of a side's chain, and its output there; -1 where it is in none."""
    import numpy as np

    facts, _ = across.chains[one.row[f"chain_{side}"]]
    place = facts.trail.index(np.array([one.row[f"tx_id_{side}"]]), np.array([one.row[f"position_{side}"]]))
    return facts, int(place[0])


def _conversion(across: Across, one: Crossed, method: str) -> dict[str, Any] | None:
    """A crossing as documents show it; None where this method brought nothing to it."""
    near, far = one.near.get(method, 0), one.far.get(method, 0)
    if not near:
        return None
    backward = across.chains[next(iter(across.chains))][0].trail.backward
    units = {"in": near, "out": far} if backward else {"out": near, "in": far}
    sides = {side: _side(across, one, side, units[side]) for side in ("out", "in")}
    row = one.row
    return {
        "kind": "bridge",
        "from": sides["out"],
        "to": sides["in"],
        "basis": f"{row['bridge']}: both sides name {row['key']}",
        "txid": sides["out"]["txid"],
        "time": utc(int(row["time_out"])),
        "bridge": row["bridge"],
        "key": row["key"],
        "match": row["join"],
    }


def _side(across: Across, one: Crossed, side: str, traced: int) -> dict[str, Any]:
    row = one.row
    facts, place = _where(across, one, side)
    ledger, tx_id = facts.ledger, row[f"tx_id_{side}"]
    who = row["giver_out"] if side == "out" else row["getter_in"]
    worth = facts.worth_of(facts.asset(place) if place >= 0 else 0)
    day = int(row[f"time_{side}"]) // DAY
    position = row[f"position_{side}"]
    accounts = facts.trail.asset is not None
    side_row = {
        "chain": ledger.chain.name,
        "address": None if who is None else ledger.render_addresses([who])[who],
        "txid": ledger.render_txids([tx_id])[tx_id],
        "vout": None if accounts else position,
        "transfer_index": position if accounts else None,
        "time": utc(int(row[f"time_{side}"])),
        "amount_onchain": worth.on(int(row[f"units_{side}"]), day),
        "amount_traced": worth.on(traced, day),
    }
    named: dict[str, Any] = _named(side_row, ledger.chain)
    return named


def _heuristics(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What any chain leaned on, each once."""
    found: list[dict[str, Any]] = []
    for row in (row for part in parts for row in part["heuristics"]):
        if row not in found:
            found.append(row)
    return found


def answer_of(followed: Followed, method: str) -> Answer:
    """One method's answer."""
    return next(answer for answer in followed[1] if answer.method == method)
