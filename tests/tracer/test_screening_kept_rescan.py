"""Rescans: only what changed, and the inputs that made it change, found one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracer.screened import ADDRESS, DAY, NOW, POLICY, TIP, Met, screened
from tracer.screening.kept import decisions, grants, keeping, store
from tracer.screening.kept.causes import Answer, Change, differing, explain
from tracer.screening.kept.inputs import CHANGEABLE, Inputs, of_document, subject_of
from tracer.screening.kept.persons import Person
from tracer.screening.kept.rescan import Here, Tally, Wanted, rescan
from tracer.screening.model import Subject
from tracer.state import State
from tracer.workspace import Workspace

OLD = Inputs("bitcoin", "claims 1", "claims 1", "block 1", "policy 1", NOW)
NEW = Inputs("bitcoin", "claims 2", "claims 2", "block 2", "policy 2", NOW + DAY)
SUBJECT = Subject("address", "bitcoin", ADDRESS, ADDRESS)
COME, GONE = frozenset({"claim b"}), frozenset({"claim a"})


def NEWS(_: str, __: str) -> tuple[frozenset[str], frozenset[str]]:
    return COME, GONE


Fires = Callable[[frozenset[str]], bool]
"""Whether the rule fires, from the inputs that are new."""


@dataclass
class World:
    """Answers by which inputs are new; `gone` cannot be asked as they were."""

    fires: Fires
    gone: frozenset[str] = frozenset()
    asked: list[Inputs] = field(default_factory=list)

    def ask(self, inputs: Inputs, subjects: Sequence[Subject]) -> Sequence[Answer] | None:
        new = frozenset(cause for cause in CHANGEABLE if inputs.value(cause) == NEW.value(cause))
        if self.gone - new:
            return None
        self.asked.append(inputs)
        return [self.answer(new) for _ in subjects]

    def answer(self, new: frozenset[str]) -> Answer:
        met = [Met("mixing_service")] if self.fires(new) else []
        return Answer(
            screened(*met), (COME if "label" in new else GONE) | {"old" if "label" in new else "other"}
        )


def explained(world: World, *, kept: Answer | None = None, rebased: bool = False) -> list[dict[str, Any]]:
    before, after = kept or world.answer(frozenset()), world.answer(frozenset(CHANGEABLE))
    change = Change(SUBJECT, before, OLD, after, NEW, CHANGEABLE, rebased)
    explain([change], world.ask, NEWS)
    return change.causes


@pytest.mark.parametrize("cause", CHANGEABLE)
def test_one_input_is_found(cause: str) -> None:
    (found,) = explained(World(lambda new: cause in new))
    assert (found["cause"], found["together"]) == (cause, False)


def test_a_label_names_the_claims_that_appeared_and_went() -> None:
    (found,) = explained(World(lambda new: "label" in new))
    assert (found["from"], found["to"]) == ("claims 1", "claims 2")
    assert (found["appeared"], found["went"]) == (["claim b"], ["claim a"])


def test_several_inputs_that_each_do_it_are_all_named() -> None:
    found = explained(World(lambda new: bool(new & {"label", "chain"})))
    assert [(row["cause"], row["together"]) for row in found] == [("label", False), ("chain", False)]


def test_inputs_that_do_it_only_together_are_named_so() -> None:
    found = explained(World(lambda new: {"label", "rule"} <= new))
    assert [(row["cause"], row["together"]) for row in found] == [("label", True), ("rule", True)]


def test_other_code_is_a_heuristic() -> None:
    found = explained(World(lambda _: True), kept=Answer(screened(), frozenset()))
    assert [row["cause"] for row in found] == ["heuristic"]
    assert found[0]["from"]["engine"] == "test"


@pytest.mark.parametrize("gone", ["chain", "rule", "label"])
def test_what_can_no_longer_be_asked_as_it_was_is_found_from_the_other_side(gone: str) -> None:
    for cause in CHANGEABLE:
        found = explained(World(lambda new, cause=cause: cause in new, gone=frozenset({gone})))  # type: ignore[misc]
        assert cause in [row["cause"] for row in found]
        if cause != gone:
            assert [row["cause"] for row in found] == [cause]


CONJUNCTIONS = st.lists(st.frozensets(st.sampled_from(CHANGEABLE), min_size=1), min_size=1, max_size=3)


@given(CONJUNCTIONS)
@settings(deadline=None)
def test_every_verdict_that_changes_has_a_cause_and_each_is_one(ways: list[frozenset[str]]) -> None:
    """The rule fires where all of any of some sets of inputs is new."""

    def fires(new: frozenset[str]) -> bool:
        return any(way <= new for way in ways)

    found = explained(World(fires))
    alone = {row["cause"] for row in found if not row["together"]}
    assert alone == {cause for cause in CHANGEABLE if fires(frozenset({cause}))}
    needed = {cause for cause in CHANGEABLE if not fires(frozenset(CHANGEABLE) - {cause})}
    if not alone:
        assert {row["cause"] for row in found} == (needed or set(CHANGEABLE))
    assert found


def test_the_same_question_is_asked_once_for_all_that_changed() -> None:
    world = World(lambda new: "label" in new)
    before, after = world.answer(frozenset()), world.answer(frozenset(CHANGEABLE))
    changes = [Change(SUBJECT, before, OLD, after, NEW, CHANGEABLE) for _ in range(50)]
    explain(changes, world.ask, NEWS)
    assert len(world.asked) == 1 + len(CHANGEABLE)


def test_snapshots_differ_by_what_is_in_them() -> None:
    assert differing(OLD, NEW, same_prices=True, same_labels=False) == ("label", "chain", "rule", "time")
    assert differing(OLD, OLD, same_prices=False, same_labels=False) == ()


def test_inputs_and_subjects_are_read_back_out_of_documents() -> None:
    document = screened(reference="C-1")
    inputs = of_document(document, 3)
    assert (inputs.block, inputs.policy, inputs.hops) == (TIP.block_hash, POLICY.sha256, None)
    assert (inputs.labels, inputs.evaluated_at) == (document["intel_snapshot"], NOW)
    assert of_document(document, 5).hops == 3
    assert subject_of(document, "BTC") == replace(SUBJECT, reference="C-1")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(Workspace(tmp_path / "w")) as opened:
        yield opened


def here(answer: Callable[[Inputs, Subject], dict[str, Any]]) -> Here:
    return Here(
        ask=lambda inputs, subjects: [Answer(answer(inputs, each), frozenset()) for each in subjects],
        news=NEWS,
        same_prices=lambda a, b: a == b,
        same_labels=lambda a, b: a == b,
        coin=lambda _: "BTC",
        hops=lambda _: 3,
        newest=lambda _: None,
    )


CLAIMS = f"sha256:{'5' * 64}"
MIXED = Met("mixing_service")


def test_only_what_changed_is_told_each_subject_once(state: State) -> None:
    documents = [screened(address=f"made-up-{number}") for number in range(6)]
    keeping.keep(state, [screened(MIXED, address="made-up-0"), *documents], now=NOW)

    def answer(_: Inputs, subject: Subject) -> dict[str, Any]:
        return screened(
            *([MIXED] if subject.address in ("made-up-2", "made-up-5") else []), address=str(subject.address)
        )

    tally = Tally()
    wanted = Wanted(to_intel="claims 2", evaluated_at=NOW)
    found = list(rescan(state, store.newest(state, store.Filter()), wanted, here(answer), tally))
    assert [each.document["subject"]["address"] for each in found] == ["made-up-2", "made-up-5"]
    assert found[0].document["verdict"] == {"from": "clear", "to": "review"}
    assert (tally.examined, tally.changes) == (6, {"clear -> review": 2})


def test_an_exception_that_ends_is_a_cause_of_its_own(state: State) -> None:
    ann = Person.of("Ann", "desk", NOW)
    (first,) = keeping.keep(state, [screened(MIXED)], now=NOW)
    terms = decisions.terms_of(store.find(state, first["screening_id"]), expires=NOW + DAY, reason="agreed")
    with state.transaction():
        made = grants.grant(state, terms, ann)
    (second,) = keeping.keep(state, [screened(MIXED, at=NOW + 1)], now=NOW + 1)
    assert second["verdict"] == "clear"

    def answer(inputs: Inputs, _: Subject) -> dict[str, Any]:
        return screened(MIXED, at=inputs.evaluated_at)

    wanted = Wanted(to_intel=CLAIMS, evaluated_at=NOW + 2 * DAY)
    (found,) = rescan(state, store.newest(state, store.Filter()), wanted, here(answer), Tally())
    assert found.document["verdict"] == {"from": "clear", "to": "review"}
    (cause,) = found.document["causes"]
    assert (cause["cause"], cause["from"], cause["to"]) == ("exception", [made.exception_id], [])
    assert cause["fired_again"] == ["it has expired"]


def test_an_exception_that_still_stands_changes_nothing_under_other_claims(state: State) -> None:
    (first,) = keeping.keep(state, [screened(MIXED)], now=NOW)
    terms = decisions.terms_of(
        store.find(state, first["screening_id"]), expires=NOW + 9 * DAY, reason="agreed"
    )
    with state.transaction():
        grants.grant(state, terms, Person.of("Ann", "desk", NOW))
    keeping.keep(state, [screened(MIXED, at=NOW + 1)], now=NOW + 1)

    def answer(inputs: Inputs, _: Subject) -> dict[str, Any]:
        return screened(MIXED, at=inputs.evaluated_at)

    wanted = Wanted(to_intel="claims 2", evaluated_at=NOW + DAY, from_intel="claims 1")
    assert list(rescan(state, store.newest(state, store.Filter()), wanted, here(answer), Tally())) == []


def test_claims_of_before_may_be_others_than_the_kept_ones(state: State) -> None:
    keeping.keep(state, [screened()], now=NOW)

    def answer(inputs: Inputs, _: Subject) -> dict[str, Any]:
        return screened(*([MIXED] if inputs.labels == "claims 1" else []))

    wanted = Wanted(to_intel="claims 2", evaluated_at=NOW, from_intel="claims 1")
    (found,) = rescan(state, store.newest(state, store.Filter()), wanted, here(answer), Tally())
    assert found.document["verdict"] == {"from": "review", "to": "clear"}
    assert "label" in [row["cause"] for row in found.document["causes"]]


def test_what_cannot_be_asked_again_is_counted(state: State) -> None:
    keeping.keep(state, [screened()], now=NOW)
    tally = Tally()
    none = replace(here(lambda *_: {}), ask=lambda *_: None)
    wanted = Wanted(to_intel="claims 2", evaluated_at=NOW)
    assert list(rescan(state, store.newest(state, store.Filter()), wanted, none, tally)) == []
    assert (tally.examined, tally.unanswered) == (1, 1)
