"""Files that do not add up: one clear line with file and column, and nothing of the block is loaded."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.adapters.files.exported import (
    CHAIN,
    DATA,
    ETL,
    Nothing,
    batch,
    cryo,
    edited,
    etl,
    load,
    loaded,
    parquet,
    source,
)
from tracer.errors import BadExport, SourceUnavailable

Row = dict[str, Any]


def _but(column: str, value: str, /, **where: str) -> Callable[[Row], list[Row]]:
    """One column changed, of rows with these values."""
    return lambda row: [{**row, column: value} if all(row[k] == v for k, v in where.items()) else row]


def _more(column: str, value: str, /, **where: str) -> Callable[[Row], list[Row]]:
    """A column that only `tracer export` writes, empty but for rows with these values."""
    return lambda row: [{**row, column: value if all(row[k] == v for k, v in where.items()) else ""}]


def _behind(changes: Row, /, **where: str) -> Callable[[Row], list[Row]]:
    """One row more behind that with these values, changed."""
    return lambda row: [row, {**row, **changes}] if all(row[k] == v for k, v in where.items()) else [row]


def _twice(**where: str) -> Callable[[Row], list[Row]]:
    return lambda row: [row, row] if all(row[k] == v for k, v in where.items()) else [row]


def _without(**where: str) -> Callable[[Row], list[Row]]:
    return lambda row: [] if all(row[k] == v for k, v in where.items()) else [row]


def _less(*columns: str) -> Callable[[Row], list[Row]]:
    return lambda row: [{k: v for k, v in row.items() if k not in columns}]


_OTHER = "0x" + "ab" * 32
_STRANGER = "0x" + "ee" * 20
WHOLE_LINE = '{"number": 1, "hash": "0x", "parent_hash": "0x", "timestamp": 1, "transaction_count": 0}\n'
WRONG = {
    "an exponent": ("transactions", _but("value", "1e18", block_number="5"), "column value holds '1e18' in block 5"),
    "a point": ("transactions", _but("value", "5.0", value="5"), "column value holds '5.0' in block 5"),
    "a minus": ("traces", _but("value", "-5", value="5"), "column value holds '-5' in block 5"),
    "too great": ("transactions", _but("value", str(2**256), value="5"), "below 2^256"),
    "an odd hash": ("blocks", _but("hash", "0x12", number="3"), "column hash holds '0x12' in block 3"),
    "no address": ("logs", _but("address", "0xzz" + "0" * 38, block_number="7"), "column address holds"),
    "a height in words": ("logs", _but("block_number", "seven", block_number="7"), "column block_number holds 'seven'"),
    "no nonce": ("transactions", _but("from_address", "", block_number="6"), "column from_address holds nothing in"),
    "a strange status": ("receipts", _but("status", "2", block_number="6"), "neither 1 nor 0"),
    "a block twice": ("blocks", _twice(number="4"), "block 4 is there twice"),
    "a broken chain": ("blocks", _but("parent_hash", _OTHER, number="4"), "block 4 does not build on block 3"),
    "a block missing": ("blocks", _without(number="4"), "rows of block 4, and no file of blocks holds it"),
    "a transaction missing": ("transactions", _without(block_number="6", transaction_index="2"), "has 7 transactions"),
    "a transaction twice": ("transactions", _twice(block_number="6", transaction_index="2"), "and 8 are there"),
    "an index twice": (
        "transactions", _but("transaction_index", "1", block_number="6", transaction_index="2"),
        "transaction 2 of block 6",
    ),
    "a receipt missing": ("receipts", _without(block_number="6", transaction_index="2"), "and 6 receipts"),
    "another receipt": ("receipts", _but("transaction_hash", _OTHER, block_number="4"), "is of another transaction"),
    "gas that is too little": ("receipts", _but("gas_used", "1", block_number="4"), "its transactions used 1"),
    "a log twice": ("logs", _twice(block_number="6", log_index="3"), "log 3 of block 6 is there twice"),
    "a log of nobody": ("logs", _but("transaction_hash", _OTHER, log_index="3"), "which is not there"),
    "the logs of a block": (
        "logs", _without(block_number="6"), "block 6 has logs, as its logs_bloom tells, and",
    ),
    "all logs": ("logs", lambda _: [], "block 6 has logs, as its logs_bloom tells, and"),
    "a log in the middle": ("logs", _without(log_index="1"), "log 2 of block 6 is there, and one before it is not"),
    "the last log": ("logs", _without(log_index="5"), "logs of block 6 are missing: its logs_bloom"),
    "another topic": (
        "logs", _but("topics", _OTHER, block_number="8", log_index="2"), "logs of block 8 are missing: its logs_bloom",
    ),
    "a log too many": (
        "logs", _behind({"log_index": "6", "address": _STRANGER}, block_number="6", log_index="5"),
        "a log of block 6 is none of its",
    ),
    "a failed transaction with a log": (
        "receipts", _but("status", "0", block_number="6", transaction_index="0"),
        "a receipt of block 6 says that transaction 0 failed, and",
    ),
    "a failed transaction with a sound trace": (
        "receipts", _but("status", "0", block_number="5", transaction_index="0"),
        "says that transaction 0 failed, and its trace in",
    ),
    "a transaction that failed in its trace alone": (
        "receipts", _but("status", "1", block_number="6", transaction_index="4"), "did not fail, and its trace in",
    ),
    "another contract than sender and nonce make": (
        "receipts", _but("contract_address", _STRANGER, block_number="3"), f"tell, and not {_STRANGER}",
    ),
    "a token transfer twice": ("token_transfers", _twice(log_index="3"), "of log 3 of block 6 is there twice"),
    "another amount than its log": ("token_transfers", _but("value", "78", value="77"), "has another amount than"),
    "another number than its log": ("token_transfers", _but("value", "43", value="42"), "has another amount than that"),
    "another sender than its log": ("token_transfers", _but("from_address", _STRANGER, value="77"), "another sender"),
    "another receiver than its log": ("token_transfers", _but("to_address", _STRANGER, value="77"), "another receiver"),
    "another token than its log": ("token_transfers", _but("token_address", _STRANGER, value="77"), "another contract"),
    "another transaction than its log": (
        "token_transfers", _but("transaction_hash", _OTHER, value="77"), "has another transaction than that log",
    ),
    "another kind of token than its log": (
        "token_transfers", _more("token_type", "ERC721", value="77"), "has another kind of token than that log",
    ),
    "a token transfer without a log": (
        "token_transfers", _but("log_index", "9", log_index="4"), "log 9 of block 6 is of a log that is not there",
    ),
    "a token transfer of an approval": (
        "token_transfers", _but("log_index", "5", log_index="4"), "the token transfer of log 5 of block 6 is of a log",
    ),
    "a frame missing": ("traces", _without(trace_address="0,0", block_number="10"), "calls before it are missing"),
    "the last frame missing": ("traces", _without(trace_address="0", block_number="7"), "made more calls"),
    "a frame twice": ("traces", _twice(trace_address="0,1"), "is there twice"),
    "a transaction untraced": ("traces", _without(block_number="5", transaction_index="2"), "no trace of its"),
    "a trace of nobody": ("traces", _but("transaction_index", "9", block_number="4"), "of transaction 9"),
    "an odd path": ("traces", _but("trace_address", "0;1", trace_address="0,1"), "no place in a tree of calls"),
    "no column of hashes": ("logs", _less("transaction_hash"), "column transaction_hash is missing from these logs"),
    "no value": ("token_transfers", _less("value"), "is no file of ethereum-etl or cryo"),
    "another block's height": ("logs", _but("block_number", "99", block_number="7"), "rows of block 99"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_rows_that_do_not_add_up(tmp_path: Path, name: str) -> None:
    dataset, edit, words = WRONG[name]
    file = edited(tmp_path, dataset, edit)
    with pytest.raises(BadExport) as caught:
        batch(source([*(path for path in etl() if path.stem != dataset), file], tmp_path / "s"))
    assert words in caught.value.problem
    assert caught.value.block_hash is None
    assert "\n" not in str(caught.value)


def test_the_file_is_named(tmp_path: Path) -> None:
    file = edited(tmp_path, "logs", _but("data", "0x0", block_number="7"))
    with pytest.raises(BadExport, match=str(file)):
        batch(source([*etl("blocks", "transactions", "receipts"), file], tmp_path / "s"))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("transactions", "receipts"), "no file holds blocks"),
        (("blocks",), "block 1 has 1 transactions, and no file holds transactions"),
        (("blocks", "transactions"), "nothing says which of these transactions failed and what they paid"),
        (
            ("blocks", "transactions", "traces"),
            "nothing says which of these transactions failed and what they paid",
        ),
    ],
)
def test_sets_that_lack_a_file(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadExport, match=words):
        source(etl(*names), tmp_path / "s")


def test_floating_point_amounts_have_lost_digits(tmp_path: Path) -> None:
    file = parquet(tmp_path, "transactions", value=pl.Float64())
    with pytest.raises(BadExport, match="column value holds floating-point numbers, which have lost digits"):
        batch(source([*etl("blocks", "receipts"), file], tmp_path / "s"))
    floats = cryo(tmp_path / "c", without=("value_binary", "value_string"))
    with pytest.raises(BadExport, match="column value_f64 holds floating-point numbers"):
        source(floats, tmp_path / "t")


def test_native_transfers_of_cryo_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadExport, match=r"native_transfers.*do not tell delegate calls"):
        source(cryo(tmp_path / "c", ("blocks", "transactions", "native_transfers")), tmp_path / "s")


def test_blocks_of_cryo_need_their_parents(tmp_path: Path) -> None:
    with pytest.raises(BadExport, match=r"column parent_hash is missing.*--include-columns parent_hash"):
        source(cryo(tmp_path / "c", without=("parent_hash",)), tmp_path / "s")


def test_files_that_are_cut_off_or_something_else(tmp_path: Path) -> None:
    cut = tmp_path / "blocks.parquet"
    cut.write_bytes(parquet(tmp_path, "blocks", value=pl.String()).read_bytes()[:-100])
    with pytest.raises(BadExport, match="is no whole Parquet file"):
        source([cut], tmp_path / "s")
    (tmp_path / "array.json").write_text('[{"number": 1}]')
    with pytest.raises(BadExport, match="is one JSON array"):
        source([tmp_path / "array.json"], tmp_path / "s")
    (tmp_path / "half.json").write_text(WHOLE_LINE + '{"num')
    with pytest.raises(BadExport, match=r"half\.json:2: no JSON object"):
        source([tmp_path / "half.json"], tmp_path / "s")
    ragged = tmp_path / "ragged.csv"
    ragged.write_text((DATA / "blocks.csv").read_text() + "12,0x\n")
    with pytest.raises(BadExport, match="is no sound CSV"):
        source([ragged], tmp_path / "s")
    (tmp_path / "other.csv").write_text("name,age\nbob,7\n")
    with pytest.raises(BadExport, match="is no file of ethereum-etl or cryo"):
        source([tmp_path / "other.csv"], tmp_path / "s")
    with pytest.raises(SourceUnavailable, match="does not exist"):
        source([tmp_path / "none"], tmp_path / "s")


def test_a_folder_is_read_with_what_is_none_of_ours_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "blocks" / "start_block=0"
    folder.mkdir(parents=True)
    for name in ETL[:4]:
        shutil.copy(DATA / f"{name}.csv", folder)
    (tmp_path / "out" / "tokens.csv").write_text("address,symbol,name,decimals\n")
    (tmp_path / "out" / "empty.csv").write_text("")
    found = source([tmp_path / "out"], tmp_path / "s")
    assert found.rows()["logs"] == 11
    assert "tokens.csv, which hold no movement of value" in found.notes()[-1]


# Loading --------------------------------------------------------------------------------------------------


def test_what_came_before_a_bad_row_is_kept_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.files.source.SLICE_ROWS", 1)
    bad = edited(tmp_path, "transactions", _but("value", "1e18", block_number="10", transaction_index="0"))
    rest = [path for path in etl() if path.stem != "transactions"]
    with pytest.raises(BadExport, match=r"holds '1e18' in block 10.*Blocks up to height 9 are kept"):
        load(tmp_path / "w", source([*rest, bad], tmp_path / "s"))
    again = load(tmp_path / "w", source(etl(), tmp_path / "t"))
    assert (again.blocks, again.tip) == (2, 11)
    load(tmp_path / "plain", source(etl(), tmp_path / "u"))
    assert loaded(tmp_path / "w") == loaded(tmp_path / "plain")
    assert load(tmp_path / "w", source(etl(), tmp_path / "v")).blocks == 0


def test_blocks_of_another_branch_are_refused(tmp_path: Path) -> None:
    load(tmp_path / "w", source(etl(), tmp_path / "s"))
    other = source(
        [edited(tmp_path, "blocks", _but("hash", _OTHER, number="11")), *etl(*ETL[1:])], tmp_path / "t"
    )
    with pytest.raises(BadExport, match=r"block 11 is 0xabab.*, and the ledger holds 0x"):
        load(tmp_path / "w", other)


def test_blocks_that_do_not_build_on_the_ledger_are_refused(tmp_path: Path) -> None:
    def first_ten(row: Row) -> list[Row]:
        return [row] if int(row.get("number") or row["block_number"]) < 10 else []

    def from_ten(row: Row) -> list[Row]:
        return (
            [{**row, "parent_hash": _OTHER} if row["number"] == "10" else row]
            if int(row["number"]) > 9
            else []
        )

    (tmp_path / "a").mkdir()
    load(tmp_path / "w", source([edited(tmp_path / "a", name, first_ten) for name in ETL], tmp_path / "s"))
    rest = [
        edited(tmp_path, name, lambda row: [] if first_ten(row) else [row])
        for name in ("transactions", "receipts")
    ]
    with pytest.raises(BadExport, match="block 10 does not build on block 9 of the ledger"):
        load(tmp_path / "w", source([edited(tmp_path, "blocks", from_ten), *rest], tmp_path / "t"))


def test_files_of_another_chain_are_refused(tmp_path: Path) -> None:
    from adapters.evm.chains import chain_named
    from adapters.files.exports import open_exports
    from adapters.files.source import ExportSource

    (tmp_path / "s").mkdir()
    with pytest.raises(BadExport, match="column chain_id holds 31337, and ethereum is 1"):
        ExportSource(open_exports(cryo(tmp_path / "c"), tmp_path / "s"), chain_named("ethereum"))
    assert CHAIN.chain_id == 31337
    assert Nothing().blocks() == []
