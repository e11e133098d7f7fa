"""Which watches do new movements concern? One join of all that moved with all that is watched.

A hundred thousand watches are a table of two columns; what the blocks moved is another. Nothing here loops over either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.chain import Family, first_tx_id
from tracer.db import named_sql
from tracer.ledger.store import Ledger
from tracer.watching.model import OF_TRANSACTIONS, Watch

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.watching", "match.sql")
_TRANSACTIONS = frozenset(OF_TRANSACTIONS)
MOST_LEGS = 100
"""Inputs, and outputs, of a transaction that an alert shows (P); those of watched addresses come first."""
PORTION = 200_000
"""Transactions that are read at a time (P): a store is held for a moment only."""


@dataclass(frozen=True)
class Watched:
    """What is watched on one chain, in columns.

    watches    the watches; their place in here is their number
    labels     watch (number), name: of watches on a label, in small letters
    keys       watch (number), kind, payload: of addresses, anchors, tagged addresses
    clusters   watch (number), kind, payload of the anchor, of watches on whole clusters
    asking     watch (number), start: of those that ask for transactions, and the height above which they do
    heights    watch id -> that height
    trailing   watch id -> number of those with a trail
    merging    watch (number), kind, payload of those that ask for merges
    assets     tokens that watches name
    """

    watches: Sequence[Watch]
    labels: pl.DataFrame
    keys: pl.DataFrame
    clusters: pl.DataFrame
    asking: pl.DataFrame
    heights: Mapping[str, int]
    trailing: Mapping[str, int]
    merging: pl.DataFrame
    assets: Sequence[str]


def watched(watches: Sequence[Watch], tags: pl.DataFrame) -> Watched:
    """Put watches into columns; `tags`: the claims of the chain, for those that name a label."""
    import polars as pl

    schema = {"watch": pl.Int32, "kind": pl.UInt8, "payload": pl.Binary}
    single, whole, labels, merging, asking = [], [], [], [], []
    heights, trailing = dict[str, int](), dict[str, int]()
    for number, watch in enumerate(watches):
        heights[watch.watch_id] = -1 if watch.start_height is None else watch.start_height
        if not _TRANSACTIONS.isdisjoint(watch.alert_types):
            asking.append((number, heights[watch.watch_id]))
        if watch.settings.trail > 0:
            trailing[watch.watch_id] = number
        if watch.key is not None and "cluster_merge" in watch.alert_types:
            merging.append((number, int(watch.key.kind), watch.key.payload))
        if watch.key is None:
            labels.append((number, watch.subject))
            continue
        key = (number, int(watch.key.kind), watch.key.payload)
        single.append(key)  # of a cluster too: it may not have been seen yet
        if watch.kind == "cluster" and watch.overgrown is None:
            whole.append(key)
    names = pl.DataFrame(labels, {"watch": pl.Int32, "name": pl.String}, orient="row")
    names = names.with_columns(pl.col("name").str.to_lowercase())
    keys = pl.DataFrame(single, schema, orient="row")
    if labels:
        said = (
            names.join(named(tags, "kind", "payload"), on="name").select("watch", "kind", "payload").unique()
        )
        keys = pl.concat([keys, said.sort("watch", "kind", "payload")])
    return Watched(
        watches,
        names,
        keys,
        pl.DataFrame(whole, schema, orient="row"),
        pl.DataFrame(asking, {"watch": pl.Int32, "start": pl.Int64}, orient="row"),
        heights,
        trailing,
        pl.DataFrame(merging, schema, orient="row"),
        sorted({watch.settings.asset for watch in watches} - {""}),
    )


def named(tags: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """These columns of claims by the names a watch may give: their label, and their actor, in small letters."""
    import polars as pl

    lower = (tags.select(pl.col(c).str.to_lowercase().alias("name"), *columns) for c in ("label", "actor"))
    return pl.concat(list(lower))


def cluster_ids(ledger: Ledger, found: Watched) -> pl.DataFrame:
    """Columns watch, anchor (address id), cluster_id of the clusters the ledger has seen."""
    import polars as pl

    from tracer.clustering.lookup import clusters_of

    schema = {"watch": pl.Int32, "anchor": pl.Int32, "cluster_id": pl.Int32}
    if not found.clusters.height:
        return pl.DataFrame(schema=schema)
    seen = ledger.find_addresses(found.clusters)
    ids = clusters_of(ledger, seen["address_id"].to_list())
    numbers = found.clusters["watch"].gather(seen["place"]).to_list()
    rows = [(n, a, ids[a]) for n, a in zip(numbers, seen["address_id"].to_list(), strict=True)]
    return pl.DataFrame(rows, schema, orient="row")


@contextmanager
def looking(ledger: Ledger, found: Watched, clusters: pl.DataFrame, first: int, last: int) -> Iterator[None]:
    """Have `side` and `owned` of the blocks between two heights in this open ledger, for the block."""
    own = "sides" if ledger.chain.family is Family.UTXO else "sides_of_accounts"
    ledger.db.run(_SQL[own], {"first": first_tx_id(first), "stop": first_tx_id(last + 1)})
    asked = {"clusters": clusters.height > 0}
    with (
        ledger.db.table("watched", found.keys),
        ledger.db.table("watched_cluster", clusters.select("watch", "cluster_id")),
    ):
        ledger.db.run(_SQL["owned"], asked)
    yield


def hits(ledger: Ledger) -> pl.DataFrame:
    """Columns watch, tx_id, asset_id, received, spent (base units, null unknown): inside `looking`."""
    return ledger.db.polars(_SQL["hits"])


def transactions(ledger: Ledger, tx_ids: Sequence[int]) -> pl.DataFrame:
    """Columns tx_id, txid, height, hash, time, fee of these."""
    with ledger.db.table("wanted", _wanted(tx_ids)):
        return ledger.db.polars(_SQL["transactions"])


def legs(ledger: Ledger, tx_ids: Sequence[int]) -> pl.DataFrame:
    """The legs of these, as `match.sql` has them for the family: inside `looking`."""
    own = "legs" if ledger.chain.family is Family.UTXO else "legs_of_accounts"
    with ledger.db.table("wanted", _wanted(tx_ids)):
        return ledger.db.polars(_SQL[own], {"most": MOST_LEGS})


def owners(ledger: Ledger) -> dict[int, set[int]]:
    """Address id -> numbers of the watches it belongs to, of those that moved something: inside `looking`."""
    found: dict[int, set[int]] = {}
    for watch, address in ledger.db.rows(_SQL["owners"]):
        found.setdefault(address, set()).add(watch)
    return found


def portion_end(ledger: Ledger, height: int, last: int) -> int:
    """How far above a height a portion goes, up to `last`: one block at least."""
    asked = {"height": height, "last": last, "rows": PORTION}
    found: int | None = ledger.db.value(_SQL["rows_between"], asked)
    return min(last, max(height + 1, found or 0))


def _wanted(tx_ids: Sequence[int]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({"tx_id": sorted(set(tx_ids))}, schema={"tx_id": pl.Int64})
