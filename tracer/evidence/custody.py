"""The custody log: who asked what, when, on which inputs, and what was answered. Append-only, hash-chained.

Each entry carries the hash of the entry before it and the hash of its own fields, so that an entry that was
edited, taken out of the middle, put in or moved shows at once. The last entry is noted a second time, in
`custody_head`, so that a tail cut off shows too.

What this cannot show, as there is no secret in it: whoever may write `state.sqlite` can compute the whole
chain anew, cut the tail and adjust the head, or put an old copy of the file (or none) in its place. Against
these stands only a head hash noted elsewhere: `tracer case verify` prints it, `--head HASH` checks that it is
still in the log. A process killed between its answer and its exit leaves no line. Times are those of the
machine's clock; the user is the account that ran the process.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType

from tracer.db import named_sql
from tracer.errors import CustodyBroken
from tracer.intel.claims import clean
from tracer.state import State
from tracer.workspace import Workspace

_SQL = named_sql("tracer.evidence", "custody.sql")
GENESIS = "0" * 64
"""What stands for the hash before the first entry, and for the head of an empty log."""

INTERRUPTED = 130
"""Exit code of what Ctrl-C ended (128 + SIGINT, as shells have it)."""

_LOGIN = re.compile(r"(://)(?:[^\s/:@]+:\S*@|[^\s/?#]*@)")
_SECRET = re.compile(r"(?i)((?:password|passwd|passphrase|secret|token|api[-_]?key)=)[^\s&]+")
_SECRET_OPTION = re.compile(r"(?i)--?[\w-]*(?:password|passwd|passphrase|secret|token|api-?key)")


@dataclass(frozen=True)
class Entry:
    """One line of the log, as stored; `arguments` and `inputs` are JSON lists of strings.

    output   SHA-256 of the answer's bytes as `--json` prints them, "" where nothing was answered
    outcome  `answered`, `unanswered` or `failed:<exit code>`; `answered:<exit code>` where an error or a
             verdict's exit code came after the answer, `:130` where Ctrl-C ended it
    """

    seq: int
    time: str
    user: str
    engine: str
    verb: str
    arguments: str
    case_id: str
    purpose: str
    inputs: str
    output: str
    outcome: str
    prev: str
    hash: str

    def digest(self) -> str:
        """SHA-256 over the canonical JSON of every field but `hash`, 64 hex digits."""
        said = asdict(self)
        del said["hash"]
        # a damaged row may hold bytes or NULL; it must fail to match, not to print
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), default=repr)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Line:
    """What an entry will say; see `append`."""

    verb: str
    arguments: Sequence[str]
    case_id: str
    purpose: str
    inputs: Sequence[str]
    output: str
    outcome: str
    claims: Collection[str] = ()


def append(
    state: State,
    *,
    verb: str,
    arguments: Sequence[str],
    case_id: str,
    purpose: str,
    inputs: Sequence[str],
    output: str,
    outcome: str,
    claims: Collection[str] = (),
) -> Entry:
    """Add one entry at the end; durable when this returns. Any number of processes may append at once.

    `claims` are the ids of those the answer leaned on; their digest becomes an input. Raises `CustodyBroken`
    where the end of the log is not what its head says: nothing is added to a log that was cut.
    """
    line = Line(verb, arguments, case_id, purpose, inputs, output, outcome, claims)
    return append_each(state, [line])[0]


def append_each(state: State, lines: Sequence[Line]) -> list[Entry]:
    """Add entries at the end in one transaction: all of them, or none. See `append`."""
    with state.transaction():
        seq, prev = _end(state)
        added: list[Entry] = []
        for line in lines:
            added.append(_added(state, line, seq, prev))
            seq, prev = added[-1].seq, added[-1].hash
    return added


def _added(state: State, line: Line, seq: int, prev: str) -> Entry:
    """Add one entry behind the one with that number and hash."""
    inputs = [*line.inputs, claims_digest(line.claims)] if line.claims else line.inputs
    draft = Entry(
        seq=seq + 1,
        time=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        user=os_user(),
        engine=engine_version(),
        verb=clean(line.verb),
        arguments=_list(mask(line.arguments)),
        case_id=clean(line.case_id),
        purpose=clean(mask([line.purpose])[0]),
        inputs=_list(inputs),
        output=line.output,
        outcome=line.outcome,
        prev=prev,
        hash="",
    )
    entry = replace(draft, hash=draft.digest())
    state.run(_SQL["append"], asdict(entry))
    state.run(_SQL["move_head" if seq else "first_head"], {"seq": entry.seq, "hash": entry.hash})
    state.run(_SQL["used"], {"seq": entry.seq, "claims": json.dumps(sorted(line.claims))})
    return entry


def claims_digest(claims: Collection[str]) -> str:
    """`claims:sha256:...` over sorted claim ids: what an entry's inputs say of the claims it leaned on."""
    return f"claims:sha256:{hashlib.sha256(''.join(sorted(claims)).encode()).hexdigest()}"


def using(state: State, claim: str) -> list[Entry]:
    """Entries whose answers leaned on a claim, oldest first."""
    return [Entry(*row) for row in state.rows(_SQL["using"], {"claim": claim})]


