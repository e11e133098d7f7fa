"""Pull everything new from a source into the facts, in short turns that leave room for readers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from tracer.errors import BadBlock, DataError
from tracer.ledger.batch import BlockSource, KnownBlock, P
from tracer.ledger.families import load_turn
from tracer.ledger.loading import Known, turns
from tracer.ledger.store import Ledger

BREATH_SECONDS = 0.06
"""Pause between turns: waiting readers look every 50 ms (`tracer.db`)."""


@dataclass(frozen=True)
class Pulled:
    """What a pull added, and the tip afterwards."""

    blocks: int
    txs: int
    tip: int | None
    reorged_from: int | None
    notes: tuple[str, ...]


class _Stored:
    """`tracer.ledger.batch.KnownChain` that keeps the ledger open no longer than it reads: a source may be slow."""

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        self._open = open_ledger

    def blocks(self) -> Sequence[KnownBlock]:
        """All blocks in height order."""
        with self._open() as ledger:
            return Known(ledger).blocks()

    def runs(self) -> Sequence[tuple[int, int]]:
        """First and last height of each run of consecutive blocks, ascending."""
        with self._open() as ledger:
            return Known(ledger).runs()

    def at(self, height: int) -> KnownBlock | None:
        """The block at a height."""
        with self._open() as ledger:
            return Known(ledger).at(height)


class _Pull(Generic[P]):
    """One pull under way."""

    def __init__(
        self,
        open_ledger: Callable[[], Ledger],
        source: BlockSource[P],
        before_reorg: Callable[[int, int], None] | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.open_ledger, self.source, self.progress = open_ledger, source, progress
        self.before_reorg = before_reorg
        self.blocks = self.txs = 0
        self.reorged_from: int | None = None

    def note_reorg(self, kept: int, tip: int) -> None:
        """Journal a reorg before facts go."""
        if self.before_reorg:
            self.before_reorg(kept, tip)
        self.reorged_from = tip

    def run(self, plan: P, planned: int) -> None:
        """Load one plan; raises `BadBlock` after everything sound before the bad block was committed."""
        reorg_to, at_least = plan.reorg_to, plan.at_least
        for turn in turns(self.source.batches(plan), first_blocks=at_least):
            with self.open_ledger() as ledger:
                load_turn(ledger, turn, reorg_to=reorg_to, at_least=at_least, before_reorg=self.note_reorg)
            reorg_to, at_least = None, 1
            self.blocks += turn.blocks.num_rows
            self.txs += turn.txs.num_rows
            if self.progress:
                self.progress(self.blocks, planned)
            if self.blocks < planned:
                time.sleep(BREATH_SECONDS)

    def reject(self, block_hash: bytes, reason: str) -> bool:
        """Leave a bad block out: True where the source has another copy, else it goes to quarantine, raw."""
        place, raw = self.source.raw(block_hash)
        if self.source.reject(block_hash):
            return True
        with self.open_ledger() as ledger:
            ledger.quarantine_block(block_hash, place, reason, raw)
        return False


def pull(
    open_ledger: Callable[[], Ledger],
    source: BlockSource[P],
    *,
    first: int | None = None,
    last: int | None = None,
    before_reorg: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    look: Callable[[], Ledger] | None = None,
) -> Pulled:
    """Load what the source has and the ledger has not, between two heights where they are given.

    The caller holds the chain's turn (`tracer.workspace.Workspace.turn`): two pulls at once would plan alike.

    open_ledger   opens the facts for writing; called once per turn
    before_reorg  called with (height kept, old tip) before blocks of a lost branch go
    progress      called with (blocks committed, blocks planned)
    look          opens the facts for reading, where they can be: who looks for what is new waits for no reader
    A bad block is left out, with all that builds on it, and the best of the rest is loaded. Raises what was wrong
    with block or source after everything sound was committed.
    """
    work = _Pull(open_ledger, source, before_reorg, progress)
    look = look or open_ledger
    failure: DataError | None = None
    while True:
        plans = source.plan(_Stored(look), first, last)
        planned = work.blocks + sum(plan.blocks for plan in plans)
        rejected = False
        for plan in plans:
            try:
                work.run(plan, planned)
            except BadBlock as problem:
                rejected = problem.block_hash is not None
                if problem.block_hash is None or not work.reject(problem.block_hash, problem.problem):
                    failure = failure or problem
                break
        if not rejected:
            break
    with look() as ledger:
        refused, height = ledger.quarantined(), ledger.read_to()
    if refused:
        with open_ledger() as ledger:
            ledger.release_quarantine()
    try:
        source.finish()
    except DataError as problem:
        failure = failure or problem
    if failure is not None:
        raise _with_hint(failure, height) from failure
    return Pulled(work.blocks, work.txs, height, work.reorged_from, tuple(source.notes()))


def _with_hint(failure: DataError, height: int | None) -> DataError:
    """The same error, saying what is safe and what to do."""
    kept = "Nothing was kept." if height is None else f"Blocks up to height {height} are kept."
    advice = (
        failure.hint or "Get this file again from a node you trust, then run the same command: it resumes."
    )
    return type(failure)(failure.problem, hint=f"{kept} {advice}")
