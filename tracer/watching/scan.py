"""Read blocks once for all watches: every event in them, and what the trails moved to. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracer.chain import TX_INDEX_BITS
from tracer.errors import UsageError
from tracer.flow.accounts.assets import chosen
from tracer.flow.worth import Worth
from tracer.ledger.store import Ledger
from tracer.watching import cursor, links, match
from tracer.watching.dormant import wakes
from tracer.watching.events import Said, direct_services, firsts, meeting, transfers
from tracer.watching.exposure import Screen, exposures
from tracer.watching.lots import Lot
from tracer.watching.match import Watched
from tracer.watching.model import Block, Raised
from tracer.watching.moves import moves, worths_of
from tracer.watching.trail import Trail

if TYPE_CHECKING:
    import polars as pl

    from tracer.intel.snapshot import Snapshot


@dataclass
class Scanned:
    """What blocks brought: alerts in the order of the chain, and outputs that watches with a trail moved to.

    full  watch id -> height from which on its trail leaves outputs out, where that is new
    """

    blocks: list[Block]
    events: list[Raised] = field(default_factory=list)
    lots: list[Lot] = field(default_factory=list)
    full: dict[str, int] = field(default_factory=dict)


def scan(
    ledger: Ledger,
    snapshot: Snapshot,
    found: Watched,
    clusters: pl.DataFrame,
    first: int,
    last: int,
    *,
    late_before: float,
    kept: Sequence[Lot] = (),
    screen: Screen | None = None,
) -> Scanned:
    """Look at the blocks between two heights, both included.

    clusters     `match.cluster_ids` of this ledger
    late_before  unix seconds; see `Said`
    kept         what watches moved to before
    """
    result = Scanned(cursor.blocks_between(ledger, first, last))
    said = Said(ledger.chain, snapshot, _no_worths, late_before)
    result.events += links.merges(said, ledger, found, first, last)
    with match.looking(ledger, found, clusters, first, last):
        rows = _asked(found, match.hits(ledger))
        if rows:
            every, worths = moves(ledger, snapshot, found.watches, rows)
            said = Said(ledger.chain, snapshot, worths, late_before)
            some = meeting(every, _assets(ledger, found))
            result.events += transfers(said, firsts(some))
            result.events += direct_services(said, some)
            result.events += exposures(said, some, screen)
            result.events += wakes(said, ledger, found, clusters, firsts(some))
        else:
            every = []
            if kept:
                said = Said(ledger.chain, snapshot, worths_of(ledger, snapshot), late_before)
        trail = Trail(said, ledger, found, first, last)
        result.events += trail.follow(every, kept)
        result.lots, result.full = trail.lots, trail.full
    result.events = sorted(
        (e for e in result.events if e.block is None or e.block.height > found.heights[e.watch.watch_id]),
        key=lambda e: (e.block.height if e.block else 0, e.txid or "", e.watch.watch_id, e.alert_type),
    )
    return result


def _asked(found: Watched, hits: pl.DataFrame) -> list[tuple[object, ...]]:
    """Hits of watches that ask for transactions, above the height they begin at."""
    import polars as pl

    rows = hits.join(found.asking, on="watch", maintain_order="left")
    return rows.filter((pl.col("tx_id") // (1 << TX_INDEX_BITS)) > pl.col("start")).drop("start").rows()


def _assets(ledger: Ledger, found: Watched) -> dict[str, list[int]]:
    """The ids of the assets that watches name; none of one that was never seen."""
    ids: dict[str, list[int]] = {}
    for text in found.assets:
        try:
            ids[text] = chosen(ledger, text)
        except UsageError:
            ids[text] = []
    return ids


def _no_worths(_asset: int) -> Worth:
    raise AssertionError("nothing moved here")
