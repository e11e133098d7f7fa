"""Conversions of one asset into another, reckoned by hand: swaps, wrapping, what a token takes on its way."""

from __future__ import annotations

import pytest

from tests.scenarios.queues import ETH, NOTHING, Move, QueueLedger, Swap
from tests.scenarios.queues_drawn import CONSERVING
from tracer.flow.queues.methods import QUEUE_METHODS


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_a_swap_changes_the_asset_and_keeps_the_trail(method: str) -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 10),
            Swap("swap", "ann", 10, ETH, 25_000, "USDT"),
            Move("pay", "ann", "bob", 25_000, asset="USDT"),
        ]
    )
    found = ledger.follow(method, "bad")
    assert found.totals == {
        ETH: {"seed": 10, "converted_out": 10},
        "USDT": {"converted_in": 25_000, "unspent": 25_000},
    }
    assert found.rests == {("bob", "USDT"): ("unspent", 25_000)}
    assert found.hops == {"bad": 0, "swap/in": 1, "swap/out": 1, "pay": 2}  # the swap is one movement
    assert found.via == {"swap/in": "bad", "swap/out": "swap/in", "pay": "swap/out"}


@pytest.mark.parametrize(
    ("method", "sold", "bought", "to_bob", "to_cid"),
    [
        # ann holds 4 bad ones, then 6 good ones, sells 5 for 100, and has paid 40 to bob and 60 to cid
        ("fifo", 4, 80, 40, 40),  # 4 bad and 1 good: of 100 the first 80
        ("lifo", 0, 0, 0, 0),  # 5 good ones
        ("haircut", 2, 40, 16, 24),  # 2 of 5: 2/5 of 100, and so on
        ("poison", 5, 100, 40, 60),
    ],
)
def test_of_a_partly_tainted_swap_the_taint_goes_over_by_amount(
    method: str, sold: int, bought: int, to_bob: int, to_cid: int
) -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 4),
            Move("good", NOTHING, "ann", 6),
            Swap("swap", "ann", 5, ETH, 100, "USDT"),
            Move("one", "ann", "bob", 40, asset="USDT"),
            Move("two", "ann", "cid", 60, asset="USDT"),
        ]
    )
    carried = ledger.follow(method, "bad").carried
    told = [carried.get(name, 0) for name in ("swap/in", "swap/out", "one", "two")]
    assert told == [sold, bought, to_bob, to_cid]


@pytest.mark.parametrize("method", ["fifo", "lifo"])
def test_units_come_out_in_the_order_in_which_they_went_in(method: str) -> None:
    """Two lots of 5 are sold together for 100, and what was bought is paid in two halves.

    By FIFO the theft is sold first and what it bought is paid first; by LIFO it is sold last, and what was
    bought last is paid first.
    """
    ledger = QueueLedger.of(
        [
            Move("theft", NOTHING, "ann", 5),
            Move("ransom", NOTHING, "ann", 5),
            Swap("swap", "ann", 10, ETH, 100, "USDT"),
            Move("one", "ann", "bob", 50, asset="USDT"),
            Move("two", "ann", "cid", 50, asset="USDT"),
        ]
    )
    of_theft, of_ransom = ledger.apart(method, ledger.lots("theft", "ransom")).values()
    assert (of_theft["swap/out"], of_ransom["swap/out"]) == (50, 50)
    assert (of_theft.get("one"), of_theft.get("two")) == (50, None)
    assert (of_ransom.get("one"), of_ransom.get("two")) == (None, 50)


def test_seeds_that_are_swapped_together_keep_their_shares() -> None:
    """Two of three units are the theft's: they buy 10, 6 2/3 of them the theft's, 3 1/3 the ransom's."""
    ledger = QueueLedger.of(
        [
            Move("theft", NOTHING, "ann", 2),
            Move("ransom", NOTHING, "ann", 1),
            Swap("swap", "ann", 3, ETH, 10, "USDT"),
        ]
    )
    for method in CONSERVING:
        of_theft, of_ransom = ledger.apart(method, ledger.lots("theft", "ransom")).values()
        assert (of_theft["swap/out"], of_ransom["swap/out"]) == (7, 3)


