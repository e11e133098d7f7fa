"""Exported files as a source of blocks: what is new, in runs of blocks that fit into memory, joined to facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from adapters.ahead import ordered
from adapters.branches import Plan
from adapters.evm.chains import EvmChain
from adapters.files.exports import Exports
from adapters.files.facts import Facts, facts
from adapters.files.heads import heads
from adapters.files.layouts import Dataset
from adapters.files.planning import between, other_block, runs, stranger
from tracer.errors import BadExport
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.batch import KnownChain

SLICE_ROWS = 300_000
"""Rows of all files that are joined at once (P): some 300 MB at the peak, and long enough that a slice's own cost
does not show."""
AHEAD = 2
"""Slices joined while the ledger commits others (P): one is loaded, one waits, one is made."""


class ExportSource:
    """Files of ethereum-etl and cryo (`tracer.ledger.batch.BlockSource`).

    What the files lack is told in `notes`; `loaded` counts the rows of each kind that were handed over. `BadExport` at
    once where files do not add up, and while reading for the first block with a value that cannot be read.
    """

    def __init__(self, exports: Exports, chain: EvmChain, wanted: frozenset[bytes] = frozenset()) -> None:
        if strange := sorted(set(exports.chains) - {chain.chain_id}):
            raise BadExport(
                f"{exports.chains[strange[0]]}: column chain_id holds {strange[0]}, and {chain.name} is "
                f"{chain.chain_id}.",
                hint=f"Import it with --chain evm-{strange[0]}.",
            )
        self.exports, self.chain, self.wanted = exports, chain, wanted
        self.heads = heads(exports, chain.hash_text)
        self.loaded: Counter[str] = Counter()
        self._said: Counter[str] = Counter()
        self._bad: set[bytes] = set()

    def plan(self, known: KnownChain, first: int | None = None, last: int | None = None) -> list[Plan]:
        """Runs of blocks that the ledger has not; `BadExport` where it has other blocks at the same heights."""
        all_heads = self.heads
        heights = all_heads.heights
        wanted = between(heights, first, last)
        for block in known.blocks():
            row = int(np.searchsorted(heights, block.height))
            if row == len(heights) or heights[row] != block.height:
                continue
            if (here := all_heads.hashes[row].tobytes()) != block.hash:
                raise other_block(all_heads.fields.file(row), self.chain, here, block)
            wanted[row] = False
        for row in range(len(heights)) if self._bad else ():
            if all_heads.hashes[row].tobytes() in self._bad:
                wanted[row:] = False
        plans = []
        for row, count in runs(heights, wanted):
            self._refuse_stranger(known, row)
            plans.append(Plan(int(heights[row]), count))
        return plans

    def _refuse_stranger(self, known: KnownChain, row: int) -> None:
        """A run builds on the block before it, where the ledger has that."""
        height = int(self.heads.heights[row])
        before = known.at(height - 1) if height else None
        if before is not None and before.hash != self.heads.parents[row].tobytes():
            raise stranger(self.heads.fields.file(row), self.chain, before)

    def batches(self, plan: Plan) -> Iterator[AccountBatch]:
        """The blocks of a plan in order; raises `BadExport` at the first that cannot be read."""
        for made in ordered(self._slices(plan), self._facts, threads=1, ahead=AHEAD):
            yield self._told(made)

    def _facts(self, heights: tuple[int, int]) -> Facts:
        return facts(self.exports, self.chain, self.heads, *heights, self.wanted)

    def _told(self, made: Facts) -> AccountBatch:
        self._said.update(made.notes)
        heights = made.batch.blocks.column("height")
        first, last = heights[0].as_py(), heights[-1].as_py()
        for dataset in Dataset:
            for file in self.exports.of(dataset):
                inside = (file.heights >= first) & (file.heights <= last)
                self.loaded[dataset] += int(file.counts[inside].sum())
        return made.batch

    def _slices(self, plan: Plan) -> Iterator[tuple[int, int]]:
        """Heights, first and last, of runs of whole blocks with about SLICE_ROWS rows."""
        rows = self.heads.rows(plan.first_height, plan.first_height + plan.blocks - 1)
        heights, weights = self.heads.heights[rows], self.heads.weights[rows]
        number = (np.cumsum(weights) - weights) // SLICE_ROWS
        starts = [*np.flatnonzero(np.diff(number, prepend=-1) > 0).tolist(), len(heights)]
        for start, end in pairwise(starts):
            yield int(heights[start]), int(heights[end - 1])

    def reject(self, block_hash: bytes) -> bool:
        """A block is bad: nothing that builds on it is planned."""
        self._bad.add(block_hash)
        return False

    def raw(self, block_hash: bytes) -> tuple[str, bytes]:
        """The file a block is in, and its hash: the rows themselves are in files that stay."""
        rows = np.flatnonzero((self.heads.hashes == np.frombuffer(block_hash, np.uint8)).all(axis=1))
        return self.heads.fields.file(int(rows[0])), block_hash

    def notes(self) -> list[str]:
        """What the files do not tell."""
        said = [f"{text} ({count:,} blocks)" for text, count in sorted(self._said.items())]
        if self.exports.passed:
            said.append(f"not read: {_names(self.exports.passed)}, which hold no movement of value")
        return said

    def finish(self) -> None:
        """Nothing: what is wrong with files is raised where it shows."""

    def rows(self) -> dict[str, int]:
        """Rows of all files by kind."""
        return {
            str(dataset): sum(file.rows for file in self.exports.of(dataset))
            for dataset in Dataset
            if self.exports.has(dataset)
        }


def _names(paths: Sequence[object]) -> str:
    shown = ", ".join(map(str, paths[:3]))
    return shown if len(paths) <= 3 else f"{shown} and {len(paths) - 3} more"
