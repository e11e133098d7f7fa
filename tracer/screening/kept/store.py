"""Screenings that are kept: saved many at a time, found by id or by what they say, given back to the byte.

Equal ids mean equal content, so a rerun adds nothing. A kept document is never changed; what people decide on it stands
beside it (`decisions`).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.screening.kept.packing import Packer, deflate, digest, digits, inflate, unpack
from tracer.state import State

SQL = named_sql("tracer.screening.kept", "records.sql")
CHUNK = 10_000
"""Documents of one transaction (P): others wait half a second for it at most."""
PAGE = 500
"""Records read by one statement: a reader that stops in between holds nothing."""
STATUSES = (
    "none", "unanswered", "open", "pending_second", "accepted", "rejected", "escalated", "excepted"
)  # fmt: skip
"""none: clear, nothing to decide. unanswered: unknown. open: review or block, undecided. The rest: decided so."""
_FIRST = {"clear": "none", "unknown": "unanswered", "review": "open", "block": "open"}


@dataclass(frozen=True)
class Record:
    """A kept screening. `kept` is unix seconds; `document` is what was answered then."""

    seq: int
    screening_id: str
    kept: int
    verdict: str
    status: str
    case_id: str
    document: dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which records. None: all. `since`, `until` are unix seconds of keeping, both included."""

    subject: bytes | None = None
    verdict: str | None = None
    status: str | None = None
    case_id: str | None = None
    since: int = 0
    until: int = 1 << 62


def subject_key(chain: str, value: str) -> bytes:
    """What records of one subject are found by; `value` is an address, or `txid:place` of a transfer.

    16 bytes: nobody makes two subjects that have the same, so that one would hide the other.
    """
    return hashlib.sha256(f"{chain}|{value}".encode("utf-8", "surrogatepass")).digest()[:16]


def subject_value(subject: Mapping[str, Any]) -> str:
    """An address, or `txid:vout` (`txid:transfer_index` on account chains) of a transfer."""
    if subject["kind"] != "transfer":
        return str(subject["address"])
    place = subject["vout"] if subject["vout"] is not None else subject.get("transfer_index")
    return f"{subject['txid']}:{'' if place is None else place}"


def save(
    state: State, documents: Sequence[Mapping[str, Any]], *, case_id: str = "", now: int | None = None
) -> int:
    """Keep documents (`tracer.screening/1`); -> how many were new. Some thousands per transaction, in their order.

    What is kept of no case belongs to the first case that asks for it again.

    now  unix seconds of keeping; the clock's where left out
    """
    kept = int(time.time()) if now is None else now
    packer, known, new = Packer(), dict[str, int](), 0
    waiting = iter(documents)
    state.rows(SQL["more_memory"])
    while chunk := list(islice(waiting, CHUNK)):
        packed = [packer.pack(document) for document in chunk]  # before others must wait
        with state.transaction():
            for text in {part for each in packed for part in (each.as_of, each.recipe)} - known.keys():
                known[text] = _shared(state, text)
            before = _last(state)
            state.run_each(
                SQL["put"],
                (
                    {
                        **_columns(document),
                        "kept": kept,
                        "case_id": case_id,
                        "as_of": known[parts.as_of],
                        "recipe": known[parts.recipe],
                        "body": parts.own,
                    }
                    for document, parts in zip(chunk, packed, strict=True)
                ),
            )
            new += _last(state) - before  # numbers follow each other inside a transaction
    return new


def get(state: State, screening_id: str) -> dict[str, Any] | None:
    """The document of an id as it was answered, or None."""
    found = record(state, screening_id)
    return None if found is None else found.document


def record(state: State, screening_id: str) -> Record | None:
    """The record of a whole id, or None."""
    found = state.rows(SQL["one"], {"id": bytes.fromhex(digits(screening_id))})
    return _record(found[0]) if found else None


def find(state: State, text: str) -> Record:
    """The record whose id begins so. `UsageError` names those that come near where none, or more than one, does."""
    start = text.strip().lower().removeprefix("sha256:")
    if not start or len(start) > 64 or not set(start) <= set("0123456789abcdef"):
        raise UsageError(
            f"{text[:80]!r} is no screening id.", hint="It is the 64 digits `tracer screenings list` prints."
        )
    low, high = (bytes.fromhex(start.ljust(64, fill)) for fill in "0f")
    found = [each.hex() for (each,) in state.rows(SQL["beginning"], {"low": low, "high": high})]
    if len(found) == 1 and (whole := record(state, found[0])) is not None:
        return whole
    if found:
        raise UsageError(
            f"several screenings begin with {start}: {_shown(found)}.", hint="Write more digits of one."
        )
    around = [each.hex() for name in ("before", "after") for (each,) in state.rows(SQL[name], {"id": low})]
    near = [each for each in around if each[:4] == start[:4]]
    raise UsageError(
        f"no screening {start} is kept here.",
        hint=f"Near it: {_shown(near)}." if near else "`tracer screenings list` shows those that are.",
    )


