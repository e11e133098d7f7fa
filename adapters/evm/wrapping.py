"""The wrapped coin: Deposit and Withdrawal events (WETH9) of the contracts pinned for the chain, 1:1 with its coin.

Anybody can log a Deposit, and keep the coin that came with it: of other contracts these events move nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from adapters.evm import hexes
from adapters.evm.amounts import KNOWN
from adapters.evm.eventlogs import Logs, topic
from adapters.evm.moves import Moves, nobody, somebody, stack
from tracer.chain import AssetStandard, TransferKind


def wraps(logs: Logs, wrapped: Sequence[bytes], tokens: Moves) -> tuple[Moves, Moves]:
    """Wraps and unwraps, and the token transfers without those that told the same again.

    wrapped  contracts of the wrapped native coin (20 bytes each)
    """
    found = stack([_events(logs, wrapped, into=True), _events(logs, wrapped, into=False)])
    near = np.isin(tokens.tx_id, found.tx_id)
    if not near.any():
        return found, tokens
    found, renamed = _told_once(found, tokens[near])
    return found, stack([tokens[~near], renamed])


def _events(logs: Logs, wrapped: Sequence[bytes], *, into: bool) -> Moves:
    """Deposit and Withdrawal events of the wrapped coin."""
    what = "Deposit" if into else "Withdrawal"
    rows = logs.named(topic(what))
    ours = np.frombuffer(b"".join(wrapped), np.uint8).reshape(-1, 20)
    rows = rows[np.isin(_keys(logs.emitter[rows]), _keys(ours))]
    fit = logs.shaped(rows, 2, 32)
    logs.refuse(rows[~fit], f"{what} event of unknown shape")
    rows = rows[fit]
    who, sound = logs.address(rows, 1)
    logs.refuse(rows[~sound], f"{what} event with a topic that is no address")
    rows, holder = rows[sound], somebody(who[sound])
    data = logs.data(rows)[0].reshape(-1, 32)
    amount = hexes.words(data.reshape(-1), np.arange(len(rows)) * 32)
    logs.refuse_wide(rows, amount, data)
    source, target = (nobody(len(rows)), holder) if into else (holder, nobody(len(rows)))
    kind = TransferKind.WRAP if into else TransferKind.UNWRAP
    return logs.moves(rows, kind, AssetStandard.FUNGIBLE, source, target, amount)


def _told_once(found: Moves, tokens: Moves) -> tuple[Moves, Moves]:
    """Some wrappers log a Transfer from or to nobody beside: one movement told twice. The Transfer stays, as a wrap.

    As many of each are the same as there are of both: two Deposits beside one Transfer are two movements.
    """
    told, again = _counted(_keys(*_parts(tokens))), _counted(_keys(*_parts(found)))
    known = tokens.amount.states == KNOWN
    twin = known & np.isin(told, again)
    kind = np.where(tokens.source.there, TransferKind.UNWRAP, TransferKind.WRAP)
    renamed = replace(tokens, kind=np.where(twin, kind, tokens.kind).astype(np.uint8))
    return found[~np.isin(again, told[twin])], renamed


def _counted(keys: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """The keys, each with how many of its kind came before it."""
    order = np.argsort(keys, kind="stable")
    placed = keys[order]
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.searchsorted(placed, placed)
    return _keys(keys.view(np.uint8).reshape(len(keys), keys.dtype.itemsize), _wide(rank))


def _parts(moves: Moves) -> tuple[NDArray[np.uint8], ...]:
    return (
        _wide(moves.tx_id), moves.standard[:, None], moves.contract, moves.source.raw, moves.target.raw,
        moves.amount.states[:, None], _wide(moves.amount.limbs),
    )  # fmt: skip


def _wide(column: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Integers as rows of their bytes."""
    size = column.dtype.itemsize * (column.size // len(column) if len(column) else 1)
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), size)


def _keys(*parts: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Rows of bytes as texts that compare as a whole (the last byte keeps numpy from cutting zeros)."""
    rows = np.concatenate([*parts, np.ones((len(parts[0]), 1), np.uint8)], axis=1)
    return np.ascontiguousarray(rows).view(f"S{rows.shape[1]}").reshape(-1)
