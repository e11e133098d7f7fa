"""One running service: who owns what, in which order it starts and stops."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import click

from adapters.owner.door import Door
from adapters.owner.listening import listen
from cli import compose
from cli.screening_common import engine, reading_of
from cli.service.asking import Service
from cli.service.clerk import Clerk
from cli.service.desk import Desk
from cli.service.following import Follower, followers
from cli.service.limits import Buckets
from cli.service.metrics import Metrics
from cli.service.tokens import Tokens
from cli.service.warm import Warm
from tracer import owned
from tracer.db import Database, settings
from tracer.errors import StoreBusy, TracerError
from tracer.evidence.custody import engine_version
from tracer.screening.policy import Policy
from tracer.state import State
from tracer.workspace import held

if TYPE_CHECKING:
    import uvicorn

    from cli.app import App
    from cli.dispatching import Sending
    from tracer.screening.subjects import Reading

_OTHERS_SECONDS = 60.0
"""How long whoever has a store open now may keep it before the service gives up."""


@dataclass(frozen=True)
class Options:
    """What `tracer serve` was asked for."""

    host: str
    port: int
    tokens: Tokens
    policies: Mapping[str, Policy]
    own: Sequence[str]
    sources: Mapping[str, str]
    watch: bool
    interval: float
    rate: float
    burst: int
    body: int
    seconds: float
    max_lag: float | None


def serve(app: App, options: Options) -> None:
    """Serve until Ctrl-C or SIGTERM. What runs then is finished or told in one line; nothing committed is lost."""
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        ending = _Ending()
        workspace = app.workspace.ready()
        taken = StoreBusy(
            f"another `tracer serve` runs on {workspace.root}.", hint="Stop it, or use that one."
        )
        stack.enter_context(held(workspace.root / "serve.lock", taken, wait_seconds=0.0))
        listening = stack.enter_context(listen(options.host, options.port))
        State.open(workspace).close()  # what is wrong with it is told before anything starts
        stack.enter_context(
            owned.owning(workspace.chains, settings(app.memory, app.threads), _OTHERS_SECONDS)
        )
        ending.threads()
        door = Door(workspace.root, partial(_opened, app), engine_version())
        door.start()
        stack.callback(door.stop)
        running = _Running(app, options, door, stack)
        running.start()
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"serving http://{shown}:{port} and {door.path}", err=True)
        _listen(running.service, listening, ending)
    click.echo("stopped; what was committed is kept", err=True)


class _Ending:
    """Hears Ctrl-C and SIGTERM from its making on.

    Once there are threads the first one raises nothing: `KeyboardInterrupt` may leave Python's lock of imports taken,
    on which threads then wait for ever, and is dropped where it falls into the clearing away of something.
    """

    def __init__(self) -> None:
        self._heard = self._threads = False
        self._server: uvicorn.Server | None = None
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._hear)

    def threads(self) -> None:
        """From now on there are threads."""
        self._threads = True
        self._end_if_heard()

    def run(self, server: uvicorn.Server, listening: Any) -> None:
        """Let it serve until the end is heard, or was."""
        self._server = server
        self._end_if_heard()
        server.run(sockets=[listening])

    def _end_if_heard(self) -> None:
        if self._heard:
            raise KeyboardInterrupt

    def _hear(self, _signal: int, _frame: object) -> None:
        again, self._heard = self._heard, True
        if self._server is not None:
            self._server.should_exit = True
        if again or not self._threads:
            raise KeyboardInterrupt


def _listen(service: Service, listening: Any, ending: _Ending) -> None:
    import uvicorn

    from cli.service.web import build

    config = uvicorn.Config(
        build(service), log_config=None, access_log=False, server_header=False, lifespan="off", http="h11", ws="none",
        timeout_keep_alive=30, timeout_graceful_shutdown=10,
    )  # fmt: skip
    ending.run(uvicorn.Server(config), listening)


def _opened(app: App, chain: str, read_only: bool, wait_seconds: float) -> Database:
    """A visitor's connection to a store that is owned here."""
    return Database(app.workspace.chain_file(chain), read_only=read_only, wait_seconds=wait_seconds)


