"""What people decide on a kept screening: append-only, and by two persons where the policy asked for it.

open -> accepted | rejected | escalated | excepted. Where the document says `second_person`, accept, reject and
exception are `pending_second` until another person decides the same; a person alone may escalate, or open it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.screening.kept import grants, store
from tracer.screening.kept.exceptions import measured
from tracer.screening.kept.grants import Ceiling, Terms
from tracer.screening.kept.persons import Person, why
from tracer.screening.kept.store import Record
from tracer.state import State

_SQL = named_sql("tracer.screening.kept", "decisions.sql")
Choice = Literal["accept", "reject", "escalate", "exception", "reopen"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
_STATUS = {"accept": "accepted", "reject": "rejected", "escalate": "escalated", "exception": "excepted"}
_ALONE = ("escalate", "reopen")
"""What one person may always do: it lets nothing pass."""


@dataclass(frozen=True)
class Decision:
    """One entry of the history.

    status     of the screening from here on
    confirms   number of the first person's decision that this one confirms
    exception  id of the exception that was granted or approved with it
    """

    number: int
    time: str
    by: str
    account: str
    decision: str
    reason: str
    status: str
    confirms: int | None
    exception: str | None


def needs_second(document: Mapping[str, Any]) -> bool:
    """Whether the policy asked for a second person."""
    return bool(document.get("second_person"))


def history(state: State, screening_id: str) -> list[Decision]:
    """All decisions on a screening, oldest first."""
    rows = state.rows(_SQL["of"], {"screening": bytes.fromhex(screening_id)})
    return [Decision(*row) for row in rows]


def histories(state: State, records: Sequence[Record]) -> dict[str, list[Decision]]:
    """Decisions on many screenings, by id."""
    found: dict[str, list[Decision]] = {}
    seqs = json.dumps([record.seq for record in records if record.status != "none"])
    for identity, *row in state.rows(_SQL["of_many"], {"seqs": seqs}):
        found.setdefault(identity, []).append(Decision(*row))
    return found


def decide(
    state: State,
    screening_id: str,
    choice: Choice,
    by: Person,
    reason: str,
    *,
    now: int,
    terms: Terms | None = None,
    case_id: str = "",
) -> Decision:
    """Record a decision on a screening (its whole id), all of it or nothing.

    now    unix seconds
    terms  of the exception, for the first decision `exception`
    `UsageError` says why it cannot be: the same person twice, decided so already, an exception without terms.
    """
    with state.transaction():
        record = store.record(state, screening_id)
        if record is None:
            raise UsageError(f"the screening {screening_id} was purged meanwhile.")
        past = history(state, screening_id)
        last = past[-1] if past else None
        first = last if record.status == "pending_second" and last and last.decision == choice else None
        _may(record, last, first, choice, by)
        if choice == "reopen":
            status = store.first_status(record.verdict)
        elif choice in _ALONE or first is not None or not needs_second(record.document):
            status = _STATUS[choice]
        else:
            status = "pending_second"
        exception = _exception(state, choice, first, terms, by, reason, now)
        row = {
            "time": by.time,
            "by": by.name,
            "account": by.account,
            "decision": choice,
            "reason": why(reason),
            "status": status,
            "confirms": first.number if first else None,
            "exception": exception,
        }
        state.run(_SQL["put"], {"screening": bytes.fromhex(screening_id), **row})
        store.set_status(state, screening_id, status, case_id if case_id and not record.case_id else None)
        return history(state, screening_id)[-1]


def terms_of(record: Record, *, expires: int, reason: str, case_id: str = "") -> Terms:
    """The narrowest exception of what a screening found: its subject, the rules that fired, no more than was seen."""
    document = record.document
    fired = [row for row in document["triggers"] if row["verdict"] in ("review", "block")]
    if not fired:
        raise UsageError(
            f"nothing fired in {record.screening_id[:16]}: there is nothing to except.",
            hint="An exception never turns unknown into clear.",
        )
    seen: dict[tuple[str | None, ...], Ceiling] = {}
    for row in fired:
        if (level := measured(document, row)) is not None:
            # of each rule and type its own, so that none may grow to what another had
            key = (level.category, level.side, level.asset, level.rule, level.types)
            before = seen.get(key)
            units = max(level.units or 0, (before.units or 0) if before else 0)
            seen[key] = replace(level, units=units, share=None)
    subject = document["subject"]
    return Terms(
        subject["chain"],
        "transfer" if subject["kind"] == "transfer" else "address",
        store.subject_value(subject),
        tuple(sorted({row["rule_id"] for row in fired})),
        (),
        tuple(seen[key] for key in sorted(seen, key=str)) or (Ceiling(units=0),),
        expires,
        reason,
        case_id,
        record.screening_id,
    )


def delete_lost(state: State) -> None:
    """Decisions whose screening was purged go too. Inside the caller's transaction."""
    state.run(_SQL["delete_lost"])


def plain(decision: Decision) -> dict[str, Any]:
    """As documents show it."""
    return asdict(decision)


def _may(record: Record, last: Decision | None, first: Decision | None, choice: Choice, by: Person) -> None:
    if first is not None:
        if by.is_same(first.by):
            raise UsageError(
                f"{first.by} decided this on {first.time}: another person must confirm it.",
                hint="Let them give their own name with --by.",
            )
        return
    if last is not None and record.status == _STATUS.get(choice):
        raise UsageError(
            f"{record.screening_id[:16]} is {record.status} already: by {last.by}, on {last.time}."
        )
    if choice == "reopen" and record.status in ("none", "unanswered", "open"):
        raise UsageError(f"{record.screening_id[:16]} is not decided: its status is {record.status}.")


def _exception(
    state: State,
    choice: Choice,
    first: Decision | None,
    terms: Terms | None,
    by: Person,
    reason: str,
    now: int,
) -> str | None:
    if choice != "exception":
        return None
    if first is None:
        if terms is None:
            raise UsageError("an exception ends some day.", hint="Give --expires DATE or --expires 90d.")
        return grants.grant(state, terms, by).exception_id
    if terms is not None:
        raise UsageError(
            f"{first.by} granted {first.exception}: it is confirmed as it is.",
            hint="Leave out its terms, or withdraw it and grant another.",
        )
    (granted,) = grants.every(state, [str(first.exception)])
    grants.approve(state, granted, by, reason, now=now)
    return first.exception
