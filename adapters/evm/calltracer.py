"""Frames of callTracer (debug_traceBlockByNumber): trees, one for each transaction, in the block's order.

The form is that of go-ethereum's native callTracer. `withLog` adds the logs of each frame, with the number of calls
that came before them (`position`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adapters.evm import hexes
from adapters.evm.answers import AGAIN, Fields
from adapters.evm.blocks import Blocks
from adapters.evm.framecolumns import FRAME, ITEM, KINDS, Answers, Frames, complete, inherit, refuse_strangers
from adapters.evm.moves import Ends
from adapters.evm.walk import OBJECT
from tracer.errors import BadBlock, SourceUnavailable


def frames(blocks: Blocks, answers: Answers) -> Frames:
    """Every frame of the answers."""
    text = answers.tape
    roots, root_tx = _roots(blocks, answers)
    nested = text.find("calls", OBJECT)
    entries = np.concatenate((roots, nested))
    order = np.argsort(entries)
    entries = entries[order]
    tx = np.concatenate((root_tx, np.full(len(nested), -1)))[order]
    parent = np.where(tx >= 0, -1, text.owners(entries, text.rows(entries)))
    values = text.columns(entries, FRAME)
    failed = values[:, FRAME.index("error")] >= 0
    if ((tx < 0) & (parent < 0)).any():
        raise BadBlock("A trace has calls that are inside no frame.")
    inherit(parent, tx, failed)
    fields = Fields(text, values, FRAME, lambda row: blocks.name_trace(int(tx[row])))
    kind = hexes.choices(text, fields.of("type"), KINDS)
    log_tx, log_order = _logs(answers, entries, parent, tx, failed)
    none = np.zeros(0, np.int64)
    return Frames(
        text, tx, parent, text.starts[entries], kind,
        Ends(fields.fixed("from", 20, must=False), fields.said("from")),
        Ends(fields.fixed("to", 20, must=False), fields.said("to")),
        fields.amounts("value", must=False), failed, entries, fields.of("value"), log_tx, log_order,
        complete(blocks, answers.given, root_tx), none, np.zeros((0, 20), np.uint8),
        fields.amounts("value", must=False)[none],
    )  # fmt: skip


def _roots(blocks: Blocks, answers: Answers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Entries of the outermost frames, and rows of their transactions."""
    block, number = answers.block, answers.number
    if (block < 0).any():
        raise SourceUnavailable(
            "A trace is of no block that was asked for: its id is not the height.", hint=AGAIN
        )
    refuse_strangers(blocks, number < blocks.counts[block], "more transactions")
    tx = blocks.firsts[block] + number
    items = Fields(answers.tape, answers.fields, ITEM, lambda row: blocks.name_trace(int(tx[row])))
    roots = items.of("result").astype(np.int64)
    if len(roots) and roots.min() < 0:
        row = int(np.argmin(roots))
        why = int(items.of("error")[row])
        said = f": {answers.tape.said(why)}" if why >= 0 else ""
        raise SourceUnavailable(
            f"{items.place(row)[0]} could not be made{said}.", hint="Ask again, or another node."
        )
    told = items.said("txHash")
    same = (items.fixed("txHash", 32, must=False) == blocks.tx_hashes[tx]).all(axis=1)
    refuse_strangers(blocks, same | ~told, "other transactions")
    short = np.bincount(block, minlength=len(blocks.heights)) < blocks.counts
    refuse_strangers(blocks, told | ~short[block], "fewer transactions")
    return roots, tx


def _logs(
    answers: Answers,
    entries: NDArray[np.int64],
    parent: NDArray[np.int64],
    tx: NDArray[np.int64],
    failed: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Transactions of the logs told, and their places: behind the end of the last call before, or their frame's start.

    Logs of failed frames never came to be (go-ethereum leaves them out, others do not).
    """
    text = answers.tape
    logs = text.find("logs", OBJECT)
    frame = text.owners(logs, text.rows(entries))
    where = text.columns(logs, ("position",))
    kept = (frame >= 0) & (where[:, 0] >= 0)
    kept[kept] = ~failed[frame[kept]]
    frame, where = frame[kept], np.ascontiguousarray(where[kept, 0])
    try:
        before = hexes.integers(text, where)
    except hexes.Odd:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    calls = np.argsort(parent, kind="stable")
    first = np.searchsorted(parent[calls], frame)
    before = np.minimum(before, np.searchsorted(parent[calls], frame, "right") - first)
    last = entries[calls[np.maximum(first + before - 1, 0)]] if len(calls) else frame
    return tx[frame], np.where(before > 0, text.ends[last], text.starts[entries[frame]])
