"""Traces as columns: frames in the order in which they were entered, and which blocks the answers are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.evm import hexes, tape
from adapters.evm.amounts import Amounts
from adapters.evm.answers import AGAIN
from adapters.evm.blocks import Blocks
from adapters.evm.moves import Ends
from adapters.evm.tape import Tape
from adapters.evm.walk import NUMBER, OBJECT, ROOT
from tracer.errors import SourceUnavailable

KINDS = ("CALL", "CREATE", "CREATE2", "SELFDESTRUCT", "CALLCODE", "DELEGATECALL", "STATICCALL")
"""Kinds of frames, by their place in here."""
MOVING, CREATES = (0, 1, 2, 3), (1, 2)
"""Those that move the coin to others, and those that make a contract."""
ITEM = (
    "result", "action", "error", "type", "txHash", "blockNumber", "blockHash", "transactionHash", "transactionPosition",
)  # fmt: skip
"""Values of what stands in the list of an answer."""
FRAME = ("type", "from", "to", "value", "error")
"""Values of a frame of callTracer."""
ACTION = (
    "from",
    "to",
    "value",
    "callType",
    "creationMethod",
    "address",
    "refundAddress",
    "balance",
    "author",
)
"""Values of an action of trace_block."""
_WORDS = tuple(dict.fromkeys((*ITEM, *FRAME, *ACTION, "id", "calls", "logs", "position", "traceAddress")))


@nb.njit(nogil=True, cache=True)
def inherit(parents, tx, failed):  # type: ignore[no-untyped-def]
    """What a frame is in decides whose it is and whether it counts; parents come first."""
    for i in range(parents.shape[0]):
        if parents[i] >= 0:
            tx[i] = tx[parents[i]]
            failed[i] |= failed[parents[i]]


@dataclass(frozen=True)
class Frames:
    """Frames of a run of blocks.

    tx       (f,) row of the transaction; parent (f,) row of the frame it is in, -1 outermost
    order    (f,) place in the execution: where it stands in the text
    kind     (f,) of `KINDS`, -1 none of them
    failed   (f,) it failed, or a frame around it
    entries  (f,) where it stands on the tape; value_entries (f,) its value
    log_tx, log_order  (k,) logs that the trace tells, and where they stand among the frames
    traced   (b,) whether there is a trace of every transaction
    reward_block, reward_to, reward  what blocks gave
    """

    tape: Tape
    tx: NDArray[np.int64]
    parent: NDArray[np.int64]
    order: NDArray[np.int64]
    kind: NDArray[np.int64]
    source: Ends
    target: Ends
    values: Amounts
    failed: NDArray[np.bool_]
    entries: NDArray[np.int64]
    value_entries: NDArray[np.int32]
    log_tx: NDArray[np.int64]
    log_order: NDArray[np.int64]
    traced: NDArray[np.bool_]
    reward_block: NDArray[np.int64]
    reward_to: NDArray[np.uint8]
    reward: Amounts

    def text(self, row: int) -> bytes:
        """A frame as it was answered."""
        entry = self.entries[row]
        return self.tape.text[self.tape.starts[entry] : self.tape.ends[entry]].tobytes()

    def raw_value(self, row: int) -> bytes:
        """The 32 bytes of a value."""
        return hexes.uint256(self.tape, int(self.value_entries[row]))


@dataclass(frozen=True)
class Answers:
    """The lists of a run of answers.

    items  (i,) what stands in them; fields (i, len(ITEM)) its values; block (i,) row of the block its answer is of, -1
           where the id of the answer is the height of none; number (i,) its place in its list
    given  (b,) whether there is an answer for the block
    """

    tape: Tape
    items: NDArray[np.int64]
    fields: NDArray[np.int32]
    block: NDArray[np.int64]
    number: NDArray[np.int64]
    given: NDArray[np.bool_]


def read_answers(blocks: Blocks, bodies: Sequence[bytes]) -> Answers:
    """The lists. An error is no answer, except for a block without transactions: some nodes do not trace those."""
    text = tape.read("debug_traceBlockByNumber (or trace_block)", bodies, _WORDS)
    answers = np.flatnonzero((text.keys == ROOT) & (text.kinds == OBJECT))
    found = text.columns(answers, ("id", "result"))
    named = np.where((found[:, 0] >= 0) & (text.kinds[found[:, 0]] == NUMBER), found[:, 0], -1).astype(
        np.int32
    )
    try:
        row = hexes.integers(text, named) - (blocks.heights[0] if len(blocks.heights) else 0)
    except hexes.Odd as odd:
        raise SourceUnavailable(f"A trace has the id {text.said(odd.entry)!r}, no height.") from None
    row[(named < 0) | (row < 0) | (row >= len(blocks.heights))] = -1
    empty = (found[:, 1] < 0) & (row >= 0)
    empty[empty] = blocks.counts[row[empty]] == 0
    text.refuse_errors(but=frozenset(answers[empty].tolist()))
    given = np.zeros(len(blocks.heights), np.bool_)
    given[row[row >= 0]] = True

    rows = text.rows(answers)
    items = text.find("result", OBJECT)
    owner = text.owners(items, rows)
    items, owner = items[owner >= 0], owner[owner >= 0]
    lists = text.parents[items]
    number = np.arange(len(items)) - np.searchsorted(lists, lists)
    return Answers(text, items, text.columns(items, ITEM), row[owner], number, given)


def refuse_strangers(blocks: Blocks, fits: NDArray[np.bool_], what: str) -> None:
    """`SourceUnavailable` where a trace is of something else than the blocks."""
    if not fits.all():
        raise SourceUnavailable(f"A trace is of {what} than the blocks {_range(blocks)} have.", hint=AGAIN)


def complete(blocks: Blocks, given: NDArray[np.bool_], tops: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(b,) whether every transaction of the block has its outermost frame; `tops` (t,) are the transactions' rows."""
    times = np.bincount(tops, minlength=len(blocks.tx_block))
    refuse_strangers(blocks, times <= 1, "a transaction traced twice, which is more")
    missing = np.bincount(blocks.tx_block[times == 0], minlength=len(blocks.heights))
    whole: NDArray[np.bool_] = given & (missing == 0)
    return whole


def _range(blocks: Blocks) -> str:
    return f"{blocks.heights[0]} to {blocks.heights[-1]}" if len(blocks.heights) else "(none)"
