"""Loading an account chain: what stands where, what only the ledger can check, and that pieces make no difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.accounts_store import contents
from tests.scenarios.accounts import (
    CHAIN,
    Block,
    Event,
    Move,
    Opening,
    Relation,
    Row,
    Token,
    Tx,
    batch,
    blocks_of,
    built,
    opened,
    openings,
    shown,
    tokens,
)
from tests.scenarios.ledger import PlayChain
from tracer.chain import BLOCK_INDEX, RelationKind, TransferKind, first_tx_id
from tracer.errors import BadBlock, DataError, StoreDamaged, UsageError
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.accounts.ingest import AccountLoader
from tracer.ledger.families import load_turn
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

MARKET: list[Row] = [
    Tx("pay", "alice", to="bob", value=50, fee=2, tip=1),
    Tx("deploy", "dev", creates="USDT", fee=3, relations=[Relation(RelationKind.CREATE, "dev", "USDT")]),
    Tx("issue", "dev", to="USDT", moves=[Move(None, "bob", 900, "USDT")]),
    Tx("buy", "bob", to="USDT", moves=[Move("bob", "shop", 70, "USDT")], fee=1, tip=1, same_block=True),
    Block(rewards=[("validator", 5)], withdrawals=[("staker", 7)], same_block=True),
    Block(withdrawals=[("staker", 8)]),
    Tx("poison", "thief", to="USDT", moves=[Move("bob", "sh0p", 0, "USDT")]),
    Tx("no", "bob", to="carol", value=9, fee=1, failed=True),
    Tx("self", "bob", to="bob", value=4),
    Tx("art", "gallery", moves=[Move(None, "bob", 1, "PUNK#7"), Move("bob", "carol", 1, "PUNK#7")]),
    Tx("loot", "game", moves=[Move(None, "bob", 20, "GAME*3"), Move(None, "bob", 5, "GAME*4")]),
    Tx("call", "bob", to="safe", value=9, moves=[Move("safe", "carol", 9)], events=[Event("safe", "Paid")]),
    Tx("burn", "bob", to="USDT", moves=[Move("bob", None, 30, "USDT")],
       relations=[Relation(RelationKind.APPROVAL, "bob", "pool", "USDT")]),
    Tx("huge", "eve", moves=[Move(None, "eve", 2**200 + 7, "BIG"), Move("eve", "bob", 10**38 - 1, "BIG")]),
]  # fmt: skip


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """The contents of the market, loaded at once."""
    with built(tmp_path_factory.mktemp("market"), MARKET) as ledger:
        return contents(ledger)


def told(ledger: Ledger, table: str = "transfer") -> list[tuple[Any, ...]]:
    """Transfers by name: transaction, source, target, asset's contract, amount; what no transaction did has none."""
    names = ledger.render_addresses(range(1000))
    txids = {shown(row.name): row.name for row in MARKET if isinstance(row, Tx)}
    found = ledger.db.rows(
        f"""SELECT tx_id, source, target, contract, amount FROM {table} JOIN asset USING (asset_id)
            ORDER BY tx_id, position"""
    )
    txs = ledger.render_txids(row[0] for row in found)
    return [
        (
            txids.get(txs.get(tx_id, "")),
            names.get(source),
            names.get(target),
            names.get(contract),
            None if n is None else int(n),
        )
        for tx_id, source, target, contract, n in found
    ]


def test_every_movement_is_one_row_in_the_order_of_execution(tmp_path: Path) -> None:
    with built(tmp_path, MARKET[:8]) as ledger:
        assert told(ledger) == [
            ("pay", "alice", "bob", None, 50),
            ("pay", "alice", None, None, 2),
            ("pay", "alice", "validator", None, 1),
            ("deploy", "dev", None, None, 3),
            ("issue", None, "bob", "USDT", 900),
            ("buy", "bob", "shop", "USDT", 70),
            ("buy", "bob", None, None, 1),
            ("buy", "bob", "validator", None, 1),
            (None, None, "validator", None, 5),
            (None, None, "staker", None, 7),
            (None, None, "staker", None, 8),
            ("poison", "bob", "sh0p", "USDT", 0),
            ("no", "bob", None, None, 1),
        ]
        ((kind, tx_id), *_) = ledger.db.rows("SELECT kind, tx_id FROM transfer WHERE kind >= 7 ORDER BY ALL")
        assert (kind, tx_id) == (TransferKind.REWARD, first_tx_id(2) | BLOCK_INDEX)


