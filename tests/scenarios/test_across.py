"""Traces over bridges, by hand: who got the money on the other chain, and what adds up where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.scenarios.accounts import Move, Row, Token, Tx
from tests.scenarios.across import (
    FAR,
    NEAR,
    THIRD,
    Across,
    Found,
    arrive,
    born,
    deposited,
    filled,
    leave,
    paid_in,
    tag,
)  # fmt: skip

METHODS = ("fifo", "lifo", "haircut", "poison")
USD, EUR = (NEAR, "USD"), (FAR, "USD")
COIN = 10**8
TOKENS = [Token("USD", 6), Token("EUR", 6)]

THEFT: dict[str, Sequence[Row]] = {
    NEAR: [
        born(victim=100, ann=50),
        Tx("steal", "victim", moves=[Move("victim", "thief", 90, "USD")]),
        leave("out", "thief", 7, 80, "mule"),
        leave("other", "ann", 8, 50, "ann"),
    ],
    FAR: [
        born(relayer=500),
        arrive("in", 7, 72, "mule"),
        arrive("clean", 8, 49, "ann"),
        Tx("exit", "mule", moves=[Move("mule", "hot", 60, "USD")]),
        Tx("own", "ann", moves=[Move("ann", "hot", 49, "USD")]),
    ],
}
ACME = tag(FAR, "hot", "acme")


@pytest.fixture(scope="module")
def theft(tmp_path_factory: pytest.TempPathFactory) -> Across:
    """The theft, on both chains."""
    return Across(tmp_path_factory.mktemp("theft"), THEFT, tags=[ACME], told=TOKENS)


def closes(found: Found) -> None:
    """seed + converted_in is what rests, per chain and asset."""
    for row in found.document["totals"]:
        entered = int(row["seed"]) + int(row["converted_in"])
        words = ("seed", "converted_in", "chain", "asset", "asset_id", "decimals")
        assert entered == sum(int(units) for key, units in row.items() if key not in words)


@pytest.mark.parametrize("method", METHODS)
def test_the_money_is_found_behind_the_bridge_and_nobody_elses(theft: Across, method: str) -> None:
    """All that left was traced, so all that came is; ann's crossing carries nothing."""
    found = theft.trace(NEAR, "steal:0", method=method)
    assert found.crossings == [("across", "out", 80, "in", 72)]
    assert found.legs == [("acme", FAR, "exit", 60)]
    if method != "poison":
        assert found.totals == {
            USD: {"seed": 90, "unspent": 10, "converted_out": 80},
            EUR: {"converted_in": 72, "services": 60, "unspent": 12},
        }
        closes(found)
    assert [row["chain"] for row in found.document["as_of"]] == [NEAR, FAR]
    assert [row["chain"] for row in found.document["coverage"]["chains"]] == [NEAR, FAR]
    assert found.stops == []


def test_of_a_mixed_transfer_the_same_share_is_traced_on_both_sides(tmp_path: Path) -> None:
    """90 stolen and 10 clean leave together: 9 of 10 of what came is the victim's, to the base unit."""
    rows: dict[str, Sequence[Row]] = {
        NEAR: [
            born(victim=90, ann=10),
            Tx("gift", "ann", moves=[Move("ann", "thief", 10, "USD")]),
            Tx("steal", "victim", moves=[Move("victim", "thief", 90, "USD")]),
            leave("out", "thief", 1, 100, "mule"),
        ],
        FAR: [
            born(relayer=500),
            arrive("in", 1, 99, "mule"),
            Tx("exit", "mule", moves=[Move("mule", "hot", 60, "USD")]),
        ],
    }
    case = Across(tmp_path, rows, tags=[ACME], told=TOKENS)
    # by FIFO clean units came first, and what is traced leads on the far chain; haircut mixes: 60 * 89 / 99
    for method, units in (("fifo", 60), ("haircut", 54)):
        found = case.trace(NEAR, "steal:0", method=method)
        assert found.crossings == [("across", "out", 90, "in", 89)]  # 89.1
        assert found.legs == [("acme", FAR, "exit", units)]
        closes(found)
    assert case.trace(NEAR, "steal:0", method="poison").crossings == [("across", "out", 100, "in", 99)]


@pytest.mark.parametrize("method", METHODS)
def test_backward_the_source_is_found_on_the_other_chain(theft: Across, method: str) -> None:
    """What the exchange got came over the bridge, and was the victim's, who had it of a mint."""
    found = theft.trace(FAR, "exit:0", method=method, direction="backward")
    (crossing,) = found.crossings
    assert crossing[:2] + crossing[3:4] == ("across", "out", "in")
    if method != "poison":
        assert crossing == ("across", "out", 67, "in", 60)  # 60 of 72 is 66.7 of 80
        assert found.totals == {
            EUR: {"seed": 60, "converted_out": 60}, USD: {"converted_in": 67, "minted": 67},
        }  # fmt: skip
        closes(found)


