"""The swaps and wraps that traced money went through, as documents list them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracer.flow.accounts.columns import INTO, OUT_OF
from tracer.flow.accounts.rows import WRAP
from tracer.flow.accounts.view import View
from tracer.flow.facts import Facts
from tracer.flow.question import utc
from tracer.flow.queues.columns import CONVERSION
from tracer.flow.queues.taint import QueueTaint

BASIS = {
    "swap": "what each party of the transaction gained and lost: one of one asset, one of another",
    "wrap": "wrapped native coin, 1:1",
}
"""What a conversion rests on."""


def conversions(facts: Facts, view: View, taint: QueueTaint) -> list[dict[str, Any]]:
    """Conversions that carried money under one method, in the order of the chain.

    Of each side who, how much there was and how much of it is traced; backward the money went the other way.
    """
    t = view.transfers
    carried = taint.amount.any(axis=1)
    through = np.flatnonzero(carried & ((t.source <= CONVERSION) | (t.target <= CONVERSION)))
    parts = view.part(through)
    sides: dict[int, dict[int, int]] = {}
    for place, row, part in zip(through.tolist(), view.row(through).tolist(), parts.tolist(), strict=True):
        sides.setdefault(row, {})[part] = place
    names = facts.ledger.render_addresses(
        address for row in sides for address in view.book.rows.select("source", "target").row(row)
    )
    txids = facts.ledger.render_txids(view.book.rows["tx_id"][row] for row in sides)
    return [_row(facts, view, taint, row, own, names, txids) for row, own in sorted(sides.items())]


def _row(
    facts: Facts, view: View, taint: QueueTaint, row: int, own: dict[int, int], names: dict[int, str],
    txids: dict[int, str],
) -> dict[str, Any]:  # fmt: skip
    told = view.book.rows.row(row, named=True)
    kind = "wrap" if told["basis"] == WRAP else "swap"

    def side(part: int, address: int) -> dict[str, Any]:
        place = own.get(part)
        if place is None:  # all of it was cut, or rounded away
            return {"address": names[address], "amount_onchain": None, "amount_traced": None}
        asset, where = int(view.transfers.asset_of()[place]), np.array([place])
        worth, day = facts.worth_of(asset), int(told["time"]) // 86_400
        onchain, traced = (
            worth.on(int(view.ints(column, where)[0]), day)
            for column in (view.transfers.amount, taint.amount)
        )
        return {"address": names[address], "amount_onchain": onchain, "amount_traced": traced}

    return {
        "kind": kind,
        "from": side(INTO, told["source"]),
        "to": side(OUT_OF, told["target"]),
        "basis": BASIS[kind],
        "txid": txids[told["tx_id"]],
        "time": utc(told["time"]),
    }
