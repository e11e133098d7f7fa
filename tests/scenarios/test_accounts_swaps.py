"""Swaps and wraps on account chains, by hand: what one asset became, and when nobody can say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import Block, Event, Move, Row, Token, Tx
from tracer.chain import TransferKind
from tracer.flow.accounts.swaps import TOPICS, Thresholds

SENDERS = Thresholds().senders
SWAPPED = Event("pool", bytes.fromhex(TOPICS[0]))
ACME = tag("hot", "acme", role="hot")
BELIEVED = [Token("USDT", 6, genuine=True), Token("DAI", 18, genuine=True)]


def trade(name: str, who: str, gives: int, gets: int, *more: Move, pool: str = "pool", to: str = "") -> Tx:
    """`who` gives USDT to a pool and gets DAI, as a Uniswap pair logs it."""
    moves = [Move(who, pool, gives, "USDT"), Move(pool, to or who, gets, "DAI"), *more]
    return Tx(name, who, to="router", moves=moves, events=[Event(pool, SWAPPED.topic)])


def crowd(count: int = SENDERS, pool: str = "pool") -> list[Row]:
    """So many people who trade with a pool that has liquidity, and a thief's coins."""
    people = [f"trader{n}" for n in range(count)]
    funds = [Move(None, who, 10, "USDT") for who in people]
    return [
        Block(rewards=[("ann", 1000)]),
        Tx("fund", "bank", moves=[*funds, Move(None, pool, 10**6, "DAI"), Move(None, "thief", 100, "USDT")]),
        *(trade(f"trade{n}", who, 10, 20, pool=pool) for n, who in enumerate(people)),
    ]


def thief(rows: Sequence[Row]) -> int:
    """The place of the thief's coins in `fund`."""
    fund = rows[1]
    assert isinstance(fund, Tx)
    return len(fund.moves) - 1


def test_a_swap_at_a_pool_goes_on_in_the_other_asset(tmp_path: Path) -> None:
    """100 USDT become 250 DAI; the exchange gets them, and each asset adds up for itself."""
    rows: list[Row] = [
        *crowd(),
        trade("swap", "thief", 60, 150),
        Tx("exit", "thief", moves=[Move("thief", "hot", 120, "DAI")]),
    ]
    found = AccountCase(tmp_path, rows, tags=[ACME], told=BELIEVED).trace(f"fund:{thief(rows)}")
    assert found.totals == {
        "DAI": {"converted_in": 150, "services": 120, "unspent": 30},
        "USDT": {"seed": 100, "unspent": 40, "converted_out": 60},
    }
    assert found.conversions == [("swap", "thief", "USDT", 60, "thief", "DAI", 150)]
    assert found.paths() == [["fund", "swap", "exit"]]
    assert [row["id"] for row in found.document["heuristics"]] == ["swap_pool"]


def test_backward_a_swap_leads_to_what_was_given(tmp_path: Path) -> None:
    """Whoever follows the DAI back comes to the USDT they were bought with, and to where these came from."""
    rows: list[Row] = [
        *crowd(),
        Tx("payout", "hot", moves=[Move("hot", "buyer", 60, "USDT")]),
        trade("swap", "buyer", 60, 150),
        Tx("pay", "buyer", moves=[Move("buyer", "seller", 150, "DAI")]),
    ]
    case = AccountCase(tmp_path, rows, tags=[ACME], told=BELIEVED)
    found = case.trace("seller", direction="backward")
    assert found.totals == {
        "DAI": {"seed": 150, "converted_out": 150},
        "USDT": {"converted_in": 60, "services": 60},
    }
    assert found.legs == [("acme", "withdrawal", "buyer", "payout:0", 60, 60)]
    assert found.paths() == [["payout", "swap", "pay"]]
    # what a seeded account got by a swap is gone back from at once
    assert case.trace("buyer", direction="backward").totals["USDT"]["services"] == 60


