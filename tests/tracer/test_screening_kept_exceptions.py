"""Exceptions: what they let pass, and that they fire again when exposure grows, they end, or another rule speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracer.screened import ADDRESS, DAY, NOW, STRICT, Met, screened, told
from tracer.errors import UsageError
from tracer.screening.judge import VERDICTS
from tracer.screening.kept import grants, keeping, store
from tracer.screening.kept.exceptions import applied, apply
from tracer.screening.kept.grants import Ceiling, Event, Grant, Terms
from tracer.screening.kept.persons import Person
from tracer.screening.model import Cluster, Evidence, Exposure, Subject
from tracer.state import State
from tracer.workspace import Workspace

ANN, BEN = Person.of("Ann", "desk", NOW - DAY), Person.of("Ben", "desk", NOW - DAY)
OTHER = "34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo"


def granted(
    *ceilings: Ceiling,
    rules: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    second: bool = False,
    expires: int = NOW + DAY,
    by: Person = ANN,
    **terms: Any,
) -> Grant:
    """An exception of the address, of what is mixed unless something else is named."""
    said = {"chain": "bitcoin", "scope": "address", "value": ADDRESS} | terms
    if not rules and not categories:
        rules = ("mixer",)
    levels = ceilings or (Ceiling(units=10),)
    events = (Event("approved", BEN, "agreed"),) if second else ()
    return Grant("ex-1", Terms(**said, rules=rules, categories=categories, ceilings=levels, expires=expires,
                               reason="agreed"), by, events)  # fmt: skip


MIXED = Met("mixing_service", 10)
RANSOM = Met("ransomware", 10)
SANCTIONED = Met("sanction", 10)

LET_PASS = [
    ("by rule", granted(), (MIXED,)),
    ("by category", granted(categories=("mixing_service",)), (MIXED,)),
    ("by share", granted(Ceiling(share="0.01")), (MIXED,)),
    ("both ceilings", granted(Ceiling(units=10), Ceiling(share="0.5")), (MIXED,)),
    ("severe with a second person", granted(rules=("sanctioned",), second=True), (SANCTIONED,)),
    ("two rules", granted(rules=("mixer", "ransom")), (MIXED, RANSOM)),
]  # fmt: skip


@pytest.mark.parametrize(("one", "met"), [row[1:] for row in LET_PASS], ids=[row[0] for row in LET_PASS])
def test_it_lets_pass(one: Grant, met: tuple[Met, ...]) -> None:
    document = screened(*met)
    found = applied(document, [one])
    assert (found["verdict"], found["policy_verdict"]) == ("clear", document["verdict"])
    assert found["exceptions"][0]["applied"] is True
    assert found["screening_id"] != document["screening_id"]
    assert (found["risk"], found["triggers"]) == (document["risk"], document["triggers"])


WITHDRAWN = replace(granted(), events=(Event("withdrawn", BEN, "over"),))
FIRES = [
    ("more than the ceiling", granted(Ceiling(units=9)), (MIXED,), {}, "above its ceiling of 9"),
    ("a larger share", granted(Ceiling(share="0.009")), (MIXED,), {}, "above its ceiling of 0.009"),
    ("one ceiling of two", granted(Ceiling(units=10), Ceiling(share="0.001")), (MIXED,), {}, "share of 0.01"),
    ("a ceiling of another side", granted(Ceiling(side="destination", units=99)), (MIXED,), {}, "no ceiling speaks"),
    ("a ceiling of another asset", granted(Ceiling(asset="LTC", units=99)), (MIXED,), {}, "no ceiling speaks"),
    ("expired", granted(expires=NOW), (MIXED,), {}, "it has expired"),
    ("granted later", granted(by=Person.of("Ann", "desk", NOW + 1)), (MIXED,), {}, "granted later"),
    ("withdrawn", WITHDRAWN, (MIXED,), {}, "Ben withdrew it"),
    ("severe by one person", granted(rules=("sanctioned",)), (SANCTIONED,), {}, "second person must approve"),
    ("the policy asked for two", granted(rules=("ransom",)), (RANSOM,), {"policy": STRICT}, "second person"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "met", "how", "why"), [row[1:] for row in FIRES], ids=[row[0] for row in FIRES]
)
def test_it_fires_again_and_says_why(one: Grant, met: tuple[Met, ...], how: dict[str, Any], why: str) -> None:
    document = screened(*met, **how)
    found = applied(document, [one])
    assert found["verdict"] == found["policy_verdict"] == document["verdict"]
    (row,) = found["exceptions"]
    assert (row["applied"], row["covers"]) == (False, [])
    assert why in row["fired_again"][0]


def test_a_rule_outside_its_scope_decides_as_before() -> None:
    found = applied(screened(MIXED, RANSOM), [granted()])
    assert (found["verdict"], found["exceptions"][0]["covers"]) == ("review", ["mixer"])
    found = applied(screened(MIXED, SANCTIONED), [granted()])
    assert (found["verdict"], found["policy_verdict"]) == ("block", "block")
    document = screened(RANSOM)
    assert applied(document, [granted()]) == document


def test_several_exceptions_cover_together() -> None:
    second = replace(granted(rules=("ransom",)), exception_id="ex-2")
    found = applied(screened(MIXED, RANSOM), [second, granted()])
    assert found["verdict"] == "clear"
    assert [row["exception_id"] for row in found["exceptions"]] == ["ex-1", "ex-2"]


NOT_WHOLE = [{"seen": False}, {"list_age": 30}, {"tip": None}]


@pytest.mark.parametrize("how", NOT_WHOLE, ids=["unseen", "list too old", "never read"])
def test_unknown_is_never_made_clear(how: dict[str, Any]) -> None:
    covered = applied(screened(MIXED, **how), [granted()])
    assert (covered["policy_verdict"], covered["verdict"]) == ("review", "unknown")
    unknown = screened(**how)
    assert unknown["verdict"] == "unknown"
    assert applied(unknown, [granted()]) == unknown


def test_a_trigger_that_cannot_be_measured_needs_its_rule_named_and_two_persons() -> None:
    row = Exposure(
        "mixing_service", "source", "ownership", "", None, "unknown", frozenset(), {}, 0, 0, asset="BTC"
    )
    sanction = replace(row, category="sanction")
    evidence = Evidence(Subject("address", "bitcoin", ADDRESS, ADDRESS), None, True, exposures=(sanction,))
    document = told(evidence)
    assert document["verdict"] == "block"
    assert applied(document, [granted(rules=("sanctioned",))])["verdict"] == "block"
    assert applied(document, [granted(categories=("sanction",), second=True)])["verdict"] == "block"
    # never read: not clear, but no longer blocked
    assert applied(document, [granted(rules=("sanctioned",), second=True)])["verdict"] == "unknown"


CEILING = 100
AMOUNTS = st.integers(0, 300)


@given(AMOUNTS, AMOUNTS, st.booleans(), st.sampled_from(["mixing_service", "ransomware", "sanction"]))
@settings(deadline=None)
def test_more_exposure_never_gets_a_milder_verdict(one: int, two: int, second: bool, category: str) -> None:
    less, more = sorted((one, two))
    exception = granted(
        Ceiling(units=CEILING), categories=("mixing_service", "ransomware", "sanction"), second=second
    )
    mild, hard = (
        applied(screened(Met(category, units)) if units else screened(), [exception])["verdict"]
        for units in (less, more)
    )
    assert VERDICTS.index(mild) <= VERDICTS.index(hard)
    if more > CEILING:
        assert hard == screened(Met(category, more))["verdict"]


def test_several_rows_of_one_category_count_together() -> None:
    document = screened(Met("mixing_service", 6, entity="a"), Met("mixing_service", 6, entity="b"))
    assert applied(document, [granted(Ceiling(units=11))])["verdict"] == "review"
    assert applied(document, [granted(Ceiling(units=12))])["verdict"] == "clear"


def _of(kind: str, *, direction: str = "both", cluster: Cluster | None = None) -> dict[str, Any]:
    """A screening of a kind of subject, with mixed money."""
    base = screened(MIXED)
    subject = {**base["subject"], "kind": kind, "direction": direction}
    if kind == "transfer":
        subject |= {"txid": "ef" * 32, "vout": 1}
    return {
        **base,
        "subject": subject,
        "cluster": None if cluster is None else {"id": cluster.id, "entity": cluster.entity},
    }


SERVICE = Cluster(f"cluster:{OTHER}@800000", 9, "Kraken", "exchange", "full", "forensic")
SCOPES = [
    ("an address", {}, _of("address"), True),
    ("where money is sent", {}, _of("withdrawal_attempt", direction="outbound"), True),
    ("not a deposit to it", {}, _of("transfer", direction="inbound"), False),
    ("another address", {"value": OTHER}, _of("address"), False),
    ("another chain", {"chain": "bitcoin-cash"}, _of("address"), False),
    ("one transfer", {"scope": "transfer", "value": f"{'ef' * 32}:1"}, _of("transfer", direction="inbound"), True),
    ("another output", {"scope": "transfer", "value": f"{'ef' * 32}:0"}, _of("transfer", direction="inbound"), False),
    ("a cluster, however tall", {"scope": "cluster", "value": OTHER}, _of("address", cluster=SERVICE), True),
    ("an entity", {"scope": "entity", "value": "kraken"}, _of("address", cluster=SERVICE), True),
    ("a payment to an entity", {"scope": "entity", "value": "kraken"},
     _of("transfer", direction="outbound", cluster=SERVICE), True),
    ("not a deposit of our own service", {"scope": "entity", "value": "kraken"},
     _of("transfer", direction="inbound", cluster=SERVICE), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "document", "passes"), [row[1:] for row in SCOPES], ids=[row[0] for row in SCOPES]
)
def test_scopes(tmp_path: Path, scope: dict[str, Any], document: dict[str, Any], passes: bool) -> None:
    with State.open(Workspace(tmp_path / "w")) as state:
        with state.transaction():
            grants.grant(state, granted(**scope).terms, ANN)
        assert apply(state, document)["verdict"] == ("clear" if passes else "review")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(Workspace(tmp_path / "w")) as opened:
        yield opened


def test_what_is_kept_is_what_was_answered_before_and_after_an_exception(state: State) -> None:
    document = screened(MIXED)
    (before,) = keeping.keep(state, [document])
    assert before == document
    with state.transaction():
        made = grants.grant(state, granted().terms, ANN)
    (after,) = keeping.keep(state, [document])
    assert (after["verdict"], after["exceptions"][0]["exception_id"]) == ("clear", made.exception_id)
    assert store.get(state, before["screening_id"]) == before
    assert store.get(state, after["screening_id"]) == after
    assert store.find(state, after["screening_id"]).status == "excepted"
    assert keeping.keep(state, [document]) == [after]
    assert store.count(state) == 2
    with state.transaction():
        grants.withdraw(state, made, Person.of("Cleo", "desk", NOW), "over")
    (again,) = keeping.keep(state, [document])
    assert again["verdict"] == "review"
    assert again["exceptions"][0]["fired_again"] == ["Cleo withdrew it on 2026-09-21T14:13:20Z"]


REFUSED = [
    ({"rules": (), "categories": ()}, "from everything"),
    ({"ceilings": ()}, "needs a ceiling"),
    ({"reason": "  "}, "no reason"),
]  # fmt: skip


@pytest.mark.parametrize(("terms", "words"), REFUSED)
def test_an_exception_that_says_too_little_is_refused(
    state: State, terms: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words), state.transaction():
        grants.grant(state, replace(granted().terms, **terms), ANN)
    assert grants.every(state) == []


def test_an_exception_is_granted_once_approved_by_another_and_withdrawn_once(state: State) -> None:
    with state.transaction():
        made = grants.grant(state, granted().terms, ANN)
    with pytest.raises(UsageError, match="granted already"):
        grants.grant(state, granted().terms, ANN)
    with pytest.raises(UsageError, match="Ann granted"):
        grants.approve(state, made, Person.of("ANN", "other", NOW), "yes", now=NOW)
    with pytest.raises(UsageError, match="has expired"):
        grants.approve(state, made, BEN, "yes", now=NOW + DAY)
    grants.approve(state, made, BEN, "yes", now=NOW)
    with pytest.raises(UsageError, match="Ben approved"):
        grants.approve(
            state, grants.find(state, made.exception_id), Person.of("Cleo", "x", NOW), "yes", now=NOW
        )
    gone = grants.withdraw(state, grants.find(state, made.exception_id[:9]), BEN, "over")
    assert [event.event for event in gone.events] == ["approved", "withdrawn"]
    with pytest.raises(UsageError, match="Ben withdrew"):
        grants.withdraw(state, grants.find(state, made.exception_id), ANN, "again")


def test_an_unknown_exception_is_named_with_those_near(state: State) -> None:
    with state.transaction():
        made = grants.grant(state, granted().terms, ANN)
    with pytest.raises(UsageError, match=f"Near it: {made.exception_id}"):
        grants.find(state, made.exception_id[:-1] + "!")
    with pytest.raises(UsageError, match="lists them"):
        grants.find(state, "zzz")
    for nothing in ("", " ", "ex-", "ex-%"):
        with pytest.raises(UsageError, match="no exception"):
            grants.find(state, nothing)
