"""A graph for other programs: GraphML and DOT, all methods of the document in one graph.

Amounts are strings of base units under `amount_METHOD`; an edge that a method does not have lacks that attribute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.graph_style import STYLES, heading, name_of, plain, short, style_of
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
    numbers: dict[str, str] = {}
    for node, attributes in _nodes(answer):
        numbers[node] = f"n{len(numbers)}"
        text = short(attributes["name"], 60)
        shape = "ellipse" if attributes["kind"] == "transaction" else "box"
        made.node(
            numbers[node],
            _quoted(text),
            shape=shape,
            color=attributes["colour"],
            tooltip=_quoted(attributes["name"]),
        )
    for edge, attributes in _edges(answer):
        amounts = [
            f"{m} {answer.coins(int(attributes[f'amount_{m}']))}"
            for m in answer.methods
            if f"amount_{m}" in attributes
        ]
        where = " ".join(attributes[key] for key in ("outpoint", "address") if key in attributes)
        made.edge(
            numbers[edge["from"]],
            numbers[edge["to"]],
            _quoted("\n".join(amounts)),
            tooltip=_quoted(where or "fee"),
        )
    source: str = made.source
    return source


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
    for node, traced in found.values():
        told = {
            key: plain(str(value))
            for key, value in node.items()
            if key not in ("id", "name", "traced", "evidence") and value is not None
        }
        yield node["id"], {"name": name_of(node), "colour": STYLES[style_of(node)][1], **told, **traced}


def _edges(answer: Answer) -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
    """Every movement of any method, with the amount under each."""
    found: dict[tuple[str, str, str | None], tuple[Mapping[str, Any], dict[str, str]]] = {}
    for doc in answer.documents:
        for edge in doc["graph"]["edges"]:
            _, amounts = found.setdefault((edge["from"], edge["to"], edge["outpoint"]), (edge, {}))
            amounts[f"amount_{doc['method']}"] = edge["amount"]
    for edge, amounts in found.values():
        told = {
            key: plain(str(edge[key]))
            for key in ("outpoint", "address", "amount_onchain", "time")
            if edge[key]
        }
        yield edge, {**told, **amounts}
