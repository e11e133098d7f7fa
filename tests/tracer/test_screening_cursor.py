"""Where a batch stands: a text that goes on from there, and from nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer.errors import BadCursor
from tracer.screening.cursor import VALID_SECONDS, Cursor, check, read
from tracer.screening.subjects import Row

NOW = 1_700_000_000
START = Cursor.start(NOW, {"policy": "p", "own": []}, f"sha256:{'ab' * 32}")
ROWS = st.lists(
    st.builds(Row, st.integers(1, 99), st.dictionaries(st.sampled_from("ab"), st.text())), max_size=5
)


def behind(rows: list[Row]) -> Cursor:
    cursor = START
    for row in rows:
        cursor = cursor.after(row)
    return cursor


@given(ROWS)
def test_a_cursor_is_read_back_whole(rows: list[Row]) -> None:
    cursor = behind(rows)
    assert read(cursor.text) == cursor
    assert read(f" {cursor.text}\n") == cursor
    assert cursor.rows == len(rows)


@given(ROWS, ROWS)
def test_cursors_of_different_rows_differ(first: list[Row], second: list[Row]) -> None:
    assert (behind(first) == behind(second)) == (
        [(r.line, dict(r.cells)) for r in first] == [(r.line, dict(r.cells)) for r in second]
    )


@given(st.integers(0, 107), st.characters(codec="ascii"))
def test_a_cursor_with_a_wrong_letter_is_refused(place: int, letter: str) -> None:
    text = behind([Row(1, {"a": "x"})]).text
    wrong = text[: place % len(text)] + letter + text[place % len(text) + 1 :]
    try:
        found = read(wrong)
    except BadCursor:
        return
    assert found == read(text)  # nothing but white space, or padding bits that mean nothing


@pytest.mark.parametrize("text", ["", "x", "t" * 40, START.text[:-1], START.text + "A", "é", "=" * 80])
def test_what_is_no_cursor_says_where_to_find_one(text: str) -> None:
    with pytest.raises(BadCursor, match=r"batch\.cursor of the last whole line"):
        read(text)


def test_a_cursor_goes_on_for_a_week() -> None:
    check(START, START, NOW + VALID_SECONDS)
    with pytest.raises(BadCursor, match="expired: its batch was begun 8 days ago"):
        check(START, START, NOW + VALID_SECONDS + 86_400)


@pytest.mark.parametrize("other", [{"policy": "q", "own": []}, {"policy": "p", "own": ["acme"]}])
def test_a_cursor_goes_on_with_the_same_question_alone(other: dict[str, object]) -> None:
    asked = Cursor.start(NOW, other, START.snapshot)
    with pytest.raises(BadCursor, match="another question"):
        check(replace(START, rows=3), asked, NOW)
