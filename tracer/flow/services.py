"""Where a trace must stop: claims, resolved to addresses and clusters of the ledger.

A *holding* is what one entity is claimed to hold: an address, or a whole conservative cluster. A claim
speaks of the cluster where it says so (`is_cluster_definer`) or where its author controls the key; else of
the address alone. A claim counts for the payments of the days between which it held, and for no other.

All holdings have a number, in columns that the closure joins; who holds what (`tracer.flow.holdings`) is worked
out for those a question meets.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

from tracer.db import named_sql
from tracer.flow import contest
from tracer.flow.contest import Claim
from tracer.flow.fates import Fate
from tracer.flow.holdings import Holding, address_holding, cluster_holding
from tracer.flow.movements import I64
from tracer.flow.spans import Span, spells, valid
from tracer.flow.tagged import Index, Tagged, among, resolve
from tracer.intel.ranking import Row
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.flow", "services.sql")


class Services:
    """The static stops of one question.

    tagged     all claims seen in the ledger
    clusters   holding, cluster_id, since, until: who holds a cluster and when (unix seconds)
    addresses  holding, address_id, since, until: who holds a tagged address
    """

    def __init__(self, tagged: Tagged, vasps: AbstractSet[str]) -> None:
        """Number the holdings: an address or cluster has one for each time between two dates of its claims."""
        import polars as pl

        self.tagged, self._vasps = tagged, vasps
        stopping = tagged.frame.filter(pl.col("fate").is_not_null())
        whole = stopping.filter("whole")
        times = whole.select("cluster_id", "since", "until").unique()
        self.clusters = spells("cluster_id", times, times).with_row_index("holding")
        rivals = stopping.select("address_id", "cluster_id").unique().join(times, on="cluster_id")
        held = ("address_id", "since", "until")
        self.addresses = spells("address_id", stopping.select(held), rivals.select(held)).with_row_index(
            "holding", offset=self.clusters.height
        )
        self._numbered = pl.concat(
            [self.clusters.rename({"cluster_id": "key"}), self.addresses.rename({"address_id": "key"})]
        )
        self._said_of = Index(tagged.frame["address_id"], tagged.frame["place"])
        self._said_over = Index(whole["cluster_id"], whole["place"])
        self._of_address = Index(self.addresses["address_id"], self.addresses["holding"])
        self._of_cluster = Index(self.clusters["cluster_id"], self.clusters["holding"])
        self._known: dict[int, Holding] = {}

    def holding(self, number: int) -> Holding:
        """What the claims make of a holding."""
        return self.holdings((number,))[0]

    def holdings(self, numbers: Iterable[int]) -> list[Holding]:
        """The same of several, in their order; their claims are read at once."""
        wanted = list(numbers)
        missing = [number for number in wanted if number not in self._known]
        self.tagged.claims(sorted({place for number in missing for place in self._places(number)}))
        for number in missing:
            self._known[number] = self._made(number)
        return [self._known[number] for number in wanted]

    def span(self, number: int) -> Span:
        """The time for which a holding is held so."""
        _, _, since, until = self._numbered.row(number)
        return since, until

    def fates(self, numbers: I64) -> npt.NDArray[np.uint8]:
        """What a trace does at each of these holdings."""
        each, place = np.unique(numbers, return_inverse=True)
        return np.array([int(holding.fate) for holding in self.holdings(each.tolist())], np.uint8)[place]

    def holders(self, address: int, cluster: int) -> list[int]:
        """Numbers of what holds an address at any time, else of what holds its cluster."""
        return self._of_address.of(address) or self._of_cluster.of(cluster)

    def on(self, address: int) -> list[tuple[Row, Fate | None]]:
        """All that is said of this very address, at any time, with what a trace does there."""
        return self.tagged.claims(self._said_of.of(address))

    def over(self, cluster: int) -> list[tuple[Row, Fate | None]]:
        """All claims on a whole cluster, at any time."""
        return self.tagged.claims(self._said_over.of(cluster))

    def said(self, number: int) -> list[Row]:
        """All claims that a trace stops at and that hold at a holding's place in its time, whoever wins."""
        _, _, since, until = self._numbered.row(number)
        told = self.tagged.claims(self._places(number))
        rows = {row["claim_id"]: row for row, fate in told if fate is not None and valid(row, (since, until))}
        return list(rows.values())

    def parties(self, clusters: Iterable[int]) -> dict[int, dict[str, int]]:
        """Cluster -> party -> best confidence, of all claims a trace stops at inside; without such, no entry."""
        import polars as pl

        inside = self.tagged.frame.filter(pl.col("fate").is_not_null() & among("cluster_id", clusters))
        rows: dict[int, list[Row]] = {}
        for row in inside.iter_rows(named=True):
            rows.setdefault(row["cluster_id"], []).append(row)
        return {cluster: contest.standings(said) for cluster, said in rows.items()}

    def _made(self, number: int) -> Holding:
        _, key, since, until = self._numbered.row(number)
        span = since, until
        if number < self.clusters.height:
            return cluster_holding(self._over(key, span), self._vasps)
        cluster = self._cluster_of(key)
        said = self.tagged.claims(self._said_of.of(key))
        return address_holding(
            [(row, fate) for row, fate in said if fate is not None and valid(row, span)],
            self._over(cluster, span),
            self._above(cluster, span),
            [row for row, fate in said if fate is None],
            self._vasps,
        )

    def _places(self, number: int) -> list[int]:
        """Where the claims stand that a holding is made of."""
        key = self._numbered["key"][number]
        if number < self.clusters.height:
            return self._said_over.of(key)
        return self._said_of.of(key) + self._said_over.of(self._cluster_of(key))

    def _over(self, cluster: int, span: Span) -> list[Claim]:
        """Claims on a whole cluster in that time."""
        said = self.tagged.claims(self._said_over.of(cluster))
        return [(row, fate) for row, fate in said if fate is not None and valid(row, span)]

    def _above(self, cluster: int, span: Span) -> Holding | None:
        """Who holds the cluster in that time; the spans of an address never cross those of its cluster."""
        for number in self._of_cluster.of(cluster):
            _, _, since, until = self._numbered.row(number)
            if since <= span[0] and span[1] <= until:
                return self.holding(number)
        return None

    def _cluster_of(self, address: int) -> int:
        cluster: int = self.tagged.frame["cluster_id"][self._said_of.of(address)[0]]
        return cluster


def load(
    ledger: Ledger,
    snapshot: Snapshot,
    stop: AbstractSet[str] = frozenset(),
    own: AbstractSet[str] = frozenset(),
) -> Services:
    """Resolve the snapshot's tags on this ledger's chain and leave the stops in TEMP tables.

    `claimed_address(address_id, since, until, holding)` and `claimed_cluster(cluster_id, ...)` are there
    afterwards, with at most one row per key and moment, for the closure to join. An address that is tagged
    has a row of its own, which says who won. `stop`: categories at which a trace ends too; `own`: parties whose wallets
    are one's own, and end it whatever is said of them (`tagged.resolve`).
    """
    vasps = set(snapshot.vasps()["vasp_id"].to_list())
    tags = snapshot.tags(ledger.chain.name)
    services = Services(resolve(ledger, tags, snapshot.names, vasps, stop, own), vasps)
    ledger.db.script(_SQL["make_claimed"])
    for name, held in (("address", services.addresses), ("cluster", services.clusters)):
        with ledger.db.table("held", held):
            ledger.db.run(_SQL[f"fill_claimed_{name}"])
    return services
