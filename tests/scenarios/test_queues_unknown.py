"""Account queues of which something is not known: amounts nobody could read, addresses that change hands."""

from __future__ import annotations

import pytest

from tests.scenarios.queues import ETH, NOTHING, Move, QueueLedger
from tests.scenarios.queues_drawn import CONSERVING
from tracer.errors import DataError
from tracer.flow.queues.balances import overdrawn
from tracer.flow.queues.methods import QUEUE_METHODS

HUGE = Move("huge", "ann", "bob", None)


@pytest.mark.parametrize("method", CONSERVING)
def test_where_an_unreadable_amount_is_paid_the_taint_stays_unread(method: str) -> None:
    """Ann paid more than 38 digits to bob: nobody knows what she has left, nor whose units she sent."""
    ledger = QueueLedger.of([Move("bad", NOTHING, "ann", 4), HUGE, Move("pay", "ann", "cid", 3)])
    found = ledger.follow(method, "bad")
    assert found.rests == {("ann", ETH): ("unread", 4)}
    assert found.unopened == {("ann", ETH)}
    assert "huge" not in found.hops


@pytest.mark.parametrize("method", CONSERVING)
def test_where_one_arrives_the_taint_is_lost_sight_of_when_its_holder_pays(method: str) -> None:
    moves = [Move("bad", NOTHING, "bob", 4), HUGE]
    idle = QueueLedger.of(moves).follow(method, "bad")
    assert idle.rests == {("bob", ETH): ("unspent", 4)}
    assert not idle.taint.partial
    paying = QueueLedger.of([*moves, Move("pay", "bob", "cid", 1)]).follow(method, "bad")
    assert paying.rests == {("bob", ETH): ("unread", 4)}
    assert paying.taint.partial


@pytest.mark.parametrize("method", CONSERVING)
def test_what_left_before_is_told_to_the_unit(method: str) -> None:
    ledger = QueueLedger.of(
        [Move("bad", NOTHING, "ann", 4), Move("pay", "ann", "cid", 4), HUGE, Move("wage", NOTHING, "ann", 9)]
    )
    found = ledger.follow(method, "bad")
    assert found.held == {"cid": 4}
    assert not found.taint.partial


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_an_unreadable_amount_of_one_asset_spoils_no_other(method: str) -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 4),
            Move("spam", NOTHING, "ann", None, asset="SPAM"),
            Move("pay", "ann", "bob", 4),
        ]
    )
    found = ledger.follow(method, "bad")
    assert found.held == {"bob": 4}
    assert not found.taint.partial


def test_poison_goes_on_through_an_unreadable_amount_and_says_so() -> None:
    """It reaches bob: with how much, nobody knows, so that nothing is counted; what he pays on is marked."""
    ledger = QueueLedger.of([Move("bad", NOTHING, "ann", 4), HUGE, Move("on", "bob", "cid", 6)])
    found = ledger.follow("poison", "bad")
    assert (found.hops["huge"], found.via["huge"]) == (1, "bad")
    assert found.carried == {"bad": 4, "on": 6}
    assert found.taint.partial
    assert ledger.follow("poison", "bad", hops=0).hops == {"bad": 0}


@pytest.mark.parametrize("method", QUEUE_METHODS)
def test_an_unreadable_amount_is_no_seed(method: str) -> None:
    with pytest.raises(DataError, match="huge is a seed, and its amount is too great to be read"):
        QueueLedger.of([HUGE]).follow(method, "huge")


@pytest.mark.parametrize("method", CONSERVING)
def test_backward_too_nobody_knows_what_was_there_before(method: str) -> None:
    """Ann got what she paid to cid from dan, or had it: after the unreadable payment her balance is not known."""
    ledger = QueueLedger.of([Move("wage", "dan", "ann", 5), HUGE, Move("pay", "ann", "cid", 3)], {"dan": 5})
    found = ledger.back(method, "pay")
    assert found.rests == {("ann", ETH): ("unread", 3)}


@pytest.mark.parametrize("method", CONSERVING)
def test_an_address_that_becomes_a_service_ends_the_trail_from_then_on(method: str) -> None:
    """Claimed for some time only, its queue is two: before and after are told apart by the caller."""
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "ann", 9),
            Move("early", "ann", "shop", 4),
            Move("on", "shop", "bob", 3),
            Move("late", "ann", "shop, an exchange now", 5),
            Move("payout", "shop, an exchange now", "cid", 5),
        ],
        ends={"shop, an exchange now": "service"},
    )
    assert ledger.follow(method, "bad").rests == {
        ("bob", ETH): ("unspent", 3),
        ("shop", ETH): ("unspent", 1),  # what it had not passed on when it was claimed
        ("shop, an exchange now", ETH): ("service", 5),
    }


@pytest.mark.parametrize("method", CONSERVING)
def test_an_address_that_was_a_service_has_an_unknown_balance_afterwards(method: str) -> None:
    ledger = QueueLedger.of(
        [
            Move("bad", NOTHING, "shop, sold", 4),
            Move("pay", "shop, sold", "bob", 4),
        ],
        {"shop, sold": None},
    )
    assert ledger.follow(method, "bad").rests == {("shop, sold", ETH): ("unread", 4)}


def test_who_pays_more_than_it_holds_is_told_beforehand() -> None:
    """So that a caller who knows why (internal transfers not read) says unknown, and others refuse."""
    ledger = QueueLedger.of(
        [
            Move("fund", NOTHING, "ann", 5),
            Move("fair", "ann", "bob", 5),
            Move("first", "ann", "bob", 1),
            Move("again", "ann", "bob", 9),
            Move("sale", "hot", "bob", 9),
            Move("other", "cid", "bob", 9),
        ],
        {"cid": None},
        {"hot": "service"},
    )
    first = dict(zip(ledger.queues, overdrawn(ledger.columns).tolist(), strict=True))
    assert first == {("ann", ETH): 2, ("bob", ETH): -1, ("hot", ETH): -1, ("cid", ETH): -1}
