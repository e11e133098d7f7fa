"""`source_stalled`: nothing new was read of a chain for too long. One alert, taken back when it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracer.chain import Chain
from tracer.state import State
from tracer.watching import alerts
from tracer.watching.alerts import Counts
from tracer.watching.cursor import Cursor
from tracer.watching.model import SYSTEM, Raised, seconds


def lag(at: Cursor, now: float) -> float:
    """Seconds since a chain's newest block was made, or since one came where that is later: what is not known yet."""
    return max(0.0, now - seconds(at.fresh))


def stall(
    state: State, chain: Chain, at: Cursor, *, max_lag: float, now: float, channels: Sequence[str]
) -> Counts:
    """Raise the alert where a chain lags, once for each block it stopped at; take it back where it goes on.

    Inside a transaction.
    """
    counts = Counts()
    stuck = lag(at, now) > max_lag
    key = f"{chain.name}|{at.height}|{at.hash}"
    over = [
        alert_id
        for alert_id, document in alerts.standing(state, chain.name, "source_stalled")
        if not (stuck and document["event_key"] == key)
    ]
    counts.add(alerts.retract(state, over, now=now, reason="the chain is read again"))
    if stuck:
        details = {
            "height": at.height,
            "block_hash": at.hash,
            "last_new_block_read": at.fresh,
            "max_lag_seconds": int(max_lag),
            "problem": at.problem or None,
        }
        event = Raised(
            SYSTEM,
            "source_stalled",
            key,
            "medium",
            chain.name,
            chain.caip2,
            details=details,
            channels=tuple(channels),
        )
        counts.add(alerts.raise_alerts(state, [event], now=now))
    return counts


def channels_of(watches: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Where the house's own alerts about a chain go: wherever its watches go."""
    return tuple(sorted({name for channels in watches for name in channels}))
