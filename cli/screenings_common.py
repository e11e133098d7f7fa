"""What the parts of `tracer screenings` share: choosing records, times, who decides, and rows as they are shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from tracer.errors import BadAddress, UsageError

if TYPE_CHECKING:
    from tracer.screening.kept.decisions import Decision
    from tracer.screening.kept.grants import Grant
    from tracer.screening.kept.persons import Person
    from tracer.screening.kept.store import Filter, Record
    from tracer.state import State

_SPAN = re.compile(r"(\d{1,6})([hdw])")
_SECONDS = {"h": 3_600, "d": 86_400, "w": 604_800}
_TRANSFER = re.compile(r"(0x)?[0-9a-fA-F]{64}:\d*")
VERDICTS = ("clear", "review", "block", "unknown")


def filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--verdict --status --subject --chain --since --until --of-case`: which kept screenings."""
    from tracer.screening.kept.store import STATUSES

    for decorate in (
        click.option("--of-case", metavar="ID", help="Only those of this case."),
        click.option("--until", metavar="DATE", help="Only those kept up to this time (UTC)."),
        click.option(
            "--since", metavar="DATE|DAYS", help="Only those kept since (UTC), or in the last: 7d, 12h."
        ),
        click.option("--chain", "chain_name", metavar="NAME", help="The subject's chain."),
        click.option("--subject", "subject", metavar="ADDRESS|TXID:VOUT", help="Only those of this subject."),
        click.option("--status", type=click.Choice(STATUSES), help="Only those whose decision stands so."),
        click.option("--verdict", type=click.Choice(VERDICTS), help="Only those with this verdict."),
    ):
        function = decorate(function)
    return function


