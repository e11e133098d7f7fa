"""Sources followed while the service runs: for each chain a thread pulls, brings clusters up, reads watches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from cli import compose
from cli.app import App
from cli.service.metrics import Metrics
from tracer.errors import SourceError, TracerError
from tracer.state import State

if TYPE_CHECKING:
    from cli.app import Advance
    from cli.sync import Sync
    from cli.watching import Watcher


@dataclass
class Progress:
    """How a chain is doing. `problem`: why the last turn failed; None where it did not."""

    followed: bool
    succeeded: float | None = None
    problem: str | None = None


class _Stoppable(App):
    """Settings of a thread whose work ends between two steps when it is told to: what was committed is kept."""

    def __init__(self, app: App, stop: threading.Event) -> None:
        super().__init__(app.workspace, quiet=True, memory=app.memory, threads=app.threads)
        self._stop = stop

    @contextmanager
    def progress(self, title: str) -> Iterator[Advance]:
        """No bar; a step further, or the end."""
        _ = title

        def advance(_done: int, _total: int) -> None:
            if self._stop.is_set():
                raise KeyboardInterrupt

        yield advance


class Follower:
    """One chain's thread. `source` None: nothing is pulled, watches alone are read."""

    def __init__(
        self, app: App, chain: str, source: str | None, *, watch: bool, interval: float, metrics: Metrics
    ) -> None:
        self.chain, self.progress = chain, Progress(followed=source is not None)
        self._stop = threading.Event()
        self._app, self._source, self._watch = _Stoppable(app, self._stop), source, watch
        self._interval, self._metrics = interval, metrics
        # what a source opens may end with the command (`call_on_close`), whose context is of the main thread alone
        self._context = click.get_current_context()
        self._thread = threading.Thread(target=self._run, name=f"follow {chain}", daemon=True)

    def start(self) -> None:
        """Begin; what is wrong with the source shows in `progress` and in the log."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the turn under way, then end."""
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout=seconds)

    def _run(self) -> None:
        with (
            suppress(KeyboardInterrupt),
            self._context.scope(cleanup=False),
            State.open(self._app.workspace) as state,
        ):
            work: Sync | Watcher | None = None
            while not self._stop.is_set():
                try:
                    if work is None:
                        work = self._opened()
                    self._turn(work, state)
                except TracerError as error:
                    self._failed(str(error))
                    if not isinstance(error, SourceError):  # bad data: looking again at once will not help
                        self._stop.wait(60)
                self._wait(work)

    def _opened(self) -> Sync | Watcher:
        if self._watch:
            from cli.watching import Watcher

            return Watcher(self._app, self.chain, self._source)
        from cli.sync import Sync

        assert self._source is not None
        entry = compose.chain(self.chain)
        return Sync(self._app, entry, self._source, None, None, None, openings=True, mempool=False)

    def _turn(self, work: Sync | Watcher, state: State) -> None:
        from cli.sync import Sync

        if isinstance(work, Sync):
            pulled = work.once(state)
            if pulled.blocks or pulled.reorged_from is not None:
                lost = "" if pulled.reorged_from is None else ", a branch lost"
                click.echo(f"{self.chain}: height {pulled.tip} ({pulled.blocks:,} blocks{lost})", err=True)
        else:
            from cli.dispatching import ran

            turn = work.once(state)
            if turn.problem is not None:
                raise turn.problem
            ran(self._app, state, beside=True)
            if turn.blocks:
                click.echo(f"{self.chain}: height {turn.height} ({turn.blocks:,} blocks watched)", err=True)
        if self._app.workspace.chain_file(self.chain).exists():
            compose.links_ready(self._app, self.chain, compose.claims(self._app))
        self.progress.succeeded, self.progress.problem = time.time(), None
        self._metrics.synced.labels(self.chain).set(self.progress.succeeded)

    def _failed(self, problem: str) -> None:
        self._metrics.sync_failures.labels(self.chain).inc()
        if self.progress.problem != problem:  # a node that is away is told once
            self.progress.problem = problem
            click.echo(f"{self.chain}: {problem} Trying again.", err=True)

    def _wait(self, work: Sync | Watcher | None) -> None:
        if self._stop.is_set():
            return
        if work is None or self._source is None or not self._source.startswith("core:"):
            self._stop.wait(self._interval)
        else:  # a node that offers it says itself when there is something new
            work.wait(self._interval)


def followers(
    app: App, sources: Mapping[str, str], *, watch: bool, interval: float, metrics: Metrics
) -> list[Follower]:
    """One for each chain that is pulled; with `watch` one for each other chain that was read, too."""
    chains = dict.fromkeys([*sources, *(compose.chains_read(app) if watch else ())])
    return [
        Follower(app, chain, sources.get(chain), watch=watch, interval=interval, metrics=metrics)
        for chain in chains
    ]
