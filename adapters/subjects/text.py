"""Subjects as text in UTF-8: CSV with a header row, or one subject a line. A file or a pipe, read once, in pieces."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from adapters.subjects.table import HINT, columns_of, no_column, once
from tracer.errors import BadBatch, SourceUnavailable
from tracer.screening.subjects import Row

PARQUET = b"PAR1"
"""How a Parquet file begins."""
_SEPARATORS = ",;\t|"
_LONGEST = 1 << 20
"""(P) A line of more bytes is no row."""
_TOO_LONG = f"the line has more than {_LONGEST >> 20} MB."
_MOST_LINES = 20
"""(P) Lines over which a cell in quotes may go on."""
_Line = tuple[int, str | None]
"""Number of a line from 1, and its text; None where it is too long."""


class TextTable:
    """A table as text. `size` in bytes, 0 where it is not known; `name` is what messages call it."""

    def __init__(self, file: BinaryIO, name: str, size: int = 0) -> None:
        self._file, self._name, self._size = file, name, size
        self._digest, self._read = hashlib.sha256(), 0
        self._lines = 0

    def progress(self) -> tuple[int, int]:
        """Bytes."""
        return self._read, self._size

    def sha256(self) -> str:
        """Of what was read."""
        return self._digest.hexdigest()

    def rows(self) -> Iterator[Row]:
        """The first line that is not blank says whether it is a table or a list."""
        lines = self._text()
        number, first = next(((n, text) for n, text in lines if text is None or text.strip()), (0, ""))
        if first is None:
            raise BadBatch(f"{self._name}, line {number}: {_TOO_LONG}", hint=HINT)
        if not first:
            raise BadBatch(f"{self._name} is empty.", hint=HINT)
        separator = next((mark for mark in _SEPARATORS if columns_of(_cells(first, mark)) is not None), None)
        if separator is not None:
            yield from self._table(chain([(number, first)], lines), separator)
            return
        if any(mark in first for mark in _SEPARATORS):
            raise no_column(self._name, first)
        yield from self._list(chain([(number, first)], lines))

    def _table(self, lines: Iterator[_Line], separator: str) -> Iterator[Row]:
        columns: Sequence[str | None] | None = None
        for line, cells in records(lines, separator):
            if isinstance(cells, str):
                yield Row(line, {}, cells)
            elif columns is None:
                columns = columns_of(cells) or []
                once(self._name, line, columns)
            elif any(cell.strip() for cell in cells):
                yield _row(line, columns, cells)

    def _list(self, lines: Iterator[_Line]) -> Iterator[Row]:
        for number, text in lines:
            if text is None:
                yield Row(number, {}, _TOO_LONG)
            elif text.strip():
                yield Row(number, {"subject": text.strip()})

    def _text(self) -> Iterator[_Line]:
        """Lines as text, None for one that is too long; bytes that are no UTF-8 stay as marks, so that their row alone
        is refused.
        """
        while raw := self._piece():
            self._lines += 1
            if len(raw) > _LONGEST:
                while len(raw) > _LONGEST and not raw.endswith(b"\n"):
                    raw = self._piece()
                yield self._lines, None
                continue
            text = raw.decode("utf-8", "surrogateescape")
            if self._lines == 1:
                if raw.startswith(PARQUET):
                    raise BadBatch(
                        f"{self._name} is Parquet, which cannot be read from a pipe.",
                        hint="Give --file FILE.",
                    )
                if b"\0" in raw or any(0xDC80 <= ord(letter) <= 0xDCFF for letter in text):
                    raise BadBatch(f"{self._name} is no text in UTF-8.", hint="Save it as CSV in UTF-8.")
                text = text.removeprefix("\ufeff")
            yield self._lines, text

    def _piece(self) -> bytes:
        """A line, or as much of it as is held at once; empty at the end."""
        try:
            raw = self._file.readline(_LONGEST + 1)
        except OSError as error:
            raise SourceUnavailable(f"cannot read {self._name}: {error.strerror}.") from error
        self._digest.update(raw)
        self._read += len(raw)
        return raw


def records(lines: Iterator[_Line], separator: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each record with the line it begins in: its cells, or why it is none.

    A cell in quotes may go over some lines. A quote that is not closed soon is a mistake of its own line: the lines
    behind it are records of their own.
    """
    back: list[_Line] = []  # lines to be read again, the next one last
    while (one := back.pop() if back else next(lines, None)) is not None:
        number, text = one
        if text is None:
            yield number, _TOO_LONG
            continue
        taken: list[_Line] = []
        cells, whole = _record(text, separator), text
        while cells is None and len(taken) < _MOST_LINES and len(whole) < _LONGEST:
            more = back.pop() if back else next(lines, None)
            if more is None:
                break
            taken.append(more)
            if more[1] is None:
                break
            whole += more[1]
            if '"' in more[1]:
                cells = _record(whole, separator)
        if cells is None or (taken and isinstance(cells, str)):
            back += reversed(taken)
            cells = "this is no CSV (a quote that is not closed)."
        yield number, cells


def _record(text: str, separator: str) -> list[str] | str | None:
    """The cells of a line; why it has none; None where a quote is open at its end."""
    reader = csv.reader([text], delimiter=separator, strict=True)
    try:
        return next(reader, [])
    except csv.Error as error:
        return None if "unexpected end of data" in str(error) else f"this is no CSV ({error})."


def _cells(header: str, separator: str) -> list[str]:
    return [cell.strip().strip('"') for cell in header.split(separator)]


def _row(line: int, columns: Sequence[str | None], cells: Sequence[str]) -> Row:
    if len(cells) != len(columns):
        return Row(line, {}, f"{len(cells)} cells where the header has {len(columns)}.")
    named = zip(columns, cells, strict=True)
    return Row(line, {column: cell for column, cell in named if column is not None and cell.strip()})
