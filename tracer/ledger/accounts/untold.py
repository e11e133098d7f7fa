"""What blocks do not say and a node was not asked yet: opening balances, and what tokens call themselves.

Whoever asks a node puts the answers into the ledger (`AccountLoader.openings`, `.tokens`) and asks here again: nothing
is left once all was told, and a run that was cut short goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tracer.db import named_sql
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.ledger.accounts", "untold.sql")
_MOST = 100_000
"""Rows of one answer (P): some 20 MB."""


def untold_balances(
    ledger: Ledger, address_ids: Sequence[int] | None = None, *, above: int = -1, limit: int = _MOST
) -> pl.DataFrame:
    """Queues that pay out, and what they held before the blocks read is not known; of some accounts or all.

    -> height, hash (of the block at whose end it is wanted), address_id, asset_id, address, standard, contract,
    token_id; by (height, address_id, asset_id), `limit` rows at most, of heights above `above`
    Of a history that begins with block 0 it is the end of block 0, and the coin of every account is wanted: what a
    genesis block gave away stands in no transaction.
    """
    import polars as pl

    asked = pl.DataFrame({"address_id": address_ids or []}, schema={"address_id": pl.Int32})
    with ledger.db.table("asked", asked):
        bounds = {"some": address_ids is not None, "above": above, "limit": limit}
        return ledger.db.polars(_SQL["balances"], bounds)


def untold_tokens(ledger: Ledger, *, limit: int = _MOST) -> pl.DataFrame:
    """Contracts of tokens without a row in `token`.

    -> contract, standard (the greatest of its assets), height (of the first block that names it); by first appearance
    """
    return ledger.db.polars(_SQL["tokens"], {"limit": limit})
