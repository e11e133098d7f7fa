"""Taking what is due to its channels: each channel has a lane of its own, so that one that hangs holds up no other.

One thread keeps the books (claims, outcomes, leases), a few for each channel only send. A channel that fails is
paused, and then asked with one envelope at a time until it answers: a server that is down is not asked for each alert.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from tracer.errors import SourceError
from tracer.state import State
from tracer.watching import outbox, upkeep
from tracer.watching.lane import Lane, Untried
from tracer.watching.outbox import Parcel
from tracer.watching.sink import Channel, Envelope, Refused, Retry
from tracer.workspace import Workspace

LEASE = 15.0
"""Seconds that rows stay claimed when their dispatcher died (P)."""
POLL = 0.1
"""Seconds between two looks for what is due (P)."""
GATHER = 0.02
"""Seconds that outcomes are gathered before they are written down (P): they share a commit."""
KEEP = 5.0
"""Seconds between two looks for dead letters and channels that nobody knows (P)."""
AFTER_TROUBLE = 1.0
"""Seconds until the state is tried again that could not be written (P)."""


@dataclass
class Summary:
    """What a dispatcher did. `troubles`: channel -> the last reason it did not take something."""

    delivered: int = 0
    put_off: int = 0
    dead: int = 0
    troubles: dict[str, str] = field(default_factory=dict)


class Dispatcher:
    """Sends what is due. Any number of them may run at once; one that is killed leaves rows to the others.

    clock   unix seconds; a test moves it
    """

    def __init__(
        self,
        workspace: Workspace,
        channels: Mapping[str, Channel],
        *,
        clock: Callable[[], float] = time.time,
        lease: float = LEASE,
    ) -> None:
        self.workspace, self.channels, self.clock = workspace, dict(channels), clock
        self.summary = Summary()
        self._lease_seconds = lease
        self._lease = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._renewed = self._kept = self._latest = 0.0
        self._unkept = False
        self._lanes = {
            name: Lane(channel, ThreadPoolExecutor(channel.parallel, thread_name_prefix=f"channel-{name}"))
            for name, channel in self.channels.items()
        }

    def until_idle(self, *, flush: bool = False, patience: float = 0.0) -> Summary:
        """Send until nothing is due and nothing on its way. `flush`: digests of a catch-up go now.

        patience   seconds that what was put off is waited for, so that a receiver's hiccup costs no whole run
        """
        ends = self.clock() + patience
        with State.open(self.workspace) as state:
            self._recall(state)
            try:
                while (
                    self._turn(state, flush=flush)
                    or self._on_the_way()
                    or self._unkept
                    or self._soon(state, ends)
                ):
                    self._await(POLL)
                    if not self._on_the_way() and self._soon(state, ends):
                        time.sleep(POLL)
            finally:
                self._end(state)
        return self.summary

    def follow(self, stop: threading.Event) -> Summary:
        """Send what falls due until told to stop; what is on its way then is waited for."""
        with State.open(self.workspace) as state:
            self._recall(state)
            try:
                while not stop.is_set():
                    try:
                        busy = self._turn(state) or self._on_the_way()
                    except (
                        SourceError
                    ):  # the state is held, or the disk is full: what was not booked is sent again
                        busy = False
                        stop.wait(AFTER_TROUBLE)
                    if busy:
                        self._await(POLL)
                    else:
                        stop.wait(POLL)
            finally:
                self._end(state)
        return self.summary

    def _recall(self, state: State) -> None:
        """A channel that did not answer the dispatcher before this one is asked with one envelope at a time too."""
        for row in outbox.health(state):
            lane = self._lanes.get(row["channel"])
            if lane is not None and (row["failed"] or 0) > (row["delivered"] or 0):
                lane.failures = max(lane.failures, 1)

    def _turn(self, state: State, *, flush: bool = False) -> bool:
        """Book what came back and claim what is due, in one transaction; False where there was nothing to do."""
        now = self._time()
        ended = any(future.done() for lane in self._lanes.values() for future in lane.on_the_way)
        due = [
            lane
            for lane in self._lanes.values()
            if now >= lane.paused_until
            and lane.room()
            and outbox.anything(state, lane.channel.name, now, flush=flush)
        ]
        renew = self._on_the_way() and now - self._renewed >= self._lease_seconds / 3
        keep = now - self._kept >= KEEP or (self._unkept and not (ended or due or self._on_the_way()))
        if not (ended or due or renew or keep):
            return False
        claimed: list[tuple[Lane, Parcel, Envelope]] = []
        with state.transaction():
            for lane in self._lanes.values():
                self._book(state, lane, now)
                if renew:
                    outbox.renew(state, [*lane.on_the_way.values()], self._lease, now, self._lease_seconds)
            told = self._keep(state, now) if keep else 0
            for lane in due:
                claimed += self._claim(state, lane, now, flush=flush)
        self._renewed = now if renew or not self._on_the_way() else self._renewed
        for lane, parcel, envelope in claimed:
            lane.on_the_way[lane.pool.submit(lane.send, envelope, self.clock)] = parcel
        return bool(ended or claimed or told)

    def _time(self) -> float:
        """What time it is; where that was set back, nothing waits for the time before."""
        now = self.clock()
        if now < self._latest - outbox.SLACK:
            self._renewed = self._kept = 0.0
            for lane in self._lanes.values():
                lane.paused_until = min(lane.paused_until, now)
        self._latest = now
        return now

    def _keep(self, state: State, now: float) -> int:
        """Tell of dead letters, and of channels that nobody knows."""
        self._kept, self._unkept = now, False
        outbox.clock_set_back(state, now, self._lease_seconds)
        for name in outbox.bury_strangers(state, [*self.channels], now):
            self.summary.troubles[name] = "no such channel"
        return upkeep.tell_dead(state, self.channels, now)

    def _claim(
        self, state: State, lane: Lane, now: float, *, flush: bool
    ) -> list[tuple[Lane, Parcel, Envelope]]:
        if (why := outbox.bury_disabled(state, lane.channel.name, now)) is not None:
            self.summary.troubles[lane.channel.name] = why
            self._unkept = True
            return []
        if now < lane.paused_until:
            return []
        if not lane.on_the_way:
            lane.tripped.clear()
        outbox.settle(state, lane.channel, now, flush=flush)
        found = []
        for parcel in outbox.claim(
            state, lane.channel.name, self._lease, now, self._lease_seconds, lane.room()
        ):
            envelope = outbox.seal(state, lane.channel, parcel)
            if envelope is None:
                outbox.bury(state, parcel, self._lease, "no longer recorded")
            else:
                found.append((lane, parcel, envelope))
        return found

    def _book(self, state: State, lane: Lane, now: float) -> None:
        """Write down how what came back went."""
        for future in [future for future in lane.on_the_way if future.done()]:
            parcel = lane.on_the_way.pop(future)
            name = lane.channel.name
            problem = None if future.cancelled() else future.exception()
            if future.cancelled() or isinstance(problem, Untried):
                outbox.give_back(state, [parcel], self._lease)
            elif problem is None:
                lane.works()
                outbox.delivered(state, parcel, now)
                self.summary.delivered += 1
            elif isinstance(problem, Refused):
                outbox.bury(state, parcel, self._lease, problem.why)
                self.summary.dead += 1
                self._unkept = True
                self.summary.troubles[name] = problem.why
                if problem.gone:
                    outbox.gone(state, name, problem.why, now)
            else:
                # a fault of the sink's own is one line too, and stops no other channel
                retry = problem if isinstance(problem, Retry) else Retry(f"failed ({type(problem).__name__})")
                dead = outbox.put_off(state, parcel, self._lease, retry.why, now, after=retry.after)
                self.summary.dead += dead
                self._unkept = self._unkept or dead
                self.summary.put_off += not dead
                self.summary.troubles[name] = retry.why
                lane.pause(now, retry.after)

    def _soon(self, state: State, ends: float) -> bool:
        """Whether something that was put off falls due before a time to come."""
        now = self.clock()
        if now >= ends:
            return False
        dues = (
            max(due, lane.paused_until)
            for lane in self._lanes.values()
            if (due := outbox.next_due(state, lane.channel.name)) is not None
        )
        return any(now < due <= ends for due in dues)

    def _on_the_way(self) -> bool:
        return any(lane.on_the_way for lane in self._lanes.values())

    def _await(self, seconds: float) -> None:
        futures = [future for lane in self._lanes.values() for future in lane.on_the_way]
        if futures and wait(futures, timeout=seconds, return_when=FIRST_COMPLETED).not_done:
            wait(futures, timeout=GATHER)

    def _end(self, state: State) -> None:
        """Wait for what is on its way, give back what is not, close the sinks."""
        for lane in self._lanes.values():
            for future in lane.on_the_way:
                future.cancel()
        while self._on_the_way():
            self._await(self._lease_seconds / 3)
            now = self.clock()
            with state.transaction():
                for lane in self._lanes.values():
                    self._book(state, lane, now)
                    outbox.renew(state, [*lane.on_the_way.values()], self._lease, now, self._lease_seconds)
        for lane in self._lanes.values():
            lane.pool.shutdown()
            if lane.sink is not None:
                lane.sink.close()
