"""What a policy makes of evidence: the words it says, and those it can never say."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import scaled
from tests.tracer.screening_examples import (
    DAY,
    LISTS,
    NOW,
    designated,
    evidence,
    exposure,
    listing,
    shipped,
)
from tracer.intel import taxonomy
from tracer.screening.judge import VERDICTS, Judge, judge
from tracer.screening.model import METHODS, RISKS, Evidence, Exposure, Judgement, Side
from tracer.screening.policy import Policy, parse

DEFAULT = shipped()


def judged(found: Evidence, policy: Policy = DEFAULT, lists: Any = LISTS, at: int = NOW) -> Judgement:
    return judge(found, policy, lists, at)


def rule(when: str, verdict: str = "review", severity: str = "high") -> Policy:
    """A policy of one rule."""
    said = (
        f"{{id: the-rule, version: 1, title: A rule, when: {when}, severity: {severity}, verdict: {verdict}}}"
    )
    return parse(f"id: house\nversion: 1\ntitle: A house\nrules:\n  - {said}\n", "house.yml")


# --- what the defaults say

THEN, LATER, UNDATED = designated("2022-08-08"), designated("2024-06-01"), designated("")

SCENARIOS = [
    # evidence, verdict, risk, handling, rules
    (evidence(), "clear", "low", "normal", []),
    (evidence(exposure("exchange", kyc_level="full")), "clear", "low", "normal", []),
    (evidence(designations=designated("2022-08-08"), seen=False), "block", "severe", "normal", ["sanctioned"]),
    (evidence(exposure("sanction", listed=THEN)), "block", "severe", "normal", ["sanctions-direct"]),
    (evidence(exposure("sanction", listed=LATER)), "review", "severe", "normal", ["sanctions-before"]),
    (evidence(exposure("sanction", listed=UNDATED)), "block", "severe", "normal", ["sanctions-direct"]),
    (evidence(exposure("sanction", kind="indirect", units=1)), "review", "severe", "normal", ["sanctions-indirect"]),
    (evidence(exposure("terrorism", "destination")), "block", "severe", "normal", ["terrorism"]),
    (evidence(exposure("child_sexual_abuse", "destination")), "block", "severe", "normal", ["csa-paid"]),
    (evidence(exposure("child_sexual_abuse", "source")), "review", "high", "protect", ["csa-received"]),
    (evidence(exposure("sextortion", "destination")), "review", "medium", "protect", ["extortion-paid"]),
    (evidence(bursts=({"payments": 4},)), "review", "medium", "protect", ["extortion-burst"]),
    (evidence(protected=("victim",)), "review", "medium", "protect", ["protected-person"]),
    (evidence(exposure("dark_market")), "review", "high", "normal", ["criminal-direct"]),
    (evidence(exposure("ransomware", kind="indirect", units=1, total=101)), "clear", "low", "normal", []),
    (evidence(exposure("mixing_service")), "review", "medium", "normal", ["mixer-direct"]),
    (evidence(exposure("swapper", kyc_level="none")), "review", "medium", "normal", ["exchange-without-kyc"]),
    (evidence(exposure("swapper", kyc_level="unknown")), "clear", "low", "normal", []),
    (evidence(exposure("sanction", solicited=False)), "review", "low", "normal", ["severe-unsolicited"]),
    (evidence(exposure("dark_market", solicited=False)), "clear", "low", "normal", []),
    (evidence(findings=({"rule_id": "escrow-like"},)), "review", "medium", "normal", ["typology"]),
]  # fmt: skip


@pytest.mark.parametrize(("found", "verdict", "risk", "handling", "rules"), SCENARIOS)
def test_the_published_defaults(
    found: Evidence, verdict: str, risk: str, handling: str, rules: list[str]
) -> None:
    said = judged(found)
    assert (said.verdict, said.risk, said.handling) == (verdict, risk, handling)
    assert [trigger.rule_id for trigger in said.triggers] == rules
    assert len(said.reasons) == len(rules)


@pytest.mark.parametrize("mark", ["victim", "test_purchase"])
def test_a_victim_or_test_purchaser_who_paid_a_labelled_seller_is_reviewed_with_protection(mark: str) -> None:
    said = judged(evidence(exposure("child_sexual_abuse", "destination"), protected=(mark,)))
    assert (said.verdict, said.risk, said.handling, said.second) == ("review", "severe", "protect", True)


def test_a_mark_of_protection_lifts_no_label_of_the_subject_and_no_duty() -> None:
    named = judged(evidence(exposure("child_sexual_abuse", kind="ownership"), protected=("victim",)))
    assert (named.verdict, named.handling) == ("block", "protect")
    listed = judged(evidence(exposure("sanction", "destination"), protected=("victim",)))
    assert listed.verdict == "block"


def test_a_mark_of_a_victim_protects_whatever_the_rules_say() -> None:
    policy = rule("{category: terrorism}", "block", "severe")
    marked = {"protected": ("victim",)}
    assert judged(evidence(**marked), policy).handling == "protect"
    said = judged(evidence(exposure("terrorism"), **marked), policy)
    assert (said.verdict, said.handling) == ("block", "protect")


def test_the_worst_reason_comes_first() -> None:
    said = judged(evidence(exposure("mixing_service"), exposure("terrorism"), exposure("dark_market")))
    assert [reason.split("(")[1].split(")")[0] for reason in said.reasons] == [
        "terrorism", "criminal-direct", "mixer-direct",
    ]  # fmt: skip


def test_a_range_fires_by_its_higher_method_and_both_are_recorded() -> None:
    said = judged(evidence(exposure("coinjoin", kind="indirect", units={"fifo": 0, "haircut": 12})))
    (trigger,) = said.triggers
    assert trigger.rule_id == "mixer-indirect"
    assert trigger.threshold["share_at_least"] == "10%"
    assert trigger.observed["units"] == {"fifo": "0", "haircut": "12"}
    assert (trigger.observed["share_low"], trigger.observed["share_high"]) == ("0.000000", "0.120000")


def test_many_small_counterparties_of_one_category_are_added_up() -> None:
    small = [exposure("coinjoin", kind="indirect", units=4, entity=f"mixer {n}") for n in range(3)]
    assert judged(evidence(*small)).triggers[0].observed["exposures"] == [0, 1, 2]
    assert judged(evidence(*small[:2])).verdict == "clear"


def test_rows_of_two_categories_are_of_the_same_money_and_never_added_up() -> None:
    same = [exposure(word, kind="indirect", units=6) for word in ("coinjoin", "mixing_service")]
    assert judged(evidence(*same)).verdict == "clear"


def test_rows_of_two_sides_or_two_assets_are_never_added_up() -> None:
    sides = [exposure("coinjoin", side, "indirect", units=6) for side in ("source", "destination")]
    assets = [
        exposure("coinjoin", kind="indirect", units=6, asset="USDT", asset_id=name) for name in ("0xa", "0xb")
    ]
    assert judged(evidence(*sides)).verdict == "clear"
    assert judged(evidence(*assets)).verdict == "clear"
    assert judged(evidence(*sides[:1], *sides[:1])).verdict == "review"


def test_labels_younger_than_the_payment_are_said_to_be() -> None:
    said = judged(evidence(exposure("dark_market", labels_later=True)))
    assert "every label is dated after the payments" in said.reasons[0]
    assert said.triggers[0].observed["labels_later"] is True


def test_the_day_of_the_designation_counts_as_after() -> None:
    day = exposure("sanction", listed=designated("2023-12-31"), last_time=NOW - DAY)
    assert judged(evidence(day)).triggers[0].observed["designation"] == "after"
    assert (
        judged(evidence(replace(day, last_time=NOW - DAY - 1))).triggers[0].observed["designation"]
        == "before"
    )


# --- rules of a house


@pytest.mark.parametrize(
    ("when", "row", "verdict"),
    [
        ("{category: gambling, side: source, type: direct}", exposure("gambling"), "review"),
        ("{category: gambling, side: destination}", exposure("gambling"), "clear"),
        ("{category: gambling, type: direct, within_days: 2}", exposure("gambling"), "review"),
        ("{category: gambling, type: direct, within_days: 2}", exposure("gambling", last_time=NOW - 3 * DAY), "clear"),
        ("{category: gambling, type: direct, within_days: 2}", exposure("gambling", last_time=None), "unknown"),
        ("{category: gambling, hops_at_most: 2}", exposure("gambling", kind="indirect", min_hops=3), "clear"),
        ("{kyc_level: weak}", exposure("exchange", kyc_level="thresholded"), "review"),
        ("{kyc_level: weak}", exposure("exchange", kyc_level="unknown"), "clear"),
        ("{tags: {entities: Some*}}", exposure("exchange"), "review"),
        ("{tags: {entities: other}}", exposure("exchange"), "clear"),
        ("{tags: {concepts: drugs}}", exposure("market", words=frozenset({"market", "drugs"})), "review"),
        ("{labels_later: true}", exposure("market"), "clear"),
        ("{category: market, subject: transfer}", exposure("market"), "clear"),
        ("{type: direct, amount_at_least: {asset: BTC, amount: 0.0000001}}", exposure("market"), "review"),
        ("{type: direct, amount_at_least: {asset: BTC, amount: 0.00000011}}", exposure("market"), "clear"),
        ("{type: direct, amount_at_least: {asset: LTC, amount: 1}}", exposure("market"), "unknown"),
        ("{type: direct, amount_at_least: {fiat: USD, amount: 5}}", exposure("market"), "unknown"),
        ("{type: direct, amount_at_least: {fiat: USD, amount: 5}}",
         exposure("market", fiat={"currency": "USD", "value": "5.00"}), "review"),
        ("{type: direct, amount_at_least: {fiat: USD, amount: 5}}",
         exposure("market", fiat={"currency": "USD", "value": "4.99"}), "clear"),
        ("{type: direct, amount_at_least: {fiat: USD, amount: 5}}",
         exposure("market", fiat={"currency": "EUR", "value": "9.00"}), "unknown"),
        ("{any_of: [{category: vpn}, {category: market}]}", exposure("market"), "review"),
        ("{type: direct, share_at_least: 10%}", exposure("market"), "review"),
        ("{type: direct, share_at_least: 0.1001}", exposure("market"), "clear"),
        ("{type: direct, share_at_least: 10%}", exposure("market", total=0), "unknown"),
    ],
)  # fmt: skip
def test_what_a_rule_can_ask_for(when: str, row: Exposure, verdict: str) -> None:
    assert judged(evidence(row), rule(when)).verdict == verdict


def test_a_rule_that_sets_aside_spares_what_it_names_and_nothing_else() -> None:
    policy = parse(
        """