def test_with_one_chain_the_stop_names_the_other_and_who_gets_what(theft: Across) -> None:
    """Nothing is guessed: the event's own words stand beside the stop, and nothing is partial for it."""
    found = theft.trace(NEAR, "steal:0", alone=True)
    assert found.totals == {USD: {"seed": 90, "unspent": 10, "stopped": 80}}
    ((reason, tx, units, evidence),) = found.stops
    assert (reason, tx, units) == ("bridge", "out", 80)
    assert evidence is not None
    assert {key: evidence[key] for key in ("bridge", "chain", "recipient", "amount", "token", "note")} == {
        "bridge": "across", "chain": FAR, "recipient": "mule", "amount": "80", "token": "USD",
        "note": f"{FAR} is not followed here: sync it to go on there",
    }  # fmt: skip


def test_a_deposit_that_nobody_filled_ends_at_the_bridge(tmp_path: Path) -> None:
    rows: dict[str, Sequence[Row]] = {**THEFT, FAR: [born(relayer=500), arrive("clean", 8, 49, "ann")]}
    found = Across(tmp_path, rows, tags=[ACME], told=TOKENS).trace(NEAR, "steal:0")
    ((reason, tx, units, evidence),) = found.stops
    assert (reason, tx, units) == ("bridge", "out", 80)
    assert evidence is not None
    assert evidence["note"] == f"the other side was not found on {FAR}, read up to block 1"


@pytest.mark.parametrize("side", ["deposit", "fill"])
def test_an_event_of_another_contract_does_nothing(tmp_path: Path, side: str) -> None:
    """A thief can emit what he likes: his own bridge holds a queue, and his fill of a real deposit is no crossing."""
    if side == "deposit":
        event = deposited(7, "USD", 80, "ann", emitter="sham")
        near: list[Row] = [
            *THEFT[NEAR][:2],
            Tx("out", "thief", moves=[Move("thief", "sham", 80, "USD")], events=[event]),
            Tx("back", "sham", moves=[Move("sham", "thief", 80, "USD")]),
        ]
        rows: dict[str, Sequence[Row]] = {NEAR: near, FAR: THEFT[FAR]}
        stops, rests = 0, {"seed": 90, "unspent": 90}
    else:
        event = filled(7, "USD", 72, "ann", emitter="sham")
        far: list[Row] = [
            born(relayer=500),
            Tx("in", "relayer", moves=[Move("relayer", "ann", 72, "USD")], events=[event]),
        ]
        rows = {NEAR: THEFT[NEAR], FAR: far}
        stops, rests = 1, {"seed": 90, "unspent": 10, "stopped": 80}
    found = Across(tmp_path, rows, tags=[ACME], told=TOKENS).trace(NEAR, "steal:0")
    assert found.crossings == []
    assert len(found.stops) == stops
    assert found.totals == {USD: rests}


def test_a_key_that_stands_on_two_events_is_no_match(tmp_path: Path) -> None:
    """Two fills of one deposit: which is the other side, nobody can say."""
    rows: dict[str, Sequence[Row]] = {
        **THEFT,
        FAR: [born(relayer=500), arrive("one", 7, 72, "mule"), arrive("two", 7, 71, "mule")],
    }
    found = Across(tmp_path, rows, tags=[ACME], told=TOKENS).trace(NEAR, "steal:0")
    ((reason, _, units, evidence),) = found.stops
    assert (reason, units) == ("bridge", 80)
    assert evidence is not None
    assert evidence["note"].startswith("its key stands on several events")


def test_money_that_comes_back_is_counted_once(tmp_path: Path) -> None:
    """There and back again: the home chain has it as converted, not as seeded anew; a third chain changes nothing."""
    rows: dict[str, Sequence[Row]] = {
        NEAR: [
            born(victim=100, relayer=500),
            Tx("steal", "victim", moves=[Move("victim", "thief", 100, "USD")]),
            leave("out", "thief", 1, 100, "mule"),
            arrive("home", 2, 90, "crook", near=FAR, day=1),
            Tx("exit", "crook", moves=[Move("crook", "hot", 80, "USD")]),
        ],
        FAR: [
            born(relayer=500),
            arrive("in", 1, 95, "mule"),
            leave("back", "mule", 2, 95, "crook", far=NEAR),
        ],
        THIRD: [born(relayer=5)],
    }
    case = Across(tmp_path, rows, tags=[tag(NEAR, "hot", "acme")], told=TOKENS)
    for method in ("fifo", "haircut", "lifo"):
        found = case.trace(NEAR, "steal:0", method=method)
        assert found.totals == {
            USD: {"seed": 100, "converted_in": 90, "services": 80, "unspent": 10, "converted_out": 100},
            EUR: {"converted_in": 95, "converted_out": 95},
        }
        assert found.legs == [("acme", NEAR, "exit", 80)]
        assert [row["chain"] for row in found.document["as_of"]] == [NEAR, FAR]
        assert found.document["seed_summary"]["external_received"]["base_units"] == "100"
        assert [seed["kind"] for seed in found.document["seeds"]] == ["outpoint"]
        closes(found)


