"""Worked examples by hand, through the real store: loader, clusters, claims, closure, kernels, document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import GENESIS_TIME, Tx
from tracer.errors import AmbiguousSeed, UsageError

BOTH = pytest.mark.parametrize("method", ["fifo", "haircut"])
DAY = 86_400


# two inputs, 6 seeded and 4 clean, over two outputs and a fee of 1
MERGE = [
    Tx("theft", outs=[("thief", 6)]),
    Tx("wages", outs=[("boss", 4)]),
    Tx("mix_up", ins=["wages:0", "theft:0"], outs=[("ann", 5), ("bob", 4)]),
]


def test_fifo_fills_outputs_in_order_and_the_rest_is_fee(tmp_path: Path) -> None:
    """wages 4 clean, theft 6 dirty: ann takes cccc d, bob dddd, the fee d."""
    found = Case(tmp_path, MERGE).trace("theft:0", method="fifo")
    assert found.unspent == {"mix_up:0": 1, "mix_up:1": 4}
    assert found.totals == {"seed": 6, "unspent": 5, "fees": 1}


def test_haircut_gives_every_output_and_the_fee_its_share(tmp_path: Path) -> None:
    """6 of 10 are dirty: ann 3.0, bob 2.4, fee 0.6 -> 3, 2, and the unit left goes to the fee's remainder .6."""
    found = Case(tmp_path, MERGE).trace("theft:0", method="haircut")
    assert found.unspent == {"mix_up:0": 3, "mix_up:1": 2}
    assert found.totals == {"seed": 6, "unspent": 5, "fees": 1}


def test_equal_remainders_go_to_the_lower_script(tmp_path: Path) -> None:
    """1 of 2 dirty over two outputs of 1: half each; the unit goes to ann, whose script sorts before zoe's."""
    rows = [
        Tx("theft", outs=[("thief", 1)]),
        Tx("wages", outs=[("boss", 1)]),
        Tx("pay", ins=["theft:0", "wages:0"], outs=[("zoe", 1), ("ann", 1)]),
    ]
    assert Case(tmp_path, rows).trace("theft:0", method="haircut").unspent == {"pay:1": 1}


@BOTH
def test_a_whole_coin_passes_through_whole_whatever_the_method(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("pay", ins=["fund:0"], outs=[("bob", 7), ("ann", 2)]),
    ]
    found = Case(tmp_path, rows).trace("fund:0", method=method)
    assert found.unspent == {"pay:0": 7, "pay:1": 2}
    assert found.totals == {"seed": 10, "unspent": 9, "fees": 1}


@BOTH
def test_fees_do_not_taint_the_miner(tmp_path: Path, method: str) -> None:
    """A later coinbase collects the fee; taint ends in the fee sink."""
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("pay", ins=["fund:0"], outs=[("bob", 7)]),
        Tx("block", outs=[("miner", 53)]),
    ]
    found = Case(tmp_path, rows).trace("fund:0", method=method)
    assert found.totals == {"seed": 10, "unspent": 7, "fees": 3}


@BOTH
def test_op_return_is_burnt(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("note", ins=["fund:0"], outs=[("OP_RETURN", 3), ("ann", 7)]),
    ]
    assert Case(tmp_path, rows).trace("fund:0", method=method).totals == {
        "seed": 10,
        "unspent": 7,
        "burned": 3,
    }


