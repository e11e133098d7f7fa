"""Tables of subjects: any usual header, any separator, bad rows by line, broken files refused whole."""

from __future__ import annotations

import csv
import hashlib
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.subjects.registry import opened, piped
from tracer.errors import BadBatch, TracerError, UsageError
from tracer.screening.subjects import Row

WIF = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"


def rows(text: str | bytes, name: str = "list.csv") -> list[Row]:
    data = text.encode() if isinstance(text, str) else text
    return list(piped(io.BytesIO(data)).rows())


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("address,txid,vout", ["address", "txid", "vout"]),
        ("Wallet Address;Network;Amount", ["address", "chain", "amount"]),
        ("tx_hash\toutput-index\tcustomer id", ["txid", "vout", "customer_reference"]),
        ('\ufeff"to_address","currency","Direction"', ["address", "asset", "direction"]),
    ],
)
def test_headers_are_those_people_use(header: str, columns: list[str]) -> None:
    separator = next(mark for mark in ";\t," if mark in header)
    found = rows(f"{header}\r\n\r\n{separator.join('abc')}\r\n")
    assert found == [Row(3, dict(zip(columns, "abc", strict=True)))]


def test_a_list_without_a_header_is_one_subject_a_line() -> None:
    assert rows("\n addr1 \n\naddr2") == [Row(2, {"subject": "addr1"}), Row(4, {"subject": "addr2"})]


def test_bad_rows_are_told_by_line_and_the_rest_is_read() -> None:
    text = 'address,reference\na,1\nb\nc,"two\nlines"\n\nd,1,2\ne,x"y"z\nf,\xff\ng,\n'
    found = rows(text.encode().replace("\xff".encode(), b"\xff"))
    assert [(row.line, row.cells.get("address"), row.problem) for row in found] == [
        (2, "a", ""),
        (3, None, "1 cells where the header has 2."),
        (4, "c", ""),
        (7, None, "3 cells where the header has 2."),
        (8, "e", ""),
        (9, "f", ""),
        (10, "g", ""),
    ]
    assert found[2].cells["customer_reference"] == "two\nlines"
    assert found[5].cells["customer_reference"] == "\udcff"  # whoever reads the row refuses it


def test_columns_that_mean_nothing_here_are_left_out() -> None:
    assert rows("id,address,comment\n1,a,hello\n") == [Row(2, {"address": "a"})]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"name,amount\nx,1\n", "no column of 'name,amount' names a subject"),
        (b"address,wallet\na,b\n", "two columns mean address"),
        ("address\n".encode("utf-16"), "no text in UTF-8"),
        (b"\x89PNG\0\0", "no text in UTF-8"),
        (b"PAR1....", "cannot be read from a pipe"),
        (b"a" * (1 << 21), "line 1: the line has more than 1 MB"),
        (f"{WIF},mine\n".encode(), "holds private key"),
    ],
)
def test_what_is_no_table_is_refused_whole(text: bytes, words: str) -> None:
    with pytest.raises(BadBatch, match=words) as refused:
        rows(text)
    assert refused.value.exit_code == 4
    assert WIF not in str(refused.value)


def test_a_line_that_is_too_long_is_a_bad_row_and_the_rest_is_read() -> None:
    long = "a" * (3 << 20)
    for text in (f"address\na\n{long}\nb\n", f"a\n{long}\nb\n"):
        found = rows(text)
        assert [row.problem for row in found] == ["", "the line has more than 1 MB.", ""]
        assert [row.line for row in found] == [text[: text.index(long)].count("\n") + n for n in (0, 1, 2)]
    (last,) = [row for row in rows(f"address\n{long}") if row.problem]
    assert last.line == 2


@pytest.mark.parametrize("many", [3, 10_000])
def test_a_quote_that_is_never_closed_costs_its_own_row_alone(many: int) -> None:
    text = "address,reference\n" + '"a,1\n' + "".join(f"b{n},2\n" for n in range(many)) + 'c,"3"\n'
    found = rows(text)
    assert [row.line for row in found] == list(range(2, many + 4))
    assert ["quote" in row.problem for row in found] == [True] + [False] * (many + 1)
    assert found[-1].cells == {"address": "c", "customer_reference": "3"}


@given(st.lists(st.lists(st.text(max_size=5), min_size=2, max_size=2), max_size=8))
def test_what_a_csv_writer_writes_is_read_back(cells: list[list[str]]) -> None:
    file = io.StringIO()
    csv.writer(file).writerows([["address", "reference"], *cells])
    text = file.getvalue().encode("utf-8", "replace").replace(b"\0", b"")
    whole = list(csv.reader(io.StringIO(text.decode(), newline="")))[1:]
    assert [
        (row.cells.get("address", ""), row.cells.get("customer_reference", "")) for row in rows(text)
    ] == [
        tuple(cell if cell.strip() else "" for cell in row)
        for row in whole
        if any(cell.strip() for cell in row)
    ]


def test_a_table_knows_its_hash_and_how_far_it_was_read(tmp_path: Path) -> None:
    data = b"address\n" + b"a\n" * 1000
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    with opened(path) as table:
        assert len(list(table.rows())) == 1000
        assert table.progress() == (len(data), len(data))
        assert table.sha256() == hashlib.sha256(data).hexdigest()


def parquet(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_a_parquet_file_is_told_by_its_bytes_and_is_the_same_table(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "list.data",
        {
            "Address": ["a", None, "c"],
            "tx": pa.array([None, "t", None]).dictionary_encode(),
            "vout": pa.array([None, 7, None], pa.int64()),
            "amount": pa.array([Decimal("0.10"), None, Decimal("1E+3")], pa.decimal128(20, 8)),
            "other": [1.5, 2.5, 3.5],
        },
    )
    with opened(path) as table:
        assert list(table.rows()) == [
            Row(1, {"address": "a", "amount": "0.10000000"}),
            Row(2, {"txid": "t", "vout": "7"}),
            Row(3, {"address": "c", "amount": "1000.00000000"}),
        ]
        assert table.progress() == (3, 3)
        assert table.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"address": ["a"], "amount": [0.1]}, "column amount holds double.*as a decimal"),
        ({"address": [b"a"]}, "column address holds binary"),
        ({"name": ["a"]}, "no column of 'name' names a subject"),
        ({"address": ["a"], "wallet": ["b"]}, "two columns mean address"),
    ],
)
def test_a_parquet_file_that_holds_no_exact_table_is_refused(
    tmp_path: Path, columns: dict[str, Any], words: str
) -> None:
    with opened(parquet(tmp_path / "x", columns)) as table, pytest.raises(BadBatch, match=words):
        list(table.rows())


def test_a_parquet_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x", {"address": ["a"] * 100})
    path.write_bytes(path.read_bytes()[:-20])
    with opened(path) as table, pytest.raises(BadBatch, match="is damaged"):
        list(table.rows())


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no plain file"), opened(tmp_path):
        pass
    with pytest.raises(TracerError, match="cannot read") as refused, opened(tmp_path / "none"):
        pass
    assert refused.value.exit_code == 3
