"""A run of blocks out of exported files -> one batch, by the code that reads a node's answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from adapters.evm.blocks import Blocks
from adapters.evm.chains import EvmChain, Fees
from adapters.evm.decode import UNCHECKED, assemble
from adapters.evm.frames import AFTER_FRAMES, FrameRows, frame_rows, untraced
from adapters.evm.moves import Moves, Quarantine
from adapters.evm.receipts import Receipts
from adapters.files.agreement import refuse_contradictions, refuse_outcomes
from adapters.files.exports import Exports
from adapters.files.frames import file_frames
from adapters.files.heads import Heads
from adapters.files.joined import read_blocks, read_receipts
from adapters.files.layouts import Dataset
from adapters.files.logrows import refuse_missing
from adapters.files.tokens import stated_tokens
from tracer.ledger.accounts.batch import AccountBatch

UNTRACED = "the files hold no traces of them: internal transfers were not read"
NO_LOGS = (
    "the files hold no logs: token transfers are as token_transfers states them; wrapping, approvals and the events of "
    "bridges, swaps and mixers are not read"
)
UNTOLD_LOGS = "no logs_bloom tells of their logs: whether all of them are there is not known"
OWN_EXPORT = (
    "they are files of `tracer export`: approvals and opening balances are not in them, and of other events only those "
    "that were kept"
)
NO_MINTS = "what deposits from layer 1 brought is not told by these files"
UNTYPED = "neither token_transfers nor a log tells collectibles from amounts: numbers of collectibles stand as amounts"
NO_WITHDRAWALS = "the files do not say what stake was returned"
NO_REWARDS = "the rewards of blocks that name uncles, or may, are not told: they need traces"
"""What files may lack, as notes say it."""
DEPOSIT = 0x7E
"""Type of a deposit on the OP stack: a node tells what it brought in `mint`, which no tool writes."""


@dataclass(frozen=True)
class Facts:
    """A batch, and what its files do not tell: sentence -> of how many blocks it holds."""

    batch: AccountBatch
    notes: Mapping[str, int]


def facts(
    exports: Exports, chain: EvmChain, heads: Heads, first: int, last: int, wanted: frozenset[bytes]
) -> Facts:
    """Everything the files say of these blocks; `BadExport` names file, column and block of what cannot be."""
    quarantine = Quarantine()
    rows = heads.rows(first, last)
    blocks, txs = read_blocks(exports, heads, first, last)
    receipts, logs = read_receipts(exports, blocks, txs, first, last)
    whole = refuse_missing(exports, blocks, logs, first, last)
    traces, forked = _traces(exports, chain, blocks, receipts, first, last, quarantine)
    refuse_outcomes(exports, blocks, receipts, logs, traces)
    paid_for = np.array([chain.reward(height) > 0 for height in blocks.heights.tolist()], np.bool_)
    unrewarded = paid_for & ~traces.told & (heads.uncles[rows] != 0)
    traces = replace(
        traces,
        told=traces.told | unrewarded,
        # transfers that files state have no place among the logs but their index
        log_order=np.full(len(receipts.log_tx), AFTER_FRAMES),
    )
    tokens = stated_tokens(exports.read(Dataset.TOKEN_TRANSFERS, first, last), blocks, logs, quarantine)
    refuse_contradictions(tokens, blocks, logs, whole)
    made = assemble(
        chain, blocks, receipts, traces, quarantine, wanted=wanted, stated=[*forked, tokens.moves]
    )
    notes = Counter(made.notes)
    del notes[UNCHECKED]
    notes[UNTRACED] = int((~traces.traced).sum())
    notes[_logs_note(exports)] = int(((blocks.counts > 0) & ~whole).sum())
    minted = blocks.tx_block[blocks.txs.integers("type", must=False) == DEPOSIT]
    notes[NO_MINTS] = len(np.unique(minted)) if chain.fees is Fees.OP_STACK else 0
    notes[UNTYPED] = int(tokens.untyped.sum())
    notes[NO_REWARDS] = int(unrewarded.sum())
    notes[NO_WITHDRAWALS] = 0 if heads.fields.has("withdrawals") else len(blocks.heights)
    return Facts(made.batch, +notes)


def _logs_note(exports: Exports) -> str:
    """What to say of blocks whose logs are not known to be all there."""
    if any("token_type" in file.columns for file in exports.of(Dataset.TOKEN_TRANSFERS)):
        return OWN_EXPORT
    return UNTOLD_LOGS if exports.has(Dataset.LOGS) else NO_LOGS


def _traces(
    exports: Exports,
    chain: EvmChain,
    blocks: Blocks,
    receipts: Receipts,
    first: int,
    last: int,
    quarantine: Quarantine,
) -> tuple[FrameRows, list[Moves]]:
    """What the traces of these blocks say, and what the DAO fork moved."""
    if not exports.has(Dataset.TRACES):
        return untraced(blocks, receipts), []
    failed = receipts.fields.said("status") & (receipts.fields.integers("status", must=False) == 0)
    frames, forked = file_frames(blocks, exports.read(Dataset.TRACES, first, last), failed)
    return frame_rows(chain, blocks, receipts, frames, quarantine), [forked]
