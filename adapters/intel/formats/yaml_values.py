"""The values of a YAML file, read event by event: texts as they stand, never what YAML makes of them.

Aliases stand for texts only and merge keys are not taken, so that no small file unfolds into a large one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from adapters.intel.build import LISTED, SPACED
from adapters.intel.context import json_text
from tracer.intel.claims import clean

DEEPEST = 50
"""Nesting that no claim file needs."""
_NULL = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:str")
_NESTED = "context"
"""The one field that may be a mapping; it is kept as JSON."""


class Values:
    """The events of a file, taken one by one. All methods raise `yaml.YAMLError`."""

    def __init__(self, text: str) -> None:
        self.next: Callable[[], Event | None] = yaml.CSafeLoader(text).get_event
        self.began = 1
        self._anchors: dict[str, str] = {}

    def document(self) -> Event | None:
        """The first event of the next document; None where there is none. `began`: the line it began on."""
        while (event := self.next()) is not None:
            if type(event) is DocumentStartEvent:
                self.began = line_of(event)
                return self.next()
        return None

    def mapping(self) -> tuple[dict[str, str], str]:
        """The fields of a mapping that has begun, and what is wrong with it, or nothing."""
        row: dict[str, str] = {}
        problem = ""
        take = self.next
        while type(key := take()) is not MappingEndEvent:
            if type(key) is not ScalarEvent:
                problem = self.put(row, self.name(key), take()) or problem
                continue
            name, value = key.value, take()
            if type(value) is ScalarEvent and value.anchor is None and value.tag is None and name not in row:
                row[name] = "" if value.value in _NULL and value.implicit[0] else value.value
            else:
                problem = self.put(row, name, value) or problem
        return row, problem

    def put(self, row: dict[str, str], name: str, value: Event | None) -> str:
        """Take one field; returns what is wrong with it, or nothing."""
        text, problem = self._text(name, value)
        if name in row:
            return problem or f"field {name!r} stands twice"
        row[name] = text
        return problem

    def name(self, event: Event | None) -> str:
        """The name of a field; `?` for a key that is no text."""
        if type(event) is ScalarEvent:
            return str(event.value)
        self.skip(event)
        return "?"

    def skip(self, event: Event | None) -> None:
        """Read past one value, however deep."""
        depth = 0
        while True:
            if isinstance(event, CollectionStartEvent):
                depth += 1
                if depth > DEEPEST:  # a parser's time grows with the square of the depth
                    raise yaml.YAMLError(f"values are nested more than {DEEPEST} deep")
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            elif type(event) is ScalarEvent:
                self._remember(event)
            if depth == 0:
                return
            event = self.next()

    def _text(self, name: str, event: Event | None) -> tuple[str, str]:
        if name == "<<":
            self.skip(event)
            return "", "merge keys (<<) are not taken; write the fields out"
        if type(event) is ScalarEvent or type(event) is AliasEvent:
            return self._scalar(name, event)
        problems: list[str] = []
        if name == _NESTED:
            return json_text(self._value(event, problems, 1)), "; ".join(problems[:1])
        if type(event) is SequenceStartEvent and name in LISTED | SPACED:
            between = " " if name in SPACED else ";"
            texts = []
            while type(item := self.next()) is not SequenceEndEvent:
                if type(item) is ScalarEvent or type(item) is AliasEvent:
                    text, problem = self._scalar(name, item)
                else:
                    self.skip(item)
                    text, problem = "", f"an entry of {name!r} is no single text"
                if between in text.strip():
                    problem = f"an entry of {name!r} holds {between!r}: {text}"
                problems += [problem] if problem else []
                texts.append(text)
            return f"{between} ".join(texts), "; ".join(problems[:1])
        self.skip(event)
        return "", f"field {name!r} is no single text"

    def _scalar(self, name: str, event: ScalarEvent | AliasEvent) -> tuple[str, str]:
        if isinstance(event, AliasEvent):
            text = self._anchors.get(event.anchor or "")
            return (
                text or "",
                "" if text is not None else f"field {name!r}: no text is called &{event.anchor}",
            )
        self._remember(event)
        if event.tag not in _PLAIN_TAGS:
            return "", f"field {name!r} has the YAML tag {event.tag!r}, which is not followed"
        return _as_text(event), ""

    def _remember(self, event: ScalarEvent) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = _as_text(event)

    def _value(self, event: Event | None, problems: list[str], depth: int) -> Any:
        """A value as JSON knows it: numbers and truth values only where JSON would write them the same."""
        if depth > DEEPEST:
            raise yaml.YAMLError(f"values are nested more than {DEEPEST} deep")
        if type(event) is SequenceStartEvent:
            items = []
            while type(item := self.next()) is not SequenceEndEvent:
                items.append(self._value(item, problems, depth + 1))
            return items
        if type(event) is MappingStartEvent:
            entries: dict[str, Any] = {}
            while type(key := self.next()) is not MappingEndEvent:
                name = clean(self.name(key))
                if name in entries or name in ("?", "<<"):
                    problems.append(f"{_NESTED} holds {name!r} twice or as no plain name")
                entries[name] = self._value(self.next(), problems, depth + 1)
            return entries
        assert isinstance(event, ScalarEvent | AliasEvent)  # nothing else can stand for a value
        text, problem = self._scalar(_NESTED, event)
        problems += [problem] if problem else []
        if isinstance(event, AliasEvent) or not event.implicit[0]:
            return clean(text)
        if not text:
            return None
        return _BOOLEANS.get(text, int(text) if _INTEGER.fullmatch(text) else clean(text))


def _as_text(event: ScalarEvent) -> str:
    return "" if event.implicit[0] and event.value in _NULL else event.value


def line_of(event: Event | None) -> int:
    """The line an event stands on, from 1."""
    return event.start_mark.line + 1 if event is not None and event.start_mark else 1
