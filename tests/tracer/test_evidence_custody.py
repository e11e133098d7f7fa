"""The custody log: every question leaves a line, and no line can be changed without it showing."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.errors import BadBlock, CustodyBroken
from tracer.evidence import custody
from tracer.evidence.custody import GENESIS, Question, append, entries, mask, verify
from tracer.state import State
from tracer.workspace import Workspace

TRIGGERS = (
    "custody_no_update", "custody_no_delete", "custody_head_no_delete", "custody_head_forward"
)  # fmt: skip
COLUMNS = (
    "seq", "time", "user", "engine", "verb", "arguments", "case_id", "purpose", "inputs", "output", "outcome",
    "prev", "hash",
)  # fmt: skip


def ask(state: State, number: int = 0, case_id: str = "K") -> custody.Entry:
    return append(
        state, verb="trace", arguments=[f"seed{number}"], case_id=case_id, purpose="test",
        inputs=["sha256:00"], output="", outcome="failed:2",
    )  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


@pytest.fixture
def state(workspace: Workspace) -> Iterator[State]:
    with State.open(workspace) as opened:
        yield opened


def tamper(workspace: Workspace, *statements: str) -> None:
    """What somebody with a SQLite shell could do: take the triggers away, then edit."""
    with closing(sqlite3.connect(workspace.state)) as connection, connection:
        for trigger in TRIGGERS:
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(statement)


def test_entries_follow_each_other_from_genesis(state: State) -> None:
    first, second = ask(state, 1), ask(state, 2)
    assert (first.seq, second.seq) == (1, 2)
    assert first.prev == GENESIS
    assert second.prev == first.hash
    assert entries(state) == [first, second]
    assert verify(state) == 2
    assert custody.head(state) == second.hash


def test_an_empty_log_verifies_and_has_the_genesis_head(state: State) -> None:
    assert verify(state) == 0
    assert custody.head(state) == GENESIS


def test_an_entry_says_who_when_with_what(state: State) -> None:
    entry = ask(state)
    assert entry.time.endswith("Z")
    assert len(entry.time) == len("2026-01-01T00:00:00.000000Z")
    assert entry.user
    assert entry.engine == custody.engine_version()
    assert json.loads(entry.arguments) == ["seed0"]
    assert json.loads(entry.inputs) == ["sha256:00"]


def test_entries_of_one_case_are_found_and_the_rest_left_out(state: State) -> None:
    ask(state, 1, "A"), ask(state, 2, "B"), ask(state, 3, "A")
    assert [entry.seq for entry in entries(state, "A")] == [1, 3]
    assert entries(state, "C") == []


@pytest.mark.parametrize("statement", [
    "UPDATE custody SET purpose = 'other'", "DELETE FROM custody", "DELETE FROM custody_head",
    "UPDATE custody_head SET hash = 'x'",
])  # fmt: skip
def test_the_store_itself_refuses_to_change_an_entry(state: State, statement: str) -> None:
    ask(state)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        state.run(statement)
    assert verify(state) == 1


@settings(max_examples=60, deadline=None)
@given(row=st.integers(1, 4), column=st.sampled_from(COLUMNS), value=st.text() | st.integers(-5, 99))
def test_any_edit_of_any_field_of_any_entry_is_detected(
    tmp_path_factory: pytest.TempPathFactory, row: int, column: str, value: str | int
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("w"))
    with State.open(workspace) as state:
        for number in range(4):
            ask(state, number)
        before = entries(state)
    tamper(workspace)
    with closing(sqlite3.connect(workspace.state)) as connection, connection:
        if column == "seq" and (not isinstance(value, int) or value in {1, 2, 3, 4}):
            value = 77  # the primary key takes integers only, each once
        encodable = value if isinstance(value, int) else value.encode("utf-8", "replace").decode()
        connection.execute(f"UPDATE custody SET {column} = ? WHERE seq = ?", (encodable, row))
    with State.open(workspace) as state:
        if entries(state) == before:
            assert verify(state) == 4
        else:
            with pytest.raises(CustodyBroken):
                verify(state)


@pytest.mark.parametrize(("edit", "named"), [
    ("UPDATE custody SET purpose = 'holiday' WHERE seq = 2", "entry 2 .* was changed"),
    ("UPDATE custody SET prev = hash WHERE seq = 3", "entry 3 .* does not follow"),
    ("DELETE FROM custody WHERE seq = 2", "entry 2 .* is missing"),
    ("DELETE FROM custody WHERE seq = 1", "entry 1 .* is missing"),
    ("DELETE FROM custody WHERE seq > 2", "ends at entry 2, but entry 4 was written"),
    ("DELETE FROM custody", "ends at entry 0, but entry 4"),
    ("UPDATE custody SET seq = CASE seq WHEN 2 THEN 30 WHEN 3 THEN 20 ELSE seq END WHERE seq IN (2, 3)",
     "last entry"),
    ("UPDATE custody SET purpose = CAST(x'ff' AS BLOB) WHERE seq = 1", "entry 1 .* was changed"),
    ("DELETE FROM custody_head", "head"),
])  # fmt: skip
def test_the_first_entry_that_does_not_fit_is_named(workspace: Workspace, edit: str, named: str) -> None:
    with State.open(workspace) as state:
        for number in range(4):
            ask(state, number)
    tamper(workspace, edit)
    with State.open(workspace) as state, pytest.raises(CustodyBroken, match=named):
        verify(state)


def test_entries_that_changed_places_are_detected(workspace: Workspace) -> None:
    with State.open(workspace) as state:
        for number in range(4):
            ask(state, number)
    tamper(
        workspace,
        "UPDATE custody SET seq = -2 WHERE seq = 2",
        "UPDATE custody SET seq = 2 WHERE seq = 3",
        "UPDATE custody SET seq = 3 WHERE seq = -2",
    )
    with State.open(workspace) as state, pytest.raises(CustodyBroken, match="entry 2"):
        verify(state)


def test_a_log_computed_anew_shows_only_against_a_head_noted_elsewhere(
    tmp_path: Path, workspace: Workspace
) -> None:
    with State.open(workspace) as state:
        ask(state, 1)
        noted = custody.head(state)
        ask(state, 2)
        assert verify(state, noted) == 2
    with State.open(Workspace(tmp_path / "forged")) as forged:
        ask(forged, 7), ask(forged, 8)
        assert verify(forged) == 2
        with pytest.raises(CustodyBroken, match=noted):
            verify(forged, noted)


def test_nothing_is_added_to_a_log_that_was_cut(workspace: Workspace) -> None:
    with State.open(workspace) as state:
        ask(state), ask(state)
    tamper(workspace, "DELETE FROM custody WHERE seq = 2")
    with State.open(workspace) as state, pytest.raises(CustodyBroken):
        ask(state)
    with pytest.raises(CustodyBroken), Question(workspace, verb="x", arguments=[], case_id="", purpose=""):
        pytest.fail("the question must not be answered")


def test_processes_that_ask_at_once_make_one_chain(workspace: Workspace) -> None:
    script = """
