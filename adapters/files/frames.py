"""Traces of both tools as the columns that `adapters.evm.frames` makes facts of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.evm.blocks import Blocks
from adapters.evm.framecolumns import KINDS, Frames
from adapters.evm.moves import FIRST, Ends, Moves, native
from adapters.files import kernels
from adapters.files.fields import Columns
from adapters.files.rows import Rows
from adapters.files.stated import NO_TAPE
from tracer.chain import BLOCK_INDEX, TX_INDEX_BITS, TransferKind
from tracer.errors import BadExport

_GIVEN = ("reward", "genesis")
_FORKED = "daofork"
"""Types of rows that are of no transaction; ethereum-etl adds the last two on request."""
_KINDS = (
    ("CALL", "call", ("call",)), ("CREATE", "create", ()), ("CREATE2", "create2", ()), ("SELFDESTRUCT", "suicide", ()),
    ("CALLCODE", "call", ("callcode", "call_code")), ("DELEGATECALL", "call", ("delegatecall", "delegate_call")),
    ("STATICCALL", "call", ("staticcall", "static_call")),
)  # fmt: skip
"""Our kind, the type of the row, and the types of call, as ethereum-etl and as cryo spell them."""
_WRONG = {
    kernels.PATH_TWICE: "is there twice",
    kernels.PATH_GAP: "stands where calls before it are missing",
    kernels.PATH_SHORT: "made more calls than are there",
}


@dataclass(frozen=True)
class FileFrames(Frames):
    """`Frames` over columns of files."""

    columns: Columns

    def text(self, row: int) -> bytes:
        """What quarantine keeps of a frame: the file it is in."""
        return self.columns.file(row).encode()

    def raw_value(self, row: int) -> bytes:
        """The 32 bytes of a value."""
        return self.columns.uint256("value", row)


def file_frames(
    blocks: Blocks, parts: Sequence[Rows], failed_txs: NDArray[np.bool_]
) -> tuple[FileFrames, Moves]:
    """Frames of a run of blocks in order, and what the DAO fork moved; `BadExport` where one is missing or there twice.

    failed_txs  (n,) transactions known to have failed: some versions of cryo leave their frames out
    """
    columns = Columns(parts)
    own = columns.among("what", *_GIVEN, _FORKED)
    calls = columns.at(np.flatnonzero(~own))
    keys = calls.heights << TX_INDEX_BITS | calls.integers("transactionIndex")
    steps, starts = calls.paths()
    order = _tree_order(keys, steps, starts)
    failed = ~calls.among("error", "") | (calls.flags("status") == 0)
    subtraces = np.where(calls.said_whole("subtraces"), calls.integers("subtraces", must=False), -1)
    parents = np.full(len(keys), -1, np.int64)
    wrong, row = kernels.settle_frames(steps, starts, keys, order, subtraces, failed, parents)
    if wrong != kernels.PATH_SOUND:
        raise BadExport(
            f"{calls.file(row)}: a trace of transaction {keys[row] & BLOCK_INDEX} of block {calls.heights[row]} "
            f"{_WRONG[wrong]}.",
            hint="Export the traces of this block again, whole and once.",
        )
    place = np.append(np.argsort(order), -1)
    calls, keys, failed, parents = calls.at(order), keys[order], failed[order], place[parents[order]]
    tx = _transactions(blocks, calls, keys)
    created = calls.ends("created")
    target = calls.ends("to")
    target = Ends(np.where(created.there[:, None], created.raw, target.raw), created.there | target.there)
    given, forked = columns.at(_own(columns, *_GIVEN)), columns.at(_own(columns, _FORKED))
    none = np.zeros(0, np.int64)
    frames = FileFrames(
        NO_TAPE, tx, parents, np.arange(len(tx)), _kinds(calls), calls.ends("from"), target,
        calls.amounts("value", must=False), failed, none, none.astype(np.int32), none, none,
        _traced(blocks, calls, tx[parents < 0], failed_txs), np.searchsorted(blocks.heights, given.heights),
        _receivers(given), given.amounts("value"), calls,
    )  # fmt: skip
    ids = blocks.own_ids(np.searchsorted(blocks.heights, forked.heights))
    moved = native(
        TransferKind.INTERNAL, ids, FIRST, forked.ends("from"), forked.ends("to"), forked.amounts("value")
    )
    return frames, moved.but_nothing()


def _own(columns: Columns, *types: str) -> NDArray[np.int64]:
    """Rows of these types by block, uncles' rewards behind the block's."""
    rows = np.flatnonzero(columns.among("what", *types))
    order = np.lexsort((columns.among("reward", "uncle")[rows], columns.heights[rows]))
    found: NDArray[np.int64] = rows[order]
    return found


def _receivers(given: Columns) -> NDArray[np.uint8]:
    """(n, 20) whom blocks gave to: ethereum-etl writes it as the target, cryo as the source."""
    target, author = given.ends("to"), given.ends("from")
    if not (target.there | author.there).all():
        row = int(np.argmin(target.there | author.there))
        raise BadExport(f"{given.file(row)}: a reward of block {given.heights[row]} goes to nobody.")
    return np.where(target.there[:, None], target.raw, author.raw)


def _transactions(blocks: Blocks, calls: Columns, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """(f,) row of each frame's transaction."""
    tx = np.searchsorted(blocks.tx_ids, keys)
    strange = np.append(blocks.tx_ids, -1)[tx] != keys
    hashes = calls.maybe("transactionHash", 32)
    if not strange.any():
        strange = hashes.there & (hashes.raw != blocks.tx_hashes[tx]).any(axis=1) if len(tx) else strange
    if strange.any():
        row = int(np.argmax(strange))
        raise BadExport(
            f"{calls.file(row)}: a trace of block {calls.heights[row]} is of transaction {keys[row] & BLOCK_INDEX}, "
            "and its block has no such one.",
            hint="The files are of different exports: export them again.",
        )
    return tx


