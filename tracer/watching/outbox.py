"""What is to go out, where it stands, and when it is tried again: at least once, in order, for seven days.

Rows are put in with the alert, in its transaction; a dispatcher claims what is due, sends, and says how it went. All
times come from the caller (unix seconds); the table holds milliseconds. Every function runs inside the caller's
transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tracer.db import named_sql
from tracer.state import State
from tracer.watching import notice
from tracer.watching.sink import Channel, Envelope

_SQL = named_sql("tracer.watching", "outbox.sql")
GIVEN_UP = 7 * 86400.0
"""How long a delivery is tried, from when it was put in."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 3600.0
"""Waits double from the first to the longest (P)."""
ASKED_MOST = 6 * 3600.0
"""The longest wait a receiver may ask for (P)."""
QUIET = 5.0
"""A catch-up is over when nothing late came for so long (P)."""
SLACK = 60.0
"""What lies further in the future than it may was written by a clock that ran ahead by then (P)."""
CATCH_UP = 600.0
"""A catch-up that takes longer is told of in parts (P)."""
DIGEST_MOST = 500
"""Alerts in one digest (P): about a megabyte."""
_NEVER = 1 << 62


@dataclass(frozen=True)
class Parcel:
    """A row in a dispatcher's hands. `attempts` counts this one; `put` in milliseconds."""

    id: int
    alert_id: str
    revision: int
    channel: str
    attempts: int
    put: int


def put(
    state: State,
    alert_id: str,
    revision: int,
    channels: Sequence[str],
    *,
    watch_id: str,
    late: bool,
    now: float,
    hold_until: float | None = None,
) -> None:
    """Let a revision go out on channels. `late`: it joins the digest of the catch-up; `hold_until`: a cooldown's end.

    `watch_id` is "" of the house's own alerts, which nothing holds back. What is in already stays as it is.
    """
    held = hold_until is not None and hold_until > now and not late
    rows = (
        {
            "alert_id": alert_id, "revision": revision, "channel": channel, "watch_id": watch_id, "late": late,
            "now": _ms(now), "state": "held" if held else "new", "due": _ms(hold_until or now) if held else _ms(now),
        }
        for channel in channels
    )  # fmt: skip
    state.run_each(_SQL["put"], rows)


def anything(state: State, channel: str, now: float, *, flush: bool = False) -> bool:
    """Whether a channel has something to do now. Only reads; cheap enough to ask five times a second."""
    asked = {"channel": channel, "now": _ms(now), "flush": flush, "long_ago": _ms(now - CATCH_UP)}
    return bool(state.rows(_SQL["anything"], asked)[0][0])


def next_due(state: State, channel: str) -> float | None:
    """When the next envelope of a channel falls due (or did), unix seconds; None where none waits."""
    found = state.rows(_SQL["next_due"], {"channel": channel})[0][0]
    return None if found is None else found / 1000


