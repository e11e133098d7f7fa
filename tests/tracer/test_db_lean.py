"""Reading once in order: little of the store stays in memory, and afterwards the limit is as it was."""

import os
from pathlib import Path

import pytest

from tracer.db import Database

LIMIT = "SELECT current_setting('memory_limit')"


def test_the_limit_holds_for_the_block_and_is_put_back(tmp_path: Path) -> None:
    with Database(tmp_path / "a.duckdb") as db:
        before = db.value(LIMIT)
        with db.lean("64MB"):
            assert db.value(LIMIT) == "61.0 MiB"
        assert db.value(LIMIT) == before


def test_the_limit_is_put_back_after_an_error(tmp_path: Path) -> None:
    with Database(tmp_path / "a.duckdb") as db:
        before = db.value(LIMIT)
        with pytest.raises(ZeroDivisionError), db.lean("64MB"):
            _ = 1 // 0
        assert db.value(LIMIT) == before


def test_a_limit_that_somebody_chose_stays(tmp_path: Path) -> None:
    with Database(tmp_path / "a.duckdb", memory="128MB") as db:
        chosen = db.value(LIMIT)
        with db.lean("64MB"):
            assert db.value(LIMIT) == chosen


def test_nothing_is_limited_where_nothing_can_be_spilled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB spills beside the file; a store on a medium that is only read has no room there."""
    with Database(tmp_path / "a.duckdb") as db:
        before = db.value(LIMIT)
        monkeypatch.setattr("os.access", lambda _path, mode: mode != os.W_OK)
        with db.lean("64MB"):
            assert db.value(LIMIT) == before
