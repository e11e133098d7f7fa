"""One closure for the lots of many sets in each direction, and what of it the cut must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.flow.closure import Closure
from tracer.flow.fates import Fate
from tracer.flow.movements import I64, U8
from tracer.flow.points import Points
from tracer.flow.question import HIGH_DEGREE
from tracer.flow.services import Services
from tracer.flow.sets import among, distinct
from tracer.flow.sources import Sources
from tracer.flow.trail import Budget, Trail
from tracer.flow.untagged import Untagged
from tracer.flow.walk import Walk
from tracer.ledger.store import Ledger
from tracer.screening.exposure.cut import OWN, Entries, Field
from tracer.screening.exposure.read import Read
from tracer.screening.exposure.seeding import Entered
from tracer.screening.exposure.sets import Sets

if TYPE_CHECKING:
    import polars as pl

_NONE = 255


@dataclass(frozen=True)
class Scope:
    """What a closure needs beside its lots. `most`: transactions a trail may have before it is cut."""

    ledger: Ledger
    services: Services
    untagged: Untagged
    last_gap: int
    most: int
    sweeps: bool


@dataclass(frozen=True)
class Many:
    """A trail for many, its field and what enters it. `untagged`: pool and degree of outputs, as in `Trail`."""

    trail: Trail
    field: Field
    entries: Entries
    runs: list[int]

    @property
    def cut(self) -> bool:
        """Whether the trail itself was too large."""
        return bool(np.any(self.trail.movements.out_fate == int(Fate.TX_LIMIT)))


class _Served(Walk):
    """A walk that asks nothing twice: not what was read of its sets, nor about nothing, nor which mixes there are.

    Evidence does not name mixes; what they stop is in the rows of the movements.
    """

    read: Read

    def _rows(self, query: str, **frame: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        ((name, data),) = frame.items()
        if query == "mixes" or not data.height:
            if query not in _EMPTY:
                _EMPTY[query] = super()._rows(query, **{name: data.clear()})
            return _EMPTY[query]
        wanted = data["tx_id"].to_numpy()
        here = among(wanted, self.read.txs)
        served = self.read.rows(query, distinct(wanted[here])) if name == "wanted" and here.any() else None
        if served is None:
            return super()._rows(query, **frame)
        rest = data.filter(pl.Series(~here))
        if not rest.height:
            return served
        # each transaction's rows are in one of the two, in their order
        return pl.concat([served, super()._rows(query, wanted=rest)]).sort("tx_id", maintain_order=True)


_EMPTY: dict[str, pl.DataFrame] = {}
"""Statement -> its columns without a row."""


class _Forward(_Served, Closure):
    pass


class _Backward(_Served, Sources):
    pass


def forward(scope: Scope, sets: Sets, left: Entered, read: Read, hops: int) -> Many:
    """Where what left these sets went. `hops` as the trace counts them: what left is at hop 0."""
    import polars as pl

    entries = pl.concat([left.lots.select("tx_id", "vout"), left.flagged.select("tx_id", "vout")])
    # nobody is at home: whose set an output is in, the cut tells
    closure = _Forward(
        scope.ledger, scope.services, Budget(hops, scope.most), scope.untagged, home=np.empty(0, np.int64),
        last_gap=scope.last_gap, own_set_stops=True, sweeps=scope.sweeps,
    )  # fmt: skip
    closure.read = read
    trail = closure.grow(entries.unique().sort("tx_id", "vout"), sweep_from=None)
    own = sets.of_addresses(trail.address)
    back = np.full(len(own), _NONE, np.uint8)
    held = (trail.holding >= 0) & (trail.swept_to < 0)
    back[(own >= 0) & ~held] = OWN
    other = np.full(len(own), _NONE, np.uint8)
    flagged = left.flagged.with_columns(units=pl.lit(0, pl.Int64))
    return _many(trail, own, other, back, left, flagged.select("run", "tx_id", "vout", "units"))


def backward(scope: Scope, sets: Sets, arrived: Entered, read: Read, hops: int) -> Many:
    """Where what arrived in these sets came from."""
    lots = arrived.lots.select("tx_id", "vout").unique().sort("tx_id", "vout")
    home = sets.members["address_id"].to_numpy()
    sources = _Backward(
        scope.ledger, scope.services, Budget(hops, scope.most), scope.untagged, home=home, own_set_stops=False
    )
    sources.read = read
    trail = sources.grow(lots, arrived.spread["tx_id"].unique().sort().to_numpy())
    own = sets.of_addresses(trail.address)
    other = np.full(len(own), _NONE, np.uint8)
    # pools are no sets; of those with few transactions no address has many
    busy = np.bincount(sets.history["seed"].to_numpy(), minlength=len(sets.lots) + 1) > HIGH_DEGREE
    inside = np.flatnonzero((own >= 0) & (trail.holding < 0) & busy[own])
    if len(inside):  # not ended above, for some set's sake
        ends = scope.untagged.ends(_of_sets(sets, trail, inside, own))
        at = trail.index(ends["tx_id"].to_numpy(), ends["vout"].to_numpy())
        degree = ends["degree"].is_not_null().to_numpy()
        other[at[degree]] = int(Fate.HIGH_DEGREE)
        other[at[~degree]] = int(Fate.CUSTODIAL_POOL)
        trail.degree[at[degree]] = ends["degree"].drop_nulls().to_numpy()
        trail.pool[at[~degree]] = ends["cluster_id"].drop_nulls().to_numpy()
    back = np.full(len(own), _NONE, np.uint8)
    return _many(trail, own, other, back, arrived, _sides(trail, arrived))


def _of_sets(sets: Sets, trail: Trail, inside: I64, own: I64) -> pl.DataFrame:
    import polars as pl

    cluster = np.array([lots.cluster for lots in sets.lots], np.int64)[own[inside]]
    frame = pl.DataFrame(
        {
            "tx_id": trail.point[inside], "vout": trail.vout[inside], "address_id": trail.address[inside],
            "cluster_id": cluster,
        },
        schema_overrides={"vout": pl.Int32, "address_id": pl.Int32, "cluster_id": pl.Int32},
    )  # fmt: skip
    return frame.unique(["tx_id", "vout"], maintain_order=True).with_columns(holding=pl.lit(None, pl.Int32))


def _sides(trail: Trail, arrived: Entered) -> pl.DataFrame:
    """What the transactions spent over which a net is spread, but for what the set itself put in: run, output."""
    import polars as pl

    schema = {"run": pl.Int32, "out": pl.Int64, "units": pl.Int64}
    if not arrived.spread.height:
        return pl.DataFrame(schema=schema)
    t = trail.movement(arrived.spread["tx_id"].to_numpy())
    start = trail.movements.out_start
    lengths = start[t + 1] - start[t]
    first = np.repeat(start[t] - (np.cumsum(lengths) - lengths), lengths)
    outs = pl.DataFrame(
        {"run": np.repeat(arrived.spread["run"].to_numpy(), lengths), "out": first + np.arange(lengths.sum())}
    )
    # a lot that is two containers is spent as the second one
    put = np.flatnonzero(trail.out_tx > 0)
    prev = arrived.flagged["prev_tx_id"].fill_null(-1).to_numpy(), arrived.flagged["prev_vout"].to_numpy()
    at = Points(trail.point[put], trail.vout[put]).find(*prev)
    inside = pl.DataFrame({"run": arrived.flagged["run"].to_numpy()[at >= 0], "out": put[at[at >= 0]]})
    outs = outs.join(inside, on=["run", "out"], how="anti", maintain_order="left")
    return outs.with_columns(units=pl.lit(0, pl.Int64)).cast(schema)  # type: ignore[arg-type]


def _many(trail: Trail, own: I64, other: U8, back: U8, entered: Entered, flagged: pl.DataFrame) -> Many:
    import polars as pl

    m = trail.movements
    spender = np.full(len(m.out_value), -1, np.int64)
    taking = np.repeat(np.arange(len(m)), np.diff(m.in_start))
    known = m.in_ref >= 0
    spender[m.in_ref[known]] = taking[known]
    field = Field(m, spender, trail.out_tx, own, m.out_fate, other, back)
    lots = entered.lots.filter(pl.col("units") > 0)
    frames = []
    for frame in (lots, flagged):
        if "out" not in frame.columns:
            at = trail.index(frame["tx_id"].to_numpy(), frame["vout"].to_numpy())
            frame = frame.with_columns(out=pl.Series(at, dtype=pl.Int64))
        frames.append(frame.select(pl.col("run").cast(pl.Int32), "out", "units"))
    # an output that is a lot is one, whatever is spread beside it
    outs = pl.concat(frames).unique(["run", "out"], keep="first", maintain_order=True).sort("run", "out")
    runs = entered.runs()
    place = np.array(runs, np.int64)
    spread = entered.spread.sort("run", "tx_id")
    mov = trail.movement(spread["tx_id"].to_numpy()) if spread.height else np.empty(0, np.int64)
    edges = np.append(place, np.iinfo(np.int64).max)
    entries = Entries(
        seed=place // 2,
        out_start=np.searchsorted(outs["run"].to_numpy().astype(np.int64), edges),
        out=outs["out"].to_numpy(),
        units=outs["units"].to_numpy(),
        mov_start=np.searchsorted(spread["run"].to_numpy().astype(np.int64), edges),
        mov=mov,
        net=spread["net"].to_numpy(),
    )
    return Many(trail, field, entries, runs)
