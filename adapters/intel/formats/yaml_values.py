"""The values of a YAML file, read event by event: texts as they stand, never what YAML makes of them.

Aliases stand for texts only, a field has a longest length and merge keys are not taken, so that no small file
unfolds into a large one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
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
from adapters.intel.fields import LONGEST_PROSE
from tracer.intel.claims import clean

DEEPEST = 50
"""Nesting that no claim file needs."""
_NULL = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:str")
_UNWRITABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
"""What no YAML may hold unescaped (YAML 1.1, section 5.1): the parser would refuse the file for it."""
_PRIVATE = range(0xE000, 0xF900)
_NESTED = "context"
"""The one field that may be a mapping; it is kept as JSON."""


class Values:
    """The events of a file, taken one by one. All methods raise `yaml.YAMLError`."""

    def __init__(self, text: str) -> None:
        self.next: Callable[[], Event | None]
        if _UNWRITABLE.search(text) is None:
            self.next = yaml.CSafeLoader(text).get_event
        else:
            self.next = _restored(text)
        self.began = 1
        self._anchors: dict[str, str] = {}
        self._room = 0

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
        self._room = LONGEST_PROSE
        problems: list[str] = []
        if name == _NESTED:
            return json_text(self._value(event, problems, 1)), "".join(problems)
        if type(event) is SequenceStartEvent and name in LISTED | SPACED:
            between = " " if name in SPACED else ";"
            texts = []
            while type(item := self.next()) is not SequenceEndEvent:
                if type(item) is ScalarEvent or type(item) is AliasEvent:
                    text = self._part(name, item, problems)
                else:
                    self.skip(item)
                    text = ""
                    _note(problems, f"an entry of {name!r} is no single text")
                if between in text.strip():
                    _note(problems, f"an entry of {name!r} holds {between!r}: {text}")
                texts.append(text)
            return f"{between} ".join(texts), "".join(problems)
        self.skip(event)
        return "", f"field {name!r} is no single text"

    def _part(self, name: str, event: ScalarEvent | AliasEvent, problems: list[str]) -> str:
        """One text of several in a field, "" where the field has no room left for it."""
        text, problem = self._scalar(name, event)
        self._room -= len(text)
        if self._room < 0:
            problem, text = _too_long(name), ""
        if problem:
            _note(problems, problem)
        return text

    def _scalar(self, name: str, event: ScalarEvent | AliasEvent) -> tuple[str, str]:
        if isinstance(event, AliasEvent):
            text = self._anchors.get(event.anchor or "")
            if text is None:
                return "", f"field {name!r}: no text is called &{event.anchor}"
            return (text, "") if len(text) <= LONGEST_PROSE else ("", _too_long(name))
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
                    _note(problems, f"{_NESTED} holds {name!r} twice or as no plain name")
                entries[name] = self._value(self.next(), problems, depth + 1)
            return entries
        assert isinstance(event, ScalarEvent | AliasEvent)  # nothing else can stand for a value
        text = self._part(_NESTED, event, problems)
        if isinstance(event, AliasEvent) or not event.implicit[0]:
            return clean(text)
        if not text:
            return None
        return _BOOLEANS.get(text, int(text) if _INTEGER.fullmatch(text) else clean(text))


def _note(problems: list[str], problem: str) -> None:
    """Keep the first problem of a field; one is enough to reject its row."""
    if not problems:
        problems.append(problem)


def _too_long(name: str) -> str:
    return f"{name} is longer than {LONGEST_PROSE} characters"


def _restored(text: str) -> Callable[[], Event | None]:
    """The events of a text with characters that YAML may not hold; its values hold them as they stand.

    The parser is given unused characters of private use in their place, so that each row can be judged.
    """
    unwritable = sorted({*_UNWRITABLE.findall(text)})
    unused = (chr(code) for code in _PRIVATE if chr(code) not in text)
    stand_ins = dict(zip(unwritable, unused, strict=False))
    back = str.maketrans({stand_in: character for character, stand_in in stand_ins.items()})
    return partial(_translated, yaml.CSafeLoader(text.translate(str.maketrans(stand_ins))).get_event, back)


def _translated(take: Callable[[], Event | None], back: dict[int, str]) -> Event | None:
    event = take()
    if type(event) is ScalarEvent:
        event.value = event.value.translate(back)
    return event


def _as_text(event: ScalarEvent) -> str:
    return "" if event.implicit[0] and event.value in _NULL else event.value


def line_of(event: Event | None) -> int:
    """The line an event stands on, from 1."""
    return event.start_mark.line + 1 if event is not None and event.start_mark else 1
