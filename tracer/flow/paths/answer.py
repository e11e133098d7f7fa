"""What was found of one question about paths, for its document to be written from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracer.amounts import Amount
from tracer.flow.endpoints import Endpoint
from tracer.flow.facts import Facts
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.movements import I32, I64, Taint
from tracer.flow.paths.ends import Met
from tracer.flow.paths.search import Bools, Path
from tracer.flow.seeding.seeds import Lots

if TYPE_CHECKING:
    from tracer.flow.accounts.paths_rows import Looked
    from tracer.flow.accounts.paths_search import Way
    from tracer.flow.paths.question import PathQuestion


@dataclass
class PathAnswer:
    """What was found, for a document to be written from.

    reach   what the target names; None where services are
    came    int64[k]: the most that can have come to each output by one path, base units; 0 where none leads there
    target  bool[k]; start int64[k]: of the trail's outputs, as `Network` has them
    best    the paths, and one more where there is one
    looked  of an account chain: what was looked through. There outputs are transfers, and amounts Python integers
    """

    facts: Facts
    question: PathQuestion
    reach: Lots | None
    came: I64
    target: Bools
    start: I64
    met: Met
    best: Sequence[Path] | Sequence[Way]
    looked: Looked | None = None

    @property
    def shown(self) -> Sequence[Path] | Sequence[Way]:
        """As many as were asked for."""
        return self.best[: self.question.best]

    @property
    def reached(self) -> list[Endpoint]:
        """The services that any path leads to, asked for or not."""
        carried = self.came[self.met.outputs] > 0
        return [self.met.endpoints[i] for i in np.unique(self.met.which[carried]).tolist()]

    @property
    def stopped(self) -> I64:
        """Outputs to which a path leads and at which it had to stop, for another reason than a limit; int64[s]."""
        fates = [int(fate) for fate in BUCKETS["stopped"]]
        there = (self.came > 0) & np.isin(self.facts.trail.movements.out_fate, fates) & ~self.target
        return np.flatnonzero(there.astype(np.bool_))

    def widest(self, outputs: I64) -> list[Amount]:
        """Of these outputs the most that one path can have brought to any, for each asset; in their order."""
        assets, found = self.facts.trail.assets()[outputs], []
        for asset in np.unique(assets).tolist():
            own = outputs[assets == asset]
            widest = int(own[np.argmax(self.came[own])])
            found.append(self.facts.amount(int(self.came[widest]), widest))
        return found

    def carried(self) -> Taint:
        """The shown paths, as methods say what money passed: on each output the most that one of them carried."""
        amount, hop = np.zeros_like(self.start), np.full(len(self.start), -1, np.int32)
        shown: Sequence[Path | Way] = self.shown
        for path in reversed(shown):
            amount[list(path.outputs)] = np.maximum(amount[list(path.outputs)], path.bottleneck)
            hop[list(path.outputs)] = np.arange(len(path.outputs))
        return self._taint(amount, hop)

    def within_reach(self) -> Taint:
        """All that was looked through for paths, likewise."""
        amount = np.maximum(self.came, self.start)
        return self._taint(amount, np.where(amount > 0, 1, -1).astype(np.int32))

    def _taint(self, amount: I64, hop: I32) -> Taint:
        moved = self.facts.trail.movements
        via = np.full(len(amount), -1, np.int64)
        return Taint(amount, self.start, hop, moved.out_fate, np.zeros(len(moved), np.int64), via)

    @property
    def cut(self) -> bool:
        """Whether --max-txs cut what a path may lead through."""
        if self.looked is not None:
            return self.looked.cut
        taint = self.within_reach()
        return bool(np.any((taint.amount > 0) & (taint.fate == int(Fate.TX_LIMIT))))