def person_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--by` and `--reason`: who decides, and why."""
    function = click.option("--reason", required=True, metavar="TEXT", help="Why.")(function)
    return click.option("--by", required=True, metavar="NAME", help="Who decides.")(function)


def now() -> int:
    """The clock, as unix seconds."""
    return int(time.time())


def person(name: str) -> Person:
    """Who `--by` names, at the account this runs as, now."""
    from tracer.evidence.custody import os_user
    from tracer.screening.kept.persons import Person

    compose.words(name)
    return Person.of(name, os_user(), now())


def past(text: str | None) -> int | None:
    """A date, or how long ago (`7d`), as unix seconds."""
    if text is None:
        return None
    if span := _SPAN.fullmatch(text.strip()):
        return max(0, now() - int(span[1]) * _SECONDS[span[2]])
    return _date(text, "7d")


def until(text: str | None) -> int | None:
    """The end of a time: a date counts to its end."""
    if text is None:
        return None
    found = _date(text, "7d")
    return found + 86_399 if len(text.strip()) == 10 else found


def expiry(text: str) -> int:
    """When an exception ends, in the future: a date (to its end), or how long from now (`90d`)."""
    if span := _SPAN.fullmatch(text.strip()):
        found = now() + int(span[1]) * _SECONDS[span[2]]
    else:
        found = _date(text, "90d") + (86_400 if len(text.strip()) == 10 else 0)
    if found <= now():
        raise UsageError(f"--expires {text} is past.", hint="An exception ends in the future.")
    if found > 253_402_300_799:
        raise UsageError(f"--expires {text} is no date.", hint="Years end with 9999.")
    return found


def age(text: str) -> int:
    """`365d` as seconds."""
    if (span := _SPAN.fullmatch(text.strip())) is None or not int(span[1]):
        raise UsageError(f"{text!r} is no age.", hint="Write days, hours or weeks: 365d, 12h, 52w.")
    return int(span[1]) * _SECONDS[span[2]]


def _date(text: str, span: str) -> int:
    from tracer.flow.question import seconds

    try:
        return seconds(text)
    except UsageError as error:
        raise UsageError(
            error.problem, hint=f"Write 2026-05-02, 2026-05-02T13:00:00Z (UTC), or {span}."
        ) from error


def filters(
    *,
    verdict: str | None,
    status: str | None,
    subject: str | None,
    chain_name: str | None,
    since: str | None,
    until_text: str | None,
    of_case: str | None,
) -> list[Filter]:
    """The filters that options mean: one for each chain on which the subject is something, else one."""
    from tracer.screening.kept.store import Filter, subject_key

    compose.words(subject, of_case)
    end = until(until_text)
    chosen = Filter(
        verdict=verdict,
        status=status,
        case_id=of_case,
        since=past(since) or 0,
        until=1 << 62 if end is None else end,
    )
    if subject is None:
        if chain_name is not None:
            raise UsageError("--chain is the subject's.", hint="Give --subject too.")
        return [chosen]
    return [replace(chosen, subject=subject_key(*each)) for each in subjects(subject, chain_name)]


def subjects(text: str, chain_name: str | None) -> list[tuple[str, str]]:
    """What a text names: chain and canonical value, for each chain on which it is something."""
    prefix, _, rest = text.strip().partition(":")
    if chain_name is None and rest and compose.is_chain(prefix):
        chain_name, text = prefix, rest
    names = [compose.chain(chain_name).name] if chain_name else sorted(compose.chain_names())
    if _TRANSFER.fullmatch(text.strip()):
        return [(name, text.strip().lower()) for name in names]
    found = []
    for name in names:
        try:
            found.append((name, compose.parse_address(name, text)[0]))
        except BadAddress:
            if chain_name:
                raise
    if not found:
        raise BadAddress(f"{text[:80]!r} is no address and no transfer.", hint="Give ADDRESS or TXID:VOUT.")
    return found


def chosen_records(state: State, found: list[Filter], limit: int | None = None) -> Iterator[Record]:
    """Records of some filters, newest first within each."""
    from tracer.screening.kept.store import records

    for each in found:
        yield from records(state, each, limit=limit)


def brief(record: Record) -> dict[str, Any]:
    """A record in a list."""
    from tracer.screening.kept.persons import iso
    from tracer.screening.kept.store import subject_value

    document = record.document
    return {
        "screening_id": record.screening_id,
        "kept_at": iso(record.kept),
        "evaluated_at": document["evaluated_at"],
        "chain": document["subject"]["chain"],
        "kind": document["subject"]["kind"],
        "subject": subject_value(document["subject"]),
        "direction": document["subject"]["direction"],
        "customer_reference": document["subject"]["customer_reference"],
        "verdict": record.verdict,
        "policy_verdict": document.get("policy_verdict", record.verdict),
        "risk": document["risk"],
        "handling": document["handling"],
        "second_person": bool(document.get("second_person")),
        "rules": list(dict.fromkeys(row["rule_id"] for row in document["triggers"])),
        "policy": f"{document['policy']['id']}@{document['policy']['version']}",
        "status": record.status,
        "case": record.case_id or None,
    }


def whole_record(record: Record, decisions: list[Decision]) -> dict[str, Any]:
    """`tracer.screening_record/1`: what was answered, and what was decided on it."""
    from tracer.screening.kept.decisions import plain
    from tracer.screening.kept.persons import iso

    return {
        "schema": "tracer.screening_record/1",
        "kept_at": iso(record.kept),
        "status": record.status,
        "case": record.case_id or None,
        "decisions": [plain(each) for each in decisions],
        "screening": record.document,
    }


def shown_grant(one: Grant, at: int) -> dict[str, Any]:
    """An exception as documents show it."""
    from tracer.screening.kept.persons import iso

    terms, time_text = one.terms, iso(at)
    withdrawn = one.withdrawn(time_text)
    return {
        "exception_id": one.exception_id,
        "standing": "withdrawn" if withdrawn else "expired" if terms.expires <= at else "in_force",
        "chain": terms.chain,
        "scope": terms.scope,
        "value": terms.value,
        "rules": list(terms.rules),
        "categories": list(terms.categories),
        "ceilings": [
            {
                "category": each.category,
                "side": each.side,
                "asset": each.asset,
                "base_units": None if each.units is None else str(each.units),
                "share": each.share,
                "rule": each.rule,
                "types": each.types,
            }
            for each in terms.ceilings
        ],
        "expires": iso(terms.expires),
        "by": one.by.name,
        "granted_at": one.by.time,
        "reason": terms.reason,
        "case": terms.case_id or None,
        "screening_id": terms.screening,
        "events": [
            {"event": each.event, "by": each.by.name, "time": each.by.time, "reason": each.reason}
            for each in one.events
        ],
    }