def test_transfers_of_nothing_are_facts_and_in_no_look_up(tmp_path: Path) -> None:
    with built(tmp_path, MARKET) as ledger:
        assert ("poison", "bob", "sh0p", "USDT", 0) in told(ledger)
        assert not [
            row for table in ("outflow", "inflow") for row in told(ledger, table) if row[0] == "poison"
        ]


def test_look_ups_hold_every_other_transfer_at_either_end(tmp_path: Path) -> None:
    with built(tmp_path, MARKET) as ledger:
        something = [row for row in told(ledger) if row[4] != 0]
        assert told(ledger, "outflow") == [row for row in something if row[1]]
        assert told(ledger, "inflow") == [row for row in something if row[2]]
        assert ("self", "bob", "bob", None, 4) in told(ledger, "outflow")
        for table, key in (("outflow", "source"), ("inflow", "target")):
            rows = ledger.db.rows(f"SELECT {key}, tx_id, position FROM {table}")
            assert rows == sorted(rows)


def test_accounts_and_assets_are_numbered_as_the_chain_shows_them(tmp_path: Path) -> None:
    rows: list[Row] = [
        Tx("one", "alice", to="bob", moves=[Move("carol", "dave", 1, "GOLD")], tip=1, tip_to="miner",
           relations=[Relation(RelationKind.APPROVAL, "erin", "frank", "IRON")], events=[Event("gina", "Swap")]),
        Tx("two", "henry", creates="safe", moves=[Move("carol", "ian", 1, "LEAD")], same_block=True),
        Block(withdrawals=[("staker", 1)], same_block=True),
        Tx("three", "alice", to="zoe", moves=[Move("x", "y", 1, "PUNK#1"), Move("x", "y", 1, "GOLD")]),
    ]  # fmt: skip
    with built(tmp_path, rows) as ledger:
        names = list(ledger.render_addresses(range(100)).values())
        assert names == [
            "alice", "bob", "carol", "dave", "GOLD", "miner", "erin", "frank", "IRON", "gina", "henry", "safe", "ian",
            "LEAD", "staker", "zoe", "x", "y", "PUNK",
        ]  # fmt: skip
        assets = ledger.db.rows("SELECT standard, contract, token_id FROM asset ORDER BY asset_id")
        assert [(standard, None if c is None else names[c], token) for standard, c, token in assets] == [
            (0, None, None), (1, "GOLD", None), (1, "IRON", None), (1, "LEAD", None),
            (2, "PUNK", (1).to_bytes(32, "big")),
        ]  # fmt: skip


def test_an_amount_of_more_than_38_digits_is_null_in_its_row_and_raw_in_quarantine(tmp_path: Path) -> None:
    with built(tmp_path, MARKET) as ledger:
        assert [row[1:] for row in told(ledger) if row[0] == "huge"] == [
            (None, "eve", "BIG", None),
            ("eve", "bob", "BIG", 10**38 - 1),
        ]
        ((place, raw, tx_id),) = ledger.db.rows("SELECT place, raw, tx_id FROM quarantine")
        assert (place, int.from_bytes(raw, "big")) == ("transaction huge transfer 0", 2**200 + 7)
        assert ledger.render_txids([tx_id]) == {tx_id: shown("huge")}
        assert ("huge", None, "eve", "BIG", None) in told(ledger, "inflow")


@pytest.mark.parametrize("turn_txs", [1, 3, 10_000])
@pytest.mark.parametrize("threads", [1, 2])
def test_turns_of_any_size_and_threads_give_the_same_store(
    tmp_path: Path, market: dict[str, list[tuple[Any, ...]]], turn_txs: int, threads: int
) -> None:
    whole = batch(MARKET)
    with opened(tmp_path / "w", threads=threads) as ledger:
        loaded = AccountLoader(ledger).load(blocks_of(whole), turn_txs=turn_txs)
        assert (loaded.blocks, loaded.txs, loaded.first, loaded.last) == (12, 12, 0, 11)
        assert contents(ledger) == market
        ids = ledger.db.rows("SELECT address_id, payload FROM address ORDER BY address_id")
    with built(tmp_path / "at once", MARKET) as ledger:
        assert ledger.db.rows("SELECT address_id, payload FROM address ORDER BY address_id") == ids


