"""Money that goes into a shielded pool and comes out of one, by each method, through the store, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rules import clustering
from tests.scenarios.case import CHAIN, Case, Found, tag, vasp
from tests.scenarios.ledger import Tx
from tracer.clustering.mixing import find_mixes
from tracer.errors import UsageError
from tracer.flow.methods import METHODS
from tracer.ledger.store import Ledger

SHOP = [tag("shop", "acme")]
ACME = [vasp("acme", "none")]

# 6 of eve's and 4 out of a pool become 5 into a pool, 4 for the shop and a fee of 1
THROUGH = [
    Tx("dirty", outs=[("eve", 6)]),
    Tx("pay", ins=["dirty:0", "SHIELDED:4"], outs=[("shop", 4), ("SHIELDED", 5)]),
]
FORWARD = {
    "fifo": (4, 2, 0),  # DDDD DDPPP P
    "lifo": (0, 5, 1),  # PPPP DDDDD D
    "tiho": (1, 5, 0),  # the larger output first
    "haircut": (2, 3, 1),  # 6/10 of 4, 5, 1: 2.4, 3.0, 0.6
    "poison": (4, 5, 1),
}
"""Method -> of the 6 units, how many come to the shop, into the pool, and to miners."""
BACK = {
    "fifo": (4, 0),
    "lifo": (0, 4),
    "tiho": (4, 0),
    "haircut": (2, 2),  # 6/10 of 4 and 4/10 of 4: 2.4 and 1.6
    "poison": (6, 4),
}
"""Method -> of what the shop got, how much was minted, and how much came out of the pool."""


def some(**buckets: int) -> dict[str, int]:
    return {name: units for name, units in buckets.items() if units}


def by_method(case: Case, *seeds: str, **question: Any) -> dict[str, Found]:
    return case.traces(*seeds, methods=METHODS, **question)


def test_what_goes_into_a_pool_ends_there_and_what_stays_outside_goes_on(tmp_path: Path) -> None:
    case = Case(tmp_path, THROUGH, tags=SHOP, vasps=ACME)
    for method, found in by_method(case, "dirty:0").items():
        shop, pool, fee = FORWARD[method]
        assert found.totals == some(seed=6, services=shop, stopped=pool, fees=fee), method
        assert found.stops == ([("mixer", "", "pay", pool)] if pool else []), method
        for stop in found.document["stops"]:
            assert (stop["basis"], stop["entity"]) == ("shielded_pool", None)
            assert stop["evidence"] == {"kind": "shielded_pool"}


def test_what_comes_out_of_a_pool_has_no_earlier_source(tmp_path: Path) -> None:
    case = Case(tmp_path, THROUGH)
    for method, found in by_method(case, "pay:0", direction="backward").items():
        minted, pool = BACK[method]
        assert found.totals == some(seed=4, minted=minted, stopped=pool), method
        assert found.stops == ([("mixer", "", "pay", pool)] if pool else []), method
        assert [stop["basis"] for stop in found.document["stops"]] == ["shielded_pool"] * bool(pool)


def test_nothing_is_followed_through_a_pool_even_as_a_lead(tmp_path: Path) -> None:
    """The same amount comes out a block later: nobody can tell whether it is the same money."""
    rows = [
        Tx("dirty", outs=[("eve", 6)]),
        Tx("hide", ins=["dirty:0"], outs=[("SHIELDED", 6)]),
        Tx("show", ins=["SHIELDED:6"], outs=[("shop", 6)]),
    ]
    case = Case(tmp_path, rows, tags=SHOP, vasps=ACME)
    for found in by_method(case, "dirty:0", through=("mixer",)).values():
        assert found.totals == {"seed": 6, "stopped": 6}
        assert found.document["leads"] == []
        assert found.endpoints == {}
    for found in by_method(case, "show:0", direction="backward").values():
        assert found.totals == {"seed": 4 + 2, "stopped": 6}


def test_inside_pools_fees_are_facts_and_nobodys_money(tmp_path: Path) -> None:
    """A payment between shielded addresses shows its fee alone; with --fees miners it is a clean part of the reward."""
    rows = [
        Tx("dirty", outs=[("eve", 6)]),
        Tx("spend", ins=["dirty:0"], outs=[("ann", 5)]),
        Tx("inside", ins=["SHIELDED:3"], outs=[]),
        Tx("block", outs=[("miner", 4)], collects=["spend", "inside"]),
    ]
    case = Case(tmp_path, rows)
    found = case.trace("dirty:0", method="fifo", fees="miners")
    assert found.totals == {"seed": 6, "unspent": 6}
    assert found.unspent == {"spend:0": 5, "block:0": 1}


def test_a_seed_may_lie_in_a_pool(tmp_path: Path) -> None:
    case = Case(tmp_path, THROUGH)
    for found in by_method(case, "pay:1").values():
        assert found.totals == {"seed": 5, "stopped": 5}
        assert found.stops == [("mixer", "", "pay", 5)]


def test_the_graph_names_the_pool_and_no_outpoint_that_is_none(tmp_path: Path) -> None:
    case = Case(tmp_path, THROUGH)
    there = case.trace("dirty:0", method="haircut", edges=True).document["graph"]
    back = case.trace("pay:0", method="haircut", direction="backward", edges=True).document["graph"]
    for graph, units in ((there, "3"), (back, "2")):
        (stop,) = [node for node in graph["nodes"] if node["kind"] == "stop"]
        assert (stop["name"], stop["reason"], stop["traced"]) == ("shielded_pool", "mixer", units)
    (out,) = [edge for edge in back["edges"] if edge["from"].startswith("stop")]
    assert (out["outpoint"], out["address"], out["amount_onchain"]) == (None, None, "4")


def test_with_a_pool_in_it_no_transaction_is_said_to_be_a_mix(tmp_path: Path) -> None:
    """Three equal outputs of three payers are a CoinJoin's; with a pool's money they may be, and are kept apart."""
    people, coin = ("ann", "bob", "cid"), 100_000
    funds = [Tx(f"fund_{p}", outs=[(p, coin + 5_000)]) for p in people]
    ins = [f"fund_{p}:0" for p in people]
    outs = [
        *((f"new_{p}", coin) for p in people),
        *((f"rest_{p}", 4_000 + n) for n, p in enumerate(people[:2])),
    ]
    plain = Tx("plain", ins=ins, outs=outs)
    shielded = Tx("hides", ins=ins, outs=[*outs, ("SHIELDED", 500)])
    paid = Tx("shows", ins=[*ins, f"SHIELDED:{coin}"], outs=[*outs, ("new_dee", coin)])
    kinds = []
    for number, tx in enumerate((plain, shielded, paid)):
        case = Case(tmp_path / str(number), [*funds, tx])
        with Ledger.open(case.workspace, CHAIN) as ledger:
            kinds.append(find_mixes(ledger, clustering().detectors, first=0)["kind"].to_list())
    assert kinds == [["joinmarket"], ["mix_possible"], ["mix_possible"]]


def test_a_payment_inside_pools_is_no_seed_and_was_seen_all_the_same(tmp_path: Path) -> None:
    rows = [Tx("inside", ins=["SHIELDED:3"], outs=[]), Tx("late", outs=[("eve", 1)])]
    case = Case(tmp_path, rows)
    for seed in ("inside", "inside:*", "inside:0", "inside@eve"):
        with pytest.raises(UsageError, match="has no output: what it moved stayed inside shielded pools"):
            case.documents(seed)
