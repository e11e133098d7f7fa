"""`tracer screen --file`: a table of subjects, answered line by line as it is read."""

from __future__ import annotations

import errno
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import compose
from cli.app import App, drop_output
from cli.screen_codes import exit_code
from cli.screen_text import front, line_text, summary_text
from cli.screening_common import Held, Screener, engine, moment
from tracer.errors import BadCursor, DataError, StoreUnwritable, TracerError

if TYPE_CHECKING:
    from adapters.subjects.table import Table
    from tracer.evidence.custody import Question
    from tracer.screening.batch import Line, Tally
    from tracer.screening.cursor import Cursor
    from tracer.screening.policy import Policy
    from tracer.screening.subjects import Reading

REJECTED = DataError.exit_code
"""Exit code where rows were rejected; the others were answered."""


@dataclass(frozen=True)
class Asking:
    """What was typed beside the file."""

    app: App
    log: Question
    policy: Policy
    by: Reading
    own: tuple[str, ...]
    hops: int | None
    at: str | None
    intel: str | None
    case_id: str
    as_json: bool
    compat: str | None
    front_office: bool
    failing: frozenset[str] | None

    def question(self) -> dict[str, Any]:
        """What decides the answers: a cursor goes on with the same alone."""
        return {
            "policy": self.policy.sha256,
            "own": sorted(name.casefold() for name in self.own),
            "hops": self.hops,
            "chain": self.by.chain.name if self.by.chain else None,
            "direction": self.by.direction,
            "at": self.at,
        }


def screen_file(asking: Asking, file: Path, resume: str | None, evaluated_at: str | None) -> int:
    """Answer a table; -> the exit code."""
    from tracer.screening.batch import Batch, Tally, summary
    from tracer.screening.kept.keeping import keep
    from tracer.state import State

    start, resumed = _begin(asking, resume, evaluated_at)
    screener = _screener(asking, start)
    asking.log.read(screener.snapshot.id)
    tally, out = Tally(), _Out(asking)
    cursor = resumed or start
    with _table(file) as table, State.open(asking.app.workspace) as state, Held(screener) as held:
        batch = Batch(
            held.opening,
            asking.by,
            lambda documents: keep(state, documents, policy=asking.policy, case_id=asking.case_id),
        )
        with asking.app.progress("screening") as advance:
            try:
                for lines in batch.run(table.rows(), start, resumed):
                    for line in lines:
                        tally.count(line)
                    out.lines(lines)
                    cursor = lines[-1].cursor
                    advance(*table.progress())
                    if out.closed:
                        break
            except (KeyboardInterrupt, TracerError):
                if tally.rows:
                    asking.app.warn(f"{tally.rows:,} rows were answered; go on with --resume {cursor.text}")
                raise
        if not out.closed:
            said = summary(
                tally, head=_head(asking, screener), sha256=table.sha256(), output=out.digest.hexdigest(),
                first_row=(resumed.rows if resumed else 0) + 1, cursor=cursor,
            )  # fmt: skip
            out.summary(said)
            asking.log.read(f"subjects sha256:{said['input']['sha256']}")
    code = _code(tally, asking.failing)
    for chain, (low, high) in sorted(tally.heights.items()):
        asking.log.read(f"{chain}:{low}-{high}")
    asking.log.used(tally.claims)
    if tally.rows or not out.closed:
        asking.log.answered(out.digest.hexdigest().encode(), code)
    return code


