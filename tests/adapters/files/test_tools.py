"""What ethereum-etl and cryo wrote of a chain gives the facts that the node's own answers give."""

import csv
import gzip
import random
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from adapters.addresses.keccak import keccak256
from adapters.evm.chains import Fees
from tests.adapters.files.exported import (
    CHAIN,
    CREATIONS,
    DATA,
    ETL,
    PARTS,
    batch,
    cryo,
    edited,
    etl,
    json_lines,
    of_node,
    parquet,
    rows,
    source,
)
from tracer.chain import BLOCK_INDEX, RelationKind, TransferKind
from tracer.errors import BadExport
from tracer.ledger.accounts.batch import AccountBatch, schemas

TRANSFER = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")


def same(found: AccountBatch, node: AccountBatch, *, clones: bool = True) -> None:
    """Equal to the last row; `clones`: the files tell CREATE2 from CREATE."""
    for part in PARTS:
        ours, theirs = rows(getattr(found, part)), rows(getattr(node, part))
        if part == "relations" and not clones:
            for row in (*ours, *theirs):
                row["kind"] = 0 if row["kind"] in CREATIONS else row["kind"]
        assert ours == theirs, part
        assert getattr(found, part).schema.names == schemas()[part].names


def test_csv_of_ethereum_etl_in_any_order(tmp_path: Path, dice: random.Random) -> None:
    wanted = frozenset([TRANSFER])
    paths = etl()
    dice.shuffle(paths)
    found = source(paths, tmp_path / "s", wanted)
    same(batch(found), of_node("traces", wanted), clones=False)
    assert found.notes() == []
    assert found.rows() == {
        "blocks": 12, "transactions": 26, "receipts": 26, "logs": 11, "token_transfers": 6, "traces": 39,
    }  # fmt: skip


def test_traces_as_geth_gives_them_tell_clones(tmp_path: Path) -> None:
    found = batch(source([*etl(*ETL[:4]), DATA / "geth_traces.csv"], tmp_path / "s"))
    same(found, of_node("frames"))
    assert RelationKind.CREATE2 in found.relations.column("kind").to_pylist()


def test_json_lines_keep_every_digit(tmp_path: Path) -> None:
    same(batch(source([json_lines(tmp_path, name) for name in ETL], tmp_path / "s")), of_node(), clones=False)


def test_text_packed_with_gzip(tmp_path: Path) -> None:
    paths = []
    for path in etl(*ETL):
        paths.append(tmp_path / f"{path.name}.gz")
        paths[-1].write_bytes(gzip.compress(path.read_bytes()))
    same(batch(source([tmp_path], tmp_path / "s")), of_node(), clones=False)
    paths[1].write_bytes(paths[1].read_bytes()[:-50])
    with pytest.raises(BadExport, match=r"no whole gzip file|no sound CSV"):
        batch(source(paths, tmp_path / "t"))


@pytest.mark.parametrize("kind", [pl.String(), pl.Decimal(38, 0), pl.Decimal(38, 9), pl.Binary()])
def test_parquet_of_any_exact_type(tmp_path: Path, kind: pl.DataType) -> None:
    names = [name for name in ETL if name != "token_transfers"]
    types = {} if isinstance(kind, pl.Binary) else {"value": kind, "gas_price": kind}
    same(
        batch(source([parquet(tmp_path, name, **types) for name in names], tmp_path / "s")),
        of_node(),
        clones=False,
    )


def test_rows_in_any_order(tmp_path: Path) -> None:
    paths = []
    for name in ETL:
        frame = pl.read_parquet(parquet(tmp_path, name, value=pl.String()))
        frame.sample(fraction=1, shuffle=True, seed=3).write_parquet(tmp_path / f"{name}.parquet")
        paths.append(tmp_path / f"{name}.parquet")
    same(batch(source(paths, tmp_path / "s")), of_node(), clones=False)


@pytest.mark.parametrize("as_hex", [False, True])
def test_parquet_of_cryo(tmp_path: Path, as_hex: bool) -> None:
    found = source(cryo(tmp_path / "c", as_hex=as_hex), tmp_path / "s")
    same(batch(found), of_node(), clones=False)
    assert found.exports.chains.keys() == {31337}
    assert found.notes() == [
        "no logs_bloom tells of their logs: whether all of them are there is not known (10 blocks)",
        "the files do not say what stake was returned (12 blocks)",
    ]


