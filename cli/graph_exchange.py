"""A graph for other programs: GraphML and DOT, all methods of the document in one graph.

Amounts are strings of base units under `amount_METHOD`; an edge that a method does not have lacks that attribute.
What a swap or a wrap gave is `converted_METHOD`; of a crossing the sides are `from_METHOD` and `to_METHOD`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.graph_coins import Coins, plain
from cli.graph_style import STYLES, heading, name_of, short, style_of
from cli.trace_answer import Answer, Document


def graphml(document: Document) -> str:
    """A directed multigraph; nodes are named as in the JSON."""
    import networkx as nx

    answer = Answer(document)
    made = nx.MultiDiGraph(about=" | ".join(_about(answer)))
    for node, attributes in _nodes(answer):
        made.add_node(plain(node), **attributes)
    for edge, attributes in _edges(answer):
        made.add_edge(plain(edge["from"]), plain(edge["to"]), **attributes)
    return "\n".join(nx.generate_graphml(made, named_key_ids=True)) + "\n"


def dot(document: Document) -> str:
    """The same for Graphviz: left to right, coloured by kind, labelled with amounts."""
    import graphviz

    answer = Answer(document)
    made = graphviz.Digraph(
        "trace", graph_attr={"rankdir": "LR", "label": _quoted("\n".join(_about(answer)))}
    )
    coins = {doc["method"]: Coins.of_document(answer, doc) for doc in answer.documents}
    numbers: dict[str, str] = {}
    for node, attributes in _nodes(answer):
        numbers[node] = f"n{len(numbers)}"
        text = short(attributes["name"], 60)
        if "asset" in attributes and attributes["kind"] != "bridge":
            text = f"{text}\n{short(attributes['asset'], 20)}"
        shape = "ellipse" if attributes["kind"] in ("transaction", "account") else "box"
        made.node(
            numbers[node],
            _quoted(text),
            shape=shape,
            color=attributes["colour"],
            tooltip=_quoted(attributes["name"]),
        )
    for edge, attributes in _edges(answer):
        amounts = [
            _amount(coins[m], m, edge, attributes) for m in answer.methods if f"amount_{m}" in attributes
        ]
        where = " ".join(attributes[key] for key in _WHERE if key in attributes)
        made.edge(
            numbers[edge["from"]],
            numbers[edge["to"]],
            _quoted("\n".join(amounts)),
            tooltip=_quoted(where or str(edge.get("kind", "fee"))),
        )
    source: str = made.source
    return source


_WHERE = ("outpoint", "txid", "transfer_index", "address")


def _amount(coins: Coins, method: str, edge: Mapping[str, Any], attributes: Mapping[str, str]) -> str:
    """`fifo 0.50000000`; where there may be several assets with its name, and with what it was converted into."""
    coin, units = coins.of(edge), int(attributes[f"amount_{method}"])
    if not coins.named:
        return f"{method} {coin.decimal(units)}"
    if far := edge.get("converted"):
        came = coins.of(far).of(int(attributes[f"converted_{method}"]))
        return f"{method} {edge['kind']} {coin.of(units)} → {came}"
    return f"{method} {coin.of(units)}"


def _quoted(text: str) -> str:
    """Text that the DOT language takes as it stands: no escape of it is read."""
    from graphviz import escape, nohtml

    found: str = nohtml(escape(text).replace("\n", "\\n"))
    return found


def _about(answer: Answer) -> list[str]:
    return [line for doc in answer.documents for line in heading(answer, doc)]


def _nodes(answer: Answer) -> Iterator[tuple[str, dict[str, str]]]:
    """Every node of any method, with what passed it under each."""
    found: dict[str, tuple[Mapping[str, Any], dict[str, str]]] = {}
    for doc in answer.documents:
        for node in doc["graph"]["nodes"]:
            _, traced = found.setdefault(node["id"], (node, {}))
            traced[f"traced_{doc['method']}"] = node["traced"]
            traced |= {f"{end}_{doc['method']}": node[end]["amount"] for end in _SIDES if end in node}
    for node, traced in found.values():
        sides = {f"{end}_{key}": node[end][key] for end in _SIDES if end in node for key in node[end]}
        told = {
            key: plain(str(value))
            for key, value in {**node, **sides}.items()
            if key not in _NOT_TOLD and value is not None
        }
        yield node["id"], {"name": name_of(node), "colour": STYLES[style_of(node)][1], **told, **traced}


_SIDES = ("from", "to")
_NOT_TOLD = ("id", "name", "traced", "evidence", *_SIDES, *(f"{end}_amount" for end in _SIDES))


def _edges(answer: Answer) -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
    """Every movement of any method, with the amount under each."""
    found: dict[tuple[object, ...], tuple[Mapping[str, Any], dict[str, str]]] = {}
    for doc in answer.documents:
        for edge in doc["graph"]["edges"]:
            _, amounts = found.setdefault(tuple(edge.get(key) for key in _SAME), (edge, {}))
            amounts[f"amount_{doc['method']}"] = edge["amount"]
            if far := edge.get("converted"):
                amounts[f"converted_{doc['method']}"] = far["amount"]
    for edge, amounts in found.values():
        far = edge.get("converted") or {}
        rows = {**edge, **{f"converted_{key}": far[key] for key in ("asset", "asset_id", "decimals") if far}}
        told = {key: plain(str(rows[key])) for key in _SAID if rows.get(key) not in (None, "")}
        yield edge, {**told, **amounts}


_SAME = ("from", "to", "outpoint", "txid", "transfer_index")
"""What makes an edge of two methods the same."""

_SAID = (
    "outpoint", "address", "amount_onchain", "time", "kind", "txid", "transfer_index", "chain", "asset", "asset_id",
    "decimals", "hops", "converted_asset", "converted_asset_id", "converted_decimals",
)  # fmt: skip