def _begin(asking: Asking, resume: str | None, evaluated_at: str | None) -> tuple[Cursor, Cursor | None]:
    """Where the batch starts, and where it goes on: by the claims and as of the time it was begun with."""
    from tracer.screening.cursor import Cursor, check, read

    if resume is None:
        snapshot = compose.claims(asking.app, asking.intel)
        return Cursor.start(moment(evaluated_at), asking.question(), snapshot.id), None
    resumed = read(resume)
    if evaluated_at is not None and moment(evaluated_at) != resumed.evaluated_at:
        raise BadCursor(
            "the cursor's batch was evaluated at another time.",
            hint="Leave --evaluated-at out with --resume.",
        )
    if asking.intel is not None and asking.intel != resumed.snapshot:
        raise BadCursor("the cursor's batch had other claims.", hint="Leave --intel out with --resume.")
    start = Cursor.start(resumed.evaluated_at, asking.question(), resumed.snapshot)
    # who says the time again knows how old the lists are
    check(resumed, start, int(time.time()) if evaluated_at is None else resumed.evaluated_at)
    return start, resumed


def _screener(asking: Asking, start: Cursor) -> Screener:
    from tracer.screening.screen import Asked

    asked = Asked(start.evaluated_at, asking.own, asking.hops, engine())
    return Screener(asking.app, asking.policy, asked, compose.claims(asking.app, start.snapshot), asking.at)


@contextmanager
def _table(file: Path) -> Iterator[Table]:
    from adapters.subjects.registry import opened, piped

    if str(file) == "-":
        yield piped(sys.stdin.buffer)
        return
    with opened(file) as table:
        yield table


def _head(asking: Asking, screener: Screener) -> dict[str, Any]:
    """What all rows share."""
    from tracer.flow.question import utc

    policy = asking.policy
    return {
        "intel_snapshot": screener.snapshot.id,
        "rules": compose.rules(),
        "engine": screener.asked.engine,
        "evaluated_at": utc(screener.asked.evaluated_at),
        "policy": {"id": policy.id, "version": policy.version, "sha256": policy.sha256},
    }


def _code(tally: Tally, failing: frozenset[str] | None) -> int:
    """Verdicts count with --fail-on only; rows that were rejected are exit code 4."""
    seen = (verdict for verdict, count in tally.verdicts.items() if count)
    return exit_code(seen, failing or frozenset()) or (REJECTED if tally.rejected else 0)


class _Out:
    """What is printed, a chunk at a time; whoever reads it may stop reading."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._project = _projection(asking)
        self.digest = hashlib.sha256()
        self.closed = False

    def lines(self, lines: Sequence[Line]) -> None:
        """One line for each row, in order."""
        plain = not (self._asking.as_json or self._asking.compat)
        self._print(
            "".join(
                line_text(line, front_office=self._asking.front_office) if plain else self._json(line)
                for line in lines
            ),
            counted=True,
        )

    def summary(self, said: dict[str, Any]) -> None:
        """The last line."""
        plain = not (self._asking.as_json or self._asking.compat)
        self._print(summary_text(said) if plain else _compact(said), counted=False)

    def _json(self, line: Line) -> str:
        batch = {"row": line.cursor.rows, "line": line.row.line, "cursor": line.cursor.text}
        if line.document is None:
            from tracer.screening.subjects import reference_of

            said: Any = {"schema": "tracer.screening_rejected/1", "line": line.row.line, "reason": line.reason,
                         "customer_reference": reference_of(line.row, self._asking.by)}  # fmt: skip
        else:
            said = self._project(line.document)
        if isinstance(said, list):
            return _compact([*said[:-1], said[-1] | {"batch": batch}])
        return _compact(said | {"batch": batch})

    def _print(self, text: str, *, counted: bool) -> None:
        if counted:
            self.digest.update(text.encode())
        try:
            with self._asking.app.aside():
                sys.stdout.write(text)
                sys.stdout.flush()
        except BrokenPipeError:
            self.closed = True
            drop_output()
        except OSError as error:
            drop_output()
            why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
            raise StoreUnwritable(
                f"cannot print the answers: {why}.",
                hint="Go on with --resume and the batch.cursor of the last whole line.",
            ) from error


def _projection(asking: Asking) -> Callable[[dict[str, Any]], Any]:
    if asking.compat:
        from adapters.compat.registry import SHAPES

        return SHAPES[asking.compat]
    return front if asking.front_office else (lambda document: document)


def _compact(said: Any) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n"
