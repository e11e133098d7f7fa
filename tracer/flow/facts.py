"""What the documents of one question are written from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tracer.amounts import Amount, amount
from tracer.clustering.state import ClusteringState
from tracer.flow.closure import Trail
from tracer.flow.movements import I64, Taint
from tracer.flow.question import Question
from tracer.flow.seeds import Lots
from tracer.flow.services import Services
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
        trail = self.trail
        tainted, ended = np.zeros(len(trail.vout), bool), np.zeros(len(trail.vout), bool)
        for answer in answers:
            tainted |= answer.taint.amount > 0
            ended |= answer.taint.rests() > 0
        spenders = trail.spender[ended]
        seen = np.union1d(trail.tx_id[trail.out_tx[tainted]], spenders[spenders >= 0])
        self.txids = self.ledger.render_txids(seen.tolist())
        owners = np.union1d(trail.address[ended], trail.swept_to[ended])
        self.addresses = self.ledger.render_addresses(owners[owners >= 0].tolist())

    def amount(self, base_units: int) -> Amount:
        """An amount of the chain's asset."""
        return amount(self.ledger.chain.asset, base_units, self.ledger.chain.decimals)

    def txid(self, output: int) -> str:
        """Txid of the transaction that made an output."""
        return self.txids[int(self.trail.tx_id[self.trail.out_tx[output]])]

    def address(self, output: int) -> str | None:
        """Canonical address of an output; None where it is nobody's."""
        number = int(self.trail.address[output])
        return self.addresses[number] if number >= 0 else None
