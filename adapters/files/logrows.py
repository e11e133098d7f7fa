"""Logs of a run of blocks out of files: joined to their transactions, and held against what the blocks tell of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.evm import bloom
from adapters.evm.blocks import Blocks
from adapters.files.exports import Exports
from adapters.files.fields import Columns
from adapters.files.layouts import Dataset
from tracer.errors import BadExport

OTHERS = "The files are of different exports: export them again."
_AGAIN = "Export the logs of this block again, whole."


@dataclass(frozen=True)
class LogRows:
    """Logs in the order of the chain.

    index    (l,) log index; tx (l,) row of the transaction
    emitter  (l, 20); topics (l, 4, 32), of which the first `many` (l,) are there
    data     bytes one after the other, of log r from starts[r] to before starts[r + 1]
    """

    columns: Columns
    index: NDArray[np.int64]
    tx: NDArray[np.int64]
    emitter: NDArray[np.uint8]
    topics: NDArray[np.uint8]
    many: NDArray[np.int64]
    data: NDArray[np.uint8]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    @property
    def keys(self) -> NDArray[np.int64]:
        """(l,) height << 32 | log index, ascending."""
        keys: NDArray[np.int64] = self.columns.heights << 32 | self.index
        return keys

    def named(self, topic: bytes) -> NDArray[np.bool_]:
        """(l,) where that is topic 0."""
        same: NDArray[np.bool_] = (self.topics[:, 0] == np.frombuffer(topic, np.uint8)).all(axis=1)
        return same & (self.many > 0)

    def words(self, rows: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(n, 32) a parameter of each log: topics but the first, then data; zeros where there are not so many."""
        out = np.zeros((len(rows), 32), np.uint8)
        indexed = places + 1 < self.many[rows]
        out[indexed] = self.topics[rows[indexed], places[indexed] + 1]
        at = self.starts[rows] + 32 * (places + 1 - np.maximum(self.many[rows], 1))
        inside = ~indexed & (at + 32 <= self.starts[rows + 1])
        out[inside] = self.data[at[inside][:, None] + np.arange(32)]
        return out

    def name(self, row: int) -> str:
        """What a log is called in messages."""
        return f"{self.columns.file(row)}: log {self.index[row]} of block {self.columns.heights[row]}"


def read_logs(exports: Exports, blocks: Blocks, first: int, last: int) -> LogRows:
    """Logs of these blocks; `BadExport` where one is there twice, or of a transaction that is not."""
    columns = Columns(exports.read(Dataset.LOGS, first, last))
    columns = columns.at(np.lexsort((columns.integers("logIndex"), columns.heights)))
    topics, many = columns.topics()
    logs = LogRows(
        columns, columns.integers("logIndex"), _transactions(blocks, columns), columns.fixed("address", 20),
        topics, many, *columns.strings("data"),
    )  # fmt: skip
    if (again := np.diff(logs.keys) == 0).any():
        row = int(np.argmax(again))
        raise BadExport(
            f"{logs.name(row + 1)} is there twice (also in {columns.file(row)}).",
            hint="Import each log from one file.",
        )
    if (strange := logs.tx < 0).any():
        row = int(np.argmax(strange))
        digest = columns.fixed("transactionHash", 32)[row].tobytes()
        raise BadExport(
            f"{logs.name(row)} is of transaction 0x{digest.hex()}, which is not there.", hint=OTHERS
        )
    if (back := np.diff(logs.tx) < 0).any():
        row = int(np.argmax(back)) + 1
        raise BadExport(f"{logs.name(row)} is of an earlier transaction than the log before it.", hint=OTHERS)
    return logs


def _transactions(blocks: Blocks, columns: Columns) -> NDArray[np.int64]:
    """(l,) row of each log's transaction; -1 where it is not there, or another one."""
    ids = columns.heights << 24 | columns.integers("transactionIndex")
    rows = np.searchsorted(blocks.tx_ids, ids)
    hashes = columns.fixed("transactionHash", 32)
    there = np.append(blocks.tx_ids, -1)[rows] == ids
    there[there] = (blocks.tx_hashes[rows[there]] == hashes[there]).all(axis=1)
    return np.where(there, rows, -1)


def refuse_missing(
    exports: Exports, blocks: Blocks, logs: LogRows, first: int, last: int
) -> NDArray[np.bool_]:
    """(b,) blocks whose logs are known to be there; `BadExport` where they are not those that the header tells of.

    The header's filter must be the one that its logs make, and log indices must run from 0. What is left unseen: that
    the last logs of a block are missing, where others of it have the same addresses and topics.
    """
    fields = Columns(exports.read_blooms(first, last))
    fields = fields.at(np.argsort(fields.heights, kind="stable"))
    said = fields.maybe("logsBloom", bloom.SIZE)
    there = np.zeros(len(blocks.heights), np.bool_)
    told = np.zeros((len(blocks.heights), bloom.SIZE), np.uint8)
    at = np.searchsorted(blocks.heights, fields.heights)
    told[at], there[at] = said.raw, said.there
    if not exports.has(Dataset.LOGS):
        return np.zeros(len(there), np.bool_)

    def where(block: int) -> str:
        return str(exports.holding(Dataset.BLOCKS, int(blocks.heights[block])))

    of = blocks.tx_block[logs.tx]
    count = np.bincount(of, minlength=len(there))
    filled = told.any(axis=1)
    there &= filled | (
        count == 0
    )  # with logs in the block, an empty filter is one that the chain does not fill
    none = there & filled & (count == 0)
    if none.any():
        block = int(np.argmax(none))
        raise BadExport(
            f"{where(block)}: block {blocks.heights[block]} has logs, as its logs_bloom tells, and "
            f"{exports.of(Dataset.LOGS)[0].path} holds none of them.",
            hint=_AGAIN,
        )
    gap = there[of] & (logs.index != np.arange(len(logs)) - (np.cumsum(count) - count)[of])
    if gap.any():
        raise BadExport(f"{logs.name(int(np.argmax(gap)))} is there, and one before it is not.", hint=_AGAIN)
    every = _blooms(logs, of, len(there), slice(None))
    # Polygon's blocks end in a transaction of nobody's, whose logs stand in no header (Bor, state sync)
    own = np.asarray(blocks.txs.fixed("from", 20).any(axis=1))[logs.tx]
    signed = every if own.all() else _blooms(logs, of, len(there), own)
    if (short := there & (told & ~every).any(axis=1)).any():
        block = int(np.argmax(short))
        raise BadExport(
            f"{logs.columns.file(int(np.argmax(of == block)))}: logs of block {blocks.heights[block]} are missing: "
            f"its logs_bloom in {where(block)} tells of more.",
            hint=_AGAIN,
        )
    if (strange := there & (signed & ~told).any(axis=1)).any():
        block = int(np.argmax(strange))
        raise BadExport(
            f"{logs.columns.file(int(np.argmax(of == block)))}: a log of block {blocks.heights[block]} is none of its: "
            f"its logs_bloom in {where(block)} does not tell of it.",
            hint=OTHERS,
        )
    return there


def _blooms(
    logs: LogRows, of: NDArray[np.int64], blocks: int, rows: NDArray[np.bool_] | slice
) -> NDArray[np.uint8]:
    """(blocks, 256) the filters that some of the logs make; `of` (l,) are the blocks they are of."""
    many = logs.many[rows]
    topics = logs.topics[rows][np.arange(4) < many[:, None]]
    made = bloom.blooms(blocks, logs.emitter[rows], of[rows])
    return made | bloom.blooms(blocks, topics, np.repeat(of[rows], many))
