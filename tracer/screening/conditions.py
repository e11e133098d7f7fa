"""What a rule of a policy asks for, and which exposures answer it.

Answers are of three kinds: yes, no, and *cannot be told* (None): no price for a floor in money, no time for a window.
What cannot be told is never taken for no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from tracer.screening.model import METHODS, Evidence, Exposure

DAY = 86_400
Standing = Literal["after", "before", "undated"]


@dataclass(frozen=True)
class Tags:
    """Who the counterparty is said to be; every part that is given must match. Globs, without regard to case.

    concepts   any of these words among its claims
    entities   its entity or `vasp_id`
    labels     its entity; of the subject itself (ownership) any label of its claims
    """

    concepts: frozenset[str] = frozenset()
    entities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Floor:
    """An amount to be reached: of one asset (`amount` in whole coins), or in a currency (`fiat`)."""

    amount: Decimal
    asset: str | None = None
    fiat: str | None = None


@dataclass(frozen=True)
class Findings:
    """Findings of typology rules: any whose rule matches a glob and whose level is among `levels` (empty: any)."""

    rules: tuple[str, ...] = ("*",)
    levels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Condition:
    """One alternative of a rule: everything that is given must hold. None and empty: not asked.

    Of exposures: `category` to `amount_at_least`. The shares and amounts of rows of one category, side and asset are
    added up per method before a floor is asked, so that many small counterparties are no way around it; the higher
    method decides. Rows of ownership have no side and no amount.
    Of the subject: `subject` to `bursts`.
    """

    category: frozenset[str] = frozenset()
    side: str | None = None
    type: frozenset[str] = frozenset()
    kyc_level: frozenset[str] = frozenset()
    tags: Tags | None = None
    solicited: bool | None = None
    labels_later: bool | None = None
    designation: str | None = None
    hops_at_most: int | None = None
    within_days: int | None = None
    share_at_least: Fraction | None = None
    amount_at_least: tuple[Floor, ...] = ()
    subject: frozenset[str] = frozenset()
    designated: bool = False
    protected: frozenset[str] = frozenset()
    findings: Findings | None = None
    bursts: int | None = None

    @cached_property
    def of_exposures(self) -> bool:
        """Whether it asks for exposures at all."""
        return any(getattr(self, name) not in (None, frozenset(), ()) for name in EXPOSURE_KEYS)

    @cached_property
    def of_subject(self) -> bool:
        """Whether it asks for what is known of the subject itself, its kind apart."""
        return self.designated or bool(self.protected) or self.findings is not None or self.bursts is not None


EXPOSURE_KEYS = tuple(field.name for field in fields(Condition))[:12]
SUBJECT_KEYS = tuple(field.name for field in fields(Condition))[12:]


def standing(exposure: Exposure) -> Standing | None:
    """Whether the counterparty stood on a sanctions list when it was paid (or paid).

    `undated` where the list does not say when, or the payment has no time; None where it is on none.
    The day of the designation counts as after it.
    """
    if not exposure.listed and "sanction" not in exposure.words and exposure.category != "sanction":
        return None
    days = [entry.designated_at for entry in exposure.listed]
    if exposure.last_time is None or not days or not all(days):
        last = exposure.last_time
        known = [day for day in days if day]
        return "after" if last is not None and any(last >= _start(day) for day in known) else "undated"
    return "after" if any(exposure.last_time >= _start(day) for day in days) else "before"


def _start(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def subject_holds(condition: Condition, evidence: Evidence) -> bool:
    """Whether what it asks of the subject itself holds."""
    return (
        (not condition.subject or evidence.subject.kind in condition.subject)
        and (not condition.designated or bool(evidence.designations))
        and (not condition.protected or bool(condition.protected & set(evidence.protected)))
        and (condition.bursts is None or len(evidence.bursts) >= condition.bursts)
        and (condition.findings is None or bool(matching_findings(condition.findings, evidence)))
    )


def matching_findings(asked: Findings, evidence: Evidence) -> list[Mapping[str, Any]]:
    """The findings it means."""
    return [
        found
        for found in evidence.findings
        if _globbed(asked.rules, str(found.get("rule_id", "")))
        and (not asked.levels or str(found.get("level", "")) in asked.levels)
    ]


def row_holds(condition: Condition, row: Exposure, evidence: Evidence, evaluated_at: int) -> bool | None:
    """Whether a row is of the kind it asks for, floors apart; None where it cannot be told."""
    ownership = row.type == "ownership"
    if (
        (condition.category and row.category not in condition.category)
        or (condition.type and row.type not in condition.type)
        or (condition.side is not None and not ownership and row.side != condition.side)
        or (condition.kyc_level and row.kyc_level not in condition.kyc_level)
        or (condition.solicited is not None and not ownership and row.solicited != condition.solicited)
        or (condition.labels_later is not None and row.labels_later != condition.labels_later)
        or (condition.hops_at_most is not None and row.min_hops > condition.hops_at_most)
        or (condition.tags is not None and not _tagged(condition.tags, row, evidence))
    ):
        return False
    if condition.designation is not None and not ownership:
        stood = standing(row)
        if stood is None or (stood == "before") != (condition.designation == "before"):
            return False
    if condition.within_days is not None and not ownership:
        if row.last_time is None:
            return None
        return row.last_time >= evaluated_at - condition.within_days * DAY
    return True


def _tagged(tags: Tags, row: Exposure, evidence: Evidence) -> bool:
    names = [name for name in (row.entity, row.vasp_id or "") if name]
    labels = [row.entity] if row.entity else []
    if row.type == "ownership":
        labels += [said.label for said in evidence.identifications if row.category in said.words]
    return (
        (not tags.concepts or bool(tags.concepts & (row.words | {row.category})))
        and (not tags.entities or any(_globbed(tags.entities, name) for name in names))
        and (not tags.labels or any(_globbed(tags.labels, label) for label in labels))
    )


def _globbed(globs: Iterable[str], text: str) -> bool:
    return any(fnmatchcase(text.casefold(), glob.casefold()) for glob in globs)


def share(rows: Sequence[Exposure], method: str) -> Fraction:
    """What the rows are of their side, by one method."""
    return sum(
        (Fraction(row.units.get(method, 0), row.total) for row in rows if row.total > 0), start=Fraction(0)
    )


def high_share(rows: Sequence[Exposure]) -> Fraction:
    """The share by the method that gives the most."""
    return max(share(rows, method) for method in METHODS)


def high_units(rows: Sequence[Exposure]) -> int:
    """Base units of rows of one asset, by the method that gives the most."""
    return max(sum(row.units.get(method, 0) for row in rows) for method in METHODS)


def floors_hold(condition: Condition, rows: Sequence[Exposure]) -> bool | None:
    """Whether rows of one category, side and asset reach what it asks for; None where it cannot be told."""
    if condition.share_at_least is not None and high_share(rows) < condition.share_at_least:
        # money whose whole is not known has a share that is not known
        return None if any(row.total <= 0 and high_units([row]) for row in rows) else False
    if not condition.amount_at_least:
        return True
    told = [_reached(floor, rows) for floor in condition.amount_at_least]
    if any(told):
        return True
    asked = any(floor.fiat or floor.asset == rows[0].asset for floor in condition.amount_at_least)
    return False if asked and None not in told else None


def _reached(floor: Floor, rows: Sequence[Exposure]) -> bool | None:
    if floor.asset is not None:
        return rows[0].asset == floor.asset and high_units(rows) >= floor.amount.scaleb(rows[0].decimals)
    worth = [row.fiat for row in rows if row.fiat is not None and row.fiat["currency"] == floor.fiat]
    if sum(Decimal(str(fiat["value"])) for fiat in worth) >= floor.amount:
        return True
    return False if len(worth) == len(rows) else None
