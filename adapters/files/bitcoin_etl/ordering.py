"""Rows of several files -> the transactions of each block, each once and in their places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.decode import merkle
from adapters.files.bitcoin_etl.heads import Heads

if TYPE_CHECKING:
    import pyarrow as pa

_LAST = 1 << 24


@dataclass(frozen=True)
class Ordered:
    """Transactions of consecutive blocks in the order of their blocks.

    table     their columns (`adapters.files.bitcoin_etl.transactions.on_wire`); told may come from another file
    counts    (b,) how many each block has
    problems  why a block cannot be used, by height
    """

    table: pa.Table
    counts: NDArray[np.int64]
    problems: dict[int, str]

    @property
    def txids(self) -> NDArray[np.uint8]:
        """(n, 32) as stated."""
        return rows32(self.table.column("txid"))

    def column(self, name: str) -> NDArray[np.int64]:
        """A column of whole numbers."""
        found: NDArray[np.int64] = self.table.column(name).to_numpy()
        return found

    def head(self, blocks: int) -> Ordered:
        """The first blocks."""
        return Ordered(
            self.table.slice(0, int(self.counts[:blocks].sum())).combine_chunks(),
            self.counts[:blocks],
            self.problems,
        )


def rows32(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """A column of hashes as (n, 32) bytes."""
    import pyarrow as pa

    flat = column.combine_chunks()
    array = flat if isinstance(flat, pa.Array) else pa.concat_arrays(flat.chunks)
    return np.frombuffer(array.buffers()[1], np.uint8)[
        32 * array.offset : 32 * (array.offset + len(array))
    ].reshape(-1, 32)


def ordered(table: pa.Table, heads: Heads) -> Ordered:
    """Put rows in the places of their transactions; `heads` are the consecutive blocks that they are of."""
    problems: dict[int, str] = {}
    table = _each_once(table, problems)
    height = table.column("height").to_numpy()
    index = table.column("index").to_numpy()
    coinbase = table.column("coinbase").to_numpy(zero_copy_only=False)
    block = height - heads.heights[0]
    counts = np.bincount(block, minlength=len(heads))
    for row in np.flatnonzero(counts != heads.counts).tolist():
        problems.setdefault(
            int(heads.heights[row]),
            f"block {heads.heights[row]} has {heads.counts[row]} transactions, and {counts[row]} are there",
        )
    # old nodes tell no place: then the rows stand as in the block
    unplaced = np.zeros(len(heads), np.bool_)
    unplaced[block[index < 0]] = True
    key = np.where(unplaced[block], np.where(coinbase, -1, _LAST), index)
    order = np.lexsort((key, block))
    firsts = np.cumsum(counts) - counts
    place = np.arange(len(order)) - firsts[block[order]]
    gap = (index[order] != place) & ~unplaced[block[order]]
    for row in np.unique(block[order][gap]).tolist():
        problems.setdefault(
            int(heads.heights[row]), f"the transactions of block {heads.heights[row]} do not have the places 0 to "
            f"{counts[row] - 1}, each once (index)",
        )  # fmt: skip
    found = Ordered(table.take(order), counts, problems)
    return _as_the_roots_say(found, heads, unplaced)


def _as_the_roots_say(found: Ordered, heads: Heads, unplaced: NDArray[np.bool_]) -> Ordered:
    """The order must give the Merkle roots; where no place is told, that by txid is tried too (bitcoin-cash)."""
    wrong = _wrong(found, heads)
    if (wrong & unplaced).any():
        block = np.repeat(np.arange(len(heads)), found.counts)
        later = ~found.table.column("coinbase").to_numpy(zero_copy_only=False)
        words = found.txids[:, ::-1].copy().view(">u8")
        by_txid = np.lexsort((*(words[:, k] for k in (3, 2, 1, 0)), later, block))

        def sorted_in(blocks: NDArray[np.bool_]) -> Ordered:
            rows = np.where(blocks[block], by_txid, np.arange(len(block)))
            return replace(found, table=found.table.take(rows))

        sorted_ = wrong & unplaced & ~_wrong(sorted_in(wrong & unplaced), heads)
        found, wrong = sorted_in(sorted_), wrong & ~sorted_
    for row in np.flatnonzero(wrong).tolist():
        found.problems.setdefault(
            int(heads.heights[row]),
            f"the Merkle root of block {heads.heights[row]} does not follow from the hashes of its transactions"
            + (", in whose rows no index says where each stands" if unplaced[row] else ""),
        )
    return found


def _wrong(found: Ordered, heads: Heads) -> NDArray[np.bool_]:
    """(b,) blocks whose stated txids do not make the stated root, or in two ways (CVE-2012-2459)."""
    wrong = np.zeros(len(heads), np.bool_)
    some = np.flatnonzero(found.counts > 0)
    if len(some):
        roots, twice = merkle(found.txids, found.counts[some])
        wrong[some] = (roots != heads.roots[some]).any(axis=1) | twice
    return wrong


def _each_once(table: pa.Table, problems: dict[int, str]) -> pa.Table:
    """Rows of one transaction as one: the files of an enriched export hold each twice."""
    import pyarrow as pa

    height = table.column("height").to_numpy()
    words = rows32(table.column("txid")).copy().view(np.uint64)
    fits = table.column("fits").to_numpy() > 0
    told = np.diff(offsets(table.column("told"))) > 0
    # of the rows of one transaction that first of which most is known
    order = np.lexsort((~told, ~fits, *(words[:, k] for k in range(4)), height))
    same = (height[order][1:] == height[order][:-1]) & (words[order][1:] == words[order][:-1]).all(axis=1)
    if not same.any():
        return table
    leads = np.concatenate((np.ones(1, np.bool_), ~same))
    group = np.cumsum(leads) - 1
    first = order[leads]
    teller = first.copy()
    telling = np.flatnonzero(told[order])[::-1]  # the first of each group is set last
    teller[group[telling]] = order[telling]
    rows = np.flatnonzero(~leads)
    row, lead, tells = order[rows], first[group[rows]], teller[group[rows]]
    differ = (fits[row] == fits[lead]) & _differ(table.column("raw"), row, lead)
    differ |= told[row] & told[tells] & _differ(table.column("told"), row, tells)
    for at in row[differ].tolist():
        problems.setdefault(
            int(height[at]),
            f"transaction {words[at].tobytes()[::-1].hex()} of block {height[at]} is there twice, and its rows differ",
        )
    place = np.full(len(first), -1, np.int64)
    np.maximum.at(place, group, table.column("index").to_numpy()[order])
    back = np.argsort(first, kind="stable")  # as the rows came
    kept = table.take(pa.array(first[back]))
    kept = kept.set_column(kept.column_names.index("index"), "index", pa.array(place[back]))
    spent = table.column("told").take(pa.array(teller[back]))
    return kept.set_column(kept.column_names.index("told"), "told", spent).combine_chunks()


def _differ(column: pa.ChunkedArray, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.bool_]:
    import pyarrow as pa
    import pyarrow.compute as pc

    unequal = pc.not_equal(column.take(pa.array(one)), column.take(pa.array(two)))
    found: NDArray[np.bool_] = unequal.to_numpy()
    return found


def offsets(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """(n + 1,) where the bytes of each row start, in a column of large_binary in one piece."""
    import pyarrow as pa

    flat = column.combine_chunks()
    array = flat if isinstance(flat, pa.Array) else pa.concat_arrays(flat.chunks)
    return np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
