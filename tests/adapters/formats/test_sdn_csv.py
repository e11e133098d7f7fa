"""SDN.CSV: every address that OFAC's remarks name becomes a row or a rejection.

The remarks are OFAC's own, shortened (entries 26137, 29702, 33151, 31212); the overflow is cut where OFAC cut it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.intel import ofac
from adapters.intel.formats import sdn_csv
from adapters.intel.found import Unreadable
from tests.adapters.formats.draining import drain, reasons


def party(number: int, name: str, programmes: str, remarks: str) -> str:
    """One line as OFAC writes it; columns in between are empty."""
    return f'{number},"{name}","individual","{programmes}",' + "-0- ," * 7 + remarks


PLAIN = party(36, "AEROCARIBBEAN AIRLINES", "CUBA", "-0- ")
LIFSHITS = party(
    29702, "LIFSHITS, Artem Mikhaylovich", "ELECTION-EO13848] [CYBER2",
    '"DOB 26 Dec 1992; Gender Male; Digital Currency Address - XBT 12udabs2TkX7NXCSj6KpqXfakjE52ZPLhz; '
    "alt. Digital Currency Address - XBT 1DT3tenf14cxz9WFNxmYrXFbB6TFiVWA9U; Digital Currency Address - ETH "
    '0x901bb9583b24d97e995513c6778dc6888ab6870e; Phone Number 79110354982; Passport 719032284."',
)  # fmt: skip


def test_one_row_per_address_with_who_it_belongs_to_and_why() -> None:
    rows, found = drain(sdn_csv, f"{PLAIN}\n{LIFSHITS}\n", "sdn.csv")
    assert [(line, row["currency"], row["address"]) for line, row in rows] == [
        (2, "XBT", "12udabs2TkX7NXCSj6KpqXfakjE52ZPLhz"),
        (2, "XBT", "1DT3tenf14cxz9WFNxmYrXFbB6TFiVWA9U"),
        (2, "ETH", "0x901bb9583b24d97e995513c6778dc6888ab6870e"),
    ]
    assert rows[0][1] == {
        "currency": "XBT",
        "address": "12udabs2TkX7NXCSj6KpqXfakjE52ZPLhz",
        "label": "LIFSHITS, Artem Mikhaylovich",
        "category": "sanction",
        "confidence": "authority_data",
        "subject": "ofac:29702",
        "programme": "CYBER2 ELECTION-EO13848",
        "source": "https://www.treasury.gov/ofac/downloads/sdn.csv",
    }
    assert (found.about.list, found.about.whole, found.about.entries) == ("ofac-sdn", True, 2)
    assert not found.rejections


def test_an_address_at_the_end_of_the_remarks_loses_their_full_stop() -> None:
    line = party(33151, "SUEX OTC, S.R.O.", "CYBER2", '"Digital Currency Address - USDT 1KUUJP."')
    assert [row["address"] for _, row in drain(sdn_csv, line, "SDN.CSV")[0]] == ["1KUUJP"]


@pytest.mark.parametrize(("file", "name"), [("sdn.csv", "ofac-sdn"), ("CONS_PRIM.CSV", "ofac-consolidated")])
def test_the_consolidated_list_has_the_same_shape_and_another_name(file: str, name: str) -> None:
    rows, found = drain(sdn_csv, LIFSHITS, file)
    assert found.about.list == name
    assert ("cons_prim" in rows[0][1]["source"]) == (name == "ofac-consolidated")


def test_a_programme_with_spaces_is_one_word() -> None:
    line = party(1, "X", "SOUTH SUDAN] [CAATSA - RUSSIA", '"Digital Currency Address - XBT 1abc."')
    assert drain(sdn_csv, line, "sdn.csv")[0][0][1]["programme"] == "CAATSA-RUSSIA SOUTH-SUDAN"


@pytest.mark.parametrize(
    ("programme", "word"),
    [
        ("Ukraine (Sovereignty, Integrity); Russia", "Ukraine-(Sovereignty-Integrity)-Russia"),
        ("CYBER2; ", "CYBER2"),
        ("- ;", ""),
    ],
)
def test_a_programme_with_commas_or_semicolons_is_one_word(programme: str, word: str) -> None:
    """The list of programmes is parted by them, too: torn apart, none of the parts is a programme."""
    assert ofac.programmes([programme]) == word


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\x1a", "\r\n\x1a\r\n"])
def test_however_the_file_ends_the_rows_are_the_same(end: str) -> None:
    rows, found = drain(sdn_csv, f"{PLAIN}\r\n{LIFSHITS}{end}", "sdn.csv")
    assert (len(rows), found.about.entries, found.rejections) == (3, 2, [])


@pytest.mark.parametrize(
    "remark",
    [
        "Digital Currency Address - XBT",
        "Digital Currency Address XBT 12udabs2TkX7NXCSj6KpqXfakjE52ZPLhz",
        "Digital Currency Address - XBT 12udabs2 and 1DT3tenf",
        "alt. Digital CurrencyAddress - ?? 1DT3tenf",
    ],
)
def test_a_remark_that_may_be_an_address_is_rejected_never_skipped(remark: str) -> None:
    rows, found = drain(
        sdn_csv, f"{PLAIN}\n" + party(7, "X", "CYBER2", f'"DOB 1990; {remark}; Gender Male."'), "sdn.csv"
    )
    assert rows == []
    assert reasons(found) == {2: f"no address can be read from the remark {remark!r}"}


def test_a_bad_line_takes_no_other_line_with_it() -> None:
    bad = ['7,"OPEN QUOTE', '8,"TOO FEW",-0- ', 'x,"NO NUMBER"' + ",-0- " * 10]
    rows, found = drain(sdn_csv, "\n".join([PLAIN, *bad, LIFSHITS]), "sdn.csv")
    assert len(rows) == 3
    assert found.about.entries == 5
    assert list(reasons(found)) == [2, 3, 4]


@pytest.mark.parametrize("last", [LIFSHITS, PLAIN.rstrip()], ids=["with remarks", "without"])
def test_wherever_a_download_is_cut_its_last_line_is_whole_or_rejected(last: str) -> None:
    """Cut at the end of a line it cannot be told: then the entries are fewer, which the store notices."""
    whole = drain(sdn_csv, f"{LIFSHITS}\n{last}", "sdn.csv")[0]
    for kept in range(1, len(last)):
        rows, found = drain(sdn_csv, f"{LIFSHITS}\n{last[:kept]}", "sdn.csv")
        assert len(rows) < len(whole) or last == PLAIN.rstrip()
        assert (list(reasons(found)), found.about.entries) == ([2], 2), last[:kept]


class TestOverflow:
    """OFAC cuts remarks after 1,000 characters, in the middle of a word; the rest stands in another file."""

    rest = " Currency Address - BCH qq3vlashthktqpeppuv7trmw070e3mydgq63zq348v; Linked To: FEDERAL SECURITY SERVICE."
    head = "DOB 1990; " + "x" * (1000 - len("DOB 1990; ; alt. Digital")) + "; alt. Digital"
    cut = party(31212, "SOUTHFRONT", "NPWMD", f'"{head}"')

    def test_it_is_read_from_beside(self, tmp_path: Path) -> None:
        (tmp_path / "SDN_COMMENTS.CSV").write_text(f'31212,"{self.rest}"\r\n\x1a', encoding="utf-8")
        rows, found = drain(sdn_csv, self.cut, tmp_path / "sdn.csv")
        assert [row["address"] for _, row in rows] == ["qq3vlashthktqpeppuv7trmw070e3mydgq63zq348v"]
        assert not found.rejections

    def test_without_it_lost_addresses_are_reported(self, tmp_path: Path) -> None:
        rows, found = drain(sdn_csv, self.cut, tmp_path / "sdn.csv")
        assert rows == []
        assert "put the whole of OFAC's sdn_comments.csv beside" in reasons(found)[1]

    def test_nothing_is_lost_where_only_links_follow(self, tmp_path: Path) -> None:
        remarks = "DOB 1990; Linked To: A.".ljust(1000, "x")
        _, found = drain(sdn_csv, party(1, "X", "SDGT", f'"{remarks}"'), tmp_path / "sdn.csv")
        assert not found.rejections

    def test_remarks_of_exactly_that_length_are_whole_where_the_overflow_has_none(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "sdn_comments.csv").write_text('1,"other."\n\x1a', encoding="utf-8")
        assert not drain(sdn_csv, self.cut, tmp_path / "sdn.csv")[1].rejections

    def test_an_overflow_that_may_break_off_proves_nothing_of_those_it_does_not_name(
        self, tmp_path: Path
    ) -> None:
        """OFAC ends its files with a control-Z; cut at the end of a line, nothing else would tell."""
        (tmp_path / "sdn_comments.csv").write_text('1,"other."\n', encoding="utf-8")
        assert "put the whole of" in reasons(drain(sdn_csv, self.cut, tmp_path / "sdn.csv")[1])[1]

    def test_overflow_of_an_unknown_party_is_reported_where_it_names_addresses(self, tmp_path: Path) -> None:
        beside = tmp_path / "sdn_comments.csv"
        beside.write_text(f'1,"a.k.a. \'ONE\'."\nx\n31212,"Digital{self.rest}"\n', encoding="utf-8")
        _, found = drain(sdn_csv, PLAIN, tmp_path / "sdn.csv")
        assert {(r.file, r.line) for r in found.rejections} == {(str(beside), 2), (str(beside), 3)}

    def test_in_a_folder_with_its_list_it_has_no_rows_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "SDN.CSV").write_text(self.cut, encoding="utf-8")
        rows, found = drain(sdn_csv, f'31212,"{self.rest}"\n', tmp_path / "sdn_comments.csv")
        assert (rows, found.rejections) == ([], [])

    @pytest.mark.parametrize(
        ("file", "main"), [("sdn_comments.csv", "sdn.csv"), ("CONS_COMMENTS.CSV", "cons_prim.csv")]
    )
    def test_alone_it_says_what_to_import(self, file: str, main: str) -> None:
        with pytest.raises(Unreadable, match=f"import {main}"):
            drain(sdn_csv, f'31212,"{self.rest}"\n', file)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["XBT", "ETH", "USDT"]),
            st.text("abcXYZ123", min_size=1, max_size=40),
            st.sampled_from(["DOB 1990", "Gender Male", "Linked To: SOMEBODY"]),
        ),
        max_size=6,
    )
)
def test_any_mixture_of_remarks_gives_every_address_in_order(remarks: list[tuple[str, str, str]]) -> None:
    text = "; ".join(
        f"{other}; alt. Digital Currency Address - {ticker} {address}" for ticker, address, other in remarks
    )
    rows, found = drain(sdn_csv, party(1, "X", "CYBER2", f'"{text}."'), "nowhere/sdn.csv")
    assert [(row["currency"], row["address"]) for _, row in rows] == [remark[:2] for remark in remarks]
    assert not found.rejections


@pytest.mark.parametrize(
    "text", ["chain,address,label\nbitcoin,1abc,X\n", "", "36,-0- \n", 'x,"N","n","P"' + ",-0- " * 8]
)
def test_other_csv_files_are_not_taken(text: str) -> None:
    assert not sdn_csv.recognise(Path("tags.csv"), text)
