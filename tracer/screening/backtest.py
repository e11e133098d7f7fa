"""`tracer.policy_backtest/1`: what another policy would have answered, alerts gained and lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tracer.flow.question import utc
from tracer.screening.documented import evaluated_at_of, lists_of, of_document
from tracer.screening.exposure.settings import HARM
from tracer.screening.judge import VERDICTS, Judge
from tracer.screening.model import Judgement, Subject, Verdict
from tracer.screening.policy import Policy

SCHEMA = "tracer.policy_backtest/1"
ALERTS = ("review", "block")
MOST_JUDGES = 64


@dataclass(frozen=True)
class Answer:
    """What a policy says of a subject: the verdict, and the rules that fired (not those that set aside)."""

    verdict: Verdict
    rules: frozenset[str]

    @property
    def alerts(self) -> bool:
        """Whether somebody has to look at it."""
        return self.verdict in ALERTS


@dataclass(frozen=True)
class Case:
    """One subject under two policies; `screening_id` where it was screened before."""

    subject: Mapping[str, Any]
    before: Answer
    after: Answer
    screening_id: str | None = None


def answer(judgement: Judgement) -> Answer:
    """An answer of a judgement."""
    fired = (trigger.rule_id for trigger in judgement.triggers if trigger.verdict != "clear")
    return Answer(judgement.verdict, frozenset(fired))


def shown(subject: Subject) -> dict[str, Any]:
    """A subject as the list of changes names it."""
    return _named(
        {
            "kind": subject.kind, "chain": subject.chain, "address": subject.address, "txid": subject.txid,
            "vout": subject.vout, "transfer_index": subject.transfer_index,
        }
    )  # fmt: skip


def _named(subject: Mapping[str, Any]) -> dict[str, Any]:
    return {name: subject[name] for name in ("kind", "chain", "address", "txid", "vout", "transfer_index")}


class Again:
    """Judges kept screenings again: each by the lists and at the time it was judged with."""

    def __init__(self, policy: Policy, against: Policy | None, known: Callable[[str], Policy | None]) -> None:
        """`against` None: what was answered then. `known`: a policy by its hash, to tell what was examined."""
        self._policy, self._against, self._known = policy, against, known
        self._judge = lru_cache(MOST_JUDGES)(self._made)
        self.notes: Counter[str] = Counter()

    def case(self, document: Mapping[str, Any]) -> Case:
        """The case of a kept screening. Raises `DataError` where it cannot be judged again."""
        evidence = of_document(document)
        lists = tuple(tuple(sorted(row.items())) for row in lists_of(document))
        at = evaluated_at_of(document)
        after = answer(self._judge(True, lists, at).of(evidence))
        if self._against is None:
            rules = (row["rule_id"] for row in document["triggers"] if row.get("verdict") != "clear")
            before = Answer(document.get("policy_verdict") or document["verdict"], frozenset(rules))
        else:
            before = answer(self._judge(False, lists, at).of(evidence))
        self._limits(document)
        return Case(_named(document["subject"]), before, after, document["screening_id"])

    def _made(self, new: bool, lists: tuple[tuple[tuple[str, Any], ...], ...], at: int) -> Judge:
        policy = self._policy if new else self._against or self._policy
        return Judge(policy, [dict(row) for row in lists], at)  # type: ignore[misc]

    def _limits(self, document: Mapping[str, Any]) -> None:
        """Count what the policy asks for and the examination of then did not look at."""
        wanted = self._policy.settings
        parameters = document.get("parameters", {})
        hops = parameters.get("hops", wanted.hops)
        if hops < wanted.hops:
            self.notes[f"examined {hops} transactions far only; the policy asks for {wanted.hops}"] += 1
        examined = self._known(document["policy"]["sha256"])
        if examined is None:
            self.notes[
                "the policy they were examined by is not here: what it did not stop at is not known"
            ] += 1
        elif missing := sorted(self._policy.words - examined.words - HARM):
            self.notes[
                f"examined without stopping at {', '.join(missing)}: exposure to it is not in them"
            ] += 1


@dataclass
class Tally:
    """Counts over cases, and those that changed."""

    most: int
    count: int = 0
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    fired: Counter[tuple[str, str]] = field(default_factory=Counter)
    gained: int = 0
    lost: int = 0
    changed: list[Case] = field(default_factory=list)
    left_out: int = 0

    def add(self, case: Case) -> None:
        """Count one case."""
        before, after = case.before, case.after
        self.count += 1
        self.before[before.verdict] += 1
        self.after[after.verdict] += 1
        self.gained += after.alerts and not before.alerts
        self.lost += before.alerts and not after.alerts
        for side, rules in (("before", before.rules), ("after", after.rules)):
            self.fired.update((side, rule) for rule in rules)
        if before.verdict != after.verdict:
            self.moves[before.verdict, after.verdict] += 1
            if len(self.changed) < self.most:
                self.changed.append(case)
            else:
                self.left_out += 1


def document(
    tally: Tally,
    *,
    policy: Policy,
    against: Policy | None,
    source: Mapping[str, Any],
    days: int | None,
    evaluated_at: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    """The document. `against` None: the verdicts as they were answered. `source`: what the subjects are."""
    order = list(reversed(VERDICTS))
    changed = sorted(tally.changed, key=_order)
    return {
        "schema": SCHEMA,
        "policy": _policy(policy),
        "against": None if against is None else _policy(against),
        "days": days,
        "evaluated_at": utc(evaluated_at),
        "subjects": {**source, "count": tally.count},
        "verdicts": {
            "before": {verdict: tally.before[verdict] for verdict in order},
            "after": {verdict: tally.after[verdict] for verdict in order},
        },
        "alerts": {
            "before": sum(tally.before[verdict] for verdict in ALERTS),
            "after": sum(tally.after[verdict] for verdict in ALERTS),
            "gained": tally.gained,
            "lost": tally.lost,
        },
        "moves": [
            {"from": one, "to": other, "count": tally.moves[one, other]}
            for one in order
            for other in order
            if tally.moves[one, other]
        ],
        "rules": [
            {"id": rule, "before": tally.fired["before", rule], "after": tally.fired["after", rule]}
            for rule in sorted({rule for _, rule in tally.fired})
        ],
        "changed": [
            {
                "subject": dict(case.subject),
                "screening_id": case.screening_id,
                "from": case.before.verdict,
                "to": case.after.verdict,
                "alert": "gained" if case.after.alerts and not case.before.alerts
                else "lost" if case.before.alerts and not case.after.alerts else "kept",
                "rules_gained": sorted(case.after.rules - case.before.rules),
                "rules_lost": sorted(case.before.rules - case.after.rules),
            }
            for case in changed
        ],
        "left_off": tally.left_out,
        "notes": list(notes),
    }  # fmt: skip


def _policy(policy: Policy) -> dict[str, Any]:
    return {"id": policy.id, "version": policy.version, "sha256": policy.sha256}


def _order(case: Case) -> tuple[Any, ...]:
    """The sharpest change first."""
    one, other = (VERDICTS.index(said.verdict) for said in (case.before, case.after))
    name = tuple(str(value) for value in case.subject.values())
    return (-max(one, other), -abs(one - other), -other, name, case.screening_id or "")
