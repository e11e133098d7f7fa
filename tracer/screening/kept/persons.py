"""Who decides: a name as it was given, the account it was given from, and whether two are one person."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from tracer.errors import UsageError
from tracer.intel.claims import clean


@dataclass(frozen=True)
class Person:
    """Who said something, and when (UTC, ISO 8601, whole seconds).

    name     as given with --by
    account  of the operating system: what was really logged in
    """

    name: str
    account: str
    time: str

    @classmethod
    def of(cls, name: str, account: str, now: int) -> Person:
        """`now` is unix seconds. `UsageError` where there is no name."""
        shown = clean(name)
        if not shown:
            raise UsageError("nobody is named.", hint="Say with --by who decides.")
        return cls(shown, account, iso(now))

    def is_same(self, name: str) -> bool:
        """Whether a name is this person's, however it was spelled: case, width and blanks make nobody another."""
        return _folded(self.name) == _folded(name)


def iso(seconds: int) -> str:
    """Unix seconds in UTC: `2026-11-22T10:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def why(reason: str) -> str:
    """A reason as it is kept; `UsageError` where it is empty."""
    if not (said := clean(reason)):
        raise UsageError("no reason is given.", hint="Say with --reason why.")
    return said


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
