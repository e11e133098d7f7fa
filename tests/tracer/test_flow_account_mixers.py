"""Mixer pools of account chains: they end a trace, and what lies behind is leads, each with the set it leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rules import clustering
from rules.pools import own, read
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import CHAIN, Block, Event, Move, Row, Tx, payload_of, shown
from tracer.errors import BadRule
from tracer.flow.accounts.mixers import DEPOSIT, WITHDRAWAL
from tracer.flow.bridges.rules import Bridges
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.ledger.store import Ledger

DENOMINATION = {"pool": 10, "small": 1}
MIXERS = [tag(pool, "mixer", category="mixing_service") for pool in DENOMINATION]
BORN = Block(rewards=[("ann", 100), ("bob", 100), ("pool", 500), ("small", 50), ("friend", 50)])


def put(name: str, who: str, pool: str = "pool", **more: Any) -> Tx:
    """One denomination into a pool."""
    return Tx(
        name, who, to=pool, value=DENOMINATION[pool], events=[Event(pool, bytes.fromhex(DEPOSIT))], **more
    )


def take(name: str, to: str, pool: str = "pool", *, by: str = "", **more: Any) -> Tx:
    """One denomination out of it; `by`: a relayer sends it and keeps nothing."""
    data = payload_of(to).rjust(32, b"\0") + bytes(64)
    relayer = (payload_of(by) if by else bytes(20)).rjust(32, b"\0")
    told = Event(pool, bytes.fromhex(WITHDRAWAL), relayer, data)
    return Tx(name, by or to, to=pool, moves=[Move(pool, to, DENOMINATION[pool])], events=[told], **more)


def pay(name: str, who: str, to: str) -> Tx:
    """One coin."""
    return Tx(name, who, to=to, value=1)


STEAL = Tx("steal", "friend", to="thief", value=40)

HABITS: dict[str, tuple[list[Row], list[tuple[list[str], str, str, int]]]] = {
    "who deposits is paid": (
        [put("a", "ann"), put("in", "thief"), take("out", "thief", by="relay")],
        [(["address_match"], "in", "out", 2)],
    ),
    "a price of gas that nobody else chose": (
        [put("a", "ann", price=5), put("in", "thief", price=7), take("out", "fresh", price=7)],
        [(["unique_gas_price"], "in", "out", 2)],
    ),
    "a price that two chose is nobody's": (
        [put("a", "ann", price=7), put("in", "thief", price=7), take("out", "fresh", price=7)], [],
    ),
    "a relayer's price is his own": (
        [put("in", "thief", price=7), take("out", "fresh", by="relay", price=7)], [],
    ),
    "accounts that pay each other three times": (
        [pay("1", "thief", "pal"), pay("2", "pal", "thief"), put("in", "thief"), take("out", "pal", by="relay"),
         pay("3", "thief", "pal")],
        [(["linked_address"], "in", "out", 1)],
    ),
    "twice is not enough": (
        [pay("1", "thief", "pal"), pay("2", "pal", "thief"), put("in", "thief"), take("out", "pal", by="relay")], [],
    ),
    "the same numbers in two pools within a day": (
        [put("in", "thief"), put("in2", "thief"), put("in3", "thief", "small"),
         take("out", "fresh", by="relay"), take("out2", "fresh", by="relay"),
         take("out3", "fresh", "small", by="relay")],
        [(["multi_denomination"], deposit, withdrawal, units)
         for withdrawal, units in (("out", 2), ("out2", 2)) for deposit in ("in", "in2")]
        + [(["multi_denomination"], "in3", "out3", 1)],
    ),
    "other numbers in two pools": (
        [put("in", "thief"), put("in2", "thief"), put("in3", "thief", "small"),
         take("out", "fresh", by="relay"), take("out3", "fresh", "small", by="relay")], [],
    ),
    "what others gave away makes the set smaller": (
        [put("a", "ann"), put("b", "bob"), take("a out", "ann", by="relay"), put("in", "thief"),
         take("out", "thief", by="relay")],
        [(["address_match"], "in", "out", 2)],
    ),
    "what was taken before it was put in is no answer": (
        [put("a", "ann"), take("out", "thief", by="relay"), put("in", "thief")], [],
    ),
    "a stranger's withdrawal says nothing": (
        [put("in", "thief"), take("out", "ann", by="relay")], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HABITS)
def test_habits_of_a_pools_users_are_leads_and_nothing_else(tmp_path: Path, name: str) -> None:
    rows, expected = HABITS[name]
    case = AccountCase(tmp_path, [BORN, STEAL, *rows], tags=MIXERS)
    plain, asked = case.trace("steal:0"), case.trace("steal:0", through=("mixer",))
    leads = asked.document["leads"]
    found = [
        (row["habits"], case.names[row["deposit"]], case.names[row["withdrawal"]], row["anonymity_set"])
        for row in leads
    ]
    assert found == expected
    assert {row["at_most"]["base_units"] for row in leads} <= {"10", "1"}
    assert plain.document["leads"] == []
    for key in ("totals", "endpoints", "stops", "unspent"):  # no flow changes
        assert plain.document[key] == asked.document[key]


def test_a_deposit_ends_there_and_says_how_many_use_the_pool(tmp_path: Path) -> None:
    rows: Sequence[Row] = [BORN, STEAL, put("a", "ann"), put("in", "thief"), take("out", "bob", by="relay")]
    found = AccountCase(tmp_path, rows, tags=MIXERS).trace("steal:0", method="lifo")
    assert found.stops == [("mixer", "pool", "in", "ETH", 10)]
    (stop,) = found.document["stops"]
    assert stop["basis"] == "claim"
    assert stop["evidence"] == {"kind": "pool", "denominations": ["10"], "deposits": 2, "withdrawals": 1}


def test_a_listed_pool_needs_no_claim(tmp_path: Path) -> None:
    case = AccountCase(tmp_path, [BORN, STEAL, put("in", "thief")])
    bridges = Bridges((), {}, {CHAIN.name: {payload_of("pool"): 10}})
    asked = Question((f"{shown('steal')}:0",), methods=("lifo",))
    with Ledger.open(case.workspace, CHAIN) as ledger:
        document = trace(ledger, case.snapshot, asked, rules=clustering(), engine="test", bridges=bridges)
    (stop,) = document["stops"]
    assert (stop["reason"], stop["basis"], stop["evidence"]["denominations"]) == ("mixer", "list", ["10"])


def test_the_list_of_the_program_names_the_four_pools_of_ethereum() -> None:
    assert sorted(own()["ethereum"].values()) == [10**17, 10**18, 10**19, 10**20]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[", "is no YAML"),
        ("pools: {ethereum: {'0x12': '1'}}\nsource: x", "holds '0x12', which is no contract"),
        (
            "pools: {ethereum: {'0x12D66f87A04A9E220743712cE6d9bB1B5616B8Fc': '0'}}\nsource: x",
            "which is no denomination",
        ),
        ("pools: {ethereum: {}}", "does not say where its addresses are from"),
        ("pools: [1]\nsource: x", "is no table of chains"),
        ("other: 1", "has other keys"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(BadRule, match=problem):
        read(text, "mine.yml")
