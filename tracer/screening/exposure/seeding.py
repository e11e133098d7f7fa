"""What enters an examination: per set of lots what arrived from outside, and what left it; many sets at once.

The same arithmetic as the seeds of a trace (`tracer.flow.seeding`: arrivals of `cluster:ADDRESS`, backward; the outflow
of an entity, forward), grouped by set. Sets of addresses share no address; transactions may belong to several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.flow.facts import UNREAD_VOUT
from tracer.flow.seeding.entity import in_kernel_units
from tracer.flow.seeding.receipts import times_of
from tracer.flow.services import Services
from tracer.ledger.store import Ledger
from tracer.screening.exposure.read import read
from tracer.screening.exposure.sets import Sets
from tracer.screening.exposure.unsolicited import Unasked

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Entered:
    """What enters in one direction. `run` is twice the number of the set, and one more for what nobody asked for.

    lots     run, tx_id, vout, units: outputs that enter by themselves, and how much of them
    spread   run, tx_id, net: base units spread over what these transactions made (backward: spent)
    flagged  forward: run, tx_id, vout of the outputs over which; backward: run, tx_id, prev_tx_id, prev_vout of what
             the set itself put in, over which not
    mixed    run, tx_id, net, time: what went into mixing transactions by outflow; it is not followed
    totals   seed -> base units, all of this side
    unread   numbers of sets of which some transactions were not read whole
    """

    lots: pl.DataFrame
    spread: pl.DataFrame
    flagged: pl.DataFrame
    mixed: pl.DataFrame
    totals: dict[int, int]
    unread: frozenset[int]

    def of(self, seeds: set[int]) -> Entered:
        """The part of these sets."""
        import polars as pl

        if {run // 2 for run in self.runs()} <= seeds:
            return self
        mine = (pl.col("run") // 2).is_in(sorted(seeds))
        lots, spread, flagged, mixed = (
            f.filter(mine) for f in (self.lots, self.spread, self.flagged, self.mixed)
        )
        return Entered(lots, spread, flagged, mixed, self.totals, self.unread)

    def runs(self) -> list[int]:
        """The runs there are, ascending."""
        found: list[int] = np.union1d(self.lots["run"].to_numpy(), self.spread["run"].to_numpy()).tolist()
        return found


class Histories:
    """Transactions of a chunk's sets, read once for both directions."""

    def __init__(self, ledger: Ledger, services: Services, sets: Sets, unasked: Unasked) -> None:
        import polars as pl

        self._ledger, self._services, self._sets, self._unasked = ledger, services, sets, unasked
        points = [lots.output for lots in sets.lots if lots.output is not None]
        txs = pl.concat(
            [sets.history["tx_id"], pl.Series("tx_id", [tx for tx, _, _ in points], dtype=pl.Int64)]
        )
        self.read = read(ledger, txs.unique().sort())
        mixing, heads = pl.col("mix"), self.read.makers
        whole = (pl.col("inputs") > 0) & pl.col("fee").is_not_null()
        self.heads = heads.select("tx_id", "time", mixing, whole=whole)
        self.made = self.read.outputs.select("tx_id", "vout", "value", "address_id")
        clusters = pl.DataFrame(
            {"seed": range(len(sets.lots)), "cluster_id": [lots.cluster for lots in sets.lots]},
            schema={"seed": pl.Int32, "cluster_id": pl.Int32},
        )
        own = sets.members.join(clusters, on="seed")
        made = self.made.join(own, on="address_id").sort("tx_id", "vout")
        self._received = self._held(made, "tx_id")
        read_ = pl.when(pl.col("prev_vout") >= 0).then("prev_tx_id").alias("prev_tx_id")
        put = self.read.spent.select("tx_id", "vin", read_, "prev_vout", "value", "address_id")
        self._own_in = self._held(put.join(own, on="address_id").sort("tx_id", "vin"), "prev_tx_id")
        # what a transaction that was not read paid is named by the one that spends it (closure.sql)
        self._unknown = put.filter(pl.col("prev_vout") <= UNREAD_VOUT)["tx_id"].unique()

    def arrived(self) -> Entered:
        """What arrived from outside, as a backward trace enters it."""
        import polars as pl

        value, held = pl.col("value").cast(pl.Int128), pl.col("held")
        key = ["seed", "tx_id"]
        per_tx = (
            self._received.group_by(key)
            .agg(value.filter(~held).sum().alias("open"), value.filter(held).sum().alias("ended"))
            .join(self._put_in(), on=key, how="left")
            .with_columns(pl.col("followed", "held").fill_null(0))
        )
        came = pl.col("open") + pl.col("ended") - pl.col("followed") - pl.min_horizontal("held", "ended")
        per_tx = per_tx.with_columns(came.clip(lower_bound=0).alias("net")).sort(key)
        among = per_tx.filter((pl.col("held") >= pl.col("ended")) & (pl.col("held") > 0)).select(key)
        net = self._in_units(per_tx.filter(pl.col("net") > 0))
        passing = self._received.join(
            among.with_columns(among=pl.lit(value=True)), on=key, how="left", maintain_order="left"
        )
        received = passing.filter(~(held & pl.col("among").fill_null(value=False)))
        received = received.join(net, on=key, maintain_order="left")
        whole = self.heads.filter(pl.col("whole") & ~pl.col("mix")).select("tx_id")
        kept = received.filter("held").select(key).unique().with_columns(kept=pl.lit(value=True))
        inside = self._own_in.join(kept, on=key, how="left", maintain_order="left")
        inside = inside.filter(~held | pl.col("kept").fill_null(value=False))
        spread = net.join(whole, on="tx_id", how="semi", maintain_order="left")
        spread = spread.join(inside, on=key, how="semi", maintain_order="left")
        spread = spread.join(received, on=key, how="semi", maintain_order="left")
        # the net of a transaction lies in its outputs to the set, the first ones first
        before = pl.col("value").cum_sum().over(key) - pl.col("value")
        arrived = received.with_columns((pl.col("net") - before).clip(0, pl.col("value")).alias("units"))
        arrived = arrived.filter(pl.col("units") > 0)
        plain = self._unasked.runs(arrived.join(spread, on=key, how="anti", maintain_order="left"), self.made)
        spread = spread.with_columns(run=pl.col("seed") * 2)
        flagged = inside.join(spread, on=key, how="semi").with_columns(run=pl.col("seed") * 2)
        unread = self._received.filter(pl.col("tx_id").is_in(self._unknown.implode()))
        return Entered(
            pl.concat([plain.select("run", "tx_id", "vout", "units"), self._points()]),
            spread.select("run", "tx_id", "net"),
            flagged.select("run", "tx_id", "prev_tx_id", "prev_vout"),
            spread.clear().select("run", "tx_id", "net", time=pl.lit(0, pl.Int64)),
            {**_sums(net), **self._of_outputs()},
            frozenset(unread["seed"].to_list()),
        )

    def left(self) -> Entered:
        """What left, as a forward trace of the entity enters it; of an output all of it."""
        import polars as pl

        key, value = ["seed", "tx_id"], pl.col("value").cast(pl.Int128)
        spending = self._own_in.select(key).unique(maintain_order=True)
        sides = spending.join(self.made, on="tx_id")
        own = self._sets.members.rename({"seed": "holder"})
        sides = sides.join(own, on="address_id", how="left")
        inwards = (pl.col("holder") == pl.col("seed")).fill_null(value=False)
        put_in = (pl.col("followed") + pl.col("held")).fill_null(0)
        per_tx = (
            sides.group_by(key)
            .agg(value.filter(inwards).sum().alias("back"), value.filter(~inwards).sum().alias("out"))
            .join(self._put_in(), on=key, how="left")
            .with_columns(
                pl.min_horizontal("out", (put_in - pl.col("back")).clip(lower_bound=0)).alias("net")
            )
            .join(self.heads, on="tx_id")
            .filter(pl.col("net") > 0)
            .sort(key)
        )
        net = self._in_units(per_tx).join(
            self.heads.select("tx_id", "mix", "time"), on="tx_id", maintain_order="left"
        )
        net = net.with_columns(run=pl.col("seed") * 2)
        spread = net.filter(~pl.col("mix"))
        flagged = sides.filter(~inwards).join(spread, on=key, how="semi").with_columns(run=pl.col("seed") * 2)
        unread = spending.filter(pl.col("tx_id").is_in(self._unknown.implode()))
        return Entered(
            self._points(),
            spread.select("run", "tx_id", "net"),
            flagged.select("run", "tx_id", "vout").sort("run", "tx_id", "vout"),
            net.filter("mix").select("run", "tx_id", "net", "time"),
            {**_sums(net), **self._of_outputs()},
            frozenset(unread["seed"].to_list()),
        )

    def _put_in(self) -> pl.DataFrame:
        """What each set itself put into each transaction: seed, tx_id, followed, held."""
        import polars as pl

        value = pl.col("value").cast(pl.Int128)
        return self._own_in.group_by("seed", "tx_id").agg(
            followed=value.filter(~pl.col("held")).sum(), held=value.filter(pl.col("held")).sum()
        )

    def _points(self) -> pl.DataFrame:
        """Outputs that are lots themselves."""
        import polars as pl

        rows = [(seed, *lots.output) for seed, lots in enumerate(self._sets.lots) if lots.output is not None]
        schema = {"seed": pl.Int32, "tx_id": pl.Int64, "vout": pl.Int32, "value": pl.Int64}
        points = pl.DataFrame(rows, schema=schema, orient="row").with_columns(units=pl.col("value"))
        return self._unasked.runs(points, self.made).select("run", "tx_id", "vout", "units")

    def _of_outputs(self) -> dict[int, int]:
        return {seed: lots.output[2] for seed, lots in enumerate(self._sets.lots) if lots.output is not None}

    def _held(self, own: pl.DataFrame, paid: str) -> pl.DataFrame:
        """The frame, in its order, with whether somebody was claimed to hold each row when it was paid out: `held`.

        `paid` is the column of the transaction that did.
        """
        import polars as pl

        claims = (("address_id", self._services.addresses), ("cluster_id", self._services.clusters))
        if not any(own[key].is_in(held[key].implode()).any() for key, held in claims):
            return own.with_columns(held=pl.lit(value=False))
        times = times_of(self._ledger, own[paid].drop_nulls().to_list())
        rows = own.with_row_index("row").with_columns(
            when=pl.col(paid).replace_strict(times, default=None, return_dtype=pl.Int64)
        )
        during = (pl.col("since") <= pl.col("when")) & (pl.col("when") < pl.col("until"))
        found = [
            rows.join(held.select(key, "since", "until"), on=key).filter(during)["row"]
            for key, held in claims
        ]
        return rows.with_columns(held=pl.col("row").is_in(pl.concat(found).implode())).drop("row", "when")

    @staticmethod
    def _in_units(per_tx: pl.DataFrame) -> pl.DataFrame:
        """seed, tx_id, net in 64 bits."""
        numbered = in_kernel_units(per_tx, "net")
        return per_tx.select("seed").hstack(numbered)


def _sums(net: pl.DataFrame) -> dict[int, int]:
    import polars as pl

    return dict(net.group_by("seed").agg(pl.col("net").cast(pl.Int128).sum()).iter_rows())
