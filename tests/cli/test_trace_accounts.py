"""`tracer trace` of an account chain as people meet it: every asset for itself, and what is not there yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.evm.chains import named
from tests.cli.test_trace import Ran
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import CHAIN, Block, Move, Row, Token, Tx, shown

ROWS: list[Row] = [
    Block(rewards=[("victim", 10**19)]),
    Tx("steal", "victim", to="thief", value=10**19),
    Tx("mint", "bank", moves=[Move(None, "thief", 300_000_000, "USDT")]),
    Tx("exit", "thief", moves=[Move("thief", "hot", 200_000_000, "USDT")]),
    Tx("spam", "spammer", moves=[Move(None, "thief", 7, "FAKE")]),
]


def address(name: str) -> str:
    """The address of a scenario name as the chain writes it."""
    entry = named("evm-31337")
    assert entry is not None
    return entry.render_address(CHAIN.parse_address(name))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    told = [Token("USDT", 6), Token("FAKE", 18, "ETH")]
    AccountCase(tmp_path, ROWS, tags=[tag("hot", "acme", role="hot")], told=told)
    return tmp_path


def test_every_asset_is_told_for_itself(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Coins with their own decimals, a leg by its transfer, and spam beside the answer."""
    ran = Ran(workspace, capsys, "trace", address("thief"), "--chain", "evm-31337")
    assert ran.code == 0
    for line in (
        "received 10.000000000000000000 ETH", "received 300.000000 USDT", "Services reached (USDT)",
        "No service that could be asked was reached with ETH.", f"{shown('exit')}:0",
        "not believed: 0x46414b4500000000000000000000000000000000",
    ):  # fmt: skip
        assert line.lower() in ran.out.lower()
    assert "reached acme 200.000000 USDT" in ran.out


def test_a_transfer_is_a_seed_and_one_asset_can_be_asked_for(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A floor is in the coins of the asset that was named."""
    chain = ("--chain", "evm-31337", "--json", "--method", "fifo")
    ran = Ran(workspace, capsys, "trace", address("thief"), "--asset", "usdt", "--min-value", "250", *chain)
    assert [(row["asset"], row["pruned"]) for row in ran.json["totals"]] == [("USDT", "200000000")]
    ran = Ran(workspace, capsys, "trace", f"{shown('mint')}:0", *chain)
    leg = ran.json["endpoints"][0]["legs"][0]
    assert (leg["vout"], leg["transfer_index"], leg["address"]) == (None, 0, address("hot"))
    assert ran.json["endpoints"][0]["amount"]["asset_id"] == f"eip155:31337/erc20:{address('USDT')}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("trace", "THIEF", "--fees", "miners"), "gas is burnt"),
        (("trace", "THIEF", "--method", "tiho"), "tiho fills the largest output first"),
    ],
)
def test_what_is_not_there_yet_is_refused_in_words(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(workspace)
    words = [address(word.lower()) if word.isupper() else word for word in arguments]
    ran = Ran(workspace, capsys, *words, "--chain", "evm-31337")
    assert ran.code == 2
    assert said in ran.err


def test_an_asset_is_not_asked_of_a_chain_of_outputs(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(workspace, capsys, "trace", f"{'00' * 32}:0", "--asset", "USDT", "--chain", "bitcoin-regtest")
    assert ran.code == 2
    assert "--asset is for account chains" in ran.err
