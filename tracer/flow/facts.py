"""What the documents of one question are written from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tracer.amounts import Amount
from tracer.clustering.state import ClusteringState
from tracer.flow.closure import Trail
from tracer.flow.movements import I64, Taint
from tracer.flow.question import Question
from tracer.flow.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.tagged import among
from tracer.flow.worth import DAY, Worth
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger, Tip


@dataclass(frozen=True)
class Answer:
    """One method's taint; `by_seed` holds the taint of each seed alone, where there are several."""

    method: str
    taint: Taint
    by_seed: dict[int, I64]


@dataclass
class Facts:
    """What all documents of one question share. Names are rendered once, at the end."""

    ledger: Ledger
    snapshot: Snapshot
    worth: Worth
    question: Question
    services: Services
    lots: Lots
    trail: Trail
    tip: Tip
    runs: Sequence[tuple[int, int]]
    clustering: ClusteringState | None
    rules: str
    engine: str
    ceiling: I64
    txids: dict[int, str] = field(default_factory=dict)
    addresses: dict[int, str] = field(default_factory=dict)

    def name_everything(self, answers: Iterable[Answer]) -> None:
        """Render every txid and address that any of the answers can show."""
        import polars as pl

        trail = self.trail
        tainted, ended = np.zeros(len(trail.vout), bool), np.zeros(len(trail.vout), bool)
        for answer in answers:
            tainted |= answer.taint.amount > 0
            ended |= answer.taint.rests() > 0
        spenders = trail.spender[ended]
        seen = np.union1d(trail.tx_id[trail.out_tx[tainted]], spenders[spenders >= 0])
        self.txids = self.ledger.render_txids(seen.tolist())
        owners = np.union1d(trail.address[ended], trail.swept_to[ended])
        met = pl.col("shields") & among("address_id", np.unique(trail.address[tainted]).tolist())
        owners = np.union1d(owners, self.services.tagged.frame.filter(met)["address_id"].to_numpy())
        self.addresses = self.ledger.render_addresses(owners[owners >= 0].tolist())

    def amount(self, base_units: int, output: int) -> Amount:
        """An amount in an output, with what it was worth on the day of the output's block."""
        return self.worth.on(base_units, self.day(output))

    def day(self, output: int) -> int:
        """UTC day of an output's block, counted from 1970-01-01."""
        return int(self.trail.time[self.trail.out_tx[output]]) // DAY

    def days_of(self, chosen: npt.NDArray[np.bool_]) -> list[int]:
        """The UTC days of the blocks of the chosen outputs (bool[k]), each once, sorted."""
        found: list[int] = np.unique(self.trail.time[self.trail.out_tx[chosen]] // DAY).tolist()
        return found

    def by_day(self, units: I64) -> dict[int, int]:
        """Base units of outputs (int64[k]) summed by the UTC day of their blocks."""
        days: dict[int, int] = {}
        for output in np.flatnonzero(units).tolist():
            day = self.day(output)
            days[day] = days.get(day, 0) + int(units[output])
        return days

    def txid(self, output: int) -> str:
        """Txid of the transaction that made an output."""
        return self.txids[int(self.trail.tx_id[self.trail.out_tx[output]])]

    def address(self, output: int) -> str | None:
        """Canonical address of an output; None where it is nobody's."""
        number = int(self.trail.address[output])
        return self.addresses[number] if number >= 0 else None
