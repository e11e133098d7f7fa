"""Decisions: what each leaves behind, and that a second person is never the first."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracer.screened import DAY, NOW, STRICT, Met, screened, told
from tests.tracer.screening_examples import evidence, exposure
from tracer.errors import UsageError
from tracer.screening.kept import decisions, grants, store
from tracer.screening.kept.decisions import CHOICES, Choice, Decision, decide, history, terms_of
from tracer.screening.kept.exceptions import applied
from tracer.screening.kept.grants import Grant
from tracer.screening.kept.persons import Person
from tracer.screening.kept.store import Record
from tracer.screening.policy import parse
from tracer.state import State
from tracer.workspace import Workspace

REVIEW = screened(Met("mixing_service"))
TWO = screened(Met("ransomware"), policy=STRICT)
CLEAR, UNKNOWN = screened(), screened(seen=False)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(Workspace(tmp_path / "w")) as opened:
        store.save(opened, [REVIEW, TWO, CLEAR, UNKNOWN], now=NOW)
        yield opened


def say(
    state: State,
    document: dict[str, object],
    choice: Choice,
    name: str,
    *,
    days: int | None = None,
    later: int = 0,
) -> Decision:
    identity = str(document["screening_id"])
    record = store.find(state, identity)
    terms = None if days is None else terms_of(record, expires=NOW + days * DAY, reason="agreed")
    person = Person.of(name, "desk", NOW + later)
    return decide(state, identity, choice, person, f"{choice} it", now=NOW + later, terms=terms)


@pytest.mark.parametrize(
    ("document", "choice", "status"),
    [
        (REVIEW, "accept", "accepted"), (REVIEW, "reject", "rejected"), (REVIEW, "escalate", "escalated"),
        (TWO, "accept", "pending_second"), (TWO, "reject", "pending_second"), (TWO, "escalate", "escalated"),
        (CLEAR, "reject", "rejected"), (UNKNOWN, "escalate", "escalated"), (UNKNOWN, "accept", "accepted"),
    ],
)  # fmt: skip
def test_a_decision_leaves_a_status_and_a_line(
    state: State, document: dict[str, object], choice: Choice, status: str
) -> None:
    made = say(state, document, choice, "Ann")
    assert (made.status, made.by, made.account, made.reason) == (status, "Ann", "desk", f"{choice} it")
    assert store.find(state, str(document["screening_id"])).status == status
    assert history(state, str(document["screening_id"])) == [made]


def test_two_persons_decide_where_the_policy_asked_for_it(state: State) -> None:
    first = say(state, TWO, "accept", "Ann")
    second = say(state, TWO, "accept", "Ben")
    assert (first.status, second.status, second.confirms) == ("pending_second", "accepted", first.number)


@pytest.mark.parametrize("name", ["Ann", "ann", " ANN ", "A nn", "Ａnn", "aNN\t"])
def test_the_same_person_cannot_be_the_second_however_spelled(state: State, name: str) -> None:
    say(state, TWO, "accept", "Ann")
    with pytest.raises(UsageError, match="another person must confirm it"):
        say(state, TWO, "accept", name)
    assert store.find(state, TWO["screening_id"]).status == "pending_second"


def test_another_opinion_waits_for_a_second_person_of_its_own(state: State) -> None:
    say(state, TWO, "accept", "Ann")
    assert say(state, TWO, "reject", "Ben").status == "pending_second"
    with pytest.raises(UsageError, match="Ben decided this"):
        say(state, TWO, "reject", "ben")
    assert say(state, TWO, "reject", "Ann").status == "rejected"


def test_one_person_may_always_escalate_and_that_ends_the_waiting(state: State) -> None:
    say(state, TWO, "accept", "Ann")
    assert say(state, TWO, "escalate", "Ann").status == "escalated"
    assert say(state, TWO, "accept", "Ben").status == "pending_second"


def test_deciding_the_same_again_is_refused_and_reopening_starts_over(state: State) -> None:
    say(state, REVIEW, "accept", "Ann")
    with pytest.raises(UsageError, match="is accepted already: by Ann"):
        say(state, REVIEW, "accept", "Ben")
    assert say(state, REVIEW, "reopen", "Ben").status == "open"
    with pytest.raises(UsageError, match="is not decided"):
        say(state, REVIEW, "reopen", "Ben")
    assert [each.decision for each in history(state, REVIEW["screening_id"])] == ["accept", "reopen"]


def test_an_exception_needs_terms_and_something_that_fired(state: State) -> None:
    with pytest.raises(UsageError, match="ends some day"):
        say(state, REVIEW, "exception", "Ann")
    for document in (CLEAR, UNKNOWN):
        with pytest.raises(UsageError, match="nothing to except"):
            say(state, document, "exception", "Ann", days=30)
    made = say(state, REVIEW, "exception", "Ann", days=30)
    (granted,) = grants.every(state)
    assert (made.status, made.exception) == ("excepted", granted.exception_id)
    assert granted.terms.rules == ("mixer",)
    assert [level.units for level in granted.terms.ceilings] == [10]


def test_an_exception_of_two_rules_lets_each_grow_no_further_than_it_was() -> None:
    """Little came directly and much indirectly: that much may not come directly one day."""
    policy = parse(
        """
