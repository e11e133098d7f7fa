"""Watching as other verbs use it: what the engine's runner needs of this workspace, and one turn of a chain.

watcher = Watcher(app, "bitcoin", "core:http://127.0.0.1:8332")
with State.open(app.workspace) as state:
    turn = watcher.once(state)          # pull, look at the mempool, read the new blocks for all watches
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from cli import compose, sources
from cli.app import App
from tracer.errors import SourceError

if TYPE_CHECKING:
    import polars as pl

    from adapters.chains import AnyChain
    from cli.sync import Sync
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger
    from tracer.ledger.unconfirmed import Waiting
    from tracer.screening.model import Subject
    from tracer.state import State
    from tracer.watching.exposure import Screen
    from tracer.watching.tools import Tools, Turn


class Watcher:
    """Watches of one chain, turn by turn. `source_text` None: whatever somebody else reads into the ledger."""

    def __init__(
        self,
        app: App,
        chain_name: str,
        source_text: str | None = None,
        *,
        late: float | None = None,
        max_lag: float | None = None,
    ) -> None:
        from tracer.watching.runner import Runner
        from tracer.watching.tools import LATE

        self.app, self.entry = app, compose.chain(chain_name)
        self._sync = None if source_text is None else _sync(app, self.entry, source_text)
        mempool = bool(source_text and source_text.startswith("core:"))
        self.runner = Runner(
            self.entry,
            tools(app, self.entry, mempool=mempool),
            late=LATE if late is None else late,
            max_lag=max_lag,
        )

    def once(self, state: State, *, now: float | None = None) -> Turn:
        """Pull what is new, then read it for the watches; `turn.problem` says why a source could not be read."""
        from tracer.watching import cursor

        problem: SourceError | None = None
        if self._sync is not None:
            try:
                self._sync.once(state)
            except SourceError as error:
                problem = error
        turn = self.runner.once(state, now=time.time() if now is None else now)
        if problem is not None:
            turn.problem = problem
            cursor.trouble(state, self.entry.name, problem.problem)
        return turn

    def wait(self, seconds: float) -> None:
        """Until it is worth looking again: a node that offers it says so itself."""
        if self._sync is None:
            time.sleep(seconds)
        else:
            self._sync.wait(seconds)


def source_of(chain_name: str, given: str | None) -> str | None:
    """`--source`, else `TRACER_SOURCE_<CHAIN>`, else None; refused where it is asked for single addresses."""
    text = given or os.environ.get(f"TRACER_SOURCE_{chain_name.upper().replace('-', '_')}")
    if text:
        compose.check_source(text)
        sources.refuse_per_address(text, "watch run")
    return text or None


def tools(app: App, entry: AnyChain, *, mempool: bool = False) -> Tools:
    """What the runner needs of this workspace."""
    from adapters.bitcoin.chains import BitcoinChain
    from cli.channels import default_channels
    from tracer.watching.tools import Tools

    name = entry.name

    def opened() -> AbstractContextManager[Ledger]:
        return compose.open_ledger(app, name)

    def linked(snapshot: Snapshot) -> AbstractContextManager[Ledger]:
        return compose.linked(app, name, snapshot)

    def decode(txs: Sequence[Waiting]) -> tuple[pl.DataFrame, pl.DataFrame]:
        from adapters.bitcoin.waiting import decoded

        assert isinstance(entry, BitcoinChain)
        return decoded(txs, entry)

    return Tools(
        opened,
        linked,
        lambda snapshot_id: compose.claims(app, snapshot_id),
        _screen,
        decode if mempool and isinstance(entry, BitcoinChain) else None,
        tuple(default_channels(app)),
    )


def _screen(ledger: Ledger, snapshot: Snapshot) -> Screen:
    """Screening of one open ledger, as of now; each policy is read once."""
    from cli.policy_common import policy_named
    from cli.screening_common import engine
    from rules import clustering
    from tracer.screening.screen import Asked, Screening

    asked, known = Asked(evaluated_at=int(time.time()), engine=engine()), dict[str, Screening]()

    def screen(policy: str, subjects: Sequence[Subject]) -> list[Mapping[str, Any]]:
        if policy not in known:
            known[policy] = Screening(ledger, snapshot, policy_named(policy), asked, rules=clustering())
        return list(known[policy].screen(subjects))

    return screen


def _sync(app: App, entry: AnyChain, text: str) -> Sync:
    from cli.sync import Sync

    app.workspace.ready()
    return Sync(app, entry, text, None, None, None, openings=True, mempool=text.startswith("core:"))


def status_part(app: App) -> dict[str, Any]:
    """The `watch` part of `tracer status`."""
    from tracer.state import State
    from tracer.watching import alerts, cursor, store

    if not app.workspace.state.exists():
        return {"watches": 0}
    with State.open(app.workspace) as state:
        chains = {
            c.chain: {"height": c.height, "hash": c.hash, "read": c.read} for c in cursor.cursors(state)
        }
        return {"watches": store.count(state), **alerts.counted(state), "cursors": chains}
