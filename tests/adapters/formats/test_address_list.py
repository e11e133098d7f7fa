"""Plain lists: one address a line; what the lines do not say, the file's name or its first comments do."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.intel.formats import address_list
from adapters.intel.found import Unreadable
from tests.adapters.formats.draining import TODAY, drain, reasons

LIST = "123WBUDmSJv4GctdVEz6Qq6z8nXSKrJ4KX\n\n125W5ek3DT6Zqy5S2iPt4FHQdNMCbZA3FU\n"


def test_a_list_of_sanctioned_addresses_says_all_in_its_name() -> None:
    rows, found = drain(address_list, LIST, "lists/sanctioned_addresses_XBT.txt")
    assert rows[1] == (
        3,
        {
            "currency": "XBT",
            "address": "125W5ek3DT6Zqy5S2iPt4FHQdNMCbZA3FU",
            "label": "sanctioned address",
            "category": "sanction",
            "confidence": "web_crawl",
            "source": "sanctioned_addresses_XBT.txt",
        },
    )
    assert len(rows) == 2
    assert (found.about.list, found.about.whole, found.about.entries) == (
        "sanctioned_addresses_XBT",
        True,
        None,
    )


def test_its_first_comments_say_the_rest() -> None:
    head = (
        "# Collected by the CERT\n# chain: bitcoin\n# category: ransomware\n# Label: Example gang\n"
        "# source: https://example.org/list\n# confidence: forensic\n# published: 2025-03-04\n"
    )
    rows, found = drain(
        address_list, head + LIST + "# seen: comments after it are only comments\n", "gang.txt"
    )
    assert rows[0] == (
        8,
        {
            "chain": "bitcoin",
            "address": "123WBUDmSJv4GctdVEz6Qq6z8nXSKrJ4KX",
            "label": "Example gang",
            "category": "ransomware",
            "confidence": "forensic",
            "source": "https://example.org/list",
        },
    )
    assert found.about.published == "2025-03-04"


def test_a_comment_beats_the_name_and_the_user() -> None:
    rows, _ = drain(address_list, f"# currency: LTC\n{LIST}", "ofac_XBT.txt", chain="zcash", label="mine")
    assert {(row["currency"], "chain" in row, row["label"]) for _, row in rows} == {("LTC", False, "mine")}


def test_the_user_beats_the_name() -> None:
    rows, _ = drain(address_list, LIST, "ofac_XBT.txt", chain="litecoin", confidence="trusted_provider")
    assert {(row["chain"], row["confidence"]) for _, row in rows} == {("litecoin", "trusted_provider")}


def test_a_comment_after_an_address_is_no_part_of_it() -> None:
    rows, _ = drain(address_list, "1abc # seen 2020\n  1def\t\r\n", "ofac_XBT.txt")
    assert [row["address"] for _, row in rows] == ["1abc", "1def"]


def test_a_line_of_several_words_is_rejected() -> None:
    rows, found = drain(address_list, "1abc\n1def 5.0\n1ghi\n", "ofac_XBT.txt")
    assert [line for line, _ in rows] == [1, 3]
    assert "one address a line" in reasons(found)[2]


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("sanctioned.txt", LIST, "of which chain"),
        ("sanctioned_LIST.txt", LIST, "of which chain"),
        ("sanctioned_near.txt", LIST, "of which chain"),
        ("addresses_XBT.txt", LIST, "what are these addresses"),
        ("sanctioned_XBT.txt", "# nothing yet\n", "names no address"),
        ("sanctioned.txt", f"# chain: bitcoin\n# currency: XBT\n{LIST}", "say one of them"),
        ("sanctioned_XBT.txt", f"# source: a\n# source: b\n{LIST}", "source is said twice"),
        ("sanctioned_XBT.txt", f"# confidence:\n{LIST}", "confidence is said without a value"),
        ("sanctioned_XBT.txt", f"# published: 4 March 2025\n{LIST}", "no date"),
        ("sanctioned_XBT.txt", f"# published: 2025-02-30\n{LIST}", "no date"),
    ],
)
def test_a_list_that_leaves_open_what_it_is_is_refused_whole(file: str, text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        drain(address_list, text, file)


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("confidance: forensic", "confidence"),
        ("Sources: https://example.org", "source"),
        ("publised: 2025-03-04", "published"),
        ("chains: bitcoin", "chain"),
    ],
)
def test_a_mistyped_header_is_no_mere_comment(header: str, meant: str) -> None:
    """Taken for a comment, it would leave the claim with what the file's name says instead."""
    with pytest.raises(Unreadable, match=f"meant '{meant}'") as caught:
        drain(address_list, f"# from the CERT\n# {header}\n{LIST}", "ofac_XBT.txt")
    assert caught.value.line == 2


@pytest.mark.parametrize("comment", ["collected: by hand", "note: see below", "see: https://example.org"])
def test_a_comment_that_is_like_no_header_is_one(comment: str) -> None:
    assert len(drain(address_list, f"# {comment}\n{LIST}", "ofac_XBT.txt")[0]) == 2


def test_a_header_after_the_first_address_is_refused() -> None:
    """Two lists in one file: the second one's addresses would have the first one's label."""
    text = f"# label: One\n{LIST}# Label: Two\n{LIST}"
    with pytest.raises(Unreadable, match="label is said after the first address") as caught:
        drain(address_list, text, "ofac_XBT.txt")
    assert caught.value.line == 5


def test_a_day_of_publication_that_lies_ahead_is_refused() -> None:
    """No true version would be newer: the list would stand as it is for ever."""
    rows, found = drain(address_list, f"# published: 2026-12-02\n{LIST}", "ofac_XBT.txt")
    assert (len(rows), found.about.published, TODAY) == (2, "2026-12-02", "2026-12-01")
    with pytest.raises(Unreadable, match="lies in the future") as caught:
        drain(address_list, f"\n# published: 2026-12-03\n{LIST}", "ofac_XBT.txt")
    assert caught.value.line == 2


@pytest.mark.parametrize(("file", "text"), [("LICENSE.txt", "MIT License\n"), ("ofac_XBT.csv", LIST)])
def test_other_files_are_not_taken(file: str, text: str) -> None:
    assert not address_list.recognise(Path(file), text)