def test_blocks_read_before_are_refused_and_change_nothing(
    tmp_path: Path, market: dict[str, list[tuple[Any, ...]]]
) -> None:
    with built(tmp_path, MARKET) as ledger:
        with pytest.raises(BadBlock, match="blocks 0 to 11 do not connect"):
            AccountLoader(ledger).load([batch(MARKET)])
        assert contents(ledger) == market


def test_blocks_may_come_from_above_downwards(
    tmp_path: Path, market: dict[str, list[tuple[Any, ...]]]
) -> None:
    parts = blocks_of(batch(MARKET))
    with opened(tmp_path / "w") as ledger:
        AccountLoader(ledger).load(parts[6:])
        assert ledger.in_order()
        AccountLoader(ledger).load(parts[:6])
        assert not ledger.in_order()
        assert contents(ledger) == market


# What does not fit together ---------------------------------------------------------------------------


def dropped(table: pa.Table, row: int) -> pa.Table:
    return pa.concat_tables([table.slice(0, row), table.slice(row + 1)])


def twice(table: pa.Table, row: int) -> pa.Table:
    return pa.concat_tables([table.slice(0, row + 1), table.slice(row)])


def changed(table: pa.Table, name: str, row: int, value: object) -> pa.Table:
    at = table.schema.get_field_index(name)
    values = table.column(name).to_pylist()
    values[row] = value
    return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))


def row_of(whole: AccountBatch, tx: str, position: int = 0) -> int:
    tx_id = whole.txs.filter(pa.compute.equal(whole.txs["txid"], CHAIN.hash_bytes(shown(tx))))["tx_id"][
        0
    ].as_py()
    rows = zip(whole.transfers["tx_id"].to_pylist(), whole.transfers["position"].to_pylist(), strict=True)
    return list(rows).index((tx_id, position))


def _moved(name: str, value: object, tx: str = "buy", position: int = 0) -> Any:
    return lambda b: replace(b, transfers=changed(b.transfers, name, row_of(b, tx, position), value))


BROKEN: dict[str, tuple[int, Any]] = {
    "it does not follow the block before it": (
        3, lambda b: replace(b, blocks=changed(b.blocks, "prev_hash", 3, bytes(32)))),
    "it says height 9, and 3 was next": (3, lambda b: replace(b, blocks=changed(b.blocks, "height", 3, 9))),
    "it counts 2 transactions and has 1": (2, lambda b: replace(b, txs=dropped(b.txs, 3))),
    "it counts 1 transactions and has 2": (1, lambda b: replace(b, txs=twice(b.txs, 1))),
    "it counts 2000000000 transactions and has 2": (
        2, lambda b: replace(b, blocks=changed(b.blocks, "tx_count", 2, 2_000_000_000))),
    "a transaction of height 99 came with it, and no such block": (
        11, lambda b: replace(b, txs=changed(b.txs, "tx_id", 11, first_tx_id(99)))),
    "its transactions are not in order, or there twice": (
        2, lambda b: replace(b, txs=changed(b.txs, "tx_id", 3, first_tx_id(2) + 2))),
    "a transfer is of transaction 5 of it, which is not there": (2, _moved("tx_id", first_tx_id(2) + 5, position=2)),
    f"transaction {shown('buy')} has transfers out of order, or two at one position": (
        2, _moved("position", 0, position=1)),
    f"transaction {shown('buy')} moves a negative amount": (2, _moved("amount", -1)),
    f"transaction {shown('buy')} moves an asset of standard 1 without a contract": (2, _moved("contract", None)),
    f"transaction {shown('buy')} moves an asset of standard 0 with a contract": (2, _moved("standard", 0)),
    f"transaction {shown('buy')} moves an asset of standard 3 without a token id": (2, _moved("standard", 3)),
    f"transaction {shown('buy')} moves an asset of standard 9": (2, _moved("standard", 9)),
}  # fmt: skip


