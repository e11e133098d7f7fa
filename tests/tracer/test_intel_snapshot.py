"""The KYC level that counts is the one on the day; outside the evidence it is unknown, never the last one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tracer.intel_examples import reading, vasp
from tracer.intel.claims import KycLevel, Vasp
from tracer.intel.kyc import KycAt
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.workspace import Workspace

NONE, FULL, RARE, UNKNOWN = KycLevel.NONE, KycLevel.FULL, KycLevel.RARE, KycLevel.UNKNOWN
NOTHING_KNOWN = KycAt(UNKNOWN, None, None)


@pytest.fixture
def register(tmp_path: Path) -> Any:
    def build(*rows: Vasp) -> Snapshot:
        workspace = Workspace(tmp_path / "w")
        add(workspace, [reading(*rows)])
        return Snapshot.open(workspace)

    return build


def test_a_service_that_changed_is_none_before_and_full_after(register: Any) -> None:
    snapshot = register(
        vasp(kyc_level=NONE, valid_from="2019-01-01", valid_to="2020-12-31"),
        vasp(kyc_level=FULL, valid_from="2021-01-01"),
    )
    assert snapshot.kyc_at("ex", "2020-12-31") == KycAt(NONE, None, ("2019-01-01", "2020-12-31"))
    assert snapshot.kyc_at("ex", "2021-01-01") == KycAt(FULL, None, ("2021-01-01", "2022-06-01"))


def test_on_the_day_two_intervals_share_the_one_that_begins_counts(register: Any) -> None:
    snapshot = register(
        vasp(kyc_level=NONE, valid_to="2021-01-01"), vasp(kyc_level=FULL, valid_from="2021-01-01")
    )
    assert snapshot.kyc_at("ex", "2021-01-01").level == FULL


def test_after_the_evidence_the_level_is_unknown_with_the_last_known_beside_it(register: Any) -> None:
    snapshot = register(
        vasp(kyc_level=FULL, valid_from="2018-01-01", valid_to="2018-12-31"),
        vasp(kyc_level=NONE, valid_from="2020-01-01", valid_to="2022-12-31"),
    )
    assert snapshot.kyc_at("ex", "2024-05-01") == KycAt(UNKNOWN, NONE, ("2020-01-01", "2022-12-31"))
    assert snapshot.kyc_at("ex", "2019-05-01") == KycAt(UNKNOWN, FULL, ("2018-01-01", "2018-12-31"))


def test_before_all_evidence_and_for_a_stranger_nothing_is_known(register: Any) -> None:
    snapshot = register(vasp(valid_from="2020-01-01"))
    assert snapshot.kyc_at("ex", "2019-12-31") == NOTHING_KNOWN
    assert snapshot.kyc_at("stranger", "2021-01-01") == NOTHING_KNOWN
    assert snapshot.vasp("stranger", "2021-01-01") is None


def test_a_claim_of_not_knowing_is_not_none_and_keeps_what_was_known(register: Any) -> None:
    snapshot = register(
        vasp(kyc_level=RARE, valid_to="2020-06-30"), vasp(kyc_level=UNKNOWN, valid_from="2020-07-01")
    )
    assert snapshot.kyc_at("ex", "2021-01-01") == KycAt(UNKNOWN, RARE, ("", "2020-06-30"))


def test_of_two_sources_the_later_assessment_counts_and_a_tie_is_unknown(register: Any) -> None:
    old = vasp(kyc_level=NONE, source="old", assessed_at="2020-01-01")
    new = vasp(kyc_level=FULL, source="new", assessed_at="2021-01-01")
    assert register(old, new).kyc_at("ex", "2022-01-01").level == FULL
    rival = vasp(kyc_level=NONE, source="rival", assessed_at="2021-01-01")
    tied = register(old, new, rival).kyc_at("ex", "2022-01-01")
    assert (tied.level, tied.disagreeing) == (UNKNOWN, ("full", "none"))
    assert (tied.last_known, tied.interval) == (NONE, ("2020-01-01", "2020-12-31"))


def test_a_register_entry_of_2022_is_not_todays_truth(register: Any) -> None:
    entry = vasp(kyc_level=NONE, assessed_at="2022-03-18")
    snapshot = register(entry)
    assert snapshot.kyc_at("ex", "2022-03-17") == NOTHING_KNOWN
    assert snapshot.kyc_at("ex", "2022-03-18") == KycAt(NONE, None, ("2022-03-18", "2023-03-18"))
    assert snapshot.kyc_at("ex", "2026-11-21") == KycAt(UNKNOWN, NONE, ("2022-03-18", "2023-03-18"))


def test_a_statement_holds_until_its_next_review_and_no_longer(register: Any) -> None:
    bare = vasp(vasp_id="a", kyc_level=NONE, assessed_at="2022-03-18", next_review="2024-06-30")
    open_end = vasp(vasp_id="b", kyc_level=FULL, valid_from="2021-01-01", next_review="2024-06-30")
    snapshot = register(bare, open_end)
    assert [snapshot.kyc_at(v, "2024-06-30").level for v in "ab"] == [NONE, FULL]
    assert [snapshot.kyc_at(v, "2024-07-01").level for v in "ab"] == [UNKNOWN, UNKNOWN]
    assert [snapshot.kyc_at(v, "2024-07-01").last_known for v in "ab"] == [NONE, FULL]


def test_who_a_service_was_is_told_by_the_nearest_claim(register: Any) -> None:
    snapshot = register(
        vasp(name="Old", valid_from="2018-01-01", valid_to="2018-12-31"),
        vasp(name="New", valid_from="2020-01-01", valid_to="2020-12-31"),
    )
    days = ("2017-01-01", "2018-06-01", "2019-06-01", "2020-06-01", "2022-01-01")
    assert [snapshot.vasp("ex", day).name for day in days] == ["Old", "Old", "Old", "New", "New"]


def test_levels_and_monero_come_back_as_they_were_said(register: Any) -> None:
    snapshot = register(vasp(xmr_support=False), vasp(vasp_id="m", xmr_support=True), vasp(vasp_id="u"))
    assert snapshot.vasp("ex", "2021-01-01") == vasp(xmr_support=False)
    assert snapshot.vasps()["xmr_support"].to_list() == [False, True, None]
    assert snapshot.counts()["vasps"] == snapshot.counts()["entities"] == 3


def test_a_statement_that_tells_no_level_says_nothing_against_one_that_does(register: Any) -> None:
    told = vasp(kyc_level=NONE, valid_from="2019-01-01")
    untold = vasp(kyc_level=UNKNOWN, valid_from="2020-06-01", source="status only")
    assert register(told, untold).kyc_at("ex", "2021-01-01").level == NONE


def test_an_open_end_reaches_as_far_as_somebody_looked(register: Any) -> None:
    looked = vasp(kyc_level=FULL, valid_from="2021-01-01", assessed_at="2022-03-01")
    snapshot = register(
        looked, vasp(vasp_id="undated", kyc_level=NONE, valid_from="2021-01-01", assessed_at="")
    )
    assert snapshot.kyc_at("ex", "2023-03-01").level == FULL
    assert snapshot.kyc_at("ex", "2023-03-02") == KycAt(UNKNOWN, FULL, ("2021-01-01", "2023-03-01"))
    assert snapshot.kyc_at("undated", "2026-01-01").level == NONE  # by its word


def test_the_day_something_was_captured_dates_a_statement_too(register: Any) -> None:
    snapshot = register(vasp(kyc_level=NONE, assessed_at="", captured_at="2022-01-01"))
    assert [str(snapshot.kyc_at("ex", day).level) for day in ("2021-12-31", "2022-06-01", "2026-01-01")] == [
        "unknown", "none", "unknown"
    ]  # fmt: skip


def test_the_newest_statement_is_the_one_made_last_not_the_one_left_open(register: Any) -> None:
    old = vasp(valid_from="2015-01-01", assessed_at="", legal_contact="old desk")
    new = vasp(valid_from="2023-01-01", valid_to="2025-12-31", assessed_at="", legal_contact="new desk")
    assert register(old, new).newest("ex").legal_contact == "new desk"
    looked = vasp(valid_from="2014-01-01", assessed_at="2026-01-01", legal_contact="newest desk")
    assert register(old, new, looked).newest("ex").legal_contact == "newest desk"
