"""What would make this clear? The changes that would have to come together, each with the ways it can come about.

An answer is not advice: it says what decided, in the units it was decided in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from tracer.amounts import decimal_text, share_text
from tracer.screening.conditions import Condition, floors_hold
from tracer.screening.judge import Judge
from tracer.screening.model import METHODS, Evidence, Exposure, Judgement, Trigger
from tracer.screening.wanted import Requirement


@dataclass(frozen=True)
class Way:
    """One way to it. `change`: share, amount, label, kyc_level, time, mark, finding, burst, list, blocks, fact ..."""

    change: str
    text: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One thing that stands in the way of clear: rules that fired over the same exposures, or something not known.

    `exposures` are places in the evidence; any of `ways` is enough.
    """

    rules: tuple[str, ...]
    ways: tuple[Way, ...]
    exposures: tuple[int, ...] = ()


def steps(evidence: Evidence, judgement: Judgement, judge: Judge) -> tuple[Step, ...]:
    """All that would have to change for `clear`; empty where it is clear."""
    found = [
        Step((trigger.rule_id,), _of_subject(trigger))
        for trigger in judgement.triggers
        if trigger.verdict != "clear" and "exposures" not in trigger.observed
    ]
    alive = tuple(range(len(evidence.exposures)))
    fired = judgement.triggers
    while more := _of_exposures(evidence, fired, alive, judge):
        found += more
        gone = {place for step in more for place in step.exposures}
        alive = tuple(place for place in alive if place not in gone)
        # what is left may fire by itself: less of it, or without what was asked for
        rest = replace(evidence, exposures=tuple(evidence.exposures[place] for place in alive))
        fired = judge.of(rest).triggers
    return (*found, *_of_knowledge(evidence, judge, judgement))


def _of_exposures(
    evidence: Evidence, triggers: Sequence[Trigger], alive: Sequence[int], judge: Judge
) -> list[Step]:
    """A step for each set of exposures that made rules fire; `alive` are their places in the whole evidence."""
    over: dict[tuple[int, ...], list[Trigger]] = {}
    for trigger in triggers:
        if trigger.verdict != "clear" and "exposures" in trigger.observed:
            places = tuple(alive[place] for place in trigger.observed["exposures"])
            over.setdefault(places, []).append(trigger)
    found = []
    for places in over:
        if any(set(places) < set(wider) for wider in over):
            continue
        every = [one for inner, group in over.items() if set(inner) <= set(places) for one in group]
        rules = tuple(dict.fromkeys(one.rule_id for one in every))
        found.append(Step(rules, _of_rows(evidence, places, every, judge), places))
    return found


def _of_subject(trigger: Trigger) -> tuple[Way, ...]:
    seen = trigger.observed
    ways = {
        "designated": Way("list", "the subject were taken off the sanctions list"),
        "protected": Way("mark", f"the mark {', '.join(seen.get('protected', ()))} were withdrawn"),
        "bursts": Way("burst", "it had made no such burst of payments"),
        "findings": Way("finding", f"the rules {', '.join(seen.get('findings', ()))} had found nothing"),
    }
    return tuple(way for name, way in ways.items() if name in seen)


def _of_rows(
    evidence: Evidence, places: Sequence[int], triggers: Sequence[Trigger], judge: Judge
) -> tuple[Way, ...]:
    """Ways that undo every one of some rules over the same exposures."""
    rows = [evidence.exposures[place] for place in places]
    conditions = [_condition(trigger, judge) for trigger in triggers]
    ways = []
    if all(one.share_at_least is not None or one.amount_at_least for one in conditions):
        ways += _less(rows, conditions)
    if all(one.kyc_level for one in conditions):
        asked = sorted(frozenset().union(*(one.kyc_level for one in conditions)))
        ways.append(
            Way("kyc_level", f"its KYC level on the day of the payment were not {' or '.join(asked)}")
        )
    if all(one.within_days is not None for one in conditions) and all(row.last_time for row in rows):
        days = max(one.within_days or 0 for one in conditions)
        last = max(row.last_time or 0 for row in rows)
        until = (datetime.fromtimestamp(last, UTC) + timedelta(days=days)).date().isoformat()
        ways.append(
            Way("time", f"it were judged after {until} and nothing had been paid since", {"after": until})
        )
    claims = sorted(frozenset().union(*(row.claims for row in rows)))
    names = sorted({row.entity for row in rows if row.entity})
    who = f" ({', '.join(names[:3])})" if names else ""
    text = f"the claims that say {rows[0].category}{who} were withdrawn"
    return (*ways, Way("label", text, {"claims": claims, "entities": names}))


