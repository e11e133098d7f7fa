"""Screen a table of subjects, however long: in short turns at the ledger, each row as of when it was read.

Rows are independent questions. A chunk takes about two seconds; a writer that waits gets the ledger meanwhile
(`tracer.turns`), and later chunks see what it wrote. Memory holds one chunk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tracer.errors import BadSubject, ReorgedAway
from tracer.screening.cursor import Cursor, other_input
from tracer.screening.model import Subject
from tracer.screening.screen import Screened, Screening
from tracer.screening.subjects import Reading, Row, of_row

TURN_SECONDS = 2.0
"""A chunk takes about so long: with fewer subjects it is made larger, up to `MOST`."""
FIRST, LEAST, MOST = 256, 512, 4_096
"""(P) Subjects of the first chunk, and of any after it. What a chunk costs whatever it holds is some 0.2 s, so that
smaller ones answer fewer a second; 4,096 documents are 30 MB."""
TRIES = 3
"""How often a chunk is asked whose ground a reorganisation took."""
LISTED = 1_000
"""Refused rows that the summary names; all stand in the stream."""


@dataclass(frozen=True)
class Line:
    """What one row came to: a document, or the reason why there is none. `cursor` stands behind it."""

    row: Row
    cursor: Cursor
    document: dict[str, Any] | None
    reason: str = ""


@dataclass
class Tally:
    """What a batch came to so far."""

    rows: int = 0
    verdicts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("block", "review", "unknown", "clear"), 0)
    )
    rejected: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)
    heights: dict[str, list[int]] = field(default_factory=dict)
    claims: set[str] = field(default_factory=set)

    def count(self, line: Line) -> None:
        """Add one row."""
        self.rows += 1
        if line.document is None:
            self.rejected += 1
            if len(self.rejections) < LISTED:
                self.rejections.append({"line": line.row.line, "reason": line.reason})
            return
        self.verdicts[line.document["verdict"]] += 1
        for tip in line.document["as_of"]:
            span = self.heights.setdefault(tip["chain"], [tip["height"], tip["height"]])
            span[:] = min(span[0], tip["height"]), max(span[1], tip["height"])
        self.claims.update(line.document["claims"])


class Batch:
    """Screens rows.

    opening  a chain's screening, open for as long as the block runs
    reading  how rows are read
    keep     records documents and gives back what is to be printed; once for each chunk
    """

    def __init__(
        self,
        opening: Callable[[str], AbstractContextManager[Screening]],
        reading: Reading,
        keep: Callable[[Sequence[dict[str, Any]]], Sequence[dict[str, Any]]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opening, self._reading, self._keep, self._clock = opening, reading, keep, clock
        self._size = FIRST

    def run(self, rows: Iterable[Row], start: Cursor, resumed: Cursor | None = None) -> Iterator[list[Line]]:
        """Answer all rows, or those behind a cursor, chunk by chunk, in order.

        Raises `BadCursor` where the rows before the cursor are not those it passed.
        """
        left = iter(rows)
        cursor = start
        if resumed is not None:
            for row in islice(left, resumed.rows):
                cursor = cursor.after(row)
            if cursor.rows != resumed.rows or cursor.passed != resumed.passed:
                raise other_input(resumed.rows)
        while chunk := list(islice(left, self._size)):
            lines = []
            for row, (document, reason) in zip(chunk, self._answers(chunk), strict=True):
                cursor = cursor.after(row)
                lines.append(Line(row, cursor, document, reason))
            yield lines

    def _answers(self, chunk: Sequence[Row]) -> list[tuple[dict[str, Any] | None, str]]:
        """Document or reason of each row."""
        found: list[tuple[dict[str, Any] | None, str]] = [(None, "")] * len(chunk)
        by_chain: dict[str, list[tuple[int, Subject]]] = {}
        for place, row in enumerate(chunk):
            try:
                subject = of_row(row, self._reading)
            except BadSubject as error:
                found[place] = None, str(error)
            else:
                by_chain.setdefault(subject.chain, []).append((place, subject))
        answered = [
            (place, one) for chain, asked in by_chain.items() for place, one in self._turn(chain, asked)
        ]
        answered.sort(key=lambda item: item[0])
        kept = self._keep([one.document for _, one in answered])
        for (place, _), document in zip(answered, kept, strict=True):
            found[place] = document, ""
        return found

    def _turn(self, chain: str, asked: Sequence[tuple[int, Subject]]) -> list[tuple[int, Screened]]:
        """One chunk of one chain; the next is as large as time allows."""
        since = self._clock()
        subjects = [subject for _, subject in asked]
        for attempt in range(TRIES):
            try:
                with self._opening(chain) as screening:
                    found = screening.screened(subjects)
                break
            except ReorgedAway:
                if attempt == TRIES - 1:
                    raise
        took = self._clock() - since
        if took < TURN_SECONDS / 2:
            self._size = min(MOST, max(LEAST, 2 * self._size))
        elif took > TURN_SECONDS:
            self._size = max(LEAST, self._size // 2)
        return [(place, one) for (place, _), one in zip(asked, found, strict=True)]


def summary(
    tally: Tally, *, head: Mapping[str, Any], sha256: str, first_row: int, output: str, cursor: Cursor
) -> dict[str, Any]:
    """`tracer.screening_batch/1`.

    head    what all rows share: claims, rules, engine, evaluated_at, policy, parameters
    output  SHA-256 of the lines that were printed
    """
    return {
        "schema": "tracer.screening_batch/1",
        **head,
        "as_of": [
            {"chain": chain, "from_height": low, "to_height": high}
            for chain, (low, high) in sorted(tally.heights.items())
        ],
        "input": {"sha256": sha256, "rows": cursor.rows},
        "first_row": first_row,
        "rows": tally.rows,
        "answered": tally.rows - tally.rejected,
        "counts": dict(tally.verdicts),
        "rejected": tally.rejected,
        "rejections": list(tally.rejections),
        "output_sha256": output,
        "cursor": cursor.text,
    }