@BOTH
def test_a_service_reached_is_an_endpoint_with_its_leg(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("pay", ins=["fund:0"], outs=[("shop", 6), ("ann", 4)]),
        Tx("out", ins=["pay:0"], outs=[("bob", 6)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("shop", "acme", role="deposit")], vasps=[vasp("acme", "none")])
    found = case.trace("fund:0", method=method)
    assert found.totals == {"seed": 10, "services": 6, "unspent": 4}
    assert found.legs == [("deposit", "shop", "pay:0", 6, 6)]
    assert found.paths() == [["fund", "pay"]]
    row = found.document["endpoints"][0]
    assert (row["vasp_id"], row["kyc_level"], row["share"], row["min_hops"]) == ("acme", "none", "0.6000", 1)


SWEEP = [
    Tx("fund", outs=[("ann", 10)]),
    Tx("pay", ins=["fund:0"], outs=[("d1", 6), ("ann", 4)]),
    Tx("other", outs=[("d2", 5)]),
    Tx("sweep", ins=["pay:0", "other:0"], outs=[("hot", 11)]),
    Tx("cash", ins=["sweep:0"], outs=[("bob", 8), ("hot", 3)]),
]
HOT = [tag("hot", "acme", role="hot")]
ACME = [vasp("acme", "none")]


@BOTH
def test_a_deposit_swept_to_the_hot_wallet_ends_at_the_deposit_address(tmp_path: Path, method: str) -> None:
    found = Case(tmp_path, SWEEP, tags=HOT, vasps=ACME).trace("fund:0", method=method)
    assert found.legs == [("deposit", "d1", "pay:0", 6, 6)]
    leg = found.document["endpoints"][0]["legs"][0]
    assert leg["role_basis"].startswith("swept to hot wallet hot by ")
    assert found.name(leg["role_basis"].rpartition(" ")[2]) == "sweep"
    assert [h["id"] for h in found.document["heuristics"]] == ["deposit_sweep"]


@BOTH
def test_an_address_that_also_pays_others_is_no_deposit_address(tmp_path: Path, method: str) -> None:
    """d1 once paid bob: it is somebody's wallet, and the leg is the payment to the hot wallet."""
    rows = [*SWEEP, Tx("again", outs=[("d1", 2)]), Tx("spend", ins=["again:0"], outs=[("bob", 2)])]
    found = Case(tmp_path, rows, tags=HOT, vasps=ACME).trace("fund:0", method=method)
    assert [(role, address, point) for role, address, point, _, _ in found.legs] == [
        ("hot", "hot", "sweep:0")
    ]


@BOTH
def test_a_payment_with_change_is_no_sweep(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("pay", ins=["fund:0"], outs=[("bob", 10)]),
        Tx("buy", ins=["pay:0"], outs=[("hot", 6), ("bob2", 4)]),
    ]
    found = Case(tmp_path, rows, tags=HOT, vasps=ACME).trace("fund:0", method=method)
    assert found.legs == [("hot", "hot", "buy:0", 6, 6)]


@BOTH
def test_paying_a_whole_coin_to_a_deposit_address_makes_the_payer_none(tmp_path: Path, method: str) -> None:
    """d1 and d2 are one claimed cluster; bob pays d2 without change. bob's address is not the service's."""
    rows = [
        Tx("u1", outs=[("d1", 5)]),
        Tx("u2", outs=[("d2", 5)]),
        Tx("sweep", ins=["u1:0", "u2:0"], outs=[("hot", 10)]),
        Tx("fund", outs=[("ann", 9)]),
        Tx("pay", ins=["fund:0"], outs=[("bob", 9)]),
        Tx("deposit", ins=["pay:0"], outs=[("d2", 9)]),
        Tx("sweep2", ins=["deposit:0"], outs=[("hot", 9)]),
    ]
    tags = [tag("hot", "acme", role="hot"), tag("d1", "acme", role="deposit", definer=True)]
    found = Case(tmp_path, rows, tags=tags, vasps=[vasp("acme", "none")]).trace("fund:0", method=method)
    assert found.legs == [("deposit", "d2", "deposit:0", 9, 9)]
    assert found.document["endpoints"][0]["legs"][0]["role_basis"] == "in the service's co-spend cluster"
    assert found.paths() == [["fund", "pay", "deposit"]]


@BOTH
def test_nothing_crosses_a_pool(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("order", ins=["fund:0"], outs=[("pool", 10)]),
        Tx("payout", ins=["order:0"], outs=[("vendor", 10)]),
        Tx("cash", ins=["payout:0"], outs=[("hot", 10)]),
    ]
    tags = [*HOT, tag("pool", "bazaar", category="market", role="pool")]
    found = Case(tmp_path, rows, tags=tags, vasps=ACME).trace("fund:0", method=method)
    assert found.totals == {"seed": 10, "stopped": 10}
    assert found.stops == [("custodial_pool", "pool", "order", 10)]


@BOTH
def test_per_order_escrow_is_no_pool(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10)]),
        Tx("order", ins=["fund:0"], outs=[("escrow", 10)]),
        Tx("release", ins=["order:0"], outs=[("vendor", 9), ("fee", 1)]),
    ]
    tags = [tag("escrow", "bazaar", category="market", role="escrow")]
    found = Case(tmp_path, rows, tags=tags).trace("fund:0", method=method)
    assert found.unspent == {"release:0": 9, "release:1": 1}


