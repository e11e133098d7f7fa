"""Export and import again: the same facts, but for what the format cannot carry."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.files import writing
from adapters.files.writing import Format, export
from tests.adapters.files.exported import CHAIN, DATA, ETL, etl, load, loaded, source
from tracer.chain import RelationKind
from tracer.errors import StoreUnwritable, UsageError
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Everything that the small chain did."""
    folder = tmp_path_factory.mktemp("ledger")
    load(folder / "w", source([*etl(*ETL[:4]), DATA / "geth_traces.csv"], folder / "s"))
    with Ledger.open(Workspace(folder / "w"), CHAIN) as opened:
        yield opened


@pytest.mark.parametrize("form", list(Format))
def test_there_and_back(ledger: Ledger, tmp_path: Path, form: Format) -> None:
    written = export(ledger, tmp_path / "out", form)
    assert (written.first, written.last, written.blocks) == (0, 11, 12)
    back = source([tmp_path / "out"], tmp_path / "s")
    load(tmp_path / "w", back)
    assert [note.split(" are not in them")[0] for note in back.notes()] == [
        "they are files of `tracer export`: approvals and opening balances"
    ]
    assert {f"{kind}.{form}": rows for kind, rows in back.rows().items()} == written.rows
    before, after = loaded(ledger.db.path.parent.parent), loaded(tmp_path / "w")
    approvals = [row for row in before["relation"] if row[2] == RelationKind.APPROVAL]
    assert len(approvals) == 1
    before["relation"] = [row for row in before["relation"] if row not in approvals]
    for part, rows in before.items():
        assert after[part] == rows, part


def test_many_small_parts_are_one_file(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(ledger, tmp_path / "whole", Format.CSV)
    monkeypatch.setattr(writing, "SLICE_ROWS", 1)
    export(ledger, tmp_path / "parts", Format.CSV)
    for name in ETL:
        assert (tmp_path / "parts" / f"{name}.csv").read_bytes() == (
            tmp_path / "whole" / f"{name}.csv"
        ).read_bytes()


def test_columns_have_the_names_and_the_order_of_ethereum_etl(ledger: Ledger, tmp_path: Path) -> None:
    export(ledger, tmp_path / "out", Format.CSV)
    csv.field_size_limit(1 << 24)
    for name in ETL:
        with (DATA / f"{name}.csv").open() as theirs, (tmp_path / "out" / f"{name}.csv").open() as ours:
            names, found = next(csv.reader(theirs)), next(csv.reader(ours))
        added = ["token_type", "token_id"] if name == "token_transfers" else []
        assert found == names + added


def test_cells_are_those_of_ethereum_etl(ledger: Ledger, tmp_path: Path) -> None:
    export(ledger, tmp_path / "out", Format.CSV)
    csv.field_size_limit(1 << 24)
    kept = {
        "blocks": (
            "number",
            "hash",
            "parent_hash",
            "miner",
            "timestamp",
            "transaction_count",
            "base_fee_per_gas",
        ),
        "receipts": ("transaction_hash", "gas_used", "contract_address", "status", "effective_gas_price"),
        "token_transfers": (
            "token_address",
            "from_address",
            "to_address",
            "value",
            "transaction_hash",
            "log_index",
        ),
    }
    for name, columns in kept.items():
        with (DATA / f"{name}.csv").open() as theirs, (tmp_path / "out" / f"{name}.csv").open() as ours:
            told = [[row[column] for column in columns] for row in csv.DictReader(theirs)]
            found = [
                [row[column] for column in columns]
                for row in csv.DictReader(ours)
                if row.get("token_type") != "ERC1155"  # ethereum-etl does not write those
            ]
        assert sorted(found) == sorted(told)


def test_some_heights_only(ledger: Ledger, tmp_path: Path) -> None:
    written = export(ledger, tmp_path / "out", Format.PARQUET, first=5, last=6)
    assert (written.first, written.last, written.rows["transactions.parquet"]) == (5, 6, 10)
    assert load(tmp_path / "w", source([tmp_path / "out"], tmp_path / "s")).tip == 6
    with pytest.raises(UsageError, match="no block of evm-31337 was read between these heights"):
        export(ledger, tmp_path / "none", Format.CSV, first=12)
    assert not (tmp_path / "none").exists()


def test_a_folder_is_there_whole_or_not_at_all(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="mine exists already"):
        export(ledger, tmp_path / "mine", Format.CSV)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable, match="cannot write"):
        export(ledger, tmp_path / "file" / "out", Format.CSV)

    def stop(_done: int, _blocks: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(ledger, tmp_path / "out", Format.JSONL, progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]
