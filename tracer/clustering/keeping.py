"""Links that a build found, written into the store: clusters, merges, and what a constraint forbade."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.clustering import former
from tracer.clustering.constraints import Constraints
from tracer.clustering.numbers import Numbers
from tracer.clustering.rules import CO_SPEND, JOINED, SAME_KEY, Tier
from tracer.clustering.unionfind import REASONS, Merges, Refused
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int32 = NDArray[np.int32]

_SQL = named_sql("tracer.clustering", "build.sql")

NO_TX = -1
"""Stands for the transaction of a link that no transaction made: an override."""


def clusters(
    ledger: Ledger,
    numbers: Numbers,
    before: Int32 | None,
    roots: Int32,
    alone: NDArray[np.bool_],
    step: int | None,
) -> None:
    """Write the clusters of two addresses or more that are new or changed; all others need no row.

    `step`: under which what changes is kept for readers that will come back, None where it need not be.
    """
    import pyarrow as pa

    together = ~(alone & (roots == np.arange(roots.size, dtype=np.int32)))
    moved = np.empty(0, np.int32)
    if before is None:
        members = np.flatnonzero(together).astype(np.int32)
        left = moved
    else:
        was = _in_company(before)
        members = np.flatnonzero(together & (~was | (roots != before))).astype(np.int32)
        moved = members[was[members]]
        left = before[moved]
    leaving = pa.table({"address_id": numbers.to_ids(moved), "left_id": numbers.to_ids(left)})
    found = pa.table({"address_id": numbers.to_ids(members), "cluster_id": numbers.to_ids(roots[members])})
    with ledger.db.table("moved", leaving), ledger.db.table("found", found):
        if before is not None:
            ledger.db.run(_SQL["leave_clusters"])
            ledger.db.run(_SQL["leave_members"])
            if step is not None:
                former.changed(ledger, step)
        ledger.db.run(_SQL["keep_clusters"])
        ledger.db.run(_SQL["keep_members"])
    if before is None and step is not None:
        former.replaced(ledger, step)


def _in_company(roots: Int32) -> NDArray[np.bool_]:
    """Whose set has another member."""
    other: NDArray[np.bool_] = roots != np.arange(roots.size, dtype=np.int32)
    found = other.copy()
    found[roots[other]] = True
    return found


def merges(ledger: Ledger, numbers: Numbers, merges: Merges) -> None:
    """Note which clusters became one, by which transaction."""
    import polars as pl

    found = pl.DataFrame(
        {
            "tx_id": merges.tx_id,
            "by_key": merges.by_key,
            "kept": numbers.to_ids(merges.kept),
            "merged": numbers.to_ids(merges.merged),
            "kept_size": merges.kept_size,
            "merged_size": merges.merged_size,
            "alarm": merges.alarm,
        }
    ).with_row_index("row")
    heuristic = pl.when("by_key").then(pl.lit(SAME_KEY)).otherwise(pl.lit(CO_SPEND))
    with ledger.db.table("found", found.with_columns(heuristic.alias("heuristic"))):
        ledger.db.run(_SQL["keep_merges"])


def refused(ledger: Ledger, numbers: Numbers, refused: Refused, tier: Tier) -> None:
    """Note what a constraint forbade, for review."""
    import polars as pl

    found = pl.DataFrame(
        {
            "tx_id": refused.tx_id,
            "by_key": refused.by_key,
            "a": numbers.to_ids(refused.a),
            "b": numbers.to_ids(refused.b),
            "reason": np.array(REASONS)[refused.reason],
        }
    )
    heuristic = pl.when("by_key").then(pl.lit(SAME_KEY)).otherwise(pl.lit(CO_SPEND))
    found = found.with_columns(heuristic.alias("heuristic"), pl.lit(tier.value).alias("tier"))
    with ledger.db.table("found", found):
        ledger.db.run(_SQL["keep_refused"])


def refused_joins(ledger: Ledger, constraints: Constraints, reasons: Int32) -> None:
    """An override that contradicts what is claimed since is not taken, and said so."""
    import polars as pl

    joins = [o for o in constraints.overrides if o.kind == "join"]
    rows = [
        (NO_TX, o.a, o.b, REASONS[reason])
        for o, reason in zip(joins, reasons.tolist(), strict=True)
        if reason
    ]
    schema = {"tx_id": pl.Int64, "a": pl.Int32, "b": pl.Int32, "reason": pl.String}
    found = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.lit(JOINED).alias("heuristic"), pl.lit(Tier.CONSERVATIVE.value).alias("tier")
    )
    with ledger.db.table("found", found):
        ledger.db.run(_SQL["keep_refused"])