def test_amounts_of_cryo_as_big_endian_bytes_alone(tmp_path: Path) -> None:
    floats = ("value_string", "value_f64", "token_id_string", "token_id_f64")
    for as_hex in (False, True):
        same(
            batch(source(cryo(tmp_path / "c", as_hex=as_hex, without=floats), tmp_path / "s")),
            of_node(),
            clones=False,
        )


def test_both_tools_mixed(tmp_path: Path) -> None:
    paths = [*etl("blocks", "receipts", "logs"), *cryo(tmp_path / "c", ("transactions", "traces"))]
    same(batch(source(paths, tmp_path / "s")), of_node(), clones=False)


def test_runs_of_blocks_are_the_same_however_they_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rows_at_once in (1, 7, 50):
        monkeypatch.setattr("adapters.files.source.SLICE_ROWS", rows_at_once)
        paths = [parquet(tmp_path, name, value=pl.String()) for name in ETL]
        same(batch(source(paths, tmp_path / "s")), of_node(), clones=False)


def test_a_failed_frame_and_all_inside_moved_nothing(tmp_path: Path) -> None:
    found = batch(source(etl(), tmp_path / "s")).transfers
    inner = found.filter(
        pl.Series(found.column("kind").to_pylist()).eq(int(TransferKind.INTERNAL)).to_arrow()
    )
    assert sorted(map(int, inner.column("amount").to_pylist())) == [1, 400, 500, 600, 700, 900]


def test_what_no_transaction_did(tmp_path: Path) -> None:
    whom, other = "0x" + "aa" * 20, "0x" + "bb" * 20

    def more(row: dict[str, str]) -> list[dict[str, str]]:
        if row["block_number"] != "1":
            return [row]

        def own(
            height: str, what: str, value: str, to: str, reward: str = "", paid: str = ""
        ) -> dict[str, str]:
            told = {"block_number": height, "trace_type": what, "value": value, "to_address": to}
            return {**dict.fromkeys(row, ""), **told, "reward_type": reward, "from_address": paid}

        return [
            row,
            own("2", "reward", "3", other, "uncle"),
            own("2", "reward", "2", whom, "block"),
            own("0", "genesis", "9", whom),
            own("3", "daofork", "4", other, paid=whom),
        ]

    made = batch(source([*etl(*ETL[:4]), edited(tmp_path, "traces", more)], tmp_path / "s"))
    own = [row for row in rows(made.transfers) if row["tx_id"] & BLOCK_INDEX == BLOCK_INDEX]
    shown = {bytes([0xAA] * 20): "whom", bytes([0xBB] * 20): "other", None: None}
    reward, internal = TransferKind.REWARD, TransferKind.INTERNAL
    assert [
        (row["tx_id"] >> 24, row["kind"], shown[row["source"]], shown[row["target"]], int(row["amount"]))
        for row in own
    ] == [
        (0, reward, None, "whom", 9),
        (2, reward, None, "whom", 2),
        (2, reward, None, "other", 3),
        (3, internal, "whom", "other", 4),
    ]
    assert made.blocks.column("traced").to_pylist() == [True] * 12


# What files lack is said ---------------------------------------------------------------------------------


def test_without_traces_blocks_are_not_traced(tmp_path: Path) -> None:
    found = source(etl(*ETL[:4]), tmp_path / "s")
    same(batch(found), of_node(None))
    assert found.notes() == ["the files hold no traces of them: internal transfers were not read (12 blocks)"]


def test_without_logs_token_transfers_are_believed_and_what_is_missing_is_named(tmp_path: Path) -> None:
    found = source(etl("blocks", "transactions", "receipts", "traces", "token_transfers"), tmp_path / "s")
    made = batch(found)
    tokens = [row for row in rows(made.transfers) if row["kind"] == TransferKind.TOKEN]
    with_logs = [
        row for row in rows(of_node().transfers) if row["kind"] == TransferKind.TOKEN and row["standard"] == 1
    ]
    assert [row for row in tokens if row["tx_id"] >> 24 == 6] == with_logs
    assert [(row["reason"], int.from_bytes(row["raw"], "big")) for row in rows(made.quarantine)] == [
        ("an amount of more than 38 digits", 2**200 + 7)
    ]
    assert [note.split(":")[0] for note in found.notes()] == [
        "neither token_transfers nor a log tells collectibles from amounts",
        "the files hold no logs",
    ]


