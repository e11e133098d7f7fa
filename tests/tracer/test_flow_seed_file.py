"""A list of seeds as a file: any order of columns, every bad row named, windows as claims have them."""

from __future__ import annotations

import pytest

from tests.scenarios.case import CHAIN
from tests.scenarios.ledger import shown
from tracer.errors import BadSeeds
from tracer.flow.seeding.grammar import Seed
from tracer.flow.seeding.seed_file import Listed, parse
from tracer.flow.spans import FOREVER, span_of


def read(text: str) -> Listed:
    return parse(text.encode(), CHAIN, "list.csv")


def test_columns_stand_in_any_order_and_others_are_named() -> None:
    text = '\ufeffReference,Role,ADDRESS,amount,chain,source\r\n\r\n"item 1, page 2",seller,s1,5,,seizure\r\n'
    found = read(text + "x,,s2,,Bitcoin-Regtest,\r\nx,,s3,,bip122:PLAY,\r\n")
    assert [row.seed for row in found.rows] == [Seed("address", name) for name in ("s1", "s2", "s3")]
    assert (found.rows[0].reference, found.rows[0].source, found.rows[0].seed.role, found.rows[0].line) == (
        "item 1, page 2",
        "seizure",
        "seller",
        3,
    )
    assert found.rows[1].seed.role is None
    assert found.ignored == ("amount",)


def test_a_cell_holds_whatever_a_seed_may_be() -> None:
    txid = shown("sale")
    cells = ["s1", f"{txid}:1", f"{txid}:*", txid, f"{txid}@s1", "tag:Some Market", "vasp:acme", "cluster:s1"]
    kinds = [row.seed.kind for row in read("outpoint\n" + "\n".join(cells)).rows]
    assert kinds == ["address", "outpoint", "txid_all", "txid", "txid_address", "tag", "vasp", "cluster"]
    both = read(f"address,outpoint\ns1,\n,{txid}:0\n")
    assert [row.seed.kind for row in both.rows] == ["address", "outpoint"]


@pytest.mark.parametrize(
    ("since", "until", "span"),
    [
        ("", "", FOREVER),
        ("2020-09-13", "2020-09-13", span_of("2020-09-13", "2020-09-13")),
        ("", "9999-12-31", FOREVER),
        ("2020-09-13", "9999-12-31", (span_of("2020-09-13", "")[0], FOREVER[1])),
        ("2020-09-13", "", (span_of("2020-09-13", "")[0], FOREVER[1])),
        ("2020-09-13T10:00:00Z", "2020-09-13T12:00:00+01:00", (1_599_991_200, 1_599_994_800)),
        ("2020-09-13T10:00:00", "2020-09-14", (1_599_991_200, span_of("", "2020-09-14")[1])),
    ],
)
def test_days_are_included_and_times_end_before(since: str, until: str, span: tuple[int, int]) -> None:
    assert read(f"address,valid_from,valid_to\ns1,{since},{until}\n").rows[0].seed.times == (span,)


def test_equal_rows_count_once() -> None:
    found = read("address,role\ns1,a\ns1,a\n s1 ,a\ns1,b\n")
    assert (len(found.rows), found.repeated) == (2, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "list.csv is empty"),
        ("\n \n", "list.csv is empty"),
        ("address,role\n", "there is nothing under its header"),
        ("s1\ns2\n", "line 1: no column is called address or outpoint"),
        ("address;role\ns1;a\n", "line 1: no column is called address or outpoint"),
        ("address,Address\ns1,s2\n", "line 1: the column address is there twice"),
        ("address\nno/name\n", "line 2: 'no/name' is no address"),
        ("address,role\n\ns1\n", "line 3: 1 cells where the header has 2"),
        ("address,role\ns1,a,b\n", "line 2: 3 cells where the header has 2"),
        ("address,role\n,a\n", "line 2: it names no seed"),
        ("address,outpoint\ns1,s2\n", "line 2: both address and outpoint are filled"),
        ("address,chain\ns1,bitcoin\n", "line 2: it is on 'bitcoin', the question on bitcoin-regtest"),
        ("address,valid_to\ns1,2020-02-30\n", "line 2: '2020-02-30' is no date"),
        ("address,valid_to\ns1,13.9.2020\n", "line 2: '13.9.2020' is no date"),
        ("address,valid_from\ns1,9999-12-31\n", "line 2: '9999-12-31' is no date"),
        ("address,valid_from,valid_to\ns1,2020-02-02,2020-02-01\n", "line 2: valid_to 2020-02-01 is before"),
        ('address,role\ns1,"open\n', "line 2: this is no CSV"),
        (f"outpoint\n{shown('sale')}:{2**32}\n", "cannot have that many outputs"),
        ("address\ntag:\n", "names nothing after tag:"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_names_file_and_row(text: str, said: str) -> None:
    with pytest.raises(BadSeeds) as error:
        read(text)
    assert said in error.value.problem
    assert "list.csv" in error.value.problem
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 4


def test_all_bad_rows_are_counted_and_the_first_are_named() -> None:
    with pytest.raises(BadSeeds) as error:
        read("address\n" + "".join(f"{'?' * (n + 1)}\ns{n}\n" for n in range(8)))
    assert error.value.problem.startswith("list.csv: 8 rows cannot be used: line 2: '?' is no address")
    assert "line 10:" in error.value.problem
    assert "line 12:" not in error.value.problem
    assert error.value.problem.endswith("; and 3 more.")


def test_a_row_that_begins_after_a_quoted_line_break_has_its_own_line() -> None:
    with pytest.raises(BadSeeds, match="line 4: '!'"):
        read('address,source\ns1,"two\nlines"\n!,\n')


def test_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(BadSeeds, match=r"list\.csv is no UTF-8 text"):
        parse("address\ns1\n".encode("utf-16"), CHAIN, "list.csv")
