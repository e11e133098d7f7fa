"""Load batches into the facts: in turns, each a whole or nothing, resumable, a lost branch rolled back.

A turn gathers batches until it is worth a commit, resolves prevouts and addresses set-wise and commits all
tables at once: readers see resolved heights only, and a kill at any moment loses at most the turn under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tracer.chain import first_tx_id, tx_height, utxo
from tracer.db import named_sql
from tracer.errors import BadBlock
from tracer.ledger.batch import KnownBlock, UtxoBatch
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
    batches: Iterable[UtxoBatch],
    txs: int = TURN_TXS,
    seconds: float = TURN_SECONDS,
    *,
    first_blocks: int = 1,
) -> Iterator[UtxoBatch]:
    """Gather batches into turns of at least `txs` transactions, or what came in `seconds` from a slow source.

    The first turn has at least `first_blocks` blocks, or does not come. Where `batches` raises `BadBlock`, what was
    gathered before comes first.
    """
    waiting: list[UtxoBatch] = []
    count = 0
    began = time.monotonic()
    bad: BadBlock | None = None
    source = iter(batches)
    while True:
        try:
            batch = next(source)
        except StopIteration:
            break
        except BadBlock as problem:
            bad = problem
            break
        waiting.append(batch)
        count += batch.txs.num_rows
        enough = sum(w.blocks.num_rows for w in waiting) >= first_blocks
        if enough and (count >= txs or time.monotonic() - began >= seconds):
            yield joined(waiting)
            waiting, count, began, first_blocks = [], 0, time.monotonic(), 1
    if waiting and sum(w.blocks.num_rows for w in waiting) >= first_blocks:
        yield joined(waiting)
    if bad is not None:
        raise bad


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
        self._blocks = [
            KnownBlock(height, bytes(here), bytes(prev), bits)
            for height, here, prev, bits in ledger.db.rows(_SQL["known_blocks"])
        ]

    def blocks(self) -> Sequence[KnownBlock]:
        """All blocks in height order."""
        return self._blocks


class Loader:
    """Writes batches into an open ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def load(
        self,
        batches: Iterable[UtxoBatch],
        *,
        reorg_to: int | None = None,
        at_least: int = 1,
        before_reorg: Callable[[int, int], None] | None = None,
        turn_txs: int = TURN_TXS,
    ) -> Loaded:
        """Load consecutive batches of one branch, in turns of about `turn_txs` transactions.

        reorg_to  blocks above this height are of a lost branch: they go in the same transaction in which the
                  first new blocks come. `before_reorg(kept height, old tip height)` is called first, so that the
                  caller can journal it.
        at_least  so many sound blocks must be there before the lost branch goes; with fewer nothing changes
        Raises `BadBlock` for the first block that breaks a rule, with everything before it committed.
        """
        blocks = txs = 0
        first: int | None = None
        last: int | None = None
        for batch in turns(batches, turn_txs, first_blocks=at_least):
            heights = column(batch.blocks, "height")
            self._commit_sound(batch, reorg_to, at_least, before_reorg)
            reorg_to, at_least = None, 1
            first = int(heights[0]) if first is None else first
            last = int(heights[-1])
            blocks += batch.blocks.num_rows
            txs += batch.txs.num_rows
        return Loaded(blocks, txs, first, last)

    def _commit_sound(
        self,
        batch: UtxoBatch,
        reorg_to: int | None,
        at_least: int,
        before_reorg: Callable[[int, int], None] | None,
    ) -> None:
        """Commit a turn, or the blocks before the first that breaks a rule, then raise."""
        part: UtxoBatch | None = batch
        first = int(column(batch.blocks, "height")[0])
        refused: Refused | None = None
        while part is not None:
            try:
                self._commit(part, reorg_to, before_reorg)
                break
            except Refused as problem:
                refused = problem
                sound = tx_height(problem.tx_id) - first
                if sound >= part.blocks.num_rows:
                    raise self._does_not_fit(problem) from problem
                part = head(part, sound) if sound >= at_least else None
        if refused is not None:
            height = tx_height(refused.tx_id)
            here: bytes = batch.blocks.column("hash")[height - first].as_py()
            raise BadBlock(
                f"block {here[::-1].hex()} at height {height} is refused: transaction "
                f"{refused.txid[::-1].hex()} {refused.reason}.",
                block_hash=here,
            ) from refused

    def _does_not_fit(self, refused: Refused) -> BadBlock:
        height = tx_height(refused.tx_id)
        stored = self.ledger.db.value(_SQL["block_hash_at"], {"height": height})
        return BadBlock(
            f"block {bytes(stored)[::-1].hex()} at height {height}, read earlier, does not fit the blocks that now "
            f"arrived: transaction {refused.txid[::-1].hex()} {refused.reason}.",
            hint="One of the two sources is wrong.",
        )

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

    def _check_connects(self, batch: UtxoBatch) -> None:
        """The batch must fit the blocks around it; refusing is the last defence, sources check first."""
        db = self.ledger.db
        heights = column(batch.blocks, "height")
        first, last = int(heights[0]), int(heights[-1])
        before = db.value(_SQL["block_hash_at"], {"height": first - 1})
        after = db.value(_SQL["block_prev_at"], {"height": last + 1})
        prev = batch.blocks.column("prev_hash")[0].as_py()
        here = batch.blocks.column("hash")[-1].as_py()
        there = db.value(_SQL["blocks_between"], {"first": first, "last": last})
        if (
            there
            or (before is not None and bytes(before) != prev)
            or (after is not None and bytes(after) != here)
        ):
            raise BadBlock(
                f"blocks {first} to {last} do not connect to the chain in {db.path}.",
                hint="Is the source on another branch?",
            )

    def _insert(self, turn: Turn) -> None:
        db = self.ledger.db
        with db.table("arriving", turn.batch.blocks):
            db.run(_SQL["note_backfill"])
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
