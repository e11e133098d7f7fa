"""deposit_sweep: a service's deposit address, recognised by where its money goes.

An untagged address is taken as a deposit address of a service, as far as one output is concerned, when
that output is spent by a *sweep*: a transaction all of whose outputs (OP_RETURN aside) go to hot addresses
of that one service; and when every other output of the address that was spent was spent likewise. A hot
address is one tagged `hot`, or one in the service's claimed cluster whose money at that place is in turn
paid out to others (a deposit address of the same cluster is not hot: paying one's whole coin to it is
no sweep).

Tier extended. It fails where a person pays a whole coin, without change, straight to a published hot
address: the service is right, the address named as its deposit address is the payer's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import ScriptKind
from tracer.clustering.rules import Tier
from tracer.db import named_sql
from tracer.flow.fates import Fate
from tracer.flow.movements import I64
from tracer.flow.services import Services
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow", "deposits.sql")


@dataclass(frozen=True)
class DepositSweep:
    """The header of this heuristic, as results and the rules page quote it (`tracer.clustering.rules.Heuristic`)."""

    id: str = "deposit_sweep"
    title: str = "deposit address, swept to a known hot wallet"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    references: tuple[str, ...] = (
        "Meiklejohn et al. 2013 (service deposit addresses); the account-model form is Victor 2020, "
        "Address Clustering Heuristics for Ethereum",
    )
    limitations: tuple[str, ...] = (
        "Who pays a whole coin, without change, straight to a published hot address looks like a deposit address: "
        "the service is right, the address named is the payer's own.",
        "A deposit that was not swept yet is not recognised.",
        "It names the service's address, never the customer.",
    )


DEPOSIT_SWEEP = DepositSweep()
MOST_TRANSACTIONS = 1_000
"""An address with more transactions is no customer's deposit address (high degree, heuristics.md C)."""


@dataclass(frozen=True)
class Sweeps:
    """Swept deposits: from_tx, from_vout, service (holding number, int64), swept_to (address id, int64).

    holdings  int64[h]  numbers of the holdings that were looked at to tell
    """

    frame: pl.DataFrame
    holdings: I64


def find_sweeps(
    ledger: Ledger, services: Services, edges: pl.DataFrame, outputs: list[pl.DataFrame], named: I64
) -> Sweeps:
    """Which of these spent outputs are deposits of a service.

    `edges`   from_tx, from_vout, tx_id (the spender), address_id of the spent output
    `outputs` frames of the spenders' outputs as `closure.sql` reads them
    `named`   address ids that are tagged, or were given as seeds: claims about them are made already
    """
    import polars as pl

    nothing = Sweeps(
        pl.DataFrame(
            schema={"from_tx": pl.Int64, "from_vout": pl.Int32, "service": pl.Int64, "swept_to": pl.Int64}
        ),
        np.empty(0, np.int64),
    )
    entities: dict[object, int] = {}
    numbers = [
        (i, entities.setdefault(h.entity.name, len(entities)), h.role == "hot", h.whole_cluster)
        for i, h in enumerate(services.holdings)
        if h.fate is Fate.SERVICE
    ]
    if not numbers or not edges.height:
        return nothing
    holders = pl.DataFrame(
        numbers,
        schema={"holding": pl.Int32, "entity": pl.Int32, "hot": pl.Boolean, "whole": pl.Boolean},
        orient="row",
    )
    possible = edges.filter(
        pl.col("address_id").is_not_null() & ~pl.col("address_id").is_in(pl.Series(named).implode())
    )
    spenders = possible.select("tx_id").unique()
    paid = pl.concat([frame.join(spenders, on="tx_id", how="semi") for frame in outputs])
    paid = paid.filter(pl.col("kind") != int(ScriptKind.OP_RETURN))
    paid = paid.join(holders, on="holding", how="left").with_columns(pl.col("hot").fill_null(value=False))
    clusters = holders.select(cluster_holding="holding", cluster_entity="entity")
    paid = paid.join(clusters, on="cluster_holding", how="left").with_columns(
        (pl.col("cluster_entity") == pl.col("entity")).fill_null(value=False).alias("clustered")
    )
    whole = paid.group_by("tx_id").agg(
        (pl.col("entity").is_not_null() & (pl.col("hot") | pl.col("clustered"))).all().alias("all"),
        pl.col("entity").n_unique().alias("entities"),
    )
    one = whole.filter(pl.col("all") & (pl.col("entities") == 1)).select("tx_id")
    paid = paid.join(one, on="tx_id", how="semi").sort("tx_id", "vout")
    if not paid.height:
        return nothing
    membership = holders.select("holding", "entity")
    with ledger.db.table("holding_entity", membership):
        doubtful = paid.filter(~pl.col("hot")).select("tx_id", "vout", "entity")
        if doubtful.height:
            with ledger.db.table("landing", doubtful):
                paying = ledger.db.polars(_SQL["paying_out"])
            silent = doubtful.join(paying, on=["tx_id", "vout"], how="anti")
            paid = paid.join(silent.select("tx_id").unique(), on="tx_id", how="anti", maintain_order="left")
        landed = paid.group_by("tx_id", maintain_order=True).agg(
            pl.col("entity").first(),
            pl.col("holding").first().cast(pl.Int64).alias("service"),
            pl.col("address_id").first().cast(pl.Int64).alias("swept_to"),
        )
        swept = possible.join(landed, on="tx_id", how="inner")
        candidates = swept.select("address_id", "entity").unique(maintain_order=True)
        if not candidates.height:
            return nothing
        with ledger.db.table("candidate", candidates):
            others = ledger.db.polars(_SQL["not_deposits"], {"most": MOST_TRANSACTIONS})
    met = others["holding"].drop_nulls().unique().to_numpy().astype(np.int64)
    swept = swept.join(others.filter("other"), on="address_id", how="anti")
    frame = swept.select("from_tx", "from_vout", "service", "swept_to").sort("from_tx", "from_vout")
    return Sweeps(frame, met)
