"""What of an alert goes out on a channel: all of it, or only that there is one.

full     the alert as it is recorded
named    its id, type and where to look: a protected person's, or TLP:RED, on a channel that leaves the house
bare     its id and where to look: third parties, unless the channel's owner allowed content; what is marked
         TLP:AMBER+STRICT or TLP:RED never reaches them

One step takes the rest of a text away; nothing is masked in place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tracer.intel.claims import RED, UNMARKED, clean, most_closed
from tracer.watching.sink import Channel, Envelope

DIGEST = "digest-"
"""What the id of a digest begins with."""
Extent = Literal["full", "named", "bare"]
_EXTENTS: tuple[Extent, ...] = ("full", "named", "bare")
_FACTS = (
    "alert_id", "revision", "alert_type", "severity", "chain", "txid", "direction", "chain_state", "validity", "late",
    "withheld",
)  # fmt: skip
_PARTS = ("counterparty", "exposure", "details")


@dataclass(frozen=True)
class Told:
    """One revision of an alert as recorded. `document` is the text of its `tracer.alert/1`."""

    alert_id: str
    revision: int
    document: str
    marking: str
    protected: bool


def known(alert_id: str, revision: int, document: str, newest: str, marking: str, protected: int) -> Told:
    """A revision under the most closed of the markings that the record, it and the newest one have."""
    said = [json.loads(text) for text in (document, newest)]
    closed = most_closed([marking, *(one.get("tlp") for one in said)]) or ""
    return Told(
        alert_id, revision, document, closed, any([protected, *(one.get("protected") for one in said)])
    )


def extent(channel: Channel, marking: str, protected: bool) -> tuple[Extent, str]:
    """How much of an alert may go out on a channel, and why not more ("" for all of it)."""
    if channel.internal:
        return "full", ""
    if channel.third_party and marking in (RED, UNMARKED):
        return "bare", marking
    if channel.third_party and not channel.allow_content:
        return "bare", "third party"
    if protected:
        return "named", "protected"
    if marking == RED:
        return "named", RED
    return "full", ""


def envelope(channel: Channel, told: Told) -> Envelope:
    """An alert as it goes out on a channel."""
    how, why = extent(channel, told.marking, told.protected)
    alert = json.loads(told.document)
    if how == "full":
        body, title, text = told.document, headline(alert), prose(alert)
    else:
        notice = _notice(told, alert, how, why)
        body, title, text = compact(notice), headline(notice), prose(notice)
    return _sealed(channel, told.alert_id, told.revision, body, title, text, [told], [how])


def digest_id(channel: str, members: Iterable[tuple[str, int]]) -> str:
    """The name of a digest: the same for the same alerts on the same channel."""
    said = compact([channel, [list(member) for member in members]])
    return DIGEST + hashlib.sha256(said.encode()).hexdigest()


def digest(channel: Channel, name: str, members: Sequence[Told]) -> Envelope:
    """Several alerts as one envelope, in the order they were raised: each as far as it may go out."""
    parts, extents = [], []
    for told in members:
        how, why = extent(channel, told.marking, told.protected)
        alert = json.loads(told.document)
        parts.append(alert if how == "full" else _notice(told, alert, how, why))
        extents.append(how)
    document = {"schema": "tracer.alert_digest/1", "digest_id": name, "count": len(parts), "alerts": parts}
    title = f"{len(parts)} alerts"
    text = "\n".join([title, "", *(headline(part) for part in parts)]) + "\n"
    return _sealed(channel, name, 1, compact(document), title, text, members, extents)


def headline(alert: Mapping[str, Any]) -> str:
    """An alert, or a notice of one, in one line."""
    said = [f"[{alert['severity']}]"] if alert.get("severity") else []
    said.append(str(alert.get("alert_type") or "alert").replace("_", " "))
    if alert.get("validity") == "retracted":
        said.insert(0, "RETRACTED:")
    if label := (alert.get("watch") or {}).get("label"):
        said.append(f"- {label}")
    if amount := alert.get("amount"):
        said.append(f"- {amount['decimal']} {amount['asset']}")
    if alert.get("chain"):
        said.append(f"- {alert['chain']}")
    if alert.get("chain_state"):
        said.append(f"({alert['chain_state']})")
    said.append(f"- {str(alert['alert_id'])[:16]}.{alert['revision']}")
    return clean(" ".join(said))


def prose(alert: Mapping[str, Any]) -> str:
    """An alert, or a notice of one, in a few lines for people."""
    lines = [headline(alert), ""]
    lines += [
        f"{name.replace('_', ' ')}: {clean(str(value))}"
        for name in _FACTS
        if (value := alert.get(name)) not in (None, "", False)
    ]
    lines += [f"{name}: {clean(compact(value))}" for name in _PARTS if (value := alert.get(name))]
    block = alert.get("block") or {}
    if block.get("height") is not None:
        lines.append(f"block: {block['height']} {clean(str(block.get('time') or ''))}")
    if replay := alert.get("replay"):
        lines.append(f"more: {clean(str(replay))}")
    return "\n".join(lines) + "\n"


def compact(document: Any) -> str:
    """The text of a document as it is kept and sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _notice(told: Told, alert: Mapping[str, Any], how: Extent, why: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "schema": "tracer.alert_notice/1",
        "alert_id": told.alert_id,
        "revision": told.revision,
    }
    if how == "named":
        said["alert_type"] = alert.get("alert_type")
        said["validity"] = alert.get("validity")
    return said | {"withheld": why, "replay": f"tracer alerts show {told.alert_id}"}


def _sealed(
    channel: Channel, alert_id: str, revision: int, body: str, title: str, text: str,
    members: Sequence[Told], extents: Sequence[Extent],
) -> Envelope:  # fmt: skip
    worst = max(extents, key=_EXTENTS.index)
    severities = [json.loads(told.document).get("severity") or "" for told in members]
    return Envelope(
        alert_id=alert_id, revision=revision, body=body.encode(), title=title, text=text,
        marking=most_closed(told.marking for told in members) or "",
        protected=any(told.protected for told in members),
        third_party=channel.third_party,
        severity=max(severities, key=_rank) if worst == "full" else "",
    )  # fmt: skip


def _rank(severity: str) -> int:
    order = ("", "info", "low", "medium", "high", "severe")
    return order.index(severity) if severity in order else 0
