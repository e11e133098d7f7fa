"""The graph that was followed, edge by edge, by names; what enters a transaction leaves it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.scenarios.case import Case, Found, tag, vasp
from tests.scenarios.ledger import Tx

EITHER_WAY = pytest.mark.parametrize("direction", ["forward", "backward"])

# 10 stolen; 6 go to an exchange, 3 on, 1 fee; of the 3, joined with 3 clean, 1 goes to a market's pool, 4 stay, 1 fee
HEIST = [
    Tx("theft", outs=[("thief", 10)]),
    Tx("wages", outs=[("boss", 3)]),
    Tx("split", ins=["theft:0"], outs=[("acmehot", 6), ("thief2", 3)]),
    Tx("join", ins=["split:1", "wages:0"], outs=[("bazaar", 1), ("thief3", 4)]),
]
TAGS = [tag("acmehot", "acme", role="hot"), tag("bazaar", "bazaar", category="market", role="pool")]


def edges(found: Found) -> list[tuple[str, str, str | None, int, int]]:
    """(from, to, outpoint, traced, on chain), as listed, transactions by name."""
    return [
        (
            found.names.get(e["from"], e["from"]), found.names.get(e["to"], e["to"]),
            e["outpoint"] and found.name(e["outpoint"]), int(e["amount"]), int(e["amount_onchain"]),
        )
        for e in found.document["graph"]["edges"]
    ]  # fmt: skip


def unbalanced(graph: dict[str, Any]) -> dict[str, int]:
    """Transactions that give what they have not taken, or keep what they took."""
    balance: Counter[str] = Counter()
    for edge in graph["edges"]:
        balance[edge["to"]] += int(edge["amount"])
        balance[edge["from"]] -= int(edge["amount"])
    return {
        n["id"]: balance[n["id"]] for n in graph["nodes"] if n["kind"] == "transaction" and balance[n["id"]]
    }


def rested(graph: dict[str, Any]) -> dict[str, int]:
    """Bucket of `totals` -> what the places of that kind hold."""
    named = {"service": "services", "stop": "stopped"}
    sums: Counter[str] = Counter()
    for node in graph["nodes"]:
        if node["kind"] not in ("seed", "transaction"):
            limit = node["kind"] == "stop" and node["basis"] == "limit"
            sums["pruned" if limit else named.get(node["kind"], node["kind"])] += int(node["traced"])
    return {kind: units for kind, units in sums.items() if units}


def buckets(found: Found) -> dict[str, int]:
    return {name: units for name, units in found.totals.items() if name != "seed"}


@pytest.fixture
def heist(tmp_path: Path) -> Case:
    return Case(tmp_path, HEIST, tags=TAGS, vasps=[vasp("acme", "none")])


def test_every_movement_is_an_edge_from_the_seed_to_where_it_rests(heist: Case) -> None:
    found = heist.trace("theft:0", method="fifo", edges=True)
    (seed,) = [n["id"] for n in found.document["graph"]["nodes"] if n["kind"] == "seed"]
    assert edges(found) == [
        (seed, "theft", "theft:0", 10, 10),
        ("theft", "split", "theft:0", 10, 10),
        ("split", "service|acme|none||2009-01-01||", "split:0", 6, 6),
        ("split", "join", "split:1", 3, 3),
        ("split", "fees", None, 1, 1),
        ("join", "stop|custodial_pool|bazaar", "join:0", 1, 1),
        ("join", "unspent", "join:1", 2, 4),
    ]


def test_nodes_say_what_they_are(heist: Case) -> None:
    graph = heist.trace("theft:0", method="fifo", edges=True).document["graph"]
    nodes = {node["name"]: node for node in graph["nodes"]}
    assert [n["kind"] for n in graph["nodes"]] == [
        "seed", "transaction", "transaction", "transaction", "service", "stop", "unspent", "fees",
    ]  # fmt: skip
    acme, pool = nodes["Acme"], nodes["bazaar"]
    assert (acme["vasp_id"], acme["kyc_level"], acme["category"], acme["traced"]) == (
        "acme",
        "none",
        "exchange",
        "6",
    )
    assert (pool["reason"], pool["basis"], pool["traced"]) == ("custodial_pool", "claim", "1")
    split = graph["nodes"][2]
    assert (split["height"], split["time"], split["fee"], split["traced"]) == (
        2,
        "2020-09-13T12:56:40Z",
        "1",
        "10",
    )


def test_without_being_asked_for_there_are_no_edges(heist: Case) -> None:
    assert set(heist.trace("theft:0", method="fifo").document["graph"]) == {"transactions", "hops"}


def test_backward_edges_go_in_time_from_the_sources_to_the_seed(heist: Case) -> None:
    found = heist.trace("join:1", method="fifo", direction="backward", edges=True)
    (seed,) = [n["id"] for n in found.document["graph"]["nodes"] if n["kind"] == "seed"]
    assert edges(found) == [
        ("minted", "split", "theft:0", 2, 10),
        ("minted", "join", "wages:0", 2, 3),
        ("split", "join", "split:1", 2, 3),
        ("join", seed, "join:1", 4, 4),
    ]


def test_what_spent_a_backward_seed_is_no_part_of_its_past(heist: Case) -> None:
    found = heist.trace("theft:0", "split:0", method="fifo", direction="backward", edges=True)
    passed = [found.name(n["id"]) for n in found.document["graph"]["nodes"] if n["kind"] == "transaction"]
    assert passed == ["split"]
    lots = [(a, point, units) for a, b, point, units, _ in edges(found) if b.startswith("seed")]
    assert sorted(lots) == [("minted", "theft:0", 4), ("split", "split:0", 6)]


def test_two_seeds_are_two_nodes(heist: Case) -> None:
    found = heist.trace("theft:0", "wages:0", method="fifo", edges=True)
    seeds = [n for n in found.document["graph"]["nodes"] if n["kind"] == "seed"]
    assert sorted(int(node["traced"]) for node in seeds) == [3, 10]


def test_what_exits_hides_stands_in_one_place(heist: Case) -> None:
    found = heist.trace("theft:0", method="fifo", edges=True, exits=("kyc:full",))
    services = [n for n in found.document["graph"]["nodes"] if n["kind"] == "service"]
    assert [(n["id"], n["traced"]) for n in services] == [("service|other", "6")]


def test_a_place_has_one_name_under_every_method(heist: Case) -> None:
    both = heist.documents("theft:0", edges=True)["documents"]
    first, second = ({n["id"] for n in doc["graph"]["nodes"]} for doc in both)
    assert first == second


def test_a_movement_that_ends_as_fee_is_still_followed(tmp_path: Path) -> None:
    rows = [Tx("fund", outs=[("ann", 5)]), Tx("waste", ins=["fund:0"], outs=[("bob", 0)])]
    found = Case(tmp_path, rows).trace("fund:0", method="fifo", edges=True)
    assert edges(found)[1:] == [("fund", "waste", "fund:0", 5, 5), ("waste", "fees", None, 5, 5)]


def test_fees_that_go_on_to_miners_are_edges_without_an_outpoint(tmp_path: Path) -> None:
    rows = [Tx("fund", outs=[("ann", 10)]), Tx("pay", ins=["fund:0"], outs=[("bob", 7)])]
    found = Case(tmp_path, rows).trace("fund:0", method="fifo", edges=True, fees="miners")
    assert unbalanced(found.document["graph"]) == {}
    assert rested(found.document["graph"]) == buckets(found)


def test_names_of_strangers_cannot_make_two_places_one(tmp_path: Path) -> None:
    rows = [Tx("fund", outs=[("ann", 10)]), Tx("pay", ins=["fund:0"], outs=[("one", 5), ("two", 5)])]
    tags = [tag("one", "a|none", role="hot"), tag("two", "a", role="hot")]
    case = Case(tmp_path, rows, tags=tags, vasps=[vasp("a|none", "none"), vasp("a", "none")])
    found = case.trace("fund:0", method="fifo", edges=True)
    services = [n for n in found.document["graph"]["nodes"] if n["kind"] == "service"]
    assert sorted(n["vasp_id"] for n in services) == ["a", "a|none"]


ADDRESSES = ("ann", "bob", "cat", "acmehot", "bazaar", "OP_RETURN")


@st.composite
def ledgers(draw: st.DrawFn) -> list[Tx]:
    """Two mints, then payments that spend anything unspent."""
    rows = [
        Tx("mint0", outs=[("ann", draw(st.integers(1, 90)))]),
        Tx("mint1", outs=[("bob", draw(st.integers(1, 90)))]),
    ]
    free = {f"{row.name}:0": row.outs[0] for row in rows}
    for number in range(draw(st.integers(1, 6))):
        ins = (
            draw(st.lists(st.sampled_from(sorted(free)), min_size=1, max_size=3, unique=True)) if free else []
        )
        if not ins:
            break
        left = sum(free.pop(point)[1] for point in ins)
        outs = []
        for _ in range(draw(st.integers(1, 3))):
            value = draw(st.integers(0, left))
            outs.append((draw(st.sampled_from(ADDRESSES)), value))
            left -= value
        row = Tx(f"pay{number}", ins=ins, outs=outs)
        rows.append(row)
        free |= {f"{row.name}:{v}": out for v, out in enumerate(outs) if out[0] != "OP_RETURN"}
    return rows


@settings(
    max_examples=scaled(6, full=12),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
@EITHER_WAY
def test_what_enters_a_transaction_leaves_it_and_the_rest_is_in_the_totals(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, direction: str
) -> None:
    rows = data.draw(ledgers())
    case = Case(tmp_path_factory.mktemp("ledger"), rows, tags=TAGS, vasps=[vasp("acme", "none")])
    seeds = data.draw(st.sampled_from([["mint0:0"], ["mint0:0", "bob"], ["ann"], [f"{rows[-1].name}:0"]]))
    found = case.documents(*seeds, direction=direction, edges=True, hops=data.draw(st.integers(0, 6)))
    for doc in found["documents"]:
        said = Found(doc, case.names)
        assert unbalanced(doc["graph"]) == {}
        assert rested(doc["graph"]) == buckets(said)
        seeded = sum(int(n["traced"]) for n in doc["graph"]["nodes"] if n["kind"] == "seed")
        assert seeded == said.totals.get("seed", 0)
