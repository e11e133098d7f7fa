"""The graph of an account trace, edge by edge, by names; what enters an account leaves it, each asset for itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.scenarios.account_case import AccountCase, AccountFound, tag
from tests.scenarios.accounts import Block, Move, Row, Token, Tx
from tests.tracer.test_flow_accounts_oracle import NAMES, TAGS, TOKENS, Table, tables
from tracer.chain import TransferKind

EITHER_WAY = pytest.mark.parametrize("direction", ["forward", "backward"])
TOLD = [Token("USDT", 6), Token("DAI", 18)]
POOL = [tag("pool", "dex", category="defi_dex_pair"), tag("hot", "acme")]

# 90 stolen: 20 go out and 5 of them come back, 60 become 150 DAI, of which 120 are cashed out
SWAPPED: list[Row] = [
    Block(rewards=[("thief", 9)]),
    Tx("fund", "bank", moves=[Move(None, "victim", 90, "USDT"), Move(None, "pool", 500, "DAI")]),
    Tx("steal", "victim", moves=[Move("victim", "thief", 90, "USDT")]),
    Tx("out", "thief", fee=2, moves=[Move("thief", "mule", 20, "USDT")]),
    Tx("back", "mule", moves=[Move("mule", "thief", 5, "USDT")]),
    Tx("swap", "thief", to="pool", moves=[Move("thief", "pool", 60, "USDT"), Move("pool", "thief", 150, "DAI")]),
    Tx("exit", "thief", moves=[Move("thief", "hot", 120, "DAI")]),
]  # fmt: skip


def edges(found: AccountFound) -> list[tuple[str, ...]]:
    """(kind, from, to, `transaction:transfer`, traced, on chain or -, what came of it), as listed."""
    graph = found.document["graph"]
    names = {}
    for node in graph["nodes"]:
        name = node["name"].split(":")[0]
        seed = f"seed {found.names.get(name, name)}"
        names[node["id"]] = seed if node["kind"] == "seed" else f"{name} {node['asset']}"
    return [
        (
            edge["kind"], names[edge["from"]], names[edge["to"]],
            f"{found.names[edge['txid']]}:{edge['transfer_index']}" if edge["txid"] else "-",
            edge["amount"], edge["amount_onchain"] or "-",
            f"{edge['converted']['amount']} {edge['converted']['asset']}" if edge["converted"] else "",
        )
        for edge in graph["edges"]
    ]  # fmt: skip


def test_every_transfer_is_an_edge_and_a_swap_has_two_sides(tmp_path: Path) -> None:
    """What lies somewhere at the end comes last; the pool of the swap is no node, it only changed the money."""
    found = AccountCase(tmp_path, SWAPPED, tags=POOL, told=TOLD).trace("steal:0", edges=True)
    assert edges(found) == [
        ("transfer", "seed steal", "thief USDT", "steal:0", "90", "90", ""),
        ("transfer", "thief USDT", "mule USDT", "out:0", "20", "20", ""),
        ("transfer", "mule USDT", "thief USDT", "back:0", "5", "5", ""),
        ("swap", "thief USDT", "thief DAI", "swap:1", "60", "60", "150 DAI"),
        ("transfer", "thief DAI", "acme DAI", "exit:0", "120", "120", ""),
        ("rest", "thief DAI", "unspent DAI", "-", "30", "-", ""),
        ("rest", "mule USDT", "unspent USDT", "-", "15", "-", ""),
        ("rest", "thief USDT", "unspent USDT", "-", "15", "-", ""),
    ]


def test_backward_a_swap_goes_from_what_was_given_to_what_came(tmp_path: Path) -> None:
    """Edges go as the money went: from where it was made to the seed."""
    case = AccountCase(tmp_path, SWAPPED, tags=POOL, told=TOLD)
    found = case.trace("exit:0", direction="backward", edges=True)
    assert [edge for edge in edges(found) if edge[0] == "swap"] == [
        ("swap", "thief USDT", "thief DAI", "swap:1", "48", "60", "120 DAI")
    ]
    assert edges(found)[0][:3] == ("transfer", "minted USDT", "victim USDT")
    assert edges(found)[-1][:4] == ("transfer", "thief DAI", "seed exit", "exit:0")


def test_gas_is_an_edge_to_the_fees(tmp_path: Path) -> None:
    """An account with two assets is two nodes; a wrap is a conversion of one into the other."""
    wrap = Tx("wrap", "thief", to="WETH", value=4, moves=[Move(None, "thief", 4, "WETH", TransferKind.WRAP)])
    case = AccountCase(tmp_path, [*SWAPPED, wrap], tags=POOL, told=TOLD)
    found = case.trace("thief", asset="native", edges=True)
    assert [edge[:3] + edge[4:] for edge in edges(found)] == [
        ("transfer", "seed thief", "thief ETH", "9", "9", ""),
        ("fee", "thief ETH", "fees ETH", "2", "2", ""),
        ("wrap", "thief ETH", "thief WETH", "4", "4", "4 WETH"),
        ("rest", "thief ETH", "unspent ETH", "3", "-", ""),
        ("rest", "thief WETH", "unspent WETH", "4", "-", ""),
    ]


def test_what_a_limit_cut_is_an_edge_from_the_account_it_would_have_left(tmp_path: Path) -> None:
    found = AccountCase(tmp_path, SWAPPED, tags=POOL, told=TOLD).trace("steal:0", hops=0, edges=True)
    cuts = [edge for edge in edges(found) if edge[0] == "cut"]
    assert [edge[1:4] for edge in cuts] == [
        ("thief USDT", "hop_limit USDT", "out:0"),
        ("thief USDT", "hop_limit USDT", "swap:0"),
    ]
    assert sum(int(edge[4]) for edge in cuts) == found.totals["USDT"]["pruned"]


def test_nodes_say_what_they_are_of_and_their_seeds_come_first(tmp_path: Path) -> None:
    case = AccountCase(tmp_path, SWAPPED, tags=POOL, told=TOLD)
    nodes = case.trace("steal:0", edges=True).document["graph"]["nodes"]
    assert [node["kind"] for node in nodes] == ["seed", *["account"] * 3, "service", "unspent", "unspent"]
    thief = next(node for node in nodes if node["name"] == "thief" and node["asset"] == "USDT")
    assert {key: thief[key] for key in ("address", "asset_id", "decimals", "traced")} == {
        "address": "thief", "asset_id": "eip155:31337/erc20:USDT", "decimals": 6, "traced": "95",
    }  # fmt: skip
    assert len({node["id"] for node in nodes}) == len(nodes)


def test_without_being_asked_for_there_are_no_edges(tmp_path: Path) -> None:
    found = AccountCase(tmp_path, SWAPPED, tags=POOL, told=TOLD).trace("steal:0")
    assert set(found.document["graph"]) == {"transactions", "hops"}


def unbalanced(graph: dict[str, Any]) -> dict[str, int]:
    """Accounts that give what they have not taken, or keep what they took."""
    balance: Counter[str] = Counter()
    for edge in graph["edges"]:
        balance[edge["to"]] += int((edge["converted"] or edge)["amount"])
        balance[edge["from"]] -= int(edge["amount"])
    return {node["id"]: balance[node["id"]] for node in graph["nodes"]
            if node["kind"] == "account" and balance[node["id"]]}  # fmt: skip


def sums(graph: dict[str, Any], *, backward: bool) -> dict[str, dict[str, int]]:
    """What the graph adds up to, in the words of `totals`: these go from the seed, edges go as the money went."""
    kinds = {node["id"]: node for node in graph["nodes"]}
    named = {"service": "services", "stop": "stopped"}
    told: dict[str, Counter[str]] = {}
    for edge in graph["edges"]:
        gave, got = told.setdefault(edge["asset"], Counter()), edge["converted"]
        if got:
            gave["converted_in" if backward else "converted_out"] += int(edge["amount"])
            came = told.setdefault(got["asset"], Counter())
            came["converted_out" if backward else "converted_in"] += int(got["amount"])
        for end in ("from", "to"):
            node, units = kinds[edge[end]], int((got if got and end == "to" else edge)["amount"])
            if node["kind"] == "seed":
                told[node["asset"]]["seed"] += units
            elif node["kind"] not in ("account", "rounded"):
                limit = node["kind"] == "stop" and node["basis"] == "limit"
                bucket = "pruned" if limit else named.get(node["kind"], node["kind"])
                told[node["asset"]][bucket] += units
    return {asset: {k: v for k, v in row.items() if v} for asset, row in told.items() if any(row.values())}


def of_one_asset(graph: dict[str, Any]) -> bool:
    """An edge leaves a place of its asset and enters one of what it became."""
    asset = {node["id"]: node["asset_id"] for node in graph["nodes"]}
    return all(
        (asset[edge["from"]], asset[edge["to"]])
        == (edge["asset_id"], (edge["converted"] or edge)["asset_id"])
        for edge in graph["edges"]
    )


def held_to_the_chain(graph: dict[str, Any]) -> bool:
    """Nothing more of a transfer is traced than it moved, nor cut at it: what a limit ended moves on clean."""
    traced: Counter[tuple[str, int, str, bool]] = Counter()
    onchain = {}
    for edge in graph["edges"]:
        if edge["txid"]:
            key = (edge["txid"], edge["transfer_index"], edge["asset_id"], edge["kind"] == "cut")
            traced[key] += int(edge["amount"])
            onchain[key] = int(edge["amount_onchain"])
    return all(traced[key] <= onchain[key] for key in traced)


@settings(max_examples=scaled(3, full=150), deadline=None)
@given(data=st.data())
@EITHER_WAY
def test_what_enters_an_account_leaves_it_and_the_rest_is_in_the_totals(
    data: st.DataObject, direction: str
) -> None:
    """The oracle's random ledgers, with swaps, wraps, gas, tips and limits; poison marks and does not add up."""
    table: Table = data.draw(tables())
    seeds = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
    asked = {"hops": data.draw(st.integers(0, 4)), "min_value": data.draw(st.sampled_from([0, 5]))}
    with TemporaryDirectory() as folder:
        case = AccountCase(Path(folder), table.rows, tags=TAGS, told=[Token(a, 0) for a in (*TOKENS, "WETH")])
        methods = ("fifo", "lifo", "haircut", "poison")
        whole = case.documents(*seeds, methods=methods, direction=direction, edges=True, degree=0, **asked)
    for document in whole["documents"]:
        graph, found = document["graph"], AccountFound(document, case.names)
        assert of_one_asset(graph)
        if document["method"] != "poison":
            assert unbalanced(graph) == {}
            assert sums(graph, backward=direction == "backward") == {
                asset: row for asset, row in found.totals.items() if row
            }
            assert held_to_the_chain(graph)
