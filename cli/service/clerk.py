"""What is written down before an answer leaves: kept screenings, the custody log, answers under keys. One thread.

All that waits is written in few transactions, so that many clients do not each wait for the disk. What cannot be
written down is not answered.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeVar

from cli.service import repeats
from tracer.errors import StoreBusy, TracerError
from tracer.evidence.custody import Line, append_each
from tracer.screening.kept import keeping
from tracer.screening.policy import Policy
from tracer.screening.screen import Screened
from tracer.state import State
from tracer.workspace import Workspace

Document = Mapping[str, Any]
T = TypeVar("T")
_MOST = 256
_TIDY_SECONDS = 3_600.0
"""(P) How often answers under keys that are older than is promised are dropped."""


@dataclass(frozen=True)
class Filing:
    """An answer on its way out.

    screened  in the order of the question
    render    documents as they are kept -> the bytes that are answered
    line      documents as they are kept, and those bytes -> the line of the custody log
    key       what the client calls the question by
    """

    policy: Policy
    screened: Sequence[Screened]
    case_id: str
    render: Callable[[Sequence[Document]], bytes]
    line: Callable[[Sequence[Document], bytes], Line]
    key: repeats.Key | None = None
    answer: Future[bytes] = field(default_factory=Future)


class Clerk:
    """Writes and reads the state of one workspace. Any thread may ask."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._waiting: queue.SimpleQueue[Filing | Callable[[State], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)
        self._open = True
        self._thread.start()

    def file(self, filing: Filing) -> Future[bytes]:
        """Write an answer down; its bytes once that is done."""
        self._put(filing)
        return filing.answer

    def ask(self, question: Callable[[State], T]) -> Future[T]:
        """What a question to the state gives."""
        answer: Future[T] = Future()

        def run(state: State) -> None:
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(question(state))
                except BaseException as error:  # a bug: who asked hears of it
                    answer.set_exception(error)
                    if not isinstance(error, Exception):
                        raise

        self._put(run)
        return answer

    def close(self) -> None:
        """Write down what waits, then end."""
        self._open = False
        self._waiting.put(None)
        self._thread.join(timeout=30)

    def _put(self, what: Filing | Callable[[State], None]) -> None:
        if not self._open:
            raise StoreBusy("the service is stopping.", hint="Ask again when it runs.")
        self._waiting.put(what)

    def _run(self) -> None:
        with State.open(self._workspace) as state:
            going, tidied = True, 0.0
            while going:
                if time.monotonic() - tidied > _TIDY_SECONDS or not tidied:
                    with suppress(TracerError):  # next time
                        repeats.forget(state, int(time.time()))
                    tidied = time.monotonic()
                taken = [self._waiting.get()]
                while len(taken) < _MOST and not self._waiting.empty():
                    taken.append(self._waiting.get())
                filings: list[Filing] = []
                for each in taken:
                    if each is None:
                        going = False
                    elif isinstance(each, Filing):
                        filings.append(each)
                    else:
                        each(state)
                if filings:
                    self._write(state, filings)

    @staticmethod
    def _write(state: State, filings: list[Filing]) -> None:
        filings = [each for each in filings if each.answer.set_running_or_notify_cancel()]
        try:
            answers = _kept(state, filings)
        except BaseException as error:
            for filing in filings:
                filing.answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for filing, answer in zip(filings, answers, strict=True):
            filing.answer.set_result(answer)


def _kept(state: State, filings: list[Filing]) -> list[bytes]:
    """Keep the documents, then the lines and the answers under keys; -> the answers."""
    now = int(time.time())
    kept: dict[int, list[dict[str, Any]]] = {}
    ways = sorted(range(len(filings)), key=lambda at: (filings[at].policy.sha256, filings[at].case_id))
    for (_, case_id), places in groupby(
        ways, key=lambda at: (filings[at].policy.sha256, filings[at].case_id)
    ):
        each = list(places)
        documents = [one.document for at in each for one in filings[at].screened]
        told = iter(keeping.keep(state, documents, policy=filings[each[0]].policy, case_id=case_id, now=now))
        for at in each:
            kept[at] = [next(told) for _ in filings[at].screened]
    answers = [filing.render(kept[at]) for at, filing in enumerate(filings)]
    append_each(state, [filing.line(kept[at], answers[at]) for at, filing in enumerate(filings)])
    with state.transaction():
        for filing, answer in zip(filings, answers, strict=True):
            if filing.key is not None:
                repeats.put(state, filing.key, answer, now)
    return answers
