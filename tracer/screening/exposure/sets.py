"""Subjects as the ledger knows them: addresses with their clusters, outputs; each set of lots once.

The set of an address is its conservative cluster. A service's cluster, one that behaves like a pool, and one too large
to look at is not looked through: of its addresses only what is claimed of them is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tracer.clustering.pools import Busy, Thresholds, pool_like_of_busy
from tracer.db import named_sql
from tracer.errors import BadAddress
from tracer.flow.fates import Fate
from tracer.flow.movements import I64
from tracer.flow.services import Services
from tracer.flow.sets import among, union
from tracer.ledger.prefix import txid_prefix
from tracer.ledger.store import Ledger
from tracer.screening.model import Subject

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.screening.exposure", "sets.sql")
_SEEDS = named_sql("tracer.flow.seeding", "seeds.sql")

MOST_ADDRESSES = 5_000
"""A cluster of more addresses is no one person's (P): it is not looked through."""

SHUT = (Fate.SERVICE, Fate.CUSTODIAL_POOL, Fate.MIXER, Fate.BRIDGE)
"""What is not looked through; whose money is their own is, whatever they are said to have done."""
POOL_NOTE = (
    "the subject lies in a wallet of many people's coins ({what}): what flows through it is nobody's to tell, so it "
    "was not looked through"
)
LARGE_NOTE = (
    "the subject's cluster is too large to be looked through ({what}): only what is claimed of it is said"
)


@dataclass(frozen=True)
class Lots:
    """One set of lots: a cluster's (its addresses), or one output. `cluster` is -1 of an output."""

    cluster: int = -1
    output: tuple[int, int, int] | None = None


@dataclass
class Found:
    """A subject in the ledger.

    address  id, None where never seen; cluster: id, itself where it stands alone; size: its addresses
    lots     number of its set, None where it is not looked through
    output   tx_id, vout, base units of a transfer
    problem  why a transfer cannot be told
    """

    address: int | None = None
    cluster: int | None = None
    size: int = 1
    lots: int | None = None
    output: tuple[int, int, int] | None = None
    truncated: bool = False
    notes: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass
class Sets:
    """All sets of a chunk.

    lots     by number
    members  address_id int32, seed int32 (number of the set), sorted by address
    history  seed, tx_id: transactions of each set of addresses
    """

    found: list[Found]
    lots: list[Lots]
    members: pl.DataFrame
    history: pl.DataFrame

    def of_addresses(self, ids: I64) -> I64:
        """Number of the set that each address id is in, -1 where in none."""
        known = self.members["address_id"].to_numpy()
        if not len(known):
            return np.full(len(ids), -1, np.int64)
        at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[at] == ids, self.members["seed"].to_numpy()[at], -1).astype(np.int64)


def find(
    ledger: Ledger, services: Services, subjects: Sequence[Subject], thresholds: Thresholds | None, most: int
) -> Sets:
    """Find subjects in the ledger, and the sets whose lots are theirs; `most`: transactions a set may have."""
    import polars as pl

    found = [Found() for _ in subjects]
    _outputs(ledger, subjects, found)
    _addresses(ledger, subjects, found)
    own = sorted({f.address for f in found if f.address is not None})
    clusters = _clusters(ledger, own)
    linked = _linked(ledger, set(clusters.values()))
    sizes = dict(linked.select("cluster_id", "size").iter_rows())
    for f in found:
        if f.address is not None:
            f.cluster = clusters[f.address]
            f.size = sizes.get(f.cluster, 1)
    wanted = {f.cluster for f, s in zip(found, subjects, strict=True) if s.kind != "transfer"} - {None}
    shut = _claimed(services, found, subjects)
    open_ = sorted(c for c in wanted if c is not None and c not in shut and sizes.get(c, 1) <= MOST_ADDRESSES)
    seeds = {cluster: number for number, cluster in enumerate(open_)}
    members = _members(linked, seeds)
    with ledger.db.table("members", members):
        history = ledger.db.polars(_SQL["history"], {"most": most})
    few = set(history["seed"].unique().to_list())
    pooled = _pools(ledger, seeds, history, thresholds)
    lots = [Lots(cluster) for cluster in open_]
    for f, subject in zip(found, subjects, strict=True):
        if subject.kind == "transfer":
            if f.output is not None:
                f.lots = len(lots)
                lots.append(Lots(output=f.output))
        elif f.cluster is not None:
            _place(f, seeds, shut, few, pooled, sizes, most)
    dropped = [seeds[c] for c in open_ if seeds[c] not in few or c in pooled]
    return Sets(
        found,
        lots,
        members.filter(~pl.col("seed").is_in(dropped)),
        history.filter(~pl.col("seed").is_in(dropped)),
    )


def _place(
    f: Found,
    seeds: dict[int, int],
    shut: dict[int, str],
    few: set[int],
    pooled: set[int],
    sizes: dict[int, int],
    most: int,
) -> None:
    assert f.cluster is not None
    if f.cluster in shut:
        f.notes.append(POOL_NOTE.format(what=f"claimed: {shut[f.cluster]}"))
    elif sizes.get(f.cluster, 1) > MOST_ADDRESSES:
        f.truncated = True
        f.notes.append(LARGE_NOTE.format(what=f"{sizes[f.cluster]} addresses"))
    elif f.cluster in pooled:
        f.notes.append(POOL_NOTE.format(what="by what it does: pool_like"))
    elif seeds[f.cluster] not in few:
        f.truncated = True
        f.notes.append(LARGE_NOTE.format(what=f"more than {most} transactions"))
    else:
        f.lots = seeds[f.cluster]


