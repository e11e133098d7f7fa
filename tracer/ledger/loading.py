"""What loading is for every family of chains: batches gathered into turns, each committed whole or not at all.

A turn gathers batches until it is worth a commit and commits all tables at once: readers see resolved heights only,
and a kill at any moment loses at most the turn under way. What a turn writes is the family's own:
`tracer.ledger.ingest` (outputs), `tracer.ledger.accounts.ingest` (accounts).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from numpy.typing import NDArray

from tracer.chain import Family, tx_height
from tracer.db import named_sql
from tracer.errors import BadBlock, SourceError
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.batch import KnownBlock, UtxoBatch
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import pyarrow as pa

_SQL = named_sql("tracer.ledger", "loading.sql")
B = TypeVar("B", bound=UtxoBatch | AccountBatch)

TURN_TXS = 300_000
TURN_SECONDS = 60.0
MAX_HEIGHT = (1 << 31) - 1


class Refused(Exception):
    """A block breaks a rule only the ledger can check; `txid` names the transaction that does, where one does."""

    def __init__(self, tx_id: int, txid: bytes | None, reason: str) -> None:
        super().__init__(reason)
        self.tx_id, self.txid, self.reason = tx_id, txid, reason


def column(table: pa.Table, name: str) -> NDArray[Any]:
    """A numeric column as numpy; nulls are an error of the caller."""
    values: NDArray[Any] = table.column(name).to_numpy()
    return values


def joined(batches: Sequence[B]) -> B:
    """Several consecutive batches of one family as one, each column in one piece."""
    import pyarrow as pa

    def join(name: str) -> pa.Table:
        return pa.concat_tables([getattr(batch, name) for batch in batches]).combine_chunks()

    return type(batches[0])(*(join(part.name) for part in fields(batches[0])))


def turns(
    batches: Iterable[B],
    txs: int = TURN_TXS,
    seconds: float = TURN_SECONDS,
    *,
    first_blocks: int = 1,
) -> Iterator[B]:
    """Gather batches into turns of at least `txs` transactions, or what came in `seconds` from a slow source.

    The first turn has at least `first_blocks` blocks, or does not come. Where `batches` raises `BadBlock`, or its
    node is gone, what was gathered before comes first.
    """
    waiting: list[B] = []
    count = 0
    began = time.monotonic()
    bad: BadBlock | SourceError | None = None
    source = iter(batches)
    while True:
        try:
            batch = next(source)
        except StopIteration:
            break
        except (BadBlock, SourceError) as problem:
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
    """`tracer.ledger.batch.KnownChain` over an open ledger: blocks read whole, read when it is asked."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._db = ledger, ledger.db
        self._statement = "known_blocks" if ledger.chain.family is Family.UTXO else "known_account_blocks"

    def blocks(self) -> Sequence[KnownBlock]:
        """All blocks in height order."""
        return self.between(0, MAX_HEIGHT)

    def runs(self) -> Sequence[tuple[int, int]]:
        """First and last height of each run of consecutive blocks, ascending."""
        return self._ledger.runs()

    def at(self, height: int) -> KnownBlock | None:
        """The block at a height."""
        return next(iter(self.between(height, height)), None)

    def between(self, first: int, last: int) -> list[KnownBlock]:
        """The blocks from one height to another, in order."""
        return [
            KnownBlock(height, bytes(here), bytes(prev or b""), bits)
            for height, here, prev, bits in self._db.rows(
                _SQL[self._statement], {"first": first, "last": last}
            )
        ]


class BlockLoader(ABC, Generic[B]):
    """Writes batches into an open ledger; a family says how a turn is written, cut and rolled back.

    memory  how much of the file a turn may keep in memory (as DuckDB writes sizes); None: as much as there is
    """

    memory: str | None = None

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    @abstractmethod
    def write(self, batch: B) -> None:
        """Write a turn that connects, inside the transaction under way; raises `Refused` at the first bad block."""

    @abstractmethod
    def head(self, batch: B, blocks: int) -> B:
        """The first `blocks` blocks of a batch."""

    @abstractmethod
    def roll_back(self, height: int) -> None:
        """Remove every fact above a height, inside the transaction under way."""

    def load(
        self,
        batches: Iterable[B],
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
        batch: B,
        reorg_to: int | None,
        at_least: int,
        before_reorg: Callable[[int, int], None] | None,
    ) -> None:
        """Commit a turn, or the blocks before the first that breaks a rule, then raise."""
        part: B | None = batch
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
                part = self.head(part, sound) if sound >= at_least else None
        if refused is not None:
            height = tx_height(refused.tx_id)
            here: bytes = batch.blocks.column("hash")[height - first].as_py()
            raise BadBlock(
                f"block {self.ledger.chain.hash_text(here)} at height {height} is refused: {self._words(refused)}.",
                block_hash=here,
            ) from refused

    def _words(self, refused: Refused) -> str:
        if refused.txid is None:
            return refused.reason
        return f"transaction {self.ledger.chain.hash_text(refused.txid)} {refused.reason}"

    def _does_not_fit(self, refused: Refused) -> BadBlock:
        height = tx_height(refused.tx_id)
        stored = self.ledger.db.value(_SQL["block_hash_at"], {"height": height})
        return BadBlock(
            f"block {self.ledger.chain.hash_text(bytes(stored))} at height {height}, read earlier, does not fit the "
            f"blocks that now arrived: {self._words(refused)}.",
            hint="One of the two sources is wrong.",
        )

    def _commit(
        self, batch: B, reorg_to: int | None, before_reorg: Callable[[int, int], None] | None
    ) -> None:
        db = self.ledger.db
        if reorg_to is not None and before_reorg is not None:
            tip = self.ledger.tip()
            before_reorg(reorg_to, tip.height if tip else -1)
        with db.lean(self.memory) if self.memory else nullcontext(), db.transaction():
            if reorg_to is not None:
                self.roll_back(reorg_to)
            self._check_connects(batch)
            self.write(batch)

    def _check_connects(self, batch: B) -> None:
        """The batch must fit the blocks around it; refusing is the last defence, sources check first."""
        known = Known(self.ledger)
        heights = column(batch.blocks, "height")
        first, last = int(heights[0]), int(heights[-1])
        before, after = known.at(first - 1), known.at(last + 1)
        prev = batch.blocks.column("prev_hash")[0].as_py()
        here = batch.blocks.column("hash")[-1].as_py()
        if (
            known.between(first, last)
            or (before is not None and prev is not None and before.hash != prev)
            or (after is not None and after.prev_hash not in (b"", here))
        ):
            raise BadBlock(
                f"blocks {first} to {last} do not connect to the chain in {self.ledger.db.path}.",
                hint="Is the source on another branch?",
            )

    def run_rollback(self, script: str, parameters: Mapping[str, int]) -> None:
        """Run the statements of a script, each with those of the parameters it names."""
        for statement in script.split(";"):
            if sql := statement.strip():
                named = {name: value for name, value in parameters.items() if f"${name}" in sql}
                self.ledger.db.run(sql, named or None)
