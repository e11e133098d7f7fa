"""Accounts that money came back to, told apart by time, so that a picture can show money going from left to right.

Transactions come after what paid them; accounts pay one another in circles. An account on such a circle stands once
for each time money came back to it after it had paid on; what it kept meanwhile is `held` until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def unrolled(nodes: Mapping[str, Row], edges: Sequence[Row]) -> tuple[dict[str, Row], list[Row]]:
    """The same without circles: first the edges in their order, between visits, then what was held.

    A visit after the first says in `visit` the id of the account. Edges stand in the order of time.
    """
    rings = _rings(edges) if any(node["kind"] == "account" for node in nodes.values()) else {}
    if not rings:
        return dict(nodes), list(edges)
    walk = _Walk(nodes, rings)
    moved = [walk.step(edge) for edge in edges]
    return walk.nodes, [*moved, *walk.held]


def _rings(edges: Sequence[Row]) -> dict[str, int]:
    """Node -> number of the circle it is on; without those that are on none."""
    import networkx as nx

    graph = nx.DiGraph((edge["from"], edge["to"]) for edge in edges)
    found = nx.strongly_connected_components(graph)
    return {
        node: number
        for number, own in enumerate(found) if len(own) > 1 or graph.has_edge(*[next(iter(own))] * 2)
        for node in own
    }  # fmt: skip


class _Walk:
    def __init__(self, nodes: Mapping[str, Row], rings: Mapping[str, int]) -> None:
        self.nodes: dict[str, Row] = dict(nodes)
        self.held: list[Row] = []
        self._rings = rings
        self._now: dict[str, str] = {}
        self._layer: dict[str, int] = {}
        self._paid: set[str] = set()
        self._keeps: dict[str, int] = {}
        self._visits: dict[str, int] = {}

    def step(self, edge: Row) -> Row:
        """An edge between the visits it is of."""
        source = self._now.setdefault(edge["from"], edge["from"])
        target = self._now.setdefault(edge["to"], edge["to"])
        self._keeps[source] = self._keeps.get(source, 0) - int(edge["amount"])
        if edge["from"] in self._rings and self._rings[edge["from"]] == self._rings.get(edge["to"]):
            self._paid.add(source)
            layer = self._layer.setdefault(source, 0)
            if self._layer.get(target, -1) <= layer:
                if target in self._paid:
                    target = self._again(edge, target)
                self._layer[target] = max(layer, self._layer.get(target, 0)) + 1
        came = int((edge.get("converted") or edge)["amount"])
        self._keeps[target] = self._keeps.get(target, 0) + came
        return {**edge, "from": source, "to": target}

    def _again(self, edge: Row, before: str) -> str:
        """A new visit of the account that an edge pays."""
        name = edge["to"]
        self._visits[name] = self._visits.get(name, 1) + 1
        visit = f"{name}|visit {self._visits[name]}"
        self.nodes[visit] = {**self.nodes[name], "id": visit, "visit": name, "time": edge["time"]}
        self._now[name] = visit
        self._layer[visit] = self._layer[before]
        if (kept := self._keeps.get(before, 0)) > 0:
            coin = {key: self.nodes[name].get(key) for key in ("asset", "asset_id", "decimals")}
            self.held.append({"from": before, "to": visit, "kind": "held", "amount": str(kept), **coin})
            self._keeps[visit] = kept
        return visit
