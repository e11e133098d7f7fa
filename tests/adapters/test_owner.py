"""The socket of a store's owner: what goes through it comes out the same; visitors come, ask, leave and are told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.owner import wire
from adapters.owner.door import Door
from adapters.owner.listening import is_local, listen
from adapters.owner.visitor import Socket
from tracer import owned, owners
from tracer.db import Database, settings
from tracer.errors import StoreBusy, UsageError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**38), 10**38) | st.text() | st.binary()
    | st.decimals(allow_nan=False, allow_infinity=False) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(VALUES, max_size=6), st.binary(max_size=200))
def test_a_frame_comes_out_as_it_went_in(values: list[Any], piece: bytes) -> None:
    one, other = socket.socketpair()
    with one, other:
        wire.send(one, {"values": values}, piece)
        found = wire.receive(other)
    assert found is not None
    assert (found[0]["values"], bytes(found[1])) == (values, piece)


def test_of_a_frame_that_is_cut_nothing_is_read() -> None:
    one, other = socket.socketpair()
    with one, other:
        wire.send(one, {"values": [1, 2, 3]}, b"piece")
        whole = other.recv(1 << 16)
        for size in range(len(whole)):
            left, right = socket.socketpair()
            with right:
                left.sendall(whole[:size])
                left.close()
                assert wire.receive(right) is None


@contextmanager
def own(folder: Path, engine: str = "1") -> Iterator[Door]:
    """A process that owns the chains of a workspace: this one, which visits itself."""
    (folder / "chains").mkdir(parents=True, exist_ok=True)

    def opened(name: str, read_only: bool, wait: float) -> Database:
        return Database(folder / "chains" / f"{name}.duckdb", read_only=read_only, wait_seconds=wait)

    with owned.owning(folder / "chains", settings(None, None), 5):
        door = Door(folder, opened, engine)
        door.start()
        try:
            yield door
        finally:
            door.stop()


def visit(
    folder: Path, *, read_only: bool = True, wait_seconds: float = 5, engine: str = "1"
) -> owners.Connection:
    found = Socket(engine).knock(
        folder / "chains" / "c.duckdb", read_only=read_only, wait_seconds=wait_seconds
    )
    assert found is not None
    return found


def asked(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """The answer to one visit."""
    theirs = visit(folder)
    try:
        return theirs.rows(sql)
    finally:
        theirs.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "chains").mkdir()
    with Database(tmp_path / "chains" / "c.duckdb") as db:
        db.run("CREATE TABLE t AS SELECT range AS i, (range * 7)::HUGEINT AS big FROM range(300000)")
    return tmp_path


TYPES = """
SELECT 1::TINYINT AS a, 2::UBIGINT AS b, 12345678901234567890123456789012345678::DECIMAL(38,0) AS c, 'x\u00e9' AS d,
       '\\x00\\xff'::BLOB AS e, NULL AS f, [1, 2]::INTEGER[] AS g, {'k': 'v'} AS h, TRUE AS i, 1.5::DOUBLE AS j,
       170141183460469231731687303715884105727::HUGEINT AS k, DATE '2020-02-03' AS l,
       TIMESTAMP '2020-02-03 04:05:06' AS m
