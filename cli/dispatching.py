"""Delivery as other verbs use it: the workspace's channels, sending what is due, the check-in after a good run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cli.app import App
from tracer.errors import TracerError, UsageError

if TYPE_CHECKING:
    from adapters.delivery.channels import Configured, Monitor
    from tracer.state import State
    from tracer.watching.dispatch import Dispatcher, Summary
    from tracer.watching.sink import Channel

PATIENCE = 10.0
"""Seconds that one run waits for what was put off (P): a receiver's hiccup need not cost a whole interval."""


def configured(app: App) -> Configured | None:
    """What the workspace's `channels.toml` says; None where there is none. `DataError` says what is wrong with it."""
    from adapters.delivery.channels import load

    return load(app.workspace.root)


def channels(app: App) -> dict[str, Channel]:
    """The workspace's channels by name."""
    found = configured(app)
    return {} if found is None else dict(found.channels)


def named(app: App, name: str) -> Channel:
    """One channel; `UsageError` lists those there are."""
    found = channels(app)
    if name not in found:
        there = ", ".join(found) or "none: channels.toml names no channel"
        raise UsageError(f"no channel {name!r}.", hint=f"There is {there}.")
    return found[name]


def dispatcher(app: App, *, clock: Callable[[], float] = time.time) -> Dispatcher:
    """Who sends what is due in this workspace."""
    from tracer.watching.dispatch import Dispatcher

    return Dispatcher(app.workspace, channels(app), clock=clock)


def send(app: App, *, patience: float = PATIENCE) -> Summary:
    """Send what is due now, digests of a catch-up too, and say what was not taken. For runs that end."""
    summary = dispatcher(app).until_idle(flush=True, patience=patience)
    for name, why in sorted(summary.troubles.items()):
        app.warn(f"channel {name} {why}; what it did not take is kept")
    return summary


class Sending:
    """A dispatcher at work in a thread of its own."""

    def __init__(self, work: Dispatcher) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="dispatcher")
        self._done = self._pool.submit(work.follow, self._stop)

    def check(self) -> None:
        """Raise what ended the thread, if something did: alerts would pile up in silence."""
        if self._done.done():
            self._done.result()

    def stop(self) -> None:
        """Finish what is on its way."""
        self._stop.set()
        self._pool.shutdown()
        self.check()


@contextmanager
def dispatching(app: App) -> Iterator[Sending]:
    """Send what falls due beside the block's own work; call `check()` of what it yields now and then."""
    sending = Sending(dispatcher(app))
    try:
        yield sending
    finally:
        sending.stop()


def ran(app: App, state: State, *, now: float | None = None, beside: bool = False) -> None:
    """After a run that succeeded: the day's test alert, and the monitor elsewhere is told. It never fails a run.

    beside   the monitor is told in a thread: one that hangs holds up no block
    """
    from tracer.watching import monitor

    at = time.time() if now is None else now
    try:
        _ran(app, state, at, beside=beside)
    except TracerError as error:  # a channels.toml that is being written, a state that is held
        with suppress(TracerError):
            if monitor.check_in_due(state, at, monitor.ASK_AGAIN):
                app.warn(f"no test alert, and no check-in: {error}")
                _note(state, at, "not tried")


def _ran(app: App, state: State, at: float, *, beside: bool) -> None:
    from tracer.watching import upkeep
    from tracer.watching.monitor import check_in_due

    found = configured(app)
    if found is None:
        return
    if upkeep.test_due(state, found.channels, at):
        with state.transaction():
            upkeep.daily_test(state, found.channels, at)
    if (monitor := found.monitor) is None or not check_in_due(state, at, monitor.every):
        return
    if beside:
        _note(state, at, "being told")  # nobody else tells it at the same time
        threading.Thread(target=_tell_beside, args=(app, monitor, at), name="check-in").start()
    else:
        _note(state, at, _told(app, monitor))


def _tell_beside(app: App, monitor: Monitor, at: float) -> None:
    from tracer.state import State

    outcome = _told(app, monitor)
    with suppress(TracerError), State.open(app.workspace) as state:
        _note(state, at, outcome)


def _told(app: App, monitor: Monitor) -> str:
    """Tell the monitor; how that went."""
    from adapters.delivery.checkin import check_in
    from tracer.watching.monitor import TOLD
    from tracer.watching.sink import Retry

    try:
        check_in(monitor.url)
    except Retry as problem:
        app.warn(f"the check-in {problem.why}")
        return problem.why
    return TOLD


def _note(state: State, at: float, outcome: str) -> None:
    from tracer.watching.monitor import checked_in

    with state.transaction():
        checked_in(state, at, outcome)
