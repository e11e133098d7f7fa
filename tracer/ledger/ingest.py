"""Load batches of a chain of outputs: prevouts and addresses are resolved set-wise, one turn at a time."""

from __future__ import annotations

import os

from tracer.chain import first_tx_id, utxo
from tracer.db import Database, named_sql
from tracer.ledger import kernels
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.loading import BlockLoader, Refused, column
from tracer.ledger.partial_rows import drop_unseen, give_way
from tracer.ledger.store import Ledger
from tracer.ledger.turn import Turn

_SQL = named_sql("tracer.ledger", "ingest.sql")
_LOADING = named_sql("tracer.ledger", "loading.sql")
_TABLES = (
    ("insert_tx", Turn.tx_table),
    ("insert_txout", Turn.txout_table),
    ("insert_txin", Turn.txin_table),
    ("insert_pending_spend", Turn.pending_table),
    ("insert_spend", Turn.spend_table),
    ("insert_address_tx", Turn.address_tx_table),
    ("insert_txid_lookup", Turn.txid_lookup_table),
    ("insert_address_lookup", Turn.address_lookup_table),
)


class Loader(BlockLoader[UtxoBatch]):
    """Writes batches into an open ledger."""

    # what a turn looks up lies all over the file, which soon is larger than memory; measured on 2 cores with 5 M
    # transactions: 0.5 GB less at the same speed. Operators need some for each thread
    memory = f"{max(256, 32 * (os.cpu_count() or 1))}MB"

    def write(self, batch: UtxoBatch) -> None:
        """Resolve a turn against itself and the store, insert it, and settle what waited for it."""
        replaced = give_way(self.ledger.db, batch)
        turn = Turn(batch, self.ledger.chain)
        turn.resolve(self.ledger.db)
        self._insert(turn)
        settle_pending(self.ledger, turn)
        if replaced:
            drop_unseen(self.ledger.db)

    def head(self, batch: UtxoBatch, blocks: int) -> UtxoBatch:
        """The first `blocks` blocks of a batch."""
        txs = int(column(batch.blocks, "tx_count")[:blocks].sum())
        kept = batch.txs.slice(0, txs)
        inputs = int(column(kept, "inputs").sum())
        outputs = int(column(kept, "outputs").sum())
        return UtxoBatch(
            batch.blocks.slice(0, blocks),
            kept,
            batch.outputs.slice(0, outputs),
            batch.inputs.slice(0, inputs),
        )

    def roll_back(self, height: int) -> None:
        """Remove every fact above a height."""
        self.run_rollback(_SQL["rollback"], {"height": height, "first": first_tx_id(height + 1)})

    def _insert(self, turn: Turn) -> None:
        db = self.ledger.db
        db.run(_LOADING["note_backfill"], {"first": turn.heights[0]})
        with db.table("arriving", turn.batch.blocks):
            db.run(_SQL["insert_block"])
        insert_transactions(db, turn)


def insert_transactions(db: Database, turn: Turn) -> None:
    """Write the transactions of a resolved turn, their addresses and the look-ups, not their blocks."""
    assert turn.new_addresses is not None
    with db.table("arriving", turn.new_addresses):
        db.run(_SQL["insert_address"])
    for statement, table in _TABLES:
        rows = table(turn)
        if rows.num_rows:
            with db.table("arriving", rows):
                db.run(_SQL[statement])


def settle_pending(ledger: Ledger, turn: Turn) -> None:
    """Resolve inputs of later transactions that waited for those of this turn; raises `Refused`."""
    db = ledger.db
    last_pending = db.value(_SQL["last_pending"])
    if last_pending is None or last_pending < int(turn.tx_id[0]):
        return
    db.run(_SQL["settle_pending"], {"first": int(turn.tx_id[0]), "last": int(turn.tx_id[-1])})
    _refuse_if(db, "settled_nowhere", "spends an output that does not exist")
    _refuse_if(db, "settled_twice", "spends an output that was spent before")
    _refuse_if(db, "settled_otherwise", kernels.PROBLEMS[kernels.TOLD_OTHERWISE])
    for statement in ("settle_txin", "settle_spend", "settle_address_tx", "settle_clear", "settle_fee"):
        db.run(_SQL[statement])
    _refuse_if(db, "settled_out_of_nothing", "pays out more than it takes in")
    for height, txid, claimed, fees in db.rows(_SQL["settled_coinbase"]):
        if claimed > utxo(ledger.chain).subsidy(height) + fees:
            reason = "creates more coins than subsidy and fees allow"
            raise Refused(first_tx_id(height), bytes(txid), reason)
    # where every block below was read, nothing is left to wait for
    _refuse_if(db, "still_pending", "spends an output that does not exist")


def _refuse_if(db: Database, statement: str, reason: str) -> None:
    if (found := db.row(_SQL[statement])) is not None:
        raise Refused(found[0], bytes(found[1]), reason)
