"""Outputs that a trail follows, in the facts: where they lie, what spends them, and where that goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tracer.db import named_sql
from tracer.ledger.prefix import txid_prefix
from tracer.ledger.store import Ledger
from tracer.watching.lots import Lot

_SQL = named_sql("tracer.watching", "spends.sql")
Outputs = dict[int, list[tuple[int, int, int | None, int]]]
"""Of transactions: number, value, address and time of each output."""


def outputs(
    ledger: Ledger, keys: Sequence[tuple[int, int]]
) -> tuple[Outputs, set[tuple[int, int, int]], set[int]]:
    """Of transactions, each with the number of a watch: outputs, those back at that watch, and which of them mix.

    What is back: (watch, transaction, number of the output). Inside `match.looking`.
    """
    import polars as pl

    db = ledger.db
    wanted = pl.DataFrame({"tx_id": sorted({tx for tx, _ in keys})}, schema={"tx_id": pl.Int64})
    lotted = pl.DataFrame(list(keys), {"tx_id": pl.Int64, "watch": pl.Int32}, orient="row")
    found: Outputs = {}
    with db.table("wanted", wanted):
        for tx_id, vout, value, address, time in db.rows(_SQL["outputs"]):
            found.setdefault(tx_id, []).append((vout, value, address, time))
        mixing = {tx for (tx,) in db.rows(_SQL["mixing"])}
    with db.table("lotted", lotted):
        own = set(db.rows(_SQL["own_outputs"]))
    return found, own, mixing


def placed(ledger: Ledger, kept: Sequence[Lot]) -> list[Lot]:
    """Kept lots with the ids of their transactions; those that the store does not have (any more) drop out."""
    import polars as pl

    if not kept:
        return []
    asked = pl.DataFrame(
        {
            "row": range(len(kept)),
            "prefix": [txid_prefix(lot.txid) for lot in kept],
            "txid": [lot.txid for lot in kept],
        },
        schema={"row": pl.Int64, "prefix": pl.Int64, "txid": pl.Binary},
    )
    with ledger.db.table("asked", asked):
        return [replace(kept[row], tx_id=tx_id) for row, tx_id in ledger.db.rows(_SQL["placed"])]


def spends(ledger: Ledger, frontier: Sequence[Lot], span: dict[str, int]) -> list[tuple[Lot, int]]:
    """Which transactions of some blocks (`span`: first, stop) spend outputs."""
    import polars as pl

    if not frontier:
        return []
    asked = pl.DataFrame(
        {
            "row": range(len(frontier)),
            "tx_id": [lot.tx_id for lot in frontier],
            "vout": [lot.vout for lot in frontier],
        },
        schema={"row": pl.Int64, "tx_id": pl.Int64, "vout": pl.Int32},
    )
    with ledger.db.table("lot", asked):
        return [(frontier[row], tx_id) for row, tx_id in ledger.db.rows(_SQL["spends"], span)]
