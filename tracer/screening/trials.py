"""The tests inside a policy: each rule fires on the evidence that it says it fires on, and spares its look-alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tracer.screening.judge import judge
from tracer.screening.policy import Policy, Rule, Trial


@dataclass(frozen=True)
class Outcome:
    """One test. `problem` is "" where it went as it says, else what went otherwise."""

    rule_id: str
    name: str
    line: int
    problem: str


def run(policy: Policy) -> list[Outcome]:
    """Run every test of a policy, in its order; a rule without one of the two is a problem of its own.

    The lists that the policy requires count as loaded: a test is of a rule, not of a day.
    """
    alone = replace(policy, requires=())
    return [
        _outcome(alone, rule, name, trial)
        for rule in policy.rules
        for name, trial in (("fires", rule.fires), ("spares", rule.spares))
    ]


def _outcome(policy: Policy, rule: Rule, name: str, trial: Trial | None) -> Outcome:
    if trial is None:
        return Outcome(rule.id, name, rule.line, f"the rule has no test that it {name}")
    found = judge(trial.made_up.evidence, policy, (), trial.made_up.evaluated_at)
    fired = any(trigger.rule_id == rule.id for trigger in found.triggers)
    problem = ""
    if fired != (name == "fires"):
        others = sorted({trigger.rule_id for trigger in found.triggers})
        told = f"what fired: {', '.join(others)}" if others else "no rule fired"
        problem = f"it {'did not fire' if name == 'fires' else 'fired'}; {told}"
    elif trial.expect is not None and found.verdict != trial.expect:
        problem = f"the verdict is {found.verdict}, not {trial.expect}"
    return Outcome(rule.id, name, trial.line, problem)
