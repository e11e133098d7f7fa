"""Seeds of a backward trace: what arrived, as outputs to go back from.

What nothing of the set paid for is a lot: its whole output. Where the set paid too, the net is spread over the inputs
from outside, as the outflow of an entity is spread over outputs; likewise what enters an entity, whose own outputs
are a pool. An output of a mix, or of a transaction that was not read whole, stays a lot: its trail ends right there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.db import named_sql
from tracer.flow.movements import I64, LEAVING, Seeding
from tracer.flow.points import Points
from tracer.flow.seeding.seeds import Lots, member_frame
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

    from tracer.flow.trail import Trail

_SQL = named_sql("tracer.flow.seeding", "arrivals.sql")


@dataclass(frozen=True)
class Arrivals:
    """Lots as a backward trace enters them.

    lots    tx_id, vout, seed, units: outputs to go back from, distinct, and what of them is asked for
    net     tx_id, net, seed: base units to spread over what these transactions spent from outside
    inside  tx_id, prev_tx_id, prev_vout: what they spent of the set itself
    paid    tx_id, vout, value, address_id, units: by which outputs the set received it, and what of each it is
    """

    lots: pl.DataFrame
    net: pl.DataFrame
    inside: pl.DataFrame
    paid: pl.DataFrame

    def entries(self) -> pl.DataFrame:
        """tx_id, vout, as `Sources.grow` takes them."""
        return self.lots.select("tx_id", "vout")

    def transactions(self) -> I64:
        """Those whose inputs are gone back to at once."""
        found: I64 = self.net["tx_id"].to_numpy()
        return found

    def seeding(self, trail: Trail) -> Seeding:
        """The same as columns beside the trail's movements."""
        seeding = Seeding.empty(trail.movements)
        at = trail.index(self.lots["tx_id"].to_numpy(), self.lots["vout"].to_numpy())
        seeding.fixed[at] = self.lots["units"].to_numpy()
        if self.net.height:
            place = trail.movement(self.net["tx_id"].to_numpy())
            seeding.left[place] = self.net["net"].to_numpy()
            seeding.flag[np.isin(trail.out_tx, place)] = LEAVING
            # a lot that is two containers is spent as the second one
            put = np.flatnonzero(trail.out_tx > 0)
            own = Points(trail.point[put], trail.vout[put]).find(
                self.inside["prev_tx_id"].to_numpy(), self.inside["prev_vout"].to_numpy()
            )
            seeding.flag[put[own[own >= 0]]] = 0
        return seeding

    def owner(self, trail: Trail) -> I64:
        """Number of the seed that each output of the trail belongs to, -1 where none."""
        owner = np.full(len(trail.vout), -1, np.int64)
        if self.net.height:
            seeds = np.full(len(trail.movements), -1, np.int64)
            seeds[trail.movement(self.net["tx_id"].to_numpy())] = self.net["seed"].to_numpy()
            owner = seeds[trail.out_tx]
        at = trail.index(self.lots["tx_id"].to_numpy(), self.lots["vout"].to_numpy())
        owner[at] = self.lots["seed"].to_numpy()
        return owner


def arrivals(ledger: Ledger, lots: Lots) -> Arrivals:
    """What these lots go back from. Raises nothing that `seeds.resolve` has not."""
    import polars as pl

    named = _named(ledger, lots)
    columns = {"tx_id": pl.Int64, "vout": pl.Int32, "seed": pl.Int32, "value": pl.Int64, "held": pl.Boolean}
    received = pl.DataFrame(schema=columns)
    net = pl.DataFrame(schema={"tx_id": pl.Int64, "net": pl.Int64})
    if lots.flagged is not None and lots.net is not None:
        received = lots.flagged.select(pl.col(name).cast(kind) for name, kind in columns.items())
        received = received.sort("tx_id", "vout")
        net = _beside(lots.net, received.join(named, on=["tx_id", "vout"], how="semi"))
    with (
        ledger.db.table("members", member_frame(lots)),
        ledger.db.table("points", named.select("tx_id", "vout")),
        ledger.db.table("wanted", net.select("tx_id")),
    ):
        inside = ledger.db.polars(_SQL["inside"], {"entity": lots.unit == "entity"})
        whole = ledger.db.polars(_SQL["turnable"])
    # a service that got back more than it put in at addresses of the set paid nobody: what it put in stayed inside
    kept = pl.col("tx_id").is_in(received.filter("held")["tx_id"].implode())
    inside = inside.filter(~pl.col("held") | kept).drop("held")
    mixed = net.filter(pl.col("net") > 0).join(whole, on="tx_id", how="semi", maintain_order="left")
    if lots.unit == "lot":
        mixed = mixed.join(inside, on="tx_id", how="semi", maintain_order="left")
    first = received.group_by("tx_id", maintain_order=True).first()
    spread = mixed.join(first, on="tx_id", maintain_order="left").select("tx_id", "net", "seed")
    # the net of a transaction lies in its outputs to the set, the first ones first
    beside = received.join(named, on=["tx_id", "vout"], how="anti", maintain_order="left")
    before = pl.col("value").cum_sum().over("tx_id") - pl.col("value")
    units = (pl.col("net") - before).clip(0, pl.col("value")).alias("units")
    arrived = beside.join(net, on="tx_id", maintain_order="left").select("tx_id", "vout", "seed", units)
    arrived = arrived.filter(pl.col("units") > 0)
    plain = arrived.join(spread, on="tx_id", how="anti", maintain_order="left")
    entries = pl.concat([named, plain]).sort("tx_id", "vout")
    receipts = arrived.join(spread, on="tx_id", how="semi").select("tx_id", "vout", "units")
    paid = _outputs(ledger, spread).join(receipts, on=["tx_id", "vout"], maintain_order="left")
    return Arrivals(entries, spread, inside, paid)


def _beside(net: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """What arrived beside outputs that are lots themselves: these are gone back from whole."""
    import polars as pl

    lots = named.group_by("tx_id").agg(lots=pl.col("value").cast(pl.Int128).sum())
    left = pl.col("net") - pl.col("lots").fill_null(0)
    return net.join(lots, on="tx_id", how="left", maintain_order="left").select(
        "tx_id", left.clip(lower_bound=0).cast(pl.Int64).alias("net")
    )


def brought(ledger: Ledger, lots: Lots) -> int:
    """Base units that lots bring and a set receives from outside, or an entity pays out: what shares are of."""
    net = [] if lots.net is None else lots.net["net"].to_list()
    return int(sum(_named(ledger, lots)["units"].to_list())) + int(sum(net))


def _named(ledger: Ledger, lots: Lots) -> pl.DataFrame:
    """Lots that were named as outputs: tx_id, vout, seed, units."""
    import polars as pl

    points = pl.DataFrame(
        [(*point, seed) for point, seed in sorted(lots.points.items())],
        schema={"tx_id": pl.Int64, "vout": pl.Int32, "seed": pl.Int32}, orient="row",
    )  # fmt: skip
    outputs = _outputs(ledger, points.select("tx_id").unique())
    found = points.join(outputs, on=["tx_id", "vout"], maintain_order="left")
    return found.select("tx_id", "vout", "seed", pl.col("value").alias("units"))


def _outputs(ledger: Ledger, txs: pl.DataFrame) -> pl.DataFrame:
    with ledger.db.table("wanted", txs.select("tx_id").sort("tx_id")):
        return ledger.db.polars(_SQL["outputs"])
