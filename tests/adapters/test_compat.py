"""The same verdict in other products' shapes: the fields are there, no verdict turns milder, unknown stays unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.compat.registry import SHAPES
from cli.screen import SHAPES as OFFERED
from tests.tracer.screening_examples import designated, evidence, exposure
from tests.tracer.test_screening_document import written
from tracer.screening.model import Evidence, Identification, Subject

USD = {"currency": "USD", "value": "2071.12", "date": "2023-12-31", "source": "prices"}
DEPOSIT = Subject(
    "transfer", "bitcoin", "t:0", "a", "ab" * 32, 1, direction="inbound", units=5, reference="c-1"
)
CLEAR = evidence(exposure("exchange", kyc_level="full"))
UNSEEN = evidence(seen=False, tip=None)
BLOCKED = evidence(
    exposure("sanction", kind="ownership", units=0, listed=designated("2020-01-01")),
    exposure("dark_market", units={"fifo": 42, "haircut": 10}, fiat=USD, entity="bazaar"),
    exposure("mixing_service", side="destination", kind="indirect", units=50, entity="blender", min_hops=3),
    identifications=(
        Identification(
            "Someone", "sanction", "OFAC", "2020-01-01", "authority_data", "c", frozenset({"sanction"})
        ),
    ),
    designations=designated("2020-01-01"),
)
SUBJECTS = {"clear": CLEAR, "unknown": UNSEEN, "block": BLOCKED}


def shaped(name: str, of: Evidence) -> Any:
    return json.loads(json.dumps(SHAPES[name](written(of))))


def test_every_shape_is_offered_on_the_command_line() -> None:
    assert tuple(SHAPES) == OFFERED


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("verdict", SUBJECTS)
@pytest.mark.parametrize("subject", [None, DEPOSIT])
def test_every_answer_names_its_screening_and_verdict(
    name: str, verdict: str, subject: Subject | None
) -> None:
    of = SUBJECTS[verdict] if subject is None else evidence(
        *SUBJECTS[verdict].exposures, subject=subject, seen=SUBJECTS[verdict].seen, tip=SUBJECTS[verdict].tip,
        designations=SUBJECTS[verdict].designations,
    )  # fmt: skip
    said = written(of)
    answer = SHAPES[name](said)
    one = answer[0] if isinstance(answer, list) else answer
    assert one["tracer"]["verdict"] == said["verdict"] == verdict
    assert one["tracer"]["screening_id"] == said["screening_id"]


RISK_OF: dict[str, Any] = {
    "chainalysis": lambda said: said["risk"],
    "elliptic": lambda said: said["risk_score"],
    "trm": lambda said: said[0]["addressRiskScoreLevel"],
    "misttrack": lambda said: said["data"]["score"],
}
EXPECTED = {
    "chainalysis": ("Low", "Severe"), "elliptic": (0.0, 10.0), "trm": (1, 15), "misttrack": (3, 100),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_risk_is_null_of_what_is_unknown_and_worst_of_what_is_blocked(name: str) -> None:
    mild, worst = EXPECTED[name]
    assert RISK_OF[name](shaped(name, CLEAR)) == mild
    assert RISK_OF[name](shaped(name, BLOCKED)) == worst
    assert RISK_OF[name](shaped(name, UNSEEN)) is None


def test_unknown_has_an_explicit_status_everywhere() -> None:
    assert shaped("chainalysis", UNSEEN)["status"] == "UNKNOWN"
    elliptic = shaped("elliptic", UNSEEN)
    assert (elliptic["process_status"], elliptic["evaluation_detail"]) == ("error", None)
    assert elliptic["risk_score_detail"] == {"source": None, "destination": None}
    assert "never seen" in elliptic["error"]["message"]
    trm = shaped("trm", UNSEEN)[0]
    assert (trm["status"], trm["addressRiskIndicators"], trm["addressRiskScoreLevelLabel"]) == (
        "unknown", None, "Unknown",
    )  # fmt: skip
    mist = shaped("misttrack", UNSEEN)
    assert (mist["success"], mist["data"]["risk_level"]) == (False, None)
    assert mist["msg"].startswith("Unknown: ")


def test_an_unknown_deposit_reads_as_not_yet_processed() -> None:
    said = shaped("chainalysis", evidence(subject=DEPOSIT, seen=False, tip=None))
    assert (said["updatedAt"], said["alerts"], said["exposures"]) == (None, None, None)
    done = shaped("chainalysis", evidence(exposure("exchange", kyc_level="full"), subject=DEPOSIT))
    assert done["updatedAt"] and done["alerts"] == []


def test_chainalysis_of_an_address() -> None:
    said = shaped("chainalysis", BLOCKED)
    assert said["addressIdentifications"][0]["category"] == "sanctioned entity"
    assert {
        (row["category"], row["exposureType"], row["direction"], row["value"]) for row in said["exposures"]
    } == {
        ("darknet market", "direct", "incoming", 2071.12),
        ("mixing", "indirect", "outgoing", None),  # no price: not 0
    }
    assert {row["ruleTriggered"]["risk"] for row in said["triggers"]} >= {"Severe", "High"}


def test_chainalysis_of_a_deposit() -> None:
    market = exposure("dark_market", fiat=USD, entity="bazaar")
    said = shaped("chainalysis", evidence(market, subject=DEPOSIT))
    assert (said["tx"], said["idx"], said["outputAddress"], said["direction"]) == (
        "ab" * 32,
        1,
        "a",
        "received",
    )
    keys = ("alertLevel", "category", "service", "exposureType", "alertAmount")
    assert {key: said["alerts"][0][key] for key in keys} == {
        "alertLevel": "HIGH", "category": "darknet market", "service": "bazaar", "exposureType": "DIRECT",
        "alertAmount": 2071.12,
    }  # fmt: skip
    assert said["exposures"]["direct"]["name"] == "bazaar"


def test_elliptic_tells_sides_apart() -> None:
    said = shaped("elliptic", BLOCKED)
    market = next(
        rule for rule in said["evaluation_detail"]["source"]
        if rule["matched_elements"] and rule["matched_elements"][0]["category"] == "dark_market"
    )  # fmt: skip
    assert market["matched_elements"][0]["contribution_percentage"] == 42.0
    assert said["contributions"]["destination"][-1]["indirect_percentage"] == 50.0
    inbound = shaped("elliptic", evidence(exposure("dark_market"), subject=DEPOSIT))
    assert inbound["type"] == "source_of_funds"
    assert inbound["risk_score_detail"] == {"source": 7.5, "destination": None}
    assert inbound["customer_reference"] == "c-1"


def test_elliptic_has_no_score_for_a_side_of_which_not_all_was_seen() -> None:
    said = shaped("elliptic", evidence(exposure("dark_market"), gaps=("blocks are missing",)))
    assert (said["risk_score"], said["risk_score_detail"]) == (7.5, {"source": 7.5, "destination": None})


def test_trm_sums_volumes_of_a_category_and_leaves_out_what_has_no_price() -> None:
    said = shaped("trm", BLOCKED)[0]
    rows = {(row["categoryId"], row["riskType"]): row for row in said["addressRiskIndicators"]}
    assert rows["dark_market", "COUNTERPARTY"]["incomingVolumeUsd"] == "2071.12"
    assert rows["mixing_service", "INDIRECT"]["outgoingVolumeUsd"] is None
    assert rows["sanction", "OWNERSHIP"]["categoryRiskScoreLevelLabel"] == "Severe"
    assert said["entities"][0]["riskScoreLevelLabel"] == "Severe"


def test_misttrack_counts_hops_from_one() -> None:
    said = shaped("misttrack", BLOCKED)["data"]
    kinds = {
        row["entity"]: (row["risk_type"], row["exposure_type"], row["hop_num"]) for row in said["risk_detail"]
    }
    assert kinds["bazaar"] == ("illicit_activity", "direct", 1)
    assert kinds["blender"] == ("mixer", "indirect", 3)
    assert "Sanctioned Entity" in said["detail_list"]
    assert said["risk_level"] == "Severe"