@BOTH
def test_what_enters_a_mixing_transaction_stops_at_its_door(tmp_path: Path, method: str) -> None:
    """A whirlpool-shaped mix: five in, five out, all of 0.001 BTC."""
    d = 100_000
    people = ["ann", "bob", "cid", "dee", "eve"]
    funds = [Tx(f"fund_{p}", outs=[(p, d + (5_000 if p in ("ann", "bob") else 0))]) for p in people]
    mix = Tx("mix", ins=[f"fund_{p}:0" for p in people], outs=[(f"new_{p}", d) for p in people])
    found = Case(tmp_path, [*funds, mix]).trace("fund_ann:0", method=method)
    assert found.totals == {"seed": d + 5_000, "stopped": d + 5_000}
    assert found.stops == [("mixer", "ann", "mix", d + 5_000)]


# a set of two addresses: 10 arrive, 7 move inside, 5 leave and 2 come back as change
INSIDE = [
    Tx("fund", outs=[("a1", 10)]),
    Tx("move", ins=["fund:0"], outs=[("a2", 7), ("a1", 3)]),
    Tx("pay", ins=["move:0"], outs=[("bob", 5), ("a2", 2)]),
]


@BOTH
def test_moves_inside_a_set_count_nothing_twice(tmp_path: Path, method: str) -> None:
    found = Case(tmp_path, INSIDE).trace("a1", "a2", method=method)
    summary = {k: v and int(v["base_units"]) for k, v in found.document["seed_summary"].items()}
    assert summary == {"gross_received": 22, "internal": 12, "external_received": 10, "left": None}
    assert found.totals == {"seed": 10, "unspent": 10}
    assert found.unspent == {"pay:0": 5, "move:1": 3, "pay:1": 2}


@BOTH
def test_mixed_inputs_count_net(tmp_path: Path, method: str) -> None:
    """The set puts in 4 and gets 9 of a joint payment: 5 arrived from outside."""
    rows = [
        Tx("own", outs=[("a1", 4)]),
        Tx("friend", outs=[("fay", 8)]),
        Tx("joint", ins=["own:0", "friend:0"], outs=[("a1", 9), ("shop", 3)]),
    ]
    found = Case(tmp_path, rows).trace("a1", method=method)
    assert found.totals["seed"] == 4 + 5
    assert found.document["seed_summary"]["external_received"]["base_units"] == "9"


@BOTH
def test_money_that_returns_to_the_set_is_not_seeded_again(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("fund", outs=[("a1", 10)]),
        Tx("lend", ins=["fund:0"], outs=[("bob", 10)]),
        Tx("back", ins=["lend:0"], outs=[("a1", 10)]),
    ]
    assert Case(tmp_path, rows).trace("a1", method=method).totals == {"seed": 10, "unspent": 10}


MARKET = [
    Tx("in1", outs=[("pool1", 50)], day=0),
    Tx("in2", outs=[("pool2", 50)], day=1),
    Tx("batch1", ins=["in1:0"], outs=[("v1", 20), ("v2", 10), ("pool1", 19)], day=2),
    Tx("merge", ins=["in2:0", "batch1:2"], outs=[("pool1", 69)], day=3),
    Tx("batch2", ins=["merge:0"], outs=[("v1", 30), ("pool2", 38)], day=4),
    Tx("cash", ins=["batch1:0"], outs=[("hot", 20)], day=5),
]
BAZAAR = [tag("pool1", "bazaar", category="market", role="pool", label="Bazaar"), *HOT]


@BOTH
def test_an_entity_seeds_what_leaves_it(tmp_path: Path, method: str) -> None:
    """pool2 is found by co-spend. 30 and 30 left; moves inside the pool are not outflow."""
    found = Case(tmp_path, MARKET, tags=BAZAAR, vasps=ACME).trace("tag:Bazaar", method=method)
    assert found.document["unit"] == "entity"
    assert found.document["seed_summary"]["left"]["base_units"] == "60"
    assert found.totals == {"seed": 60, "services": 20, "unspent": 40}
    assert found.unspent == {"batch2:0": 30, "batch1:1": 10}


@BOTH
def test_an_entity_is_windowed_by_when_money_left(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, MARKET, tags=BAZAAR, vasps=ACME)
    late = case.trace("tag:Bazaar", method=method, seed_after=GENESIS_TIME + 4 * DAY)
    assert late.totals == {"seed": 30, "unspent": 30}


@BOTH
def test_money_that_comes_back_to_the_entity_has_entered_a_pool(tmp_path: Path, method: str) -> None:
    rows = [*MARKET, Tx("again", ins=["batch1:1"], outs=[("pool1", 10)], day=6)]
    found = Case(tmp_path, rows, tags=BAZAAR, vasps=ACME).trace("tag:Bazaar", method=method)
    assert found.totals == {"seed": 60, "services": 20, "unspent": 30, "stopped": 10}


