"""Rows of a format taken without a reader: what a module says by itself."""

from __future__ import annotations

from pathlib import Path

from adapters.intel.formats import Format
from adapters.intel.found import Found, Row


def drain(known: Format, text: str, file: str | Path, **defaults: str) -> tuple[list[Row], Found]:
    """(rows with their lines, what was found) of a text that the format recognises."""
    assert known.recognise(Path(file), text)
    found = Found(str(file), defaults=defaults)
    return list(known.rows(text, found)), found


def reasons(found: Found) -> dict[int, str]:
    """Why rows were rejected, by line."""
    return {rejection.line: rejection.reason for rejection in found.rejections}
