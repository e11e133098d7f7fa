"""Worked examples on account queues: what each convention says of the same small ledger, reckoned by hand."""

from __future__ import annotations

import pytest

from tests.oracle_queues import OracleTransfer
from tests.scenarios.queues import ETH, NOTHING, Move, QueueLedger
from tracer.flow.queues.methods import QUEUE_METHODS

MIX = [
    Move("good", "cat", "ann", 6),
    Move("bad", "thief", "ann", 4),
    Move("first", "ann", "bob", 5),
    Move("second", "ann", "dan", 3),
]
HELD = {"cat": 6, "thief": 4}


@pytest.mark.parametrize(
    ("method", "first", "second", "left"),
    [
        ("fifo", 0, 2, 2),  # six good units go first: five to bob, one and two bad ones to dan
        ("lifo", 4, 0, 0),  # the four bad units came last and go first
        ("haircut", 2, 1, 1),  # 4/10 of 5 is 2; then 2/5 of 3 is 1.2, and 0.8 stays: 1 and 1
        ("poison", 5, 3, 2),  # whatever touched it
    ],
)
def test_mixing_in_one_account(method: str, first: int, second: int, left: int) -> None:
    found = QueueLedger.of(MIX, HELD).follow(method, "bad").held
    assert (found.get("bob", 0), found.get("dan", 0), found.get("ann", 0)) == (first, second, left)


@pytest.mark.parametrize(
    ("method", "from_thief", "from_cat"),
    [
        ("fifo", 2, 1),  # dan's three: the last good unit and two bad ones, as forward
        ("lifo", 0, 3),  # good ones, once the bad had gone to bob, as forward
        ("haircut", 1, 2),  # 3/10 of the thief's 4 is 1.2; cat has what is left
        ("poison", 4, 6),  # all that ann ever had: turned round, she was never empty
    ],
)
def test_where_the_second_payment_came_from(method: str, from_thief: int, from_cat: int) -> None:
    """Turned round, ann opens with the 2 she has left, gets 3 back from dan and 5 from bob, and pays back."""
    found = QueueLedger.of(MIX, HELD).back(method, "second").held
    assert (found.get("thief", 0), found.get("cat", 0)) == (from_thief, from_cat)


@pytest.mark.parametrize(
    ("method", "value", "gas"),
    [
        ("fifo", 4, 0),  # the bad units are the first four; gas takes what comes after the value
        ("lifo", 2, 1),  # three good ones came after them and go first; gas takes the next bad one
        ("haircut", 3, 1),  # 4/7 of 5 is 2.86; then 1/2 of 1, and the tie leaves
        ("poison", 5, 1),
    ],
)
def test_gas_is_paid_after_the_value_it_moves(method: str, value: int, gas: int) -> None:
    ledger = QueueLedger.of(
        [Move("bad", NOTHING, "ann", 4), Move("good", NOTHING, "ann", 3), Move("pay", "ann", "bob", 5, fee=1)]
    )
    found = ledger.follow(method, "bad")
    assert found.carried.get("pay", 0) == value
    assert found.totals[ETH].get("fees", 0) == gas


@pytest.mark.parametrize(("method", "sent"), [("fifo", 1), ("lifo", 4), ("haircut", 3), ("poison", 5)])
def test_what_was_there_before_the_first_transfer_comes_first(method: str, sent: int) -> None:
    """Ann opened with 4 units; 4 bad ones come; 5 leave: by haircut 2.5 of them bad, and the tie leaves."""
    ledger = QueueLedger.of([Move("bad", NOTHING, "ann", 4), Move("pay", "ann", "bob", 5)], {"ann": 4})
    found = ledger.follow(method, "bad")
    assert found.held["bob"] == sent


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_without_an_opening_balance_the_trail_ends_where_the_account_pays(method: str) -> None:
    ledger = QueueLedger.of(
        [Move("bad", NOTHING, "ann", 4), Move("pay", "ann", "bob", 3)], {"ann": None, "bob": None}
    )
    found = ledger.follow(method, "bad")
    assert found.rests == {("ann", ETH): ("unread", 4)}
    assert found.unopened == {("ann", ETH)}
    assert found.taint.partial


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_an_unknown_opening_balance_does_not_matter_where_nothing_is_paid_after_the_money_came(
    method: str,
) -> None:
    ledger = QueueLedger.of(
        [Move("before", "ann", "bob", 3), Move("bad", NOTHING, "ann", 4)], {"ann": None, "bob": 0}
    )
    found = ledger.follow(method, "bad")
    assert found.rests == {("ann", ETH): ("unspent", 4)}
    assert not found.taint.partial