def settle(state: State, channel: Channel, now: float, *, flush: bool = False) -> None:
    """Decide what of the new goes by itself and what is held, and bundle what was held long enough.

    `flush`: the catch-up is over now.
    """
    period, pause = _ms(channel.digest), _ms(channel.cooldown)
    asked = {"channel": channel.name, "now": _ms(now), "digest": period, "cooldown": pause}
    state.run(_SQL["plain"], asked)
    state.run(_SQL["hold_late"], asked | {"due": _ms(now + QUIET)})
    state.run(_SQL["hold_digest"], asked | {"due": (_ms(now) // period + 1) * period if period else 0})
    state.run(_SQL["hold_cooldown"], asked)
    held = asked | {"flush": flush, "long_ago": _ms(now - CATCH_UP), "most": DIGEST_MOST}
    while ripe := state.rows(_SQL["ripe"], held):
        _bundle(state, channel.name, [(int(i), str(a), int(r)) for i, a, r in ripe], now)


def claim(state: State, channel: str, lease: str, now: float, seconds: float, most: int) -> list[Parcel]:
    """Take up to `most` rows that are due, oldest first, for so many seconds; nobody else gets them before."""
    asked = {"channel": channel, "lease": lease, "now": _ms(now), "until": _ms(now + seconds), "most": most}
    return sorted((Parcel(*row) for row in state.rows(_SQL["claim"], asked)), key=lambda parcel: parcel.id)


def renew(state: State, parcels: Sequence[Parcel], lease: str, now: float, seconds: float) -> None:
    """Keep rows that are still on their way."""
    until = _ms(now + seconds)
    state.run_each(_SQL["renew"], ({"id": parcel.id, "lease": lease, "until": until} for parcel in parcels))


def give_back(state: State, parcels: Sequence[Parcel], lease: str) -> None:
    """Rows that were claimed and not tried."""
    state.run_each(_SQL["give_back"], ({"id": parcel.id, "lease": lease} for parcel in parcels))


def seal(state: State, channel: Channel, parcel: Parcel) -> Envelope | None:
    """What of a row's alert, or digest, goes out: the same bytes each time. None where it was purged.

    What became known to be protected, or was marked, only by a later revision is withheld of all of them.
    """
    if parcel.alert_id.startswith(notice.DIGEST):
        members = [notice.known(*row) for row in state.rows(_SQL["members"], {"id": parcel.id})]
        return notice.digest(channel, parcel.alert_id, members) if members else None
    asked = {"alert_id": parcel.alert_id, "revision": parcel.revision}
    found = state.rows(_SQL["told_of"], asked)
    return (
        notice.envelope(channel, notice.known(parcel.alert_id, parcel.revision, *found[0])) if found else None
    )


def delivered(state: State, parcel: Parcel, now: float) -> None:
    """The receiver has it; with a digest all that is in it."""
    state.run(_SQL["delivered"], {"id": parcel.id, "now": _ms(now)})
    answered(state, parcel.channel, now)


def put_off(state: State, parcel: Parcel, lease: str, why: str, now: float, *, after: float = 0.0) -> bool:
    """It was not taken: try again later, or give it up after seven days. True where it is dead now."""
    ends = parcel.put + _ms(GIVEN_UP)
    state.run(_SQL["failed"], {"channel": parcel.channel, "now": _ms(now), "why": why})
    if _ms(now) >= ends:
        bury(state, parcel, lease, f"{why}; given up after 7 days")
        return True
    due = _ms(now + max(wait(parcel.id, parcel.attempts), min(after, ASKED_MOST)))
    asked = {"id": parcel.id, "lease": lease, "why": why, "due": min(due, ends)}
    state.run(_SQL["put_off"], asked)
    return False


def bury(state: State, parcel: Parcel, lease: str, why: str) -> None:
    """It will never be taken: a dead letter, with a digest all that is in it."""
    state.run(_SQL["bury"], {"id": parcel.id, "lease": lease, "why": why})


def gone(state: State, channel: str, why: str, now: float) -> None:
    """The receiver took the channel down: what waits for it is dead, until somebody tests it and replays."""
    state.run(_SQL["gone"], {"channel": channel, "now": _ms(now), "why": why})


def bury_disabled(state: State, channel: str, now: float) -> str | None:
    """Make dead letters of what waits for a channel that was taken down; why it was, None where it was not."""
    reason = state.rows(_SQL["disabled"], {"channel": channel})
    if reason:
        asked = {"channel": channel, "why": str(reason[0][0]), "now": _ms(now), "before": _NEVER}
        state.run(_SQL["bury_channel"], asked)
    return str(reason[0][0]) if reason else None


def bury_strangers(state: State, channels: Sequence[str], now: float) -> list[str]:
    """Names that rows wait for and no channel has; what waited seven days for one is dead."""
    unknown = [str(name) for (name,) in state.rows(_SQL["strangers"]) if name not in channels]
    for name in unknown:
        asked = {"channel": name, "why": "no such channel", "now": _ms(now), "before": _ms(now - GIVEN_UP)}
        state.run(_SQL["bury_channel"], asked)
    return unknown


def clock_set_back(state: State, now: float, seconds: float) -> None:
    """Let go now what a clock that ran ahead left in the future; `seconds` is what a lease lasts."""
    state.run(_SQL["clock_set_back"], {"now": _ms(now), "slack": _ms(SLACK)})
    state.run(_SQL["due_too_far"], {"now": _ms(now), "longest": _ms(ASKED_MOST + SLACK)})
    state.run(_SQL["leased_too_far"], {"now": _ms(now), "longest": _ms(seconds + SLACK)})


def wait(row: int, attempt: int) -> float:
    """Seconds before the next attempt after this one (counted from 1): doubling, shortened by up to half.

    By how much is a hash of row and attempt: many rows spread out, and one row waits the same in every run.
    """
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 30))
    chance = hashlib.sha256(f"{row}|{attempt}".encode()).digest()[0] / 255
    return longest * (0.5 + 0.5 * chance)


def replay(
    state: State,
    now: float,
    *,
    since: str | None = None,
    channel: str | None = None,
    alert_id: str | None = None,
    dead: bool = False,
) -> dict[str, int]:
    """Let what was delivered or given up go out again, with the same ids: rows by channel.

    since   recorded at or after, UTC as alerts have it
    dead    only dead letters
    """
    asked = {"now": _ms(now), "since": since, "channel": channel, "alert_id": alert_id, "dead": dead}
    counts: dict[str, int] = {}
    for (name,) in state.rows(_SQL["replay"], asked):
        counts[str(name)] = counts.get(str(name), 0) + 1
    return dict(sorted(counts.items()))


def forget(state: State, alert_ids: Sequence[str]) -> None:
    """Take the deliveries of alerts that are purged out of the table."""
    state.run_each(_SQL["forget"], ({"alert_id": alert_id} for alert_id in alert_ids))


def health(state: State) -> list[dict[str, Any]]:
    """Each channel that ever had something to take: what waits, what is dead, when it last took and refused one.

    Times in unix milliseconds, None where it never happened.
    """
    names = ("channel", "disabled", "delivered", "failed", "reason", "waiting", "dead", "oldest")
    return [dict(zip(names, row, strict=True)) for row in state.rows(_SQL["health"])]


def answered(state: State, channel: str, now: float) -> None:
    """A test of a channel was delivered: it takes alerts (again)."""
    state.run(_SQL["answered"], {"channel": channel, "now": _ms(now)})


def _bundle(state: State, channel: str, ripe: Sequence[tuple[int, str, int]], now: float) -> None:
    """One alone goes as it is."""
    if len(ripe) == 1:
        state.run(_SQL["release"], {"id": ripe[0][0], "now": _ms(now)})
        return
    name = notice.digest_id(channel, [(alert_id, revision) for _, alert_id, revision in ripe])
    asked = {"alert_id": name, "channel": channel, "now": _ms(now)}
    row = int(state.rows(_SQL["put_digest"], asked)[0][0])
    state.run_each(_SQL["bundle"], ({"id": each, "digest": row} for each, _, _ in ripe))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
