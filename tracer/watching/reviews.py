"""The record of alerts as people work it: found, read, assigned, decided, with a history that only grows.

What an alert says is never changed here: status, assignee and notes stand beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.intel.claims import clean
from tracer.state import State
from tracer.watching.model import utc

_SQL = named_sql("tracer.watching", "reviews.sql")
_OUTBOX = named_sql("tracer.watching", "outbox.sql")
STATUSES = ("open", "in_work", "closed", "false_positive")
_COLUMNS = (
    "alert_id", "revision", "watch_id", "chain", "alert_type", "severity", "txid", "chain_state", "validity", "late",
    "height", "raised", "revised", "case", "tlp", "protected", "status", "assignee",
)  # fmt: skip
_SHORTEST = 8


@dataclass(frozen=True)
class Wanted:
    """Which alerts: all that is given must hold. `since`, `until`: UTC as alerts have it, the end not included."""

    status: str | None = None
    alert_type: str | None = None
    severity: str | None = None
    chain: str | None = None
    watch_id: str | None = None
    case_id: str | None = None
    assignee: str | None = None
    validity: str | None = None
    txid: str | None = None
    since: str | None = None
    until: str | None = None


def listed(state: State, wanted: Wanted, most: int = -1) -> list[dict[str, Any]]:
    """Alerts as `tracer alerts list` shows them, the newest first; `most` < 0: all."""
    return [_row(found) for found in state.rows(_SQL["listed"], asdict(wanted) | {"most": most})]


def find(state: State, text: str) -> str:
    """The id of an alert by its id or its start; `UsageError` where it is none, or more than one."""
    given = text.strip().lower().partition(".")[0]
    found = []
    if len(given) >= _SHORTEST and all(letter in "0123456789abcdef" for letter in given):
        found = state.rows(_SQL["ids"], {"first": given, "last": given + "g"})
    if len(found) != 1:
        raise UsageError(
            f"no alert of this workspace, or more than one, begins with {clean(text)!r}.",
            hint=f"`tracer alerts list` prints ids; give at least {_SHORTEST} digits.",
        )
    return str(found[0][0])


def shown(state: State, alert_id: str) -> dict[str, Any]:
    """An alert with all that was recorded, decided and sent of it."""
    return {
        **_row(state.rows(_SQL["one"], {"alert_id": alert_id})[0]),
        "revisions": [
            {"revision": revision, "recorded": recorded, "alert": json.loads(text)}
            for revision, recorded, text in state.rows(_SQL["revisions"], {"alert_id": alert_id})
        ],
        "notes": [
            {"time": time, "by": by, "status": status, "assignee": assignee or None, "note": text}
            for time, by, status, assignee, text in state.rows(_SQL["notes"], {"alert_id": alert_id})
        ],
        "deliveries": [
            {
                "channel": channel, "revision": revision, "state": at, "attempts": attempts, "put": _utc(put),
                "due": _utc(due) if at in ("waiting", "held") else None, "delivered": _utc(delivered),
                "last_error": error or None,
            }
            for channel, revision, at, attempts, put, due, delivered, error in state.rows(
                _OUTBOX["of_alert"], {"alert_id": alert_id}
            )
        ],
    }  # fmt: skip


def review(
    state: State, alert_id: str, *, by: str, now: float, status: str | None, assignee: str | None, note: str
) -> Mapping[str, Any]:
    """Write down a decision; what is None stays as it was. Runs inside the caller's transaction.

    assignee   "" is nobody
    """
    before = _row(state.rows(_SQL["one"], {"alert_id": alert_id})[0])
    after = {
        "status": status or before["status"],
        "assignee": clean(before["assignee"] or "" if assignee is None else assignee),
    }
    said = {"alert_id": alert_id, "time": utc(now), "by": clean(by), "text": clean(note), **after}
    state.run(_SQL["note"], said)
    state.run(_SQL["work"], {"alert_id": alert_id, **after})
    return {"alert_id": alert_id, "before": before["status"], **after}


def _row(found: tuple[Any, ...]) -> dict[str, Any]:
    row = dict(zip(_COLUMNS, found, strict=False))
    document = json.loads(found[-1])
    for name in ("late", "protected"):
        row[name] = bool(row[name])
    for name in ("case", "tlp", "assignee", "severity", "chain", "watch_id"):
        row[name] = row[name] or None
    return row | {"label": (document.get("watch") or {}).get("label") or None, "alert": document}


def _utc(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else utc(milliseconds / 1000)
