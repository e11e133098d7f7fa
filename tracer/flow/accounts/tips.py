"""Gas that traced money paid to who produced a block, where it is more than gas: said, and not followed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tracer.chain import TransferKind
from tracer.flow.accounts.closure import SQL
from tracer.flow.accounts.view import View
from tracer.flow.queues.columns import FEE_SINK
from tracer.flow.queues.taint import QueueTaint
from tracer.flow.queues.wide import sums
from tracer.ledger.store import Ledger

_NATIVE = 0
"""Number of the native coin in every answer."""

_PERCENT = 1
"""Of the native coin that entered, paid to one producer: more than that is told (P); gas of a whole trail is less."""


def tips(ledger: Ledger, view: View, taints: Iterable[QueueTaint], coin: str) -> list[str]:
    """Which producers got how much of the traced coin, by the method that says most; the greatest first."""
    import polars as pl

    t = view.transfers
    paid = np.flatnonzero(t.target == FEE_SINK)
    rows = view.book.rows[view.row(paid)].select("tx_id", "position", "kind")
    paid, rows = (
        paid[(rows["kind"] == int(TransferKind.FEE_PAID)).to_numpy()],
        rows.filter(pl.col("kind") == int(TransferKind.FEE_PAID)).drop("kind"),
    )
    if not len(paid):
        return []
    with ledger.db.table("wanted", rows.unique().sort("tx_id", "position")):
        got = ledger.db.polars(SQL["producers"])
    whose = rows.join(got, on=["tx_id", "position"], how="left", maintain_order="left")["target"]
    producers = whose.drop_nulls().unique().sort().to_list()
    number = {producer: place for place, producer in enumerate(producers)}
    group = np.array([number.get(producer, -1) for producer in whose.to_list()], np.int64)
    most: dict[int, int] = {}
    for taint in taints:
        told = taint.totals(t).get(_NATIVE, {})
        entered = told.get("seed", 0) + told.get("converted_in", 0)
        for producer, units in zip(producers, sums(taint.amount[paid], group, len(producers)), strict=True):
            if units * 100 > entered * _PERCENT:
                most[producer] = max(most.get(producer, 0), units)
    names = ledger.render_addresses(most)
    return [
        f"{units} base units of {coin} were paid as gas to {names[producer]}, who produced the blocks: not followed"
        for producer, units in sorted(most.items(), key=lambda row: (-row[1], names[row[0]]))
    ]