def test_a_router_in_between_and_a_recipient_of_its_own_change_nothing(tmp_path: Path) -> None:
    """Coins that only pass through an account in one transaction net to nothing there."""
    moves = [
        Move("thief", "router", 100, "USDT"), Move("router", "pool", 100, "USDT"),
        Move("pool", "router", 250, "DAI"), Move("router", "mule", 250, "DAI"),
    ]  # fmt: skip
    rows: list[Row] = [*crowd(), Tx("swap", "thief", to="router", moves=moves, events=[SWAPPED])]
    found = AccountCase(tmp_path, rows, told=BELIEVED).trace(f"fund:{thief(rows)}")
    assert found.conversions == [("swap", "thief", "USDT", 100, "mule", "DAI", 250)]
    assert found.rests() == {("mule", "DAI"): 250}


def test_what_the_set_swapped_itself_is_no_arrival(tmp_path: Path) -> None:
    """Of a seeded account only what came from outside is seeded: the DAI are its USDT."""
    rows: list[Row] = [*crowd(), trade("swap", "thief", 100, 250)]
    found = AccountCase(tmp_path, rows, told=BELIEVED).trace("thief")
    assert found.totals == {
        "DAI": {"converted_in": 250, "unspent": 250},
        "USDT": {"seed": 100, "converted_out": 100},
    }


def test_an_arrival_by_somebody_elses_swap_is_one(tmp_path: Path) -> None:
    rows: list[Row] = [*crowd(), trade("swap", "thief", 100, 250, to="mule")]
    assert AccountCase(tmp_path, rows, told=BELIEVED).trace("mule").totals == {
        "DAI": {"seed": 250, "unspent": 250}
    }


def test_what_does_not_net_to_one_against_one_ends_at_the_pool(tmp_path: Path) -> None:
    """A third party gets a cut: how the rest divides nobody can say."""
    rows: list[Row] = [*crowd(), trade("swap", "thief", 90, 200, Move("pool", "partner", 7, "DAI"))]
    found = AccountCase(tmp_path, rows, told=BELIEVED).trace(f"fund:{thief(rows)}")
    assert found.totals == {"USDT": {"seed": 100, "stopped": 90, "unspent": 10}}
    assert found.stops == [("custodial_pool", "pool", "swap", "USDT", 90)]
    assert found.document["stops"][0]["basis"] == "swap_events"


@pytest.mark.parametrize("senders", [1, SENDERS - 1])
def test_a_contract_that_only_its_maker_trades_with_is_no_pool(tmp_path: Path, senders: int) -> None:
    """The thief's own sham pool changes stolen coins into a worthless token: the trail goes on through it."""
    rows: list[Row] = [
        *crowd(senders - 1),
        trade("sham", "thief", 100, 999),
        Tx("walk", "thief", to="pool", moves=[Move("pool", "mule", 100, "USDT")]),
        Tx("exit", "mule", moves=[Move("mule", "hot", 100, "USDT")]),
    ]
    found = AccountCase(tmp_path, rows, tags=[ACME], told=BELIEVED).trace(
        f"fund:{thief(rows)}", method="lifo"
    )
    assert found.endpoints == {("acme", "USDT"): 100}
    assert found.conversions == []


def test_nothing_becomes_a_token_that_is_not_believed(tmp_path: Path) -> None:
    """Even at a pool of many: the trail ends there, it does not vanish into spam."""
    rows: list[Row] = [*crowd(), trade("swap", "thief", 100, 250)]
    spam = [Token("USDT", 6), Token("DAI", 18, problem="it lies about its supply")]
    found = AccountCase(tmp_path, rows, told=spam).trace(f"fund:{thief(rows)}")
    assert found.totals == {"USDT": {"seed": 100, "stopped": 100}}


def test_a_pool_can_be_tagged_instead(tmp_path: Path) -> None:
    """A tag of a decentralised exchange makes a pool without a crowd."""
    rows: list[Row] = [*crowd(0), trade("swap", "thief", 100, 250)]
    dex = tag("pool", "uniswap", category="defi_dex")
    found = AccountCase(tmp_path, rows, tags=[dex], told=BELIEVED).trace(f"fund:{thief(rows)}")
    assert found.conversions == [("swap", "thief", "USDT", 100, "thief", "DAI", 250)]