id: far-and-near
version: 1
title: Two rules over one category
rules:
  - {id: near, version: 1, title: Near, when: {category: market, type: direct}, severity: high, verdict: review}
  - {id: far, version: 1, title: Far, when: {category: market, type: indirect}, severity: high, verdict: review}
""",
        "far-and-near.yml",
    )

    def met(near: int, far: int) -> dict[str, Any]:
        rows = (
            exposure("market", units=near, total=1_000),
            exposure("market", kind="indirect", units=far, total=1_000),
        )
        return told(evidence(*rows), policy)

    first = met(10, 500)
    record = Record(1, first["screening_id"], NOW, first["verdict"], "open", "", first)
    one = Grant(
        "ex-1", terms_of(record, expires=NOW + DAY, reason="agreed"), Person.of("Ann", "desk", NOW - DAY)
    )
    assert applied(met(10, 500), [one])["verdict"] == "clear"
    assert applied(met(9, 400), [one])["verdict"] == "clear"
    assert applied(met(11, 400), [one])["verdict"] == "review"
    assert applied(met(9, 501), [one])["verdict"] == "review"


def test_the_second_person_approves_the_exception_as_it_is(state: State) -> None:
    first = say(state, TWO, "exception", "Ann", days=30)
    with pytest.raises(UsageError, match="confirmed as it is"):
        say(state, TWO, "exception", "Ben", days=60)
    with pytest.raises(UsageError, match="has expired"):
        say(state, TWO, "exception", "Ben", later=31 * DAY)
    second = say(state, TWO, "exception", "Ben")
    (granted,) = grants.every(state)
    assert (first.status, second.status, second.exception) == (
        "pending_second",
        "excepted",
        granted.exception_id,
    )
    assert [(event.event, event.by.name) for event in granted.events] == [("approved", "Ben")]


def test_what_is_refused_leaves_nothing_behind(state: State) -> None:
    for name, reason in (("", "why"), ("Ann", " ")):
        with pytest.raises(UsageError):
            decide(state, REVIEW["screening_id"], "accept", Person.of(name, "desk", NOW), reason, now=NOW)
    assert history(state, REVIEW["screening_id"]) == []
    assert store.find(state, REVIEW["screening_id"]).status == "open"


def test_the_history_cannot_be_changed(state: State) -> None:
    say(state, REVIEW, "exception", "Ann", days=30)
    for change in (
        "UPDATE screening_decision SET by = 'Ben'", "DELETE FROM screening_decision",
        "UPDATE screening_exception SET content = '{}'", "UPDATE screening_exception_event SET by = 'Ben'",
    ):  # fmt: skip
        if "event" in change:
            say(state, TWO, "exception", "Ann", days=30)
            say(state, TWO, "exception", "Ben")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            state.run(change)


NAMES = st.sampled_from(["Ann", "ann", "Ben", "BEN", "Ｂen", "Cleo", "C leo"])


@given(st.lists(st.tuples(st.sampled_from(CHOICES), NAMES), max_size=12))
@settings(deadline=None, max_examples=30)
def test_whatever_is_decided_in_whatever_order_two_persons_stand_behind_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Choice, str]]
) -> None:
    with State.open(Workspace(tmp_path_factory.mktemp("w"))) as state:
        store.save(state, [TWO], now=NOW)
        for choice, name in steps:
            pending = store.find(state, TWO["screening_id"]).status == "pending_second"
            past = history(state, TWO["screening_id"])
            confirming = pending and past[-1].decision == choice
            try:
                say(state, TWO, choice, name, days=30 if choice == "exception" and not confirming else None)
            except UsageError:
                assert history(state, TWO["screening_id"]) == past
        for made in history(state, TWO["screening_id"]):
            if made.status in ("accepted", "rejected", "excepted"):
                first = next(
                    each for each in history(state, TWO["screening_id"]) if each.number == made.confirms
                )
                assert first.decision == made.decision
                assert _person(first.by) != _person(made.by)
        for granted in grants.every(state):
            assert all(
                _person(event.by.name) != _person(granted.by.name)
                for event in granted.events
                if event.event == "approved"
            )


def _person(name: str) -> str:
    return unicodedata.normalize("NFKC", name).lower().replace(" ", "")


def test_histories_of_many_are_read_at_once(state: State) -> None:
    say(state, REVIEW, "accept", "Ann")
    say(state, TWO, "accept", "Ann")
    records = list(store.records(state, store.Filter()))
    found = decisions.histories(state, records)
    assert {identity: [each.decision for each in rows] for identity, rows in found.items()} == {
        REVIEW["screening_id"]: ["accept"],
        TWO["screening_id"]: ["accept"],
    }