def records(state: State, chosen: Filter, *, limit: int | None = None) -> Iterator[Record]:
    """Records, newest first, read in pages."""
    name = (
        "by_subject" if chosen.subject is not None else
        "by_case" if chosen.case_id else
        "by_status" if chosen.status not in (None, "none") else
        "by_verdict" if chosen.verdict not in (None, "clear") else
        "by_time"
    )  # fmt: skip
    wanted = chosen.verdict or ("clear" if chosen.status == "none" else None)
    at = {"kept": 1 << 62, "seq": 0}
    left = limit if limit is not None else 1 << 62
    while left > 0:
        rows = state.rows(SQL[name], {**_wanted(chosen), "verdict": wanted, **at, "limit": min(PAGE, left)})
        yield from map(_record, rows)
        if len(rows) < min(PAGE, left):
            return
        left -= len(rows)
        at = {"kept": rows[-1][2], "seq": rows[-1][0]}


def newest(state: State, chosen: Filter) -> Iterator[Record]:
    """The newest record of each question about each subject, where it is among the chosen, oldest first.

    What is kept after the first one was read is not among them.
    """
    seq, last = 0, _last(state)
    while rows := state.rows(SQL["newest"], {**_wanted(chosen), "seq": seq, "last": last, "limit": PAGE}):
        yield from map(_record, rows)
        seq = rows[-1][0]


def count(state: State) -> int:
    """How many screenings are kept."""
    return int(state.rows(SQL["count"])[0][0])


def _last(state: State) -> int:
    return int(state.rows(SQL["last"])[0][0])


def first_status(verdict: str) -> str:
    """What a screening waits for before anybody decided."""
    return _FIRST[verdict]


def set_status(state: State, screening_id: str, status: str, case_id: str | None = None) -> None:
    """Where a screening stands now; with the case it belongs to, where one is given. Inside a transaction."""
    key = {"id": bytes.fromhex(screening_id)}
    state.run(SQL["set_status"], {**key, "status": status})
    if case_id is not None:
        state.run(SQL["set_case"], {**key, "case_id": case_id})


def _wanted(chosen: Filter) -> dict[str, Any]:
    return {
        "subject": chosen.subject,
        "verdict": chosen.verdict,
        "status": chosen.status,
        "case_id": chosen.case_id,
        "since": chosen.since,
        "until": chosen.until,
    }


def _columns(document: Mapping[str, Any]) -> dict[str, Any]:
    subject = document["subject"]
    by_exception = document["verdict"] == "clear" and document.get("policy_verdict", "clear") != "clear"
    return {
        "id": bytes.fromhex(digits(document["screening_id"])),
        "subject": subject_key(subject["chain"], subject_value(subject)),
        "question": _question(subject["kind"], subject["direction"], subject["asset"]),
        "verdict": document["verdict"],
        "status": "excepted" if by_exception else _FIRST[document["verdict"]],
    }


@lru_cache
def _question(kind: str, direction: str, asset: str | None) -> int:
    asked = json.dumps([kind, direction, asset])
    return int.from_bytes(hashlib.sha256(asked.encode()).digest()[:8], "big", signed=True)


def _shared(state: State, text: str) -> int:
    key = {"digest": digest(text)}
    if not (found := state.rows(SQL["shared_id"], key)):
        state.run(SQL["shared_put"], {**key, "body": deflate(text)})
        found = state.rows(SQL["shared_id"], key)
    return int(found[0][0])


def _record(row: tuple[Any, ...]) -> Record:
    seq, identity, kept, verdict, status, case_id, own, as_of, recipe = row
    screening_id = bytes(identity).hex()
    document = unpack(screening_id, inflate(as_of), inflate(recipe), own)
    return Record(seq, screening_id, kept, verdict, status, case_id, document)


def _shown(ids: Sequence[str]) -> str:
    return f"{', '.join(each[:16] for each in ids[:5])}{', ...' if len(ids) > 5 else ''}"
