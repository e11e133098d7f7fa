"""KYCNot's exchanges: one dated statement each, and nothing that holds longer than the file proves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.intel.formats import kycnot
from adapters.intel.found import Found, Unreadable
from tests.adapters.formats.draining import TODAY, drain, json_values, reasons

ONION = "http://majestictfvnfjgo5hqvmuzynak4kjl5tjs3j5zdabawe6n2aaebldad.onion/"


def exchange(name: object, grade: object = 0, **change: Any) -> dict[str, Any]:
    """An entry as KYCNot writes it, of what is read."""
    return {
        "name": name, "xmr": True, "p2p": False, "custodial": False, "kyc-type": grade, "comments": False,
        "tos-urls": [-1], "listing-date": "2022-01-01",
    } | change  # fmt: skip


def drained(*entries: Any) -> tuple[list[dict[str, str]], Found]:
    text = json.dumps({"exchanges": entries})
    rows, found = drain(kycnot, text, "kycnot.json")
    return [row for _, row in rows], found


def test_a_statement_holds_from_the_listing_to_the_newest_day_of_the_file() -> None:
    (row, _), found = drained(
        exchange("Majestic Bank", 2, **{"tos-urls": ["https://majesticbank.sc/privacy-policy"]}),
        exchange("RoboSats", **{"listing-date": "2022-03-18"}),
    )
    assert row == {
        "vasp_id": "majesticbank",
        "name": "Majestic Bank",
        "type": "swapper",
        "kyc_level": "on_suspicion",
        "xmr_support": "true",
        "valid_from": "2022-01-01",
        "valid_to": "2022-03-18",
        "assessed_at": "2022-03-18",
        "assessor": "KYCNot",
        "confidence": "web_crawl",
        "source": "https://kycnot.me, exchanges",
        "evidence_url": "https://majesticbank.sc/privacy-policy",
        "note": "",
    }
    assert not found.rejections


def test_a_newer_file_adds_to_what_an_older_one_said() -> None:
    """It is no whole list: a level that changed between two files is history, not an error."""
    about = drained(exchange("Bisq"))[1].about
    assert (about.list, about.whole) == ("kycnot", False)


def test_it_proves_no_more_where_the_user_says_when_it_was_published() -> None:
    """A list of 2022 published anew is not today's truth: the level would stand where nobody looked again."""
    found = Found("kycnot.json", TODAY)
    found.about.published = "2026-06-30"
    ((_, row),) = kycnot.rows(json.dumps({"exchanges": [exchange("Bisq")]}), found)
    assert (row["valid_to"], row["assessed_at"]) == ("2022-01-01", "2022-01-01")
    assert found.about.published == "2026-06-30"


@pytest.mark.parametrize(
    ("grade", "level"), [(0, "none"), (1, "rare"), (2, "on_suspicion"), (3, "thresholded"), (4, "full")]
)
def test_grades_are_levels(grade: int, level: str) -> None:
    assert drained(exchange("Bisq", grade))[0][0]["kyc_level"] == level


@pytest.mark.parametrize("grade", [-1, 5, True, "0", None, 0.0])
def test_a_grade_that_means_nothing_is_rejected_never_taken_for_none(grade: object) -> None:
    rows, found = drained(exchange("Bisq", grade))
    assert rows == []
    assert "is no grade" in reasons(found)[1]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"p2p": True, "custodial": "semi"}, "p2p"),
        ({"custodial": False}, "swapper"),
        ({"custodial": True}, "exchange"),
        ({"custodial": ["?"]}, ""),
    ],
)
def test_the_type_is_told_by_custody(change: dict[str, Any], kind: str) -> None:
    assert drained(exchange("X", **change))[0][0]["type"] == kind


@pytest.mark.parametrize(("xmr", "support"), [(True, "true"), (False, "false"), (None, ""), ("?", "")])
def test_unknown_support_of_monero_is_not_none(xmr: object, support: str) -> None:
    assert drained(exchange("X", xmr=xmr))[0][0]["xmr_support"] == support


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("HodlHodl", "hodlhodl"),
        ("XCHANGE.ME", "xchangeme"),
        ("Sideshift.ai", "sideshift"),
        ("Coin Swap", "coinswapclick"),
    ],
)
def test_the_id_is_that_of_the_actor_pack_for_the_same_service_and_of_no_other(name: str, slug: str) -> None:
    assert kycnot.slug(name) == slug


def test_notes_have_no_markup_and_no_onion_address() -> None:
    comments = [
        f"See <a href='{ONION}'>here</a> &amp; {ONION}x, not <b>there</b>.",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ]
    (row,), _ = drained(
        exchange("X", comments=comments, **{"tos-urls": [ONION, "https://example.org/terms"]})
    )
    assert row["note"] == "See here & (onion address) not there .; alert(1)"
    assert row["evidence_url"] == "https://example.org/terms"
    assert not any(".onion" in text for text in row.values())


def test_bad_entries_are_named_by_their_line() -> None:
    days: list[Any] = [None, "9999-01-01", "2022-13-01"]
    undated = [exchange("A", **{"listing-date": day}) for day in days]
    entries = [exchange("Bisq"), exchange(""), "text", *undated]
    text = json.dumps({"exchanges": entries}, indent=1)
    rows, found = drain(kycnot, text, "kycnot.json")
    assert [(line, row["valid_to"]) for line, row in rows] == [(3, "2022-01-01")]
    starts = [n for n, line in enumerate(text.splitlines(), start=1) if line.startswith(("  {", '  "text"'))]
    assert list(reasons(found)) == starts[1:]


@pytest.mark.parametrize(
    "text",
    [
        '{"exchanges": [{"kyc-type": 0}',
        '{"exchanges": [{"kyc-type": 0}]} x',
        "[" * 100_000 + '"exchanges": ["kyc-type"',
    ],
)
def test_a_file_that_is_no_json_is_refused_whole(text: str) -> None:
    with pytest.raises(Unreadable, match="no JSON"):
        drain(kycnot, text, "kycnot.json")


@given(
    st.lists(
        json_values
        | st.dictionaries(
            st.sampled_from([*exchange("X"), "name", "kyc-type"]),
            json_values | st.sampled_from([1, "2022-01-01"]),
        ),
        max_size=4,
    )
)
def test_whatever_the_list_holds_each_entry_is_a_row_of_texts_or_a_rejection(entries: list[Any]) -> None:
    found = Found("kycnot.json", TODAY)
    rows = list(kycnot.rows(json.dumps({"exchanges": entries}), found))
    assert len(rows) + len(found.rejections) == len(entries)
    assert all(isinstance(value, str) for _, row in rows for value in row.values())


@given(json_values.filter(lambda value: value != []))
def test_a_list_of_anything_else_is_no_list_of_exchanges(value: Any) -> None:
    found = Found("kycnot.json", TODAY)
    try:
        assert not list(kycnot.rows(json.dumps({"exchanges": value}), found))
    except Unreadable:
        assert not isinstance(value, list)


def test_a_list_of_exchanges_without_grades_is_not_taken() -> None:
    assert not kycnot.recognise(Path("x.json"), '{"exchanges": [{"name": "Bisq"}]}')
