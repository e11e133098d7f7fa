"""What a seed set received, and what of it came from outside: that is what enters a trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tracer.db import named_sql
from tracer.flow.seeding.entity import in_kernel_units, units
from tracer.flow.worth import DAY
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

    from tracer.flow.seeding.seeds import Lots

_SQL = named_sql("tracer.flow.seeding", "seeds.sql")


def receipts(
    ledger: Ledger,
    lots: Lots,
    members: pl.DataFrame,
    own: list[tuple[int, int]],
    window: dict[str, int],
    *,
    arrivals: bool,
) -> None:
    """What lots and set received, and what of it came from outside; with `arrivals` that is what the set seeds.

    What a service holds of the set is an end: what it pays from there into the rest of the set is nobody's to tell, so
    it comes from outside; what it moves among addresses of its own does not.
    """
    import polars as pl

    if not lots.members:
        lots.received = by_day(ledger, own)
        return
    points = pl.DataFrame(sorted(lots.points), schema={"tx_id": pl.Int64, "vout": pl.Int32}, orient="row")
    with ledger.db.table("members", members), ledger.db.table("points", points):
        received = ledger.db.polars(_SQL["received"], window)
        with ledger.db.table("wanted", received.select("tx_id").unique().sort("tx_id")):
            inside = ledger.db.polars(_SQL["inside_inputs"], {"arrived": lots.unit == "lot"})
    value, held = pl.col("value").cast(pl.Int128), pl.col("held")
    per_tx = (
        received.group_by("tx_id", maintain_order=True)
        .agg(value.filter(~held).sum().alias("open"), value.filter(held).sum().alias("ended"))
        .join(units(inside, "followed", "held"), on="tx_id", how="left", maintain_order="left")
        .with_columns(pl.col("followed", "held", "unknown").fill_null(0))
    )
    if lots.unit == "entity":
        came = pl.col("open") + pl.col("ended") - pl.col("followed") - pl.col("held")
    else:
        came = pl.col("open") + pl.col("ended") - pl.col("followed") - pl.min_horizontal("held", "ended")
    per_tx = per_tx.with_columns(came.clip(lower_bound=0).alias("net")).sort("tx_id")
    doubtful = int((per_tx["unknown"] > 0).sum())
    if doubtful:
        lots.gaps.append(
            f"{doubtful} receipts of the seed set come from transactions with inputs that were not read; "
            "moves inside the set may be counted as arrivals"
        )
    more = received.join(points, on=["tx_id", "vout"], how="anti")
    lots.received = by_day(ledger, [*own, *more.select("tx_id", "value").rows()])
    if not arrivals:  # of an entity, which no lot is part of
        lots.arrived = by_day(ledger, per_tx.select("tx_id", "net").rows())
        return
    among_its_own = per_tx.filter((pl.col("held") >= pl.col("ended")) & (pl.col("held") > 0))["tx_id"]
    passing = pl.lit(lots.unit == "entity") | ~(held & pl.col("tx_id").is_in(among_its_own.implode()))
    lots.net = in_kernel_units(per_tx.filter(pl.col("net") > 0), "net")
    lots.flagged = received.filter(passing).join(lots.net, on="tx_id", how="semi", maintain_order="left")


def by_day(ledger: Ledger, rows: Sequence[tuple[int, int]]) -> dict[int, int]:
    """(tx_id, base units), summed by the UTC day of the transaction's block."""
    times = times_of(ledger, (tx_id for tx_id, _ in rows))
    days: dict[int, int] = {}
    for tx_id, found in rows:
        if found:
            day = times[tx_id] // DAY
            days[day] = days.get(day, 0) + found
    return days


def times_of(ledger: Ledger, tx_ids: Iterable[int]) -> dict[int, int]:
    """tx_id -> time of its block, unix seconds."""
    import polars as pl

    wanted = pl.DataFrame({"tx_id": sorted(set(tx_ids))}, schema={"tx_id": pl.Int64})
    if not wanted.height:
        return {}
    with ledger.db.table("wanted", wanted):
        return dict(ledger.db.rows(_SQL["times"]))
