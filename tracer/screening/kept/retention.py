"""Purging: kept screenings older than a retention rule allows go, with what people decided on them.

What stays, however old: what is under review (open, waiting for a second person, escalated), what belongs to a case,
and what an exception in force rests on. What is purged is gone from the file: SQLite writes zeros over it, and the
write-ahead log is emptied. The custody log is not touched: it is the record that this happened.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field

from tracer.db import named_sql
from tracer.flow.question import seconds
from tracer.screening.kept import decisions, grants, store
from tracer.screening.kept.grants import Grant
from tracer.screening.kept.persons import iso
from tracer.state import State

_SQL = named_sql("tracer.screening.kept", "retention.sql")
_CHUNK = 5_000
"""Records of one transaction (P): others wait a few tenths of a second."""
_UNDER_REVIEW = ("open", "pending_second", "escalated")
_PATIENCE = 5.0
"""Seconds that readers get to finish, so that the write-ahead log can be emptied (P)."""


@dataclass
class Purged:
    """What a purge took and left.

    verdicts   purged screenings by verdict
    left       old ones that stay, by why: `under_review`, `case`, `exception`
    exceptions expired or withdrawn before then, purged
    digest     SHA-256 over the sorted ids of the purged screenings, as digits
    log_empty  False where a reader kept the write-ahead log from being emptied: it still holds what was purged
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    exceptions: int = 0
    digest: str = ""
    log_empty: bool = True

    @property
    def count(self) -> int:
        """Purged screenings."""
        return sum(self.verdicts.values())


def purge(state: State, *, before: int, now: int, rehearse: bool = False, compact: bool = False) -> Purged:
    """Take what was kept before `before` (unix seconds), but for what stays.

    rehearse  count only
    compact   give the space back to the disk, which needs as much of it free as the file has; else it is used again
    """
    said, ids = Purged(), list[bytes]()
    if not rehearse:
        state.rows(_SQL["secure"])
    ended = [one for one in grants.every(state) if _ended(one) < before]
    at = {"kept": -1, "seq": -1}
    while True:
        with state.transaction():
            rows = state.rows(_SQL["old"], {"before": before, **at, "limit": _CHUNK})
            standing = {one.exception_id: one for one in grants.every(state) if _in_force(one, now)}
            resting = {one.terms.screening for one in standing.values()}
            taken = []
            for seq, identity, _, verdict, status, case_id in rows:
                stays = (
                    "under_review" if status in _UNDER_REVIEW else
                    "case" if case_id else
                    "exception" if bytes(identity).hex() in resting
                    or (status == "excepted" and _let_pass(state, identity, standing.keys())) else
                    ""
                )  # fmt: skip
                if stays:
                    said.left[stays] += 1
                else:
                    said.verdicts[verdict] += 1
                    taken.append(seq)
                    ids.append(bytes(identity))
            if taken and not rehearse:
                state.run(_SQL["take"], {"seqs": json.dumps(taken)})
                decisions.delete_lost(state)
        if len(rows) < _CHUNK:
            break
        at = {"kept": rows[-1][2], "seq": rows[-1][0]}
    said.exceptions = len(ended)
    said.digest = hashlib.sha256("".join(sorted(each.hex() for each in ids)).encode()).hexdigest()
    if not rehearse:
        with state.transaction():
            grants.delete(state, (one.exception_id for one in ended))
            state.run(_SQL["unshared"])
        if compact:
            state.run(_SQL["compact"])
        said.log_empty = _emptied(state)
    return said


def _let_pass(state: State, identity: bytes, standing: Set[str]) -> bool:
    """Whether an exception in force let this one pass."""
    document = store.get(state, bytes(identity).hex()) or {}
    return any(row["applied"] and row["exception_id"] in standing for row in document.get("exceptions", ()))


def _in_force(one: Grant, now: int) -> bool:
    return one.terms.expires > now and one.withdrawn(iso(now)) is None


def _ended(one: Grant) -> int:
    """When an exception ended or will end, unix seconds."""
    gone = next((event.by.time for event in one.events if event.event == "withdrawn"), None)
    return min(one.terms.expires, seconds(gone) if gone else one.terms.expires)


def _emptied(state: State) -> bool:
    """Bring the write-ahead log into the file and cut it to nothing; False where others read all along."""
    with state.waiting(_PATIENCE):
        return not state.rows(_SQL["checkpoint"])[0][0]
