"""A closure found in one pass over the chain, in order: for trails too large to be grown hop by hop.

Whatever pays a transaction comes before it, so a pass that knows what was reached decides of each transaction at once
whether it is reached, and by how few hops. Two questions are asked of sets, not of one output: who holds it, and
whether the trail ends there. So the chain is read in stages: each is let through first with what outputs tell by
themselves, then these questions are asked of all it met, and it is decided again with the answers. Answers only
forbid, so what is decided then lies within what was met.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import first_tx_id
from tracer.db import Database, named_sql
from tracer.errors import StoreDamaged
from tracer.flow.fates import Fate
from tracer.flow.kernels.reach import APART, GOES, SEEDED, Bools, Known
from tracer.flow.movements import I64
from tracer.flow.points import in_order
from tracer.flow.sets import among, distinct
from tracer.flow.trail import Budget, Pulse

if TYPE_CHECKING:
    import polars as pl

    Ends = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]

_SQL = named_sql("tracer.flow", "sweep.sql")

STRETCH = 1 << 19
"""Transactions that are read at a time, at least (P): some 100 MB as columns."""

STAGE = 1 << 20
"""Transactions that are let through before anybody asks who holds what they made (P)."""


@dataclass(frozen=True)
class Stops:
    """What a closure knows of where a trail ends.

    passing  fate of what enters a transaction (`Walk`)
    state    of an output (kind, value, address_id, holding): `LIVE` and `GOES` by itself, uint8
    ends     (outputs, edges, met) -> the outputs where the trail ends untagged, and those swept to a service: tx_id,
             vout, ...; `outputs` of reached transactions and seeds, `edges` (from_tx, from_vout, tx_id, address_id)
             into what does not mix, and all outputs of what was met
    """

    passing: pl.Expr
    state: pl.Expr
    ends: Ends


@dataclass(frozen=True)
class Reached:
    """What a sweep found, in chain order.

    ids      transactions reached
    heads    of these and of the seeds on the way: tx_id, fee, inputs, time
    outputs  of the same, as `closure.sql` reads them
    inputs   of transactions reached: tx_id, vin, prev_tx_id, prev_vout, value
    ends     outputs where the trail ends untagged, and perhaps more
    edges    what spends outputs from which the trail goes on, before the end of the sweep, and perhaps more:
             from_tx, from_vout, tx_id, fee, inputs, time, mix, as `spenders` of closure.sql
    cut      the last transaction that may be reached; None where the budget was enough
    stopped  whether it was ended by hand
    """

    ids: I64
    heads: pl.DataFrame
    outputs: pl.DataFrame
    inputs: pl.DataFrame
    ends: pl.DataFrame
    edges: pl.DataFrame
    cut: int | None
    stopped: bool


@dataclass(frozen=True)
class _Part:
    """Some transactions: txs (with `passes`, and `hop` once decided), inputs (with `edge`), outputs (with `seeded`)."""

    txs: pl.DataFrame
    inputs: pl.DataFrame
    outputs: pl.DataFrame

    @classmethod
    def joined(cls, parts: list[_Part]) -> _Part:
        import polars as pl

        return cls(
            *(pl.concat([getattr(part, name) for part in parts]) for name in ("txs", "inputs", "outputs"))
        )

    def only(self, wanted: Bools) -> _Part:
        """Of these transactions, marked among `txs`."""
        import polars as pl

        if wanted.all():
            return self
        ins, outs = (pl.Series(np.repeat(wanted, np.diff(starts))) for starts in self.starts)
        return _Part(self.txs.filter(pl.Series(wanted)), self.inputs.filter(ins), self.outputs.filter(outs))

    @cached_property
    def starts(self) -> tuple[I64, I64]:
        """Where the inputs and the outputs of each begin, int64[n+1] both."""
        ins, outs = (
            np.append(0, np.cumsum(self.txs[name].to_numpy(), dtype=np.int64))
            for name in ("inputs", "outputs")
        )
        if ins[-1] != self.inputs.height or outs[-1] != self.outputs.height:
            raise StoreDamaged("a transaction has not as many inputs or outputs as it says.")
        return ins, outs

    def reached(self) -> I64:
        """Transactions that are reached."""
        ids: I64 = self.txs["tx_id"].to_numpy()[self.txs["hop"].to_numpy() >= 0]
        return ids

    def hops(self) -> int:
        """The most hops that one of them is away."""
        return int(self.txs["hop"].to_numpy().max(initial=0))


class Sweep:
    """One pass over the chain from the first seed on. One use: `Sweep(...).run()`."""

    def __init__(
        self, db: Database, budget: Budget, entries: pl.DataFrame, stops: Stops, pulse: Pulse
    ) -> None:
        """`entries` (tx_id int64, vout int32): seeded outputs, distinct. `pulse` may end it after every stretch."""
        import polars as pl

        self._db, self._budget, self._stops, self._pulse = db, budget, stops, pulse
        self._entries = entries.select("tx_id", "vout", pl.lit(SEEDED, pl.UInt8).alias("seeded"))
        self._seeds = distinct(entries["tx_id"].to_numpy())
        self._known = Known()
        self._settled = 0, 0
        self._ends: list[pl.DataFrame] = []
        self._edges: list[pl.DataFrame] = []

    def run(self) -> Reached:
        """Read the chain as far as the budget goes; a stretch is read while the one before is decided."""
        stages: list[_Part] = []
        waiting: list[_Part] = []
        reached, fresh, hops, stopped = 0, 0, 0, False
        stretches = self._stretches()
        with ThreadPoolExecutor(1) as beside:
            ahead = [beside.submit(self._read, *stretch) for stretch in stretches[:1]]
            for stretch in [*stretches[1:], None]:
                read = ahead.pop().result()
                if stretch is not None:
                    ahead.append(beside.submit(self._read, *stretch))
                waiting.append(self._decided(read))
                fresh += len(waiting[-1].reached())
                hops = max(hops, waiting[-1].hops())
                stopped = not self._pulse(hops, reached + fresh)
                room = self._budget.max_txs - reached
                if stretch is not None and not stopped and fresh <= min(STAGE, room):
                    continue
                wait(ahead)  # one question at a time
                stages.append(self._judged(waiting))
                reached += len(stages[-1].reached())
                fresh = 0
                if stopped or reached > self._budget.max_txs:
                    break
        return self._found(stages, stopped=stopped)

    def _stretches(self) -> list[tuple[int, int]]:
        """Where each begins and ends, as tx_ids."""
        height = int(self._seeds[0] >> 24)
        rows = self._db.rows(_SQL["stretches"], {"height": height, "size": STRETCH})
        return [(first_tx_id(first), first_tx_id(last + 1)) for first, last in rows]

    def _read(self, first: int, until: int) -> _Part:
        """All transactions between two."""
        import polars as pl

        txs, inputs, outputs = (
            self._db.polars(_SQL[name], {"first": first, "until": until})
            for name in ("txs", "inputs", "outputs")
        )
        inputs, outputs = in_order(inputs, "vin"), in_order(outputs, "vout")
        floor = pl.lit(self._budget.floor).alias("value")  # whether an output is below it, its state says
        passes = txs.with_columns(floor).select(self._stops.passing).to_series() == int(Fate.SPENT)
        seeds = self._entries.filter(pl.col("tx_id").is_between(first, until, closed="left"))
        seeded = np.zeros(outputs.height, np.bool_)
        seeded[_places(outputs, seeds)] = True
        return _Part(
            txs.with_columns(passes=passes), inputs,
            outputs.with_columns(seeded=pl.Series(seeded), holding=pl.lit(None, pl.Int32)),
        )  # fmt: skip

    def _decided(self, part: _Part, *ended: pl.DataFrame) -> _Part:
        """What of these is met, and by how few hops it is reached; from outputs that `ended` nothing goes on."""
        import polars as pl

        state = part.outputs.select(self._stops.state | pl.col("seeded") * pl.lit(SEEDED, pl.UInt8))
        states = state.to_series().to_numpy().copy()
        for outputs in ended:
            states[_places(part.outputs, outputs)] &= ~np.uint8(GOES)
        tx_id = part.txs["tx_id"].to_numpy()
        in_start, out_start = part.starts
        hop, edge = self._known.meet(
            tx_id, part.txs["passes"].to_numpy(), among(tx_id, self._seeds), in_start,
            part.inputs["prev_tx_id"].fill_null(-1).to_numpy(), part.inputs["prev_vout"].to_numpy(),
            out_start, states, self._budget.hops,
        )  # fmt: skip
        wanted = hop > APART
        met = part.only(wanted)
        return _Part(
            met.txs.with_columns(hop=pl.Series(hop[wanted])),
            met.inputs.with_columns(edge=pl.Series(edge[np.repeat(wanted, np.diff(in_start))])),
            met.outputs,
        )

    def _judged(self, waiting: list[_Part]) -> _Part:
        """What of a stage is reached, and the seeds in it, once it is known who holds what and where trails end."""
        import polars as pl

        part = _Part.joined(waiting)
        waiting.clear()  # the columns are large
        with self._db.table("made", part.outputs.select("tx_id", "vout", "value", "kind", "address_id")):
            outputs = self._db.polars(_SQL["held"]).with_columns(part.outputs["seeded"])
        part = _Part(part.txs, part.inputs, outputs)
        hop, (in_start, out_start) = part.txs["hop"].to_numpy(), part.starts
        let = np.repeat(hop >= 0, np.diff(out_start)) | outputs["seeded"].to_numpy()
        plain = ~part.txs["mix"].to_numpy() if self._budget.mixers else np.ones(len(hop), np.bool_)
        edge = part.inputs["edge"].to_numpy() & np.repeat(plain, np.diff(in_start))
        edges = part.inputs.filter(pl.Series(edge)).select(
            pl.col("prev_tx_id").alias("from_tx"),
            pl.col("prev_vout").alias("from_vout"),
            "tx_id",
            "address_id",
        )
        ended, swept = self._stops.ends(outputs.filter(pl.Series(let)), edges, outputs)
        self._ends.append(ended)
        self._known.forget(*self._settled)
        self._known.end(swept["tx_id"].to_numpy(), swept["vout"].to_numpy())
        found = self._decided(part, ended, swept)
        self._settled = self._known.txs, self._known.outputs
        self._edges.append(
            found.txs.select("tx_id", "fee", "inputs", "time", "mix").join(
                found.inputs.filter("edge").select(
                    pl.col("prev_tx_id").alias("from_tx"), pl.col("prev_vout").alias("from_vout"), "tx_id"
                ),
                on="tx_id",
                maintain_order="right",
            )
        )
        found = found.only(
            (found.txs["hop"].to_numpy() >= 0) | among(found.txs["tx_id"].to_numpy(), self._seeds)
        )
        return _Part(
            found.txs.select("tx_id", "fee", "inputs", "outputs", "time", "hop"),
            found.inputs.select("tx_id", "vin", "prev_tx_id", "prev_vout", "value"),
            found.outputs.drop("seeded"),
        )

    def _found(self, stages: list[_Part], *, stopped: bool) -> Reached:
        """All stages, and no more transactions than allowed: the first ones."""
        import polars as pl

        whole, cut = _Part.joined(stages), None
        ids = whole.reached()
        if len(ids) > self._budget.max_txs:
            ids = ids[: self._budget.max_txs]
            cut = int(ids[-1])
            txs = whole.txs["tx_id"].to_numpy()
            whole = whole.only((txs <= cut) | among(txs, self._seeds))
        kept = np.repeat(among(whole.txs["tx_id"].to_numpy(), ids), np.diff(whole.starts[0]))
        return Reached(
            ids, whole.txs.select("tx_id", "fee", "inputs", "time"), whole.outputs,
            whole.inputs.filter(pl.Series(kept)), pl.concat(self._ends), pl.concat(self._edges), cut, stopped,
        )  # fmt: skip


def _places(outputs: pl.DataFrame, wanted: pl.DataFrame) -> I64:
    """Where some outputs (tx_id, vout) stand among all of transactions, in order; without those that do not."""
    txs, ids = outputs["tx_id"].to_numpy(), wanted["tx_id"].to_numpy()
    first = np.searchsorted(txs, ids)
    known = np.append(txs, -1)[first] == ids
    found: I64 = (first + wanted["vout"].to_numpy())[known]
    return found