import sys
from pathlib import Path
from tracer.evidence.custody import Question
from tracer.workspace import Workspace
for number in range(15):
    with Question(Workspace(Path(sys.argv[1])), verb="x", arguments=[], case_id="", purpose="") as question:
        question.answered(b"x")
"""
    command = [sys.executable, "-c", script, str(workspace.root)]
    askers = [subprocess.Popen(command, cwd=Path(__file__).parents[2]) for _ in range(3)]
    assert [asker.wait(60) for asker in askers] == [0] * 3
    with State.open(workspace) as state:
        assert verify(state) == 45


def test_a_question_records_what_it_read_and_the_hash_of_what_it_answered(workspace: Workspace) -> None:
    with Question(workspace, verb="trace", arguments=["a"], case_id="K-1", purpose="seizure") as question:
        question.read("sha256:01")
        question.read("sha256:01")
        question.read("bitcoin@4312")
        question.answered(b"answer")
    with State.open(workspace) as state:
        (entry,) = entries(state, "K-1")
    assert json.loads(entry.inputs) == ["sha256:01", "bitcoin@4312"]
    assert entry.output == hashlib.sha256(b"answer").hexdigest()
    assert (entry.outcome, entry.purpose) == ("answered", "seizure")


@pytest.mark.parametrize(("answer", "error", "outcome"), [
    (b"", None, "unanswered"),
    (b"", BadBlock("x"), "failed:4"),
    (b"", KeyboardInterrupt(), "failed:130"),
    (b"x", BadBlock("x"), "answered:4"),
])  # fmt: skip
def test_a_question_leaves_its_line_however_it_ends(
    workspace: Workspace, answer: bytes, error: BaseException | None, outcome: str
) -> None:
    def run() -> None:
        with Question(workspace, verb="trace", arguments=[], case_id="", purpose="") as question:
            if answer:
                question.answered(answer)
            if error:
                raise error

    if error is None:
        run()
    else:
        with pytest.raises(type(error)):
            run()
    with State.open(workspace) as state:
        assert [entry.outcome for entry in entries(state)] == [outcome]
        assert verify(state) == 1


def test_an_answer_that_ctrl_c_cut_short_is_logged_with_its_exit_code(workspace: Workspace) -> None:
    with Question(workspace, verb="trace", arguments=[], case_id="", purpose="") as question:
        question.answered(b"partial", 130)
    with State.open(workspace) as state:
        assert [entry.outcome for entry in entries(state)] == ["answered:130"]


@pytest.mark.parametrize(("given", "kept"), [
    ("core:http://alice:s3cr3t@node:8332", "core:http://***@node:8332"),
    ("http://alice:p@ss/word@node/", "http://***@node/"),
    ("http://tokenonly@node/", "http://***@node/"),
    ("esplora:https://x.org/api?api_key=s3cr3t&a=1", "esplora:https://x.org/api?api_key=***&a=1"),
    ("--rpc-password=s3cr3t", "--rpc-password=***"),
    ("4a5e@1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "4a5e@1BoatSLRHtKNngkdXEeobR76b53LETtpyT"),
    ("simulation:market?seed=1&txs=20000", "simulation:market?seed=1&txs=20000"),
])  # fmt: skip
def test_secrets_never_reach_the_log(given: str, kept: str) -> None:
    assert mask([given]) == [kept]


def test_the_value_after_a_secret_option_is_masked() -> None:
    assert mask(["--rpc-password", "s3cr3t", "--hops", "5"]) == ["--rpc-password", "***", "--hops", "5"]
