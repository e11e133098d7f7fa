"""What of a graph is drawn: everything where it is small; else small things are merged, and it is said which.

The rule: the transactions that moved most stand alone, the others are merged with those of the same time step; the
largest seeds and ends stand alone, the others are merged into one of each side. No amount is left out; what merged
transactions sent each other is inside them and is not drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any

Node = Mapping[str, Any]

MOST_TRANSACTIONS = 80
"""(P) Drawn one by one: what still can be told apart on a screen and on paper."""
MOST_SEEDS = 12
"""(P) Names of seeds that fit beside the picture."""
MOST_ENDS = 30
"""(P) Names of ends that fit beside the picture."""


@dataclass
class Box:
    """A node of the picture: one of the graph, or several merged.

    side   -1 where money comes from, 1 where it goes to, 0 for transactions
    layer  the time step of transactions, from 0
    total  base units that passed it
    """

    nodes: list[Node]
    side: int
    layer: int = 0
    total: int = 0

    @property
    def merged(self) -> bool:
        """Whether it stands for several."""
        return len(self.nodes) > 1


@dataclass
class Band:
    """All traced money from one box to another; `rows` are places in the graph's edges."""

    source: int
    target: int
    amount: int = 0
    rows: list[int] = field(default_factory=list)


@dataclass
class Drawn:
    """What to draw. `steps` are the first and last day of each time step; `notes` say what was merged."""

    boxes: list[Box]
    bands: list[Band]
    steps: list[tuple[str, str]]
    notes: list[str]


def drawn(graph: Mapping[str, Any], coins: Callable[[int], str]) -> Drawn:
    """What of a document's `graph` to draw; `coins` writes an amount with its asset."""
    nodes: dict[str, Node] = {node["id"]: node for node in graph["nodes"]}
    edges = graph["edges"]
    sources = {edge["from"] for edge in edges}
    moving = _in_order([n for n in nodes.values() if n["kind"] == "transaction"], edges)
    ranked = sorted(moving, key=lambda node: (-int(node["traced"]), node["id"]))
    alone = {node["id"] for node in ranked[:MOST_TRANSACTIONS]}
    layer = _layers(moving, alone, edges)
    boxes: list[Box] = []
    notes: list[str] = []
    for side, most, what in ((-1, MOST_SEEDS, "sources"), (1, MOST_ENDS, "ends")):
        own = [n for n in nodes.values() if n["kind"] != "transaction" and (n["id"] in sources) == (side < 0)]
        boxes += _side(own, side, most, what, coins, notes)
    rest: dict[int, list[Node]] = {}
    for node in moving:
        if node["id"] in alone:
            boxes.append(Box([node], 0, layer[node["id"]]))
        else:
            rest.setdefault(layer[node["id"]], []).append(node)
    boxes += [Box(own, 0, step) for step, own in sorted(rest.items())]
    place = {node["id"]: number for number, box in enumerate(boxes) for node in box.nodes}
    bands: dict[tuple[int, int], Band] = {}
    inside = 0
    for row, edge in enumerate(edges):
        pair = place[edge["from"]], place[edge["to"]]
        if pair[0] == pair[1]:
            inside += int(edge["amount"])
            continue
        band = bands.setdefault(pair, Band(*pair))
        band.amount += int(edge["amount"])
        band.rows.append(row)
    _total(boxes, bands.values())
    if rest:
        most = max(int(node["traced"]) for own in rest.values() for node in own)
        notes.insert(
            0,
            f"The {len(alone):,} transactions that moved most are drawn one by one; the other "
            f"{len(moving) - len(alone):,}, none of which moved more than {coins(most)}, are merged by time step"
            + (f"; {coins(inside)} that they sent each other is not drawn." if inside else "."),
        )
    return Drawn(boxes, list(bands.values()), _steps(moving, layer), notes)


def _total(boxes: Sequence[Box], bands: Any) -> None:
    """What passed each box: what it took in or gave, whichever is more (poison does not conserve)."""
    came, went = [0] * len(boxes), [0] * len(boxes)
    for band in bands:
        went[band.source] += band.amount
        came[band.target] += band.amount
    for box, *sums in zip(boxes, came, went, strict=True):
        box.total = max(sums)


def _side(
    own: Sequence[Node], side: int, most: int, what: str, coins: Callable[[int], str], notes: list[str]
) -> list[Box]:
    if len(own) <= most:
        return [Box([node], side) for node in own]
    ranked = sorted(own, key=lambda node: (-int(node["traced"]), node["id"]))
    chosen = {node["id"] for node in ranked[: most - 1]}
    rest = [node for node in own if node["id"] not in chosen]
    whole = sum(int(node["traced"]) for node in rest)
    notes.append(
        f"The {most - 1} largest {what} are named; the other {len(rest):,}, together {coins(whole)}, are merged."
    )
    return [*(Box([node], side) for node in own if node["id"] in chosen), Box(rest, side)]


def _in_order(moving: Sequence[Node], edges: Sequence[Mapping[str, Any]]) -> list[Node]:
    """Transactions as the chain has them, but none before what it was paid by.

    A coinbase comes first in its block, and after the fees that it collects.
    """
    place = {node["id"]: number for number, node in enumerate(moving)}
    after: list[set[int]] = [set() for _ in moving]
    waiting = [0] * len(moving)
    for edge in edges:
        a, b = place.get(edge["from"]), place.get(edge["to"])
        if a is not None and b is not None and b not in after[a]:
            after[a].add(b)
            waiting[b] += 1
    ready = [number for number, count in enumerate(waiting) if not count]
    heapify(ready)
    found = []
    while ready:
        number = heappop(ready)
        found.append(moving[number])
        for later in after[number]:
            waiting[later] -= 1
            if not waiting[later]:
                heappush(ready, later)
    return found


def _layers(moving: Sequence[Node], alone: set[str], edges: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Time step of each transaction: a new one begins where money would else stay inside a step.

    Steps are whole stretches of the chain, as few as there can be. Transactions that are merged may pay each other
    in one step.
    """
    payers: dict[str, list[str]] = {}
    for edge in edges:
        payers.setdefault(edge["to"], []).append(edge["from"])
    layer: dict[str, int] = {}
    now = 0
    for node in moving:
        name = node["id"]
        for payer in payers.get(name, ()):
            if layer.get(payer) == now and (name in alone or payer in alone):
                now += 1
                break
        layer[name] = now
    return layer


def _steps(moving: Sequence[Node], layer: Mapping[str, int]) -> list[tuple[str, str]]:
    days: dict[int, list[str]] = {}
    for node in moving:
        days.setdefault(layer[node["id"]], []).append(node["time"][:10])
    return [(min(own), max(own)) for _, own in sorted(days.items())]
