"""What a node should be asked for beside the blocks: no more than is needed, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.accounts import (
    CHAIN,
    Block,
    Move,
    Opening,
    Row,
    Token,
    Tx,
    batch,
    built,
    openings,
    payload_of,
)
from tracer.chain import AssetStandard
from tracer.ledger.accounts.ingest import AccountLoader
from tracer.ledger.accounts.untold import untold_balances, untold_tokens
from tracer.ledger.store import Ledger

NAMES = ("alice", "bob", "carol", "dex", "dev", "USDT", "GOLD", "PUNK", "GAME", "validator")
_SAID = {payload_of(name): name for name in NAMES}


def wanted(ledger: Ledger, *accounts: str, above: int = -1) -> set[tuple[int, str, str]]:
    """Height, account and asset of the balances to ask for."""
    ids = [ledger.find_address(CHAIN.parse_address(name)) for name in accounts]
    rows = untold_balances(ledger, [i for i in ids if i is not None] if accounts else None, above=above)
    return {(row["height"], _SAID[row["address"]], asset(row)) for row in rows.iter_rows(named=True)}


def asset(row: dict[str, object]) -> str:
    contract, number = row["contract"], row["token_id"]
    if contract is None:
        return "ETH"
    assert isinstance(contract, bytes)
    mark = "#" if row["standard"] == AssetStandard.UNIQUE else "*"
    return _SAID[contract] + (f"{mark}{int.from_bytes(number)}" if isinstance(number, bytes) else "")


USED: list[Row] = [
    Tx("pay", "alice", to="bob", value=5, fee=1),
    Tx("give", "alice", to="USDT", moves=[Move("bob", "carol", 7, "USDT")]),
    Tx("art", "alice", to="PUNK", moves=[Move("bob", "carol", 1, "PUNK#3"), Move("dex", "bob", 9, "GAME*4")]),
]


def test_from_the_middle_on_what_paid_out_is_wanted_of_the_block_before(tmp_path: Path) -> None:
    """Of every kind of asset; who only received is not asked about."""
    with built(tmp_path, USED, first=50) as ledger:
        assert wanted(ledger) == {
            (49, "alice", "ETH"), (49, "bob", "USDT"), (49, "bob", "PUNK#3"), (49, "dex", "GAME*4")
        }  # fmt: skip
        hashes = set(untold_balances(ledger)["hash"])
        assert hashes == {ledger.db.value("SELECT prev_hash FROM block WHERE height = 50")}


def test_from_block_0_on_the_coin_of_every_account_is_wanted_and_of_tokens_that_were_there(
    tmp_path: Path,
) -> None:
    """A genesis block gives coin to whom it likes. Whose creation was read had no holders before."""
    rows: list[Row] = [
        Block(),
        Tx("make", "dev", creates="GOLD"),
        Tx("mint", "dev", moves=[Move("dev", "bob", 4, "GOLD")]),
        *USED,
    ]
    with built(tmp_path, rows) as ledger:
        found = wanted(ledger)
        assert {(height, who) for height, who, what in found if what == "ETH"} == {
            (0, name) for name in ("alice", "bob", "carol", "dex", "dev", "USDT", "GOLD", "PUNK", "GAME")
        }
        assert {(who, what) for _, who, what in found if what != "ETH"} == {
            ("bob", "USDT"), ("carol", "USDT"), ("bob", "PUNK#3"), ("carol", "PUNK#3"), ("dex", "GAME*4"),
            ("bob", "GAME*4"),
        }  # fmt: skip


def test_what_was_told_is_not_wanted_again_whatever_was_told(tmp_path: Path) -> None:
    told = [
        Opening("alice", 0, "ETH", 49),
        Opening("bob", 10**40, "USDT", 49),  # too great to be known
        Opening("bob", 1, "PUNK#3", 49),
    ]
    with built(tmp_path, USED, first=50, balances=told) as ledger:
        assert wanted(ledger) == {(49, "dex", "GAME*4")}
        AccountLoader(ledger).openings(openings([Opening("dex", 9, "GAME*4", 49)]))
        assert wanted(ledger) == set()


@pytest.mark.parametrize(("height", "serves"), [(48, False), (49, True), (50, True), (51, False)])
def test_a_balance_serves_that_was_told_for_a_block_before_the_first_payment_and_no_gap_between(
    tmp_path: Path, height: int, serves: bool
) -> None:
    """The first payment is in block 51: what it left behind says nothing of before."""
    rows: list[Row] = [
        Block(),
        Tx("pay", "alice", to="bob", value=5),
        Tx("pay on", "alice", to="bob", value=5),
    ]
    with built(tmp_path, rows, first=50, balances=[Opening("alice", 99, height=height)]) as ledger:
        assert wanted(ledger) == (set() if serves else {(49, "alice", "ETH")})


def test_each_run_of_blocks_has_a_beginning_of_its_own(tmp_path: Path) -> None:
    pays: list[Row] = [Tx("pay", "alice", to="bob", value=5)]
    with built(tmp_path, pays, first=50) as ledger:
        AccountLoader(ledger).load([batch([Tx("later", "alice", to="bob", value=5)], first=70)])
        assert wanted(ledger) == {(49, "alice", "ETH"), (69, "alice", "ETH")}
        assert wanted(ledger, above=49) == {(69, "alice", "ETH")}


def test_only_some_accounts_may_be_meant_and_only_so_many_rows(tmp_path: Path) -> None:
    with built(tmp_path, USED, first=50) as ledger:
        assert wanted(ledger, "bob") == {(49, "bob", "USDT"), (49, "bob", "PUNK#3")}
        assert wanted(ledger, "carol") == set()
        assert untold_balances(ledger, limit=3).height == 3


def test_tokens_are_asked_once_who_they_are_as_of_the_block_that_shows_them_first(tmp_path: Path) -> None:
    with built(tmp_path, USED, first=50, told=[Token("GAME", height=52)]) as ledger:
        assert untold_tokens(ledger).rows() == [
            (payload_of("USDT"), AssetStandard.FUNGIBLE, 51),
            (payload_of("PUNK"), AssetStandard.UNIQUE, 52),
        ]
        assert untold_tokens(ledger, limit=1).height == 1