def test_a_swap_scales_what_is_traced_by_amount(tmp_path: Path) -> None:
    """Half of the coins given are stolen: under haircut half of those got are, under FIFO the first ones."""
    rows: list[Row] = [
        *crowd(),
        Tx("own", "bank", moves=[Move(None, "mule", 50, "USDT")]),
        Tx("mix", "thief", moves=[Move("thief", "mule", 50, "USDT")]),
        trade("swap", "mule", 100, 30),
        Tx("exit", "mule", moves=[Move("mule", "hot", 20, "DAI")]),
    ]
    case = AccountCase(tmp_path, rows, tags=[ACME], told=BELIEVED)
    reached = {m: case.trace("mix:0", method=m).totals["DAI"] for m in ("fifo", "lifo", "haircut")}
    assert reached == {
        "fifo": {"converted_in": 15, "services": 5, "unspent": 10},
        "lifo": {"converted_in": 15, "services": 5, "unspent": 10},
        "haircut": {"converted_in": 15, "services": 10, "unspent": 5},
    }


WRAP = TransferKind.WRAP
UNWRAP = TransferKind.UNWRAP


def test_wrapped_coins_are_the_same_coins(tmp_path: Path) -> None:
    """ETH into WETH and back, one to one; the contract that holds the coins is not on the trail."""
    rows: list[Row] = [
        Block(rewards=[("thief", 100), ("ann", 5)]),
        Tx("wrap", "thief", to="WETH", value=80, moves=[Move(None, "thief", 80, "WETH", WRAP)]),
        Tx("pass", "thief", moves=[Move("thief", "mule", 80, "WETH")]),
        # as a node without one order tells it: the calls first, then the logs
        Tx(
            "back",
            "mule",
            to="WETH",
            moves=[Move("WETH", "mule", 50), Move("mule", None, 50, "WETH", UNWRAP)],
        ),
        Tx("exit", "mule", to="hot", value=30),
    ]
    found = AccountCase(tmp_path, rows, tags=[ACME]).trace("thief")
    assert found.totals == {
        "ETH": {"seed": 100, "converted_in": 50, "services": 30, "unspent": 40, "converted_out": 80},
        "WETH": {"converted_in": 80, "unspent": 30, "converted_out": 50},
    }
    assert found.conversions == [
        ("wrap", "thief", "ETH", 80, "thief", "WETH", 80), ("wrap", "mule", "WETH", 50, "mule", "ETH", 50),
    ]  # fmt: skip
    assert found.paths() == [["block 0", "wrap", "pass", "back", "exit"]]


def test_unwrapping_joins_calls_and_logs_in_their_true_order(tmp_path: Path) -> None:
    """A helper gets WETH by a log, unwraps, and pays ETH on by a call: nobody pays before they got."""
    moves = [
        Move("WETH", "helper", 40), Move("helper", "mule", 40),
        Move("thief", "helper", 40, "WETH"), Move("helper", None, 40, "WETH", UNWRAP),
    ]  # fmt: skip
    rows: list[Row] = [
        Block(rewards=[("thief", 40)]),
        Tx("wrap", "thief", to="WETH", value=40, moves=[Move(None, "thief", 40, "WETH", WRAP)]),
        Tx("help", "thief", to="helper", moves=moves),
    ]
    found = AccountCase(tmp_path, rows).trace("thief")
    assert found.rests() == {("mule", "ETH"): 40}
    assert "pay out more" not in found.notes


def test_selling_a_token_for_coin_nets_over_the_wrap(tmp_path: Path) -> None:
    """Token into a pool, WETH out of it, unwrapped by the router, ETH to the seller: one swap."""
    rows: list[Row] = [
        *crowd(),
        Tx("liquid", "ann", to="WETH", value=500, moves=[Move(None, "pool", 500, "WETH", WRAP)]),
        Tx(
            "swap", "thief", to="router", events=[SWAPPED],
            moves=[
                Move("WETH", "router", 90), Move("router", "thief", 90), Move("thief", "pool", 100, "USDT"),
                Move("pool", "router", 90, "WETH"), Move("router", None, 90, "WETH", UNWRAP),
            ],
        ),
    ]  # fmt: skip
    found = AccountCase(tmp_path, rows, told=BELIEVED).trace(f"fund:{thief(rows)}")
    assert found.conversions == [("swap", "thief", "USDT", 100, "thief", "ETH", 90)]
    assert found.totals["ETH"] == {"converted_in": 90, "unspent": 90}
