"""Build the clusters of a chain: mixes first, then who was spent together, in one transaction.

A rebuild reads all facts and replaces all links; the same facts and rules give the same rows, whatever the
threads and batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tracer.chain import ScriptKind, first_tx_id
from tracer.clustering import state as states
from tracer.clustering.rules import MIX_KINDS, RuleSet, Tier, first_match
from tracer.clustering.state import Applied, Recorded
from tracer.clustering.unionfind import UnionFind
from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[int, int], None]

DUST = 2_730
"""Output values up to this many base units are not counted as equal amounts: dust limits, old and new."""

_SQL = named_sql("tracer.clustering", "build.sql")
_SHAPES = named_sql("tracer.clustering", "shapes.sql")["shapes"]
_CO_SPEND = "co_spend"


@dataclass(frozen=True)
class Sizes:
    """How a build may cut its work; the result does not depend on it.

    transactions  of one pass of shape-finding; bounds its memory
    batch         rows of one Arrow batch of the co-spend stream
    """

    transactions: int = 1_000_000
    batch: int = 1 << 20


def build(
    ledger: Ledger, rules: RuleSet, *, progress: Progress | None = None, sizes: Sizes | None = None
) -> dict[str, Any]:
    """Rebuild all clusters of a writable ledger; returns the `tracer.clustering/1` document.

    Raises `UsageError` where no block was read. Nothing is changed unless all of it succeeds.
    """
    tip = ledger.tip()
    if tip is None:
        raise UsageError(
            f"no block of {ledger.chain.name} was read.",
            hint=f"Run `tracer sync {ledger.chain.name} --source ...` first.",
        )
    if [h.id for h in rules.heuristics] != [_CO_SPEND]:
        raise ValueError("this build knows one heuristic, co_spend")
    sizes = sizes or Sizes()
    with ledger.db.transaction():
        found = find_mixes(ledger, rules, progress=progress, transactions=sizes.transactions)
        ledger.db.run(_SQL["forget_mixes"])
        with ledger.db.table("found", found):
            ledger.db.run(_SQL["keep_mixes"])
        addresses, greatest = ledger.db.rows(_SQL["addresses"])[0]
        sets = co_spend(ledger, greatest + 1, batch=sizes.batch)
        counts = _keep_clusters(ledger, sets.roots())
        kinds = dict(ledger.db.rows(_SQL["excluded"]))
        blocks, pending = states.below(ledger, tip.height)
        recorded = Recorded(
            tier=Tier.CONSERVATIVE.value,
            height=tip.height,
            tip_hash=states.shown(tip.block_hash),
            rules=rules.digest,
            heuristics=tuple(Applied(h.id, h.version, sets.links) for h in rules.heuristics),
            excluded={kind: kinds.get(kind, 0) for kind in MIX_KINDS},
            addresses=addresses,
            blocks=blocks,
            clusters=addresses - counts.merged,
            non_singleton=counts.non_singleton,
            largest=counts.largest if addresses else 0,
            transactions_used=sets.transactions_used,
            pending=pending,
        )
        states.write(ledger, recorded)
    return document(ledger, states.ClusteringState(recorded, behind=0, valid=True))


def document(ledger: Ledger, state: states.ClusteringState) -> dict[str, Any]:
    """The `tracer.clustering/1` document of clusters that were built."""
    r = state.recorded
    return {
        "schema": "tracer.clustering/1",
        "as_of": states.as_of(ledger, state),
        "tier": r.tier,
        "addresses": r.addresses,
        "clusters": r.clusters,
        "non_singleton": r.non_singleton,
        "largest": r.largest,
        "transactions_used": r.transactions_used,
        "excluded": {kind: r.excluded.get(kind, 0) for kind in MIX_KINDS},
        "heuristics": [{"id": h.id, "version": h.version, "links": h.links} for h in r.heuristics],
        "rules": r.rules,
    }


def find_mixes(
    ledger: Ledger, rules: RuleSet, *, progress: Progress | None = None, transactions: int = 1_000_000
) -> pl.DataFrame:
    """Every transaction that a detector recognises, as rows of `mix`, sorted by tx_id."""
    chunks = ledger.db.rows(_SQL["chunks"], {"size": transactions})
    total, done = sum(count for _, _, count in chunks), 0
    found = []
    for start, stop, count in chunks:
        found.append(first_match(shapes(ledger, start, stop), rules.detectors))
        done += count
        if progress:
            progress(done, total)
    return pl.concat(found)


def shapes(ledger: Ledger, start: int, stop: int) -> pl.DataFrame:
    """The shapes (`shapes.sql`) of the candidate transactions of blocks `start` to `stop - 1`."""
    return ledger.db.polars(
        _SHAPES,
        {
            "start": first_tx_id(start),
            "stop": first_tx_id(stop),
            "dust": DUST,
            "op_return": int(ScriptKind.OP_RETURN),
            "p2wpkh": int(ScriptKind.P2WPKH),
            "p2tr": int(ScriptKind.P2TR),
        },
    )


def co_spend(ledger: Ledger, size: int, *, batch: int = 1 << 20) -> UnionFind:
    """Unite what was spent together outside the rows of `mix`.

    `size` is one more than the greatest address id. Outputs of unknown witness versions are spent by anyone:
    they join nobody.
    """
    sets = UnionFind(size)
    pairs = ledger.db.stream(_SQL["co_spent"], {"anyone": int(ScriptKind.WITNESS_UNKNOWN)}, batch=batch)
    for rows in pairs:
        sets.add(rows.column("tx_id").to_numpy(), rows.column("address_id").to_numpy())
    return sets


@dataclass(frozen=True)
class _Counts:
    merged: int
    non_singleton: int
    largest: int


def _keep_clusters(ledger: Ledger, roots: NDArray[np.int32]) -> _Counts:
    """Write the clusters of two addresses or more; all others are their own and need no row."""
    import pyarrow as pa

    sizes = np.bincount(roots, minlength=roots.size)
    members = np.flatnonzero(sizes[roots] > 1).astype(np.int32)
    found = pa.table({"address_id": members, "cluster_id": roots[members]})
    with ledger.db.table("found", found):
        renamed = ledger.db.arrow(_SQL["earliest"])
    if renamed.num_rows:
        names = np.arange(roots.size, dtype=np.int32)
        names[renamed.column("cluster_id").to_numpy()] = renamed.column("earliest").to_numpy()
        found = pa.table({"address_id": members, "cluster_id": names[roots[members]]})
    for statement in ("forget_clusters", "forget_members"):
        ledger.db.run(_SQL[statement])
    with ledger.db.table("found", found):
        ledger.db.run(_SQL["keep_clusters"])
        ledger.db.run(_SQL["keep_members"])
    non_singleton = int(np.count_nonzero(sizes > 1))
    return _Counts(members.size - non_singleton, non_singleton, int(sizes.max(initial=0)))
