"""What a policy makes of evidence. No store, no clock: the same evidence, lists and time give the same verdict.

Every rule is asked; each that fires is a trigger. The verdict is the worst of them; without one it is `unknown` where
anything was not known, and only else `clear`. A policy cannot say less than these:

- inflow that nobody asked for never blocks alone (it is reviewed);
- money from a seller of child abuse, and money paid under extortion, never blocks alone and is handled with protection:
  the subject may be a victim;
- a mark of a victim always asks for protection;
- unseen, cut, partial, a required list missing or too old, a rule that could not be told: never clear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracer.screening.asked import PROTECTED_SIDES
from tracer.screening.conditions import Condition, floors_hold, high_units, row_holds, subject_holds
from tracer.screening.listed import Assessed, Listed, assess
from tracer.screening.model import RISKS, Evidence, Exposure, Judgement, Trigger, Verdict
from tracer.screening.observed import observed_rows, observed_subject, reason
from tracer.screening.policy import Policy, Rule

VERDICTS: tuple[Verdict, ...] = ("clear", "unknown", "review", "block")
"""Mildest first."""

Placed = tuple[int, Exposure]
"""An exposure with its place in the evidence."""
Rows = Sequence[Placed]
UNSOLICITED = "unsolicited"
DUTIES = frozenset({"sanction", "terrorism", "terrorism_financing", "extremism", "gov_black_list"})
"""Dealings that the law forbids whoever has them: a mark of protection does not lift these."""


def judge(evidence: Evidence, policy: Policy, lists: Sequence[Listed], evaluated_at: int) -> Judgement:
    """The judgement of one subject; `Judge` is the same for many."""
    return Judge(policy, lists, evaluated_at).of(evidence)


class Judge:
    """A policy over the lists of one snapshot at one time (unix seconds): lists are laid beside it once."""

    def __init__(self, policy: Policy, lists: Sequence[Listed], evaluated_at: int) -> None:
        self.policy = policy
        self.evaluated_at = evaluated_at
        self.assessed: Assessed = assess(lists, policy.requires, evaluated_at)
        self._rules = {rule.id: rule for rule in policy.rules}

    def of(self, evidence: Evidence) -> Judgement:
        """Judge the evidence of one subject."""
        untold: list[str] = []
        triggers = self._triggers(evidence, untold)
        fired = [trigger for trigger in triggers if trigger.verdict != "clear"]
        lacking = self._lacking(evidence, untold)
        incomplete = bool(lacking or self.assessed.old)
        verdict: Verdict = max(
            (trigger.verdict for trigger in fired),
            key=VERDICTS.index,
            default="unknown" if incomplete else "clear",
        )
        protects = "victim" in evidence.protected or any(trigger.handling == "protect" for trigger in fired)
        risk = max((trigger.severity for trigger in fired), key=RISKS.index, default=None)
        ranked = sorted(fired, key=lambda one: (-VERDICTS.index(one.verdict), -RISKS.index(one.severity)))
        reasons = [reason(self._rules[trigger.rule_id], trigger) for trigger in ranked]
        if verdict == "unknown":
            reasons = [*lacking, *self.assessed.old]
        return Judgement(
            verdict=verdict,
            risk=risk or ("low" if verdict == "clear" else None),
            reasons=tuple(reasons),
            handling="protect" if protects else "normal",
            triggers=tuple(triggers),
            lists=self.assessed.lists,
            status="unseen"
            if not self._seen(evidence)
            else "partial"
            if lacking
            else "stale"
            if self.assessed.old
            else "complete",
            second=any(self._rules[trigger.rule_id].second_person for trigger in fired),
            notes=(*self.assessed.lacking, *self.assessed.old, *untold),
        )

    @staticmethod
    def _seen(evidence: Evidence) -> bool:
        return evidence.seen and evidence.tip is not None

    def _lacking(self, evidence: Evidence, untold: Sequence[str]) -> list[str]:
        """What keeps this from being clear, in words."""
        found = []
        if not self._seen(evidence):
            found.append("it was never seen in what was read")
        if evidence.truncated:
            found.append("the expansion was cut by a limit")
        found += [f"blocks {first} to {last} were not read" for first, last in evidence.missing]
        return [*found, *evidence.gaps, *self.assessed.lacking, *untold]

    def _triggers(self, evidence: Evidence, untold: list[str]) -> list[Trigger]:
        found: list[Trigger] = []
        aside: set[int] = set()
        by_word: dict[str, list[Placed]] = {}
        for place, row in enumerate(evidence.exposures):
            by_word.setdefault(row.category, []).append((place, row))
        for rule in self.policy.rules:
            for asked, condition in zip(rule.asked, rule.when, strict=True):
                if not subject_holds(condition, evidence):
                    continue
                if not condition.of_exposures:
                    seen = observed_subject(condition, evidence)
                    found.append(
                        Trigger(
                            rule.id, rule.version, asked, seen, rule.severity, rule.verdict, rule.handling
                        )
                    )
                    continue
                for rows, maybe in self._groups(condition, evidence, by_word, aside):
                    if rule.verdict == "clear":
                        aside.update(place for place, _ in rows)
                    fired = _fired(rule, asked, condition, rows, maybe, evidence.protected)
                    if isinstance(fired, Trigger):
                        found.append(fired)
                    elif fired and rule.verdict != "clear":
                        untold.append(fired)
        return found

    def _groups(
        self, condition: Condition, evidence: Evidence, by_word: Mapping[str, Rows], aside: set[int]
    ) -> list[tuple[Rows, Rows]]:
        """The exposures of the kind a condition asks for, by what may be added up, with those that cannot be told.

        What may be added up is of one category, side and asset: rows of several categories are of the same money.
        """
        if not by_word:
            return []
        found: dict[tuple[str, str, str, bool], tuple[list[Placed], list[Placed]]] = {}
        words = condition.category & by_word.keys() if condition.category else by_word.keys()
        for place, row in (one for word in words for one in by_word[word]):
            if place in aside or (held := row_holds(condition, row, evidence, self.evaluated_at)) is False:
                continue
            key = (row.category, "", "", True)
            if row.type != "ownership":
                key = (row.category, row.side, row.asset_id or row.asset, False)
            found.setdefault(key, ([], []))[0 if held else 1].append((place, row))
        return [found[key] for key in sorted(found)]


def _fired(
    rule: Rule, asked: Mapping[str, Any], condition: Condition, rows: Rows, maybe: Rows, marks: Sequence[str]
) -> Trigger | str | None:
    """The trigger of a rule over exposures that add up; why it cannot be told, in words; None: it does not fire.

    `marks` of protection on the subject: what it paid, and whom it was paid by, is reviewed then, never blocked.
    """
    solid = [one for one in rows if one[1].solicited or one[1].type == "ownership"]
    told = [(some, _floors(condition, some)) for some in (solid, rows) if some]
    if (used := next((some for some, held in told if held), None)) is None:
        every = [*rows, *maybe]
        if _floors(condition, every) is False:
            return None
        why = (
            "when it was paid is not known"
            if maybe
            else "there is no price, or another asset, to compare with"
        )
        return f"the rule {rule.id} could not be told of {every[0][1].category}: {why}"
    verdict, handling, seen = rule.verdict, rule.handling, observed_rows(used)
    if used is not solid:
        seen["alone"] = UNSOLICITED
        verdict = "review" if verdict == "block" else verdict
    _, first = used[0]
    if first.type != "ownership" and (first.category, first.side) in PROTECTED_SIDES and verdict != "clear":
        seen["may_be_victim"] = True
        verdict, handling = "review", "protect"
    elif marks and first.type != "ownership" and first.category not in DUTIES and verdict == "block":
        seen["marked"] = list(marks)
        verdict, handling = "review", "protect"
    largest = max(used, key=lambda one: (high_units([one[1]]), -one[0]))[0]
    return Trigger(rule.id, rule.version, asked, seen, rule.severity, verdict, handling, largest)


def _floors(condition: Condition, rows: Rows) -> bool | None:
    return floors_hold(condition, [row for _, row in rows])