def test_collectibles_of_cryo_need_no_logs(tmp_path: Path) -> None:
    names = ("blocks", "transactions", "traces", "erc20_transfers", "erc721_transfers")
    found = source(cryo(tmp_path / "c", names), tmp_path / "s")
    told = [row for row in rows(batch(found).transfers) if row["tx_id"] >> 24 == 8 and row["standard"]]
    assert [
        (row["standard"], int.from_bytes(row["token_id"], "big"), int(row["amount"])) for row in told
    ] == [(2, 42, 1)]


def test_a_contract_is_named_by_sender_and_nonce_where_no_receipt_names_it(tmp_path: Path) -> None:
    found = batch(source(cryo(tmp_path / "c", ("blocks", "transactions", "logs")), tmp_path / "s"))
    assert found.txs.column("created").to_pylist() == of_node(None).txs.column("created").to_pylist()


def test_a_self_destruct_that_does_not_say_what_it_moved(tmp_path: Path) -> None:
    def silent(row: dict[str, str]) -> list[dict[str, str]]:
        return [
            {**row, "from_address": "", "to_address": "", "value": ""}
            if row["trace_type"] == "suicide"
            else row
        ]

    made = batch(source([*etl(*ETL[:4]), edited(tmp_path, "geth_traces", silent)], tmp_path / "s"))
    assert [row["reason"] for row in rows(made.quarantine)].count(
        "a frame that does not say what it moved"
    ) == 1
    assert made.blocks.column("traced").to_pylist() == [True] * 11 + [False]


def test_a_filter_that_the_chain_does_not_fill_tells_nothing(tmp_path: Path) -> None:
    def empty(row: dict[str, str]) -> list[dict[str, str]]:
        return [{**row, "logs_bloom": "0x" + "0" * 512}]

    names = ("transactions", "receipts", "logs", "traces")
    found = source([*etl(*names), edited(tmp_path, "blocks", empty)], tmp_path / "s")
    same(batch(found), of_node("traces"), clones=False)
    assert found.notes() == [
        "no logs_bloom tells of their logs: whether all of them are there is not known (3 blocks)"
    ]


def test_blocks_of_a_layer_2_hold_logs_of_the_chain_itself_and_deposits(tmp_path: Path) -> None:
    def of_the_chain(row: dict[str, str]) -> list[dict[str, str]]:
        """Transactions 3 to 6 of block 6 are nobody's, and deposits."""
        own = row["block_number"] == "6" and int(row["transaction_index"]) > 2
        return [{**row, "from_address": "0x" + "0" * 40, "transaction_type": "126"} if own else row]

    def without_their_logs(row: dict[str, str]) -> list[dict[str, str]]:
        """As Polygon has it: the header tells of the logs of its users alone."""
        return [{**row, "logs_bloom": users if row["number"] == "6" else row["logs_bloom"]}]

    logs = csv.DictReader((DATA / "logs.csv").read_text().splitlines())
    theirs = [row for row in logs if row["block_number"] == "6" and int(row["transaction_index"]) <= 2]
    words = [word for row in theirs for word in (row["address"], *row["topics"].split(","))]
    users = "0x" + "".join(f"{byte:02x}" for byte in _bloom(words))
    names = ("receipts", "logs")
    told = [edited(tmp_path, "transactions", of_the_chain), edited(tmp_path, "blocks", without_their_logs)]
    found = source([*etl(*names), *told], tmp_path / "s", chain=replace(CHAIN, fees=Fees.OP_STACK))
    batch(found)
    assert "what deposits from layer 1 brought is not told by these files (1 blocks)" in found.notes()
    assert not [note for note in found.notes() if "logs" in note]


def _bloom(words: list[str]) -> bytes:
    """The filter of addresses and topics, as the Yellow Paper writes it (section 4.4.1)."""
    bits = 0
    for word in words:
        digest = keccak256(bytes.fromhex(word[2:]))
        for pair in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[pair : pair + 2]) & 2047)
    return bits.to_bytes(256)