def test_poison_goes_on_without_an_opening_balance_and_says_so() -> None:
    """Nobody knows that ann was ever empty: she may have had more, so what she pays later is marked too."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 4),
            Move("all", "ann", "bob", 4),
            Move("wage", NOTHING, "ann", 2),
            Move("rent", "ann", "cid", 2),
        ],
        {"ann": None},
    )
    found = ledger.follow("poison", "bad")
    assert found.held == {"bob": 4, "cid": 2}
    assert found.taint.partial


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_a_mint_is_a_seed_like_any_other_and_a_burn_an_end(method: str) -> None:
    ledger = QueueLedger.of([Move("mint", NOTHING, "ann", 5), Move("burn", "ann", NOTHING, 2)])
    found = ledger.follow(method, "mint")
    assert found.totals == {ETH: {"seed": 5, "burned": 2, "unspent": 3}}


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_backward_a_mint_is_where_money_began(method: str) -> None:
    ledger = QueueLedger.of([Move("mint", NOTHING, "ann", 5), Move("pay", "ann", "bob", 2)])
    assert ledger.back(method, "pay").totals == {ETH: {"seed": 2, "minted": 2}}


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_backward_gas_is_clean_and_the_opening_balance_is_an_unspent_rest(method: str) -> None:
    """Of ann's 10 only the 6 that bob has are asked for; where they come from nobody read."""
    ledger = QueueLedger.of([Move("pay", "ann", "bob", 6, fee=4)], {"ann": 10}, {"ann": "unread"})
    assert ledger.back(method, "pay").totals == {ETH: {"seed": 6, "unread": 6}}


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("fifo", 0),  # her own payment put the bad units behind the good ones
        ("lifo", 0),  # the good ones came last, went round, and go first again
        ("haircut", 1),
        ("poison", 2),
    ],
)
def test_a_payment_to_oneself_moves_units_to_the_end_of_ones_own_queue(method: str, sent: int) -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 2),
            Move("good", NOTHING, "ann", 2),
            Move("self", "ann", "ann", 2),
            Move("pay", "ann", "bob", 2),
        ]
    )
    found = ledger.follow(method, "bad")
    assert found.held.get("bob", 0) == sent
    assert found.totals[ETH]["seed"] == 2


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_a_sweep_into_a_service_ends_there_and_what_the_service_pays_is_clean(method: str) -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", "thief", "deposit", 7),
            Move("sweep", "deposit", "hot", 6, fee=1),
            Move("payout", "hot", "stranger", 500),
        ],
        {"thief": 7},
        {"hot": "service"},
    )
    found = ledger.follow(method, "bad")
    assert found.totals == {ETH: {"seed": 7, "service": 6, "fees": 1}}
    assert found.rests == {("hot", ETH): ("service", 6)}
    assert (found.hops["sweep"], found.via["sweep"]) == (1, "bad")


def test_under_poison_a_service_counts_once_what_entered_it() -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 1),
            Move("good", NOTHING, "ann", 9),
            Move("one", "ann", "hot", 4),
            Move("two", "ann", "hot", 3),
        ],
        ends={"hot": "service"},
    )
    assert ledger.follow("poison", "bad").rests == {
        ("hot", ETH): ("service", 7),
        ("ann", ETH): ("unspent", 3),
    }


def test_poison_ends_when_the_account_is_empty() -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 1),
            Move("good", NOTHING, "ann", 9),
            Move("most", "ann", "bob", 9),
            Move("rest", "ann", "cid", 1),  # empty now
            Move("wage", NOTHING, "ann", 5),
            Move("rent", "ann", "dan", 5),
        ]
    )
    assert ledger.follow("poison", "bad").held == {"bob": 9, "cid": 1}


def test_poison_stays_while_one_unit_is_left() -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 5),
            Move("most", "ann", "bob", 4),
            Move("wage", NOTHING, "ann", 5),
            Move("rent", "ann", "dan", 6),
        ]
    )
    assert ledger.follow("poison", "bad").held == {"bob": 4, "dan": 6}


def test_first_in_first_out_against_last_in_first_out() -> None:
    """Three lots come, three payments go: one pairs them in order, the other last with first."""
    ledger = QueueLedger.of(
        [
            *(Move(f"in{i}", NOTHING, "ann", i) for i in (1, 2, 3)),
            *(Move(f"out{i}", "ann", f"shop{i}", i) for i in (1, 2, 3)),
        ]
    )
    assert {name: ledger.follow("fifo", name).held for name in ("in1", "in2", "in3")} == {
        "in1": {"shop1": 1},
        "in2": {"shop2": 2},
        "in3": {"shop3": 3},
    }
    assert {name: ledger.follow("lifo", name).held for name in ("in1", "in2", "in3")} == {
        "in1": {"shop3": 1},
        "in2": {"shop3": 2},
        "in3": {"shop1": 1, "shop2": 2},
    }


