"""Export with bitcoin-etl's names, and import again: the same facts, and a word on what could not be proved."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from adapters.files.bitcoin_etl import writing
from adapters.files.bitcoin_etl.facts import NO_WITNESSES, STATED
from adapters.files.bitcoin_etl.writing import export
from adapters.files.folder import Format
from adapters.simulation import build_world
from tests.adapters.files.etl import REGTEST, Row, exported, load, source, written
from tests.rawblocks import shop_chain, write
from tests.stores import facts, opened, synced
from tracer.errors import UsageError
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

UNKNOWN = ("script_asm", "required_signatures", "stripped_size", "weight", "coinbase_param")
"""What tracer never writes."""


@pytest.fixture(scope="module")
def raws() -> list[bytes]:
    """A market's blocks: all kinds of scripts."""
    return list(build_world("market", seed=3, txs=1_500).blocks())


@pytest.fixture(scope="module")
def ledger(raws: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    folder = tmp_path_factory.mktemp("ledger")
    with opened(synced(folder / "w", write(folder / "blk.dat", raws))) as found:
        yield found


@pytest.mark.parametrize("form", list(Format))
def test_there_and_back(ledger: Ledger, raws: list[bytes], tmp_path: Path, form: Format) -> None:
    done = export(ledger, REGTEST, tmp_path / "out", form)
    assert (done.first, done.last, done.blocks) == (0, len(raws) - 1, len(raws))
    pulled = load(tmp_path / "w", source([tmp_path / "out"], tmp_path / "s"))
    # what spends native SegWit alone has empty scripts: its txid can be recomputed
    stated = [
        row["hash"]
        for row in exported(raws).transactions
        if row["is_coinbase"] or any(each["script_hex"] for each in row["inputs"])
    ]
    assert sorted(pulled.notes) == [f"{len(stated):,} {STATED}", NO_WITNESSES]
    before = facts(Workspace(ledger.db.path.parent.parent))
    assert facts(Workspace(tmp_path / "w")) == before


def test_rows_are_those_that_bitcoin_etl_writes(ledger: Ledger, raws: list[bytes], tmp_path: Path) -> None:
    export(ledger, REGTEST, tmp_path / "out", Format.JSONL)
    ours = [_read(tmp_path / "out" / f"{name}.jsonl") for name in ("blocks", "transactions")]
    told = exported(raws, enriched=True)
    for rows, theirs in zip(ours, (told.blocks, told.transactions), strict=True):
        assert [name for name in rows[0] if name != "previous_hash"] == list(theirs[0])
        assert [_known(row) for row in rows] == [_known(row) for row in theirs]


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _known(row: Row) -> Row:
    """Without what tracer does not keep, or names otherwise: scripts that pay to no single key or hash."""
    found = {key: value for key, value in row.items() if key not in (*UNKNOWN, "previous_hash")}
    if "inputs" in row:
        found["inputs"] = [_named({**each, "script_hex": None}) for each in row["inputs"]]
        found["outputs"] = [_named(each) for each in row["outputs"]]
    return found


def _named(each: Row) -> Row:
    found = {key: value for key, value in each.items() if key not in UNKNOWN}
    if found["type"] in ("nonstandard", "multisig", "anchor"):
        del found["type"], found["addresses"]
    return found


def test_amounts_are_whole_numbers_and_unknown_ones_are_empty(tmp_path: Path) -> None:
    shop = shop_chain()
    load(
        tmp_path / "w", source(written(tmp_path / "a", exported(shop.blocks).between(5, 12)), tmp_path / "s")
    )
    with opened(Workspace(tmp_path / "w")) as ledger:
        export(ledger, REGTEST, tmp_path / "out", Format.PARQUET)
    found = pl.read_parquet(tmp_path / "out/transactions.parquet")
    assert {found.schema[name] for name in ("input_value", "output_value", "fee")} == {pl.Int64()}
    first = found.filter((pl.col("block_number") == 5) & ~pl.col("is_coinbase")).to_dicts()[0]
    assert (first["input_value"], first["fee"]) == (None, None)
    assert [(each["type"], each["addresses"], each["value"]) for each in first["inputs"]] == [
        (None, [], None)
    ]
    later = found.filter((pl.col("block_number") == 6) & ~pl.col("is_coinbase")).to_dicts()[0]
    assert later["fee"] == 500
    assert pl.read_parquet(tmp_path / "out/blocks.parquet")["previous_hash"].null_count() == 1
    # and back: what the first block builds on is still not known
    load(tmp_path / "v", source([tmp_path / "out"], tmp_path / "t"))
    assert facts(Workspace(tmp_path / "v")) == facts(Workspace(tmp_path / "w"))


def test_many_small_parts_are_one_file(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(ledger, REGTEST, tmp_path / "whole", Format.CSV)
    monkeypatch.setattr(writing, "SLICE_ROWS", 500)
    export(ledger, REGTEST, tmp_path / "parts", Format.CSV)
    for name in ("blocks.csv", "transactions.csv"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_heights_choose(ledger: Ledger, tmp_path: Path) -> None:
    done = export(ledger, REGTEST, tmp_path / "out", Format.PARQUET, first=3, last=5)
    assert (done.first, done.last, done.blocks) == (3, 5, 3)
    with pytest.raises(UsageError, match="no block of bitcoin-regtest was read between these heights"):
        export(ledger, REGTEST, tmp_path / "none", Format.PARQUET, first=1 << 30)
