"""Operational state: shared by many processes, migrated forward, and one clear line when it cannot serve."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tracer.errors import StoreBusy, StoreDamaged, StoreUnwritable
from tracer.state import MIGRATIONS, State
from tracer.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def test_opening_twice_migrates_once_and_keeps_what_is_there(workspace: Workspace) -> None:
    with State.open(workspace) as state:
        state.journal_put("bitcoin", "load", "half")
    with State.open(workspace) as state:
        assert state.journal_get("bitcoin", "load") == "half"
        assert state.rows("SELECT name FROM migration") == [(name,) for name in MIGRATIONS]
        assert state.rows("PRAGMA journal_mode") == [("wal",)]


def test_the_journal_is_kept_per_chain_and_cleared_by_key_or_whole(workspace: Workspace) -> None:
    with State.open(workspace) as state:
        for chain in ("bitcoin", "litecoin"):
            for key in ("load", "reorg"):
                state.journal_put(chain, key, f"{chain} {key}")
        state.journal_put("bitcoin", "load", "newer")
        assert state.journal_get("bitcoin", "load") == "newer"
        state.journal_clear("bitcoin", "load")
        assert state.journal_get("bitcoin", "load") is None
        assert state.journal_get("bitcoin", "reorg") == "bitcoin reorg"
        state.journal_clear("bitcoin")
        assert state.journal_get("bitcoin", "reorg") is None
        assert state.journal_get("litecoin", "load") == "litecoin load"


def test_a_failed_block_leaves_nothing_behind(workspace: Workspace) -> None:
    with State.open(workspace) as state:
        with pytest.raises(ZeroDivisionError), state.transaction():
            state.journal_put("bitcoin", "load", "half")
            _ = 1 // 0
        assert state.journal_get("bitcoin", "load") is None


def test_runs_say_what_made_a_result_and_how_it_ended(workspace: Workspace) -> None:
    with State.open(workspace) as state:
        done = state.run_start("cluster", {"tip": 4312, "rules": "sha256:00"})
        killed = state.run_start("cluster", {"tip": 4313})
        state.run_start("sync", {})
        state.run_finish(done, "complete")
        first, second = state.runs("cluster")
    assert (first.run_id, first.recipe, first.outcome) == (
        done,
        {"tip": 4312, "rules": "sha256:00"},
        "complete",
    )
    assert first.finished is not None
    assert (second.run_id, second.finished, second.outcome) == (killed, None, None)


def test_a_writer_that_holds_on_is_named_busy_after_a_while_and_readers_go_on(workspace: Workspace) -> None:
    with State.open(workspace) as holder, State.open(workspace, wait_seconds=0.1) as other:
        with holder.transaction():
            holder.journal_put("bitcoin", "load", "half")
            assert other.journal_get("bitcoin", "load") is None
            with pytest.raises(StoreBusy, match="held by another"):
                other.journal_put("bitcoin", "load", "mine")
        assert other.journal_get("bitcoin", "load") == "half"


def test_many_processes_may_open_a_new_workspace_at_once(workspace: Workspace) -> None:
    script = """
import sys
from pathlib import Path
from tracer.state import State
from tracer.workspace import Workspace
with State.open(Workspace(Path(sys.argv[1]))) as state:
    for number in range(20):
        state.journal_put("bitcoin", f"{sys.argv[2]}.{number}", "")
"""
    command = [sys.executable, "-c", script, str(workspace.root)]
    root = Path(__file__).parents[2]
    writers = [subprocess.Popen([*command, str(number)], cwd=root) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    with State.open(workspace) as state:
        assert state.rows("SELECT count(*) FROM journal") == [(80,)]


def test_a_full_disk_is_said_and_what_was_recorded_is_intact(workspace: Workspace) -> None:
    with State.open(workspace) as state:
        state.journal_put("bitcoin", "load", "half")
        pages = state.rows("PRAGMA page_count")[0][0]
        state.rows(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreUnwritable, match="is full"), state.transaction():
            state.journal_put("bitcoin", "load", "x" * 100_000)
        assert state.journal_get("bitcoin", "load") == "half"


def test_a_state_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.state.mkdir()
    with pytest.raises(StoreUnwritable, match=r"state\.sqlite"):
        State.open(workspace)


def test_a_file_that_is_no_state_is_damaged_not_overwritten(workspace: Workspace) -> None:
    workspace.ready().state.write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreDamaged):
        State.open(workspace)
    assert workspace.state.read_bytes().startswith(b"something else")


def test_a_state_of_a_newer_version_is_left_alone(workspace: Workspace) -> None:
    State.open(workspace).close()
    with closing(sqlite3.connect(workspace.state)) as connection, connection:
        connection.execute("INSERT INTO migration VALUES ('state_99', '2030-01-01')")
    with pytest.raises(StoreDamaged, match="state_99"):
        State.open(workspace)