def _addresses(ledger: Ledger, subjects: Sequence[Subject], found: list[Found]) -> None:
    import polars as pl

    texts = sorted({s.address for s in subjects if s.address is not None and s.kind != "transfer"})
    keys = []
    for text in texts:
        try:
            keys.append((text, ledger.chain.parse_address(text)))
        except BadAddress:  # nobody's on this chain: never seen
            continue
    asked = pl.DataFrame(
        {"kind": [int(key.kind) for _, key in keys], "payload": [key.payload for _, key in keys]},
        schema={"kind": pl.UInt8, "payload": pl.Binary},
    )
    ids: dict[str, int] = {}
    for place, address in ledger.find_addresses(asked).iter_rows():
        ids.setdefault(keys[place][0], address)
    for subject, f in zip(subjects, found, strict=True):
        if subject.address is not None and subject.kind != "transfer":
            f.address = ids.get(subject.address)


def _outputs(ledger: Ledger, subjects: Sequence[Subject], found: list[Found]) -> None:
    """The outputs that transfers name."""
    import polars as pl

    txids = sorted({s.txid for s in subjects if s.kind == "transfer" and s.txid})
    if not txids:
        return
    raw = [ledger.chain.hash_bytes(txid) for txid in txids]
    asked = pl.DataFrame(
        {"place": range(len(raw)), "prefix": [txid_prefix(txid) for txid in raw], "txid": raw},
        schema={"place": pl.Int64, "prefix": pl.Int64, "txid": pl.Binary},
    )
    made: dict[str, list[tuple[int, int, int, int | None]]] = {}
    with ledger.db.table("asked", asked):
        for place, *output in ledger.db.rows(_SEEDS["outputs_of_txids"]):
            made.setdefault(txids[place], []).append((output[0], output[1], output[2], output[3]))
    for subject, f in zip(subjects, found, strict=True):
        if subject.kind != "transfer" or subject.txid not in made:
            continue
        rows = [row for row in made[subject.txid] if subject.vout is None or row[1] == subject.vout]
        if len({row[1] for row in rows}) != 1:
            f.problem = (
                f"the transaction has {'several outputs' if rows else 'no such output'}: one must be named"
            )
            continue
        tx_id, vout, value, address = rows[-1]  # where a coinbase was repeated, the one that stands
        f.output, f.address = (tx_id, vout, value), address


def _clusters(ledger: Ledger, addresses: Sequence[int]) -> dict[int, int]:
    import polars as pl

    if not addresses:
        return {}
    with ledger.db.table("wanted", pl.DataFrame({"address_id": addresses}, schema={"address_id": pl.Int32})):
        return dict(ledger.db.rows(_SEEDS["clusters_of"]))


def _linked(ledger: Ledger, clusters: set[int]) -> pl.DataFrame:
    """cluster_id, address_id, size of those of several addresses."""
    import polars as pl

    wanted = pl.DataFrame({"cluster_id": sorted(clusters)}, schema={"cluster_id": pl.Int32})
    with ledger.db.table("wanted", wanted):
        return ledger.db.polars(_SQL["members"], {"most": MOST_ADDRESSES})


def _members(linked: pl.DataFrame, seeds: dict[int, int]) -> pl.DataFrame:
    """address_id, seed of all addresses of these clusters, sorted."""
    own = dict(linked.select("address_id", "cluster_id").iter_rows())
    own.update((cluster, cluster) for cluster in seeds)
    rows = sorted((address, seeds[cluster]) for address, cluster in own.items() if cluster in seeds)
    return _frame(rows)


def _frame(rows: Sequence[tuple[int, int]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, schema={"address_id": pl.Int32, "seed": pl.Int32}, orient="row")


def _claimed(services: Services, found: Sequence[Found], subjects: Sequence[Subject]) -> dict[int, str]:
    """Clusters that are a service's or a pool's by claim, on them whole or on an address asked about: whose."""
    shut: dict[int, str] = {}
    if not services.addresses.height + services.clusters.height:
        return shut
    ids = np.array([(f.address, f.cluster) for f in found if f.address is not None and f.cluster is not None])
    held = union(services.addresses["address_id"].to_numpy(), services.clusters["cluster_id"].to_numpy())
    claimed = set(ids[among(ids.ravel(), held).reshape(ids.shape)].tolist()) if len(ids) else set()
    for f, subject in zip(found, subjects, strict=True):
        if f.address is None or f.cluster is None or subject.kind == "transfer":
            continue
        if f.address not in claimed and f.cluster not in claimed:
            continue
        for holding in services.holdings(services.holders(f.address, f.cluster)):
            if holding.fate in SHUT:
                shut[f.cluster] = holding.entity.name or "by several"
    return shut


def _pools(
    ledger: Ledger, seeds: dict[int, int], history: pl.DataFrame, thresholds: Thresholds | None
) -> set[int]:
    """Those of these clusters that behave like a pool."""
    import polars as pl

    if thresholds is None or not history.height:
        return set()
    counts = np.bincount(history["seed"].to_numpy(), minlength=len(seeds))
    busy = np.flatnonzero(counts >= thresholds.batches)
    if not len(busy):
        return set()
    cluster = np.array(list(seeds), np.int32)  # by number
    seen = history.select(cluster_id=pl.Series(cluster[history["seed"].to_numpy()]), tx_id="tx_id")
    clusters = pl.DataFrame({"cluster_id": np.sort(cluster[busy]), "appearances": 0})
    found = Busy(clusters, seen.filter(pl.Series(counts[history["seed"].to_numpy()] >= thresholds.batches)))
    told = pool_like_of_busy(ledger, found, thresholds)
    return set(told.filter("pool_like")["cluster_id"].to_list())
