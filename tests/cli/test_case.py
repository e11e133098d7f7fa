"""`tracer case`: the log is shown as it stands, and says where it was changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.claims_cli import ARCHIVE, Tracer


@pytest.fixture
def tracer(tmp_path: Path) -> Tracer:
    return Tracer(tmp_path)


def test_a_workspace_where_nothing_was_asked_has_an_empty_log(tracer: Tracer) -> None:
    assert "The custody log is empty" in tracer("case", "log").out
    said = tracer("case", "verify", "--json")
    assert (said.code, said.json["entries"], said.json["head"]) == (0, 0, "0" * 64)
    assert not (tracer.folder / "w").exists()


def test_the_log_is_shown_per_case_and_verifies_against_a_noted_head(tracer: Tracer) -> None:
    tracer("tags", "list", ARCHIVE, "--case", "A")
    noted = tracer("case", "verify", "--json").json["head"]
    tracer("tags", "list", ARCHIVE, "--case", "B")
    shown = tracer("case", "log", "--case", "B")
    assert ARCHIVE in shown.out
    assert "No entry of this case." in tracer("case", "log", "--case", "C").out
    assert tracer("case", "verify", "--head", noted).out.startswith("2 entries")
    assert tracer("case", "verify", "--head", "f" * 64).code == 4


def test_an_edited_entry_is_named_with_exit_code_4_and_the_log_is_still_shown(tracer: Tracer) -> None:
    for case_id in "AB":
        tracer("tags", "list", ARCHIVE, "--case", case_id)
    with closing(sqlite3.connect(tracer.folder / "w" / "state.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER custody_no_update")
        connection.execute("UPDATE custody SET arguments = 'gone' WHERE seq = 1")
    said = tracer("case", "verify")
    assert said.code == 4
    assert "entry 1 of the custody log was changed" in said.err
    assert tracer("case", "log", "--json").json["entries"][0]["arguments"] == ["gone"]
