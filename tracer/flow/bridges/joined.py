"""The graphs of several chains as one: a crossing is a node, between what a bridge took here and what it brought there.

Ids of places begin with their chain, and every node and edge says on which it is. A crossing is on both, and has two
sides with an amount of its own each: what enters it is of the one, what leaves it of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracer.chain import Chain
from tracer.flow.beyond import BROUGHT
from tracer.flow.graph import node_id

Row = dict[str, Any]
Place = tuple[str, int | None]
"""txid, and vout or transfer index."""

_BROUGHT = node_id("seed", BROUGHT.kind, BROUGHT.value)
_LAST = "~"
"""Sorts behind every time."""


@dataclass(frozen=True)
class Crossing:
    """A crossing that carried money under one method, as `conversions` has it.

    near, far  "from" or "to": the side that is nearer to the seeds, and the other
    """

    row: Mapping[str, Any]
    near: str
    far: str

    @property
    def id(self) -> str:
        """Of its node."""
        return node_id("crossing", self.row["bridge"], self.row["key"], self.row["txid"])

    def at(self, side: str, chain: str) -> Place | None:
        """Where a side is, if it is on that chain."""
        own = self.row[side]
        if own["chain"] != chain:
            return None
        return own["txid"], own["transfer_index"] if own["vout"] is None else own["vout"]

    def node(self) -> Row:
        """As the graph shows it; `traced` and the asset are of the side that is nearer to the seeds."""
        sides = {side: _side(self.row[side]) for side in ("from", "to")}
        near = sides[self.near]
        return {
            "id": self.id,
            "kind": "bridge",
            "name": self.row["bridge"],
            "key": self.row["key"],
            "basis": self.row["basis"],
            "chain": None,
            "time": self.row["time"],
            **sides,
            **{key: near[key] for key in ("asset", "asset_id", "decimals")},
            "traced": near["amount"],
        }


def _side(own: Mapping[str, Any]) -> Row:
    amount = own["amount_traced"]
    return {
        **{key: own[key] for key in ("chain", "address", "txid", "vout", "transfer_index", "time")},
        **{key: amount[key] for key in ("asset", "asset_id", "decimals")},
        "amount": amount["base_units"],
    }


def joined(
    graphs: Mapping[str, Mapping[str, Any]], chains: Mapping[str, Chain], crossings: Sequence[Crossing]
) -> dict[str, list[Row]]:
    """`nodes` and `edges` of all; `graphs` are the chains' own, the home chain's first.

    Seeds, then what money passed in order of time, then where it rests; edges in order of time, each chain in its own
    order. Where a swap stands for a crossing's transfer it is known by the transaction; where that has several
    crossings, the two ends stay apart, one on each chain.
    """
    seeds: list[Row] = []
    moving: list[Row] = []
    rests: list[Row] = []
    edges: list[tuple[tuple[str, int, int], Row]] = []
    for number, (name, graph) in enumerate(graphs.items()):
        coin = chains[name]
        told = {
            "chain": name,
            "asset": coin.asset,
            "asset_id": f"{coin.caip2}/native",
            "decimals": coin.decimals,
        }
        taken, came = _taken(name, graph, crossings), _places(crossings, "far", name)
        met: set[str] = set()
        clock = ""
        for place, edge in enumerate(graph["edges"]):
            own = {**told, **edge}
            for end in ("from", "to"):
                over = _known(came, _place(edge)) if _is_brought(edge[end]) else taken.get(edge[end])
                own[end] = over or f"{name}|{edge[end]}"
                met.add(own[end])
            clock = max(clock, edge["time"] or (_LAST if clock else ""))
            edges.append(((clock, number, place), own))
        for node in graph["nodes"]:
            own = {**told, **node, "id": f"{name}|{node['id']}"}
            if own["id"] in met:
                kind = node["kind"]
                (seeds if kind == "seed" else moving if kind in ("transaction", "account") else rests).append(
                    own
                )
    ordered = [edge for _, edge in sorted(edges, key=lambda item: item[0])]
    ends = {edge[end] for edge in ordered for end in ("from", "to")}
    moving += [one.node() for one in crossings if one.id in ends]
    moving.sort(
        key=lambda node: str(node["time"])
    )  # stable: what is of one moment stands as its chain has it
    return {"nodes": [*seeds, *moving, *rests], "edges": ordered}


def _is_brought(node: str) -> bool:
    return node == _BROUGHT or node.startswith(f"{_BROUGHT}|")


def _place(edge: Mapping[str, Any]) -> Place:
    """Where an edge is on its chain."""
    if "txid" in edge:
        return edge["txid"], edge["transfer_index"]
    txid, _, vout = (edge["outpoint"] or "").partition(":")
    return txid, int(vout) if vout else None


def _places(crossings: Sequence[Crossing], which: str, chain: str) -> dict[Place, str]:
    """Where on a chain the near or far sides of crossings are -> their nodes; with None for the transaction's one."""
    found: dict[Place, str] = {}
    several: set[Place] = set()
    for one in crossings:
        place = one.at(one.near if which == "near" else one.far, chain)
        if place is None:
            continue
        whole = (place[0], None)
        if whole in found:
            several.add(whole)
        found[place] = found[whole] = one.id
    return {place: node for place, node in found.items() if place not in several}


def _known(places: Mapping[Place, str], place: Place) -> str | None:
    return places.get(place) or places.get((place[0], None))


def _taken(chain: str, graph: Mapping[str, Any], crossings: Sequence[Crossing]) -> dict[str, str]:
    """Id of the end where a bridge took the money -> the crossing's node."""
    places = _places(crossings, "near", chain)
    ends = [
        (node["id"], (node["txid"], node["position"])) for node in graph["nodes"] if node["kind"] == "bridge"
    ]
    return {name: node for name, place in ends if (node := _known(places, place))}
