"""What really happened in a world, in the ids of a ledger that read its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from adapters.simulation.exchanges import VASPS
from tracer.clustering import measure

if TYPE_CHECKING:
    from adapters.simulation.truth import GroundTruth
    from tracer.ledger.store import Ledger

_MARKET = "market"


@dataclass(frozen=True)
class Known:
    """The truth about a ledger.

    owned     address_id i32, owner u32 (who: a number of this world), service bool (a VASP or a market), by address_id
    names     owner u32, name, actor (what kind of owner)
    nobody    addresses the truth has no name for
    payjoins  tx_id i64: transactions whose inputs are of payer and payee
    mixes     tx_id i64, kind: transactions that mix coins
    """

    owned: pl.DataFrame
    names: pl.DataFrame
    nobody: int
    payjoins: pl.DataFrame
    mixes: pl.DataFrame

    def services_joined(self, clusters: pl.DataFrame, column: str) -> list[tuple[str, ...]]:
        """Clusters (`address_id`, `column`) that hold addresses of two services or more: their names."""
        return services_joined(self.owned, self.names, clusters, column)


def services_joined(
    owned: pl.DataFrame, names: pl.DataFrame, clusters: pl.DataFrame, column: str
) -> list[tuple[str, ...]]:
    """The same of `owned` and `names` as `Known` has them."""
    held = clusters.select("address_id", pl.col(column).alias("cluster"))
    found = (
        owned.filter("service")
        .join(held, on="address_id")
        .join(names, on="owner")
        .group_by("cluster")
        .agg(pl.col("name").unique().sort())
        .filter(pl.col("name").list.len() > 1)
    )
    return sorted(tuple(row) for row in found["name"].to_list())


def known(ledger: Ledger, truth: GroundTruth) -> Known:
    """Join the truth of a world to the ledger that holds its blocks, all of them."""
    shown = measure.addresses(ledger)
    services = [vasp.vasp_id for vasp in VASPS]
    owners = truth.addresses.select(
        "address",
        pl.col("owner").rank("dense").cast(pl.UInt32).alias("owner"),
        pl.col("owner").alias("name"),
        pl.col("actor_kind").alias("actor"),
        (pl.col("owner").is_in(services) | (pl.col("actor_kind") == _MARKET)).alias("service"),
    )
    owned = shown.join(owners, on="address").sort("address_id")
    return Known(
        owned.select("address_id", "owner", "service"),
        owners.select("owner", "name", "actor").unique().sort("owner"),
        shown.height - owned.height,
        measure.placed(ledger, truth.payjoins.select("txid")),
        measure.placed(ledger, truth.mixes),
    )
