"""Files one process owns: readers see what was there when they began, one writes, all is let go of at the end."""

from __future__ import annotations

import threading
from pathlib import Path

import polars as pl
import pytest

from tracer import owned
from tracer.db import Database, WrongStatement, settings
from tracer.errors import StoreBusy


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Database(tmp_path / "c.duckdb") as db:
        db.run("CREATE TABLE t AS SELECT range AS i FROM range(10)")
    return tmp_path / "c.duckdb"


def count(db: Database) -> int:
    found: int = db.value("SELECT count(*) FROM t")
    return found


def test_a_reader_sees_what_was_there_when_it_began(path: Path) -> None:
    with owned.owning(path.parent, settings(None, None), 5):
        with Database(path, read_only=True) as reader:
            assert (reader.shared, count(reader)) == (True, 10)
            with Database(path) as writer:
                writer.run("DELETE FROM t WHERE i < 5")
                writer.run("CREATE TABLE other AS SELECT 1 AS i")
                writer.run("ALTER TABLE t ADD COLUMN j INTEGER")
            assert count(reader) == 10
            assert reader.polars("SELECT * FROM t ORDER BY i").columns == ["i"]
        with Database(path, read_only=True) as reader:
            assert count(reader) == 5
            assert reader.value("SELECT count(*) FROM other") == 1


def test_a_reader_has_tables_of_its_own_and_writes_nothing(path: Path) -> None:
    with owned.owning(path.parent, settings(None, None), 5):
        with Database(path, read_only=True) as one, Database(path, read_only=True) as other:
            one.run("CREATE TEMP TABLE mine AS SELECT * FROM t WHERE i > 3")
            with one.transaction(), one.table("lent", pl.DataFrame({"i": [4, 5]})):
                assert one.value("SELECT count(*) FROM mine JOIN lent USING (i)") == 2
            with one.lean("64MB"):
                assert one.value("SELECT count(*) FROM mine") == 6
            with pytest.raises(WrongStatement, match="mine"):
                other.run("SELECT * FROM mine")
            with pytest.raises(WrongStatement, match="read-only"):
                one.run("DELETE FROM t")
        with Database(path, read_only=True) as reader:
            assert count(reader) == 10


def test_one_writes_at_a_time_and_who_fails_leaves_nothing(path: Path) -> None:
    with owned.owning(path.parent, settings(None, None), 5):
        before = owned.writes(path)
        with Database(path) as writer:
            with pytest.raises(StoreBusy, match="held by another"):
                Database(path, wait_seconds=0.1)
            with pytest.raises(ZeroDivisionError), writer.transaction():
                writer.run("DELETE FROM t")
                raise ZeroDivisionError
        assert owned.writes(path) == before + 1
        with Database(path) as writer:
            writer.run("BEGIN TRANSACTION")
            writer.run("DELETE FROM t")  # and it is closed
        with Database(path, read_only=True) as reader:
            assert count(reader) == 10


def test_a_statement_is_stopped_from_another_thread(path: Path) -> None:
    with owned.owning(path.parent, settings(None, None), 5), Database(path, read_only=True) as reader:
        stop = threading.Timer(0.3, reader.interrupt)
        stop.start()
        with pytest.raises(KeyboardInterrupt):
            reader.rows("SELECT sum(a.range * b.range % 7) FROM range(1000000) a, range(1000000) b")
        stop.join()


def test_new_files_are_owned_and_others_are_not(path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with owned.owning(path.parent, settings(None, None), 5):
        with Database(path.parent / "new.duckdb") as db:
            db.run("CREATE TABLE t (i INTEGER)")
            assert db.shared
        with Database(elsewhere / "c.duckdb") as db:
            assert not db.shared
    with Database(path.parent / "new.duckdb", read_only=True) as db:
        assert (db.shared, count(db)) == (False, 0)


def test_a_file_that_another_keeps_is_not_waited_for_for_ever(path: Path) -> None:
    import subprocess
    import sys

    holder = subprocess.Popen(
        [sys.executable, "-c", "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('has it', flush=1); input()",
         str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"has it\n"
    with (
        pytest.raises(StoreBusy, match="held by another"),
        owned.owning(path.parent, settings(None, None), 0.2),
    ):
        pass
    holder.communicate(b"\n")
    with owned.owning(path.parent, settings(None, None), 5), Database(path, read_only=True) as reader:
        assert count(reader) == 10
