"""The lists of a snapshot with their kind, and whether they are what a policy requires."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, NamedTuple

from tracer.intel.snapshot import ListRow
from tracer.screening.model import ListState

if TYPE_CHECKING:
    from tracer.intel.manifest import ListEntry
    from tracer.intel.snapshot import Snapshot
    from tracer.screening.wanted import Requirement

KINDS = ("sanctions", "tags", "own", "actors", "vasps", "prices", "legs", "overrides", "withdrawals")
"""What lists are of. A list of tags is `own` where analysts made all its claims by hand, which stands in for no
published list, `sanctions` where all its tags say so, else `tags`."""


class Listed(ListRow):
    """A list as `Snapshot.lists` quotes it, with its kind."""

    kind: str


def listed(snapshot: Snapshot) -> tuple[Listed, ...]:
    """The lists of a snapshot, in its order. What this user may not read is `missing`, its kind that of tags."""
    return tuple(
        Listed(
            list=row["list"],
            version=row["version"],
            published=row["published"],
            rows=row["rows"],
            status=row["status"],
            kind=_kind(snapshot, entry, readable=row["status"] == "loaded"),
        )
        for row, entry in zip(snapshot.lists(), snapshot.entries, strict=True)
    )


def _kind(snapshot: Snapshot, entry: ListEntry, *, readable: bool) -> str:
    if entry.kind != "tags" or not readable:
        return entry.kind
    if entry.entries:  # a publisher's list of persons and bodies, of which few have addresses
        return "sanctions"
    tags = snapshot.list_frame(entry, ["category", "author"])
    if tags.is_empty():
        return "tags"
    if not entry.whole and (tags["author"] != "").all():
        return "own"
    return "sanctions" if (tags["category"] == "sanction").all() else "tags"


class Assessed(NamedTuple):
    """The lists as a policy sees them. `lacking` says in words what is not there, `old` what is too old.

    `late` are requirements that age keeps from being met, each with the lists that are too old for it.
    """

    lists: tuple[ListState, ...]
    lacking: tuple[str, ...]
    old: tuple[str, ...]
    late: tuple[tuple[Requirement, tuple[str, ...]], ...] = ()


def assess(lists: Sequence[Listed], requires: Sequence[Requirement], evaluated_at: int) -> Assessed:
    """Lay the lists beside what a policy requires of them at a time (unix seconds).

    A list without a date has no age that could be young enough. One that this user may not read is lacking, whether
    the policy names it or not: an answer without it is not whole.
    """
    today = datetime.fromtimestamp(evaluated_at, UTC).date()
    stale: set[int] = set()
    absent: list[ListState] = []
    lacking = [f"{row['list']} may not be read by this user" for row in lists if row["status"] == "missing"]
    old: list[str] = []
    too_old: list[tuple[Requirement, tuple[str, ...]]] = []
    for asked in requires:
        found = [
            place for place, row in enumerate(lists) if row["status"] != "missing" and _answers(row, asked)
        ]
        if not found:
            absent.append(ListState(asked.name, None, None, 0, "missing", asked.kind or ""))
            lacking.append(f"{_called(asked)} is not loaded")
        elif asked.max_age_days is not None:
            late = [place for place in found if _age(lists[place], today) > asked.max_age_days]
            if late and (asked.every or len(late) == len(found)):
                stale.update(late)
                too_old.append((asked, tuple(lists[place]["list"] for place in late)))
                old += [_aged(lists[place], today, asked.max_age_days) for place in late]
    states = [
        ListState(
            row["list"],
            row["version"],
            row["published"],
            row["rows"],
            _status(row, place in stale),
            row["kind"],
        )
        for place, row in enumerate(lists)
    ]
    return Assessed((*states, *absent), tuple(lacking), tuple(old), tuple(too_old))


def _answers(row: Listed, asked: Requirement) -> bool:
    if asked.kind is not None:
        return row["kind"] == asked.kind
    return fnmatchcase(row["list"].casefold(), (asked.list or "").casefold())


NEVER = 10**6
"""The age in days of a list without a date."""


def _age(row: Listed, today: date) -> int:
    try:
        return (today - date.fromisoformat((row["published"] or "")[:10])).days
    except ValueError:
        return NEVER


def _aged(row: Listed, today: date, most: int) -> str:
    age = _age(row, today)
    said = "has no date" if age == NEVER else f"is of {row['published']}, {age} days old"
    return f"{row['list']} {said}; the policy allows {most}"


def _called(asked: Requirement) -> str:
    return f"a list named {asked.list}" if asked.list else f"a list of the kind {asked.kind}"


def _status(row: Listed, stale: bool) -> Literal["loaded", "stale", "missing"]:
    return "missing" if row["status"] == "missing" else "stale" if stale else "loaded"
