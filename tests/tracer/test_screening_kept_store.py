"""Kept screenings: every byte comes back, a rerun adds nothing, and they are found by what they say."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracer.screened import ADDRESS, NOW, POLICY, STRICT, Met, screened
from tracer.errors import StoreDamaged, UsageError
from tracer.screening.kept import policies, store
from tracer.screening.kept.packing import Packer, digits, unpack
from tracer.screening.kept.store import Filter, find, get, newest, records, save, subject_key
from tracer.state import State
from tracer.workspace import Workspace

OTHER = "34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo"
MIXER, RANSOM = Met("mixing_service"), Met("ransomware")

TEXT = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["\0", "\\u0000", "\ud800", '"', "screening_id", "a" * 64, "coverage.intel"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
KEYS = TEXT | st.sampled_from(
    ["as_of", "intel_snapshot", "rules", "engine", "policy", "parameters", "subject", "verdict"]
)
COVERAGE = JSON | st.fixed_dictionaries({"status": JSON}, optional={"intel": JSON, "notes": JSON})


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(Workspace(tmp_path / "w")) as opened:
        yield opened


def printed(document: object) -> bytes:
    """As `--json` prints it."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "surrogatepass")


@given(st.dictionaries(KEYS, JSON, max_size=8), COVERAGE, st.integers(0, 2**256 - 1), st.booleans())
@settings(deadline=None)
def test_any_document_comes_back_to_the_byte(
    said: dict[str, Any], coverage: object, number: int, named: bool
) -> None:
    identity = f"{number:064x}"
    document = {**said, "coverage": coverage, "screening_id": f"sha256:{identity}" if named else identity}
    # the id may stand in it more than once
    document["replay"] = f"tracer screenings show {identity}"
    packed = Packer().pack(document)
    assert printed(
        unpack(digits(document["screening_id"]), packed.as_of, packed.recipe, packed.own)
    ) == printed(document)


def test_a_packer_goes_on_after_documents_that_share_nothing() -> None:
    packer = Packer()
    for document in (
        screened(),
        screened(policy=STRICT),
        screened(list_age=30),
        screened(tip=None),
        screened(),
    ):
        packed = packer.pack(document)
        assert printed(unpack(document["screening_id"], packed.as_of, packed.recipe, packed.own)) == printed(
            document
        )


def test_what_was_answered_is_kept_once_and_given_back(state: State) -> None:
    documents = [
        screened(),
        screened(MIXER),
        screened(RANSOM, address=OTHER),
        screened(seen=False, address=OTHER),
    ]
    assert save(state, documents) == 4
    assert save(state, [*documents, screened(MIXER, RANSOM)]) == 1
    for document in documents:
        assert printed(get(state, document["screening_id"])) == printed(document)
    assert store.count(state) == 5
    assert get(state, "f" * 64) is None


def test_saving_again_in_one_call_and_twice_the_same_adds_one(state: State) -> None:
    assert save(state, [screened(), screened()]) == 1


def test_what_was_kept_of_no_case_belongs_to_the_first_case_that_asks_again(state: State) -> None:
    documents = [screened(), screened(address=OTHER)]
    save(state, documents[:1], now=1)
    assert save(state, documents, case_id="K-1", now=2) == 1
    assert save(state, documents, case_id="K-2", now=3) == 0
    assert save(state, documents, now=4) == 0
    found = [(record.kept, record.case_id) for record in store.records(state, store.Filter())]
    assert found == [(2, "K-1"), (1, "K-1")]


def test_what_documents_share_is_kept_once(state: State) -> None:
    save(state, [screened(address=f"made-up-{number}") for number in range(50)])
    assert state.rows("SELECT count(*) FROM screening_shared") == [(2,)]


def test_a_kept_document_cannot_be_changed(state: State) -> None:
    save(state, [screened(MIXER)])
    for change in ("verdict = 'clear'", "body = x'00'", "kept = 0"):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            state.run(f"UPDATE screening SET {change}")


