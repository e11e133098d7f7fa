"""The starter VASP register: every row is a dated claim with a source, and says no more than its source."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from datetime import date
from importlib.resources import files
from io import StringIO
from itertools import groupby, pairwise
from pathlib import Path

import pytest
import yaml

from adapters.intel.fields import LONGEST
from tracer.intel import taxonomy
from tracer.intel.claims import STATUSES, KycLevel, clean

Row = dict[str, str]

COLUMNS = (
    "vasp_id", "name", "names", "type", "kyc_level", "jurisdiction", "jurisdiction_licensed",
    "jurisdiction_operating", "legal_entity", "lei", "licences", "kyc_threshold_usd", "travel_rule", "xmr_support",
    "status", "successor", "nested_in", "legal_contact", "records_holder", "retention", "enforcement", "valid_from",
    "valid_to", "source", "evidence_url", "evidence_sha256", "captured_at", "assessed_at", "assessor", "confidence",
    "next_review", "note",
)  # fmt: skip
ALWAYS = (
    "vasp_id", "name", "type", "kyc_level", "status", "valid_from", "source", "evidence_url", "assessed_at",
    "assessor", "confidence", "next_review", "note",
)  # fmt: skip
DAYS = ("valid_from", "valid_to", "captured_at", "assessed_at", "next_review")
LISTS = (
    "names", "jurisdiction", "jurisdiction_licensed", "jurisdiction_operating", "licences", "records_holder",
    "enforcement",
)  # fmt: skip
TYPES = ("exchange", "swapper", "p2p", "otc")
PLACEHOLDER = re.compile(
    r"\b(todo|tbd|fixme|xxx+|placeholder|lorem|n/a|example\.(com|org|net))\b|\?\?", re.IGNORECASE
)
KYCNOT_GRADES = ("none", "rare", "on_suspicion", "thresholded")


def register() -> str:
    return files("adapters.intel").joinpath("starter", "vasps.csv").read_text(encoding="utf-8")


ROWS: list[Row] = list(csv.DictReader(StringIO(register(), newline=""), strict=True))


def by_service() -> dict[str, list[Row]]:
    return {key: list(rows) for key, rows in groupby(ROWS, key=lambda row: row["vasp_id"])}


def named(row: Row) -> str:
    return f"{row['vasp_id']} {row['valid_from']}"


every_row = pytest.mark.parametrize("row", ROWS, ids=named)
every_service = pytest.mark.parametrize("history", by_service().values(), ids=by_service())


def test_the_columns_are_those_of_a_vasp_claim() -> None:
    assert tuple(ROWS[0]) == COLUMNS


def test_rows_are_in_order_and_each_service_stands_together() -> None:
    assert [named(row) for row in ROWS] == sorted(named(row) for row in ROWS)
    assert sum(map(len, by_service().values())) == len(ROWS)


def test_it_is_worth_importing() -> None:
    assert len(by_service()) >= 40
    assert {row["kyc_level"] for row in ROWS} == set(KycLevel)


@every_row
def test_a_row_has_all_that_makes_it_a_claim(row: Row) -> None:
    assert [column for column in ALWAYS if not row[column]] == []
    assert row["assessor"] == "Tracer project"


@every_row
def test_words_are_of_their_vocabularies(row: Row) -> None:
    assert row["kyc_level"] in tuple(KycLevel)
    assert row["status"] in set(STATUSES) - {""}
    assert row["confidence"] in taxonomy.confidences()
    assert row["type"] in TYPES
    assert row["xmr_support"] in ("true", "false", "")
    assert re.fullmatch(r"[a-z0-9]+", row["vasp_id"])
    assert re.fullmatch(r"[1-9][0-9]*|", row["kyc_threshold_usd"])


@every_row
def test_sources_are_pages_and_none_leads_to_a_hidden_service(row: Row) -> None:
    for column in ("source", "evidence_url"):
        assert re.fullmatch(r"https?://[a-z0-9.-]+\.[a-z]{2,}/\S*", row[column]), row[column]
    assert not any(".onion" in value for value in row.values())


@every_row
def test_a_hash_and_the_day_it_was_taken_stand_together(row: Row) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}|", row["evidence_sha256"])
    assert bool(row["evidence_sha256"]) == bool(row["captured_at"])


@every_row
def test_days_are_iso_and_none_is_later_than_the_assessment(row: Row) -> None:
    for column in DAYS:
        assert row[column] == "" or date.fromisoformat(row[column]).isoformat() == row[column]
    assert row["valid_from"] <= (row["valid_to"] or row["valid_from"]) <= row["assessed_at"]
    assert row["captured_at"] <= row["assessed_at"] < row["next_review"]


@every_row
def test_a_level_ends_with_its_evidence_and_only_an_end_is_open(row: Row) -> None:
    """An open row holds until `next_review`: right for a seizure, never for what a service asks of customers."""
    if row["valid_to"] == "":
        assert (row["kyc_level"], row["status"] != "active") == ("unknown", True)


@every_row
def test_texts_can_be_shown_as_they_are_and_hold_no_placeholder(row: Row) -> None:
    for column, value in row.items():
        assert value == clean(value), column
        assert len(value) <= LONGEST, column
        assert not PLACEHOLDER.search(value), column


@every_row
def test_lists_hold_each_value_once(row: Row) -> None:
    for column in LISTS:
        values = row[column].split("; ") if row[column] else []
        assert len(set(values)) == len(values)
        assert all(value and value == value.strip(" ;") for value in values)
        if column.startswith("jurisdiction"):
            assert all(re.fullmatch(r"[A-Z]{2}", value) for value in values)
    assert all(re.match(r"\d{4}(-\d\d){0,2} ", value) for value in row["enforcement"].split("; ") if value)


@every_row
def test_successors_and_hosts_are_services_of_the_register(row: Row) -> None:
    assert {row["successor"], row["nested_in"]} <= {"", *by_service()}
    assert row["vasp_id"] not in (row["successor"], row["nested_in"])


@every_service
def test_intervals_of_a_service_do_not_overlap(history: list[Row]) -> None:
    for earlier, later in pairwise(history):
        assert "" < earlier["valid_to"] < later["valid_from"]


@every_service
def test_a_service_keeps_its_name_and_never_reopens(history: list[Row]) -> None:
    assert len({(row["name"], row["type"]) for row in history}) == 1
    ended = [row["status"] != "active" for row in history]
    assert ended == sorted(ended)


def test_rows_from_kycnot_say_what_its_file_says(realdata: Path) -> None:
    content = (realdata / "intel/vasps/kycnot-2022-exchanges.json").read_bytes()
    listed = {
        re.sub(r"[^a-z]", "", entry["name"].lower().removesuffix(".ai")): entry
        for entry in json.loads(content)["exchanges"]
    }
    newest = max(entry["listing-date"] for entry in listed.values())
    rows = [row for row in ROWS if row["source"] == "https://kycnot.me/"]
    assert len(rows) >= 10
    for row in rows:
        entry = listed[row["vasp_id"]]
        assert row["evidence_sha256"] == hashlib.sha256(content).hexdigest()
        assert row["kyc_level"] == KYCNOT_GRADES[entry["kyc-type"]]
        assert row["xmr_support"] == str(entry["xmr"]).lower()
        assert (row["valid_from"], row["valid_to"]) == (entry["listing-date"], newest)


def test_a_name_that_the_actorpack_knows_carries_its_id(realdata: Path) -> None:
    pack = (realdata / "intel/graphsense.actorpack.yaml").read_text(encoding="utf-8")
    actors = {
        actor["label"].casefold(): actor["id"] for actor in yaml.load(pack, Loader=yaml.CSafeLoader)["actors"]
    }
    known = {row["vasp_id"]: actors.get(row["name"].casefold()) for row in ROWS}
    assert {vasp_id: actor for vasp_id, actor in known.items() if actor not in (None, vasp_id)} == {}
    assert sum(actor is not None for actor in known.values()) >= 20