@BOTH
def test_a_lot_held_by_a_pool_is_never_followed(tmp_path: Path, method: str) -> None:
    found = Case(tmp_path, MARKET, tags=BAZAAR).trace("in1:0", method=method)
    assert found.stops == [("custodial_pool", "pool1", "in1", 50)]


CHAIN_OF_FOUR = [
    Tx("fund", outs=[("a", 100)], day=0),
    Tx("t1", ins=["fund:0"], outs=[("b", 90), ("x", 10)], day=1),
    Tx("t2", ins=["t1:0"], outs=[("c", 80), ("y", 10)], day=2),
    Tx("t3", ins=["t2:0", "t1:1"], outs=[("d", 90)], day=3),
]


@BOTH
def test_each_limit_cuts_where_it_says_and_names_the_cut(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, CHAIN_OF_FOUR)
    hops = case.trace("fund:0", method=method, hops=1)
    # t3 spends t1:1, which is hop 1, but it is a movement of hop 2
    assert hops.totals == {"seed": 100, "pruned": 100}
    assert {(reason, tx) for reason, _, tx, _ in hops.stops} == {("hop_limit", "t1")}

    floor = case.trace("fund:0", method=method, min_value=11)
    assert floor.totals == {"seed": 100, "unspent": 90, "pruned": 10}
    assert floor.stops == [("value_floor", "x", "t1", 10)]

    window = case.trace("fund:0", method=method, before=GENESIS_TIME + 3 * DAY)
    assert window.totals == {"seed": 100, "unspent": 10, "pruned": 90}
    assert {reason for reason, *_ in window.stops} == {"time_window"}

    size = case.trace("fund:0", method=method, max_txs=2)
    assert size.totals == {"seed": 100, "unspent": 10, "pruned": 90}
    assert {reason for reason, *_ in size.stops} == {"tx_limit"}


def test_a_movement_within_the_limit_takes_all_its_inputs(tmp_path: Path) -> None:
    """t3 has a tainted input of hop 1 (t1:1): it is a movement of hop 2, though t2:0 is of hop 2 itself."""
    found = Case(tmp_path, CHAIN_OF_FOUR).trace("fund:0", method="fifo", hops=2)
    assert found.unspent == {"t3:0": 90, "t2:1": 10}


@BOTH
def test_a_gap_in_the_blocks_makes_the_rest_unread(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, CHAIN_OF_FOUR)
    from tests.scenarios.ledger import PlayChain
    from tracer.ledger.store import Ledger

    with Ledger.open(case.workspace, PlayChain(), read_only=False) as ledger:
        ledger.db.run("DELETE FROM block WHERE height = 2")
        ledger.db.run("DELETE FROM spend WHERE tx_id >> 24 = 2")
    found = case.trace("fund:0", method=method)
    assert found.document["coverage"]["status"] == "partial"
    assert found.document["coverage"]["chains"][0] == {
        "chain": "bitcoin-regtest", "blocks": [[0, 1], [3, 3]], "missing": [[2, 2]],
    }  # fmt: skip
    assert found.totals["unread"] == 90


def test_kyc_is_that_of_the_day_and_filters_hide_nothing_silently(tmp_path: Path) -> None:
    """acme asked for nothing until day 2, for everything after; a second service is of unknown level."""
    rows = [
        Tx("fund", outs=[("ann", 100)], day=0),
        Tx("early", ins=["fund:0"], outs=[("shop", 40), ("ann", 60)], day=1),
        Tx("late", ins=["early:1"], outs=[("shop", 30), ("bank", 20), ("ann", 10)], day=5),
    ]
    until, since = "2020-09-15", "2020-09-16"
    case = Case(
        tmp_path,
        rows,
        tags=[tag("shop", "acme"), tag("bank", label="Some Bank")],
        vasps=[vasp("acme", "none", until=until), vasp("acme", "full", since)],
    )
    found = case.trace("fund:0", method="fifo")
    assert [(r["entity"], r["kyc_level"], r["amount"]["base_units"]) for r in found.document["endpoints"]] == [
        ("Acme", "none", "40"), ("Acme", "full", "30"), ("Some Bank", "unknown", "20"),
    ]  # fmt: skip
    weak = case.trace("fund:0", method="fifo", exits=("kyc:none",)).document
    assert [r["kyc_level"] for r in weak["endpoints"]] == ["none"]
    assert weak["other_endpoints"]["count"] == 2
    assert weak["other_endpoints"]["unknown_kyc"]["amount"]["base_units"] == "20"
    assert weak["totals"] == found.document["totals"]


