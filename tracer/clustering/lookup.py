"""Ask the clusters that were built: whose cluster is this address, who else is in it, what is it called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from tracer.chain import Family
from tracer.clustering.numbers import Numbers
from tracer.clustering.rules import Tier
from tracer.clustering.state import ClusteringState
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.clustering", "lookup.sql")


@dataclass(frozen=True)
class Cluster:
    """One cluster: its name outside the ledger, its size, and its first members.

    id        address id of its earliest-seen member; never leaves the ledger
    members   canonical addresses in order of first appearance; at most as many as were asked for
    """

    id: int
    name: str
    size: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Merge:
    """Where two clusters of two addresses or more became one.

    kept, merged  their names until that block; the second is an alias of the cluster since
    alarm         both were large, or the largest of all grew by a leap (`unionfind.LARGE`, `LEAP`)
    """

    txid: str
    height: int
    heuristic: str
    kept: str
    merged: str
    kept_size: int
    merged_size: int
    alarm: bool


def clusters_of(ledger: Ledger, address_ids: Iterable[int], tier: Tier = Tier.CONSERVATIVE) -> dict[int, int]:
    """Address id -> cluster id (its earliest-seen member; itself where it stands alone)."""
    ids = sorted(set(address_ids))
    return dict(ledger.db.rows(_SQL["clusters_of"], {"ids": ids, **_extended(tier)})) if ids else {}


def name(ledger: Ledger, cluster_id: int, height: int) -> str:
    """`cluster:<earliest-seen member>@<height>` (CONTRACTS)."""
    return f"cluster:{ledger.render_addresses([cluster_id])[cluster_id]}@{height}"


def cluster(ledger: Ledger, address_id: int, state: ClusteringState, *, limit: int) -> Cluster:
    """The cluster of an address, in the tier of `state`, with its first `limit` members."""
    tier = Tier(state.tier)
    cluster_id = clusters_of(ledger, [address_id], tier)[address_id]
    asked = {"cluster_id": cluster_id, **_extended(tier)}
    size: int = ledger.db.value(_SQL["size"], asked)
    if ledger.chain.family is Family.ACCOUNT:
        ids = _in_order(ledger, [i for (i,) in ledger.db.rows(_SQL["members_of_accounts"], asked)])[:limit]
    else:
        ids = [i for (i,) in ledger.db.rows(_SQL["members"], {**asked, "limit": limit})]
    texts = ledger.render_addresses(ids)
    return Cluster(cluster_id, name(ledger, cluster_id, state.height), size, tuple(texts[i] for i in ids))


def _in_order(ledger: Ledger, ids: list[int]) -> list[int]:
    """Address ids in the order in which the chain shows them."""
    import numpy as np

    found = np.array(ids, np.int32)
    ordered: list[int] = found[np.argsort(Numbers.of(ledger).of_ids(found), kind="stable")].tolist()
    return ordered


def merges(ledger: Ledger, cluster_id: int, *, limit: int) -> list[Merge]:
    """How a conservative cluster grew out of others, the latest first."""
    rows = ledger.db.rows(_SQL["merges"], {"cluster_id": cluster_id, "limit": limit})
    texts = ledger.render_addresses(i for row in rows for i in row[3:5])
    txids = ledger.render_txids(row[0] for row in rows)
    return [
        Merge(
            txids[tx_id], height, heuristic, f"cluster:{texts[kept]}@{height}",
            f"cluster:{texts[merged]}@{height}", kept_size, merged_size, alarm,
        )
        for tx_id, height, heuristic, kept, merged, kept_size, merged_size, alarm in rows
    ]  # fmt: skip


def groups(ledger: Ledger) -> Iterator[list[str]]:
    """Every cluster of more than one address, as canonical addresses. For worlds and tests, not for a chain."""
    rows = ledger.db.rows(_SQL["groups"])
    texts = ledger.render_addresses(address for _, address in rows)
    for _, members in groupby(rows, key=lambda row: row[0]):
        yield [texts[address] for _, address in members]


def members_among(
    ledger: Ledger, cluster_id: int, keys: pl.DataFrame, tier: Tier = Tier.CONSERVATIVE
) -> pl.DataFrame:
    """The rows of `keys` (columns `kind` and `payload`, and any others) that are members of a cluster.

    In the order of `keys`; `cluster_id` itself is a member also where it stands alone.
    """
    wanted = keys.select("kind", "payload").with_row_index("row")
    with ledger.db.table("wanted", wanted):
        rows = ledger.db.rows(_SQL["among"], {"cluster_id": cluster_id, **_extended(tier)})
    return keys[[row for (row,) in rows]]


def _extended(tier: Tier) -> dict[str, bool]:
    return {"extended": tier is Tier.EXTENDED}
