"""What was read of a chain, and what was not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tracer.db import named_sql
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.ledger", "coverage.sql")


@dataclass(frozen=True)
class Coverage:
    """Blocks read as closed height ranges, and what they leave open."""

    ranges: tuple[tuple[int, int], ...]
    unresolved_inputs: int
    quarantined: int

    @property
    def gaps(self) -> list[list[int]]:
        """Height ranges between the ranges read; below the first range counts too."""
        edges = [(-1, -1), *self.ranges]
        return [
            [before[1] + 1, after[0] - 1] for before, after in pairwise(edges) if after[0] > before[1] + 1
        ]

    @property
    def complete(self) -> bool:
        """Every block from genesis to the tip was read and every input resolved."""
        return bool(self.ranges) and not self.gaps and not self.unresolved_inputs and not self.quarantined


def coverage(ledger: Ledger) -> Coverage:
    """Measure the whole store."""
    db = ledger.db
    return Coverage(
        tuple((first, last) for first, last in db.rows(_SQL["ranges"])),
        int(db.value(_SQL["unresolved"])),
        int(db.value(_SQL["quarantined"])),
    )


def chain_status(ledger: Ledger) -> dict[str, Any]:
    """The facts part of one chain's entry in `tracer.status/1` (CONTRACTS)."""
    read = coverage(ledger)
    tip = ledger.tip()
    counts = ledger.db.row(_SQL["counts"])
    assert counts is not None
    blocks, txs, outputs, inputs, addresses = counts
    return {
        "chain": ledger.chain.name,
        "caip2": ledger.chain.caip2,
        "blocks": {
            "from": read.ranges[0][0] if read.ranges else None,
            "to": read.ranges[-1][1] if read.ranges else None,
            "count": blocks,
            "gaps": read.gaps,
        },
        "tip_hash": ledger.chain.hash_text(tip.block_hash) if tip else None,
        "txs": txs,
        "outputs": outputs,
        "inputs": inputs,
        "unresolved_inputs": read.unresolved_inputs,
        "transfers": 0,
        "addresses": addresses,
        "clusters": None,
        "quarantined": read.quarantined,
        "unspent": str(ledger.db.value(_SQL["unspent"])),
        "fees": str(ledger.db.value(_SQL["fees"])),
        "unverified": list(ledger.chain.unverified()),
    }
