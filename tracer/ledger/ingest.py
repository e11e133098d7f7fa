"""Load batches into the facts: in turns, each a whole or nothing, resumable, a lost branch rolled back.

A turn gathers batches until it is worth a commit, resolves prevouts and addresses set-wise and commits all
tables at once: readers see resolved heights only, and a kill at any moment loses at most the turn under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tracer.chain import first_tx_id, tx_height
from tracer.db import named_sql
from tracer.errors import BadBlock
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.store import Ledger
from tracer.ledger.turn import Refused, Turn, column, joined

_SQL = named_sql("tracer.ledger", "ingest.sql")
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


TURN_TXS = 300_000
TURN_SECONDS = 60.0


def turns(
    batches: Iterable[UtxoBatch], txs: int = TURN_TXS, seconds: float = TURN_SECONDS
) -> Iterator[UtxoBatch]:
    """Gather batches into turns of at least `txs` transactions, or what came in `seconds` from a slow source."""
    waiting: list[UtxoBatch] = []
    count = 0
    began = time.monotonic()
    for batch in batches:
        waiting.append(batch)
        count += batch.txs.num_rows
        if count >= txs or time.monotonic() - began >= seconds:
            yield joined(waiting)
            waiting, count, began = [], 0, time.monotonic()
    if waiting:
        yield joined(waiting)


@dataclass(frozen=True)
class Loaded:
    """What a load added. `last` is the highest height committed, None when nothing was."""

    blocks: int
    txs: int
    first: int | None
    last: int | None


class Known:
    """`tracer.ledger.batch.KnownChain` over an open ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._blocks = {h: (digest, bits) for h, digest, bits in ledger.db.rows(_SQL["known_blocks"])}
        self._heights = {digest: h for h, (digest, _) in self._blocks.items()}

    def height_of(self, block_hash: bytes) -> int | None:
        """Height of a block of the ledger's branch, or None."""
        return self._heights.get(block_hash)

    def hash_at(self, height: int) -> bytes | None:
        """Hash of the ledger's block at a height, or None."""
        found = self._blocks.get(height)
        return None if found is None else found[0]

    def bits_from(self, height: int) -> list[int]:
        """Compact targets from a height up to the first gap."""
        out = []
        while found := self._blocks.get(height):
            out.append(found[1])
            height += 1
        return out


class Loader:
    """Writes batches into an open ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def load(
        self,
        batches: Iterable[UtxoBatch],
        *,
        reorg_to: int | None = None,
        before_reorg: Callable[[int, int], None] | None = None,
        turn_txs: int = TURN_TXS,
    ) -> Loaded:
        """Load consecutive batches of one branch, in turns of about `turn_txs` transactions.

        reorg_to  blocks above this height are of a lost branch: they go in the same transaction in which the
                  first new blocks come. `before_reorg(kept height, old tip height)` is called first, so that the
                  caller can journal it.
        Raises `BadBlock` for the first block that breaks a rule, with everything before it committed.
        """
        blocks = txs = 0
        first: int | None = None
        last: int | None = None
        for batch in turns(batches, turn_txs):
            turn_first = int(column(batch.blocks, "height")[0])
            try:
                self._commit(batch, reorg_to, before_reorg)
            except Refused as refused:
                self._commit_sound_part(batch, refused, reorg_to, before_reorg)
            reorg_to = None
            first = turn_first if first is None else first
            last = int(column(batch.blocks, "height")[-1])
            blocks += batch.blocks.num_rows
            txs += batch.txs.num_rows
        return Loaded(blocks, txs, first, last)

    def _commit(
        self, batch: UtxoBatch, reorg_to: int | None, before_reorg: Callable[[int, int], None] | None
    ) -> None:
        db = self.ledger.db
        if reorg_to is not None and before_reorg is not None:
            tip = self.ledger.tip()
            before_reorg(reorg_to, tip.height if tip else -1)
        with db.transaction():
            if reorg_to is not None:
                self._roll_back(reorg_to)
            self._check_connects(batch)
            turn = Turn(batch, self.ledger.chain)
            turn.resolve(db)
            self._insert(turn)
            self._settle_pending(turn)

    def _commit_sound_part(
        self,
        batch: UtxoBatch,
        refused: Refused,
        reorg_to: int | None,
        before_reorg: Callable[[int, int], None] | None,
    ) -> None:
        """Keep the blocks before the refused one, then raise."""
        height = tx_height(refused.tx_id)
        kept = height - int(column(batch.blocks, "height")[0])
        digest = self._block_hash(batch, height)
        if kept >= batch.blocks.num_rows:
            raise BadBlock(
                f"block {digest} at height {height}, read earlier, does not fit the blocks that now arrived: "
                f"transaction {refused.txid[::-1].hex()} {refused.reason}.",
                hint="Nothing of them was kept. One of the two sources is wrong.",
            )
        if kept > 0:
            self._commit(head(batch, kept), reorg_to, before_reorg)
        tip = self.ledger.tip()
        raise BadBlock(
            f"block {digest} at height {height} is refused: transaction {refused.txid[::-1].hex()} {refused.reason}.",
            hint="Nothing was kept." if tip is None else f"Blocks up to height {tip.height} are kept.",
        )

    def _block_hash(self, batch: UtxoBatch, height: int) -> str:
        row = height - int(column(batch.blocks, "height")[0])
        if 0 <= row < batch.blocks.num_rows:
            found: bytes = batch.blocks.column("hash")[row].as_py()
            return found[::-1].hex()
        stored = self.ledger.db.value(_SQL["block_hash_at"], {"height": height})
        return bytes(stored)[::-1].hex() if stored else "?"

    def _check_connects(self, batch: UtxoBatch) -> None:
        """The batch must fit the blocks around it; refusing is the last defence, sources check first."""
        db = self.ledger.db
        heights = column(batch.blocks, "height")
        first, last = int(heights[0]), int(heights[-1])
        before = db.value(_SQL["block_hash_at"], {"height": first - 1})
        after = db.value(_SQL["block_prev_at"], {"height": last + 1})
        prev = batch.blocks.column("prev_hash")[0].as_py()
        here = batch.blocks.column("hash")[-1].as_py()
        if (before is not None and bytes(before) != prev) or (after is not None and bytes(after) != here):
            raise BadBlock(
                f"blocks {first} to {last} do not connect to the chain in {db.path}.",
                hint="Nothing of them was kept. Is the source on another branch?",
            )

    def _insert(self, turn: Turn) -> None:
        db = self.ledger.db
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
        if (nowhere := db.row(_SQL["settled_nowhere"])) is not None:
            raise Refused(nowhere[0], bytes(nowhere[1]), "spends an output that does not exist")
        for statement in ("settle_txin", "settle_spend", "settle_address_tx", "settle_clear", "settle_fee"):
            db.run(_SQL[statement])
        if (broken := db.row(_SQL["settled_out_of_nothing"])) is not None:
            raise Refused(broken[0], bytes(broken[1]), "pays out more than it takes in")
        for height, claimed, fees in db.rows(_SQL["settled_coinbase_too_much"]):
            if claimed > self.ledger.chain.subsidy(height) + fees:
                raise Refused(first_tx_id(height), b"", "creates more coins than subsidy and fees allow")

    def _roll_back(self, height: int) -> None:
        for statement in _SQL["rollback"].split(";"):
            if sql := statement.strip():
                parameters = {"height": height} if "$height" in sql else {"first": first_tx_id(height + 1)}
                self.ledger.db.run(sql, parameters if "$" in sql else None)


def head(batch: UtxoBatch, blocks: int) -> UtxoBatch:
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
