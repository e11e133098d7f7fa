"""Call frames -> transfers inside transactions, contracts created, rewards: of callTracer and of trace_block alike.

Only frames that succeeded moved anything, and a frame inside a failed one did not. CALLCODE, DELEGATECALL and
STATICCALL run another's code on one's own account: they move nothing to others. The outermost frame is the transaction
itself. Both forms are read into the same columns, so that they cannot give different transfers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.evm import calltracer, traceblock
from adapters.evm.amounts import ABSENT, WIDE
from adapters.evm.blocks import Blocks
from adapters.evm.chains import By, EvmChain
from adapters.evm.framecolumns import CREATES, ITEM, KINDS, MOVING, Frames, read_answers
from adapters.evm.moves import FIRST, Ends, Moves, Quarantine, Ties, all_of, native, nobody
from adapters.evm.receipts import Receipts
from tracer.chain import RelationKind, TransferKind
from tracer.errors import SourceUnavailable

AFTER_FRAMES = 1 << 60
"""`order` of the first log where the trace does not say where logs stand: frames have their place in the text."""
UNKNOWN_END = (
    "a contract destroyed itself in its own favour: whether this chain burnt its coins is not known here"
)
"""Reason in the quarantine."""
_DESTROY, _UNKNOWN = KINDS.index("SELFDESTRUCT"), -1


@dataclass(frozen=True)
class FrameRows:
    """What the traces of a run of blocks say.

    moves      transfers inside transactions
    ties       contracts that contracts created
    failed     (n,) of each transaction: 1 it failed, 0 it did not, -1 no trace says
    traced     (b,) whether everything that moved inside the block was told
    log_order  (l,) place of each log in the execution of its transaction
    rewards    what blocks gave, as a trace tells it; told (b,) whether one does
    """

    moves: Moves
    ties: Ties
    failed: NDArray[np.int8]
    traced: NDArray[np.bool_]
    log_order: NDArray[np.int64]
    rewards: Moves
    told: NDArray[np.bool_]


def untraced(blocks: Blocks, receipts: Receipts) -> FrameRows:
    """What is known where no node traces."""
    none = np.zeros(0, np.int64)
    addresses, nothing = np.zeros((0, 20), np.uint8), np.zeros(len(blocks.heights), np.bool_)
    moves = native(
        TransferKind.INTERNAL, none, 0, nobody(0), nobody(0), receipts.fields.amounts("gasUsed")[none]
    )
    return FrameRows(
        moves, Ties(none, none, none, none.astype(np.uint8), addresses, addresses, addresses),
        np.full(len(blocks.tx_block), -1, np.int8), nothing, AFTER_FRAMES + np.arange(len(receipts.log_tx)), moves,
        nothing,
    )  # fmt: skip


def read_traces(
    chain: EvmChain, blocks: Blocks, receipts: Receipts, bodies: Sequence[bytes], quarantine: Quarantine
) -> FrameRows:
    """Rows of all traces; errors as `adapters.evm.decode` says."""
    answers = read_answers(blocks, bodies)
    flat = answers.fields[:, ITEM.index("action")] >= 0
    if flat.any() and not flat.all():
        raise SourceUnavailable("Traces of two forms in one list.", hint="Ask another node.")
    frames = (traceblock if flat.any() else calltracer).frames(blocks, answers)
    return frame_rows(chain, blocks, receipts, frames, quarantine)


def frame_rows(
    chain: EvmChain, blocks: Blocks, receipts: Receipts, frames: Frames, quarantine: Quarantine
) -> FrameRows:
    """Rows of frames, wherever they were read from."""
    tx_id = blocks.tx_ids[frames.tx]
    done = ~frames.failed
    created = done & np.isin(frames.kind, CREATES) & frames.target.there
    inner = frames.parent >= 0
    moving = done & inner & np.isin(frames.kind, MOVING)
    told = frames.source.there & frames.target.there & (frames.values.states != ABSENT)
    dark = done & ((frames.kind == _UNKNOWN) | (moving & ~told))
    for row in np.flatnonzero(dark).tolist():
        text = frames.text(row)
        quarantine.add(
            int(tx_id[row]), _place(blocks, frames, row), "a frame that does not say what it moved", text
        )
    traced = frames.traced.copy()
    traced[blocks.tx_block[frames.tx[dark]]] = False

    rows = np.flatnonzero(moving & told & ~frames.values.nothing())
    rows, target, open_ = _burnt(chain, blocks, frames, rows, created)
    values = frames.values[rows]
    for reason, which in (("an amount of more than 38 digits", values.states == WIDE), (UNKNOWN_END, open_)):
        for row in rows[which].tolist():
            quarantine.add(int(tx_id[row]), _place(blocks, frames, row), reason, frames.raw_value(row))
    values.limbs[open_], values.states[open_] = 0, ABSENT
    moves = native(
        TransferKind.INTERNAL,
        tx_id[rows],
        frames.order[rows],
        frames.source[rows],
        target,
        values,
    )
    made = np.flatnonzero(created & inner & frames.source.there)
    kinds = np.where(frames.kind[made] == KINDS.index("CREATE2"), RelationKind.CREATE2, RelationKind.CREATE)
    ties = Ties(
        tx_id[made], frames.order[made], np.full(len(made), -1, np.int64), kinds.astype(np.uint8),
        frames.source.raw[made], frames.target.raw[made], np.zeros((len(made), 20), np.uint8),
    )  # fmt: skip
    failed = np.full(len(blocks.tx_block), -1, np.int8)
    failed[frames.tx[~inner]] = frames.failed[~inner]
    rewards = native(
        TransferKind.REWARD, blocks.own_ids(frames.reward_block), FIRST + np.arange(len(frames.reward_block)),
        nobody(len(frames.reward_block)), all_of(frames.reward_to), frames.reward,
    )  # fmt: skip
    rewarded = np.bincount(frames.reward_block, minlength=len(blocks.heights)) > 0
    return FrameRows(
        moves, ties, failed, traced, _log_order(frames, receipts), rewards.but_nothing(), rewarded
    )


def _place(blocks: Blocks, frames: Frames, row: int) -> str:
    tx = int(frames.tx[row])
    number = row - int(np.flatnonzero(frames.tx == tx)[0])
    return f"transaction 0x{blocks.tx_hashes[tx].tobytes().hex()} frame {number}"


def _burnt(
    chain: EvmChain, blocks: Blocks, frames: Frames, rows: NDArray[np.int64], created: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], Ends, NDArray[np.bool_]]:
    """A contract that destroys itself in its own favour: its coins are gone; since EIP-6780 only if this transaction
    created it, else nothing moves. The rows that are left, their targets, and where it is not known how much is gone.
    """
    target = frames.target[rows]
    own = (frames.kind[rows] == _DESTROY) & (frames.source.raw[rows] == target.raw).all(axis=1)
    if not own.any():
        return rows, target, own
    fresh = {(int(frames.tx[k]), frames.target.raw[k].tobytes()) for k in np.flatnonzero(created)}
    young = np.array([(int(frames.tx[k]), frames.source.raw[k].tobytes()) in fresh for k in rows])
    rule = _eip6780(chain, blocks)[blocks.tx_block[frames.tx[rows]]]
    kept = ~own | young | (rule != 1)
    return rows[kept], Ends(target.raw[kept], (target.there & ~own)[kept]), (own & ~young & (rule < 0))[kept]


def _eip6780(chain: EvmChain, blocks: Blocks) -> NDArray[np.int64]:
    """(b,) 1 EIP-6780 is in force, 0 it is not, -1 not known: it came with blob gas, which some chains leave out."""
    fork = chain.eip6780
    if fork is None:
        return np.where(blocks.fields.said("blobGasUsed"), 1, -1)
    at = blocks.heights if fork.by is By.HEIGHT else blocks.fields.integers("timestamp")
    return (at >= fork.first).astype(np.int64)


def _log_order(frames: Frames, receipts: Receipts) -> NDArray[np.int64]:
    """Where the trace tells logs (callTracer, withLog) as many as the receipt has: there. Else behind all frames."""
    count = len(receipts.log_tx)
    order: NDArray[np.int64] = AFTER_FRAMES + np.arange(count)
    if not len(frames.log_tx):
        return order
    sorting = np.lexsort((np.arange(len(frames.log_tx)), frames.log_order, frames.log_tx))
    many = int(max(frames.log_tx.max(), receipts.log_tx.max(initial=-1))) + 1
    same = np.bincount(frames.log_tx, minlength=many) == np.bincount(receipts.log_tx, minlength=many)
    order[same[receipts.log_tx]] = frames.log_order[sorting][same[frames.log_tx[sorting]]]
    return order
