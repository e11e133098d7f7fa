"""Readers hold a file for moments where somebody waits to write, and as long as they like where nobody does."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from tracer import turns
from tracer.db import Database
from tracer.errors import StoreBusy, StoreDamaged, StoreUnwritable
from tracer.opening import Reading
from tracer.owned import Local

WRITE = """
    from pathlib import Path
    from tracer.db import Database
    with Database(Path(sys.argv[1])) as db:
        db.run("INSERT INTO t SELECT max(i) + 1 FROM t")
        time.sleep(0.2)
    print(f"{time.monotonic() - began:.2f}", flush=True)
"""
READ = """
    from pathlib import Path
    from tracer.db import Database
    class User:
        def leaving(self): pass
        def returned(self): pass
        def closed(self): pass
    with Database(Path(sys.argv[1]), read_only=True) as db:
        db.gives_way(User())
        db.run("CREATE TEMP TABLE mine AS SELECT 42 AS i")
        print("reading", flush=True)
        while time.monotonic() < began + float(sys.argv[2]):
            assert db.value("SELECT i FROM mine") == 42
            db.value("SELECT count(*) FROM t")
"""


OPEN = """
import duckdb, sys
try:
    duckdb.connect(sys.argv[1]).close()
except duckdb.IOException:
    sys.exit(3)
"""
"""Knows nothing of turns."""


class User:
    """A reader that does not mind what it sees when it comes back."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def leaving(self) -> None:
        self.said.append("leaving")

    def returned(self) -> None:
        self.said.append("returned")

    def closed(self) -> None:
        self.said.append("closed")


def process(code: str, *arguments: object) -> subprocess.Popen[str]:
    program = "import sys, time\nbegan = time.monotonic()\n" + textwrap.dedent(code)
    words = [sys.executable, "-c", program, *(str(argument) for argument in arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])


def waited(writer: subprocess.Popen[str]) -> float:
    """How long a process needed to begin, wait its turn and write."""
    out, _ = writer.communicate(timeout=60)
    assert writer.returncode == 0
    return float(out)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.duckdb"
    with Database(path) as db:
        db.run("CREATE TABLE t AS SELECT range AS i FROM range(1_000)")
    return path


@contextmanager
def reader(file: Path, user: turns.User | None = None) -> Iterator[Database]:
    with Database(file, read_only=True) as db:
        if user is not None:
            db.gives_way(user)
        yield db


def test_a_writer_is_let_in_between_two_statements_and_everything_of_the_readers_stays(file: Path) -> None:
    user = User()
    frame = pl.DataFrame({"i": [1, 2]})
    with reader(file, user) as db, db.table("wanted", frame), db.lean("64MB"):
        db.run("CREATE TEMP TABLE mine AS FROM wanted")
        db.run("SET VARIABLE x = 7")
        writer = process(WRITE, file)
        while writer.poll() is None:
            db.value("SELECT count(*) FROM t")
        assert db.value("SELECT count(*) FROM t") == 1_001
        assert db.rows("SELECT i, getvariable('x') FROM mine JOIN wanted USING (i) ORDER BY i") == [
            (1, 7),
            (2, 7),
        ]
        assert db.value("SELECT current_setting('memory_limit')") == "61.0 MiB"
        assert waited(writer) < 20
    assert user.said == ["leaving", "returned", "closed"]


def test_a_writer_is_let_in_while_a_reader_computes(file: Path) -> None:
    with reader(file, User()) as db:
        assert db.value("SELECT count(*) FROM t") == 1_000
        writer = process(WRITE, file)
        assert waited(writer) < 20  # this process asks nothing meanwhile
        assert db.value("SELECT count(*) FROM t") == 1_001


