"""What a policy is tried on: screenings that are kept, subjects of a file, deposits of the last days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cli import compose
from cli.app import App
from cli.policy_common import policy_named
from tracer.errors import BadSubject, DataError, UsageError

if TYPE_CHECKING:
    from tracer.evidence.custody import Question
    from tracer.screening.backtest import Case
    from tracer.screening.model import Subject
    from tracer.screening.policy import Policy

CHUNK = 1_000
"""Subjects examined per opening of a ledger."""


def kept(
    app: App, new: Policy, old: Policy | None, since: int, until: int, notes: list[str]
) -> Iterator[Case]:
    """The newest screening of each subject that was kept in these days."""
    from functools import cache

    from rules import policies
    from tracer.screening.backtest import Again
    from tracer.screening.kept import policies as former
    from tracer.screening.kept import store
    from tracer.state import State

    with State.open(app.workspace) as state:
        shipped = {policy.sha256: policy for policy in map(policy_named, policies.shipped())}
        again = Again(new, old, cache(lambda sha256: shipped.get(sha256) or former.kept(state, sha256)))
        for record in store.newest(state, store.Filter(since=since, until=until)):
            try:
                yield again.case(record.document)
            except DataError as error:
                again.notes[str(error)] += 1
    notes += [f"{count} screenings: {note}" for note, count in sorted(again.notes.items())]


def of_file(app: App, file: Path, chain_name: str | None, notes: list[str], log: Question) -> list[Subject]:
    """The subjects of a table; rows that cannot be read are counted and named."""
    from adapters.subjects.registry import opened
    from cli.screening_common import reading_of
    from tracer.screening.subjects import of_row

    by = reading_of(app, chain_name)
    found: list[Subject] = []
    bad: list[str] = []
    with opened(file) as table:
        for row in table.rows():
            try:
                found.append(of_row(row, by))
            except BadSubject as error:
                bad.append(f"line {row.line}: {error}")
        log.read(f"subjects sha256:{table.sha256()}")
    notes += [f"{len(bad)} rows are no subjects: {'; '.join(bad[:3])}"] if bad else []
    return list(dict.fromkeys(found))


def deposits(
    app: App, holder: str, chain_name: str | None, since: int, until: int, at: str | None, intel: str | None
) -> list[Subject]:
    """What arrived at a holder in these days; on the only chain that was read where none is named."""
    from tracer.screening import deposits as room

    if chain_name is None:
        here = compose.chains_read(app)
        if len(here) != 1:
            raise UsageError(
                "on which chain?", hint=f"Name it with --chain: {', '.join(here) or 'none was read'}."
            )
        chain_name = here[0]
    snapshot = compose.claims(app, intel)
    with compose.linked(app, chain_name, snapshot, at=at) as ledger:
        return room.deposits(ledger, snapshot, holder, since, until)


def examined(
    app: App,
    subjects: Sequence[Subject],
    new: Policy,
    old: Policy,
    own: tuple[str, ...],
    now: int,
    at: str | None,
    intel: str | None,
    log: Question,
) -> Iterator[Case]:
    """Subjects screened by both policies; once where both look equally far and stop at the same."""
    from cli.screening_common import Screener, engine
    from tracer.screening.backtest import Case, answer, shown
    from tracer.screening.exposure.settings import HARM
    from tracer.screening.judge import Judge
    from tracer.screening.listed import listed
    from tracer.screening.screen import Asked

    snapshot = compose.claims(app, intel)
    log.read(snapshot.id)
    asked = Asked(now, own, None, engine())
    lists = listed(snapshot)
    alike = (new.settings, new.words | HARM) == (old.settings, old.words | HARM)
    judge = Judge(old, lists, now)
    for chain in sorted({subject.chain for subject in subjects}):
        left = iter([subject for subject in subjects if subject.chain == chain])
        while chunk := list(islice(left, CHUNK)):
            with Screener(app, new, asked, snapshot, at).patiently(chain) as screening:
                after = screening.screened(chunk)
            if alike:
                before = [answer(judge.of(one.evidence)) for one in after]
            else:
                with Screener(app, old, asked, snapshot, at).patiently(chain) as screening:
                    before = [answer(one.judgement) for one in screening.screened(chunk)]
            for one in after:
                log.used(one.evidence.claims)
            for subject, then, one in zip(chunk, before, after, strict=True):
                yield Case(shown(subject), then, answer(one.judgement))
