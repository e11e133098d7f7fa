"""The graph of a trace over bridges, by hand: a crossing is one node with two sides, and each chain adds up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.scenarios.accounts import Move, Row, Token, Tx
from tests.scenarios.across import FAR, NEAR, Across, Found, arrive, born, leave, tag, unbalanced

TOLD = [Token("USD", 6)]
METHODS = ("fifo", "lifo", "haircut")

# of 90 stolen and 10 of ann's 80 go over the bridge at once and 20 later; 98 come, and 60 of them are cashed out
THEFT: dict[str, Sequence[Row]] = {
    NEAR: [
        born(victim=90, ann=10),
        Tx("gift", "ann", moves=[Move("ann", "thief", 10, "USD")]),
        Tx("steal", "victim", moves=[Move("victim", "thief", 90, "USD")]),
        leave("out", "thief", 1, 80, "mule"),
        leave("later", "thief", 2, 20, "mule"),
    ],
    FAR: [
        born(relayer=500),
        arrive("in", 1, 79, "mule"),
        arrive("second", 2, 19, "mule"),
        Tx("exit", "mule", moves=[Move("mule", "hot", 60, "USD")]),
    ],
}


@pytest.fixture(scope="module")
def theft(tmp_path_factory: pytest.TempPathFactory) -> Across:
    return Across(tmp_path_factory.mktemp("theft"), THEFT, tags=[tag(FAR, "hot", "acme")], told=TOLD)


def graph(found: Found) -> dict[str, Any]:
    told: dict[str, Any] = found.document["graph"]
    return told


def steps(found: Found) -> list[tuple[str, str, str, str, int]]:
    """(chain, from, to, transaction, base units), as listed."""
    names = {n["id"]: f"{n['kind']} {found.name(n['name'].split(':')[0])}" for n in graph(found)["nodes"]}
    return [
        (e["chain"], names[e["from"]], names[e["to"]], found.name(e["txid"] or "-"), int(e["amount"]))
        for e in graph(found)["edges"]
    ]  # fmt: skip


def test_money_goes_through_a_crossing_to_the_other_chain(theft: Across) -> None:
    """In order of time; blocks of both have the same times here. The exchange gets the last 19, and 41 of the first."""
    found = theft.trace(NEAR, "steal:0", method="lifo", edges=True)
    assert sorted(steps(found)) == sorted([
        (NEAR, "seed steal", "account thief", "steal", 90),
        (NEAR, "account thief", "bridge across", "out", 80),
        (NEAR, "account thief", "bridge across", "later", 10),
        (FAR, "bridge across", "account mule", "in", 79),
        (FAR, "bridge across", "account mule", "second", 10),
        (FAR, "account mule", "service acme", "exit", 51),
        (FAR, "account mule", "unspent unspent", "-", 38),
    ])  # fmt: skip
    times = [edge["time"] for edge in graph(found)["edges"]]
    assert times == sorted(times, key=lambda time: time or "~")
    kinds = [node["kind"] for node in graph(found)["nodes"]]
    assert (kinds[0], sorted(kinds[1:5]), kinds[5:]) == (
        "seed", ["account", "account", "bridge", "bridge"], ["service", "unspent"],
    )  # fmt: skip


def test_a_crossing_has_a_side_on_each_chain(theft: Across) -> None:
    found = theft.trace(NEAR, "steal:0", method="lifo", edges=True)
    first = next(n for n in graph(found)["nodes"] if n["kind"] == "bridge" and n["from"]["amount"] == "80")
    assert (first["chain"], first["name"]) == (None, "across")
    keys = ("chain", "asset_id", "amount", "transfer_index")
    assert [[first[end][key] for key in keys] for end in ("from", "to")] == [
        [NEAR, "eip155:31337/erc20:USD", "80", 0], [FAR, "eip155:31338/erc20:USD", "79", 0],
    ]  # fmt: skip
    assert [found.name(first[end]["txid"]) for end in ("from", "to")] == ["out", "in"]


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("method", METHODS)
def test_every_account_and_every_side_of_a_crossing_adds_up(
    theft: Across, method: str, direction: str
) -> None:
    """To the base unit, and no node stands without an edge or an edge without its nodes."""
    place, seed = (NEAR, "steal:0") if direction == "forward" else (FAR, "exit:0")
    told = graph(theft.trace(place, seed, method=method, direction=direction, edges=True))
    assert unbalanced(told) == []
    met = {edge[end] for edge in told["edges"] for end in ("from", "to")}
    assert met == {node["id"] for node in told["nodes"]}
    assert {node["chain"] for node in told["nodes"]} == {NEAR, FAR, None}
    assert all(node["asset_id"] and node["decimals"] == 6 for node in told["nodes"])


def test_a_bridge_whose_other_chain_is_not_here_is_an_end(theft: Across) -> None:
    told = theft.document(NEAR, "steal:0", alone=True, methods=("lifo",), edges=True)["graph"]
    assert [(n["kind"], n["reason"], n["traced"]) for n in told["nodes"] if n["kind"] == "stop"] == [
        ("stop", "bridge", "90")
    ]
