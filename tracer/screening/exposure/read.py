"""What is read of the transactions of a chunk's sets: once, for what enters and for both walks that begin there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer.flow.movements import I64
from tracer.flow.sets import among
from tracer.flow.walk import SQL
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Read:
    """Rows of the statements of closure.sql for some transactions.

    txs      ascending
    outputs  what they made, with who holds it; sorted by tx_id, vout
    spent    what they spend, likewise; sorted by tx_id, vin
    makers   tx_id, fee, inputs, time, mix; sorted by tx_id
    """

    txs: I64
    outputs: pl.DataFrame
    spent: pl.DataFrame
    makers: pl.DataFrame

    def rows(self, query: str, wanted: I64) -> pl.DataFrame | None:
        """What a statement of the walks answers for transactions that are all in here; None for another statement."""
        import polars as pl

        if query not in _SERVED:
            return None
        frame: pl.DataFrame = getattr(self, _SERVED[query][0])
        found = frame.filter(pl.Series(among(frame["tx_id"].to_numpy(), wanted)))
        return found.select(_SERVED[query][1]) if _SERVED[query][1] else found


_SERVED: dict[str, tuple[str, tuple[str, ...]]] = {
    "outputs": ("outputs", ()),
    "plain_outputs": ("outputs", ("tx_id", "vout", "value", "address_id")),
    "spent": ("spent", ()),
    "makers": ("makers", ()),
    "heads": ("makers", ("tx_id", "fee", "inputs", "time")),
}


def read(ledger: Ledger, txs: pl.Series) -> Read:
    """Read these transactions (tx_id, distinct, ascending)."""
    with ledger.db.table("wanted", txs.alias("tx_id").to_frame()):
        frames = [ledger.db.polars(SQL[name]) for name in ("outputs", "spent", "makers")]
    return Read(txs.to_numpy(), *frames)
