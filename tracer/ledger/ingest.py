"""Load batches of a chain of outputs: prevouts and addresses are resolved set-wise, one turn at a time."""

from __future__ import annotations

from tracer.chain import first_tx_id, utxo
from tracer.db import named_sql
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.loading import BlockLoader, Refused, column
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

    def write(self, batch: UtxoBatch) -> None:
        """Resolve a turn against itself and the store, insert it, and settle what waited for it."""
        turn = Turn(batch, self.ledger.chain)
        turn.resolve(self.ledger.db)
        self._insert(turn)
        self._settle_pending(turn)

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
        assert turn.new_addresses is not None
        with db.table("arriving", turn.new_addresses):
            db.run(_SQL["insert_address"])
        for statement, table in _TABLES:
            rows = table(turn)
            if rows.num_rows:
                with db.table("arriving", rows):
                    db.run(_SQL[statement])

    def _settle_pending(self, turn: Turn) -> None:
        """Resolve inputs of later blocks that waited for the blocks of this turn."""
        db = self.ledger.db
        last_pending = db.value(_SQL["last_pending"])
        if last_pending is None or last_pending < int(turn.tx_id[0]):
            return
        db.run(_SQL["settle_pending"], {"first": int(turn.tx_id[0]), "last": int(turn.tx_id[-1])})
        self._refuse_if("settled_nowhere", "spends an output that does not exist")
        self._refuse_if("settled_twice", "spends an output that was spent before")
        for statement in ("settle_txin", "settle_spend", "settle_address_tx", "settle_clear", "settle_fee"):
            db.run(_SQL[statement])
        self._refuse_if("settled_out_of_nothing", "pays out more than it takes in")
        for height, txid, claimed, fees in db.rows(_SQL["settled_coinbase"]):
            if claimed > utxo(self.ledger.chain).subsidy(height) + fees:
                reason = "creates more coins than subsidy and fees allow"
                raise Refused(first_tx_id(height), bytes(txid), reason)
        # where every block below was read, nothing is left to wait for
        self._refuse_if("still_pending", "spends an output that does not exist")

    def _refuse_if(self, statement: str, reason: str) -> None:
        if (found := self.ledger.db.row(_SQL[statement])) is not None:
            raise Refused(found[0], bytes(found[1]), reason)
