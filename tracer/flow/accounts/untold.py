"""What of a chain was not understood and may belong to a trail: the rest of quarantine leaves its answer whole.

Anybody can emit an event that nobody can read, or an amount beyond all measure. Such a row concerns a question where
it stands in a transaction that touches an account or an asset that was followed (DESIGN: the status is of the question
asked); a block that was refused whole always does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.db import named_sql
from tracer.flow.accounts.rows import QUEUE
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "untold.sql")


def untold(ledger: Ledger, queues: pl.DataFrame) -> list[str]:
    """Why the answer is partial for it, for coverage; `queues` (address_id, asset_id) are those followed."""
    with ledger.db.table("followed", queues.select(QUEUE)):
        places = [place for (place,) in ledger.db.rows(_SQL["untold"])]
    if not places:
        return []
    more = f", and {len(places) - 3} more" if len(places) > 3 else ""
    return [f"what was not understood is in quarantine: {', '.join(places[:3])}{more}"]
