"""Pull everything new from a source into the facts, in short turns that leave room for readers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tracer.ledger.batch import BlockSource, P
from tracer.ledger.ingest import Known, Loader, turns
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


def pull(
    open_ledger: Callable[[], Ledger],
    source: BlockSource[P],
    *,
    first: int | None = None,
    last: int | None = None,
    before_reorg: Callable[[int, int], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Pulled:
    """Load what the source has and the ledger has not, between two heights where they are given.

    open_ledger   opens the facts for writing; called once per turn
    before_reorg  called with (height kept, old tip) before blocks of a lost branch go
    progress      called with (blocks committed, blocks planned)
    Raises what was wrong with the source after everything sound was committed.
    """
    with open_ledger() as ledger:
        plans = source.plan(Known(ledger), first, last)
    planned = sum(plan.blocks for plan in plans)
    blocks = txs = 0
    reorged_from: int | None = None

    def note_reorg(kept: int, tip: int) -> None:
        nonlocal reorged_from
        reorged_from = tip
        if before_reorg:
            before_reorg(kept, tip)

    for plan in plans:
        reorg_to = plan.reorg_to
        for turn in turns(source.batches(plan)):
            with open_ledger() as ledger:
                Loader(ledger).load([turn], reorg_to=reorg_to, before_reorg=note_reorg)
            reorg_to = None
            blocks += turn.blocks.num_rows
            txs += turn.txs.num_rows
            if progress:
                progress(blocks, planned)
            if blocks < planned:
                time.sleep(BREATH_SECONDS)
    with open_ledger() as ledger:
        tip = ledger.tip()
    height = tip.height if tip else None
    source.finish(height)
    return Pulled(blocks, txs, height, reorged_from, tuple(source.notes()))
