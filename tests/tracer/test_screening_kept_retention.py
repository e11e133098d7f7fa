"""Purging: what goes is gone from the file, and what people still need stays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tracer.screened import DAY, NOW, Met, screened
from tracer.screening.kept import decisions, grants, keeping, retention, store
from tracer.screening.kept.decisions import decide, terms_of
from tracer.screening.kept.persons import Person
from tracer.state import State
from tracer.workspace import Workspace

OLD = NOW - 400 * DAY
LIMIT = NOW - 365 * DAY
MIXED = Met("mixing_service")
ANN = Person.of("Ann", "desk", OLD)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


@pytest.fixture
def state(workspace: Workspace) -> Iterator[State]:
    with State.open(workspace) as opened:
        yield opened


def kept(state: State, *documents: dict[str, object], at: int = OLD, case_id: str = "") -> list[str]:
    return [each["screening_id"] for each in keeping.keep(state, documents, now=at, case_id=case_id)]


def test_old_screenings_go_with_their_decisions_and_young_ones_stay(state: State) -> None:
    (clear, review) = kept(state, screened(), screened(MIXED))
    (young,) = kept(state, screened(address="young"), at=LIMIT)
    decide(state, review, "accept", ANN, "known customer", now=OLD)
    done = retention.purge(state, before=LIMIT, now=NOW)
    assert (done.count, dict(done.verdicts), dict(done.left)) == (2, {"clear": 1, "review": 1}, {})
    assert done.digest == hashlib.sha256("".join(sorted((clear, review))).encode()).hexdigest()
    assert [record.screening_id for record in store.records(state, store.Filter())] == [young]
    assert decisions.history(state, review) == []
    assert state.rows("SELECT count(*) FROM screening_shared") == [(2,)]
    assert retention.purge(state, before=LIMIT, now=NOW).count == 0


def test_what_is_under_review_of_a_case_or_excepted_stays(state: State) -> None:
    kept(state, screened(MIXED, address="open"))
    (escalated,) = kept(state, screened(address="escalated"))
    decide(state, escalated, "escalate", ANN, "odd", now=OLD)
    kept(state, screened(address="case"), case_id="K-1")
    (excepted,) = kept(state, screened(MIXED, address="excepted", at=OLD))
    terms = terms_of(store.find(state, excepted), expires=NOW + DAY, reason="agreed")
    made = decide(state, excepted, "exception", ANN, "agreed", now=OLD, terms=terms)
    (passed,) = kept(state, screened(MIXED, address="excepted", at=OLD + DAY), at=OLD + DAY)
    assert store.find(state, passed).status == "excepted"
    rehearsed = retention.purge(state, before=LIMIT, now=NOW, rehearse=True)
    done = retention.purge(state, before=LIMIT, now=NOW)
    assert dict(done.left) == dict(rehearsed.left) == {"under_review": 2, "case": 1, "exception": 2}
    assert done.count == rehearsed.count == 0
    # the exception ends: nothing rests on it any more
    with state.transaction():
        (granted,) = grants.every(state, [str(made.exception)])
        grants.withdraw(state, granted, Person.of("Ben", "desk", NOW - 1), "over")
    assert retention.purge(state, before=LIMIT, now=NOW).count == 2


def test_exceptions_that_ended_before_go_too(state: State) -> None:
    (identity,) = kept(state, screened(MIXED))
    record = store.find(state, identity)
    for number, days in enumerate((30, 399)):
        with state.transaction():
            grants.grant(
                state,
                replace(
                    terms_of(record, expires=OLD + days * DAY, reason=f"agreed {number}"), screening=None
                ),
                ANN,
            )
    assert retention.purge(state, before=LIMIT, now=NOW).exceptions == 1
    assert len(grants.every(state)) == 1


@pytest.mark.parametrize("compact", [False, True])
def test_what_is_purged_is_in_no_file_any_more(workspace: Workspace, state: State, compact: bool) -> None:
    documents = [screened(address=f"made-up-{number}") for number in range(300)]
    ids = kept(state, *documents)
    (young,) = kept(state, screened(address="young"), at=NOW)
    bodies = [bytes(body) for (body,) in state.rows("SELECT body FROM screening ORDER BY seq")]
    before = _bytes(workspace)
    assert all(bytes.fromhex(each) in before for each in ids)
    done = retention.purge(state, before=LIMIT, now=NOW, compact=compact)
    assert (done.count, done.log_empty) == (300, True)
    after = _bytes(workspace)
    assert not any(bytes.fromhex(each) in after for each in ids)
    assert not any(body in after for body in bodies[:300])
    assert bytes.fromhex(young) in after
    assert (len(after) < len(before)) or not compact


def test_a_reader_that_holds_on_is_told(
    workspace: Workspace, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_PATIENCE", 0.1)
    kept(state, screened())
    with State.open(workspace) as reader:
        reader.run("BEGIN")
        assert reader.rows("SELECT count(*) FROM screening") == [(1,)]
        assert retention.purge(state, before=LIMIT, now=NOW).log_empty is False
        reader.run("COMMIT")
    assert retention.purge(state, before=LIMIT, now=NOW).log_empty is True


def test_purging_in_chunks_takes_all(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_CHUNK", 7)
    for number in range(30):
        kept(state, screened(address=f"made-up-{number}"), at=OLD + number // 4)
    kept(state, screened(MIXED))
    done = retention.purge(state, before=LIMIT, now=NOW)
    assert (done.count, dict(done.left)) == (30, {"under_review": 1})


def _bytes(workspace: Workspace) -> bytes:
    """All that the state has on disk."""
    return b"".join(path.read_bytes() for path in sorted(workspace.root.glob("state.sqlite*")))
