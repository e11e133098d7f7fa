"""Exposure on account chains: each asset by itself, the same words as on chains of outputs."""

from __future__ import annotations

from typing import Any

import pytest

from rules import clustering
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import CHAIN, Block, Move, Row, Tx, shown
from tracer.ledger.store import Ledger
from tracer.screening.examine import Examiner, Settings
from tracer.screening.model import Evidence, Subject

# victim is robbed by thief in coin and token; mule carries both to the exchange
THEFT: list[Row] = [
    Block(rewards=[("victim", 100), ("ann", 50)]),
    Tx("steal", "victim", to="thief", value=90, fee=1),
    Tx("mint", "bank", moves=[Move(None, "victim", 500, "USDT")]),
    Tx("grab", "thief", to="USDT", fee=1, moves=[Move("victim", "thief", 300, "USDT")]),
    Tx("pass", "thief", to="mule", value=80, fee=1),
    Tx("exit", "mule", to="hot", value=60, fee=1),
    Tx("token", "thief", to="USDT", fee=1, moves=[Move("thief", "mule", 200, "USDT")]),
    Tx("sell", "mule", to="USDT", fee=1, moves=[Move("mule", "hot", 150, "USDT")]),
]
CLAIMS = [tag("hot", "acme", role="hot"), tag("victim", category="scam")]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> AccountCase:
    return AccountCase(tmp_path_factory.mktemp("accounts"), THEFT, tags=CLAIMS)


def one(case: AccountCase, subject: Subject, **settings: Any) -> Evidence:
    with Ledger.open(case.workspace, CHAIN) as ledger:
        return Examiner(ledger, case.snapshot, Settings(**settings), rules=clustering()).examine([subject])[0]


def rows(evidence: Evidence) -> set[tuple[str, str, str, str, int, int, int]]:
    """(category, side, type, asset, fifo, total, hops)."""
    return {
        (e.category, e.side, e.type, e.asset, e.units["fifo"], e.total, e.min_hops)
        for e in evidence.exposures
    }


def of(address: str, **more: Any) -> Subject:
    return Subject("address", CHAIN.name, address, address, **more)


def test_each_asset_is_counted_by_itself(case: AccountCase) -> None:
    told = one(case, of("thief"))
    assert rows(told) == {
        ("scam", "source", "direct", "ETH", 90, 90, 1), ("scam", "source", "direct", "USDT", 300, 300, 1),
        ("exchange", "destination", "indirect", "ETH", 60, 80, 2),
        ("exchange", "destination", "indirect", "USDT", 150, 200, 2),
    }  # fmt: skip
    assert (told.seen, told.truncated, told.received, told.sent) == (True, False, 90, 80)
    ways = {(e.asset, e.side): [[case.names[t] for t in way] for way in e.paths] for e in told.exposures}
    assert ways["ETH", "destination"] == [["pass", "exit"]]
    assert ways["USDT", "source"] == [["grab"]]


def test_no_counterparty_lies_farther_than_asked(case: AccountCase) -> None:
    assert {e.category for e in one(case, of("thief"), hops=1).exposures} == {"scam"}


def test_a_transfer_is_judged_by_itself(case: AccountCase) -> None:
    subject = Subject("transfer", CHAIN.name, "pass", txid=shown("pass"), transfer_index=0)
    told = one(case, subject)
    assert ("exchange", "destination", "indirect", "ETH", 60, 80, 2) in rows(told)
    assert (told.subject.address, told.subject.units, told.chain_state) == ("mule", 80, "confirmed")
    assert {e.asset for e in told.exposures} == {"ETH"}


def test_a_service_is_not_looked_through_and_a_stranger_is_unseen(case: AccountCase) -> None:
    hot = one(case, of("hot"))
    assert [(e.category, e.type) for e in hot.exposures] == [("exchange", "ownership")]
    assert any("not looked through" in note for note in hot.notes)
    assert not one(case, of("nobody")).seen


def test_our_own_wallets_are_no_counterparty(case: AccountCase) -> None:
    assert {e.category for e in one(case, of("mule"), own=frozenset({"acme"})).exposures} == {"scam"}


def test_a_withdrawal_deals_with_the_owner_directly(case: AccountCase) -> None:
    told = one(case, Subject("withdrawal_attempt", CHAIN.name, "hot", "hot", units=7))
    assert rows(told) == {("exchange", "destination", "direct", "ETH", 7, 7, 1)}


def test_payments_in_a_burst_to_an_extorter_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In coin and in token, each by itself; a stranger's payments on behalf of nobody count for nobody else."""
    paying: list[Row] = [
        Block(rewards=[("payer", 1_000), ("friend", 100)]),
        Tx("mint", "bank", moves=[Move(None, "payer", 500, "USDT")]),
        *(Tx(f"pay {n}", "payer", to="threat", value=10 + n) for n in range(3)),
        *(Tx(f"token {n}", "payer", to="USDT", moves=[Move("payer", "threat", 5, "USDT")]) for n in range(4)),
        Tx("once", "friend", to="threat", value=7),
    ]  # fmt: skip
    case = AccountCase(tmp_path_factory.mktemp("burst"), paying, tags=[tag("threat", category="sextortion")])
    told = one(case, of("payer"), dust={CHAIN.name: 0})
    assert [(b["asset"], b["payments"], b["total"], [case.names[t] for t in b["txids"]]) for b in told.bursts] == [
        ("ETH", 3, "33", ["pay 0", "pay 1", "pay 2"]), ("USDT", 4, "20", ["token 0", "token 1", "token 2", "token 3"]),
    ]  # fmt: skip
    assert one(case, of("friend"), dust={CHAIN.name: 0}).bursts == ()
