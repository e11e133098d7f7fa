"""What delivery says of itself: dead letters are told to a second channel, and each day a test goes all the way.

Both are alerts of the house's own: recorded, put into the outbox and delivered as all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tracer.db import named_sql
from tracer.state import State
from tracer.watching import alerts, outbox
from tracer.watching.model import SYSTEM, Raised, alert_id, utc
from tracer.watching.notice import DIGEST
from tracer.watching.sink import Channel

_SQL = named_sql("tracer.watching", "outbox.sql")
TELL_EVERY = 3600.0
"""A channel's dead letters are told of at most once in so many seconds (P): all of them together."""
NAMED = 50
"""Alerts that such an alert names (P)."""
TEST = "test"
FAILED = "delivery_failed"


def tell_dead(state: State, channels: Mapping[str, Channel], now: float) -> int:
    """Raise one alert for each channel with dead letters nobody was told of; returns how many there are to send.

    It goes to the channel's fallback, or to every other one. Where such an alert is dead itself it goes to all that
    have not had it, once: that ends.
    """
    raised = 0
    for (name,) in state.rows(
        _SQL["channels_with_untold"], {"before": _ms(now - TELL_EVERY), "now": _ms(now)}
    ):
        rows = state.rows(_SQL["untold"], {"channel": name})
        told = [
            (str(of), int(revision), str(why))
            for _, of, revision, why, kind, _ in rows
            if kind != FAILED and not str(of).startswith(DIGEST)  # what is in it is dead too
        ]
        for _, failed, revision, _, kind, key in rows:
            if kind == FAILED:
                others = [other for other in channels if other not in (name, str(key).partition("|")[0])]
                outbox.put(state, failed, revision, others, watch_id="", late=False, now=now)
                raised += bool(others)
        if told:
            alerts.raise_alerts(state, [_failed(str(name), told, channels, now)], now=now)
            state.run(_SQL["tell_channel"], {"channel": name, "now": _ms(now)})
            raised += 1
        state.run(_SQL["tell"], {"channel": name, "now": _ms(now), "last": rows[-1][0]})
    return raised


def test_due(state: State, channels: Mapping[str, Channel], now: float) -> bool:
    """Whether the test alert of this day was not raised yet. Only reads."""
    if not any(channel.daily_test for channel in channels.values()):
        return False
    return not state.rows(_SQL["recorded"], {"alert_id": alert_id("", TEST, _day(now))})


def daily_test(state: State, channels: Mapping[str, Channel], now: float) -> bool:
    """Raise the test alert of this day (UTC), once; False where it was raised before, or goes nowhere."""
    to = tuple(name for name, channel in channels.items() if channel.daily_test)
    if not to:
        return False
    event = Raised(
        SYSTEM, TEST, _day(now), "low", "",
        details={"test": True, "note": "A test of delivery: nothing happened. It comes once a day."}, channels=to,
    )  # fmt: skip
    return alerts.raise_alerts(state, [event], now=now).raised > 0


def _failed(
    name: str, told: list[tuple[str, int, str]], channels: Mapping[str, Channel], now: float
) -> Raised:
    own = channels.get(name)
    fallback = own.fallback if own is not None else ""
    to = (fallback,) if fallback else tuple(other for other in channels if other != name)
    reasons = Counter(why for _, _, why in told)
    details: dict[str, Any] = {
        "channel": name,
        "count": len(told),
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "alerts": [f"{of}.{revision}" for of, revision, _ in told[:NAMED]],
        "not_named": max(0, len(told) - NAMED),
        "next": f"tracer alerts replay --dead --channel {name}",
    }
    return Raised(SYSTEM, FAILED, f"{name}|{_ms(now)}", "high", "", details=details, channels=to)


def _day(now: float) -> str:
    return f"test|{utc(now)[:10]}"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
