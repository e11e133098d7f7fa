"""Clusters that behave like a custodian's pool: many depositors, batched withdrawals, coins spent as one.

Inside a pool coins are interchangeable, and no convention says whose they are (DESIGN section 5; *D'Aloia v Persons
Unknown* [2024] EWHC 2342 (Ch) held tracing through mixed exchange wallets unreliable). A tag says so of few
services; the behaviour says so of the rest. Nothing is stored: a cluster is asked when somebody meets it, and the
answer depends on the facts and the clusters alone.

A *depositor* is another cluster that paid it. Exchanges sweep deposits, in transactions that pay their hot wallet and
nobody else; the sweeping cluster is then no depositor, those who paid what is swept are. (The addresses that are swept
need not be recognised: all their money enters the hot wallet one step on, where a trace ends.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from tracer.chain import ScriptKind
from tracer.clustering.rules import Heuristic, RuleSet
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.clustering", "pools.sql")

POOL_LIKE = "pool_like"
"""Id of the heuristic."""


@dataclass(frozen=True)
class Thresholds:
    """From where on a cluster is taken for a pool; all of them must be met. All are ours (P).

    payees       others' addresses that one transaction pays to be a batch. Half of the reference's 10 (A7), which
                 labels a payer by its batches alone; here depositors and commingling must agree, and a payment
                 processor settles with few retailers at a time
    mingled      depositors whose coins one transaction spends together: more than the coins of a household, or of
                 a buyer and a seller
    depositors   other clusters that paid it: more than a person, a payroll or a supplier has
    batches      and
    batch_days   on different UTC days: a habit, no single airdrop or emptying of a wallet
    commingled   transactions that spend several depositors' coins together: no single consolidation
    appearances  of its addresses in transactions; below, nobody looks: five batches, and as many arrivals
    """

    payees: int = 5
    mingled: int = 5
    depositors: int = 50
    batches: int = 5
    batch_days: int = 3
    commingled: int = 3
    appearances: int = 10


class PoolRule(Heuristic, Protocol):
    """The header of `pool_like`."""

    @property
    def parameters(self) -> Thresholds:
        """When a cluster is taken for a pool."""


def rule_of(rules: RuleSet) -> PoolRule | None:
    """The header of `pool_like`, or None where these rules do not recognise pools."""
    return cast("PoolRule | None", rules.heuristic(POOL_LIKE))


def pool_like(
    ledger: Ledger, cluster_ids: Iterable[int], thresholds: Thresholds | None = None
) -> pl.DataFrame:
    """What tells of these conservative clusters whether they are pools; sorted by cluster_id.

    cluster_id         i32  address id of the earliest-seen member
    depositors         i64  distinct other clusters that paid it
    deposit_addresses  i64  addresses at which they did: its own, and those swept into it
    batches            i64  its transactions that pay at least `payees` addresses of others, at most one output back
                            and, at least in half of the payments, unequal amounts (equal ones are a mixer's)
    batch_days         i64  distinct UTC days of these
    commingled         i64  transactions of its own, or sweeps into it, that spend together what came from at least
                            `mingled` depositors
    first_height, last_height  i32  of the blocks of all this; null where there is nothing of it
    pool_like          bool

    A cluster has no row where its addresses make fewer `appearances` than a pool does, or where fewer of its
    transactions have outputs enough to be `batches` of payments.
    Transactions that mix, or may, are left out throughout.
    """
    least = thresholds or Thresholds()
    return pool_like_of_busy(ledger, busy(ledger, cluster_ids, least.appearances), least)


@dataclass(frozen=True)
class Busy:
    """Clusters whose addresses appear in enough transactions to be asked of: the cheap question.

    clusters  cluster_id i32, appearances i64 (of each of its addresses in each transaction), sorted
    seen      cluster_id i32, tx_id i64: these transactions, one row for each appearance, sorted
    """

    clusters: pl.DataFrame
    seen: pl.DataFrame


def busy(ledger: Ledger, cluster_ids: Iterable[int], appearances: int) -> Busy:
    """Those of these clusters that appear at least so often."""
    import polars as pl

    asked = pl.DataFrame({"cluster_id": sorted(set(cluster_ids))}, schema={"cluster_id": pl.Int32})
    if not asked.height:
        return Busy(
            asked.with_columns(appearances=pl.lit(0, pl.Int64)),
            asked.with_columns(tx_id=pl.lit(0, pl.Int64)),
        )
    with ledger.db.table("asked", asked):
        seen = ledger.db.polars(_SQL["seen"])
    counted = seen.group_by("cluster_id").agg(pl.len().cast(pl.Int64).alias("appearances"))
    counted = counted.filter(pl.col("appearances") >= appearances).sort("cluster_id")
    return Busy(counted, seen.join(counted, on="cluster_id", how="semi", maintain_order="left"))


def batch_payers(ledger: Ledger, least: Thresholds) -> pl.DataFrame:
    """All clusters that can be pools by the batches they sign, sorted: cluster_id. One pass over the transactions."""
    return ledger.db.polars(_SQL["batch_payers"], {"payees": least.payees, "batches": least.batches})


def pool_like_of_busy(ledger: Ledger, found: Busy, least: Thresholds) -> pl.DataFrame:
    """`pool_like` of clusters of which `busy` told."""
    import polars as pl

    if not found.clusters.height:
        return none()
    paying = _paying(ledger, found, least)
    if not paying.height:
        return none()
    with ledger.db.table("asked", paying):
        evidence = ledger.db.polars(
            _SQL["evidence"],
            {"payees": least.payees, "mingled": least.mingled, "op_return": int(ScriptKind.OP_RETURN)},
        )
    wanted = ("depositors", "batches", "batch_days", "commingled")
    return evidence.with_columns(
        pl.all_horizontal(pl.col(name) >= getattr(least, name) for name in wanted).alias("pool_like")
    )


def _paying(ledger: Ledger, found: Busy, least: Thresholds) -> pl.DataFrame:
    """Of these, the clusters that sign transactions with outputs enough for a batch, and enough of them: cluster_id."""
    import polars as pl

    with ledger.db.table("wanted", found.seen.select("tx_id").unique()):
        wide = ledger.db.polars(_SQL["wide"], {"payees": least.payees})
    batches = found.seen.unique().join(wide, on="tx_id", how="semi")
    asked = batches.group_by("cluster_id").len().filter(pl.col("len") >= least.batches).select("cluster_id")
    if not asked.height:
        return asked
    batches = batches.join(asked, on="cluster_id", how="semi").select("tx_id").unique()
    with ledger.db.table("asked", asked), ledger.db.table("batch", batches):
        return ledger.db.polars(_SQL["paying"], {"batches": least.batches})


def none() -> pl.DataFrame:
    """No row, in the form of `pool_like`."""
    import polars as pl

    counts = ("depositors", "deposit_addresses", "batches", "batch_days", "commingled")
    return pl.DataFrame(
        schema={
            "cluster_id": pl.Int32,
            **dict.fromkeys(counts, pl.Int64),
            "first_height": pl.Int32,
            "last_height": pl.Int32,
            "pool_like": pl.Boolean,
        }
    )