@pytest.mark.parametrize("reason", list(BROKEN))
def test_a_block_that_does_not_add_up_is_named_and_what_came_before_is_kept(
    tmp_path: Path, reason: str
) -> None:
    height, spoil = BROKEN[reason]
    whole = batch(MARKET)
    here: bytes = whole.blocks["hash"][height].as_py()
    words = f"block {CHAIN.hash_text(here)} at height {height} is refused: {reason}"
    with opened(tmp_path / "w") as ledger, opened(tmp_path / "plain") as plain:
        with pytest.raises(BadBlock, match=words) as refused:
            AccountLoader(ledger).load([spoil(whole)])
        assert refused.value.block_hash == here
        AccountLoader(plain).load(blocks_of(whole)[:height])
        assert contents(ledger) == contents(plain)


def test_a_batch_with_a_missing_column_is_a_fault_of_the_adapter(tmp_path: Path) -> None:
    whole = batch(MARKET)
    nameless = replace(whole, transfers=whole.transfers.drop_columns(["contract"]))
    with opened(tmp_path) as ledger, pytest.raises(KeyError, match="contract"):
        AccountLoader(ledger).load([nameless])


# One file, one family ---------------------------------------------------------------------------------


def test_a_file_of_the_other_family_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).ready()
    Ledger.open(workspace, PlayChain(name="play"), read_only=False).db.close()
    with pytest.raises(StoreDamaged, match="holds a chain of outputs, and play is none"):
        Ledger.open(workspace, replace(CHAIN, name="play"))
    built(tmp_path, MARKET).db.close()
    with pytest.raises(StoreDamaged, match="holds a chain of accounts, and evm-31337 is none"):
        Ledger.open(workspace, PlayChain(name="evm-31337"))


def test_blocks_of_the_other_family_are_refused(tmp_path: Path) -> None:
    with (
        Ledger.open(Workspace(tmp_path).ready(), PlayChain(), read_only=False) as ledger,
        pytest.raises(UsageError, match="holds no blocks of bitcoin-regtest"),
    ):
        load_turn(ledger, batch(MARKET))


# What is told beside the blocks -----------------------------------------------------------------------


def test_openings_and_tokens_are_kept_once_and_a_later_word_replaces(tmp_path: Path) -> None:
    with built(tmp_path, MARKET) as ledger:
        loader = AccountLoader(ledger)
        first = [Opening("alice", 100), Opening("bob", 3, "GOLD"), Opening("alice", 50, height=2)]
        for _ in range(2):
            loader.openings(openings([*first, Opening("bob", 7, "GOLD")]))
        loader.openings(openings([Opening("alice", 99)]))
        found = {
            (bytes(who).rstrip(b"\0"), height): int(n)
            for who, _, _, _, height, n in contents(ledger)["opening"]
        }
        assert found == {(b"alice", -1): 99, (b"alice", 2): 50, (b"bob", -1): 7}
        for problem in ("", "copies the symbol of another"):
            loader.tokens(tokens([Token("USDT", 6, problem=problem), Token("GOLD", None)]))
        shown_tokens = [
            (bytes(c).rstrip(b"\0"), decimals, why)
            for c, _, _, decimals, _, why, _ in contents(ledger)["token"]
        ]
        assert shown_tokens == [(b"GOLD", None, ""), (b"USDT", 6, "copies the symbol of another")]
        assert not ledger.in_order()  # GOLD got its number out of turn


def test_a_balance_of_an_asset_there_cannot_be_is_refused(tmp_path: Path) -> None:
    told = openings([Opening("alice", 100, height=3)])
    with built(tmp_path, MARKET) as ledger:
        with pytest.raises(
            DataError, match="told of alice at height 3 is of an asset of standard 1 without a contract"
        ):
            AccountLoader(ledger).openings(changed(told, "standard", 0, 1))
        assert contents(ledger)["opening"] == []


def test_an_opening_of_more_than_38_digits_is_not_known(tmp_path: Path) -> None:
    with built(tmp_path, MARKET, balances=[Opening("eve", 10**40, "BIG")]) as ledger:
        assert [row[-1] for row in contents(ledger)["opening"]] == [None]
