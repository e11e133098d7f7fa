"""Balances are exact whatever somebody logged, and say when they are not known."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import scaled
from tests.scenarios.accounts import CHAIN, Block, Move, Opening, Row, Tx, batch, built, opened
from tests.tracer.test_ledger_accounts_reorg import drawn
from tracer.ledger.accounts.balances import balances, first_negative
from tracer.ledger.accounts.ingest import AccountLoader
from tracer.ledger.store import Ledger

Held = dict[tuple[str, str], int | str]


def held(ledger: Ledger, *addresses: str, height: int | None = None) -> Held:
    """Balances by name; `?` before what came and went where the opening is not known, `unknown` for the rest."""
    ids = [ledger.find_address(CHAIN.parse_address(name)) for name in addresses]
    frame = balances(ledger, [i for i in ids if i is not None] if addresses else None, height=height)
    found: Held = {}
    for row in frame.iter_rows(named=True):
        amount: int | str = "unknown" if row["unknown"] else int(row["amount"])
        key = (
            ledger.render_addresses([row["address_id"]])[row["address_id"]],
            asset_name(ledger, row["asset_id"]),
        )
        found[key] = amount if row["opening_known"] else f"?{amount}"
    return found


def asset_name(ledger: Ledger, asset_id: int) -> str:
    """An asset as scenarios write it."""
    row = ledger.db.row(
        "SELECT standard, contract, token_id FROM asset WHERE asset_id = $id", {"id": asset_id}
    )
    assert row is not None
    if not row[0]:
        return "ETH"
    contract = ledger.render_addresses([row[1]])[row[1]]
    mark = {2: "#", 3: "*"}.get(row[0])
    return contract if mark is None else f"{contract}{mark}{int.from_bytes(row[2], 'big')}"


def test_what_came_less_what_went_fees_and_all(tmp_path: Path) -> None:
    rows: list[Row] = [
        Block(rewards=[("alice", 100)]),
        Tx("pay", "alice", to="bob", value=50, fee=2, tip=1),
        Tx("no", "bob", to="carol", value=9, fee=1, failed=True),
        Tx("self", "bob", to="bob", value=4, fee=1),
        Tx("mint", "bank", moves=[Move(None, "bob", 9, "USDT"), Move("bob", None, 2, "USDT")]),
        Tx("art", "bank", moves=[Move(None, "bob", 1, "PUNK#7"), Move("bob", "carol", 1, "PUNK#7")]),
        Tx("loot", "bank", moves=[Move(None, "bob", 20, "GAME*3"), Move("bob", "carol", 5, "GAME*3")]),
    ]
    with built(tmp_path, rows) as ledger:
        assert held(ledger) == {
            ("alice", "ETH"): 47, ("bob", "ETH"): 48, ("validator", "ETH"): 1, ("bob", "USDT"): 7,
            ("bob", "PUNK#7"): 0, ("carol", "PUNK#7"): 1, ("bob", "GAME*3"): 15, ("carol", "GAME*3"): 5,
        }  # fmt: skip
        assert held(ledger, "bob", height=2) == {("bob", "ETH"): 49}
        assert held(ledger, "carol", "nobody", height=1) == {}


def test_hostile_amounts_spoil_nothing_but_their_own_asset(tmp_path: Path) -> None:
    rows: list[Row] = [
        Tx("a", "eve", moves=[Move(None, "eve", 6 * 10**37, "EVIL"), Move(None, "bob", 5, "USDT")]),
        Tx("b", "eve", moves=[Move(None, "eve", 6 * 10**37, "EVIL"), Move("eve", "bob", 10**38 - 1, "EVIL")]),
        *(Tx(f"c{n}", "eve", moves=[Move(None, "eve", 10**38 - 1, "EVIL")]) for n in range(5)),
        Tx("d", "eve", moves=[Move(None, "bob", 2**200 + 7, "HUGE"), Move("bob", "carol", 1, "HUGE")]),
    ]
    with built(tmp_path, rows) as ledger:
        assert held(ledger) == {
            ("eve", "EVIL"): 12 * 10**37 + 4 * (10**38 - 1), ("bob", "EVIL"): 10**38 - 1, ("bob", "USDT"): 5,
            ("bob", "HUGE"): "unknown", ("carol", "HUGE"): 1,
        }  # fmt: skip


MIDDLE: list[Row] = [
    Tx("pay", "alice", to="bob", value=5, moves=[Move("alice", "bob", 3, "USDT")]),
    Tx("back", "bob", to="alice", value=1),
]


def test_a_history_that_starts_in_the_middle_needs_to_be_told_what_was_there(tmp_path: Path) -> None:
    with built(tmp_path, MIDDLE, first=7, balances=[Opening("alice", 40, height=6)]) as ledger:
        assert held(ledger) == {
            ("alice", "ETH"): 36, ("bob", "ETH"): "?4", ("alice", "USDT"): "?-3", ("bob", "USDT"): "?3",
        }  # fmt: skip
        assert held(ledger, "alice", height=7) == {("alice", "ETH"): 35, ("alice", "USDT"): "?-3"}


def test_what_was_told_later_counts_from_there_on(tmp_path: Path) -> None:
    told = [
        Opening("alice", 40, height=6),
        Opening("alice", 77, height=7),
        Opening("bob", 10**39, "USDT", height=7),
    ]
    with built(tmp_path, MIDDLE, first=7, balances=told) as ledger:
        assert held(ledger, "alice", height=7)["alice", "ETH"] == 77
        assert held(ledger, "alice")["alice", "ETH"] == 78
        assert held(ledger, "bob")["bob", "USDT"] == "unknown"


def test_behind_a_gap_nothing_is_known_that_was_not_told_since(tmp_path: Path) -> None:
    with built(tmp_path, MIDDLE, balances=[Opening("bob", 6, height=4)]) as ledger:
        AccountLoader(ledger).load([batch([Tx("later", "alice", to="bob", value=1)], first=5)])
        assert held(ledger) == {
            ("alice", "ETH"): "?-5", ("bob", "ETH"): 7, ("alice", "USDT"): "?-3", ("bob", "USDT"): "?3",
        }  # fmt: skip
        assert held(ledger, height=1)["alice", "ETH"] == -4


def test_without_internal_transfers_no_balance_of_the_native_coin_is_known(tmp_path: Path) -> None:
    with built(tmp_path, MIDDLE, untraced=[0], balances=[Opening("alice", 40, height=0)]) as ledger:
        assert held(ledger) == {
            ("alice", "ETH"): 41, ("bob", "ETH"): "?4", ("alice", "USDT"): -3, ("bob", "USDT"): 3,
        }  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
def test_random_ledgers_hold_what_plain_integers_say(
    tmp_path: Path, dice: random.Random, threads: int
) -> None:
    for drill in range(scaled(3, full=40)):
        rows = drawn(dice, 15)
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for move in moved(rows):
            for name, sign in ((move.source, -1), (move.target, 1)):
                if name is not None and move.amount:
                    sums[name, move.asset] += sign * move.amount
        with built(tmp_path / str(drill), rows, threads=threads) as ledger:
            found = {key: n for key, n in held(ledger).items() if n != "unknown"}
            assert found == {key: sums[key] for key in found}
            hidden = {
                (n, m.asset) for m in moved(rows) if m.amount > 10**38 for n in (m.source, m.target) if n
            }
            assert set(sums) - hidden == set(found)


def moved(rows: list[Row]) -> list[Move]:
    """All transfers of a scenario, by its own words."""
    found: list[Move] = []
    for row in rows:
        if isinstance(row, Block):
            found += [Move(None, who, n) for who, n in (*row.rewards, *row.withdrawals)]
            continue
        if not row.failed:
            found += [Move(row.sender, row.to, row.value), *row.moves]
        found += [Move(row.sender, None, row.fee), Move(row.sender, row.tip_to, row.tip)]
    return found


# Balances below nothing -------------------------------------------------------------------------------


def overdrawn(ledger: Ledger) -> list[tuple[str, str, int, int, int]]:
    """(account, asset, height, position, balance) of each queue that pays out more than it holds."""
    return [
        (
            ledger.render_addresses([row[0]])[row[0]],
            asset_name(ledger, row[1]),
            row[2] >> 24,
            row[3],
            int(row[4]),
        )
        for row in first_negative(ledger).iter_rows()
    ]


def test_a_queue_that_pays_what_it_never_had_is_named_where_it_first_does(tmp_path: Path) -> None:
    rows: list[Row] = [
        Block(rewards=[("alice", 10)]),
        Tx("fine", "alice", to="bob", value=10),
        Tx("much", "bob", to="alice", value=8, fee=3),
        Tx("again", "bob", to="alice", value=1),
        Tx("mint", "eve", moves=[Move(None, "eve", 5, "USDT"), Move("eve", "bob", 6, "USDT")]),
        Tx("self", "carol", moves=[Move(None, "carol", 3, "GOLD"), Move("carol", "carol", 3, "GOLD")]),
        Tx("huge", "dave", moves=[Move(None, "dave", 2**130, "BIG"), Move("dave", "bob", 9, "BIG")]),
    ]
    with built(tmp_path, rows) as ledger:
        assert overdrawn(ledger) == [("bob", "ETH", 2, 1, -1), ("eve", "USDT", 4, 1, -1)]


def test_who_is_not_known_to_have_begun_with_nothing_is_not_accused(tmp_path: Path) -> None:
    with built(tmp_path / "middle", MIDDLE, first=7, balances=[Opening("alice", 4, height=6)]) as ledger:
        assert overdrawn(ledger) == [("alice", "ETH", 7, 0, -1)]
    with built(tmp_path / "untraced", MIDDLE, untraced=[0]) as ledger:
        assert overdrawn(ledger) == [("alice", "USDT", 0, 1, -3)]


def test_an_empty_store_has_no_balances(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        assert held(ledger) == {}
        assert overdrawn(ledger) == []