def _kinds(calls: Columns) -> NDArray[np.int64]:
    """(f,) places in `KINDS`; -1 where the row is of no type that is known."""
    found = np.full(len(calls), -1, np.int64)
    for name, what, how in _KINDS:
        rows = calls.among("what", what)
        found[rows & calls.among("call", *how) if how else rows] = KINDS.index(name)
    return found


def _traced(
    blocks: Blocks, calls: Columns, tops: NDArray[np.int64], failed_txs: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(b,) whether each block's calls are there; `BadExport` where some are and others not."""
    there = failed_txs.copy()
    there[tops] = True
    whole = np.bincount(blocks.tx_block, ~there, minlength=len(blocks.heights)) == 0
    some = np.bincount(blocks.tx_block[tops], minlength=len(blocks.heights)) > 0
    if (partly := some & ~whole).any():
        row = int(np.argmax(partly))
        tx = int(np.flatnonzero(~there & (blocks.tx_block == row))[0]) - int(blocks.firsts[row])
        at = int(np.argmax(calls.heights == blocks.heights[row]))
        raise BadExport(
            f"{calls.file(at)}: block {blocks.heights[row]} has no trace of its transaction {tx}.",
            hint="Export the traces of this block again, whole.",
        )
    found: NDArray[np.bool_] = whole & (some | (blocks.counts == 0))
    return found


def _tree_order(
    keys: NDArray[np.int64], steps: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Frames by (transaction, place in its call tree), where a caller stands before what it called."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # big-endian words sort as bytes the way numbers do
    text = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(keys), [None, pa.py_buffer(starts * 4), pa.py_buffer(steps.astype(">u4"))]
    )
    order = pc.sort_indices(
        pa.table({"key": keys, "path": text}), sort_keys=[("key", "ascending"), ("path", "ascending")]
    )
    found: NDArray[np.int64] = order.to_numpy().astype(np.int64)
    return found
