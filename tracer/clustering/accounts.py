"""The shape of a customer's account at a service, from who pays its deposit address.

A deposit address is the service's; the person behind it is known to the service alone. But who pays it tells
whether the account looks like one person's, like one that many people share (a desk, a mule, a payment processor),
or like that of another service. It is a lead for the wording of a request, never a name.

Clusters understate owners: a wallet that never spends its coins together is many clusters. Therefore senders of whom
one paid the other in the same breath (its change) are counted as one, and a sender who emptied a wallet into the
account is not counted as a stranger: people move their own money so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tracer.chain import ScriptKind
from tracer.clustering.pools import Thresholds, pool_like
from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.clustering", "accounts.sql")


class Shape(StrEnum):
    """What an account looks like; `UNKNOWN` is what too little or mixed evidence gives."""

    SINGLE_LIKE = "single_like"
    SHARED_LIKE = "shared_like"
    NESTED = "nested"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Bounds:
    """When a shape is said. All are ours (P).

    receipts   fewer say nothing: two payments can be anybody's
    one        percent of the value that comes from one sender, and its change, for single-like: the rest is a gift
               or a first small trial
    strangers  unrelated senders who kept change, for shared-like: half more than any owner of the simulated worlds
               has alone (17: wallets of one vendor, which nothing on the chain joins)
    half       percent of the value; from one sender at most, for shared-like; from services at least, for nested
    sweeps     payments of a service that pay nobody else, for nested: a customer's withdrawal leaves change behind
    """

    receipts: int = 3
    one: int = 90
    strangers: int = 25
    half: int = 50
    sweeps: int = 3


def shapes(
    ledger: Ledger,
    address_ids: Iterable[int],
    services: Iterable[int] = (),
    *,
    pools: Thresholds | None = None,
    bounds: Bounds | None = None,
) -> pl.DataFrame:
    """The shape of the account behind each deposit address; one row each, sorted by address_id.

    `services` are cluster ids that claims say are services'; with `pools` others that may matter are asked whether
    they behave like one.

    address_id  i32
    shape       str  one of `Shape`
    receipts    i64  transactions that paid it
    senders     i64  distinct clusters that did; receipts whose sender cannot be told count for none
    strangers   i64  of these, unrelated ones that kept change
    value       i64  base units received
    largest     i64  of it from one sender and those related to it
    swept       i64  payments by services that paid nobody else
    from_services i64  base units of these
    sent_by     list[i32]  cluster ids of the senders, sorted

    Of an address that appears in fewer transactions than the bounds ask for the counts are null: nobody looked.
    """
    import polars as pl

    bounds = bounds or Bounds()
    asked = pl.DataFrame({"address_id": sorted(set(address_ids))}, schema={"address_id": pl.Int32})
    with ledger.db.table("asked", asked):
        often = ledger.db.polars(_SQL["often"], {"least": bounds.receipts})
    if not often.height:
        return asked.select("address_id", pl.lit(str(Shape.UNKNOWN)).alias("shape"), *_nothing())
    with ledger.db.table("asked", often):
        rows = ledger.db.polars(_SQL["receipts"], {"op_return": int(ScriptKind.OP_RETURN)})
    known = rows.filter(pl.col("sender").is_not_null())
    with ledger.db.table("receipt", known.select("address_id", "tx_id", "sender")):
        links = ledger.db.polars(_SQL["related"])
    rows = rows.join(_groups(known, links), on=["address_id", "sender"], how="left", maintain_order="left")
    held = {*services, *(_pools(ledger, known, bounds.sweeps, pools) if pools else ())}
    service = pl.col("sender").is_in(pl.Series(sorted(held), dtype=pl.Int32).implode())
    swept = pl.col("alone") & service.fill_null(value=False)
    largest = (
        rows.filter(pl.col("group").is_not_null())
        .group_by("address_id", "group")
        .agg(pl.col("value").sum())
        .group_by("address_id")
        .agg(pl.col("value").max().alias("largest"))
    )
    counts = rows.group_by("address_id").agg(
        pl.len().cast(pl.Int64).alias("receipts"),
        pl.col("sender").drop_nulls().n_unique().cast(pl.Int64).alias("senders"),
        pl.col("group").filter(~pl.col("alone")).drop_nulls().n_unique().cast(pl.Int64).alias("strangers"),
        pl.col("value").sum(),
        swept.sum().cast(pl.Int64).alias("swept"),
        pl.col("value").filter(swept).sum().alias("from_services"),
        pl.col("sender").drop_nulls().unique().sort().alias("sent_by"),
    )
    found = often.join(counts, on="address_id", how="left").join(largest, on="address_id", how="left")
    found = found.with_columns(pl.col(_NUMBERS).fill_null(0)).with_columns(_shape(bounds).alias("shape"))
    return (
        asked.join(found, on="address_id", how="left")
        .with_columns(pl.col("shape").fill_null(str(Shape.UNKNOWN)))
        .select("address_id", "shape", *_NUMBERS, "sent_by")
        .sort("address_id")
    )


_NUMBERS = ("receipts", "senders", "strangers", "value", "largest", "swept", "from_services")


def _nothing() -> list[pl.Expr]:
    import polars as pl

    blank = [pl.lit(None, pl.Int64).alias(name) for name in _NUMBERS]
    return [*blank, pl.lit(None, pl.List(pl.Int32)).alias("sent_by")]


def _shape(bounds: Bounds) -> pl.Expr:
    import polars as pl

    value, largest = pl.col("value"), pl.col("largest")

    def at_least(part: pl.Expr, percent: int) -> pl.Expr:
        return (part > 0) & (part.cast(pl.Int128) * 100 >= value.cast(pl.Int128) * percent)

    return (
        pl.when(pl.col("receipts") < bounds.receipts)
        .then(pl.lit(str(Shape.UNKNOWN)))
        .when((pl.col("swept") >= bounds.sweeps) & at_least(pl.col("from_services"), bounds.half))
        .then(pl.lit(str(Shape.NESTED)))
        .when(at_least(largest, bounds.one))
        .then(pl.lit(str(Shape.SINGLE_LIKE)))
        .when((pl.col("strangers") >= bounds.strangers) & ~at_least(largest, bounds.half))
        .then(pl.lit(str(Shape.SHARED_LIKE)))
        .otherwise(pl.lit(str(Shape.UNKNOWN)))
    )


def _pools(ledger: Ledger, known: pl.DataFrame, sweeps: int, thresholds: Thresholds) -> list[int]:
    """Senders that emptied so many payments into one address, and that behave like a pool."""
    import polars as pl

    often = known.filter("alone").group_by("address_id", "sender").len().filter(pl.col("len") >= sweeps)
    found = pool_like(ledger, often["sender"].to_list(), thresholds)
    return found.filter("pool_like")["cluster_id"].to_list()


def _groups(known: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """address_id, sender, group: senders of one address that are related have one number."""
    import polars as pl

    each = known.select("address_id", "sender").unique().sort("address_id", "sender").with_row_index("node")
    ends = [
        links.join(each, left_on=["address_id", end], right_on=["address_id", "sender"], how="left")["node"]
        for end in ("a", "b")
    ]
    group = _components(each.height, *(end.to_numpy().astype(np.int64) for end in ends))
    return each.select("address_id", "sender", pl.Series("group", group))


def _components(size: int, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The least node each of `size` nodes is connected to by edges a-b."""
    label = np.arange(size, dtype=np.int64)
    while True:
        before = label.copy()
        np.minimum.at(label, a, before[b])
        np.minimum.at(label, b, before[a])
        label = label[label]
        if np.array_equal(label, before):
            return label
