"""`tracer paths` of an account chain as people and scripts meet it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_trace import Ran
from tests.cli.test_trace import address as output_address
from tests.cli.test_trace_accounts import address
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import Row, shown
from tests.scenarios.test_accounts_paths import BELIEVED, DEX, FUND, pay, trade

ROWS: list[Row] = [
    *FUND,
    pay("thin", "ann", "hot", 3),
    trade("swap", "ann", 60, 150),
    pay("out", "ann", "hot", 120, "DAI"),
    pay("mixed", "ann", "whirl", 5),
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paths")
    tags = [DEX, tag("hot", "acme", role="hot"), tag("whirl", "whirl", category="mixing_service")]
    AccountCase(folder, ROWS, tags=tags, told=BELIEVED)
    return folder


def paths(workspace: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    return Ran(workspace, capsys, "paths", "--chain", "evm-31337", *arguments)


def test_the_document_has_the_keys_of_every_chain_and_those_of_accounts(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doc = paths(workspace, capsys, address("ann"), address("hot"), "--json").json
    assert list(doc) == [
        "schema", "as_of", "intel_snapshot", "rules", "engine", "coverage", "seeds", "targets", "unit",
        "parameters", "paths", "more", "reached", "by_category", "complete", "heuristics", "overrides",
        "protected", "claims", "tlp", "stops", "asset", "floors", "unbelieved",
    ]  # fmt: skip
    path = doc["paths"][1]
    assert list(path) == [
        "bottleneck", "hops", "first_time", "last_time", "from", "to", "steps", "bottlenecks",
    ]  # fmt: skip
    assert list(path["from"]) == [
        "address", "outpoint", "time", "transfer_index", "log_index", "transfers", "amount",
    ]  # fmt: skip
    assert list(path["to"])[-3:] == ["transfer_index", "log_index", "stop"]
    assert list(path["steps"][0]) == [
        "txid", "height", "time", "spends", "makes", "address", "amount", "payer", "at_most", "transfer_index",
        "log_index", "conversion",
    ]  # fmt: skip
    assert [step["makes"] for step in path["steps"]] == [f"{shown('swap')}:1", f"{shown('out')}:0"]
    assert (path["to"]["entity"], path["to"]["stop"]) == ("acme", None)


def test_the_text_shows_transfers_swaps_and_where_the_search_stopped(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Amounts of both assets stand side by side, and are not added up."""
    said = " ".join(paths(workspace, capsys, address("ann")).out.split())
    for words in (
        "1. at most 0.000003 USDT, 1 hop", "2. at most 0.000000000000000120 DAI, 2 hops",
        "swap of 0.000060 USDT into 0.000000000000000150 DAI",
        f"{address('whirl')}, which is a mixer of whirl (claim): 1 transfer",
        "at most 0.000000000000000120 DAI or 0.000003 USDT by a single one",
        "exchange, KYC then unknown: 1 transfer, by one path at most 0.000003 USDT",
        "The path of the fewest hops comes first", "none over a bridge was looked for",
    ):  # fmt: skip
        assert words in said


def test_a_floor_is_in_the_coins_of_the_asset_that_was_named(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (address("ann"), address("hot"), "--asset", "usdt", "--min-value")
    assert len(paths(workspace, capsys, *asked, "0.000003", "--json").json["paths"]) == 2
    assert len(paths(workspace, capsys, *asked, "0.000004", "--json").json["paths"]) == 1
    said = " ".join(paths(workspace, capsys, *asked, "0.000061").out.split())
    assert "No path of at most 10 hops" in said
    assert "of at least 0.000061 (--min-value)" in said
    assert "through a service, a pool, a mix or a bridge, which no path here does" in said


@pytest.mark.parametrize(
    ("option", "words"),
    [(["--asset", "USDT"], "--asset is for account chains"),
     (["--emitters", "FILE"], "--emitters and --mixer-pools are for account chains")],
)  # fmt: skip
def test_what_only_accounts_have_is_not_asked_of_a_chain_of_outputs(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str], words: str
) -> None:
    own = tmp_path / "own.yml"
    own.write_text("")
    option = [str(own) if word == "FILE" else word for word in option]
    ran = Ran(workspace, capsys, "paths", "--chain", "bitcoin-regtest", output_address("ann"), *option)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
