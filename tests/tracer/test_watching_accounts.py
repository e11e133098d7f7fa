"""Watches on an account chain, tried on past blocks: net of each asset, tokens, gas apart, what nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import CHAIN, Move, Token, Tx, shown
from tests.scenarios.watched import watch
from tracer.errors import UsageError
from tracer.ledger.store import Ledger
from tracer.watching.backtest import backtest

ROWS = [
    Tx("fund", "bank", to="eve", value=50),
    Tx("pay", "eve", to="ann", value=20, fee=1),
    Tx("token", "bank", to="USDT", moves=[Move("bank", "eve", 7, "USDT")]),
    Tx("swap", "eve", to="pool", value=5, fee=1, moves=[Move("pool", "eve", 3, "USDT")]),
    Tx("no", "eve", to="ann", value=5, fee=1, failed=True),
    Tx("poison", "ann", to="USDT", moves=[Move("ann", "eve", 0, "USDT")]),
    Tx("out", "eve", to="acme", value=4, fee=1),
]


@pytest.fixture
def case(tmp_path: Path) -> AccountCase:
    told = [Token("USDT", decimals=6)]
    return AccountCase(tmp_path, ROWS, tags=[tag("acme", "acme", role="hot")], told=told)


def tried(case: AccountCase, *texts: str, rows: Sequence[Tx] = ROWS, **options: Any) -> set[tuple[Any, ...]]:
    made = [watch(text, chain=CHAIN, **options) for text in texts]
    tested = backtest(made, lambda: Ledger.open(case.workspace, CHAIN), case.snapshot, 0, None)
    names = {shown(row.name): row.name for row in rows}
    return {
        (
            e.alert_type,
            e.watch.label,
            names[e.txid or ""],
            e.direction,
            int(e.amount["base_units"]),
            e.amount["asset"],
        )
        for e in tested.first
        if e.amount is not None
    }


def test_the_coin_comes_first_of_several_assets_and_gas_is_no_movement(case: AccountCase) -> None:
    assert tried(case, "eve") == {
        ("transfer", "eve", "fund", "inbound", 50, "ETH"),
        ("transfer", "eve", "pay", "outbound", 20, "ETH"),
        ("transfer", "eve", "token", "inbound", 7, "USDT"),
        ("transfer", "eve", "swap", "outbound", 5, "ETH"),
        ("transfer", "eve", "out", "outbound", 4, "ETH"),
    }


def test_a_token_or_a_least_amount_narrows_it(case: AccountCase) -> None:
    assert tried(case, "eve", asset="USDT") == {
        ("transfer", "eve", "token", "inbound", 7, "USDT"),
        ("transfer", "eve", "swap", "inbound", 3, "USDT"),
    }
    assert {row[2] for row in tried(case, "eve", asset="USDT", min_units=5)} == {"token"}
    assert {row[2] for row in tried(case, "eve", min_units=5)} == {"fund", "pay", "swap"}
    assert tried(case, "eve", asset="DAI") == set()


def test_a_service_that_is_paid_is_told(case: AccountCase) -> None:
    assert tried(case, "eve", on="reached_service") == {
        ("reached_service", "eve", "out", "outbound", 4, "ETH")
    }


def test_blocks_that_were_not_read_are_refused(case: AccountCase) -> None:
    with pytest.raises(UsageError, match="were not all read"):
        backtest(
            [watch("eve", chain=CHAIN)], lambda: Ledger.open(case.workspace, CHAIN), case.snapshot, 0, 99
        )


BATCH = [
    Tx("fund", "bank", to="eve", value=50, moves=[Move("bank", "eve", 900, "USDT")]),
    Tx(
        "change",
        "eve",
        to="pool",
        fee=1_000,
        moves=[Move("eve", "pool", 100, "USDT"), Move("pool", "eve", 1, "USDT")],
    ),
    Tx("both", "eve", to="ann", value=5, fee=1, moves=[Move("eve", "acme", 300, "USDT")]),
]


def test_a_token_that_leaves_is_no_change_however_large_the_fee(tmp_path: Path) -> None:
    """A fee is counted in the coin; less of a token than that is not "all came back"."""
    case = AccountCase(tmp_path, BATCH, told=[Token("USDT", decimals=6)])
    told = tried(case, "eve", asset="USDT", rows=BATCH)
    assert ("transfer", "eve", "change", "outbound", 99, "USDT") in told


def test_a_token_that_reaches_a_service_beside_a_coin_that_does_not_is_told(tmp_path: Path) -> None:
    told = [Token("USDT", decimals=6)]
    case = AccountCase(tmp_path, BATCH, tags=[tag("acme", "acme", role="hot")], told=told)
    assert tried(case, "eve", on="reached_service", rows=BATCH) == {
        ("reached_service", "eve", "both", "outbound", 300, "USDT")
    }