def test_two_ways_over_one_chain_add_up(tmp_path: Path) -> None:
    """What comes first is spent first: two crossings of one thief meet in one account behind the bridge."""
    rows: dict[str, Sequence[Row]] = {
        NEAR: [
            born(victim=100),
            Tx("steal", "victim", moves=[Move("victim", "thief", 100, "USD")]),
            leave("first", "thief", 1, 40, "mule"),
            leave("second", "thief", 2, 60, "mule"),
        ],
        FAR: [
            born(relayer=500, mule=10),
            arrive("one", 1, 40, "mule"),
            arrive("two", 2, 60, "mule"),
            Tx("exit", "mule", moves=[Move("mule", "hot", 70, "USD")]),
        ],
    }
    found = Across(tmp_path, rows, tags=[ACME], told=TOKENS).trace(NEAR, "steal:0")
    assert [row[2:] for row in found.crossings] == [(40, "one", 40), (60, "two", 60)]
    assert found.totals[EUR] == {"converted_in": 100, "services": 60, "unspent": 40}


def test_another_token_that_comes_is_followed_and_said(tmp_path: Path) -> None:
    """The key decides; that the tokens differ is a note."""
    rows: dict[str, Sequence[Row]] = {
        NEAR: THEFT[NEAR],
        FAR: [
            born("EUR", relayer=500),
            arrive("in", 7, 30, "mule", token="EUR"),
            Tx("exit", "mule", moves=[Move("mule", "hot", 30, "EUR")]),
        ],
    }
    found = Across(tmp_path, rows, tags=[ACME], told=TOKENS).trace(NEAR, "steal:0")
    assert found.totals[FAR, "EUR"] == {"converted_in": 30, "services": 30}
    assert "USD left and EUR came, matched by key alone" in found.notes


def test_what_came_before_it_left_is_no_crossing(tmp_path: Path) -> None:
    """A day too early, whatever the key says."""
    rows = {NEAR: [THEFT[NEAR][0], Tx("steal", "victim", moves=[Move("victim", "thief", 90, "USD")], day=2),
                   leave("out", "thief", 7, 80, "mule")], FAR: THEFT[FAR]}  # fmt: skip
    found = Across(tmp_path, rows, tags=[ACME], told=TOKENS).trace(NEAR, "steal:0")
    assert [stop[:3] for stop in found.stops] == [("bridge", "out", 80)]
    assert found.stops[0][3] is not None
    assert found.stops[0][3]["note"] == "what came is earlier than what left"


def test_into_bitcoin_the_stop_names_the_address_of_the_memo(tmp_path: Path) -> None:
    rows: dict[str, Sequence[Row]] = {
        NEAR: [*THEFT[NEAR][:2], paid_in("swap", "thief", "USD", 90, "=:BTC.BTC:bc1qexit:0/1/0")]
    }
    ((reason, tx, units, evidence),) = Across(tmp_path, rows, told=TOKENS).trace(NEAR, "steal:0").stops
    assert (reason, tx, units) == ("bridge", "swap", 90)
    assert evidence is not None
    assert (evidence["chain"], evidence["recipient"]) == ("bitcoin-regtest", "bc1qexit")


def test_the_real_router_called_for_a_vault_of_ones_own_does_nothing(tmp_path: Path) -> None:
    """Anybody may call it and write a memo: that counts for listed vaults alone, and the money ends at the router."""
    memo = "=:BTC.BTC:bc1qexit:0/1/0"
    rows: dict[str, Sequence[Row]] = {
        NEAR: [*THEFT[NEAR][:2], paid_in("swap", "thief", "USD", 90, memo, vault="thief")]
    }
    ((reason, tx, units, evidence),) = Across(tmp_path, rows, told=TOKENS).trace(NEAR, "steal:0").stops
    assert (reason, tx, units, evidence) == ("bridge", "swap", 90, None)


def test_several_methods_are_compared_chain_by_chain(tmp_path: Path) -> None:
    """The same exchange on both chains is two rows; the bound is the most that can have come there."""
    rows: dict[str, Sequence[Row]] = {
        **THEFT,
        NEAR: [*THEFT[NEAR], Tx("rest", "thief", moves=[Move("thief", "hot", 10, "USD")])],
    }
    case = Across(tmp_path, rows, tags=[ACME, tag(NEAR, "hot", "acme")], told=TOKENS)
    document = case.document(NEAR, "steal:0")
    assert [
        (row["endpoint"], row["chain"], row["fifo"], row["haircut"], row["upper_bound"])
        for row in document["comparison"]
    ] == [("acme", NEAR, "10", "10", "10"), ("acme", FAR, "60", "60", "60")]


def test_the_same_bytes_whatever_the_order_of_loading(tmp_path: Path) -> None:
    one = Across(tmp_path / "one", THEFT, tags=[ACME], told=TOKENS).document(NEAR, "steal:0")
    turned = {name: THEFT[name] for name in reversed(THEFT)}
    two = Across(tmp_path / "two", turned, tags=[ACME], told=TOKENS).document(NEAR, "steal:0")
    assert json.dumps(one) == json.dumps(two)
