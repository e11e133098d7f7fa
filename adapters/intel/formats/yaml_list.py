"""YAML lists of claims: GraphSense's TagPacks and ActorPacks, and our own lists (docs/formats.md).

A mapping of header fields, which every row inherits unless it has its own, and one list of rows; or a bare list.
Nothing is guessed: a value is the text that stands there (no dates, no octals). The parser's events are read
one by one, so that a large list needs no tree in memory.

TagPack and ActorPack: graphsense-lib 2.18, `tagpack/conf/*_schema.yaml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.events import (
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from adapters.intel.formats import yaml_include
from adapters.intel.formats.yaml_values import Values, line_of
from adapters.intel.found import Found, Rows, Unreadable
from tracer.intel.claims import ClaimKind

_LISTS: tuple[ClaimKind, ...] = ("tags", "actors", "vasps")
_TELLING: dict[str, ClaimKind] = {"address": "tags", "vasp_id": "vasps", "id": "actors"}
"""Fields that tell what the rows of a bare list are about."""
_HEADER = "header"
_ABOUT_THE_FILE = frozenset({"description", "owner", "is_public"})
_OF_THE_PACK = {"title": "pack", "creator": "creator"}
_SUFFIXES_OF_OTHERS = (".csv", ".xml", ".jsonl")


@dataclass(frozen=True)
class YamlList:
    """A list of one kind of claim. Its name in the file is the kind's: `tags:`, `actors:`, `vasps:`."""

    kind: ClaimKind

    def recognise(self, path: Path, text: str) -> bool:
        """A mapping with the list of this kind, or a bare list whose first row is of this kind."""
        if path.suffix.lower() in _SUFFIXES_OF_OTHERS:
            return False
        try:
            return _kind(Values(text)) == self.kind
        except yaml.YAMLError:
            return False

    def rows(self, text: str, found: Found) -> Rows:
        """The rows with what they inherit. Raises `Unreadable` where the file is no YAML, however far down."""
        try:
            header = _header(text, self.kind, Path(found.file).parent)
            yield from _rows(text, self.kind, header, found)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
            # at the end of a text without a last line break the parser stands a line too far
            line = min(mark.line + 1, len(text.splitlines()) or 1) if mark else 1
            raise Unreadable(line, f"the file is no YAML: {reason}. Nothing was taken.") from error


BY_KIND = {kind: YamlList(kind) for kind in _LISTS}


@dataclass
class _Header:
    """What rows inherit. `whole`: all of the file was looked through for it."""

    kind: ClaimKind
    said: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    whole: bool = True

    def put(self, values: Values, name: str, value: Event | None) -> None:
        if name in _ABOUT_THE_FILE or (name in _OF_THE_PACK and self.kind == "vasps"):
            values.skip(value)
            return
        wrong = values.put(self.said, _OF_THE_PACK.get(name, name), value)
        self.problem = self.problem or wrong

    def take(self, values: Values) -> None:
        """The fields of a mapping that has begun."""
        while type(key := values.next()) is not MappingEndEvent:
            self.put(values, values.name(key), values.next())

    def include(self, folder: Path, name: str) -> None:
        """The fields of a mapping in a file of its own; where it cannot be read, no row can be taken."""
        try:
            values = Values(yaml_include.text_of(folder, name))
            if type(values.document()) is not MappingStartEvent:
                raise Unreadable(1, f"the header {name!r} is no mapping of fields to texts")
            self.take(values)
            if values.document() is not None:
                raise Unreadable(1, f"the header {name!r} holds a second YAML document")
        except Unreadable as error:
            self.problem = self.problem or error.reason
        except yaml.YAMLError:
            self.problem = self.problem or f"the header {name!r} is no YAML"


def _kind(values: Values) -> ClaimKind | None:
    """What the file lists, told by as little of it as possible."""
    event = values.document()
    if type(event) is SequenceStartEvent:
        if type(values.next()) is not MappingStartEvent:
            return None
        names, _ = values.mapping()
        return next((kind for name, kind in _TELLING.items() if name in names), None)
    if type(event) is MappingStartEvent:
        while type(key := values.next()) is not MappingEndEvent:
            name, value = values.name(key), values.next()
            for kind in _LISTS:
                if name == kind and type(value) is SequenceStartEvent:
                    return kind
            values.skip(value)
    return None


def _header(text: str, kind: ClaimKind, folder: Path) -> _Header:
    """The header fields, before the list and, where the text may have some there, after it."""
    header, values = _Header(kind), Values(text)
    top = values.document()
    if type(top) is not MappingStartEvent:
        return header
    seen = False
    while type(key := values.next()) is not MappingEndEvent:
        name, value = values.name(key), values.next()
        if name == kind and type(value) is SequenceStartEvent:
            if seen:
                raise Unreadable(line_of(key), f"a second list {kind!r}. Nothing was taken.")
            if not (top.flow_style or _may_go_on(text, key, value)):
                header.whole = False
                return header
            seen = True
            values.skip(value)
        elif name == _HEADER and type(value) is MappingStartEvent:
            header.take(values)
        elif name == _HEADER and type(value) is ScalarEvent and value.tag == yaml_include.TAG:
            header.include(folder, value.value)
        else:
            header.put(values, name, value)
    return header


def _may_go_on(text: str, key: Event | None, rows: Event) -> bool:
    """Whether a line below could hold another key of the mapping: one indented as this key and no `- ` row."""
    if key is None or key.start_mark is None or rows.start_mark is None:
        return True
    indent = key.start_mark.column
    more = re.compile(rf"[\n\r\x85\u2028\u2029][ ]{{{indent}}}(?!-[ \n\r]|[ #\n\r\x85\u2028\u2029]|\Z)")
    return more.search(text, rows.start_mark.index) is not None


def _rows(text: str, kind: ClaimKind, header: _Header, found: Found) -> Rows:
    values = Values(text)
    event = values.document()
    line = line_of(event)
    if type(event) is SequenceStartEvent:
        yield from _items(values, header, found)
    elif type(event) is MappingStartEvent:
        seen = False
        while type(key := values.next()) is not MappingEndEvent:
            name, value = values.name(key), values.next()
            if seen and not header.whole:
                raise Unreadable(line_of(key), f"put {name!r} before the list {kind!r}. Nothing was taken.")
            if name == kind and type(value) is SequenceStartEvent:
                seen = True
                yield from _items(values, header, found)
            else:
                values.skip(value)
        if not seen:
            found.reject(line, f"there is no list {kind!r}")
    else:
        if event is not None:
            values.skip(event)
        found.reject(line, f"neither a list nor a mapping with a list {kind!r}")
    while (event := values.document()) is not None:
        found.reject(values.began, "a second YAML document was not read")
        values.skip(event)


def _items(values: Values, header: _Header, found: Found) -> Rows:
    """The rows of a list that has begun."""
    said, wrong, take = header.said, header.problem, values.next
    while type(event := take()) is not SequenceEndEvent:
        line = line_of(event)
        if type(event) is not MappingStartEvent or event.tag is not None:
            values.skip(event)
            found.reject(line, "the row is no mapping of fields to texts")
            continue
        row, problem = values.mapping()
        if problem or wrong:
            found.reject(line, problem or wrong)
        else:
            yield line, {**said, **row}
