"""An account ledger as of a block is the ledger of whoever read no further; and what status says of one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.accounts_store import contents
from tests.cli.running import tracer
from tests.conftest import scaled
from tests.scenarios.accounts import (
    CHAIN,
    Block,
    Move,
    Opening,
    PlayAccounts,
    Row,
    Token,
    Tx,
    batch,
    blocks_of,
    built,
    opened,
    openings,
    tokens,
)
from tests.tracer.test_ledger_accounts_balances import held
from tests.tracer.test_ledger_accounts_reorg import drawn, forked
from tracer.errors import ReorgedAway, UsageError
from tracer.ledger.accounts.ingest import AccountLoader
from tracer.ledger.asof import as_of, height_of, own_links
from tracer.ledger.coverage import chain_status, coverage
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

LINKS = (
    "mix",
    "key_link",
    "cluster",
    "cluster_member",
    "cluster_merge",
    "refused_link",
    "overlay_link",
    "overlay",
    "overlay_member",
)


def then(folder: Path, height: int) -> Ledger:
    """The ledger of a folder as of a height; close it."""
    ledger = Ledger.open(Workspace(folder), CHAIN)
    as_of(ledger, height)
    return ledger


def seen(ledger: Ledger) -> tuple[Any, ...]:
    """All that readers see: facts, coverage, balances, tip."""
    return contents(ledger), chain_status(ledger), held(ledger), ledger.tip()


@pytest.mark.parametrize("backfilled", [False, True])
def test_at_every_height_the_facts_are_those_of_a_store_that_was_read_no_further(
    tmp_path: Path, dice: random.Random, backfilled: bool
) -> None:
    for drill in range(scaled(1, full=20)):
        rows = [*drawn(dice, 10), *(Block() for _ in range(5))]
        parts = blocks_of(batch(rows))
        told = [Opening("alice", 9), Opening("alice", 4, height=2), Opening("nobody", 1, "RARE", height=3)]
        said = [Token("USDT", height=1), Token("RARE", height=4)]
        whole = tmp_path / f"whole{drill}"
        with opened(whole) as ledger:
            loader = AccountLoader(ledger)
            loader.load(parts[3:] if backfilled else parts)
            if backfilled:
                loader.load(parts[:3])
            loader.openings(openings(told))
            loader.tokens(tokens(said))
        for height in range(len(parts)):
            kept = [t for t in told if t.height <= height], [t for t in said if t.height <= height]
            with opened(tmp_path / f"{drill} to {height}") as plain, then(whole, height) as ledger:
                loader = AccountLoader(plain)
                loader.load(parts[: height + 1])
                if kept[0]:
                    loader.openings(openings(kept[0]))
                if kept[1]:
                    loader.tokens(tokens(kept[1]))
                assert seen(ledger) == seen(plain), f"drill {drill}, height {height}"


def test_ids_that_follow_the_chain_are_hidden_the_same_way(tmp_path: Path, dice: random.Random) -> None:
    rows = [
        Tx("first", "alice", to="bob"),
        *drawn(dice, 10),
        Tx("last", "zoe", moves=[Move("zoe", None, 1, "LATE")]),
    ]
    parts = blocks_of(batch(rows))
    told = [Opening("alice", 9), Opening("zoe", 5), Opening("alice", 5, "LATE")]
    with built(tmp_path / "whole", rows, balances=told, told=[Token("LATE", height=-1)]) as ledger:
        assert ledger.in_order()
    for height in range(len(parts)):
        with opened(tmp_path / str(height)) as plain, then(tmp_path / "whole", height) as ledger:
            loader = AccountLoader(plain)
            loader.load(parts[: height + 1])
            if height + 1 == len(parts):  # before, nobody knew the others
                loader.tokens(tokens([Token("LATE", height=-1)]))
            loader.openings(openings(told if height + 1 == len(parts) else told[:1]))
            assert seen(ledger) == seen(plain), f"height {height}"


def test_after_a_reorganisation_the_past_is_that_of_the_winner(tmp_path: Path, dice: random.Random) -> None:
    rows = drawn(dice, 10)
    rival, kept = forked(dice, rows, "r")
    parts = blocks_of(batch(rival))
    with built(tmp_path / "w", rows) as ledger:
        AccountLoader(ledger).load(parts[kept + 1 :], reorg_to=kept)
    height = dice.randrange(len(parts))
    with opened(tmp_path / "plain") as plain, then(tmp_path / "w", height) as ledger:
        AccountLoader(plain).load(parts[: height + 1])
        assert seen(ledger) == seen(plain)


def test_links_of_then_are_tables_of_their_own(tmp_path: Path) -> None:
    rows: list[Row] = [Tx(str(n), "alice", to="bob", value=1) for n in range(4)]
    with built(tmp_path, rows) as ledger:
        ledger.db.run("INSERT INTO cluster VALUES (1, 0)")
    with then(tmp_path, 2) as ledger:
        own_links(ledger)
        assert [ledger.db.rows(f"FROM {table}") for table in LINKS] == [[]] * len(LINKS)
        ledger.db.run("INSERT INTO cluster VALUES (7, 7)")
    with opened(tmp_path) as ledger:
        assert ledger.db.rows("FROM cluster") == [(1, 0)]


def test_a_block_is_named_by_its_height_or_hash(tmp_path: Path) -> None:
    rows: list[Row] = [Tx(str(n), "alice", to="bob", value=1) for n in range(4)]
    with built(tmp_path, rows) as ledger:
        raw: bytes = batch(rows).blocks["hash"][2].as_py()
        for text in ("2", f"0x{raw.hex()}", raw.hex().upper(), f" 0x{raw.hex()} "):
            assert height_of(ledger, text) == 2
        with pytest.raises(ReorgedAway, match="is not in the best chain"):
            height_of(ledger, "0x" + "ab" * 32)
        for text in ("0x12", "0x" + "zz" * 32, "tip", "-1"):
            with pytest.raises(UsageError, match="is neither a height nor a block hash"):
                height_of(ledger, text)


# What status says -------------------------------------------------------------------------------------

SHOP: list[Row] = [
    Tx("pay", "alice", to="bob", value=5, fee=2, tip=1),
    Tx(
        "buy",
        "bob",
        to="USDT",
        moves=[Move("bob", "shop", 7, "USDT"), Move(None, "bob", 2**200 + 7, "BIG")],
        fee=4,
    ),
    Block(withdrawals=[("staker", 1)]),
    Tx("art", "bob", moves=[Move(None, "bob", 1, "PUNK#7"), Move(None, "bob", 0, "PUNK#8")]),
]


def test_status_counts_what_was_read_and_names_what_was_not(tmp_path: Path) -> None:
    told = [Token("USDT", 6), Token("BIG", None, problem="no decimals")]
    with built(
        tmp_path, SHOP, first=5, untraced=[6, 7], balances=[Opening("alice", 9, height=4)], told=told
    ) as ledger:
        status = chain_status(ledger)
        read = coverage(ledger)
    assert (read.ranges, read.gaps, read.untraced, read.complete) == (((5, 8),), [[0, 4]], ((6, 7),), False)
    assert {key: value for key, value in status.items() if key not in ("tip_hash", "unverified")} == {
        "chain": "evm-31337", "caip2": "eip155:31337", "blocks": {"from": 5, "to": 8, "count": 4, "gaps": [[0, 4]]},
        "txs": 3, "outputs": 0, "inputs": 0, "unresolved_inputs": 0, "transfers": 9, "addresses": 8, "clusters": None,
        "quarantined": 1, "unspent": None, "fees": "7", "assets": 5, "tokens": 2, "disbelieved_tokens": 1,
        "openings": 1, "unknown_amounts": 1, "unknown_fees": 0, "untraced": [[6, 7]],
    }  # fmt: skip
    assert status["tip_hash"].startswith("0x")


def test_a_whole_traced_history_is_complete(tmp_path: Path) -> None:
    with built(tmp_path, [SHOP[0], SHOP[2]]) as ledger:
        assert coverage(ledger).complete
    with opened(tmp_path / "empty") as ledger:
        assert not coverage(ledger).complete


def test_fees_add_up_beyond_what_a_column_holds_and_unknown_ones_are_counted(tmp_path: Path) -> None:
    rows: list[Row] = [Tx(str(n), "whale", to="bob", fee=6 * 10**37) for n in range(3)]
    with built(tmp_path, rows) as ledger:
        ledger.db.run("UPDATE tx SET fee = NULL WHERE tx_id = 0")
        assert chain_status(ledger)["fees"] == str(12 * 10**37)
        assert chain_status(ledger)["unknown_fees"] == 1


def test_status_on_the_command_line(tmp_path: Path) -> None:
    chain = PlayAccounts(name="ethereum", caip2="eip155:1")
    built(tmp_path, SHOP, first=5, untraced=[6, 7], chain=chain).db.close()
    assert tracer(tmp_path, "status", "--json").document["chains"][0]["transfers"] == 9
    words = tracer(tmp_path, "status").out
    for line in ("without internal transfers", "6 to 7", "transfers", "unknown amounts"):
        assert line in words
    assert "unspent" not in words
