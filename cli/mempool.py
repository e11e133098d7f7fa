"""After a pull, a node is asked what waits in its mempool; that is kept apart from facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli import compose

if TYPE_CHECKING:
    from cli.app import App
    from tracer.ledger.batch import BlockSource
    from tracer.state import State


@dataclass(frozen=True)
class Waits:
    """What waits after a look: transactions in all, and how many came that cannot be read."""

    count: int
    unread: int


def after_pull(app: App, chain_name: str, source: BlockSource[Any], state: State) -> Waits:
    """Keep what is new in the mempool of a `core:` node, and say of what left it why.

    The facts are asked what was confirmed: call it after they were brought up to date. Raises `SourceUnavailable`.
    """
    from adapters.bitcoin.core.mempool import arrivals, look
    from adapters.bitcoin.core.source import CoreSource
    from tracer.ledger.unconfirmed import arrive, known, settle

    assert isinstance(source, CoreSource)
    core, unread = source.core, 0
    now = datetime.now(UTC).isoformat(timespec="seconds")
    mempool = look(core)
    for portion, others in arrivals(core, source.chain, mempool, known(state, chain_name)):
        arrive(state, chain_name, portion, host=core.host, time=now, height=mempool.height)
        unread += others
    with compose.open_ledger(app, chain_name) as ledger:
        settle(state, ledger, mempool.present, host=core.host, time=now, height=mempool.height)
    return Waits(len(mempool.present), unread)


def status(app: App, chain_name: str) -> dict[str, Any] | None:
    """What waits, as `tracer status` tells it; None where no node was ever asked."""
    from tracer.ledger.unconfirmed import look
    from tracer.state import State

    if not app.workspace.state.exists():
        return None
    with State.open(app.workspace) as state:
        found = look(state, chain_name)
    if found is None:
        return None
    return {"count": found.count, "at": found.time, "height": found.height, "host": found.host}
