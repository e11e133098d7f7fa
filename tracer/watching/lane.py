"""The lane of one channel: threads that only send, and how long it is left alone after a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tracer.watching.outbox import ASKED_MOST, Parcel
from tracer.watching.sink import Channel, Envelope, Refused, Sink

AHEAD = 16
"""Envelopes claimed for each thread of a lane (P): a commit is paid once for many."""
LONGEST_PAUSE = 60.0
"""Seconds between attempts on a channel that does not answer (P)."""


class Untried(Exception):
    """It was in a lane that failed before its turn came."""


@dataclass
class Lane:
    """A channel at work. `on_the_way`: what is in it, by the promise of how it went."""

    channel: Channel
    pool: ThreadPoolExecutor
    sink: Sink | None = None
    on_the_way: dict[Future[None], Parcel] = field(default_factory=dict)
    failures: int = 0
    paused_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    tripped: threading.Event = field(default_factory=threading.Event)

    def room(self) -> int:
        """How many more envelopes it takes: one at a time while the channel does not answer."""
        most = 1 if self.failures else self.channel.parallel * AHEAD
        return max(0, most - len(self.on_the_way))

    def send(self, envelope: Envelope, clock: Callable[[], float]) -> None:
        """Send one; after a failure all that is still in the lane is left untried."""
        if self.tripped.is_set():
            raise Untried
        try:
            with self.lock:
                if self.sink is None:
                    self.sink = self.channel.open()
            self.sink.send(envelope, now=clock())
        except Refused as refused:
            if refused.gone:
                self.tripped.set()
            raise
        except BaseException:
            self.tripped.set()
            raise

    def pause(self, now: float, after: float) -> None:
        """Leave a channel that fails alone for a while; `after`: seconds it asked for."""
        if now >= self.paused_until:  # what was on its way beside it is no further failure
            self.failures += 1
        pause = max(min(LONGEST_PAUSE, 2.0 ** min(self.failures - 2, 10)), min(after, ASKED_MOST))
        self.paused_until = max(self.paused_until, now + pause)

    def works(self) -> None:
        """It took something."""
        self.failures, self.paused_until = 0, 0.0
        self.tripped.clear()
