"""A screening policy: ordered, versioned rules that a house can read, argue with and own.

A policy is YAML (docs/policies.md). All its mistakes are named by `file:line`. Its SHA-256 is of what it says, not of
how it is laid out: comments, order of keys and white space change nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tracer.errors import BadPolicy
from tracer.screening.asked import check_block, check_clear, conditions, covers
from tracer.screening.conditions import Condition
from tracer.screening.described import Described, described
from tracer.screening.model import RISKS, Handling, Risk, Verdict
from tracer.screening.places import Item, read
from tracer.screening.wanted import Requirement, Settings
from tracer.screening.wanted import requirement as read_requirement
from tracer.screening.wanted import settings as read_settings

FORMAT = ("id", "version", "title", "description", "settings", "requires", "rules")
VERDICTS = ("clear", "review", "block")
MOST_RULES = 500


@dataclass(frozen=True)
class Trial:
    """A test inside a rule: what is known of a made-up subject, and what must come of it."""

    made_up: Described
    expect: Verdict | None
    line: int


@dataclass(frozen=True)
class Rule:
    """One rule. `when` are alternatives; `asked` is each as the file has it; `line` where it stands."""

    id: str
    version: int
    title: str
    when: tuple[Condition, ...]
    severity: Risk
    verdict: Verdict
    handling: Handling = "normal"
    second_person: bool = False
    false_positives: str = ""
    references: tuple[str, ...] = ()
    fires: Trial | None = None
    spares: Trial | None = None
    asked: tuple[Mapping[str, Any], ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Policy:
    """A whole policy. `plain` is what it says, as JSON; `file` where it was read."""

    id: str
    version: int
    title: str
    description: str
    settings: Settings
    requires: tuple[Requirement, ...]
    rules: tuple[Rule, ...]
    plain: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)
    file: str = ""

    @cached_property
    def sha256(self) -> str:
        """`sha256:...` over its canonical text."""
        return f"sha256:{hashlib.sha256(self.canonical.encode()).hexdigest()}"

    @property
    def canonical(self) -> str:
        """What it says, in one spelling: JSON with sorted keys, every value as it was written."""
        return json.dumps(self.plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every category its rules ask about: where an examination must stop and look."""
        return frozenset(
            word
            for rule in self.rules
            for one in rule.when
            for word in (*one.category, *(one.tags.concepts if one.tags else ()))
        )

    def rule(self, rule_id: str) -> Rule | None:
        """A rule by its id."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)


def parse(text: str, name: str) -> Policy:
    """Read and check a policy; `name` is what errors call the file.

    Raises `BadPolicy` whose `problems` hold the mistakes found, each with file and line.
    """
    top = read(text, name)
    given = top.table(FORMAT, ("id", "version", "title", "rules"))
    mistakes: list[BadPolicy] = []
    with _gathering(mistakes):
        identity = given["id"].identifier(), given["version"].integer(1, 10**9)
    with _gathering(mistakes):
        texts = given["title"].text(), given["description"].text() if "description" in given else ""
    with _gathering(mistakes):
        settings = read_settings(given["settings"]) if "settings" in given else Settings()
    requires: list[Requirement] = []
    for item in given["requires"].many() if "requires" in given else ():
        with _gathering(mistakes):
            requires.append(read_requirement(item, requires))
    rules: list[Rule] = []
    for item in _rules(given["rules"]):
        with _gathering(mistakes):
            rules.append(_rule(item, rules))
    if mistakes:
        problems = tuple(map(str, mistakes))
        more = f"{len(problems) - 1} more: `tracer policy check` names all." if len(problems) > 1 else ""
        raise BadPolicy(problems[0], hint=more, problems=problems)
    return Policy(*identity, *texts, settings, tuple(requires), tuple(rules), top.plain(), name)


@contextmanager
def _gathering(mistakes: list[BadPolicy]) -> Iterator[None]:
    """Go on after a mistake, so that one reading names as many as it can."""
    try:
        yield
    except BadPolicy as error:
        mistakes.append(error)


def _rules(item: Item) -> list[Item]:
    found = [Item(one.node, one.file, "a rule") for one in item.many()]
    if len(found) > MOST_RULES:
        raise item.bad(f"more than {MOST_RULES} rules")
    return found


RULE_KEYS = (
    "id", "version", "title", "when", "severity", "verdict", "handling", "second_person", "false_positives",
    "references", "tests",
)  # fmt: skip


def _rule(item: Item, before: Sequence[Rule]) -> Rule:
    given = item.table(RULE_KEYS, ("id", "version", "title", "when", "severity", "verdict"))
    when = conditions(given["when"])
    tests = given["tests"].table(("fires", "spares")) if "tests" in given else {}
    asked = given["when"].plain()
    rule = Rule(
        id=given["id"].identifier(),
        version=given["version"].integer(1, 10**9),
        title=given["title"].text(),
        when=when,
        severity=_risk(given["severity"]),
        verdict=_verdict(given["verdict"]),
        handling="protect"
        if "handling" in given and given["handling"].word(HANDLINGS) == "protect"
        else "normal",
        second_person=given["second_person"].flag() if "second_person" in given else False,
        false_positives=given["false_positives"].text() if "false_positives" in given else "",
        references=given["references"].texts() if "references" in given else (),
        fires=_trial(tests["fires"]) if "fires" in tests else None,
        spares=_trial(tests["spares"]) if "spares" in tests else None,
        asked=tuple(asked["any_of"]) if "any_of" in asked else (asked,),
        line=item.line,
    )
    _consistent(rule, given)
    _fits(rule, before, item)
    return rule


HANDLINGS = ("normal", "protect")


def _risk(item: Item) -> Risk:
    word = item.word(RISKS)
    return next(risk for risk in RISKS if risk == word)


def _verdict(item: Item) -> Verdict:
    word = item.word(VERDICTS)
    return "block" if word == "block" else "review" if word == "review" else "clear"


def _trial(item: Item) -> Trial:
    found = described(item)
    return Trial(found, found.expect, item.line)


def _consistent(rule: Rule, given: Mapping[str, Item]) -> None:
    """Refuse a rule that contradicts itself."""
    if rule.verdict == "block":
        check_block(given["verdict"], rule.when)
        if rule.handling == "protect":
            raise given["handling"].bad("a rule that protects cannot block", "Write verdict: review.")
    if rule.verdict == "clear":
        check_clear(given["verdict"], rule.when)
        if rule.severity != "low" or rule.handling == "protect" or rule.second_person:
            raise given["verdict"].bad("a rule that sets aside has severity low and asks for nothing more")


def _fits(rule: Rule, before: Sequence[Rule], item: Item) -> None:
    """Refuse a rule that contradicts an earlier one, or that an earlier one keeps from ever firing."""
    for other in before:
        if other.id == rule.id:
            raise item.bad(f"the rule id {rule.id} stands twice: first in line {other.line}")
        if set(other.when) == set(rule.when):
            raise item.bad(
                f"{rule.id} asks for the same as {other.id} in line {other.line}: they contradict or repeat"
            )
        if other.verdict == "clear" and all(
            any(covers(aside, one) for aside in other.when) for one in rule.when
        ):
            raise item.bad(
                f"{rule.id} can never fire: {other.id} in line {other.line} sets aside what it asks for"
            )
