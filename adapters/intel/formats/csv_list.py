"""Our own CSV of tags, actors or services: the first line names the fields (docs/formats.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.intel.build import KNOWN
from adapters.intel.csvtext import records, unescaped
from adapters.intel.found import Found, Rows, Unreadable
from tracer.intel.claims import ClaimKind

_HEAD = 1 << 16
_PROSE = frozenset({"context", "note"})
"""Columns whose texts may hold line breaks."""
_TELLING: dict[ClaimKind, frozenset[str]] = {
    "tags": frozenset({"address"}),
    "actors": frozenset({"id", "label"}),
    "vasps": frozenset({"vasp_id"}),
}
"""Columns that tell what a table is about."""


@dataclass(frozen=True)
class CsvList:
    """A table of one kind of claim."""

    kind: ClaimKind

    def recognise(self, path: Path, text: str) -> bool:
        """A first line with the columns that only this kind has."""
        del path
        _, header, problem = next(records(text[:_HEAD]), (0, [], ""))
        return not problem and _TELLING[self.kind] <= {cell.strip() for cell in header}

    def rows(self, text: str, found: Found) -> Rows:
        """One row a line; a line that has not the header's number of fields is rejected."""
        header: list[str] = []
        for line, cells, problem in records(text, _PROSE):
            if not header:
                header = self._header(line, cells, problem)
            elif problem:
                found.reject(line, problem)
            else:
                yield line, dict(zip(header, map(unescaped, cells), strict=True))

    def _header(self, line: int, values: list[str], problem: str) -> list[str]:
        if problem:
            raise Unreadable(line, problem)
        header, known = [name.strip() for name in values], KNOWN[self.kind]
        if not set(header) & set(known):
            raise Unreadable(line, f"the first line names no column; known are {', '.join(known)}")
        if len(set(header)) < len(header):
            raise Unreadable(line, "the first line names a column twice")
        return header


BY_KIND = {kind: CsvList(kind) for kind in _TELLING}
