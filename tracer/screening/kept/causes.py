"""Why a verdict changed: one input is changed at a time, and what changes the verdict is a cause.

    label      claims, but prices: which appeared and which went
    price      prices
    chain      blocks
    rule       the policy
    time       when it was judged: lists grew old, a rule looks back so many days
    heuristic  the code that links and examines: asked again with every input as it was, it answers differently
    exception  the policy judges as before; an exception came, ended or was outgrown

Where no input alone does it, those without which it would not have changed are named, as `together`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracer.screening.kept.inputs import CHANGEABLE, Document, Inputs, judged
from tracer.screening.model import Subject


@dataclass(frozen=True)
class Answer:
    """A document, and the claims that had a part in it."""

    document: Document
    claims: frozenset[str]

    @property
    def verdict(self) -> str:
        """As the policy judged."""
        return judged(self.document)


Ask = Callable[[Inputs, Sequence[Subject]], Sequence[Answer] | None]
"""Answers in the order of the subjects; None where this can no longer be asked: the block left the chain, the snapshot
or the policy is not here."""


News = Callable[[str, str], tuple[frozenset[str], frozenset[str]]]
"""Claims that appeared from one snapshot to another, and those that went."""


@dataclass
class Change:
    """A verdict that is another now.

    before, after  with their inputs; `after.block` is a block
    differs        inputs that are not the same
    rebased        `before` was computed now, not kept: the code is the same
    """

    subject: Subject
    before: Answer
    old: Inputs
    after: Answer
    new: Inputs
    differs: tuple[str, ...]
    rebased: bool = False
    causes: list[dict[str, Any]] = field(default_factory=list)


def differing(old: Inputs, new: Inputs, same_prices: bool, same_labels: bool) -> tuple[str, ...]:
    """Inputs that are not the same; snapshots are compared by what is in them."""
    same = {"price": same_prices, "label": same_labels}
    return tuple(
        cause for cause in CHANGEABLE if old.value(cause) != new.value(cause) and not same.get(cause, False)
    )


def explain(changes: Sequence[Change], ask: Ask, news: News) -> None:
    """Fill in the causes. Questions that are the same are asked once for all changes."""
    known: dict[tuple[int, Inputs], Answer | None] = {}

    def asked(wanted: Sequence[tuple[int, Inputs]]) -> None:
        groups: dict[Inputs, list[int]] = {}
        for place, inputs in wanted:
            if (place, inputs) not in known:
                groups.setdefault(inputs, []).append(place)
        for inputs, places in groups.items():
            told = ask(inputs, [changes[place].subject for place in places])
            for number, place in enumerate(places):
                known[place, inputs] = None if told is None else told[number]

    open_ = [place for place, one in enumerate(changes) if one.before.verdict != one.after.verdict]
    for place in open_:
        one = changes[place]
        known[place, one.new] = one.after
        if one.rebased:
            known[place, one.old] = one.before
    asked([(place, changes[place].old) for place in open_])
    asked([(p, changes[p].old.having(c, changes[p].new)) for p in open_ for c in changes[p].differs])
    for place, one in enumerate(changes):
        if one.before.verdict == one.after.verdict:
            one.causes = [_exception(one)]
            continue
        again = known[place, one.old]
        if again is not None and again.verdict != one.before.verdict:
            one.causes.append(_heuristic(one))
        first = again or one.before
        for cause in one.differs:
            with_new = known[place, one.old.having(cause, one.new)]
            if with_new is not None and with_new.verdict != first.verdict:
                one.causes.append(_cause(cause, one, first, with_new, news, together=False))
    left = [place for place in open_ if not changes[place].causes]
    asked([(p, changes[p].new.having(c, changes[p].old)) for p in left for c in changes[p].differs])
    for place in left:
        one = changes[place]
        for cause in one.differs:
            without = known[place, one.new.having(cause, one.old)]
            if without is not None and without.verdict != one.after.verdict:
                one.causes.append(_cause(cause, one, without, one.after, news, together=True))
        if not one.causes:
            # what it was before can no longer be asked: all that is not the same may be why
            one.causes = [
                _cause(cause, one, one.before, one.after, news, together=True) for cause in one.differs
            ]
        if not one.causes:
            one.causes = [_heuristic(one)]


def _cause(
    cause: str, one: Change, before: Answer, after: Answer, news: News, *, together: bool
) -> dict[str, Any]:
    said: dict[str, Any] = {"cause": cause, "together": together}
    if cause in ("label", "price"):
        said |= {"from": one.old.value(cause), "to": one.new.value(cause)}
    if cause == "label":
        came, left = news(one.old.labels, one.new.labels)
        # a new label ends a trail elsewhere: others come into play that were there before
        said["appeared"] = sorted((after.claims - before.claims) & came)
        said["went"] = sorted((before.claims - after.claims) & left)
    elif cause == "chain":
        said |= {"from": _tip(one.before.document), "to": _tip(one.after.document)}
    elif cause == "rule":
        fired = [{row["rule_id"] for row in each.document["triggers"]} for each in (before, after)]
        said |= {
            "from": one.before.document["policy"], "to": one.after.document["policy"],
            "appeared": sorted(fired[1] - fired[0]), "went": sorted(fired[0] - fired[1]),
        }  # fmt: skip
    elif cause == "time":
        said |= {"from": one.before.document["evaluated_at"], "to": one.after.document["evaluated_at"]}
    return said


def _heuristic(one: Change) -> dict[str, Any]:
    code = [{key: each.document[key] for key in ("rules", "engine")} for each in (one.before, one.after)]
    return {"cause": "heuristic", "together": False, "from": code[0], "to": code[1]}


def _exception(one: Change) -> dict[str, Any]:
    rows: list[Sequence[Mapping[str, Any]]] = [
        each.document.get("exceptions", ()) for each in (one.before, one.after)
    ]
    applied = [sorted(row["exception_id"] for row in side if row["applied"]) for side in rows]
    why = [text for row in rows[1] for text in row["fired_again"]]
    return {"cause": "exception", "together": False, "from": applied[0], "to": applied[1], "fired_again": why}


def _tip(document: Document) -> dict[str, Any] | None:
    tips = document["as_of"]
    return {"height": tips[0]["height"], "block_hash": tips[0]["block_hash"]} if tips else None
