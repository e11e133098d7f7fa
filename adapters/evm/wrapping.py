"""The wrapped coin: Deposit and Withdrawal events (WETH9) that are 1:1 with the chain's coin."""

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


def wraps(logs: Logs, wrapped: Sequence[bytes], natives: Moves, tokens: Moves) -> tuple[Moves, Moves]:
    """Wraps and unwraps, and the token transfers without those that told the same again.

    wrapped  contracts of the wrapped native coin (20 bytes each)
    natives  transfers of the coin itself: wrapping by other contracts is known by them
    """
    found = stack([_events(logs, wrapped, natives, into=True), _events(logs, wrapped, natives, into=False)])
    near = np.isin(tokens.tx_id, found.tx_id)
    if not near.any():
        return found, tokens
    found, renamed = _told_once(found, tokens[near])
    return found, stack([tokens[~near], renamed])


def _events(logs: Logs, wrapped: Sequence[bytes], natives: Moves, *, into: bool) -> Moves:
    """Deposit and Withdrawal events that are 1:1 with the coin.

    Those of a known contract; of others, those in whose transaction exactly that amount of the coin came to the
    emitter (left it). Anybody can log a Deposit: without the coin it creates nothing.
    """
    what = "Deposit" if into else "Withdrawal"
    rows = logs.named(topic(what))
    ours = np.frombuffer(b"".join(wrapped), np.uint8).reshape(-1, 20)
    known = np.isin(_keys(logs.emitter[rows]), _keys(ours))
    fit = logs.shaped(rows, 2, 32)
    logs.refuse(rows[known & ~fit], f"{what} event of unknown shape")
    rows, known = rows[fit], known[fit]
    who, sound = logs.address(rows, 1)
    logs.refuse(rows[known & ~sound], f"{what} event with a topic that is no address")
    data = logs.data(rows)[0].reshape(-1, 32)
    amount = hexes.words(data.reshape(-1), np.arange(len(rows)) * 32)
    coins = natives[(natives.amount.states == KNOWN) & np.isin(natives.tx_id, logs.tx_id[rows])]
    ends = coins.target if into else coins.source
    met = np.isin(
        _keys(_wide(logs.tx_id[rows]), logs.emitter[rows], _wide(amount.limbs)),
        _keys(_wide(coins.tx_id), ends.raw, _wide(coins.amount.limbs)),
    )
    taken = sound & (known | (met & (amount.states == KNOWN)))
    rows, holder, amount = rows[taken], somebody(who[taken]), amount[taken]
    logs.refuse_wide(rows, amount, data[taken])
    source, target = (nobody(len(rows)), holder) if into else (holder, nobody(len(rows)))
    kind = TransferKind.WRAP if into else TransferKind.UNWRAP
    return logs.moves(rows, kind, AssetStandard.FUNGIBLE, source, target, amount)


def _told_once(found: Moves, tokens: Moves) -> tuple[Moves, Moves]:
    """Some wrappers log a Transfer from or to nobody beside: one movement told twice. The Transfer stays, as a wrap."""
    told, again = _keys(*_parts(tokens)), _keys(*_parts(found))
    twin = (tokens.amount.states == KNOWN) & np.isin(told, again)
    kind = np.where(tokens.source.there, TransferKind.UNWRAP, TransferKind.WRAP)
    renamed = replace(tokens, kind=np.where(twin, kind, tokens.kind).astype(np.uint8))
    return found[~np.isin(again, told[twin])], renamed


def _parts(moves: Moves) -> tuple[NDArray[np.uint8], ...]:
    return (
        _wide(moves.tx_id), moves.standard[:, None], moves.contract, moves.source.raw, moves.target.raw,
        _wide(moves.amount.limbs),
    )  # fmt: skip


def _wide(column: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Integers as rows of their bytes."""
    size = column.dtype.itemsize * (column.size // len(column) if len(column) else 1)
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), size)


def _keys(*parts: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Rows of bytes as texts that compare as a whole (the last byte keeps numpy from cutting zeros)."""
    rows = np.concatenate([*parts, np.ones((len(parts[0]), 1), np.uint8)], axis=1)
    return np.ascontiguousarray(rows).view(f"S{rows.shape[1]}").reshape(-1)
