"""A picture as one HTML file that works without a network: bokeh draws, `graph_page.js` searches and lists.

What comes from claims reaches the page as text only: escaped by the template, or as JSON that the script puts into text
nodes. The page's own policy forbids it to fetch anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from cli.graph_coins import Coins, plain
from cli.graph_layout import layout
from cli.graph_merge import Node, drawn
from cli.graph_plot import plotted
from cli.graph_style import STYLES, beyond, heading, name, name_of, present, style
from cli.trace_answer import Answer, Document, many
from cli.trace_words import says_not

MOST_ROWS = 20_000
"""(P) Movements that a page lists for each method: about 6 MB. The JSON has all."""


def html(document: Document) -> str:
    """The whole page; every method of the document can be chosen in it."""
    from bokeh.resources import Resources
    from jinja2 import Environment, select_autoescape

    answer = Answer(document)
    methods = [_Method(answer, doc) for doc in answer.documents]
    environment = Environment(
        autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(_beside("graph_page.html"))
    return page.render(
        title=methods[0].heading[1 if answer.main["tlp"] else 0],
        marking=answer.main["tlp"],
        methods=methods,
        legend=[(key, *STYLES[key]) for key in STYLES if any(key in m.present for m in methods)],
        says_not=[plain(line) for line in says_not(document)],
        style=_beside("graph_page.css"),
        library="\n".join(Resources(mode="inline", components=["bokeh"]).js_raw),
        script=_beside("graph_page.js"),
        data=_inert({"methods": [method.data() for method in methods]}),
    )


def _beside(file: str) -> str:
    return files("cli").joinpath(file).read_text("utf-8")


def _inert(data: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


class _Method:
    """What one method's part of the page shows."""

    def __init__(self, answer: Answer, doc: Mapping[str, Any]) -> None:
        self._graph, self._coins = doc["graph"], Coins.of_document(answer, doc)
        self._asset = "" if self._coins.named else answer.asset
        self._what = drawn(self._graph, self._coins)
        self._where = layout(self._what)
        self.name: str = doc["method"]
        self.backward: bool = doc["direction"] == "backward"
        self.heading = heading(answer, doc)
        self.present = present(self._what)
        edges = self._graph["edges"]
        ranked = sorted(range(len(edges)), key=lambda row: (-self._weight(edges[row]), row))
        self._listed = sorted(ranked[:MOST_ROWS])
        self.notes = [*self._what.notes, *beyond(doc)]
        if len(ranked) > MOST_ROWS:
            self.notes.append(
                f"This page lists and searches the {MOST_ROWS:,} largest of {len(ranked):,} movements; "
                "the JSON has all."
            )
        self.ends = [
            (style(box), name(box), box.text if self._coins.named else box.coin.decimal(box.total))
            for box in sorted(self._what.boxes, key=lambda box: -box.weight)
            if box.side == (-1 if self.backward else 1)
        ]
        accounts = {(n.get("chain"), n["address"]) for n in self._graph["nodes"] if n["kind"] == "account"}
        passed = {n["id"] for n in self._graph["nodes"] if n["kind"] == "transaction"}
        passed |= {edge["txid"] for edge in edges if edge.get("txid")}
        self.counts = ", ".join(
            [
                *([many(len(accounts), "account")] if accounts else []),
                many(len(passed), "transaction"),
                many(len(edges), "movement"),
            ]
        )

    def _weight(self, edge: Mapping[str, Any]) -> float:
        return self._coins.weight(self._coins.of(edge), int(edge["amount"]))

    def data(self) -> dict[str, Any]:
        """What the script needs: the plot, what stands in it, and the movements behind it."""
        nodes, what = self._graph["nodes"], self._what
        number = {node["id"]: n for n, node in enumerate(nodes)}
        kept = {row: place for place, row in enumerate(self._listed)}
        return {
            "name": self.name,
            "asset": self._asset,
            "plot": _numbered(plotted(what, self._where)),
            "boxes": [
                {
                    "name": name(box),
                    "amount": box.text,
                    "nodes": [number[node.get("visit", node["id"])] for node in box.nodes],
                }
                for box in what.boxes
            ],
            "bands": [
                {
                    "ends": [band.source, band.target],
                    "amount": band.text,
                    "count": len(band.rows),
                    "rows": [kept[row] for row in band.rows if row in kept],
                }
                for band in what.bands
            ],
            "nodes": [[name_of(node), _told(node)] for node in nodes],
            "rows": [self._row(self._graph["edges"][row], number) for row in self._listed],
        }

    def _row(self, edge: Mapping[str, Any], number: Mapping[str, int]) -> list[Any]:
        """As the script reads it: from, to, where it stands on chain, address, amount, the same on chain, time."""
        coin, onchain = self._coins.of(edge), edge["amount_onchain"]
        written = coin.of if self._coins.named else coin.decimal
        amount = written(int(edge["amount"]))
        if far := edge.get("converted"):
            amount = f"{edge['kind']} {amount} → {self._coins.of(far).of(int(far['amount']))}"
        whole = amount if onchain in (None, edge["amount"]) else written(int(onchain))
        return [
            number[edge["from"]], number[edge["to"]], _place(edge), edge["address"], amount, whole, edge["time"] or "",
        ]  # fmt: skip


def _place(edge: Mapping[str, Any]) -> str | None:
    """The outpoint or transfer; None of a fee of a transaction."""
    if "outpoint" in edge:
        place: str | None = edge["outpoint"]
        return place
    if edge["txid"] is None:
        return "lies there at the end"
    more = f" ({edge['kind']})" if edge["kind"] in ("fee", "cut") else ""
    return f"{edge['txid']}:{edge['transfer_index']}{more}"


_TOLD = (
    "chain",
    "address",
    "asset",
    "asset_id",
    "key",
    "vasp_id",
    "category",
    "entity",
    "basis",
    "time",
    "height",
)


def _told(node: Node) -> list[str]:
    """What else is known of a node, a line each."""
    told = [f"{key.replace('_', ' ')}: {plain(str(node[key]))}" for key in _TOLD if node.get(key) is not None]
    for end in ("from", "to") if "from" in node else ():
        side = node[end]
        place = side["vout"] if side["transfer_index"] is None else side["transfer_index"]
        told.append(
            f"{end} {side['chain']}: {side['txid']}:{place}, {side['address'] or 'no address'}, {side['time']}"
        )
    return told


def _numbered(plot: Any) -> Any:
    """The plot as JSON whose ids count from 1: bokeh's go on from plot to plot, so that bytes would differ."""
    from bokeh.embed import json_item

    known: dict[str, str] = {}

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: known.setdefault(inner, f"p{len(known) + 1}")
                if key in ("id", "root_id") and isinstance(inner, str)
                else walk(inner)
                for key, inner in value.items()
            }
        return [walk(inner) for inner in value] if isinstance(value, list) else value

    return walk(json_item(plot))
