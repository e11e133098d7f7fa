"""Claim files as rows of text: CSV and YAML, each row with the line it stands on.

Nothing is guessed: every value stays the text the file holds (YAML too: no dates, no booleans, no octals),
and every row that cannot be taken as a row of texts is a rejection with its line and reason.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import yaml

from tracer.errors import SourceUnavailable
from tracer.intel.claims import Rejection, clean

SUFFIXES = (".csv", ".yaml", ".yml")
ABOUT_THE_FILE = frozenset({"title", "creator", "description"})
"""Header fields of a YAML list that speak of the file, not of its rows."""
_NULL = ("", "~", "null", "Null", "NULL")
_SHOWN = 300


@dataclass
class Rows:
    """What one file holds. `rows` are (line, texts by field); a line counts from 1."""

    file: str
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        """Keep a bad row's place and reason; the reason is made safe to show."""
        shown = clean(reason)
        self.rejections.append(
            Rejection(self.file, line, shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}...")
        )


def claim_files(paths: Iterable[Path]) -> list[Path]:
    """The files behind some paths, each once; a folder is taken recursively (`*.csv`, `*.yaml`, `*.yml`).

    Raises `SourceUnavailable` for a path that is not there and for a folder without such files.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file()]
            if not inside:
                raise SourceUnavailable(f"{path} holds no .csv, .yaml or .yml file.")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise SourceUnavailable(f"{path} is not there.")
    return list(found)


def read_rows(path: Path, list_key: str, columns: Collection[str]) -> Rows:
    """Read one file. `list_key` names the list in a YAML mapping; `columns` are the fields a row may have.

    A file that cannot be read as a whole is one rejection. Raises `SourceUnavailable` where the file cannot
    be opened.
    """
    found = Rows(str(path))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceUnavailable(f"cannot read {path}: {error.strerror}.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found.reject(
            line, f"the file is not UTF-8 (byte {error.start}); save it as UTF-8. Nothing was taken."
        )
        return found
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        found.reject(1, f"the file is none of {', '.join(SUFFIXES)}")
    elif not text.strip():
        found.reject(1, "the file is empty")
    elif suffix == ".csv":
        _csv(text, columns, found)
    else:
        _yaml(text, list_key, found)
    return found


def _csv(text: str, columns: Collection[str], found: Rows) -> None:
    csv.field_size_limit(1 << 24)
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
            header = [name.strip() for name in values]
            if not set(header) & set(columns):
                found.reject(line, f"the first line names no column; known are {', '.join(columns)}")
                return
            if len(set(header)) < len(header):
                found.reject(line, "the first line names a column twice")
                return
        elif len(values) != len(header):
            found.reject(line, f"{len(values)} fields where the header has {len(header)}")
        else:
            found.rows.append((line, dict(zip(header, values, strict=True))))


def _yaml(text: str, list_key: str, found: Rows) -> None:
    try:
        _YamlList(text, list_key, found).read()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        found.rows.clear()
        found.rejections.clear()
        found.reject(mark.line + 1 if mark else 1, f"the file is no YAML: {reason}. Nothing was taken.")


DEEPEST = 50
"""Nesting that no claim file needs."""


class _YamlList:
    """Walks the parser's events, so that a large list needs no tree in memory.

    A list of mappings, or a mapping of header fields, which rows inherit, and one list of mappings.
    """

    def __init__(self, text: str, list_key: str, found: Rows) -> None:
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
        self._list_key = list_key
        self._found = found
        self._header: dict[str, str] = {}
        self._header_problem = ""

    def read(self) -> None:
        """Read the document to its end: what is not YAML further down must not go unnoticed."""
        seen = False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    self._found.reject(_line(event), "a second YAML document was not read")
                    self._skip(next(self._events))
                else:
                    self._document(next(self._events))
                seen = True
        rows = self._found.rows
        if self._header_problem:
            for line, _ in rows:
                self._found.reject(line, self._header_problem)
            rows.clear()
        elif self._header:
            rows[:] = [(line, {**self._header, **row}) for line, row in rows]

    def _document(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.SequenceStartEvent):
            self._rows()
            return
        line = _line(event)
        if not isinstance(event, yaml.MappingStartEvent):
            self._skip(event)
            self._found.reject(line, f"neither a list nor a mapping with a list {self._list_key!r}")
            return
        has_list = False
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            name, value = self._name(key), next(self._events)
            if name == self._list_key and isinstance(value, yaml.SequenceStartEvent) and not has_list:
                has_list = True
                self._rows()
            elif name in ABOUT_THE_FILE:
                self._skip(value)
            else:
                self._header_problem = self._put(self._header, name, value) or self._header_problem
        if not has_list:
            self._found.reject(line, f"there is no list {self._list_key!r}")

    def _rows(self) -> None:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.MappingStartEvent):
                self._skip(event)
                self._found.reject(line, "the row is no mapping of fields to texts")
                continue
            row: dict[str, str] = {}
            problem = ""
            while not isinstance(key := next(self._events), yaml.MappingEndEvent):
                problem = self._put(row, self._name(key), next(self._events)) or problem
            if problem:
                self._found.reject(line, problem)
            else:
                self._found.rows.append((line, row))

    def _put(self, row: dict[str, str], name: str, value: yaml.Event) -> str:
        """Take one field; returns what is wrong with it, or nothing."""
        if not isinstance(value, yaml.ScalarEvent):
            self._skip(value)
            return f"field {name!r} is no single text"
        if name in row:
            return f"field {name!r} stands twice"
        row[name] = "" if value.implicit[0] and value.value in _NULL else value.value
        return ""

    def _name(self, event: yaml.Event) -> str:
        if isinstance(event, yaml.ScalarEvent):
            name: str = event.value
            return name
        self._skip(event)
        return "?"

    def _skip(self, event: yaml.Event) -> None:
        """Read past one value, however deep."""
        depth = 0
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEEPEST:  # a parser's time grows with the square of the depth
                    raise yaml.YAMLError(f"values are nested more than {DEEPEST} deep")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = next(self._events)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
