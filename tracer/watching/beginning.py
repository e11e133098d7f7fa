"""Before blocks are read: watches whose time is over go, a chain's cursor is set, and all is taken back where asked."""

from __future__ import annotations

from tracer.errors import UsageError
from tracer.intel.snapshot import Snapshot
from tracer.state import State
from tracer.watching import alerts, cursor, lots, store
from tracer.watching.alerts import Counts
from tracer.watching.memory import Memory
from tracer.watching.model import utc
from tracer.watching.tools import Tools


def purge(state: State, chain: str, notes: list[str], *, now: float) -> int:
    """Take out watches whose time is over, and say how many; what they raised still goes out.

    What blocks say that were not read by then is nothing to them any more: that is put into `notes`.
    """
    if not store.expired(state, chain, utc(now)):
        return 0
    with state.transaction():
        over = store.expired(state, chain, utc(now))
        store.purge(state, over, "expired", utc(now))
        at = cursor.cursor(state, chain)
    if at is not None:
        notes.append(
            f"{chain}: expired watches: {len(over)}; what blocks above {at.height} say of them is not told"
        )
    return len(over)


def begin(state: State, chain: str, tools: Tools, snapshot: Snapshot, memory: Memory, *, now: float) -> None:
    """Set the cursor of a chain that is watched for the first time at its tip, and watches without a start at it."""
    if cursor.cursor(state, chain) is None and store.count(state, chain):
        try:
            with tools.ledger() as ledger:
                blocks = cursor.newest(ledger)
        except UsageError:  # nothing was read of it yet
            return
        with state.transaction():
            if blocks and cursor.cursor(state, chain) is None:
                cursor.advance(state, chain, blocks, snapshot=snapshot.id, now=now)
                store.start(state, chain, blocks[-1].height)
    elif any(watch.start_height is None for watch in memory.watches(state)):
        with state.transaction():
            at = cursor.cursor(state, chain)
            if at is not None:
                store.start(state, chain, at.height)


def undo(state: State, chain: str, *, now: float) -> Counts:
    """Take back all that blocks of a chain said, and forget where its cursor stood."""
    with state.transaction():
        counts = alerts.retract_above(state, chain, -1, now=now)
        lots.lose(state, chain, -1)
        store.grown_back(state, chain, -1)
        store.start_anew(state, chain)
        cursor.drop(state, chain)
    return counts
