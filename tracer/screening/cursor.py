"""Where a batch stands, as a text that a killed batch goes on from: nothing lost, nothing twice.

Every line that a batch prints carries the cursor that stands behind it, so that whoever has the line has the way on. It
says how many rows were answered, what these rows were, what was asked, by which claims, and as of when.
"""

from __future__ import annotations

import hashlib
import json
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tracer.errors import BadCursor
from tracer.screening.subjects import Row

VALID_SECONDS = 7 * 86_400
"""(P) A batch goes on within a week: later its lists would be judged as young as they were then."""

_FORM = struct.Struct(">BQQ16s8s32s")
_VERSION = 1
_CHECK = 4
_HINT = (
    "Take batch.cursor of the last whole line that was printed, or begin anew: what was kept is not doubled."
)


@dataclass(frozen=True)
class Cursor:
    """How far a batch is.

    rows          rows answered (or refused), from the first
    evaluated_at  unix seconds, of the whole batch
    passed        what the rows were: a hash chain over them
    question      hash of policy and settings
    snapshot      id of the claims, `sha256:...`
    """

    rows: int
    evaluated_at: int
    passed: bytes
    question: bytes
    snapshot: str

    @classmethod
    def start(cls, evaluated_at: int, question: Mapping[str, Any], snapshot: str) -> Cursor:
        """Before the first row. `question` is what decides the answers: policy, own entities, hops, chain ..."""
        text = json.dumps(question, sort_keys=True, separators=(",", ":"))
        return cls(0, evaluated_at, bytes(16), hashlib.sha256(text.encode()).digest()[:8], snapshot)

    def after(self, row: Row) -> Cursor:
        """Behind one more row."""
        text = json.dumps([row.line, sorted(row.cells.items()), row.problem]).encode()
        return replace(self, rows=self.rows + 1, passed=hashlib.sha256(self.passed + text).digest()[:16])

    @property
    def text(self) -> str:
        """As it is printed and given again."""
        digest = bytes.fromhex(self.snapshot.removeprefix("sha256:"))
        body = _FORM.pack(_VERSION, self.rows, self.evaluated_at, self.passed, self.question, digest)
        return urlsafe_b64encode(body + hashlib.sha256(body).digest()[:_CHECK]).decode().rstrip("=")


def read(text: str) -> Cursor:
    """The cursor that a text is; `BadCursor` where it is none."""
    try:
        raw = urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    except (NoBase64, ValueError) as error:
        raise BadCursor("--resume got no cursor of a batch.", hint=_HINT) from error
    body, check = raw[:-_CHECK], raw[-_CHECK:]
    if len(body) != _FORM.size or hashlib.sha256(body).digest()[:_CHECK] != check or body[0] != _VERSION:
        raise BadCursor("--resume got no whole cursor of a batch: it was cut or changed.", hint=_HINT)
    _, rows, evaluated_at, passed, question, digest = _FORM.unpack(body)
    return Cursor(rows, evaluated_at, passed, question, f"sha256:{digest.hex()}")


def check(cursor: Cursor, start: Cursor, now: int) -> None:
    """Refuse a cursor that is expired, or of another question than the one `start` begins."""
    age = now - cursor.evaluated_at
    if age > VALID_SECONDS:
        raise BadCursor(
            f"the cursor expired: its batch was begun {age // 86_400} days ago, and lists age.",
            hint="Begin the batch anew, what was kept is not doubled; or say its --evaluated-at again.",
        )
    if cursor.question != start.question:
        raise BadCursor(
            "the cursor is of another question: policy, --own, --hops, --chain, --direction or --at differ.",
            hint="Ask as the batch was asked, or begin anew.",
        )


def other_input(row: int) -> BadCursor:
    """That the rows before the cursor are not those that were answered."""
    return BadCursor(
        f"the cursor is of another input: its first {row} rows are not those of this one.", hint=_HINT
    )