def test_many_seeds_keep_their_labels_through_one_account() -> None:
    ledger = QueueLedger.of(
        [Move("ransom", NOTHING, "ann", 6), Move("theft", NOTHING, "ann", 3), Move("pay", "ann", "bob", 7)]
    )
    seeds = ledger.lots("ransom", "theft")

    def of_pay(method: str) -> tuple[int, int]:
        parts = ledger.apart(method, seeds)
        return parts[0].get("pay", 0), parts[1].get("pay", 0)

    assert of_pay("fifo") == (6, 1)
    assert of_pay("lifo") == (4, 3)
    assert of_pay("haircut") == (5, 2)  # 4 2/3 and 2 1/3
    assert of_pay("poison") == (7, 7)  # each alone; they do not add up


def test_a_lot_that_is_tainted_already_keeps_the_label_it_has() -> None:
    """Two thefts of the same units: the first one registered has them."""
    ledger = QueueLedger.of([Move("theft", NOTHING, "ann", 5), Move("again", "ann", "bob", 5)])
    seeds = ledger.lots("theft", "again")
    assert ledger.run("fifo", seeds).totals == {ETH: {"seed": 5, "unspent": 5}}
    assert ledger.apart("fifo", seeds) == {0: {"theft": 5, "again": 5}}


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_what_comes_net_into_a_set_is_less_than_the_transfer(method: str) -> None:
    """The set sent 3 of these 8 itself, so that 5 come from outside."""
    ledger = QueueLedger.of([Move("back", "cat", "ann", 8), Move("on", "ann", "bob", 8)], {"cat": 8})
    assert ledger.run(method, {"back": (5, 0)}).held == {"bob": 5}


CHAIN = [
    Move("bad", NOTHING, "ann", 8),
    Move("one", "ann", "bob", 8),
    Move("two", "bob", "cid", 7, fee=1),
    Move("three", "cid", "dan", 7),
]


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_beyond_the_hop_limit_money_rests_where_it_is(method: str) -> None:
    """Gas that bob pays is a step beyond the limit too."""
    found = QueueLedger.of(CHAIN).follow(method, "bad", hops=1)
    assert found.cut == {"two": ("hop_limit", 7), "two/fee": ("hop_limit", 1)}
    assert found.totals == {ETH: {"seed": 8, "hop_limit": 8}}
    assert found.held == {}


@pytest.mark.parametrize("method", ["fifo", "lifo", "haircut"])
def test_a_piece_below_the_floor_is_not_followed_but_gas_is_gas(method: str) -> None:
    moves = [*CHAIN, Move("crumb", "dan", "eve", 2), Move("slice", "dan", "eve", 5)]
    found = QueueLedger.of(moves).follow(method, "bad", floor=3)
    assert found.cut == {"crumb": ("value_floor", 2)}
    assert found.totals == {ETH: {"seed": 8, "fees": 1, "value_floor": 2, "unspent": 5}}
    assert found.held == {"eve": 5}


def test_assets_are_told_apart() -> None:
    """Stolen tokens do not taint the ether that pays for moving them."""
    ledger = QueueLedger.of(
        [
            Move("gasmoney", NOTHING, "ann", 9),
            Move("bad", NOTHING, "ann", 50, asset="USDT"),
            Move("pay", "ann", "bob", 20, fee=1, asset="USDT"),
        ]
    )
    assert ledger.follow("fifo", "bad").totals == {"USDT": {"seed": 50, "unspent": 50}}
    assert ledger.follow("fifo", "gasmoney").totals == {ETH: {"seed": 9, "fees": 1, "unspent": 8}}


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_a_transfer_of_nothing_carries_nothing(method: str) -> None:
    """Address poisoning: an empty transfer to a look-alike marks nobody."""
    ledger = QueueLedger.of([Move("bad", NOTHING, "ann", 5), Move("spoof", "ann", "ahn", 0)])
    found = ledger.follow(method, "bad")
    assert found.held == {"ann": 5}
    assert "spoof" not in found.hops


def test_gas_written_in_full_is_a_transfer_to_nobody_that_is_marked() -> None:
    """What the short form `fee=1` stands for."""
    short = QueueLedger.of([Move("pay", "ann", "bob", 5, fee=1)])
    assert short.rows == [
        OracleTransfer("pay", "ann", "bob", 5),
        OracleTransfer("pay/fee", "ann", None, 1, fee=True),
    ]
