"""Frames of trace_block: a flat list with the path of each frame (`traceAddress`), and what the block gave.

The form is that of OpenEthereum's trace module, which Erigon, Nethermind, Reth, Besu and anvil answer as well.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.evm import hexes
from adapters.evm.answers import Fields
from adapters.evm.blocks import Blocks
from adapters.evm.framecolumns import (
    ACTION,
    ITEM,
    KINDS,
    Answers,
    Frames,
    complete,
    inherit,
    refuse_strangers,
)
from adapters.evm.moves import Ends
from adapters.evm.walk import ARRAY
from tracer.errors import BadBlock

_TYPES = ("call", "create", "suicide", "selfdestruct", "reward")
_CALLS = ("call", "callcode", "delegatecall", "staticcall")
_CALL_KIND = np.array([*map(KINDS.index, ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL")), -1])
_DEPTH = 2048


@nb.njit(nogil=True, cache=True)
def _parents(tx, depth, parents):  # type: ignore[no-untyped-def]
    """Row of the frame each one is in, out of depths in order; returns the first row that fits nowhere, or -1."""
    last = np.full(_DEPTH, -1, np.int64)
    for i in range(tx.shape[0]):
        if depth[i] >= last.shape[0]:
            return i
        if depth[i] == 0:
            parents[i] = -1
        else:
            above = last[depth[i] - 1]
            if above < 0 or tx[above] != tx[i]:
                return i
            parents[i] = above
        last[depth[i]] = i
        if depth[i] + 1 < last.shape[0]:
            last[depth[i] + 1] = -1
    return -1


def frames(blocks: Blocks, answers: Answers) -> Frames:
    """Every frame of the answers, and the rewards."""
    text = answers.tape
    items = Fields(text, answers.fields, ITEM, lambda _: ("A trace", None))
    block = items.integers("blockNumber") - (blocks.heights[0] if len(blocks.heights) else 0)
    fits = (block >= 0) & (block < len(blocks.heights))
    fits[fits] = (items.at(fits).fixed("blockHash", 32) == blocks.hashes[block[fits]]).all(axis=1)
    refuse_strangers(blocks, fits, "another block")
    type_ = hexes.choices(text, items.of("type"), _TYPES)
    given = answers.given.copy()
    given[block] = True

    gives = type_ == _TYPES.index("reward")
    rewards = Fields(
        text, text.columns(items.of("action")[gives].astype(np.int64), ACTION), ACTION,
        lambda row: (f"A reward of block {blocks.heights[block[gives][row]]}", None),
    )  # fmt: skip
    inner = np.flatnonzero(~gives)
    number = items.at(inner).integers("transactionPosition")
    refuse_strangers(blocks, number < blocks.counts[block[inner]], "more transactions")
    tx = blocks.firsts[block[inner]] + number
    order = np.argsort(tx, kind="stable")
    inner, tx = inner[order], tx[order]
    items, type_ = items.at(inner).called(lambda row: blocks.name_trace(int(tx[row]))), type_[inner]
    same = (items.fixed("transactionHash", 32) == blocks.tx_hashes[tx]).all(axis=1)
    refuse_strangers(blocks, same, "other transactions")

    entries = answers.items[inner]
    parent = _tree(blocks, answers, entries, tx)
    failed = items.said("error")
    inherit(parent, tx, failed)
    action = Fields(text, text.columns(items.of("action").astype(np.int64), ACTION), ACTION, items.place)
    kind = _kinds(answers, action, type_)
    ends = (kind == KINDS.index("SELFDESTRUCT"))[:, None]
    made = np.isin(kind, (KINDS.index("CREATE"), KINDS.index("CREATE2")))
    result = items.of("result")
    contract = np.full(len(inner), -1, np.int32)
    told = np.flatnonzero(result >= 0)
    contract[told] = text.columns(result[told].astype(np.int64), ("address",))[:, 0]
    target = np.where(made, contract, action.of("to"))
    normal = np.column_stack((action.of("from"), target, action.of("value")))
    final = np.column_stack((action.of("address"), action.of("refundAddress"), action.of("balance")))
    values = Fields(
        text, np.where(ends, final, normal).astype(np.int32), ("from", "to", "value"), items.place
    )
    none = np.zeros(0, np.int64)
    return Frames(
        text, tx, parent, text.starts[entries], kind,
        Ends(values.fixed("from", 20, must=False), values.said("from")),
        Ends(values.fixed("to", 20, must=False), values.said("to")),
        values.amounts("value", must=False), failed, entries, values.of("value"), none, none,
        complete(blocks, given, tx[parent < 0]), block[gives], rewards.fixed("author", 20), rewards.amounts("value"),
    )  # fmt: skip


def _tree(
    blocks: Blocks, answers: Answers, entries: NDArray[np.int64], tx: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(f,) row of the frame each is in. A path is as long as the frame is deep."""
    text = answers.tape
    steps = np.flatnonzero((text.keys == text.key("traceAddress")) & (text.kinds != ARRAY))
    of = text.owners(steps, text.rows(entries))
    depth = np.bincount(of[of >= 0], minlength=len(entries))
    parent = np.empty(len(entries), np.int64)
    odd = _parents(tx, depth, parent)
    if odd >= 0:
        where, digest = blocks.name_trace(int(tx[odd]))
        raise BadBlock(f"{where}: a 'traceAddress' fits nowhere.", block_hash=digest)
    return parent


def _kinds(answers: Answers, action: Fields, type_: NDArray[np.int64]) -> NDArray[np.int64]:
    """(f,) kind of each frame."""
    two = hexes.choices(answers.tape, action.of("creationMethod"), ("create2",)) == 0
    call = _CALL_KIND[hexes.choices(answers.tape, action.of("callType"), _CALLS)]
    create = np.where(two, KINDS.index("CREATE2"), KINDS.index("CREATE"))
    destroy = np.full(len(type_), KINDS.index("SELFDESTRUCT"))
    kinds: NDArray[np.int64] = np.choose(
        type_ + 1, (np.full(len(type_), -1), call, create, destroy, destroy, call)
    )
    return kinds