def _condition(trigger: Trigger, judge: Judge) -> Condition:
    rule = judge.policy.rule(trigger.rule_id)
    assert rule is not None
    return rule.when[rule.asked.index(trigger.threshold)]


def _less(rows: Sequence[Exposure], conditions: Sequence[Condition]) -> list[Way]:
    """The most that could have come so that no floor is reached, for rows of one side, asset and whole."""
    first = rows[0]
    most = most_units(rows, conditions)
    if most is None:
        return []
    whole = max(row.total for row in rows)
    now = max(sum(row.units.get(method, 0) for row in rows) for method in METHODS)
    detail = {
        "units_now": str(now),
        "units_at_most": str(most),
        "share_now": share_text(now, whole, 6),
        "share_at_most": share_text(most, whole, 6),
    }
    text = f"at most {decimal_text(most, first.decimals)} {first.asset} of it were such money, not {{now}}"
    return [
        Way(
            "share" if conditions[0].share_at_least else "amount",
            text.format(now=decimal_text(now, first.decimals)),
            detail,
        )
    ]


def most_units(rows: Sequence[Exposure], conditions: Sequence[Condition]) -> int | None:
    """The most base units that rows like these could come to without any of the conditions holding; None: not told."""
    whole = max(row.total for row in rows)
    now = max(sum(row.units.get(method, 0) for row in rows) for method in METHODS)

    def held(units: int) -> bool:
        like = replace(
            rows[0], units=dict.fromkeys(METHODS, units), total=whole, fiat=_worth(rows, now, units)
        )
        return any(floors_hold(one, [like]) is not False for one in conditions)

    if whole <= 0 or held(0):
        return None
    low, high = 0, now
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (low, middle - 1) if held(middle) else (middle, high)
    return low


def _worth(rows: Sequence[Exposure], now: int, units: int) -> Mapping[str, Any] | None:
    """What a part of the rows' money is worth, rounded up to a millionth."""
    worth = [row.fiat for row in rows if row.fiat is not None]
    if len(worth) < len(rows) or not now:
        return None
    value = sum((Fraction(str(fiat["value"])) for fiat in worth), start=Fraction(0)) * units / now
    millionths = -(-value.numerator * 10**6 // value.denominator)
    return {**worth[0], "value": decimal_text(millionths, 6)}


def _of_knowledge(evidence: Evidence, judge: Judge, judgement: Judgement) -> list[Step]:
    chain = evidence.subject.chain
    ways = []
    if not evidence.seen or evidence.tip is None:
        ways.append(Way("blocks", f"the blocks that hold it were read: `tracer sync {chain}`"))
    if evidence.truncated:
        limit = judge.policy.settings.max_txs
        ways.append(
            Way(
                "limit",
                f"more than {limit} transactions were looked at (settings: max_txs)",
                {"max_txs": limit},
            )
        )
    ways += [
        Way("blocks", f"blocks {first} to {last} were read", {"from": first, "to": last})
        for first, last in evidence.missing
    ]
    ways += [Way("fact", f"this were known: {gap}") for gap in evidence.gaps]
    told = {*judge.assessed.lacking, *judge.assessed.old}
    untold = [Way("price", f"it could be told: {note}") for note in judgement.notes if note not in told]
    return [
        Step((), ways) for ways in (*((way,) for way in ways), *_lists(judge), *((way,) for way in untold))
    ]


def _lists(judge: Judge) -> list[tuple[Way, ...]]:
    """What to load, and from which day on it is young enough."""
    today = datetime.fromtimestamp(judge.evaluated_at, UTC).date()
    states = {state.list: state for state in judge.assessed.lists}
    found: list[tuple[Way, ...]] = []
    for asked in judge.policy.requires:
        if (absent := states.get(asked.name)) is not None and absent.status == "missing":
            since = _since(asked, today)
            dated = f" dated {since} or later" if since else ""
            detail = {"list": asked.name, "since": since}
            found.append((Way("list", f"a list were loaded: {asked.name}{dated}", detail),))
    for asked, names in judge.assessed.late:
        since = _since(asked, today)
        ways = tuple(
            Way("list", f"{name} were dated {since} or later", {"list": name, "since": since})
            for name in names
        )
        found += [(way,) for way in ways] if asked.every else [ways]
    found += [
        (Way("list", f"{state.list} could be read by this user", {"list": state.list, "since": None}),)
        for state in judge.assessed.lists
        if state.status == "missing" and state.version is not None
    ]
    return found


def _since(asked: Requirement, today: Any) -> str | None:
    return None if asked.max_age_days is None else (today - timedelta(days=asked.max_age_days)).isoformat()