def test_two_methods_give_a_range_and_mark_leads(tmp_path: Path) -> None:
    """FIFO sends all dirty units to ann; only haircut finds the service."""
    rows = [
        Tx("theft", outs=[("thief", 5)]),
        Tx("wages", outs=[("boss", 5)]),
        Tx("pay", ins=["theft:0", "wages:0"], outs=[("ann", 6), ("shop", 4)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("shop", "acme")], vasps=[vasp("acme", "none")])
    both = case.documents("theft:0")
    assert both["schema"] == "tracer.traces/1"
    assert both["comparison"] == [
        {"endpoint": "acme", "fifo": "0", "haircut": "2", "upper_bound": "4", "only_in": "haircut"}
    ]
    assert both["documents"][1]["endpoints"][0]["range"] == {"fifo": "0", "haircut": "2", "upper_bound": "4"}


def test_several_seeds_are_told_apart(tmp_path: Path) -> None:
    rows = [
        Tx("one", outs=[("a", 5)]),
        Tx("two", outs=[("b", 7)]),
        Tx("pay", ins=["one:0", "two:0"], outs=[("shop", 12)]),
    ]
    case = Case(tmp_path, rows, tags=[tag("shop", "acme")], vasps=[vasp("acme", "none")])
    row = case.trace("one:0", "two:0", method="haircut").document["endpoints"][0]
    assert [int(r["amount"]) for r in row["by_seed"]] == [5, 7]


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        ("nobody", "never seen"),
        ("0" * 64 + ":0", "never seen"),
        ("tag:Nothing", "no tag"),
        ("move:9", "no output"),
        ("move@bob", "no output to bob"),
    ],
)
def test_what_the_ledger_never_saw_is_unseen_not_no_exposure(tmp_path: Path, seed: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Case(tmp_path, INSIDE).documents(seed)


def test_a_bare_txid_with_several_outputs_lists_them(tmp_path: Path) -> None:
    case = Case(tmp_path, INSIDE)
    with pytest.raises(AmbiguousSeed, match=r":0 \(0\.00000007 BTC to a2\), .*:1 \(0\.00000003 BTC to a1\)"):
        case.documents("move")
    assert case.trace("fund", method="fifo").totals["seed"] == 10
    assert case.trace("move:*", method="fifo").totals["seed"] == 10
    assert case.trace("move@a1", method="fifo").totals["seed"] == 3


def test_an_outpoint_has_no_entity(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lot"):
        Case(tmp_path, INSIDE).documents("fund:0", unit="entity")


def test_without_clusters_the_answer_says_what_it_could_not_see(tmp_path: Path) -> None:
    doc = Case(tmp_path, INSIDE, clusters=False).documents("fund:0", methods=("fifo",))
    assert doc["coverage"]["status"] == "partial"
    assert doc["as_of"][0]["clustering"] is None


def test_the_same_question_prints_the_same_bytes(tmp_path: Path) -> None:
    case = Case(tmp_path, MARKET, tags=BAZAAR, vasps=ACME)
    assert json.dumps(case.documents("tag:Bazaar")) == json.dumps(case.documents("tag:Bazaar"))


def test_a_window_in_which_nothing_arrived_is_an_answer_of_nothing(tmp_path: Path) -> None:
    found = Case(tmp_path, INSIDE).trace("a1", method="fifo", seed_before=GENESIS_TIME - DAY)
    assert found.totals == {}
    assert found.document["seed_summary"]["external_received"]["base_units"] == "0"


def test_a_seed_written_twice_counts_once(tmp_path: Path) -> None:
    found = Case(tmp_path, INSIDE).trace("a1", "fund:0", "a1", method="fifo")
    assert [seed["kind"] for seed in found.document["seeds"]] == ["address", "outpoint"]
    assert found.totals["seed"] == 10


def test_some_seeds_pools_and_others_not_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path, MARKET, tags=[*BAZAAR, tag("v2", category="vendor", label="Vendor")])
    with pytest.raises(UsageError, match="some seeds are pools"):
        case.documents("tag:Bazaar", "tag:Vendor")
    assert case.trace("tag:Vendor", method="fifo").totals == {"seed": 10, "unspent": 10}
