"""Exceptions as people grant them: of whom, from which rules, up to what, until when. Written once, never changed.

A second person may approve one, anybody may withdraw one; both are events beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.screening.kept.persons import Person, why
from tracer.state import State

_SQL = named_sql("tracer.screening.kept", "exceptions.sql")
Scope = Literal["address", "cluster", "entity", "transfer"]
Key = tuple[str, str, str]
"""Chain, scope, value: whom an exception is of."""


@dataclass(frozen=True)
class Ceiling:
    """Most that is let pass of one kind of exposure. None of `category`, `side`, `asset`: of any.

    asset  name of a chain's coin, id of a token
    units  base units by the larger method; None: any amount
    share  of all that arrived or left, by the larger method, as text; None: any share
    rule, types  the rule that saw it, and the types of exposure it added up (`direct indirect`); None: any
    """

    category: str | None = None
    side: str | None = None
    asset: str | None = None
    units: int | None = None
    share: str | None = None
    rule: str | None = None
    types: str | None = None


@dataclass(frozen=True)
class Terms:
    """What an exception says. Rules or categories: a trigger of any of them is let pass.

    expires    unix seconds: from then on it lets nothing pass
    screening  id of the screening it was granted on, or None
    """

    chain: str
    scope: Scope
    value: str
    rules: tuple[str, ...]
    categories: tuple[str, ...]
    ceilings: tuple[Ceiling, ...]
    expires: int
    reason: str
    case_id: str = ""
    screening: str | None = None

    @property
    def key(self) -> Key:
        """What it is found by."""
        return (self.chain, self.scope, self.value)


@dataclass(frozen=True)
class Event:
    """`approved` by a second person, or `withdrawn`."""

    event: str
    by: Person
    reason: str


@dataclass(frozen=True)
class Grant:
    """An exception and all that happened to it."""

    exception_id: str
    terms: Terms
    by: Person
    events: tuple[Event, ...] = ()

    def approved(self, at: str) -> Event | None:
        """The second person's approval, where it was given by then."""
        return next((e for e in self.events if e.event == "approved" and e.by.time <= at), None)

    def withdrawn(self, at: str) -> Event | None:
        """The withdrawal, where it was withdrawn by then."""
        return next((e for e in self.events if e.event == "withdrawn" and e.by.time <= at), None)


def grant(state: State, terms: Terms, by: Person) -> Grant:
    """Record an exception. Call it inside the caller's transaction. `UsageError` where it says too little."""
    terms = replace(terms, reason=why(terms.reason))
    if not terms.rules and not terms.categories:
        raise UsageError("an exception from everything is none.", hint="Name --rule or --category.")
    if not terms.ceilings:
        raise UsageError("an exception needs a ceiling.", hint="Give --ceiling or --ceiling-share.")
    content = {**asdict(terms), "by": asdict(by)}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    identity = f"ex-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    if every(state, [identity]):
        raise UsageError(f"this exception was granted already: {identity}.")
    chain, scope, value = terms.key
    state.run(
        _SQL["put"],
        {"exception_id": identity, "chain": chain, "scope": scope, "value": value, "content": text},
    )
    return Grant(identity, terms, by)


def approve(state: State, found: Grant, by: Person, reason: str, *, now: int) -> Grant:
    """A second person's approval. Call it inside the caller's transaction. `UsageError` says why not."""
    if found.by.is_same(by.name):
        raise UsageError(
            f"{found.by.name} granted {found.exception_id}: another person must approve it.",
            hint="Let them give their own name with --by.",
        )
    if (before := found.approved(by.time)) is not None:
        raise UsageError(f"{before.by.name} approved {found.exception_id} already, on {before.by.time}.")
    if found.terms.expires <= now:
        raise UsageError(f"{found.exception_id} has expired.", hint="Grant a new one.")
    _not_withdrawn(found, by)
    return _happened(state, found, Event("approved", by, why(reason)))


def withdraw(state: State, found: Grant, by: Person, reason: str) -> Grant:
    """Take an exception back: it lets nothing pass from now on. Call it inside the caller's transaction."""
    _not_withdrawn(found, by)
    return _happened(state, found, Event("withdrawn", by, why(reason)))


def of_keys(state: State, keys: Iterable[Key]) -> dict[Key, list[Grant]]:
    """All exceptions of some subjects, whatever became of them."""
    if not state.rows(_SQL["any"])[0][0]:
        return {}
    found: dict[Key, list[Grant]] = {}
    for one in _grants(state, state.rows(_SQL["of_keys"], {"keys": json.dumps(sorted(set(keys)))})):
        found.setdefault(one.terms.key, []).append(one)
    return found


def every(state: State, ids: Sequence[str] | None = None) -> list[Grant]:
    """All exceptions, or those of some whole ids, by time."""
    found = _grants(state, state.rows(_SQL["every"]))
    chosen = [one for one in found if ids is None or one.exception_id in ids]
    return sorted(chosen, key=lambda one: (one.by.time, one.exception_id))


def find(state: State, text: str) -> Grant:
    """The exception whose id begins so; `UsageError` names those that come near."""
    digits = text.strip().lower().removeprefix("ex-")
    start = f"ex-{digits}"
    found = _grants(state, state.rows(_SQL["beginning"], {"start": start})) if digits else []
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"several exceptions begin with {start}: {', '.join(one.exception_id for one in found[:5])}."
        )
    from difflib import get_close_matches

    known = [one.exception_id for one in every(state)]
    near = get_close_matches(start, known, n=3, cutoff=0.5)
    raise UsageError(
        f"there is no exception {text[:80]!r}.",
        hint=f"Near it: {', '.join(near)}." if near else "`tracer screenings exceptions` lists them.",
    )


def delete(state: State, ids: Iterable[str]) -> None:
    """Purge exceptions with their events, inside the caller's transaction."""
    state.run_each(_SQL["delete"], ({"exception_id": each} for each in ids))
    state.run(_SQL["delete_events"])


def _not_withdrawn(found: Grant, by: Person) -> None:
    if (gone := found.withdrawn(by.time)) is not None:
        raise UsageError(f"{gone.by.name} withdrew {found.exception_id} on {gone.by.time}.")


def _happened(state: State, found: Grant, event: Event) -> Grant:
    state.run(
        _SQL["put_event"],
        {
            "exception_id": found.exception_id,
            "event": event.event,
            "time": event.by.time,
            "by": event.by.name,
            "account": event.by.account,
            "reason": event.reason,
        },
    )
    return replace(found, events=(*found.events, event))


def _grants(state: State, rows: Sequence[tuple[Any, ...]]) -> list[Grant]:
    events: dict[str, list[Event]] = {}
    ids = json.dumps([row[0] for row in rows])
    for identity, event, time, by, account, reason in state.rows(_SQL["events"], {"ids": ids}):
        events.setdefault(identity, []).append(Event(event, Person(by, account, time), reason))
    return [_grant(row, tuple(events.get(row[0], ()))) for row in rows]


def _grant(row: tuple[Any, ...], events: tuple[Event, ...]) -> Grant:
    said: Mapping[str, Any] = json.loads(row[4])
    terms = {key: value for key, value in said.items() if key != "by"}
    for name in ("rules", "categories"):
        terms[name] = tuple(terms[name])
    terms["ceilings"] = tuple(Ceiling(**each) for each in terms["ceilings"])
    return Grant(row[0], Terms(**terms), Person(**said["by"]), events)
