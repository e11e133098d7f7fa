"""Logs -> token transfers, wrapping, approvals, and the events that bridges, swaps and mixers need.

Whoever deploys a contract can log what he likes: a row here says what a contract claims about its own asset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.evm import amounts, hexes
from adapters.evm.blocks import Blocks
from adapters.evm.eventlogs import Logs, between, topic
from adapters.evm.moves import Moves, Quarantine, Ties, somebody, stack
from adapters.evm.receipts import Receipts
from adapters.evm.wrapping import wraps
from tracer.chain import AssetStandard, RelationKind, TransferKind
from tracer.ledger.accounts.batch import schemas

if TYPE_CHECKING:
    import pyarrow as pa


@nb.njit(nogil=True, cache=True)
def _number(data, at):  # type: ignore[no-untyped-def]
    """A 32-byte word as an integer below 2^40, -1 where it is greater: no log is as long."""
    for k in range(27):
        if data[at + k]:
            return -1
    value = 0
    for k in range(27, 32):
        value = value << 8 | data[at + k]
    return value


@nb.njit(nogil=True, cache=True)
def _arrays(data, offsets, counts, ids, values):  # type: ignore[no-untyped-def]
    """Read two `uint256[]` out of each log's data: how many pairs it has (-1: it is no such thing), and where they are.

    ids, values  places of the words, one log's after the other's
    """
    n = 0
    for i in range(offsets.shape[0] - 1):
        at, size = offsets[i], offsets[i + 1] - offsets[i]
        counts[i] = -1
        if size < 128 or size % 32:
            continue
        first, second = _number(data, at), _number(data, at + 32)
        if first % 32 or second % 32 or first < 64 or second < 64 or first + 32 > size or second + 32 > size:
            continue
        many, same = _number(data, at + first), _number(data, at + second)
        if many < 0 or many != same or first + 32 + 32 * many > size or second + 32 + 32 * many > size:
            continue
        counts[i] = many
        for k in range(many):
            ids[n], values[n] = at + first + 32 + 32 * k, at + second + 32 + 32 * k
            n += 1
    return n


@dataclass(frozen=True)
class LogRows:
    """What the logs of a run of blocks say."""

    moves: list[Moves]
    ties: Ties
    events: pa.Table


def read_logs(
    wrapped: Sequence[bytes],
    blocks: Blocks,
    receipts: Receipts,
    order: NDArray[np.int64],
    wanted: frozenset[bytes],
    quarantine: Quarantine,
) -> LogRows:
    """Rows of all logs.

    wrapped  contracts of the wrapped native coin
    order    (l,) place of each log in the execution of its transaction
    wanted   topics 0 of the events to keep
    """
    logs = Logs(blocks, receipts, order, quarantine)
    tokens = stack([*_transfers(logs), _singles(logs), _batches(logs)])
    return LogRows([*wraps(logs, wrapped, tokens)], _approvals(logs), _events(logs, wanted))


def _transfers(logs: Logs) -> list[Moves]:
    """ERC-20: two indexed addresses and the amount. ERC-721: the token id is indexed as well."""
    rows = logs.named(topic("Transfer"))
    fungible, unique = logs.shaped(rows, 3, 32), logs.shaped(rows, 4, 0)
    logs.refuse(rows[~fungible & ~unique], "Transfer event of unknown shape")
    some, source, target = between(logs, rows[fungible], 1, "Transfer")
    data = logs.data(some)[0].reshape(-1, 32)
    amount = hexes.words(data.reshape(-1), np.arange(len(some)) * 32)
    logs.refuse_wide(some, amount, data)
    one, giver, taker = between(logs, rows[unique], 1, "Transfer")
    return [
        logs.moves(some, TransferKind.TOKEN, AssetStandard.FUNGIBLE, source, target, amount),
        logs.moves(
            one, TransferKind.TOKEN, AssetStandard.UNIQUE, giver, taker, amounts.constant(1, len(one)),
            logs.word(one, 3),
        ),
    ]  # fmt: skip


def _singles(logs: Logs) -> Moves:
    rows = logs.named(topic("TransferSingle"))
    fit = logs.shaped(rows, 4, 64)
    logs.refuse(rows[~fit], "TransferSingle event of unknown shape")
    rows, source, target = between(logs, rows[fit], 2, "TransferSingle")
    data = logs.data(rows)[0].reshape(-1, 64)
    amount = hexes.words(data.reshape(-1), np.arange(len(rows)) * 64 + 32)
    logs.refuse_wide(rows, amount, data[:, 32:])
    token_id = np.ascontiguousarray(data[:, :32])
    return logs.moves(rows, TransferKind.TOKEN, AssetStandard.MULTI, source, target, amount, token_id)


def _batches(logs: Logs) -> Moves:
    rows = logs.named(topic("TransferBatch"))
    fit = logs.shaped(rows, 4, None)
    data, offsets = logs.data(rows[fit])
    many = np.empty(int(fit.sum()), np.int64)
    ids, values = np.empty((2, len(data) // 32), np.int64)
    count = _arrays(data, offsets, many, ids, values)
    ids, values = ids[:count], values[:count]
    fit[fit] = many >= 0
    logs.refuse(rows[~fit], "TransferBatch event of unknown shape")
    sound = rows[fit]
    source, one = logs.address(sound, 2)
    target, other = logs.address(sound, 3)
    logs.refuse(sound[~(one & other)], "TransferBatch event with a topic that is no address")
    of = np.repeat(np.arange(len(sound)), many[many >= 0])
    kept = (one & other)[of]
    of, ids, values = of[kept], ids[kept], values[kept]
    step = np.arange(32)
    amount = hexes.words(data, values)
    logs.refuse_wide(sound[of], amount, data[values[:, None] + step])
    return logs.moves(
        sound[of], TransferKind.TOKEN, AssetStandard.MULTI, somebody(source[of]), somebody(target[of]), amount,
        data[ids[:, None] + step],
    )  # fmt: skip


def _approvals(logs: Logs) -> Ties:
    """Who lets whom spend: more than nothing, a token of its own, everything. What ends an approval is not in here."""
    taken = []
    for what, topics, size in (("Approval", 3, 32), ("Approval", 4, 0), ("ApprovalForAll", 3, 32)):
        rows = logs.named(topic(what))
        fit = logs.shaped(rows, topics, size)
        if size and what == "Approval":
            logs.refuse(rows[~fit & ~logs.shaped(rows, 4, 0)], f"{what} event of unknown shape")
        elif size:
            logs.refuse(rows[~fit], f"{what} event of unknown shape")
        rows, owner, spender = between(logs, rows[fit], 1, what)
        given = logs.data(rows)[0].reshape(-1, 32).any(axis=1) if size else spender.there
        taken.append((rows[given], owner.raw[given], spender.raw[given]))
    rows, giver, receiver = (np.concatenate(columns) for columns in zip(*taken, strict=True))
    return Ties(
        logs.tx_id[rows], logs.order[rows], logs.index[rows],
        np.full(len(rows), RelationKind.APPROVAL, np.uint8), giver, receiver, logs.emitter[rows],
    )  # fmt: skip


def _events(logs: Logs, wanted: frozenset[bytes]) -> pa.Table:
    """The wanted events, whole."""
    import pyarrow as pa

    found = [logs.named(code) for code in sorted(wanted)]
    rows = np.sort(np.concatenate(found)) if found else np.zeros(0, np.int64)
    data, offsets = logs.data(rows)
    others = np.empty((len(rows), 3, 32), np.uint8)
    for k in range(3):
        others[:, k] = logs.word(rows, k + 1, must=False)
    there = np.arange(1, 4) < logs.count[rows][:, None]
    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(there.sum(axis=1) * 32)))
    size = pa.binary(32)
    return pa.table(
        [
            logs.tx_id[rows], logs.index[rows].astype(np.int32),
            pa.Array.from_buffers(pa.binary(20), len(rows), [None, pa.py_buffer(logs.emitter[rows])]),
            pa.Array.from_buffers(size, len(rows), [None, pa.py_buffer(logs.topic0[rows])]),
            _variable(others[there].reshape(-1), ends), _variable(data, offsets),
        ],
        schema=schemas()["events"],
    )  # fmt: skip


def _variable(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
