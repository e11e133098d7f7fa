"""Inflow of accounts that nobody asked for stands apart: dust, spam to many, tokens nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import clustering
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import CHAIN, Block, Move, Row, Token, Tx, shown
from tracer.ledger.store import Ledger
from tracer.screening.examine import Examiner, Settings
from tracer.screening.model import Evidence, Subject

ETHER = 10**18
DUST = ETHER // 10_000
CENT = 10_000
"""Of a token of six decimals."""
MANY = [f"stranger {n}" for n in range(9)]


def sent(name: str, token: str, amount: int, to: list[str], day: float | None = None) -> list[Row]:
    """The same amount to each, in a transaction each."""
    return [
        Tx(f"{name} {n}", "evil", to=token, moves=[Move("evil", each, amount, token)], day=day)
        for n, each in enumerate(to)
    ]


ROWS: list[Row] = [
    Block(rewards=[("evil", ETHER)]),
    Tx("issue", "bank", moves=[Move(None, "evil", 10**9, token) for token in ("USDT", "SCAM", "PAID")]),
    Tx("dust", "evil", to="ann", value=DUST),
    Tx("pay", "evil", to="ann", value=DUST + 1),
    # an airdrop of USDT: a cent for ann and nine strangers; bob gets another amount
    *sent("cent", "USDT", CENT, ["ann", *MANY]),
    Tx("other", "evil", to="USDT", moves=[Move("evil", "bob", CENT - 1, "USDT")]),
    # tokens nobody knows, for many; cat passes hers on, dan called for his
    *sent("scam", "SCAM", 7 * 10**6, ["ann", "cat", *MANY]),
    Tx("sold", "cat", to="SCAM", moves=[Move("cat", "shop", 7 * 10**6, "SCAM")]),
    Tx("claim", "dan", to="PAID", moves=[Move("evil", "dan", 1, "PAID")]),
    # the same again, on two days: not enough on one
    *sent("late", "USDT", 2 * CENT, ["bob", *MANY[:4]], day=1),
    *sent("last", "USDT", 2 * CENT, MANY[4:], day=2),
]  # fmt: skip
TOLD = [
    Token("USDT", symbol="USDT", decimals=6, genuine=True), Token("SCAM", symbol="SCAM", decimals=6),
    Token("PAID", symbol="PAID", decimals=6),
]  # fmt: skip


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> AccountCase:
    folder: Path = tmp_path_factory.mktemp("accounts")
    return AccountCase(folder, ROWS, tags=[tag("evil", category="sanction")], told=TOLD)


def one(case: AccountCase, subject: Subject, **settings: object) -> Evidence:
    with Ledger.open(case.workspace, CHAIN) as ledger:
        examiner = Examiner(ledger, case.snapshot, Settings(**settings), rules=clustering())  # type: ignore[arg-type]
        return examiner.examine([subject])[0]


def of(address: str) -> Subject:
    return Subject("address", CHAIN.name, address, address)


def rows(evidence: Evidence) -> set[tuple[str, bool, int, int]]:
    """(asset, solicited, fifo, total) of what came."""
    return {
        (e.asset, e.solicited, e.units["fifo"], e.total) for e in evidence.exposures if e.side == "source"
    }


def test_dust_and_spam_stand_apart_from_what_was_paid(case: AccountCase) -> None:
    told = one(case, of("ann"))
    assert rows(told) == {
        ("ETH", True, DUST + 1, 2 * DUST + 1),
        ("ETH", False, DUST, 2 * DUST + 1),
        ("USDT", False, CENT, CENT),
        ("SCAM", False, 7 * 10**6, 7 * 10**6),
    }
    assert {e.category for e in told.exposures} == {"sanction"}
    assert told.received == 2 * DUST + 1


def test_an_amount_of_its_own_and_one_of_another_day_are_asked_for(case: AccountCase) -> None:
    assert rows(one(case, of("bob"))) == {("USDT", True, 3 * CENT - 1, 3 * CENT - 1)}


def test_a_token_that_was_passed_on_was_wanted(case: AccountCase) -> None:
    assert rows(one(case, of("cat"))) == {("SCAM", True, 7 * 10**6, 7 * 10**6)}


def test_what_its_payee_called_for_is_asked_for_however_little(case: AccountCase) -> None:
    assert rows(one(case, of("dan"))) == {("PAID", True, 1, 1)}


@pytest.mark.parametrize(
    ("decimals", "solicited"), [(None, True), (0, True), (2, True), (5, False), (77, True)]
)
def test_only_where_decimals_are_known_a_token_has_dust(
    tmp_path_factory: pytest.TempPathFactory, decimals: int | None, solicited: bool
) -> None:
    paid: list[Row] = [
        Tx("issue", "bank", moves=[Move(None, "evil", 9, "COIN"), Move(None, "evil", 1, "PUNK#7")]),
        Tx("one", "evil", to="COIN", moves=[Move("evil", "ann", 1, "COIN")]),
        Tx("punk", "evil", to="PUNK", moves=[Move("evil", "ann", 1, "PUNK#7")]),
    ]
    told = [Token("COIN", symbol="COIN", decimals=decimals)]
    case = AccountCase(
        tmp_path_factory.mktemp("odd"), paid, tags=[tag("evil", category="sanction")], told=told
    )
    found = rows(one(case, of("ann")))
    assert {(asset.partition(" ")[0], asked) for asset, asked, *_ in found} == {
        ("COIN", solicited),
        ("PUNK", True),
    }


def test_a_transfer_that_is_dust_is_judged_as_such(case: AccountCase) -> None:
    for name, solicited in (("dust", False), ("pay", True)):
        told = one(case, Subject("transfer", CHAIN.name, name, txid=shown(name), transfer_index=0))
        assert {(e.category, e.solicited) for e in told.exposures if e.side == "source"} == {
            ("sanction", solicited)
        }
        assert told.subject.address == "ann"


def test_a_policy_may_say_what_is_dust(case: AccountCase) -> None:
    told = one(case, of("ann"), dust={CHAIN.name: 0})
    assert ("ETH", True, 2 * DUST + 1, 2 * DUST + 1) in rows(told)
