"""`tracer screen` on an account chain: a transfer by its position, a token withdrawal in its own decimals."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Ran, tracer
from tests.cli.test_trace_accounts import ROWS, address
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import Token, shown

CHAIN = "evm-31337"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("accounts")
    told = [Token("USDT", 6), Token("FAKE", 18, "ETH")]
    tags = [tag("hot", "acme", role="hot"), tag("thief", "", category="service_hack")]
    AccountCase(folder, ROWS, tags=tags, told=told)
    return folder


def screen(workspace: Path, *arguments: str) -> Ran:
    return tracer(workspace, "screen", "--chain", CHAIN, "--json", *arguments)


def test_a_token_withdrawal_has_the_decimals_of_its_token(workspace: Path) -> None:
    ran = screen(workspace, "--to", address("thief"), "--amount", "12.5", "--asset", "USDT")
    amount = ran.document["subject"]["amount"]
    assert ran.document["verdict"] in ("review", "block")
    assert (amount["asset"], amount["base_units"], amount["decimals"]) == ("USDT", "12500000", 6)
    assert amount["asset_id"].startswith("eip155:31337/erc20:")
    paid = next(row for row in ran.document["exposures"] if row["type"] == "direct")
    assert paid["amount"] == amount
    own = screen(workspace, "--to", address("thief"), "--amount", "1").document["subject"]["amount"]
    assert own["base_units"] == str(10**18)


def test_an_amount_of_a_token_nobody_knows_is_refused(workspace: Path) -> None:
    screen(workspace, "--to", address("thief"), "--amount", "1", "--asset", "NONE").refused(
        2, "was ever seen"
    )


def test_a_transfer_is_named_by_its_position(workspace: Path) -> None:
    ran = screen(workspace, f"{shown('exit')}:0", "--direction", "inbound")
    subject = ran.document["subject"]
    assert (subject["kind"], subject["transfer_index"], subject["vout"]) == ("transfer", 0, None)
    assert ran.code in (10, 20)
    assert "service_hack" in {row["category"] for row in ran.document["exposures"]}


def test_a_payer_is_judged_in_each_asset(workspace: Path) -> None:
    ran = screen(workspace, address("victim"))
    assert ran.document["seen"]
    assert {row["side"] for row in ran.document["exposures"] if row["category"] == "service_hack"} == {
        "destination"
    }
    text = tracer(workspace, "screen", "--chain", CHAIN, address("victim")).out
    assert "10.000000000000000000 ETH" in text