id: house
version: 1
title: A house
rules:
  - {id: ours, version: 1, title: Our desk, when: {tags: {entities: our desk}}, severity: low, verdict: clear}
  - {id: market, version: 1, title: Markets, when: {category: market}, severity: high, verdict: review}
""",
        "house.yml",
    )
    ours, other = exposure("market", entity="Our Desk"), exposure("market")
    said = judged(evidence(ours), policy)
    assert (said.verdict, [trigger.verdict for trigger in said.triggers]) == ("clear", ["clear"])
    assert judged(evidence(ours, other), policy).verdict == "review"


def test_a_whole_that_is_hit_only_with_unsolicited_inflow_is_reviewed_not_blocked() -> None:
    policy = rule("{category: market, type: direct, share_at_least: 15%}", "block", "severe")
    asked, dust = exposure("market"), exposure("market", solicited=False)
    said = judged(evidence(asked, dust), policy)
    assert (said.verdict, said.triggers[0].observed["alone"]) == ("review", "unsolicited")
    assert judged(evidence(replace(asked, units={"fifo": 15, "haircut": 0}), dust), policy).verdict == "block"


# --- what is required


@pytest.mark.parametrize(
    ("lists", "status"),
    [
        (LISTS[1:], "partial"),
        ((), "partial"),
        ((listing("ofac-sdn", "sanctions", "2023-12-17"), *LISTS[1:]), "stale"),
        ((listing("ofac-sdn", "sanctions", None), *LISTS[1:]), "stale"),
        ((listing("eu", "sanctions", "2020-01-01"), *LISTS), "stale"),
        ((listing("red", "tags", status="missing"), *LISTS), "partial"),
    ],
)
def test_a_required_list_that_is_missing_or_too_old_is_never_clear(lists: Any, status: str) -> None:
    said = judged(evidence(), lists=lists)
    assert (said.verdict, said.risk, said.status) == ("unknown", None, status)
    assert said.reasons
    assert judged(evidence(exposure("mixing_service")), lists=lists).verdict == "review"


def test_an_old_list_among_several_of_a_kind_is_enough_where_the_newest_counts() -> None:
    assert judged(evidence(), lists=(listing("old pack", "tags", "2015-01-01"), *LISTS)).verdict == "clear"


def test_the_last_day_a_list_is_young_enough() -> None:
    lists = (listing("ofac-sdn", "sanctions", "2023-12-18"), *LISTS[1:])
    assert judged(evidence(), lists=lists).verdict == "clear"
    assert judged(evidence(), lists=lists, at=NOW + DAY).verdict == "unknown"


@pytest.mark.parametrize(
    "given_",
    [
        {"seen": False}, {"tip": None}, {"truncated": True}, {"missing": ((1, 2),)}, {"gaps": ("the mempool",)},
    ],
)  # fmt: skip
def test_what_was_not_looked_at_is_never_clear(given_: dict[str, Any]) -> None:
    said = judged(evidence(**given_))
    assert (said.verdict, said.risk) == ("unknown", None)
    assert said.status == ("unseen" if "seen" in given_ or "tip" in given_ else "partial")


# --- properties

WORDS = sorted({*DEFAULT.words, "exchange", "merchant", "white_list"} & set(taxonomy.load()))


@st.composite
def exposures(draw: st.DrawFn) -> Exposure:
    side = draw(st.sampled_from(("source", "destination")))
    kind = draw(st.sampled_from(("ownership", "direct", "indirect")))
    return exposure(
        draw(st.sampled_from(WORDS)),
        side,
        kind,
        units={method: draw(st.integers(0, 100)) for method in METHODS} if kind != "ownership" else 0,
        entity=draw(st.sampled_from(("a", "b", ""))),
        kyc_level=draw(st.sampled_from(("none", "full", "unknown"))),
        solicited=side == "destination" or kind == "ownership" or draw(st.booleans()),
        last_time=draw(st.sampled_from((None, NOW - DAY, NOW - 900 * DAY))),
        listed=draw(st.sampled_from(((), designated(""), designated("2022-08-08")))),
        labels_later=draw(st.booleans()),
    )


@st.composite
def subjects(draw: st.DrawFn) -> Evidence:
    return evidence(
        *draw(st.lists(exposures(), max_size=5)),
        seen=draw(st.booleans()),
        truncated=draw(st.booleans()),
        protected=draw(st.sampled_from(((), ("victim",)))),
        designations=draw(st.sampled_from(((), (), designated("2022-08-08")))),
        bursts=draw(st.sampled_from(((), ({"payments": 3},)))),
    )


POLICIES = (
    DEFAULT,
    shipped("strict"),
    rule("{type: [direct, indirect], amount_at_least: {asset: BTC, amount: 0.0000005}}", "block", "severe"),
    rule("{category: market, within_days: 30}", "block"),
)
LISTINGS = st.sampled_from(
    (LISTS, LISTS[1:], (listing("ofac-sdn", "sanctions", "2019-01-01"), *LISTS[1:]), ())
)


@settings(max_examples=scaled(80, full=1000), deadline=None)
@given(subjects(), exposures(), st.sampled_from(POLICIES), LISTINGS)
def test_one_more_exposure_never_makes_a_verdict_milder(
    found: Evidence, more: Exposure, policy: Policy, lists: Any
) -> None:
    before = judged(found, policy, lists)
    after = judged(replace(found, exposures=(*found.exposures, more)), policy, lists)
    assert VERDICTS.index(after.verdict) >= VERDICTS.index(before.verdict)
    if before.verdict in ("review", "block"):
        assert before.risk is not None
        assert after.risk is not None
        assert RISKS.index(after.risk) >= RISKS.index(before.risk)
    assert before.handling != "protect" or after.handling == "protect"


@settings(max_examples=scaled(80, full=1000), deadline=None)
@given(subjects(), st.sampled_from(POLICIES), LISTINGS)
def test_unseen_cut_or_without_a_required_list_is_never_clear(
    found: Evidence, policy: Policy, lists: Any
) -> None:
    said = judged(found, policy, lists)
    whole = found.seen and not found.truncated and (lists is LISTS or not policy.requires)
    assert said.verdict != "clear" or whole
    assert (said.risk is None) == (said.verdict == "unknown")
    assert (said.status == "complete") or said.verdict != "clear"


@settings(max_examples=scaled(80, full=1000), deadline=None)
@given(st.lists(exposures(), max_size=5), st.sampled_from(POLICIES))
def test_unsolicited_inflow_never_blocks_alone(rows: list[Exposure], policy: Policy) -> None:
    unasked = [replace(row, side="source", type="direct", solicited=False) for row in rows]
    assert judged(evidence(*unasked), policy).verdict != "block"


@settings(max_examples=scaled(80, full=1000), deadline=None)
@given(st.lists(exposures(), max_size=5), st.sampled_from(POLICIES))
def test_who_may_be_a_victim_is_never_blocked_for_it(rows: list[Exposure], policy: Policy) -> None:
    sides: tuple[tuple[str, Side], ...] = (
        ("child_sexual_abuse", "source"),
        ("sextortion", "destination"),
        ("extortion", "destination"),
    )
    victims = [
        replace(row, category=word, words=frozenset({word}), side=side, type="direct", listed=())
        for row, (word, side) in zip(rows, sides * 2, strict=False)
    ]
    said = judged(evidence(*victims), policy)
    assert said.verdict != "block"
    assert not said.triggers or said.handling == "protect" or all(row.solicited is False for row in victims)


@settings(max_examples=scaled(80, full=1000), deadline=None)
@given(subjects(), st.sampled_from(POLICIES), st.randoms(use_true_random=False))
def test_the_order_of_exposures_decides_nothing(found: Evidence, policy: Policy, dice: random.Random) -> None:
    mixed = list(found.exposures)
    dice.shuffle(mixed)
    one, other = Judge(policy, LISTS, NOW).of(found), judged(replace(found, exposures=tuple(mixed)), policy)
    assert (one.verdict, one.risk, one.handling, one.status, one.second) == (
        other.verdict, other.risk, other.handling, other.status, other.second,
    )  # fmt: skip
    assert sorted(one.reasons) == sorted(other.reasons)
