"""A kept screening holds all that a policy may see: judged again it says the same, by another policy what that says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.tracer.screening_examples import LISTS, NOW, designated, evidence, exposure, listing, shipped
from tests.tracer.test_screening_judge import LISTINGS, POLICIES, rule, subjects
from tracer.errors import DataError
from tracer.screening.backtest import Again, Tally
from tracer.screening.backtest import document as backtested
from tracer.screening.document import Coin, document
from tracer.screening.documented import evaluated_at_of, lists_of, of_document
from tracer.screening.judge import Judge, judge
from tracer.screening.model import Evidence
from tracer.screening.policy import Policy

DEFAULT, STRICT = shipped(), shipped("strict")


def screened(found: Evidence, policy: Policy = DEFAULT, lists: Any = LISTS, hops: int = 3) -> dict[str, Any]:
    """The document of a screening, as it comes back out of a file."""
    said = document(
        found, judge(found, policy, lists, NOW), policy, snapshot_id="sha256:0", rules="sha256:1", engine="t",
        evaluated_at=NOW, parameters={"hops": hops, "max_txs": 1, "own": []}, coin=Coin("BTC", 8),
    )  # fmt: skip
    back: dict[str, Any] = json.loads(json.dumps(said))
    return back


@settings(max_examples=scaled(80, full=1000), deadline=None)
@given(subjects(), st.sampled_from(POLICIES), st.sampled_from(POLICIES), LISTINGS)
def test_a_document_judged_again_says_what_the_evidence_said(
    found: Evidence, first: Policy, other: Policy, lists: Any
) -> None:
    said = screened(found, first, lists)
    again, at = of_document(said), evaluated_at_of(said)
    for policy in (first, other):
        one, two = judge(found, policy, lists, NOW), Judge(policy, lists_of(said), at).of(again)
        assert (one.verdict, one.risk, one.handling, one.status) == (
            two.verdict,
            two.risk,
            two.handling,
            two.status,
        )
        assert sorted(one.reasons) == sorted(two.reasons)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"schema": "tracer.trace/1"},
        {"schema": "tracer.screening/1"},
        {**screened(evidence()), "exposures": [{}]},
    ],
)
def test_what_is_no_screening_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="no screening that can be judged again"):
        of_document(said)


KEPT = [
    screened(evidence(exposure("coinjoin", kind="indirect", units=5))),  # clear -> review
    screened(evidence(exposure("dark_market"))),  # review -> block
    screened(evidence(exposure("gambling", units=60))),  # review -> unknown: no price for its floor
    screened(evidence(exposure("terrorism"))),  # block -> block
    screened(evidence()),  # clear -> clear
]


def known(sha256: str) -> Policy | None:
    return next((policy for policy in (DEFAULT, STRICT) if policy.sha256 == sha256), None)


def tried(
    documents: list[dict[str, Any]], against: Policy | None = None, most: int = 10, policy: Policy = STRICT
) -> dict[str, Any]:
    again, tally = Again(policy, against, known), Tally(most)
    for one in documents:
        tally.add(again.case(one))
    notes = [f"{count} {note}" for note, count in sorted(again.notes.items())]
    return backtested(
        tally, policy=policy, against=against, source={"from": "kept"}, days=30, evaluated_at=NOW, notes=notes
    )


@pytest.mark.parametrize("against", [None, DEFAULT])
def test_alerts_gained_and_lost_are_counted_and_named(against: Policy | None) -> None:
    said = tried(KEPT, against)
    assert said["alerts"] == {"before": 3, "after": 3, "gained": 1, "lost": 1}
    assert said["verdicts"]["before"] == {"block": 1, "review": 2, "unknown": 0, "clear": 2}
    assert said["verdicts"]["after"] == {"block": 2, "review": 1, "unknown": 1, "clear": 1}
    assert [(row["from"], row["to"], row["alert"]) for row in said["changed"]] == [
        ("review", "block", "kept"),
        ("clear", "review", "gained"),
        ("review", "unknown", "lost"),
    ]
    assert said["changed"][1]["rules_gained"] == ["mixer"]
    assert said["changed"][2]["rules_lost"] == ["gambling"]
    assert sum(row["count"] for row in said["moves"]) == 3
    assert {row["id"]: (row["before"], row["after"]) for row in said["rules"]}["severe"] == (0, 1)


def test_lists_that_were_young_then_are_too_old_for_a_stricter_policy() -> None:
    lists = (listing("ofac-sdn", "sanctions", "2023-12-25"), *LISTS[1:])
    assert tried([screened(evidence(), lists=lists)])["moves"] == [
        {"from": "clear", "to": "unknown", "count": 1}
    ]


def test_what_was_not_looked_at_then_is_said() -> None:
    assert tried(KEPT)["notes"] == ["5 examined 3 transactions far only; the policy asks for 4"]
    notes = tried(KEPT, policy=rule("{category: [vpn, abuse]}"))["notes"]
    assert notes == ["5 examined without stopping at vpn: exposure to it is not in them"]


def test_a_long_list_is_cut_and_says_so() -> None:
    said = tried(KEPT, most=1)
    assert (len(said["changed"]), said["left_off"]) == (1, 2)


def test_an_exception_does_not_hide_what_the_policy_said() -> None:
    excepted = {**screened(evidence(exposure("terrorism"))), "verdict": "clear", "policy_verdict": "block"}
    assert tried([excepted])["alerts"] == {"before": 1, "after": 1, "gained": 0, "lost": 0}


def test_a_sanctioned_address_stays_so_without_a_ledger() -> None:
    said = screened(evidence(seen=False, designations=designated("2022-08-08")))
    assert judge(of_document(said), STRICT, lists_of(said), NOW).verdict == "block"