@pytest.mark.parametrize(
    ("method", "paid"),
    [("fifo", 0), ("lifo", 3), ("haircut", 1), ("poison", 4)],  # as if she had paid at once
)
def test_wrapped_and_unwrapped_again_nothing_has_changed(method: str, paid: int) -> None:
    ledger = QueueLedger.of(
        [
            Move("good", NOTHING, "ann", 7),
            Move("bad", NOTHING, "ann", 3),
            Swap("wrap", "ann", 10, ETH, 10, "WETH"),
            Swap("unwrap", "ann", 10, "WETH", 10, ETH),
            Move("pay", "ann", "bob", 4),
        ]
    )
    found = ledger.follow(method, "bad")
    assert found.carried.get("pay", 0) == paid
    assert found.hops["unwrap/out"] == 2


@pytest.mark.parametrize("method", CONSERVING)
def test_two_swaps_in_a_row_are_counted_in_each_asset(method: str) -> None:
    """9 of 30 are bad; 30 buy 300, which buy 7: 9/30 of 7 is 2.1, and two are said."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 9),
            Move("good", NOTHING, "ann", 21),
            Swap("one", "ann", 30, ETH, 300, "USDT"),
            Swap("two", "ann", 300, "USDT", 7, "BNB", receiver="bob"),
        ]
    )
    found = ledger.follow(method, "bad")
    assert found.totals == {
        ETH: {"seed": 9, "converted_out": 9},
        "USDT": {"converted_in": 90, "converted_out": 90},
        "BNB": {"converted_in": 2, "unspent": 2},
    }
    assert found.hops["two/out"] == 2


def test_taint_that_is_less_than_half_a_unit_of_the_other_asset_ends_in_the_swap() -> None:
    """One wei of ten to the eighteenth is no millionth of a dollar; poison reaches on."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 1),
            Move("good", NOTHING, "ann", 10**18 - 1),
            Swap("swap", "ann", 10**18, ETH, 2_500_000_000, "USDT"),
        ]
    )
    for method in CONSERVING:
        assert ledger.follow(method, "bad").totals == {ETH: {"seed": 1, "converted_out": 1}}
    assert ledger.follow("poison", "bad").carried["swap/out"] == 2_500_000_000


@pytest.mark.parametrize("method", ["fifo", "lifo"])
def test_many_crumbs_do_not_grow_by_rounding(method: str) -> None:
    """Six units, bad and good by turns, buy three: half of them are bad, which is one and a half, and two are said.

    Each boundary rounded by itself would make all three bad.
    """
    turns = [Move(f"{'good' if i % 2 else 'bad'}{i}", NOTHING, "ann", 1) for i in range(6)]
    ledger = QueueLedger.of([*turns, Swap("swap", "ann", 6, ETH, 3, "USDT")])
    assert ledger.follow(method, "bad0", "bad2", "bad4").carried["swap/out"] == 2


@pytest.mark.parametrize("method", CONSERVING)
def test_a_swap_that_is_cut_brings_nothing(method: str) -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 8),
            Swap("swap", "ann", 8, ETH, 800, "USDT"),
            Move("pay", "ann", "bob", 800, asset="USDT"),
        ]
    )
    cut_by_hops = ledger.follow(method, "bad", hops=0)
    assert cut_by_hops.totals == {ETH: {"seed": 8, "hop_limit": 8}}
    assert "swap/out" not in cut_by_hops.hops
    cut_by_floor = ledger.run(method, ledger.lots("bad"), floors={ETH: 9})
    assert cut_by_floor.cut == {"swap/in": ("value_floor", 8)}
    # what comes out is not cut once more: the swap was let pass as a whole
    assert ledger.follow(method, "bad", hops=1).cut == {"pay": ("hop_limit", 800)}


