"""One turn of watching a chain: read the new blocks once, and record what they say, all of it or nothing.

The facts may be written by another process meanwhile: they are read in short turns, and the cursor moves with what was
raised in one transaction of the state. A turn that is killed anywhere is done again by the next, to the same record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from tracer.chain import Chain
from tracer.errors import ReorgedAway, UsageError
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.state import State
from tracer.watching import alerts, beginning, claims, cursor, links, lots, match, store
from tracer.watching.alerts import Counts
from tracer.watching.cursor import Cursor
from tracer.watching.events import Said
from tracer.watching.finality import confirmations
from tracer.watching.match import Watched
from tracer.watching.memory import Memory
from tracer.watching.model import Block, Raised
from tracer.watching.moves import worths_of
from tracer.watching.pending import unconfirmed
from tracer.watching.scan import scan
from tracer.watching.stalled import channels_of, stall
from tracer.watching.tools import LATE, Tools, Turn


class Runner:
    """Watches of one chain. Keeps them in memory between turns, as long as nobody changes them."""

    def __init__(
        self, chain: Chain, tools: Tools, *, late: float = LATE, max_lag: float | None = None
    ) -> None:
        self._chain, self._tools, self._late, self._max_lag = chain, tools, late, max_lag
        self._memory = Memory(chain)

    def once(self, state: State, *, now: float) -> Turn:
        """Read what is new. Raises `ReorgedAway` where nothing that was read before is on the best chain."""
        turn = Turn(self._chain.name)
        turn.purged = beginning.purge(state, self._chain.name, turn.notes, now=now)
        snapshot = self._tools.snapshot(None)
        beginning.begin(state, self._chain.name, self._tools, snapshot, self._memory, now=now)
        if cursor.cursor(state, self._chain.name) is None:
            return turn
        try:
            self._read(state, snapshot, turn, now)
        except ReorgedAway:
            self._stalled(state, turn, now)
            raise
        self._stalled(state, turn, now)
        turn.height = _standing(cursor.cursor(state, self._chain.name)).height
        return turn

    def restart(self, state: State, *, now: float) -> Turn:
        """Take back what stands on a chain that is gone, and go on at the tip."""
        turn = Turn(self._chain.name)
        turn.counts.add(beginning.undo(state, self._chain.name, now=now))
        snapshot = self._tools.snapshot(None)
        beginning.begin(state, self._chain.name, self._tools, snapshot, self._memory, now=now)
        return turn

    def _read(self, state: State, snapshot: Snapshot, turn: Turn, now: float) -> None:
        """Portion by portion, up to the newest block; then what is no matter of new blocks."""
        first = more = True
        while more:
            with self._open(state, snapshot) as ledger:
                if self._below(state, ledger, turn):
                    return
                self._unwind(state, ledger, turn, now)
                if first:
                    self._measure(state, ledger, snapshot, turn, now)
                more = self._portion(state, ledger, snapshot, turn, now)
                if not more:
                    self._after(state, ledger, snapshot, turn, now)
            first = False

    # -- steps -------------------------------------------------------------------------------------------------

    def _below(self, state: State, ledger: Ledger, turn: Turn) -> bool:
        """Whether the facts end below the cursor, on its branch: made anew, or restored. No block was lost by that."""
        at = _standing(cursor.cursor(state, self._chain.name))
        tip = ledger.read_to()
        if tip is not None and (tip >= at.height or not cursor.agrees(state, ledger, at, tip)):
            return False
        turn.notes.append(cursor.below(at, tip))
        return True

    def _unwind(self, state: State, ledger: Ledger, turn: Turn, now: float) -> None:
        """Go back to the last block that is still on the best chain, and take back what stood above it."""
        name = self._chain.name
        at = _standing(cursor.cursor(state, name))
        block = cursor.common(state, ledger, at)
        if (block.height, block.hash) == (at.height, at.hash):
            return
        with state.transaction():
            if not at.stands(state):  # somebody else was here
                return
            turn.counts.add(alerts.retract_above(state, name, block.height, now=now))
            lots.lose(state, name, block.height)
            store.grown_back(state, name, block.height)
            store.begin_lower(state, name, block.height)
            cursor.go_back(state, name, block, now=now)
        turn.notes.append(f"{name}: a branch above block {block.height} lost; its alerts were taken back")
        self._memory.looked = set()

    def _measure(self, state: State, ledger: Ledger, snapshot: Snapshot, turn: Turn, now: float) -> None:
        """What watched clusters became since they were added: one that overgrew is watched by its anchor alone."""
        found = self._memory.found(state, snapshot)
        tip = ledger.tip()
        if tip is None or not found.clusters.height:
            return
        said = self._said(ledger, snapshot, now)
        clusters = match.cluster_ids(ledger, found)
        every = links.measures(said, ledger, found, clusters, tip.time)
        block = Block(tip.height, self._chain.hash_text(tip.block_hash), tip.time)
        first = [m for m in every if m.watch.base_size is None or m.watch.base_held is None]
        over = [m for m in every if m.reason]
        if not first and not over:
            return
        with state.transaction():
            for measure in first:
                store.measured(state, measure.watch.watch_id, measure.size, measure.held)
            for measure in over:
                store.overgrown(state, measure.watch.watch_id, block.height)
            events = [links.overgrown(said, measure, block) for measure in over]
            turn.counts.add(self._raise(state, events, now))

    def _portion(self, state: State, ledger: Ledger, snapshot: Snapshot, turn: Turn, now: float) -> bool:
        """Read some blocks, and record what they say. False where nothing is left to read."""
        name = self._chain.name
        at = _standing(cursor.cursor(state, name))
        found, generation = self._memory.found(state, snapshot), self._memory.generation
        end = _end_of_run(ledger, at.height)
        (here,) = cursor.blocks_between(ledger, at.height, at.height) or (None,)
        if (
            end <= at.height or here is None or here.hash != at.hash
        ):  # nothing new, or lost right now: the next turn's
            self._note_gap(ledger, at, turn)
            cursor.looked(state, name, now=now)
            return False
        last = match.portion_end(ledger, at.height, end)
        screen = (
            self._tools.screen(ledger, snapshot)
            if self._tools.screen and self._memory.exposed(state)
            else None
        )
        result = scan(
            ledger, snapshot, found, match.cluster_ids(ledger, found), at.height + 1, last,
            late_before=now - self._late, kept=lots.lots(state, name), screen=screen,
        )  # fmt: skip
        final = end - confirmations(self._chain) + 1
        with state.transaction():
            if not at.stands(state) or store.generation(state) != generation:
                return True  # somebody else read them, or watches changed: look again
            turn.counts.add(self._raise(state, [_settled(e, final) for e in result.events], now))
            lots.keep(state, name, result.lots)
            store.fill_trails(state, result.full)
            cursor.advance(state, name, result.blocks, snapshot=snapshot.id, now=now)
        turn.blocks += len(result.blocks)
        return last < end

    def _after(self, state: State, ledger: Ledger, snapshot: Snapshot, turn: Turn, now: float) -> None:
        """What is no matter of new blocks: finality, the mempool, claims."""
        name = self._chain.name
        at = _standing(cursor.cursor(state, name))
        found = self._memory.found(state, snapshot)
        events, undone, gone, waits = list[Raised](), list[str](), dict[str, str](), self._memory.looked
        if at.snapshot != snapshot.id or self._tools.decode is not None:
            said = self._said(ledger, snapshot, now)
            if at.snapshot != snapshot.id:
                events, undone = self._claims(ledger, said, found, at, turn)
            if self._tools.decode is not None:
                new, gone, waits = unconfirmed(
                    said, state, ledger, found, self._tools.decode, waits, at.height
                )
                events += new
        with state.transaction():
            if not at.stands(state):  # somebody else was here: the next turn's
                return
            turn.counts.add(alerts.retract(state, alerts.valid(state, undone), now=now, reason=claims.UNDONE))
            turn.counts.add(self._raise(state, events, now))
            for alert_id, reason in sorted(gone.items()):
                turn.counts.add(alerts.retract(state, [alert_id], now=now, reason=reason))
            final = at.height - confirmations(self._chain) + 1
            turn.counts.add(alerts.settle_up_to(state, name, final, now=now))
            cursor.compared(state, name, snapshot.id)
        self._memory.looked = waits

    def _stalled(self, state: State, turn: Turn, now: float) -> None:
        """Whether anything came at all, whatever the turn came to."""
        if self._max_lag is None:
            return
        channels = channels_of(w.channels for w in self._memory.watches(state)) or tuple(self._tools.channels)
        with state.transaction():
            at = _standing(cursor.cursor(state, self._chain.name))
            turn.counts.add(stall(state, self._chain, at, max_lag=self._max_lag, now=now, channels=channels))

    def _claims(self, ledger: Ledger, said: Said, found: Watched, at: Cursor, turn: Turn) -> claims.Changes:
        if not at.snapshot:
            return [], []
        try:
            before = self._tools.snapshot(at.snapshot)
        except UsageError:
            turn.notes.append(
                f"the claims that {self._chain.name} was compared with are gone: what changed since is not told"
            )
            return [], []
        return claims.changes(said, ledger, found, match.cluster_ids(ledger, found), before)

    @contextmanager
    def _open(self, state: State, snapshot: Snapshot) -> Iterator[Ledger]:
        """The facts, with clusters at the tip where any watch leans on them."""
        opened = self._tools.linked(snapshot) if self._memory.leans(state) else self._tools.ledger()
        with opened as ledger:
            yield ledger

    def _said(self, ledger: Ledger, snapshot: Snapshot, now: float) -> Said:
        return Said(self._chain, snapshot, worths_of(ledger, snapshot), now - self._late)

    def _raise(self, state: State, events: Sequence[Raised], now: float) -> Counts:
        return alerts.raise_alerts(state, events, now=now, default_channels=self._tools.channels)

    def _note_gap(self, ledger: Ledger, at: Cursor, turn: Turn) -> None:
        above = [first for first, _ in ledger.runs() if first > at.height + 1]
        if above:
            turn.notes.append(
                f"{self._chain.name}: blocks {at.height + 1} to {above[0] - 1} were not read: nothing above is watched"
            )


def _settled(event: Raised, final: int) -> Raised:
    """What is caught up may be final when it is first seen."""
    deep = event.block is not None and event.block.height <= final
    return replace(event, chain_state="final") if deep and event.chain_state == "confirmed" else event


def _standing(at: Cursor | None) -> Cursor:
    assert at is not None
    return at


def _end_of_run(ledger: Ledger, height: int) -> int:
    """The last block up to which all were read, from a height on."""
    return next((last for first, last in ledger.runs() if first <= height <= last), height)
