"""Rows of a format taken without a reader: what a module says by itself."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from adapters.intel.formats import Format
from adapters.intel.found import Found, Row

TODAY = "2026-12-01"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def drain(known: Format, text: str, file: str | Path, **defaults: str) -> tuple[list[Row], Found]:
    """(rows with their lines, what was found) of a text that the format recognises."""
    assert known.recognise(Path(file), text)
    found = Found(str(file), TODAY, defaults=defaults)
    return list(known.rows(text, found)), found


def reasons(found: Found) -> dict[int, str]:
    """Why rows were rejected, by line."""
    return {rejection.line: rejection.reason for rejection in found.rejections}