@pytest.mark.parametrize("method", CONSERVING)
def test_each_asset_has_a_floor_of_its_own(method: str) -> None:
    """A floor of 10^16 wei would be ten thousand million dollars: it is not meant for tokens of six decimals."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 2 * 10**16),
            Swap("swap", "ann", 2 * 10**16, ETH, 50_000_000, "USDT"),
            Move("pay", "ann", "bob", 49_500_000, asset="USDT"),
            Move("crumb", "ann", "cid", 500_000, asset="USDT"),
        ]
    )
    found = ledger.run(method, ledger.lots("bad"), floors={ETH: 10**16, "USDT": 1_000_000})
    assert found.cut == {"crumb": ("value_floor", 500_000)}
    assert found.held == {"bob": 49_500_000}


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_backward_a_swap_is_turned_round(method: str) -> None:
    """Where bob's tokens came from: ann sold 10 ether of cat's for them."""
    ledger = QueueLedger.of(
        [
            Move("pay", "cat", "ann", 10),
            Swap("swap", "ann", 10, ETH, 25_000, "USDT"),
            Move("on", "ann", "bob", 25_000, asset="USDT"),
        ],
        {"cat": 10},
    )
    found = ledger.back(method, "on")
    assert found.totals["USDT"]["converted_out"] == 25_000
    assert found.totals[ETH]["converted_in"] == 10
    assert found.held == {"cat": 10}


def test_the_way_back_through_a_swap_is_rounded_once_more() -> None:
    """Of three units two are made, of which one is bad; asked back, it is said to be one or two of the three."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 1),
            Move("good", NOTHING, "ann", 2),
            Swap("swap", "ann", 3, ETH, 2, "USDT"),
            Move("pay", "ann", "bob", 1, asset="USDT"),
        ]
    )
    assert ledger.follow("fifo", "bad").carried["pay"] == 1
    assert ledger.back("fifo", "pay").carried["bad"] == 1
    assert ledger.back("fifo", "pay").carried["good"] == 1  # forward it had nothing of it
    assert "pay" not in ledger.follow("fifo", "good").carried


@pytest.mark.parametrize("method", CONSERVING)
def test_what_a_seed_itself_is_may_be_swapped_or_bought(method: str) -> None:
    """A lot that is a transfer into a conversion, and one that is what came out of it."""
    ledger = QueueLedger.of([Swap("swap", "ann", 4, ETH, 100, "USDT")], {"ann": 4})
    assert ledger.follow(method, "swap/in").totals == {
        ETH: {"seed": 4, "converted_out": 4},
        "USDT": {"converted_in": 100, "unspent": 100},
    }
    assert ledger.follow(method, "swap/out").totals == {"USDT": {"seed": 100, "unspent": 100}}


@pytest.mark.parametrize("method", CONSERVING)
def test_what_a_token_takes_on_its_way_is_burned(method: str) -> None:
    """A fee-on-transfer token: it logs that 100 arrive, and books the 2 that it keeps as a burn of the payee's."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 100, asset="TAX"),
            Move("pay", "ann", "bob", 100, asset="TAX"),
            Move("tax", "bob", NOTHING, 2, asset="TAX"),
        ]
    )
    assert ledger.follow(method, "bad").totals == {"TAX": {"seed": 100, "burned": 2, "unspent": 98}}


@pytest.mark.parametrize(("method", "of_bob"), [("fifo", 10), ("lifo", 8), ("haircut", 8)])
def test_what_a_token_adds_by_itself_is_minted_clean(method: str, of_bob: int) -> None:
    """A rebasing token: ann's 10 bad ones become 12 and she pays 10; of these 10/12 are 8.33."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 10, asset="AMPL"),
            Move("rebase", NOTHING, "ann", 2, asset="AMPL"),
            Move("pay", "ann", "bob", 10, asset="AMPL"),
        ]
    )
    found = ledger.follow(method, "bad")
    assert found.held["bob"] == of_bob
    assert found.totals["AMPL"] == {"seed": 10, "unspent": 10}


@pytest.mark.parametrize("method", CONSERVING)
def test_a_fee_ends_where_it_is_paid_and_reaches_its_producer_clean(method: str) -> None:
    """Two rows: what the payer pays goes to the sink, and what the producer gets comes out of nothing."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 5),
            Move("pay", "ann", "bob", 3, fee=2),
            Move("tip", NOTHING, "producer", 1),
            Move("spent", "producer", "shop", 1),
        ]
    )
    found = ledger.follow(method, "bad")
    assert found.totals == {ETH: {"seed": 5, "fees": 2, "unspent": 3}}
    assert found.held == {"bob": 3}
