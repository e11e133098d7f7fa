"""Find the transactions that mix coins, before anybody's inputs are taken for one owner's.

What is said of a transaction depends on it and its ancestors alone: a pass over new blocks says of them what a
pass over all blocks would say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tracer.chain import ScriptKind, first_tx_id
from tracer.clustering.rules import BoundDetector, DescentDetector, MixDetector, no_mixes
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

Progress = Callable[[int, int], None]

DUST = 2_730
"""Output values up to this many base units are not counted as equal amounts: dust limits, old and new.

546 is Bitcoin Core's limit, 2,730 the fivefold that older wallets kept to; BlockSci excludes the same two.
"""

_SQL = named_sql("tracer.clustering", "shapes.sql")
_APART = {"op_return": ScriptKind.OP_RETURN, "shielded": ScriptKind.SHIELDED}
_NUMBERS: dict[str, dict[str, int]] = {
    "equal": {
        "dust": DUST,
        **_APART,
        "p2wpkh": ScriptKind.P2WPKH,
        "p2tr": ScriptKind.P2TR,
    },
    "noted": {**_APART},
    "pair": {**_APART, "p2pk": ScriptKind.P2PK, "p2pkh": ScriptKind.P2PKH},
    "pegged": {"witness_unknown": ScriptKind.WITNESS_UNKNOWN},
}


def find_mixes(
    ledger: Ledger,
    detectors: Sequence[MixDetector],
    *,
    first: int,
    progress: Progress | None = None,
    transactions: int = 1_000_000,
) -> pl.DataFrame:
    """Every transaction of the blocks from height `first` on that a detector recognises.

    Rows of `mix`, sorted by tx_id. Rows of `mix` below `first` must be those of an earlier pass of the same
    rules: they are the ancestors. `transactions` bounds one pass and its memory, not the result.
    """
    import polars as pl

    chunks = _chunks(ledger, first, transactions)
    total, done = sum(count for _, _, count in chunks), 0
    parts = []
    for start, stop, count in chunks:
        parts.append(recognised(ledger, detectors, start, stop))
        done += count
        if progress:
            progress(done, total)
    if not parts:
        return no_mixes()
    return _with_descent(ledger, detectors, pl.concat(parts), first)


def block_ranges(ledger: Ledger, first: int, transactions: int) -> list[tuple[int, int]]:
    """Heights (start, stop) that cut the blocks from `first` on into ranges of about so many transactions."""
    return [(start, stop) for start, stop, _ in _chunks(ledger, first, transactions)]


def _chunks(ledger: Ledger, first: int, transactions: int) -> list[tuple[int, int, int]]:
    return [
        (start, stop, count)
        for start, stop, count in ledger.db.rows(_SQL["chunks"], {"first": first, "size": transactions})
    ]


def recognised(ledger: Ledger, detectors: Sequence[MixDetector], start: int, stop: int) -> pl.DataFrame:
    """What each transaction of blocks `start` to `stop - 1` shows by itself, sorted by tx_id.

    The detectors are asked in order; a transaction takes the first kind that fits.
    """
    import polars as pl

    asset = ledger.chain.asset
    detectors = [d for d in detectors if not isinstance(d, BoundDetector) or asset in d.assets]
    frames = {name: shapes(ledger, name, start, stop) for name in {d.reads: None for d in detectors}}
    hits = [no_mixes(), *(detector.detect(frames[detector.reads]) for detector in detectors)]
    return pl.concat(hits).unique("tx_id", keep="first", maintain_order=True).sort("tx_id")


def shapes(ledger: Ledger, name: str, start: int, stop: int) -> pl.DataFrame:
    """One of the shapes of `shapes.sql` (equal, noted, pair, pegged) over blocks `start` to `stop - 1`."""
    numbers = {key: int(value) for key, value in _NUMBERS[name].items()}
    return ledger.db.polars(_SQL[name], {"start": first_tx_id(start), "stop": first_tx_id(stop), **numbers})


def _with_descent(
    ledger: Ledger, detectors: Sequence[MixDetector], found: pl.DataFrame, first: int
) -> pl.DataFrame:
    """Let detectors look at what the hits descend from; the kinds of ancestors are settled by then."""
    import polars as pl

    for detector in detectors:
        if isinstance(detector, DescentDetector):
            mine = pl.col("kind") == detector.kind
            with ledger.db.table("hits", found.filter(mine).select("tx_id")), ledger.db.table("found", found):
                ancestors = ledger.db.polars(_SQL["ancestors"], {"first": first_tx_id(first)})
            confirmed = detector.with_ancestors(found.filter(mine), ancestors)
            found = pl.concat([found.filter(~mine), confirmed]).sort("tx_id")
    return found
