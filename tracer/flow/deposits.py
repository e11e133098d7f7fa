"""deposit_sweep: a service's deposit address, recognised by where its money goes.

An untagged address is taken as a deposit address of a service, as far as one output is concerned, when
that output is spent by a *sweep*: a transaction all of whose outputs (OP_RETURN aside) go to hot addresses
of that one service; and when every other output of the address that was spent was spent likewise. A hot
address is one tagged `hot`, or one in the service's claimed cluster whose money at that place is in turn
paid out to others (a deposit address of the same cluster is not hot: paying one's whole coin to it is
no sweep).

Tier extended; its header is `rules/heuristics/deposit_sweep.py`. It fails where a person pays a whole coin, without
change, straight to a published hot address: the service is right, the address named as its deposit address is the
payer's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.chain import ScriptKind
from tracer.db import named_sql
from tracer.flow.fates import Fate
from tracer.flow.movements import I64
from tracer.flow.services import Services
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow", "deposits.sql")


DEPOSIT_SWEEP = "deposit_sweep"
"""Id of the heuristic."""

MOST_TRANSACTIONS = 1_000
"""An address with more transactions is no customer's deposit address (high degree, heuristics.md C)."""


@dataclass(frozen=True)
class Sweeps:
    """Swept deposits: from_tx, from_vout, service (holding number, int64), swept_to (address id, int64).

    looked_at  from_tx, from_vout, holding (int32): the numbers of the holdings that were looked at to tell of an output
    """

    frame: pl.DataFrame
    looked_at: pl.DataFrame


def find_sweeps(
    ledger: Ledger, services: Services, edges: pl.DataFrame, outputs: pl.DataFrame, named: I64
) -> Sweeps:
    """Which of these spent outputs are deposits of a service.

    `edges`   from_tx, from_vout, tx_id (the spender), address_id of the spent output
    `outputs` the spenders' outputs as `closure.sql` reads them
    `named`   address ids that are tagged, or were given as seeds: claims about them are made already
    """
    import polars as pl

    nothing = Sweeps(
        pl.DataFrame(
            schema={"from_tx": pl.Int64, "from_vout": pl.Int32, "service": pl.Int64, "swept_to": pl.Int64}
        ),
        pl.DataFrame(schema={"from_tx": pl.Int64, "from_vout": pl.Int32, "holding": pl.Int32}),
    )
    if not edges.height:
        return nothing
    possible = edges.filter(
        pl.col("address_id").is_not_null() & ~pl.col("address_id").is_in(pl.Series(named).implode())
    )
    spenders = possible.select("tx_id").unique()
    paid = outputs.join(spenders, on="tx_id", how="semi")
    paid = paid.filter(pl.col("kind") != int(ScriptKind.OP_RETURN))
    paid = _held(services, paid).with_columns(pl.col("hot").fill_null(value=False))
    above = _held(services, paid.select(holding="cluster_holding"))["entity"]
    paid = paid.with_columns((above == pl.col("entity")).fill_null(value=False).alias("clustered"))
    whole = paid.group_by("tx_id").agg(
        (pl.col("entity").is_not_null() & (pl.col("hot") | pl.col("clustered"))).all().alias("all"),
        pl.col("entity").n_unique().alias("entities"),
    )
    one = whole.filter(pl.col("all") & (pl.col("entities") == 1)).select("tx_id")
    paid = paid.join(one, on="tx_id", how="semi").sort("tx_id", "vout")
    if not paid.height:
        return nothing
    doubtful = paid.filter(~pl.col("hot")).select("tx_id", "vout", service="entity")
    if doubtful.height:
        with ledger.db.table("landing", doubtful):
            paying = _others(services, ledger.db.polars(_SQL["paid_out"]))
        silent = doubtful.join(paying, on=["tx_id", "vout"], how="anti")
        paid = paid.join(silent.select("tx_id").unique(), on="tx_id", how="anti", maintain_order="left")
    landed = paid.group_by("tx_id", maintain_order=True).agg(
        pl.col("entity").first(),
        pl.col("holding").first().cast(pl.Int64).alias("service"),
        pl.col("address_id").first().cast(pl.Int64).alias("swept_to"),
    )
    swept = possible.join(landed, on="tx_id", how="inner")
    candidates = swept.select("address_id", service="entity").unique(maintain_order=True)
    if not candidates.height:
        return nothing
    with ledger.db.table("candidate", candidates):
        spent_on = ledger.db.polars(_SQL["spent_on"], {"most": MOST_TRANSACTIONS})
    met = spent_on.select("address_id", "holding").drop_nulls().unique()
    met = swept.join(met, on="address_id").select("from_tx", "from_vout", "holding").unique()
    swept = swept.join(_others(services, spent_on), on="address_id", how="anti")
    frame = swept.select("from_tx", "from_vout", "service", "swept_to").sort("from_tx", "from_vout")
    return Sweeps(frame, met)


def _held(services: Services, paid: pl.DataFrame) -> pl.DataFrame:
    """The frame, in its order, with the service that each `holding` is of, and whether it is tagged hot there."""
    import polars as pl

    numbers = paid["holding"].drop_nulls().unique().to_list()
    known = [
        (number, holding.entity.name, holding.role == "hot")
        for number, holding in zip(numbers, services.holdings(numbers), strict=True)
        if holding.fate is Fate.SERVICE
    ]
    columns = {"holding": pl.Int32, "entity": pl.String, "hot": pl.Boolean}
    holders = pl.DataFrame(known, schema=columns, orient="row")
    return paid.join(holders, on="holding", how="left", maintain_order="left")


def _others(services: Services, paid: pl.DataFrame) -> pl.DataFrame:
    """Rows whose `holding` is not of their `service`: somebody else's, nobody's, or not to be told."""
    import polars as pl

    return _held(services, paid).filter(pl.col("entity").ne_missing(pl.col("service")))
