"""Our own CSV of tags, actors or services: the first line names the fields (docs/formats.md)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from adapters.intel.build import KNOWN
from adapters.intel.found import Found, Rows, Unreadable
from tracer.intel.claims import ClaimKind

_FIELD_LIMIT = 1 << 24
_HEAD = 1 << 16
_TELLING: dict[ClaimKind, frozenset[str]] = {
    "tags": frozenset({"address"}),
    "actors": frozenset({"id", "label"}),
    "vasps": frozenset({"vasp_id"}),
}
"""Columns that tell what a table is about."""


@dataclass(frozen=True)
class CsvList:
    """A table of one kind of claim."""

    KIND: ClaimKind

    def recognise(self, path: Path, text: str) -> bool:
        """A first line with the columns that only this kind has."""
        del path
        reader = csv.reader(StringIO(text[:_HEAD], newline=""))
        try:
            header = next((row for row in reader if any(cell.strip() for cell in row)), [])
        except csv.Error:
            return False
        return _TELLING[self.KIND] <= {cell.strip() for cell in header}

    def rows(self, text: str, found: Found) -> Rows:
        """One row a line; a line that has not the header's number of fields is rejected."""
        csv.field_size_limit(_FIELD_LIMIT)
        reader = csv.reader(StringIO(text, newline=""), strict=True)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                values = next(reader, None)
            except csv.Error as error:
                last = reader.line_num
                found.reject(line, f"bad quotes, lines {line} to {last} were not read: {error}")
                continue
            if values is None:
                return
            if not any(value.strip() for value in values):
                continue
            if header is None:
                header = self._header(line, values)
            elif len(values) != len(header):
                found.reject(line, f"{len(values)} fields where the header has {len(header)}")
            else:
                yield line, dict(zip(header, values, strict=True))

    def _header(self, line: int, values: list[str]) -> list[str]:
        header, known = [name.strip() for name in values], KNOWN[self.KIND]
        if not set(header) & set(known):
            raise Unreadable(line, f"the first line names no column; known are {', '.join(known)}")
        if len(set(header)) < len(header):
            raise Unreadable(line, "the first line names a column twice")
        return header


BY_KIND = {kind: CsvList(kind) for kind in _TELLING}
