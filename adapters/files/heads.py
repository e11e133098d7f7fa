"""Blocks of a set of files, and whether the other files add up to them, before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.files.exports import Exports
from adapters.files.fields import Columns
from adapters.files.layouts import Dataset
from tracer.errors import BadExport

_LAST = (1 << 31) - 1
_BLOCK_ROWS = 4
"""Rows of other kinds that take as much room as a block, of which the Bloom filter is most (P)."""
NO_UNCLES = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
"""Keccak-256 of the RLP of an empty list: `sha3Uncles` of a block without uncles (Yellow Paper, section 4.4)."""


@dataclass(frozen=True)
class Heads:
    """Blocks in height order, each once.

    fields   values of the blocks by the names a node gives them
    counts   (b,) transactions of each
    weights  (b,) rows of all files of each, the block for several: how much there is to read
    uncles   (b,) 1 where it has uncles, 0 where not, -1 where not told
    """

    heights: NDArray[np.int64]
    hashes: NDArray[np.uint8]
    parents: NDArray[np.uint8]
    fields: Columns
    counts: NDArray[np.int64]
    weights: NDArray[np.int64]
    uncles: NDArray[np.int8]

    def rows(self, first: int, last: int) -> slice:
        """Rows of the blocks of these heights."""
        return slice(
            int(np.searchsorted(self.heights, first)), int(np.searchsorted(self.heights, last, side="right"))
        )


def heads(exports: Exports, shown: Callable[[bytes], str]) -> Heads:
    """The blocks of all files; `BadExport` where files do not add up. `shown` writes a hash."""
    if exports.of(Dataset.NATIVE_TRANSFERS) and not exports.of(Dataset.TRACES):
        raise BadExport(
            f"{exports.of(Dataset.NATIVE_TRANSFERS)[0].path}: native_transfers do not tell delegate calls "
            "and calls that failed, which moved nothing, from those that did.",
            hint="Collect `traces`: it costs the node the same.",
        )
    if not exports.of(Dataset.BLOCKS):
        raise BadExport(
            "no file holds blocks, and without them nothing else has a place and a time.",
            hint="Export the blocks of the same heights too.",
        )
    raw = Columns(exports.read(Dataset.BLOCKS, 0, _LAST))
    order = np.argsort(raw.heights, kind="stable")
    fields = raw.at(order)
    heights = fields.heights
    hashes, parents = fields.fixed("hash", 32), fields.fixed("parentHash", 32)
    if (twice := np.flatnonzero(np.diff(heights) == 0)).size:
        row = int(twice[0])
        raise BadExport(
            f"{fields.file(row + 1)}: block {heights[row]} is there twice (also in {fields.file(row)}).",
            hint="Import each block from one file.",
        )
    follows = np.diff(heights) == 1
    wrong = np.flatnonzero(follows & (hashes[:-1] != parents[1:]).any(axis=1))
    if wrong.size:
        row = int(wrong[0]) + 1
        raise BadExport(
            f"{fields.file(row)}: block {heights[row]} does not build on block {heights[row] - 1} "
            f"({shown(hashes[row - 1].tobytes())}).",
            hint="The files are of different branches: export them again.",
        )
    counts = _transactions(exports, fields)
    others = {
        dataset: exports.counts(dataset, heights)
        for dataset in (Dataset.RECEIPTS, Dataset.LOGS, Dataset.TOKEN_TRANSFERS, Dataset.TRACES)
    }
    _receipts(exports, fields, counts, others[Dataset.RECEIPTS])
    uncles = fields.maybe("sha3Uncles", 32)
    has = (uncles.raw != np.frombuffer(NO_UNCLES, np.uint8)).any(axis=1)
    return Heads(
        heights, hashes, parents, fields, counts, _BLOCK_ROWS + counts + sum(others.values()),
        np.where(uncles.there, has, -1).astype(np.int8),
    )  # fmt: skip


def _transactions(exports: Exports, fields: Columns) -> NDArray[np.int64]:
    """(b,) transactions of each block; as many must be there as it says."""
    heights = fields.heights
    found = exports.counts(Dataset.TRANSACTIONS, heights)
    said = np.where(
        fields.said_whole("transactionCount"), fields.integers("transactionCount", must=False), found
    )
    if (wrong := np.flatnonzero(said != found)).size:
        row = int(wrong[0])
        where = (
            "no file holds transactions"
            if not exports.of(Dataset.TRANSACTIONS)
            else f"{found[row]} are there"
        )
        raise BadExport(
            f"{fields.file(row)}: block {heights[row]} has {said[row]} transactions, and {where}.",
            hint="Export the transactions of all these blocks.",
        )
    return found


def _receipts(exports: Exports, fields: Columns, counts: NDArray[np.int64], found: NDArray[np.int64]) -> None:
    """Something says of every transaction whether it failed: else its value may never have moved."""
    if exports.of(Dataset.RECEIPTS):
        if (wrong := np.flatnonzero(found != counts)).size:
            row = int(wrong[0])
            raise BadExport(
                f"{exports.of(Dataset.RECEIPTS)[0].path}: block {fields.heights[row]} has {counts[row]} "
                f"transactions and {found[row]} receipts.",
                hint="Export the receipts of all its transactions, each once.",
            )
        return
    blind = [
        file
        for file in exports.of(Dataset.TRANSACTIONS)
        if file.rows and not {"status", "gasUsed"} <= file.columns.keys()
    ]
    if blind:
        raise BadExport(
            f"{blind[0].path}: nothing says which of these transactions failed and what they paid, and a failed one "
            "moved nothing.",
            hint="Export their receipts too and import all in one go.",
        )
