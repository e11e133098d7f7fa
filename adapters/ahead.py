"""Work done ahead by threads, taken in order: reading goes on while the ledger commits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered(jobs: Iterable[T], work: Callable[[T], R], threads: int, ahead: int | None = None) -> Iterator[R]:
    """The result of each job in the order of the jobs, made by threads a few jobs ahead of who takes them.

    `ahead`: how many results wait at most, as many as there are threads where it is not said.
    """
    most = threads if ahead is None else ahead
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[R]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
