"""What was read of a chain, and what was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tracer.chain import Family
from tracer.db import named_sql
from tracer.ledger.loading import Known
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.ledger", "coverage.sql")
_ACCOUNTS = {**_SQL, **named_sql("tracer.ledger.accounts", "coverage.sql")}
_HALVES = named_sql("tracer.ledger.accounts", "balances.sql")["text"]


@dataclass(frozen=True)
class Coverage:
    """Blocks read as closed height ranges, and what they leave open.

    untraced   ranges of blocks of an account chain whose internal transfers no node told
    tip        height of the last block of which anything is known: it may lie above what was read whole
    """

    ranges: tuple[tuple[int, int], ...]
    unresolved_inputs: int
    quarantined: int
    untraced: tuple[tuple[int, int], ...] = ()
    tip: int = -1

    @property
    def gaps(self) -> list[list[int]]:
        """Height ranges between the ranges read; below the first and above the last range count too."""
        edges = [(-1, -1), *self.ranges, (self.tip + 1, self.tip + 1)]
        return [
            [before[1] + 1, after[0] - 1] for before, after in pairwise(edges) if after[0] > before[1] + 1
        ]

    @property
    def complete(self) -> bool:
        """Every block from genesis to the tip was read, with its calls, and every input resolved."""
        left_open = self.gaps or self.unresolved_inputs or self.quarantined or self.untraced
        return bool(self.ranges) and not left_open


def coverage(ledger: Ledger) -> Coverage:
    """Measure the whole store."""
    db, sql, tip = ledger.db, _of(ledger), ledger.tip()
    return Coverage(
        tuple(ledger.runs()),
        int(db.value(sql["unresolved"])),
        int(db.value(sql["quarantined"])),
        tuple((first, last) for first, last in db.rows(sql["untraced"])) if "untraced" in sql else (),
        tip.height if tip else -1,
    )


def _of(ledger: Ledger) -> Mapping[str, str]:
    return _SQL if ledger.chain.family is Family.UTXO else _ACCOUNTS


def chain_status(ledger: Ledger) -> dict[str, Any]:
    """The facts part of one chain's entry in `tracer.status/1` (CONTRACTS).

    An account chain has no outputs, no inputs and no `unspent`; what else it has stands behind.
    """
    read, sql = coverage(ledger), _of(ledger)
    last = read.ranges[-1][1] if read.ranges else None
    tip = None if last is None else Known(ledger).at(last)
    counts = ledger.db.row(sql["counts"])
    assert counts is not None
    blocks, txs, outputs, inputs, addresses = counts
    utxo = ledger.chain.family is Family.UTXO
    more = _partial(ledger) if utxo else _accounts(ledger, read)
    return {
        "chain": ledger.chain.name,
        "caip2": ledger.chain.caip2,
        "blocks": {
            "from": read.ranges[0][0] if read.ranges else None,
            "to": last,
            "count": blocks,
            "gaps": read.gaps,
        },
        "tip_hash": ledger.chain.hash_text(tip.hash) if tip else None,
        "txs": txs,
        "outputs": outputs,
        "inputs": inputs,
        "unresolved_inputs": read.unresolved_inputs,
        "transfers": 0,
        "addresses": addresses,
        "clusters": None,
        "quarantined": read.quarantined,
        "unspent": str(ledger.db.value(sql["unspent"])) if utxo else None,
        "fees": str(ledger.db.value(sql["fees"])),
        "unverified": list(ledger.chain.unverified()),
        **more,
    }


def _partial(ledger: Ledger) -> dict[str, Any]:
    """What explorers told of blocks that were not read whole; nothing where none was asked."""
    tips = ledger.db.rows(_SQL["told_tips"])
    if not tips:
        return {}
    counts = ledger.db.row(_SQL["partial"])
    assert counts is not None
    names = ("blocks", "txs", "addresses")
    told = {"to": tips[0][0], "hosts": sorted({host for _, host in tips})}
    return {"partial": {**dict(zip(names, counts, strict=True)), **told}}


def _accounts(ledger: Ledger, read: Coverage) -> dict[str, Any]:
    """What the entry of an account chain says besides.

    `unknown_amounts` are transfers of more than 38 digits, `unknown_fees` transactions whose fee no source told: the
    sum of `fees` is without them.
    """
    ledger.db.script(_HALVES)
    counts = ledger.db.row(_ACCOUNTS["more_counts"])
    assert counts is not None
    names = (
        "transfers",
        "assets",
        "tokens",
        "disbelieved_tokens",
        "openings",
        "unknown_amounts",
        "unknown_fees",
    )
    return {**dict(zip(names, counts, strict=True)), "untraced": [list(run) for run in read.untraced]}
