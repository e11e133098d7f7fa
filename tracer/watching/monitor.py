"""Somebody elsewhere who is told of good runs, and misses us when we are silent: when that was last done."""

from __future__ import annotations

from tracer.db import named_sql
from tracer.state import State

_SQL = named_sql("tracer.watching", "outbox.sql")
ASK_AGAIN = 60.0
"""Seconds until a monitor that was not told is tried again (P)."""
MONITOR, TOLD = "monitor", "told"
"""Who is checked in with, and how that is noted."""


def check_in_due(state: State, now: float, every: float) -> bool:
    """Whether the monitor elsewhere is to be told now of a good run: once in so many seconds."""
    found = state.rows(_SQL["checked_in"], {"name": MONITOR})
    if not found:
        return True
    passed, again = _ms(now) - int(found[0][0]), every if found[0][1] == TOLD else min(every, ASK_AGAIN)
    return passed >= _ms(again) or passed < 0


def checked_in(state: State, now: float, outcome: str) -> None:
    """Note that the monitor was told (`TOLD`), or why not."""
    state.run(_SQL["check_in"], {"name": MONITOR, "now": _ms(now), "outcome": outcome})


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
