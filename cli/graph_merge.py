"""What of a graph is drawn: everything where it is small; else small things are merged, and it is said which.

The rule: the transactions (or accounts) that moved most stand alone, the others are merged with those of the same
time step; the largest seeds and ends stand alone, the others are merged into one of each side. Nothing is merged with
what is of another asset. No amount is left out; what merged transactions sent each other is inside them, not drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any

from cli.graph_coins import Coin, Coins
from cli.graph_visits import unrolled

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
    coin   what its amounts are of
    total  base units that passed it
    weight how high it is drawn
    sides  what is said of it: `total`; of a crossing what left and what came
    """

    nodes: list[Node]
    side: int
    coin: Coin
    layer: int = 0
    total: int = 0
    weight: float = 0
    sides: list[tuple[Coin, int]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """`0.50000000 BTC`; of a crossing both sides."""
        return " → ".join(coin.of(units) for coin, units in self.sides)

    @property
    def merged(self) -> bool:
        """Whether it stands for several."""
        return len(self.nodes) > 1


@dataclass
class Band:
    """All traced money from one box to another; `rows` are places in the graph's edges.

    amount  base units of what the source gave; came: of what came to the target, another asset where they are converted
    kind    swap, wrap, or held: an account kept it until money came back; "" elsewhere
    weight  how wide it is drawn
    """

    source: int
    target: int
    gave: Coin
    got: Coin
    kind: str = ""
    amount: int = 0
    came: int = 0
    weight: float = 0
    rows: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        """`0.5 BTC`; of a conversion both sides."""
        text = f"{self.kind} {self.gave.of(self.amount)}".lstrip()
        return f"{text} → {self.got.of(self.came)}" if self.got != self.gave else text


@dataclass
class Drawn:
    """What to draw. `steps` are the first and last day of each time step; `notes` say what was merged."""

    boxes: list[Box]
    bands: list[Band]
    steps: list[tuple[str, str]]
    notes: list[str]


def drawn(graph: Mapping[str, Any], coins: Coins) -> Drawn:
    """What of a document's `graph` to draw; `coins` are its assets."""
    nodes: dict[str, Node] = {node["id"]: node for node in graph["nodes"]}
    real = len(graph["edges"])
    nodes, edges = unrolled(nodes, graph["edges"])
    sources, targets = {edge["from"] for edge in edges}, {edge["to"] for edge in edges}
    passing = {
        name
        for name, node in nodes.items()
        if node["kind"] in _PASSING and (node["kind"] != "bridge" or (name in sources and name in targets))
    }
    moving = _in_order([n for n in nodes.values() if n["id"] in passing], edges)
    ranked = sorted(moving, key=lambda node: (-_weight(node, coins), node["id"]))
    crossings = {node["id"] for node in moving if node["kind"] == "bridge"}
    alone = {node["id"] for node in ranked[:MOST_TRANSACTIONS]} | crossings
    layer = _layers({node["id"]: coins.of(node) for node in moving}, alone, edges)
    boxes: list[Box] = []
    notes: list[str] = []
    for side, most, what in ((-1, MOST_SEEDS, "sources"), (1, MOST_ENDS, "ends")):
        own = [n for n in nodes.values() if n["id"] not in passing and (n["id"] in sources) == (side < 0)]
        boxes += _side(own, side, most, what, coins, notes)
    rest: dict[tuple[int, str], list[Node]] = {}
    for node in moving:
        coin = coins.of(node)
        if node["id"] in alone:
            boxes.append(Box([node], 0, coin, layer[node["id"]]))
        else:
            rest.setdefault((layer[node["id"]], coin.asset_id), []).append(node)
    boxes += [Box(own, 0, coins.of(own[0]), step) for (step, _), own in sorted(rest.items(), key=_first)]
    place = {node["id"]: number for number, box in enumerate(boxes) for node in box.nodes}
    bands: dict[tuple[int, int, str], Band] = {}
    inside: list[tuple[Coin, int]] = []
    for row, edge in enumerate(edges):
        pair, gave = (place[edge["from"]], place[edge["to"]]), coins.of(edge)
        if pair[0] == pair[1]:
            inside.append((gave, int(edge["amount"])))
            continue
        far = edge.get("converted") or edge
        kind = edge["kind"] if edge.get("kind") in _SHOWN else ""
        band = bands.setdefault((*pair, kind), Band(*pair, gave, coins.of(far), kind))
        band.amount += int(edge["amount"])
        band.came += int(far["amount"])
        if row < real:
            band.rows.append(row)
    for band in bands.values():
        band.weight = min(coins.weight(band.gave, band.amount), coins.weight(band.got, band.came))
    _total(boxes, bands.values(), coins)
    if rest:
        unseen = f"; {coins.sums(inside)} that they sent each other is not drawn." if inside else "."
        notes.insert(0, _merged(alone, moving, rest, coins) + unseen)
    if any(band.kind == "held" for band in bands.values()):
        notes.append(
            "An account that money came back to stands once for each time; what it kept meanwhile is a grey band."
        )
    if coins.several:
        notes.append(
            "Widths compare amounts of one asset; what was converted is about as wide as what it was converted into."
        )
    return Drawn(boxes, list(bands.values()), _steps(moving, layer), notes)


_PASSING = ("transaction", "account", "bridge")
"""Kinds of nodes that money passes; a bridge whose other side is not known is an end."""

_SHOWN = ("swap", "wrap", "held")


def _first(item: tuple[tuple[int, str], Any]) -> tuple[int, str]:
    return item[0]


def _weight(node: Node, coins: Coins) -> float:
    return coins.weight(coins.of(node), int(node["traced"]))


def _merged(alone: set[str], moving: Sequence[Node], rest: Mapping[Any, Sequence[Node]], coins: Coins) -> str:
    others = len(moving) - len(alone)
    if any(node["kind"] == "account" for node in moving):
        return (
            f"The {len(alone):,} accounts, bridges and transactions that moved most, each asset by its own measure, "
            f"are drawn one by one; the other {others:,} are merged by time step and asset"
        )
    most = max((node for own in rest.values() for node in own), key=lambda node: int(node["traced"]))
    return (
        f"The {len(alone):,} transactions that moved most are drawn one by one; the other {others:,}, none of which "
        f"moved more than {coins.of(most).of(int(most['traced']))}, are merged by time step"
    )


def _total(boxes: Sequence[Box], bands: Any, coins: Coins) -> None:
    """What passed each box: what it took in or gave, whichever is more (poison does not conserve)."""
    came, went = [0] * len(boxes), [0] * len(boxes)
    for band in bands:
        went[band.source] += band.amount
        came[band.target] += band.came
    for box, *sums in zip(boxes, came, went, strict=True):
        crossing = not box.merged and "from" in box.nodes[0]
        box.total = int(box.nodes[0]["traced"]) if crossing else max(sums)
        box.weight = coins.weight(box.coin, box.total)
        told = [box.nodes[0][end] for end in ("from", "to")] if crossing else []
        box.sides = [(coins.of(row), int(row["amount"])) for row in told] or [(box.coin, box.total)]


def _side(own: Sequence[Node], side: int, most: int, what: str, coins: Coins, notes: list[str]) -> list[Box]:
    if len(own) <= most:
        return [Box([node], side, coins.of(node)) for node in own]
    ranked = sorted(own, key=lambda node: (-_weight(node, coins), node["id"]))
    chosen = {node["id"] for node in ranked[: most - 1]}
    rest = [node for node in own if node["id"] not in chosen]
    whole = coins.sums((coins.of(node), int(node["traced"])) for node in rest)
    notes.append(
        f"The {most - 1} largest {what} are named; the other {len(rest):,}, together {whole}, are merged."
    )
    merged: dict[Coin, list[Node]] = {}
    for node in rest:
        merged.setdefault(coins.of(node), []).append(node)
    return [
        *(Box([node], side, coins.of(node)) for node in own if node["id"] in chosen),
        *(Box(alike, side, coin) for coin, alike in merged.items()),
    ]


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


def _layers(
    moving: Mapping[str, Coin], alone: set[str], edges: Sequence[Mapping[str, Any]]
) -> dict[str, int]:
    """Time step of each transaction: a new one begins where money would else stay inside a step.

    Steps are whole stretches of the chain, as few as there can be. Transactions that are merged may pay each other
    in one step. `moving`: what each is of; those of different assets are not merged.
    """
    payers: dict[str, list[str]] = {}
    for edge in edges:
        payers.setdefault(edge["to"], []).append(edge["from"])
    layer: dict[str, int] = {}
    now = 0
    for name, coin in moving.items():
        for payer in payers.get(name, ()):
            if layer.get(payer) == now and (name in alone or payer in alone or moving[payer] != coin):
                now += 1
                break
        layer[name] = now
    return layer


def _steps(moving: Sequence[Node], layer: Mapping[str, int]) -> list[tuple[str, str]]:
    days: dict[int, list[str]] = {}
    for node in moving:
        days.setdefault(layer[node["id"]], []).append(node["time"][:10])
    return [(min(own), max(own)) for _, own in sorted(days.items())]
