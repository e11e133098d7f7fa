"""Files of bitcoin-etl as a source of blocks: what is new, in runs of blocks that fit into memory, as facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from adapters.ahead import ordered
from adapters.bitcoin.entry import BitcoinChain
from adapters.branches import Plan
from adapters.files.bitcoin_etl.facts import NO_WITNESSES, Facts, facts
from adapters.files.bitcoin_etl.heads import Blocks, Heads, read_blocks
from adapters.files.bitcoin_etl.layout import Dataset
from adapters.files.bitcoin_etl.parts import Files
from adapters.files.bitcoin_etl.staging import Transactions, stage
from adapters.files.planning import between, other_block, runs, stranger
from tracer.errors import BadExport, UsageError
from tracer.ledger.batch import KnownBlock, KnownChain, UtxoBatch

SLICE_ROWS = 60_000
"""Transactions that are put together at once (P): some 200 MB at the peak."""
AHEAD = 2
"""Slices made while the ledger commits others (P)."""


def chain_of(blocks: Blocks, chains: Sequence[BitcoinChain]) -> BitcoinChain:
    """The chain whose genesis and checkpoints the files hold; `UsageError` where that is none, or not one."""
    told = [entry for entry in chains if _fits(entry, blocks.heads)]
    placed = [entry for entry in told if _held_of(entry.checkpoints, blocks.heads)]
    if len(placed or told) == 1:
        return (placed or told)[0]
    names = " or ".join(entry.name for entry in told)
    raise UsageError(
        f"the files are of {names}: both begin like this."
        if told
        else "the files do not say which chain they are of.",
        hint=f"Give --chain, e.g. --chain {told[0].name if told else 'bitcoin'}.",
    )


def _fits(entry: BitcoinChain, heads: Heads) -> bool:
    """Whether the files hold a block that is known of a chain, and no other in its place."""
    held = _held_of(((0, entry.genesis), *entry.checkpoints), heads)
    return bool(held) and all(held)


def _held_of(known: Sequence[tuple[int, str]], heads: Heads) -> list[bool]:
    """Of the known blocks at whose heights the files hold one, whether it is that."""
    rows = heads.row_of(np.array([height for height, _ in known], np.int64)).tolist()
    return [
        heads.hashes[row].tobytes()[::-1].hex() == text
        for (_, text), row in zip(known, rows, strict=True)
        if row >= 0
    ]


class EtlSource:
    """Files of bitcoin-etl (`tracer.ledger.batch.BlockSource`).

    What the files lack is told in `notes`; `loaded` counts the rows of each kind that were handed over. A block that
    cannot be used is `BadExport` while reading, after everything below it.
    """

    def __init__(
        self,
        files: Files,
        blocks: Blocks,
        chain: BitcoinChain,
        scratch: Path,
        progress: Callable[[], None] | None = None,
    ) -> None:
        self.files, self.blocks, self.chain = files, blocks, chain
        self.transactions: Transactions = stage(files, blocks, chain, scratch, progress)
        self.rows_of = self.transactions.counts(blocks.heads.heights)
        self.loaded: Counter[str] = Counter()
        self._said: Counter[str] = Counter()
        self._bad: set[bytes] = set()
        self._below: dict[int, bytes] = {}
        self._unread = sorted(set(blocks.problems) - set(blocks.heads.heights.tolist()))
        """Blocks whose own rows could not be read."""

    def plan(self, known: KnownChain, first: int | None = None, last: int | None = None) -> list[Plan]:
        """Runs of blocks that the ledger has not; `BadExport` where it has other blocks at the same heights."""
        heads = self.blocks.heads
        heights = heads.heights
        wanted = (self.rows_of > 0) | np.isin(heights, list(self.blocks.problems))
        if self._unread:
            wanted &= heights < self._unread[0]
        wanted &= between(heights, first, last)
        for block in known.blocks():
            row = int(np.searchsorted(heights, block.height))
            if row < len(heads) and heights[row] == block.height:
                self._refuse_other(row, block)
                wanted[row] = False
        if self._bad:
            bad = [heads.hashes[row].tobytes() in self._bad for row in range(len(heads))]
            wanted &= ~np.logical_or.accumulate(bad)
        plans = []
        for row, count in runs(heights, wanted):
            self._refuse_stranger(known, row)
            plans.append(Plan(int(heights[row]), count))
        return plans

    def _refuse_other(self, row: int, block: KnownBlock) -> None:
        """The ledger and the files hold the same block at a height."""
        here = self.blocks.heads.hashes[row].tobytes()
        if here != block.hash:
            raise other_block(self.blocks.where(row), self.chain, here, block)

    def _refuse_stranger(self, known: KnownChain, row: int) -> None:
        """A run builds on the block before it, where the ledger has that."""
        heads = self.blocks.heads
        height = int(heads.heights[row])
        before = known.at(height - 1) if height else None
        if before is None:
            return
        if heads.linked[row] and before.hash != heads.parents[row].tobytes():
            raise stranger(self.blocks.where(row), self.chain, before)
        self._below[height] = before.hash

    def batches(self, plan: Plan) -> Iterator[UtxoBatch]:
        """The blocks of a plan in order; raises `BadExport` at the first that cannot be used."""

        def work(rows: slice) -> tuple[slice, Facts]:
            return rows, self._facts(rows)

        for rows, made in ordered(self._slices(plan), work, threads=1, ahead=AHEAD):
            yield from self._told(rows, made)

    def _slices(self, plan: Plan) -> Iterator[slice]:
        """Rows of runs of whole blocks with about SLICE_ROWS transactions."""
        rows = self.blocks.heads.rows(plan.first_height, plan.first_height + plan.blocks - 1)
        weights = self.rows_of[rows]
        number = (np.cumsum(weights) - weights) // SLICE_ROWS
        starts = [*np.flatnonzero(np.diff(number, prepend=-1) > 0).tolist(), len(weights)]
        for start, end in pairwise(starts):
            yield slice(rows.start + start, rows.start + end)

    def _facts(self, rows: slice) -> Facts:
        """The blocks of some rows up to the first that is known to be bad."""
        bad = next((row for row in range(rows.start, rows.stop) if self._problem(row)), rows.stop)
        if bad == rows.start:
            return Facts(None, 0, self._problem(bad), {})
        heads = self.blocks.heads.take(np.arange(rows.start, bad))
        table = self.transactions.read(int(heads.heights[0]), int(heads.heights[-1]))
        made = facts(
            table, self._on_ledger(heads), self.chain, lambda row: self.blocks.where(rows.start + row)
        )
        if made.problem is None and bad < rows.stop:
            return replace(made, problem=self._problem(bad))
        return made

    def _problem(self, row: int) -> str | None:
        """Why reading its rows showed that a block cannot be used."""
        return self.blocks.problems.get(int(self.blocks.heads.heights[row]))

    def _on_ledger(self, heads: Heads) -> Heads:
        """With the parent of the first block, where only the ledger has it."""
        height = int(heads.heights[0])
        below = self.chain.genesis_hash if height == 1 else self._below.get(height)
        if below is None or heads.linked[0]:
            return heads
        parents, linked = heads.parents.copy(), heads.linked.copy()
        parents[0], linked[0] = np.frombuffer(below, np.uint8), True
        return replace(heads, parents=parents, linked=linked)

    def _told(self, rows: slice, made: Facts) -> Iterator[UtxoBatch]:
        self._said.update(made.notes)
        self.loaded[Dataset.BLOCKS] += made.sound
        self.loaded[Dataset.TRANSACTIONS] += int(self.rows_of[rows][: made.sound].sum())
        if made.batch is not None:
            yield made.batch
        if made.problem is not None:
            raise BadExport(made.problem, hint=_AGAIN)

    def reject(self, block_hash: bytes) -> bool:
        """A block is bad: nothing that builds on it is planned."""
        self._bad.add(block_hash)
        return False

    def raw(self, block_hash: bytes) -> tuple[str, bytes]:
        """The file a block is in, and its hash: the rows themselves are in files that stay."""
        rows = np.flatnonzero((self.blocks.heads.hashes == np.frombuffer(block_hash, np.uint8)).all(axis=1))
        return self.blocks.where(int(rows[0])), block_hash

    def notes(self) -> list[str]:
        """What the files do not tell."""
        return [
            text if text == NO_WITNESSES else f"{count:,} {text}"
            for text, count in sorted(self._said.items())
        ]

    def finish(self) -> None:
        """`BadExport` where rows have no block, or blocks no rows: part of the export is missing, or unreadable."""
        if self._unread:
            raise BadExport(self.blocks.problems[self._unread[0]], hint=_AGAIN)
        if self.transactions.unplaced:
            path, height = min(self.transactions.unplaced.items(), key=lambda item: (item[1], item[0]))
            raise BadExport(
                f"{path}: transactions of block {height}, and no file of blocks holds it.",
                hint="Import it with its blocks.",
            )
        heads = self.blocks.heads
        empty = np.flatnonzero((self.rows_of == 0) & ~np.isin(heads.heights, list(self.blocks.problems)))
        if len(empty):
            row = int(empty[0])
            raise BadExport(
                f"{self.blocks.where(row)}: no file holds the transactions of {len(empty):,} of its blocks, the first "
                f"is block {heads.heights[row]}.",
                hint="Import them together.",
            )

    def rows(self) -> dict[str, int]:
        """Rows of all files by kind."""
        found = {Dataset.BLOCKS: len(self.blocks.heads), Dataset.TRANSACTIONS: self.transactions.rows}
        return {str(dataset): count for dataset, count in found.items()}


_AGAIN = "Export these blocks again, whole."


def open_source(
    files: Files,
    scratch: Path,
    named: Callable[[Blocks], BitcoinChain],
    progress: Callable[[int, int], None] | None = None,
) -> EtlSource:
    """Read all files once; `named` says of which chain they are, when their blocks are known."""
    count, done = len(files.found), 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, count)

    blocks = read_blocks(files, advance)
    return EtlSource(files, blocks, named(blocks), scratch, advance)
