"""What watches would have raised in past blocks. Nothing is recorded, nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from tracer.errors import UsageError
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.watching import match
from tracer.watching.exposure import Screen
from tracer.watching.lots import Lot
from tracer.watching.model import Raised, Watch
from tracer.watching.scan import scan

MOST_SHOWN = 1_000
"""Events that are kept to be shown (P); all are counted."""


@dataclass
class Tested:
    """What would have been raised between two heights.

    counts  (watch id, alert type) -> how many
    first   the first events, as they would have been told
    """

    first_height: int
    last_height: int
    blocks: int = 0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: list[Raised] = field(default_factory=list)

    def take(self, events: Sequence[Raised]) -> None:
        """Count events."""
        self.counts.update((event.watch.watch_id, event.alert_type) for event in events)
        self.first += events[: MOST_SHOWN - len(self.first)]


def backtest(
    watches: Sequence[Watch],
    opened: Callable[[], AbstractContextManager[Ledger]],
    snapshot: Snapshot,
    first: int,
    last: int | None,
    *,
    screen: Callable[[Ledger, Snapshot], Screen] | None = None,
    late_before: float = float("-inf"),
) -> Tested:
    """Read the blocks from `first` to `last` (the tip) for these watches, by the clusters and claims of today.

    A trail begins in these blocks. Raises `UsageError` where not all of them were read.
    """
    tried = [replace(watch, start_height=None) for watch in watches]
    found = match.watched(tried, snapshot.tags(watches[0].chain)) if watches else None
    kept: dict[tuple[str, bytes, int], Lot] = {}
    full = set[str]()
    result, at = Tested(first, first - 1 if last is None else last), first - 1
    while found is not None:
        with opened() as ledger:
            end = _last(ledger, first, last)
            result.last_height = end
            if at >= end:
                break
            upper = match.portion_end(ledger, at, end)
            scanned = scan(
                ledger, snapshot, found, match.cluster_ids(ledger, found), at + 1, upper, late_before=late_before,
                kept=list(kept.values()), screen=screen(ledger, snapshot) if screen else None,
            )  # fmt: skip
        kept |= {(lot.watch_id, lot.txid, lot.vout): lot for lot in scanned.lots}
        result.take(
            [e for e in scanned.events if e.alert_type != "watch_overgrown" or e.watch.watch_id not in full]
        )
        full |= scanned.full.keys()
        result.blocks += len(scanned.blocks)
        at = upper
    return result


def _last(ledger: Ledger, first: int, last: int | None) -> int:
    run = next(((a, b) for a, b in ledger.runs() if a <= first <= b), None)
    if run is None or (last is not None and last > run[1]):
        read = ", ".join(f"{a}-{b}" for a, b in ledger.runs())
        raise UsageError(
            f"blocks {first} to {'the tip' if last is None else last} of {ledger.chain.name} were not all read: "
            f"there are {read or 'none'}.",
            hint="Choose blocks that were read, or sync more.",
        )
    return run[1] if last is None else last