def test_a_damaged_record_is_named_not_answered(state: State) -> None:
    document = screened(MIXER)
    save(state, [document])
    ((body,),) = state.rows("SELECT body FROM screening")
    state.run("DROP TRIGGER screening_no_update")
    for spoiled in (body[:-3], body[:20] + bytes([body[20] ^ 1]) + body[21:], b"\x78\x01nothing"):
        state.run("UPDATE screening SET body = :body", {"body": spoiled})
        with pytest.raises(StoreDamaged, match=r"cannot be|newer tracer"):
            get(state, document["screening_id"])


def test_records_are_found_by_verdict_status_subject_case_and_time_newest_first(state: State) -> None:
    clear, review, unknown = screened(), screened(MIXER), screened(seen=False, address=OTHER)
    save(state, [clear], now=NOW)
    save(state, [review, unknown], case_id="K-1", now=NOW + 10)
    save(state, [screened(MIXER, address=OTHER)], now=NOW + 20)

    def found(**chosen: Any) -> list[str]:
        return [record.screening_id for record in records(state, Filter(**chosen))]

    last = screened(MIXER, address=OTHER)["screening_id"]
    ids = [each["screening_id"] for each in (clear, review, unknown)]
    assert found() == [last, ids[2], ids[1], ids[0]]
    assert found(verdict="review") == [last, ids[1]]
    assert found(verdict="clear") == [ids[0]]
    assert found(status="open") == [last, ids[1]]
    assert found(status="none") == [ids[0]]
    assert found(status="unanswered", case_id="K-1") == [ids[2]]
    assert found(case_id="K-1", verdict="review") == [ids[1]]
    assert found(subject=subject_key("bitcoin", ADDRESS)) == [ids[1], ids[0]]
    assert found(since=NOW + 10, until=NOW + 15) == [ids[2], ids[1]]
    assert found(subject=subject_key("litecoin", ADDRESS)) == []


@pytest.mark.parametrize("page", [1, 2, 7])
def test_pages_hold_every_record_once(state: State, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr(store, "PAGE", page)
    for number in range(13):
        save(state, [screened(MIXER, address=f"made-up-{number}")], now=NOW + number // 3)
    assert len({record.screening_id for record in records(state, Filter(verdict="review"))}) == 13
    assert len(list(records(state, Filter(), limit=5))) == 5
    assert [record.seq for record in newest(state, Filter())] == list(range(1, 14))


def test_the_newest_of_each_question_is_screened_again(state: State) -> None:
    old, new, other = screened(), screened(MIXER), screened(MIXER, address=OTHER)
    save(state, [old, other])
    save(state, [new])
    assert [each.screening_id for each in newest(state, Filter())] == [
        other["screening_id"],
        new["screening_id"],
    ]
    assert [each.screening_id for each in newest(state, Filter(verdict="clear"))] == []


def test_ids_may_be_cut_short_and_what_is_near_is_named(state: State) -> None:
    documents = [screened(address=f"made-up-{number}") for number in range(40)]
    save(state, documents)
    whole = documents[3]["screening_id"]
    assert find(state, whole[:16]).screening_id == whole
    assert find(state, f"sha256:{whole}").screening_id == whole
    twice = next(a for a in "0123456789abcdef" if sum(d["screening_id"][0] == a for d in documents) > 1)
    with pytest.raises(UsageError, match="several screenings begin with"):
        find(state, twice)
    with pytest.raises(UsageError, match=f"Near it: .*{whole[:16]}"):
        find(state, whole[:20] + ("0" if whole[20] != "0" else "1"))
    for bad in ("", "xyz", "g" * 64, "a" * 65):
        with pytest.raises(UsageError, match="is no screening id"):
            find(state, bad)


def test_a_policy_is_kept_such_that_it_is_the_same_policy_again(state: State) -> None:
    for policy in (POLICY, STRICT, POLICY):
        policies.keep(state, policy)
        again = policies.kept(state, policy.sha256)
        assert again is not None
        assert again.sha256 == policy.sha256
        assert again.rules[2].second_person == policy.rules[2].second_person
    assert policies.kept(state, "sha256:00") is None