def entries(state: State, case_id: str | None = None) -> list[Entry]:
    """All entries, or those of one case, oldest first."""
    wanted = None if case_id is None else clean(case_id)
    return [Entry(*row) for row in state.rows(_SQL["entries"], {"case_id": wanted})]


def verify(state: State, head: str | None = None) -> int:
    """Check the whole chain; returns the number of entries. Raises `CustodyBroken` naming the first misfit.

    head  a hash noted earlier: it must still be the hash of some entry
    """
    with state.transaction():
        log = entries(state)
        _end(state)
    before = GENESIS
    for place, entry in enumerate(log, start=1):
        if entry.seq != place:
            raise _broken(f"entry {place} of the custody log is missing: {entry.seq} stands in its place.")
        if entry.prev != before:
            raise _broken(f"entry {place} of the custody log does not follow the entry before it.")
        if entry.digest() != entry.hash:
            raise _broken(f"entry {place} of the custody log was changed: it does not match its own hash.")
        before = entry.hash
    if head not in {None, GENESIS, *(entry.hash for entry in log)}:
        raise _broken(f"no entry of the custody log has the hash {head}: the log is not the one noted then.")
    return len(log)


def head(state: State) -> str:
    """Hash of the last entry, to be noted elsewhere; `GENESIS` for an empty log."""
    with state.transaction():
        return _end(state)[1]


class Question:
    """One question of a case, as a context manager: its line is written when the block ends, however it ends.

    with Question(workspace, verb="trace", arguments=argv, case_id="K-12", purpose="seizure") as question:
        question.read(snapshot.id)
        question.answered(document_bytes)

    The log is opened, and its end checked, before the block runs: a question that could not be recorded is
    not answered. Raises `CustodyBroken`, `StoreUnwritable`, `StoreBusy`.
    """

    def __init__(
        self, workspace: Workspace, *, verb: str, arguments: Sequence[str], case_id: str, purpose: str
    ) -> None:
        self._workspace = workspace
        self._asked = {"verb": verb, "case_id": case_id, "purpose": purpose}
        self._arguments = tuple(arguments)
        self._inputs: list[str] = []
        self._claims: set[str] = set()
        self._output = ""
        self._code = 0

    def read(self, identity: str) -> None:
        """Note an input: the hash of a file, a snapshot id, an `as_of`."""
        if identity not in self._inputs:
            self._inputs.append(identity)

    def used(self, claims: Iterable[str]) -> None:
        """Note the claims the answer leaned on, so that it is found when one of them is withdrawn."""
        self._claims.update(claims)

    def answered(self, output: bytes, code: int = 0) -> None:
        """Note the answer: its SHA-256 goes into the log, the answer itself does not.

        `output`: as printed. `code`: the exit code the answer ends in, where it is known to be another than 0.
        """
        self._output, self._code = hashlib.sha256(output).hexdigest(), code

    def __enter__(self) -> Question:
        self._state = State.open(self._workspace)
        try:
            with self._state.transaction():
                _end(self._state)
        except BaseException:
            self._state.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended = self._code
        if error is not None:
            ended = INTERRUPTED if isinstance(error, KeyboardInterrupt) else getattr(error, "exit_code", 1)
        code = f":{ended}" if ended or error is not None else ""
        outcome = f"answered{code}" if self._output else f"failed{code}" if code else "unanswered"
        with self._state:
            append(
                self._state,
                **self._asked,
                arguments=self._arguments,
                inputs=self._inputs,
                output=self._output,
                outcome=outcome,
                claims=self._claims,
            )


def mask(arguments: Sequence[str]) -> list[str]:
    """The arguments without their secrets: logins in URLs, `token=...`, the value after `--password`."""
    masked: list[str] = []
    secret_next = False
    for argument in arguments:
        shown = _SECRET.sub(r"\1***", _LOGIN.sub(r"\1***@", argument))
        masked.append("***" if secret_next else shown)
        secret_next = _SECRET_OPTION.fullmatch(argument) is not None
    return masked


def engine_version() -> str:
    """Version of the installed engine; `unknown` when it runs from a folder without having been installed."""
    try:
        return version("tracer")
    except PackageNotFoundError:
        return "unknown"


def _end(state: State) -> tuple[int, str]:
    """Number and hash of the last entry, (0, GENESIS) in an empty log; checked against the head."""
    last = state.rows(_SQL["last"])
    noted = state.rows(_SQL["head"])
    if last == noted:
        return last[0] if last else (0, GENESIS)
    here = last[0][0] if last else 0
    if noted and isinstance(noted[0][0], int) and here < noted[0][0]:
        raise _broken(
            f"the custody log ends at entry {here}, but entry {noted[0][0]} was written: its tail was cut."
        )
    raise _broken(f"the last entry of the custody log ({here}) is not the one its head names.")


def _broken(problem: str) -> CustodyBroken:
    return CustodyBroken(problem, hint="Keep state.sqlite as it is, and compare it with a backup.")


def _list(texts: Sequence[str]) -> str:
    """A JSON list; bytes of the command line that are no text are written out as escapes."""
    texts = [text.encode("utf-8", "backslashreplace").decode() for text in texts]
    return json.dumps(list(texts), ensure_ascii=False, separators=(",", ":"))


def os_user() -> str:
    """The account the process runs as; not what the environment claims."""
    try:
        import pwd
    except ImportError:
        return getpass.getuser()
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid:{os.getuid()}"
