"""Facts of blocks that were not read whole give way: to the whole block, and when their branch lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.db import Database, named_sql

if TYPE_CHECKING:
    from tracer.ledger.batch import UtxoBatch

_SQL = named_sql("tracer.ledger", "partial.sql")


def give_way(db: Database, batch: UtxoBatch) -> bool:
    """Make room for whole blocks, inside their transaction; whether anything went.

    Single transactions of these blocks go: they come again with their block, under the same ids. What contradicts the
    blocks is of another branch and goes with everything above it: an explorer's word does not stand against a chain.
    """
    if not db.value(_SQL["any"]):
        return False
    heights = batch.blocks.column("height")
    spending = batch.inputs.select(["prev_txid", "prev_vout", "tx_id"])
    with db.table("arriving", batch.blocks), db.table("spending", spending):
        lost: int | None = db.value(_SQL["of_another_branch"])
    if lost is not None:
        drop_from(db, lost)
    db.run(_SQL["going_between"], {"first": heights[0].as_py(), "last": heights[-1].as_py()})
    if not db.value(_SQL["going"]):
        return lost is not None
    db.script(_SQL["remove"])
    return True


def drop_from(db: Database, height: int) -> None:
    """Forget what explorers told of a height and above, inside a transaction; blocks read whole stay."""
    db.run(_SQL["going_from"], {"height": height})
    for statement in _SQL["forget_told"].split(";"):
        if statement.strip():
            db.run(statement, {"height": height})
    db.script(_SQL["unsettle"])
    db.script(_SQL["remove"])
    drop_unseen(db)


def drop_unseen(db: Database) -> None:
    """Forget addresses that no transaction shows any more."""
    db.script(_SQL["remove_addresses"])
