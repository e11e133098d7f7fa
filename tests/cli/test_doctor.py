"""`tracer doctor` as a process: what it says of workspace, node and balances, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.evm.probe import Traces
from tests.cli.running import tracer
from tests.nodes.anvil import anvil
from tests.nodes.books import Books
from tests.nodes.proxy import Asked, Fault, Refuses, proxy
from tests.nodes.town import Town

CHAIN = "evm-31337"


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """Sixteen blocks that no test changes."""
    with anvil(no_mining=True) as node:
        made = Town(node)
        made.live(14)
        yield made


def blind(asked: Asked) -> Fault | None:
    """A node that does not trace."""
    return Refuses(-32601, "the method is not available") if any(map(asked.has, Traces)) else None


def pruned(asked: Asked) -> Fault | None:
    """A node that knows balances from block 12 on."""
    old = [
        c
        for c in asked.calls
        if c["method"] in ("eth_getBalance", "eth_call") and int(c["params"][-1], 16) < 12
    ]
    return Refuses(-32000, "missing trie node 5f3c (path )") if old else None


def test_of_whole_facts_nothing_is_wrong_and_an_old_state_that_is_missing_is_exit_code_3(
    town: Town, tmp_path: Path
) -> None:
    source = f"evm:{town.node.url}"
    Books(tmp_path).sync(town.node.url)
    ran = tracer(
        tmp_path, "doctor", CHAIN, "--balances", "--sample", "1000", "--json", TRACER_SOURCE_EVM_31337=source
    )
    assert ran.code == 0, ran
    made = ran.document
    assert made["schema"] == "tracer.doctor/1" and made["findings"] == []
    assert made["source"]["chain_id"] == 31337 and made["source"]["lag"] == 0
    assert set(made["source"]["traces"]) == set(map(str, Traces))
    assert made["balances"]["differences"] == [] and made["balances"]["compared"] > 200
    assert made["chains"] == [{"chain": CHAIN, "tip": town.height, "complete": True}]
    with proxy(town.node.url, pruned) as node:
        ran = tracer(tmp_path, "doctor", CHAIN, "--source", f"evm:{node.url}", "--balances")
    assert ran.code == 3, ran
    assert "no difference" in ran.out
    assert "has no state below block 12" in ran.out


def test_missing_internal_transfers_are_exit_code_4_and_the_first_is_shown(
    town: Town, tmp_path: Path
) -> None:
    with proxy(town.node.url, blind) as node:
        Books(tmp_path).sync(node.url)
    ran = tracer(
        tmp_path, "doctor", CHAIN, "--source", f"evm:{town.node.url}", "--balances", "--sample", "1000"
    )
    assert ran.code == 4, ran
    assert "native coin differs from block" in ran.out and "likely untraced block" in ran.out
    assert f"internal transfers of blocks 0 to {town.height} were not read" in ran.out


def test_openings_that_are_missing_show_as_differences_and_as_accounts_below_nothing(
    town: Town, tmp_path: Path
) -> None:
    Books(tmp_path).sync(town.node.url, openings=False)
    ran = tracer(
        tmp_path,
        "doctor",
        CHAIN,
        "--source",
        f"evm:{town.node.url}",
        "--balances",
        "--sample",
        "40",
        "--json",
    )
    assert ran.code == 4, ran
    made = ran.document["balances"]
    (coin,) = made["differences"]
    assert (coin["contract"], coin["height"], coin["cause"]) == (None, 0, "missing opening")
    assert int(coin["difference"]) == int(coin["computed"]) - int(coin["node"]) != 0
    assert {row["address"].lower() for row in made["negative"]} <= set(town.people)
    assert made["negative"] and all(int(row["balance"]) < 0 for row in made["negative"])


def test_a_node_of_another_chain_is_exit_code_3_and_the_workspace_is_looked_at_all_the_same(
    town: Town, tmp_path: Path
) -> None:
    ran = tracer(tmp_path, "doctor", "ethereum", "--source", f"evm:{town.node.url}")
    assert ran.code == 3, ran
    assert (
        "serves chain id 31337, but ethereum is chain id 1" in ran.out and "no chain was read yet" in ran.out
    )


def test_a_question_that_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    tracer(tmp_path, "doctor", CHAIN, "--balances").refused(2, "a node's", "--source")
    tracer(tmp_path, "doctor", CHAIN, "--source", "blocks:/x").refused(2, "only nodes are examined")