class _Running:
    """The parts of a service and their threads."""

    def __init__(self, app: App, options: Options, door: Door, stack: ExitStack) -> None:
        self._app, self._options, self._door, self._stack = replace(app, quiet=True), options, door, stack
        self._metrics = Metrics()
        self._sending: Sending | None = None
        self._followers: list[Follower] = []
        clerk = Clerk(app.workspace)
        stack.callback(clerk.close)
        desk = Desk(self._warm, self._metrics)
        stack.callback(desk.close)
        self.service = Service(
            engine(), options.tokens, Buckets(options.rate, options.burst), desk, clerk, self._metrics,
            options.policies, self._reading, self._health, options.seconds, options.body,
        )  # fmt: skip

    def start(self) -> None:
        """Open what will be asked for, follow what is to be followed."""
        if self._options.watch:
            from cli.dispatching import dispatching

            self._sending = self._stack.enter_context(dispatching(self._app))
        self._followers = followers(
            self._app, self._options.sources, watch=self._options.watch, interval=self._options.interval,
            metrics=self._metrics,
        )  # fmt: skip
        self._stack.callback(self._stop_following)
        for chain in compose.chains_read(self._app):
            if chain not in self._options.sources:  # that one is opened when its first blocks are there
                self.service.desk.ask(chain, next(iter(self._options.policies)), ())
        for follower in self._followers:
            follower.start()

    def _stop_following(self) -> None:
        for follower in self._followers:
            follower.stop()
        for follower in self._followers:
            follower.join(30)

    def _warm(self, chain: str) -> Warm:
        return Warm(self._app, chain, self._options.policies, self._options.own)

    def _reading(self) -> Reading:
        return self._reading_of(tuple(compose.chains_read(self._app)))

    @cache  # noqa: B019  one service in a process
    def _reading_of(self, _here: tuple[str, ...]) -> Reading:
        return reading_of(self._app, None)

    def _health(self) -> dict[str, Any]:
        """`tracer.health/1`."""
        problems: list[str] = []
        snapshot: str | None = None
        try:
            snapshot = compose.claims(self._app).id
            if self._sending is not None:
                self._sending.check()
        except TracerError as error:
            problems.append(str(error))
        progress = {each.chain: each.progress for each in self._followers}
        chains: dict[str, dict[str, Any]] = {}
        for name in sorted({*compose.chains_read(self._app), *self._options.sources}):
            found, problem = self._tip(name)
            known = progress.get(name)
            lag = None if found is None else max(0, int(time.time()) - found[1])
            if problem is not None:
                problems.append(f"{name}: {problem}")
            elif known is not None and known.followed:
                if known.succeeded is None:
                    problems.append(f"{name}: nothing was read from its source yet")
                if self._options.max_lag is not None and (lag is None or lag > self._options.max_lag):
                    problems.append(f"{name}: its last block is older than it may be")
            chains[name] = {
                "height": None if found is None else found[0],
                "time": None if found is None else found[1],
                "lag_seconds": lag,
                "syncing": bool(known is not None and known.followed),
                "problem": problem or (None if known is None else known.problem),
            }
        self._metrics.visitors.set(self._door.visitors)
        return {
            "schema": "tracer.health/1",
            "live": True,
            "ready": not problems,
            "engine": self.service.engine,
            "intel_snapshot": snapshot,
            "chains": chains,
            "watching": self._options.watch,
            "problems": problems,
        }

    def _tip(self, name: str) -> tuple[tuple[int, int] | None, str | None]:
        """Height and time of a chain's last block, and what is wrong with its store."""
        if not self._app.workspace.chain_file(name).exists():
            return None, None
        try:
            with compose.open_ledger(self._app, name) as ledger:
                tip = ledger.tip()
        except TracerError as error:
            return None, str(error)
        return (None if tip is None else (tip.height, tip.time)), None
