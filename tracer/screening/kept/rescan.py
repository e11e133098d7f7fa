"""Kept subjects screened again: with other claims, another policy, new blocks. Only what changed is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from tracer.screening.kept import exceptions
from tracer.screening.kept.causes import Answer, Ask, Change, News, differing, explain
from tracer.screening.kept.inputs import Inputs, of_document, subject_of
from tracer.screening.kept.persons import iso
from tracer.screening.kept.store import Record
from tracer.state import State

CHUNK = 2_000
"""Subjects asked at once (P): some 10 MB of documents."""


@dataclass(frozen=True)
class Wanted:
    """What is to be other than it was. None: as the record has it (`from`), as it is now (`to`).

    same_blocks   facts as of the record's own block
    evaluated_at  unix seconds, of the new verdicts
    """

    to_intel: str
    evaluated_at: int
    to_policy: str | None = None
    from_intel: str | None = None
    from_policy: str | None = None
    same_blocks: bool = False


@dataclass(frozen=True)
class Here:
    """What can be asked in this workspace.

    ask, news    see `causes.Ask`, `causes.News`
    same_prices, same_labels   whether two snapshots hold the same of it
    coin         name of a chain's own asset
    hops         what a policy (`sha256:...`) asks for; None where it is not known here
    newest       `sha256:...` of the policy that has this id now; None where there is none
    """

    ask: Ask
    news: News
    same_prices: Callable[[str, str], bool]
    same_labels: Callable[[str, str], bool]
    coin: Callable[[str], str]
    hops: Callable[[str], int | None]
    newest: Callable[[str], str | None]


@dataclass
class Tally:
    """What a rescan came to. `unanswered`: could not be asked with the new inputs."""

    examined: int = 0
    unanswered: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    causes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """A record whose verdict is another now, the answer of now, and why."""

    record: Record
    answer: Answer
    document: dict[str, Any]


def rescan(
    state: State, records: Iterable[Record], wanted: Wanted, here: Here, tally: Tally
) -> Iterator[Changed]:
    """Screen records again, in their order, a chunk at a time; -> those whose verdict changed.

    The verdicts compared are those that hold: with exceptions, as they stand at `evaluated_at`.
    """
    waiting = iter(records)
    while chunk := list(islice(waiting, CHUNK)):
        tally.examined += len(chunk)
        yield from _chunk(state, chunk, wanted, here, tally)


def _chunk(
    state: State, chunk: Sequence[Record], wanted: Wanted, here: Here, tally: Tally
) -> Iterator[Changed]:
    kept = [of_document(each.document, here.hops(each.document["policy"]["sha256"])) for each in chunk]
    subjects = [subject_of(each.document, here.coin(each.document["subject"]["chain"])) for each in chunk]
    old = [_from(inputs, wanted) for inputs in kept]
    new = [_to(inputs, record, wanted, here) for inputs, record in zip(kept, chunk, strict=True)]
    answers = _asked(new, subjects, here.ask)
    fresh = [(place, inputs) for place, inputs in enumerate(old) if inputs != kept[place]]
    again = _asked([inputs for _, inputs in fresh], [subjects[place] for place, _ in fresh], here.ask)
    then = {place: told for (place, _), told in zip(fresh, again, strict=True)}
    here_now = [place for place, told in enumerate(answers) if told is not None and then.get(place, told)]
    tally.unanswered += len(chunk) - len(here_now)
    with_exceptions = _excepted(state, [answers[place] for place in here_now])
    there = [place for place in here_now if place in then]
    rebased = dict(zip(there, _excepted(state, [then[place] for place in there]), strict=True))
    changes, places = list[Change](), list[int]()
    for place, after in zip(here_now, with_exceptions, strict=True):
        record = chunk[place]
        before = rebased.get(place) or Answer(record.document, frozenset(record.document.get("claims", ())))
        if before.document["verdict"] == after.document["verdict"]:
            continue
        tips = after.document["as_of"]
        settled = replace(new[place], block=tips[0]["block_hash"] if tips else None)
        differs = differing(
            old[place],
            settled,
            here.same_prices(old[place].prices, settled.prices),
            here.same_labels(old[place].labels, settled.labels),
        )
        changes.append(Change(subjects[place], before, old[place], after, settled, differs, place in rebased))
        places.append(place)
    explain(changes, here.ask, here.news)
    for one, place in zip(changes, places, strict=True):
        way = f"{one.before.document['verdict']} -> {one.after.document['verdict']}"
        tally.changes[way] = tally.changes.get(way, 0) + 1
        for cause in {row["cause"] for row in one.causes}:
            tally.causes[cause] = tally.causes.get(cause, 0) + 1
        yield Changed(chunk[place], one.after, _document(chunk[place], one))


def _from(kept: Inputs, wanted: Wanted) -> Inputs:
    """What the verdict before is of."""
    inputs = kept
    if wanted.from_intel is not None:
        inputs = replace(inputs, labels=wanted.from_intel, prices=wanted.from_intel)
    return inputs if wanted.from_policy is None else replace(inputs, policy=wanted.from_policy)


def _to(kept: Inputs, record: Record, wanted: Wanted, here: Here) -> Inputs:
    """What the verdict now is of."""
    policy = wanted.to_policy or here.newest(record.document["policy"]["id"]) or kept.policy
    return replace(
        kept,
        labels=wanted.to_intel,
        prices=wanted.to_intel,
        block=kept.block if wanted.same_blocks else None,
        policy=policy,
        evaluated_at=wanted.evaluated_at,
    )


def _asked(inputs: Sequence[Inputs], subjects: Sequence[Any], ask: Ask) -> list[Answer | None]:
    """Answers in order; each set of inputs is asked once."""
    groups: dict[Inputs, list[int]] = {}
    for place, each in enumerate(inputs):
        groups.setdefault(each, []).append(place)
    found: list[Answer | None] = [None] * len(inputs)
    for each, places in groups.items():
        told = ask(each, [subjects[place] for place in places])
        for number, place in enumerate(places):
            found[place] = None if told is None else told[number]
    return found


def _excepted(state: State, answers: Sequence[Answer | None]) -> list[Answer]:
    told = [each for each in answers if each is not None]
    documents = exceptions.apply_all(state, [each.document for each in told])
    return [Answer(document, each.claims) for document, each in zip(documents, told, strict=True)]


def _document(record: Record, one: Change) -> dict[str, Any]:
    """`tracer.rescan_change/1`."""
    before, after = one.before.document, one.after.document
    return {
        "schema": "tracer.rescan_change/1",
        "screening_id": record.screening_id,
        "kept_at": iso(record.kept),
        "status": record.status,
        "case": record.case_id or None,
        "subject": after["subject"],
        "verdict": {"from": before["verdict"], "to": after["verdict"]},
        "risk": {"from": before["risk"], "to": after["risk"]},
        "causes": one.causes,
        "risk_reasons": after["risk_reasons"],
        "new_screening_id": after["screening_id"],
    }
