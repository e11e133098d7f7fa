"""One claim file, opened: what it says of itself, and its rows as texts, each with the line it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from tracer.intel.claims import clean
from tracer.intel.reading import About, Rejection

Row = tuple[int, dict[str, str]]
"""Line (from 1) and texts by field name."""

_SHOWN = 300


class Unreadable(Exception):
    """Raised while rows are read: the file as a whole cannot be used, and nothing of it is taken."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass
class Found:
    """What a format fills while it reads: `about` and `rejections` are whole once all rows were taken.

    `today` is an ISO date (UTC): what lies ahead of it has not begun or ended. `defaults` is what the user says
    of every row where the file does not say it: field -> text.
    """

    file: str
    today: str
    about: About = field(default_factory=About)
    rejections: list[Rejection] = field(default_factory=list)
    defaults: Mapping[str, str] = field(default_factory=dict)

    def reject(self, line: int, reason: str) -> None:
        """Keep a bad row's place and reason; the reason is made safe to show."""
        shown = clean(reason)
        self.rejections.append(
            Rejection(self.file, line, shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}...")
        )

    def published_on(self, line: int, day: str, said: str) -> None:
        """Take the day the file says it was published; `day` is an ISO date, "" where `said` is none.

        Raises `Unreadable` for that, and for one later than tomorrow: no true version would be newer than it.
        """
        if not day:
            raise Unreadable(line, f"the file says it was published on {said!r}, which is no date")
        if date.fromisoformat(day) > date.fromisoformat(self.today) + timedelta(days=1):
            raise Unreadable(line, f"the file says it was published on {day}, which lies in the future")
        self.about.published = day


Rows = Iterator[Row]
"""Rows one by one, so that a large file needs no tree in memory."""
