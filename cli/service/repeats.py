"""`Idempotency-Key`: the same key with the same question gets the same bytes again, also after a restart.

Kept for a day, as other services do, under the caller's name: nobody reads another's answers by guessing a key.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from tracer.db import named_sql
from tracer.state import State

_SQL = named_sql("cli.service", "repeats.sql")
KEPT_SECONDS = 86_400


@dataclass(frozen=True)
class Key:
    """What a client calls its question by. `request`: SHA-256 of all that was asked, in hex."""

    caller: str
    key: str
    request: str


def find(state: State, key: Key, now: int) -> tuple[bool, bytes] | None:
    """Whether the question was the same, and its answer; None where the key is new."""
    words = {"caller": key.caller, "key": key.key, "since": now - KEPT_SECONDS}
    for request, answer in state.rows(_SQL["find"], words):
        return request == key.request, zlib.decompress(answer)
    return None


def put(state: State, key: Key, answer: bytes, now: int) -> None:
    """Keep an answer; `now` in unix seconds."""
    words = {"caller": key.caller, "key": key.key, "request": key.request, "made": now}
    state.run(_SQL["put"], {**words, "answer": zlib.compress(answer)})


def forget(state: State, now: int) -> None:
    """Drop what is older than is promised."""
    state.run(_SQL["forget"], {"since": now - KEPT_SECONDS})
