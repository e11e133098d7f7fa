"""Peel chains, as named tables: what is one chain, where it ends, what was peeled off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import OracleOut, OracleTx
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.drawn import Question, questions
from tests.scenarios.ledger import ScenarioSource, Tx, oracle_ledger, shown
from tracer.flow.fates import Fate
from tracer.flow.methods import method
from tracer.flow.movements import Limits
from tracer.flow.peels import LINKS, find

BOTH = pytest.mark.parametrize("name", ["fifo", "haircut"])


def peeled(links: int, *, coin: int = 1_000, start: str = "fund:0", name: str = "peel") -> list[Tx]:
    """A coin peeled `links` times, ten units each: `peel0` spends `start`, peels stand at output 0."""
    rows, point = [], start
    for i in range(links):
        coin -= 10
        rows.append(Tx(f"{name}{i}", ins=[point], outs=[(f"{name}payee{i}", 10), (f"{name}er{i}", coin)]))
        point = f"{name}{i}:1"
    return rows


FUND = Tx("fund", outs=[("ann", 1_000)])


@dataclass(frozen=True)
class Seen:
    """A chain by names: its transactions, its peels, what is left."""

    links: list[str]
    peels: list[str]
    left: str


def chains(
    rows: Sequence[Tx],
    name: str,
    *,
    hops: int = 1_000,
    least: int = LINKS,
    ends: dict[str, str] | None = None,
    miner: Sequence[int] = (),
    seeds: Sequence[tuple[str, int]] = (("fund", 0),),
) -> list[Seen]:
    ledger = oracle_ledger(rows)
    if miner:
        paid = tuple(row.name for row in rows if row.ins)
        outs = tuple(OracleOut(units, b"m%d" % i, f"miner{i}") for i, units in enumerate(miner))
        ledger.append(OracleTx("block", (), outs, collects=paid))
    source = ScenarioSource(ledger, ends, fees="miners" if miner else "sink")
    columns = source.movements()
    taint = method(name)(columns, source.seeding(seeds, [], "lot"), Limits(hops, 0))
    points = [f"{tx}:{vout}" for tx, vout in source.points]
    return [
        Seen(
            [source.ledger[t].name for t in chain.links],
            [points[o] for o in chain.peels],
            points[chain.rests[-1]],
        )
        for chain in find(columns, taint, least)
    ]


@BOTH
def test_a_coin_peeled_fifty_times_is_one_chain(name: str) -> None:
    (chain,) = chains([FUND, *peeled(50)], name)
    assert chain.links == [f"peel{i}" for i in range(50)]
    assert chain.peels == [f"peel{i}:0" for i in range(50)]
    assert chain.left == "peel49:1"


@BOTH
@pytest.mark.parametrize(("links", "shown"), [(2, 0), (LINKS - 1, 0), (LINKS, 1)])
def test_a_few_payments_are_no_chain(name: str, links: int, shown: int) -> None:
    assert len(chains([FUND, *peeled(links)], name)) == shown


@BOTH
def test_where_both_outputs_are_peeled_on_the_larger_is_the_coin(name: str) -> None:
    """peel3 pays 400 of 960 to somebody who pays on in the same manner: a chain of its own."""
    rows = [
        FUND,
        *peeled(3),
        Tx("fork", ins=["peel2:1"], outs=[("friend", 400), ("ann", 570)]),
        *peeled(6, coin=570, start="fork:1", name="big"),
        *peeled(5, coin=400, start="fork:0", name="small"),
    ]
    whole, branch = chains(rows, name)
    assert whole.links == ["peel0", "peel1", "peel2", "fork", *(f"big{i}" for i in range(6))]
    assert whole.peels[3] == "fork:0"
    assert branch.links == [f"small{i}" for i in range(5)]
    assert branch.left == "small4:1"


@BOTH
def test_where_two_equal_outputs_are_peeled_on_neither_is_the_coin(name: str) -> None:
    rows = [
        FUND,
        *peeled(4),
        Tx("fork", ins=["peel3:1"], outs=[("friend", 480), ("ann", 480)]),
        *peeled(5, coin=480, start="fork:0", name="one"),
        *peeled(5, coin=480, start="fork:1", name="two"),
    ]
    assert [chain.links[-1] for chain in chains(rows, name)] == ["fork", "one4", "two4"]


@BOTH
def test_a_chain_goes_on_at_the_smaller_output_where_that_alone_is_peeled_on(name: str) -> None:
    """The first payment is the larger part, and stays where it is."""
    rows = [
        FUND,
        Tx("first", ins=["fund:0"], outs=[("shop", 800), ("ann", 200)]),
        *peeled(5, coin=200, start="first:1"),
    ]
    (chain,) = chains(rows, name)
    assert chain.links[0] == "first"
    assert chain.peels[0] == "first:0"


@BOTH
def test_a_consolidation_in_the_middle_breaks_a_chain(name: str) -> None:
    rows = [
        FUND,
        Tx("other", outs=[("ann", 10)]),
        *peeled(6),
        Tx("join", ins=["peel5:1", "other:0"], outs=[("shop", 10), ("ann", 940)]),
        *peeled(5, coin=940, start="join:1", name="again"),
    ]
    assert [(c.links[0], c.links[-1]) for c in chains(rows, name)] == [
        ("peel0", "peel5"),
        ("again0", "again4"),
    ]


@BOTH
def test_a_chain_ends_at_a_service_with_what_was_left_there(name: str) -> None:
    """The exchange pays on in the same manner: nobody follows it there."""
    rows = [
        FUND,
        *peeled(5),
        Tx("cash", ins=["peel4:1"], outs=[("tip", 50), ("exchange", 900)]),
        *peeled(5, coin=900, start="cash:1", name="payout"),
    ]
    (chain,) = chains(rows, name, ends={"exchange": "service"})
    assert chain.links[-1] == "cash"
    assert (chain.peels[-1], chain.left) == ("cash:0", "cash:1")


@BOTH
def test_a_note_is_no_payment(name: str) -> None:
    rows = [FUND, *peeled(5)]
    noted = [Tx(r.name, r.ins, [*r.outs, ("OP_RETURN", 0)]) if r.ins else r for r in rows]
    (chain,) = chains(noted, name)
    assert chain.links == [f"peel{i}" for i in range(5)]


@BOTH
def test_a_fee_that_goes_on_to_a_miner_is_no_payment(name: str) -> None:
    rows = [replace(FUND, outs=[("ann", 1_010)]), *peeled(5)]
    (chain,) = chains(rows, name, miner=[1])
    assert chain.links == [f"peel{i}" for i in range(5)]


@BOTH
def test_what_the_trace_did_not_follow_is_no_link(name: str) -> None:
    (chain,) = chains([FUND, *peeled(50)], name, hops=7)
    assert chain.links == [f"peel{i}" for i in range(7)]


@BOTH
def test_what_was_cut_and_seeded_again_is_two_chains(name: str) -> None:
    found = chains([FUND, *peeled(9)], name, hops=3, least=3, seeds=[("fund", 0), ("peel3", 1)])
    assert [chain.links for chain in found] == [["peel0", "peel1", "peel2"], ["peel4", "peel5", "peel6"]]


@BOTH
def test_a_coinbase_that_takes_one_fee_is_no_link(name: str) -> None:
    rows = [FUND, Tx("pay", ins=["fund:0"], outs=[("bob", 100), ("ann", 800)])]
    assert [chain.links for chain in chains(rows, name, least=1, miner=[40, 60])] == [["pay"]]


def test_a_payment_to_three_is_no_link() -> None:
    rows = [FUND, *peeled(4), Tx("three", ins=["peel3:1"], outs=[("a", 10), ("b", 10), ("c", 940)])]
    assert chains(rows, "fifo") == []


@settings(max_examples=200, deadline=None)
@given(question=questions(), least=st.integers(1, 3))
def test_chains_are_disjoint_whole_and_of_the_shape(question: Question, least: int) -> None:
    """Whatever the ledger: each link spends the rest of the one before alone, and no chain could be longer."""
    columns, seeding, limits = question.columns()
    taint = method("haircut")(columns, seeding, limits)
    fees = [] if columns.fee_lot is None else columns.fee_lot.tolist()
    found = find(columns, taint, least)
    links = [t for chain in found for t in chain.links.tolist()]
    assert len(links) == len(set(links))
    assert [chain.links[0] for chain in found] == sorted(chain.links[0] for chain in found)
    for chain in found:
        assert len(chain.links) == len(chain.peels) == len(chain.rests) >= least
        spent = columns.in_ref[columns.in_start[chain.links]]
        assert np.array_equal(spent[1:], chain.rests[:-1])
        assert np.all(np.diff(columns.in_start)[chain.links] == 1)
        for t, peel, rest in zip(chain.links, chain.peels, chain.rests, strict=True):
            outputs = range(*columns.out_start[t : t + 2])
            paid = [o for o in outputs if columns.out_fate[o] != Fate.BURNED and o not in fees]
            assert sorted((peel, rest)) == paid
            assert taint.amount[columns.in_ref[columns.in_start[t]]] > 0
    assert {int(chain.links[0]) for chain in found} >= {
        int(chain.links[0]) for chain in find(columns, taint, least + 1)
    }


TAGS = [tag("exchange", "acme", role="hot")]


@BOTH
def test_a_document_shows_a_chain_with_its_peels(tmp_path: Path, name: str) -> None:
    """`peel2` pays its peel to the exchange; payee 1 spends on."""
    rows = [
        FUND,
        *peeled(2),
        Tx("pay", ins=["peel1:1"], outs=[("exchange", 10), ("ann", 970)]),
        *peeled(3, coin=970, start="pay:1", name="on"),
        Tx("spend", ins=["peel1:0"], outs=[("bob", 9)]),
    ]
    found = Case(tmp_path, rows, tags=TAGS, vasps=[vasp("acme", "full")]).trace("fund:0", method=name)
    (chain,) = found.document["peel_chains"]
    assert (found.names[chain["first_txid"]], found.names[chain["last_txid"]]) == ("peel0", "on2")
    assert (chain["links"], chain["entered"]["base_units"], chain["left"]["base_units"]) == (6, "1000", "940")
    assert chain["left_in"]["fate"] == "unspent"
    fates = {found.names[p["txid"]]: (p["address"], p["fate"]) for p in chain["peels"]}
    assert fates["pay"] == ("exchange", "service")
    assert fates["peel0"] == ("peelpayee0", "unspent")
    # under FIFO the first units go to the first output, so that all peels carry traced money under both
    assert fates["peel1"] == ("peelpayee1", "followed")
    assert chain["first_time"] < chain["last_time"]
    assert chain["peels"][0]["txid"] == shown("peel0")


def test_a_document_shows_the_largest_coin_first(tmp_path: Path) -> None:
    rows = [
        FUND,
        Tx("split", ins=["fund:0"], outs=[("a", 100), ("b", 300), ("c", 600)]),
        *(
            tx
            for i, coin in enumerate((100, 300))
            for tx in peeled(5, coin=coin, start=f"split:{i}", name=f"n{i}")
        ),
    ]
    found = Case(tmp_path, rows).trace("fund:0", method="fifo")
    assert [found.names[chain["first_txid"]] for chain in found.document["peel_chains"]] == ["n10", "n00"]
