"""What of a trail is not believed: balances that the ledger contradicts, and more than can be counted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tracer.chain import tx_height
from tracer.errors import StoreDamaged
from tracer.flow.accounts.assets import Assets
from tracer.flow.accounts.columns import Book
from tracer.flow.accounts.openings import NATIVE
from tracer.flow.queues.balances import overdrawn
from tracer.flow.queues.columns import QueueSeeding, Transfers
from tracer.ledger.store import Ledger


def balanced(ledger: Ledger, made: Book, assets: Assets) -> tuple[Book, list[str]]:
    """The book without balances that the ledger contradicts, and why.

    `StoreDamaged` where native coin of which everything was read, with a balance that a node told, runs out.
    """
    places = overdrawn(made.transfers)
    bad = np.flatnonzero(places >= 0)
    if not len(bad):
        return made, []
    t, queues = made.transfers, made.queues
    native = queues["asset_id"].to_numpy() == NATIVE
    wrong = bad[native[bad] & made.openings.told[bad]]
    names = ledger.render_addresses(queues["address_id"][bad.tolist()].to_list())
    rows = made.rows["tx_id"][made.row[places[bad]].tolist()].to_list()
    told = [
        f"{names[queues['address_id'][queue]]} in {assets.shown[int(t.asset[queue])].coin.name} "
        f"at block {tx_height(tx)}"
        for queue, tx in zip(bad.tolist(), rows, strict=True)
    ]
    if len(wrong):
        worst = told[bad.tolist().index(int(wrong[0]))]
        raise StoreDamaged(
            f"{worst} pays out more than it holds.",
            hint="Transfers or the opening balance of that account are missing or wrong: sync it again.",
        )
    known = t.known.copy()
    known[bad] = False
    opening = t.opening.copy()
    opening[bad] = 0
    mended = Transfers(
        t.source, t.target, t.amount, t.asset, opening, known, t.fate, t.backward, t.name, t.unknown
    )
    more = f", and {len(told) - 3} more" if len(told) > 3 else ""
    note = (
        f"{len(told)} accounts pay out more than the ledger saw come in: {'; '.join(told[:3])}{more}: what they held "
        "before was not told, or the token does not log all it moves"
    )
    return Book(made.rows, mended, made.row, made.part, made.queues, made.openings), [note]


def bearable(
    transfers: Transfers, by_method: Mapping[str, QueueSeeding]
) -> tuple[dict[str, QueueSeeding], list[int]]:
    """The seeds without assets of which they are more than can be counted, and the numbers of these."""
    hostile = sorted({number for own in by_method.values() for number in own.outgrown(transfers)})
    if not hostile:
        return dict(by_method), []
    out = np.isin(transfers.asset_of(), hostile)
    return {
        name: QueueSeeding(np.where(out[:, None], np.uint64(0), own.fixed), np.where(out, -1, own.owner))
        for name, own in by_method.items()
    }, hostile