"""


def test_every_type_is_the_same_on_both_sides(folder: Path) -> None:
    with own(folder), Database(folder / "chains" / "c.duckdb", read_only=True) as mine:
        theirs = visit(folder)
        assert theirs.rows(TYPES) == mine.rows(TYPES)
        assert theirs.arrow(TYPES).equals(mine.arrow(TYPES))
        ordered = "SELECT * FROM t WHERE i % $every = 0 ORDER BY i"
        assert theirs.arrow(ordered, {"every": 3}).equals(mine.arrow(ordered, {"every": 3}))
        assert theirs.rows("SELECT sum(big) FROM t") == mine.rows("SELECT sum(big) FROM t")
        nothing = theirs.arrow("SELECT i FROM t WHERE i < 0")
        assert (nothing.num_rows, nothing.schema.names) == (0, ["i"])
        theirs.close()


def test_rows_come_in_batches_that_may_be_left(folder: Path) -> None:
    with own(folder):
        theirs = visit(folder)
        _, batches = theirs.batches("SELECT i FROM t ORDER BY i", None, 10_000)
        assert next(batches).num_rows <= 10_240
        assert theirs.rows("SELECT count(*) FROM t") == [(300_000,)]
        _, batches = theirs.batches("SELECT i FROM t ORDER BY i", None, 10_000)
        assert [i for batch in batches for i in batch["i"].to_pylist()] == list(range(300_000))
        theirs.close()


def test_tables_are_lent_and_taken_back(folder: Path) -> None:
    with own(folder):
        theirs = visit(folder)
        table = pa.table({"i": [1, 5, None]})
        theirs.register("asked", table)
        assert theirs.rows("SELECT t.i FROM t JOIN asked USING (i) ORDER BY 1") == [(1,), (5,)]
        theirs.unregister("asked")
        reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
        theirs.register("asked", reader)
        assert theirs.rows("SELECT count(*) FROM asked") == [(3,)]
        with pytest.raises(RuntimeError, match="nonsense"):
            theirs.rows("SELECT nonsense FROM asked")
        theirs.close()


def test_what_was_not_committed_goes_with_the_visitor(folder: Path) -> None:
    with own(folder):
        writer = visit(folder, read_only=False)
        writer.run("BEGIN TRANSACTION")
        writer.run("DELETE FROM t")
        with pytest.raises(StoreBusy, match="held by another"):
            visit(folder, read_only=False, wait_seconds=0.2)
        assert asked(folder, "SELECT count(*) FROM t") == [(300_000,)]
        writer.close()
        again = visit(folder, read_only=False)
        assert again.rows("SELECT count(*) FROM t") == [(300_000,)]
        again.close()


def test_a_visitor_that_goes_stops_what_runs_for_it(folder: Path) -> None:
    with own(folder) as door:
        theirs = visit(folder)
        said: list[str] = []

        def ask() -> None:
            with pytest.raises(StoreBusy) as told:
                theirs.rows("SELECT sum(a.i * b.i % 7) FROM t a, t b")
            said.append(str(told.value))

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.3)
        began = time.monotonic()
        theirs.interrupt()
        asking.join()
        assert len(said) == 1
        while door.visitors:
            assert time.monotonic() - began < 10
            time.sleep(0.01)


def test_who_stops_tells_its_visitors(folder: Path) -> None:
    with own(folder):
        theirs = visit(folder)
    with pytest.raises(StoreBusy, match="stopped while this ran"):
        theirs.rows("SELECT 1")
    assert Socket("1").knock(folder / "chains" / "c.duckdb", read_only=True, wait_seconds=1) is None


def test_another_version_and_another_folder_are_refused(folder: Path) -> None:
    with own(folder, engine="2"):
        with pytest.raises(StoreBusy, match="is tracer 2, and this is tracer 1"):
            visit(folder)
        with pytest.raises(UsageError, match="no chain"):
            Socket("2").knock(folder / "chains" / "...duckdb", read_only=True, wait_seconds=1)


def test_a_workspace_far_down_is_owned_too(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    with own(folder):
        writer = visit(folder, read_only=False)
        writer.run("CREATE TABLE t (i INTEGER)")
        writer.close()
        assert asked(folder, "SELECT count(*) FROM t") == [(0,)]
    assert not (folder / wire.SOCKET).exists()


def test_the_socket_is_its_owners_alone_and_that_of_the_dead_is_nobodys(folder: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(folder / wire.SOCKET))
    dead.close()
    assert not Socket("1").answers(folder / "chains" / "c.duckdb")
    with own(folder):
        assert (folder / wire.SOCKET).stat().st_mode & 0o777 == 0o600
        assert Socket("1").answers(folder / "chains" / "c.duckdb")


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("[::1]", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.168.0.1", False), ("localhost.evil", False), ("", False)],
)  # fmt: skip
def test_only_this_machine_is_local(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(StoreBusy, match=f"port {port}"):
            listen("127.0.0.1", port)


def test_times_keep_their_zone() -> None:
    one, other = socket.socketpair()
    moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    with one, other:
        wire.send(one, {"values": [moment, date(2020, 1, 2), Decimal("1.50")]})
        found = wire.receive(other)
    assert found is not None
    assert found[0]["values"] == [moment, date(2020, 1, 2), Decimal("1.50")]
