"""What would make this clear: each change is named in its own units, and together they do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.tracer.screening_examples import LISTS, NOW, TIP, designated, evidence, exposure, listing, shipped
from tests.tracer.test_screening_judge import LISTINGS, POLICIES, rule, subjects
from tracer.screening.counterfactual import Step, steps
from tracer.screening.judge import Judge
from tracer.screening.listed import Listed
from tracer.screening.model import METHODS, Evidence
from tracer.screening.policy import Policy

DEFAULT = shipped()


def asked(found: Evidence, policy: Policy = DEFAULT, lists: tuple[Listed, ...] = LISTS) -> tuple[Step, ...]:
    judge = Judge(policy, lists, NOW)
    return steps(found, judge.of(found), judge)


def test_nothing_stands_in_the_way_of_clear() -> None:
    assert asked(evidence()) == ()


def test_a_share_is_answered_with_the_most_that_could_have_come() -> None:
    (step,) = asked(
        evidence(
            exposure("coinjoin", kind="indirect", units={"fifo": 20, "haircut": 40}, claims=frozenset({"c"}))
        )
    )
    assert step.rules == ("mixer-indirect",)
    less, label = step.ways
    assert less.change == "share"
    assert less.detail == {
        "units_now": "40", "units_at_most": "9", "share_now": "0.400000", "share_at_most": "0.090000",
    }  # fmt: skip
    assert (label.change, label.detail["claims"]) == ("label", ["c"])


def test_a_rule_without_a_floor_has_no_share_that_would_do() -> None:
    (step,) = asked(evidence(exposure("sanction", listed=designated("2020-01-01"))))
    assert [way.change for way in step.ways] == ["label"]


def test_what_would_fire_once_the_rest_is_gone_is_a_step_too() -> None:
    asked_for, dust = exposure("market"), exposure("market", solicited=False)
    found = asked(evidence(asked_for, dust), rule("{category: market, type: direct}", "block"))
    assert [step.exposures for step in found] == [(0,), (1,)]


def test_a_service_without_kyc_is_answered_with_its_level() -> None:
    (step,) = asked(evidence(exposure("exchange", kyc_level="none")))
    assert [way.change for way in step.ways] == ["kyc_level", "label"]


def test_lists_to_load_are_named_with_the_day_from_which_they_do() -> None:
    (step,) = asked(evidence(), lists=LISTS[1:])
    assert step.ways[0].detail == {"list": "kind:sanctions", "since": "2023-12-18"}
    (step,) = asked(evidence(), lists=(listing("ofac-sdn", "sanctions", "2023-01-01"), *LISTS[1:]))
    assert step.ways[0].detail == {"list": "ofac-sdn", "since": "2023-12-18"}


def test_each_list_is_asked_for_by_the_age_its_own_requirement_allows() -> None:
    (step,) = asked(evidence(), lists=(LISTS[0], listing("packs", "tags", "2020-01-01"), LISTS[2]))
    assert [way.detail for way in step.ways] == [{"list": "packs", "since": "2023-01-01"}]
    old = listing("a", "tags", "2020-01-01"), listing("b", "tags", "2021-01-01")
    (step,) = asked(evidence(), lists=(LISTS[0], *old, LISTS[2]))
    assert [way.detail["list"] for way in step.ways] == ["a", "b"]  # the newest alone would do


@pytest.mark.parametrize(
    ("found", "change"),
    [
        (evidence(seen=False), "blocks"),
        (evidence(truncated=True), "limit"),
        (evidence(missing=((3, 9),)), "blocks"),
        (evidence(gaps=("the mempool was not read",)), "fact"),
        (evidence(protected=("victim",)), "mark"),
        (evidence(bursts=({"payments": 3},)), "burst"),
        (evidence(designations=designated("2020-01-01")), "list"),
        (evidence(findings=({"rule_id": "x"},)), "finding"),
    ],
)
def test_what_is_not_known_and_what_is_marked(found: Evidence, change: str) -> None:
    assert [way.change for step in asked(found) for way in step.ways] == [change]


def healed(found: Evidence, todo: tuple[Step, ...]) -> Evidence:
    """The evidence with every change made: the smaller amount where that is a way, else the claims withdrawn."""
    rows = list(found.exposures)
    gone: set[int] = set()
    for step in todo:
        way = step.ways[0] if step.ways else None
        if way is None or way.change not in ("share", "amount"):
            gone.update(step.exposures)
            continue
        left = dict.fromkeys(METHODS, int(way.detail["units_at_most"]))
        for place in step.exposures:
            taken = {method: min(left[method], rows[place].units[method]) for method in METHODS}
            left = {method: left[method] - taken[method] for method in METHODS}
            rows[place] = replace(rows[place], units=taken)
    return replace(
        found,
        exposures=tuple(row for place, row in enumerate(rows) if place not in gone),
        seen=True, tip=TIP, truncated=False, designations=(), protected=(), bursts=(), findings=(), gaps=(), missing=(),
    )  # fmt: skip


@settings(max_examples=scaled(80, full=1000), deadline=None)
@given(subjects(), st.sampled_from(POLICIES), LISTINGS)
def test_the_changes_together_make_it_clear(
    found: Evidence, policy: Policy, lists: tuple[Listed, ...]
) -> None:
    todo = asked(found, policy, lists)
    judged = Judge(policy, lists, NOW).of(found)
    assert (todo == ()) == (judged.verdict == "clear")
    after = Judge(policy, LISTS, NOW).of(healed(found, todo))
    told = {way.change for step in todo for way in step.ways}
    assert after.verdict == "clear" or (after.verdict == "unknown" and "price" in told)
