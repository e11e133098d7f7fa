"""The record of alerts: raised once, revised when the state of their transaction changes, never forgotten.

Every function runs inside the caller's transaction, so that cursor, record and outbox move together. An alert that is
seen again as it stands changes nothing: that makes every run repeatable.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracer.db import named_sql
from tracer.state import State
from tracer.watching import outbox
from tracer.watching.document import document, encoded, revised
from tracer.watching.model import Raised, utc

_SQL = named_sql("tracer.watching", "alerts.sql")
_ORDER = {"mempool": 0, "confirmed": 1, "final": 2}
_MS = 1000


@dataclass
class Counts:
    """What a step did to the record."""

    raised: int = 0
    revised: int = 0
    retracted: int = 0
    ids: list[str] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Count on."""
        self.raised += other.raised
        self.revised += other.revised
        self.retracted += other.retracted
        self.ids += other.ids


def raise_alerts(
    state: State, events: Iterable[Raised], *, now: float, default_channels: Sequence[str] = ()
) -> Counts:
    """Record events, each once: a new alert, a new revision where its transaction's state is another one, or nothing.

    default_channels  where alerts of watches go that name no channel
    """
    counts = Counts()
    for event in events:
        found = state.rows(_SQL["find"], {"alert_id": event.alert_id})
        if not found:
            _first(state, event, now, default_channels)
            counts.raised += 1
            counts.ids.append(event.alert_id)
        elif _news(event, found[0]):
            before = json.loads(str(found[0][6]))
            _next(state, event.alert_id, revised(before, event), now)
            counts.revised += 1
            counts.ids.append(event.alert_id)
    return counts


def retract_above(state: State, chain: str, height: int, *, now: float) -> Counts:
    """Take back what stood in blocks above this height: their branch lost."""
    return _each(
        state, "lost", {"chain": chain, "height": height}, now, state="reorged", validity="retracted"
    )


def settle_up_to(state: State, chain: str, height: int, *, now: float) -> Counts:
    """Call final what stands in blocks up to this height."""
    return _each(state, "settled", {"chain": chain, "height": height}, now, state="final", validity="valid")


def waiting(state: State, chain: str) -> dict[str, str]:
    """Alert id -> txid of those whose transaction is in no block yet."""
    return {str(i): str(txid) for i, txid in state.rows(_SQL["waiting"], {"chain": chain})}


def retract(state: State, alert_ids: Iterable[str], *, now: float, reason: str) -> Counts:
    """Take back alerts that no longer hold, for a reason other than a lost branch."""
    counts = Counts()
    for alert_id in alert_ids:
        before = _document(state, alert_id)
        _next(state, alert_id, {**before, "validity": "retracted", "retracted_because": reason}, now)
        counts.retracted += 1
        counts.ids.append(alert_id)
    return counts


def valid(state: State, alert_ids: Iterable[str]) -> list[str]:
    """Of these those that are in the record and stand."""
    return [
        i for i in alert_ids if any(row[2] == "valid" for row in state.rows(_SQL["find"], {"alert_id": i}))
    ]


def standing(state: State, chain: str, alert_type: str) -> list[tuple[str, dict[str, Any]]]:
    """Valid alerts of a type on a chain with their documents, oldest first."""
    rows = state.rows(_SQL["open_of_type"], {"chain": chain, "alert_type": alert_type})
    return [(str(alert_id), json.loads(text)) for alert_id, text in rows]


def counted(state: State) -> dict[str, int]:
    """Alerts in all, those retracted, those nobody closed."""
    total, retracted, open_ = state.rows(_SQL["counts"])[0]
    return {"alerts": total, "retracted": retracted, "open": open_}


def _each(
    state_: State, statement: str, asked: dict[str, Any], now: float, *, state: str, validity: str
) -> Counts:
    counts = Counts()
    for (alert_id,) in state_.rows(_SQL[statement], asked):
        before = _document(state_, alert_id)
        _next(state_, alert_id, {**before, "chain_state": state, "validity": validity}, now)
        counts.ids.append(alert_id)
    if validity == "retracted":
        counts.retracted = len(counts.ids)
    else:
        counts.revised = len(counts.ids)
    return counts


def _document(state: State, alert_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(str(state.rows(_SQL["find"], {"alert_id": alert_id})[0][6]))
    return found


def _news(event: Raised, row: tuple[Any, ...]) -> bool:
    """Whether an event says something else of its transaction than the record does."""
    _, chain_state, validity, _, height, block_hash, _ = row
    if event.chain_state is None:
        return bool(validity != "valid")
    if validity == "retracted":
        return True
    told, known = _ORDER[event.chain_state], _ORDER.get(chain_state, -1)
    if told == 0 or known < 0:  # the mempool says nothing of what a block has
        return known < 0
    same = event.block is not None and (height, block_hash) == (event.block.height, event.block.hash)
    return not same or told > known


def _first(state: State, event: Raised, now: float, default_channels: Sequence[str]) -> None:
    said = document(event, revision=1)
    text, alert_id = encoded(said), event.alert_id
    time = utc(now)
    block = event.block
    state.run(
        _SQL["insert"],
        {
            "alert_id": alert_id,
            "watch_id": event.watch.watch_id,
            "chain": event.chain,
            "alert_type": event.alert_type,
            "severity": event.severity,
            "event_key": event.event_key,
            "txid": event.txid,
            "chain_state": event.chain_state,
            "late": event.late,
            "height": block.height if block else None,
            "block_hash": block.hash if block else None,
            "now": time,
            "case_id": event.watch.case_id,
            "tlp": event.tlp,
            "protected": event.protected,
            "document": text,
        },
    )
    _record(state, alert_id, 1, time, text)
    channels = event.watch.channels if event.channels is None else event.channels
    _put(state, event, channels or tuple(default_channels), now)


def _next(state: State, alert_id: str, said: dict[str, Any], now: float) -> None:
    """One revision more; it goes where the former ones went."""
    said["revision"] += 1
    text, time, revision = encoded(said), utc(now), int(said["revision"])
    block = said["block"]
    state.run(
        _SQL["revise"],
        {
            "alert_id": alert_id,
            "revision": revision,
            "chain_state": said["chain_state"],
            "validity": said["validity"],
            "height": block["height"] if block else None,
            "block_hash": block["hash"] if block else None,
            "now": time,
            "document": text,
        },
    )
    _record(state, alert_id, revision, time, text)
    channels = [str(name) for (name,) in state.rows(_SQL["channels"], {"alert_id": alert_id})]
    outbox.put(
        state,
        alert_id,
        revision,
        channels,
        watch_id=said["watch"]["id"],
        late=said["late"],
        now=now,
        hold_until=None,
    )


def _record(state: State, alert_id: str, revision: int, time: str, text: str) -> None:
    state.run(
        _SQL["note_revision"], {"alert_id": alert_id, "revision": revision, "now": time, "document": text}
    )


def _put(state: State, event: Raised, channels: Sequence[str], now: float) -> None:
    pause, hold = event.watch.settings.cooldown, None
    if pause and channels:
        asked = {"watch_id": event.watch.watch_id, "now": round(now * _MS)}
        last, held = state.rows(_SQL["told_last"], asked)[0]
        if last is not None:
            hold = last / _MS if held else last / _MS + pause
    outbox.put(
        state,
        event.alert_id,
        1,
        channels,
        watch_id=event.watch.watch_id,
        late=event.late,
        now=now,
        hold_until=hold,
    )
