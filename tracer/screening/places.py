"""YAML whose every value knows the line it stands on, read as text: numbers never pass through a float."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import yaml

from tracer.errors import BadPolicy

MOST_CHARACTERS = 1_000_000
DEEPEST = 24
MOST_VALUES = 100_000
"""Bounds of a policy file: far above any that a person reads, far below what could stop a machine."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TRUE, _FALSE = ("true", "yes"), ("false", "no")


@dataclass(frozen=True)
class Item:
    """One value of a file. Every reader raises `BadPolicy` with `file:line` where it is something else."""

    node: yaml.Node
    file: str
    name: str = "the policy"

    @property
    def line(self) -> int:
        """Its line, from 1."""
        return int(self.node.start_mark.line) + 1

    def bad(self, problem: str, hint: str = "") -> BadPolicy:
        """The error that names this place."""
        return BadPolicy(f"{self.file}:{self.line}: {problem}.", hint=hint)

    def table(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Item]:
        """A mapping of known keys, each there once."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.bad(f"{self.name} must be a table of keys and values")
        found: dict[str, Item] = {}
        for key, value in self.node.value:
            word = key.value if isinstance(key, yaml.ScalarNode) else "?"
            here = Item(key, self.file, word)
            if word not in known:
                near = get_close_matches(word, known, 1)
                hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(known))}."
                raise here.bad(f"{self.name} has no key {word!r}", hint)
            if word in found:
                raise here.bad(f"{word} stands twice in {self.name}")
            found[word] = Item(value, self.file, word)
        if missing := [word for word in required if word not in found]:
            raise self.bad(f"{self.name} lacks {', '.join(missing)}")
        return found

    def pairs(self) -> Iterator[tuple[str, Item]]:
        """Keys and values of a mapping whose keys are anybody's."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.bad(f"{self.name} must be a table of keys and values")
        for key, value in self.node.value:
            yield str(key.value), Item(value, self.file, str(key.value))

    @property
    def is_table(self) -> bool:
        """Whether it is a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    def many(self) -> list[Item]:
        """The values of a list; a value alone is a list of one; an empty list is refused."""
        if not isinstance(self.node, yaml.SequenceNode):
            return [self]
        if not self.node.value:
            raise self.bad(f"{self.name} is empty")
        return [Item(node, self.file, self.name) for node in self.node.value]

    def text(self) -> str:
        """A text that is not empty, its white space made single."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            raise self.bad(f"{self.name} must be a text")
        return " ".join(self.node.value.split())

    def identifier(self) -> str:
        """Lower case letters, digits, `-` and `_`."""
        if not _ID.fullmatch(found := self.text()):
            raise self.bad(f"{found!r} is no {self.name}", "Use lower case letters, digits, - and _.")
        return found

    def word(self, known: Collection[str]) -> str:
        """One of some words."""
        if (found := self.text()) not in known:
            near = get_close_matches(found, known, 1)
            listed = ", ".join(sorted(known)) if len(known) <= 12 else ""
            hint = f"Did you mean {near[0]}?" if near else f"Known are {listed}." if listed else ""
            raise self.bad(f"{found!r} is no {self.name} known here", hint)
        return found

    def words(self, known: Collection[str]) -> frozenset[str]:
        """One or several of some words, none of them twice."""
        found = [item.word(known) for item in self.many()]
        if twice := next((word for word in found if found.count(word) > 1), None):
            raise self.bad(f"{twice} stands twice in {self.name}")
        return frozenset(found)

    def texts(self) -> tuple[str, ...]:
        """One or several texts."""
        return tuple(item.text() for item in self.many())

    def flag(self) -> bool:
        """`true` or `false`."""
        if (found := self.text().lower()) not in (*_TRUE, *_FALSE):
            raise self.bad(f"{self.name} must be true or false")
        return found in _TRUE

    def integer(self, least: int, most: int) -> int:
        """A whole number between two bounds, both included."""
        found = self.text().replace("_", "")
        if not re.fullmatch(r"\d{1,39}", found) or not least <= int(found) <= most:
            raise self.bad(f"{self.name} must be a whole number from {least} to {most}")
        return int(found)

    def decimal(self) -> Decimal:
        """A plain decimal that is above zero."""
        try:
            found = Decimal(self.text().replace("_", ""))
        except InvalidOperation as error:
            raise self.bad(f"{self.name} must be a number") from error
        if not found.is_finite() or found <= 0 or abs(found.adjusted()) > 40:
            raise self.bad(f"{self.name} must be above zero")
        return found

    def share(self) -> Fraction:
        """A share above 0 and not above 1: `0.05` or `5%`."""
        text = self.text()
        value = re.fullmatch(r"(\d+(?:\.\d{1,12})?)\s*(%?)", text)
        found = Fraction(value[1]) / (100 if value[2] else 1) if value else Fraction(0)
        if not 0 < found <= 1:
            raise self.bad(f"{self.name} {text!r} is no share above 0 and up to 1", "Write 0.05 or 5%.")
        return found

    def time(self) -> int:
        """Unix seconds of an ISO date or time (UTC)."""
        text = self.text()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise self.bad(f"{self.name} {text!r} is no ISO date") from error
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

    def plain(self) -> Any:
        """The value as JSON has it, scalars as they were written."""
        if isinstance(self.node, yaml.MappingNode):
            return {name: item.plain() for name, item in self.pairs()}
        if isinstance(self.node, yaml.SequenceNode):
            return [Item(node, self.file).plain() for node in self.node.value]
        return " ".join(str(self.node.value).split())


def read(text: str, file: str) -> Item:
    """The whole of a YAML file; what is no YAML, too large or too deep is `BadPolicy`."""
    if len(text) > MOST_CHARACTERS:
        raise BadPolicy(f"{file}:1: the policy is longer than {MOST_CHARACTERS} characters.")
    try:
        _shallow(text, file)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it cannot be read"
        line = mark.line + 1 if mark else 1
        raise BadPolicy(f"{file}:{line}: this is no YAML: {what}.") from error
    if node is None:
        raise BadPolicy(f"{file}:1: the policy is empty.")
    _bounded(node, file)
    return Item(node, file)


def _shallow(text: str, file: str) -> None:
    """Refuse what is nested deeper than a policy is, before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise BadPolicy(f"{file}:{line}: the policy is nested too deeply.")


def _bounded(node: yaml.Node, file: str) -> None:
    """Refuse what aliases blow up or turn in circles."""
    waiting, values = [(node, 0)], 0
    while waiting:
        found, depth = waiting.pop()
        values += 1
        if depth > DEEPEST or values > MOST_VALUES:
            raise BadPolicy(
                f"{file}:{found.start_mark.line + 1}: the policy turns in circles or is too large."
            )
        if isinstance(found, yaml.ScalarNode) and not " ".join(found.value.split()).isprintable():
            raise BadPolicy(
                f"{file}:{found.start_mark.line + 1}: this text holds characters that cannot be printed."
            )
        if isinstance(found, yaml.MappingNode):
            waiting += [(part, depth + 1) for pair in found.value for part in pair]
        elif isinstance(found, yaml.SequenceNode):
            waiting += [(part, depth + 1) for part in found.value]