def test_nobody_asks_on_a_connection_that_forgets_a_table(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who lets go asks what its answer stands on, on the same connection; one alone may use that at a time."""
    forgets, told = threading.Event(), list[bool]()
    forget = Local.unregister

    def slowly(self: Local, name: str) -> None:
        forgets.set()
        time.sleep(0.3)
        forget(self, name)
        forgets.clear()

    class Asking(User):
        def leaving(self) -> None:
            told.append(forgets.is_set())

    monkeypatch.setattr(Local, "unregister", slowly)
    with reader(file, Asking()) as db:
        writer = process(WRITE, file)
        while writer.poll() is None:
            with db.table("wanted", pl.DataFrame({"i": [1]})):
                pass
        assert waited(writer) < 20
    assert told == [False]


def test_a_reader_that_nobody_disturbs_keeps_the_file(file: Path) -> None:
    user = User()
    with reader(file, user) as db:
        deadline = time.monotonic() + turns.HOLD_SECONDS + 0.5
        while time.monotonic() < deadline:
            db.value("SELECT count(*) FROM t")
    assert user.said == ["closed"]


def test_several_readers_let_one_writer_in(file: Path) -> None:
    readers = [process(READ, file, 25) for _ in range(3)]
    try:
        for each in readers:
            assert each.stdout is not None
            assert each.stdout.readline() == "reading\n"
        assert [waited(process(WRITE, file)) < 20 for _ in range(2)] == [True, True]
    finally:
        for each in readers:
            each.kill()
            each.communicate()


def test_a_reader_that_dies_leaves_nothing_behind(file: Path) -> None:
    dying = process(READ, file, 60)
    assert dying.stdout is not None
    assert dying.stdout.readline() == "reading\n"
    dying.kill()
    dying.communicate()
    with Database(file, wait_seconds=1) as db:
        assert db.value("SELECT count(*) FROM t") == 1_000


def test_two_readers_of_one_process_share_the_file_and_leave_it_together(file: Path) -> None:
    """Two instances of one file in one process would free each other's lock."""
    with reader(file, User()) as first:
        with reader(file, User()) as second:
            second.run("CREATE TEMP TABLE mine AS SELECT 1 AS i")
            assert first.value("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mine'") == 0
        assert first.value("SELECT count(*) FROM t") == 1_000
        assert subprocess.run([sys.executable, "-c", OPEN, file], check=False).returncode == 3
    assert subprocess.run([sys.executable, "-c", OPEN, file], check=False).returncode == 0


def goes_away(db: Database) -> bool:
    """Whether a reader that had the file for long enough lets a writer in."""
    lease = Reading.by_path[os.path.realpath(db.path)].lease
    with turns.wanting(db.path, StoreBusy("waiting"), time.monotonic()):
        lease.glance()
        return not lease.held


def test_what_must_not_be_interrupted_is_not(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "HOLD_SECONDS", 0.0)
    monkeypatch.setattr(turns, "LOOK_SECONDS", 0.0)
    with reader(file, User()) as db:
        with db.staying():
            assert not goes_away(db)
        rows = db.stream("FROM t", batch=10)
        next(rows)
        assert not goes_away(db)
        assert sum(batch.num_rows for batch in rows) == 990
        with reader(file):
            assert not goes_away(db), "somebody reads it who cannot do without it"
        assert goes_away(db)
        assert db.value("SELECT count(*) FROM t") == 1_000


def test_who_wants_to_read_lets_a_waiting_writer_go_first(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "POLITE_SECONDS", 0.5)
    began = time.monotonic()
    with turns.wanting(file, StoreBusy("waiting"), began), reader(file) as db:
        assert time.monotonic() - began >= 0.5
        assert db.value("SELECT count(*) FROM t") == 1_000


def test_writers_stand_in_line(file: Path) -> None:
    refused = pytest.raises(StoreBusy, match="held by another tracer process")
    with turns.wanting(file, StoreBusy("first"), time.monotonic()), refused:
        Database(file, wait_seconds=0.1)
    Database(file, wait_seconds=0.1).close()


def test_where_nothing_can_be_written_reading_needs_no_lock_file(file: Path) -> None:
    (file.parent / "a.duckdb.wanted").unlink()
    with reader(file, User()) as db:
        assert not turns.wanted(file)
        assert db.value("SELECT count(*) FROM t") == 1_000
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"garbage" * 1_000, StoreDamaged),
        (b"SQLite format 3\0" + bytes(2_000), StoreDamaged),
        (None, StoreUnwritable),
    ],
)
def test_what_is_no_store_is_refused_in_our_words(
    tmp_path: Path, content: bytes | None, error: type[Exception]
) -> None:
    path = tmp_path / "a.duckdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error):
        Database(path, read_only=True)


def test_a_wrong_statement_in_a_transaction_is_what_is_said(file: Path) -> None:
    """`table` must not hide it behind what a transaction that failed refuses afterwards."""
    frame = pl.DataFrame({"i": [1]})
    with (
        Database(file) as db,
        pytest.raises(Exception, match="no_such_table"),
        db.transaction(),
        db.table("a", frame),
    ):
        db.run("FROM no_such_table")
