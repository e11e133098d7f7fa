"""Where subjects are screened: one thread for each chain, which takes all that waits and examines it as one set.

A set costs little more than one subject, so many clients at once are answered in the time of two sets. Long questions
give way: of each set a part is left for short ones.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from cli.service.metrics import Metrics
from tracer.errors import StoreBusy, TracerError, UsageError
from tracer.screening.model import Subject
from tracer.screening.screen import Screened

_SET = 256
"""Subjects examined together (P): about a second with three hops."""
_OF_LONG = 192
"""Of them at most so many of long questions while short ones wait."""
_SHORT = 8
"""Subjects of a question that is not long."""
_MOST_WAITING = 20_000
_IDLE_SECONDS = 1.0


class Screener(Protocol):
    """Answers for one chain, kept warm between sets. Used from one thread."""

    def screen(self, policy: str, subjects: Sequence[Subject]) -> list[Screened]:
        """Answers in the order of the subjects."""

    def rest(self) -> None:
        """Called while nothing waits: let go of what is out of date."""

    def close(self) -> None:
        """Let go of all."""


@dataclass
class _Question:
    policy: str
    subjects: Sequence[Subject]
    answer: Future[list[Screened]]
    found: list[Screened] = field(default_factory=list)

    @property
    def left(self) -> int:
        return len(self.subjects) - len(self.found)


class Desk:
    """Hands questions to the thread of their chain."""

    def __init__(self, screener: Callable[[str], Screener], metrics: Metrics) -> None:
        """`screener`: chain -> its screener, made in the thread that uses it."""
        self._make, self._metrics = screener, metrics
        self._lines: dict[str, _Line] = {}
        self._lock = threading.Lock()
        self._open = True

    def ask(self, chain: str, policy: str, subjects: Sequence[Subject]) -> Future[list[Screened]]:
        """Answers to subjects of one chain, in their order. Raises `StoreBusy` where too many wait."""
        with self._lock:
            if not self._open:
                raise StoreBusy("the service is stopping.", hint="Ask again when it runs.")
            if chain not in self._lines:
                self._lines[chain] = _Line(chain, self._make, self._metrics)
        return self._lines[chain].put(policy, subjects)

    def close(self) -> None:
        """Answer what is in hand, refuse what waits, end the threads."""
        with self._lock:
            self._open = False
        for line in self._lines.values():
            line.close()


class _Line:
    """The questions of one chain and the thread that answers them."""

    def __init__(self, chain: str, make: Callable[[str], Screener], metrics: Metrics) -> None:
        self._chain, self._make, self._metrics = chain, make, metrics
        self._short: deque[_Question] = deque()
        self._long: deque[_Question] = deque()
        self._some = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, name=f"screen {chain}", daemon=True)
        self._thread.start()

    def put(self, policy: str, subjects: Sequence[Subject]) -> Future[list[Screened]]:
        question = _Question(policy, subjects, Future())
        with self._some:
            if self._waiting() + len(subjects) > _MOST_WAITING:
                raise StoreBusy(f"{self._waiting():,} subjects wait already.", hint="Ask again later.")
            (self._short if len(subjects) <= _SHORT else self._long).append(question)
            self._metrics.waiting.labels(self._chain).set(self._waiting())
            self._some.notify()
        return question.answer

    def close(self) -> None:
        with self._some:
            self._open = False
            self._some.notify()
        self._thread.join(timeout=30)

    def _waiting(self) -> int:
        return sum(each.left for each in (*self._short, *self._long))

    def _run(self) -> None:
        screener: Screener | None = None
        while taken := self._take(screener):
            live = [(each, part) for each, part in taken if not each.answer.cancelled()]
            try:
                if screener is None:
                    screener = self._make(self._chain)
                self._answer(screener, live)
            except TracerError as error:
                self._fail(live, error)
                screener = self._closed(screener)
            except BaseException as error:  # a bug: whoever asked hears of it, and the next one is answered
                self._fail(live, error)
                screener = self._closed(screener)
                if not isinstance(error, Exception):
                    raise
            self._put_back(live)
        self._closed(screener)

    def _take(self, screener: Screener | None) -> list[tuple[_Question, Sequence[Subject]]]:
        """Parts of questions for the next set; empty when the desk closes."""
        with self._some:
            while self._open and not (self._short or self._long):
                if not self._some.wait(_IDLE_SECONDS) and screener is not None:
                    self._some.release()
                    try:
                        screener.rest()
                    finally:
                        self._some.acquire()
            if not self._open:
                stopping = StoreBusy("the service is stopping.", hint="Ask again when it runs.")
                self._fail([(each, ()) for each in (*self._short, *self._long)], stopping)
                return []
            taken: list[tuple[_Question, Sequence[Subject]]] = []
            room = _SET
            if self._long:
                room -= min(_OF_LONG if self._short else _SET, self._long[0].left)
            while self._short and (room >= self._short[0].left or not taken):
                question = self._short.popleft()
                taken.append((question, question.subjects))
                room -= question.left
            room = _SET - sum(len(part) for _, part in taken)
            while self._long and room > 0:
                question = self._long.popleft()
                done = len(question.found)
                taken.append((question, question.subjects[done : done + room]))
                room -= len(taken[-1][1])
            self._metrics.waiting.labels(self._chain).set(self._waiting())
            return taken

    def _answer(self, screener: Screener, taken: list[tuple[_Question, Sequence[Subject]]]) -> None:
        for policy in dict.fromkeys(question.policy for question, _ in taken):
            parts = [(question, part) for question, part in taken if question.policy == policy]
            subjects = [subject for _, part in parts for subject in part]
            try:
                documents = iter(self._set(screener, policy, subjects))
            except UsageError:
                if len(parts) == 1:
                    raise
                # one of them cannot be asked so: the others are none the worse for it
                for alone in parts:
                    try:
                        self._answer(screener, [alone])
                    except UsageError as error:
                        self._fail([alone], error)
                continue
            for question, part in parts:
                question.found.extend(next(documents) for _ in part)
                if not question.left and question.answer.set_running_or_notify_cancel():
                    question.answer.set_result(question.found)

    def _set(self, screener: Screener, policy: str, subjects: Sequence[Subject]) -> list[Screened]:
        began = time.perf_counter()
        answers = screener.screen(policy, subjects)
        self._metrics.set_seconds.labels(self._chain).observe(time.perf_counter() - began)
        self._metrics.sets.labels(self._chain).observe(len(subjects))
        return answers

    def _put_back(self, taken: list[tuple[_Question, Sequence[Subject]]]) -> None:
        """Long questions go on behind the others."""
        with self._some:
            self._long.extend(each for each, _ in taken if each.left and not each.answer.done())

    @staticmethod
    def _fail(taken: Sequence[tuple[_Question, Sequence[Subject]]], error: BaseException) -> None:
        for question, _ in taken:
            if not question.answer.done() and question.answer.set_running_or_notify_cancel():
                question.answer.set_exception(error)

    @staticmethod
    def _closed(screener: Screener | None) -> None:
        if screener is not None:
            screener.close()
