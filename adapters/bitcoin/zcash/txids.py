"""Txids of Zcash transactions from version 5 on: a tree of BLAKE2b-256 hashes over what they do (ZIP 244, ZIP 229).

Signatures, proofs and unlocking scripts are no part of it, nor from version 6 on the anchors. Older transactions are
named by SHA-256d of all their bytes.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.wire import MOST, compact
from adapters.bitcoin.zcash import blake2b

_PERSONS = (
    "ZTxIdHeadersHash", "ZTxIdTranspaHash", "ZTxIdPrevoutHash", "ZTxIdSequencHash", "ZTxIdOutputsHash",
    "ZTxIdSaplingHash", "ZTxIdSSpendsHash", "ZTxIdSSpendCHash", "ZTxIdSSpendNHash", "ZTxIdSSpendNH_v6",
    "ZTxIdSOutputHash", "ZTxIdSOutC__Hash", "ZTxIdSOutM__Hash", "ZTxIdSOutN__Hash",
    "ZTxIdOrchardHash", "ZTxIdOrchardH_v6", "ZTxIdOrcActCHash", "ZTxIdOrcActMHash", "ZTxIdOrcActNHash",
    "ZTxIdIronwd_H_v6", "ZTxIdIrnActCH_v6", "ZTxIdIrnActMH_v6", "ZTxIdIrnActNH_v6", "ZcashTxHash_\0\0\0\0",
)  # fmt: skip
(
    _HEADERS, _TRANSPARENT, _PREVOUTS, _SEQUENCE, _OUTPUTS,
    _SAPLING, _SPENDS, _SPEND_NOTES, _SPEND_REST, _SPEND_REST_6,
    _RECEIPTS, _RECEIPT_NOTES, _RECEIPT_MEMOS, _RECEIPT_REST,
    _ORCHARD, _ORCHARD_6, _ACTION_NOTES, _ACTION_MEMOS, _ACTION_REST,
    _IRONWOOD, _IRONWOOD_NOTES, _IRONWOOD_MEMOS, _IRONWOOD_REST, _ROOT,
) = range(24)  # fmt: skip
_PERSON = np.frombuffer("".join(_PERSONS).encode(), np.uint8).reshape(-1, 16)

SPEND, RECEIPT, ACTION = 96, 756, 820
"""Bytes of a Sapling spend, a Sapling output and an Orchard action, without proofs and signatures."""


def _parts(*parts: tuple[int, int]) -> NDArray[np.int64]:
    return np.array(parts, np.int64)


# offset and size inside one of them: what a light wallet reads, its memo, the rest
_NULLIFIER = _parts((32, 32))
_CV_RK = _parts((0, 32), (64, 32))
_RECEIPT_PARTS = (_parts((32, 116)), _parts((148, 512)), _parts((0, 32), (660, 96)))
_ACTION_PARTS = (_parts((32, 32), (96, 116)), _parts((212, 512)), _parts((0, 32), (64, 32), (724, 96)))
_RECEIPT_A, _RECEIPT_B, _RECEIPT_C = _RECEIPT_PARTS
_ACTION_A, _ACTION_B, _ACTION_C = _ACTION_PARTS


def tree_txids(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Txids (n, 32) in wire order of transactions of version 5 or 6 that were walked before (`zcash.scan`)."""
    out = np.empty((len(starts), 32), np.uint8)
    _tree_txids(
        buffer, starts, ends, *blake2b.state(), np.empty(5 * 32, np.uint8), np.empty(96, np.uint8), out
    )
    return out


@nb.njit(nogil=True, cache=True)
def _records(h, block, fill, work, person, data, at, count, stride, parts, anchor, out, place):  # type: ignore[no-untyped-def]
    """Hash some parts of each of `count` records; behind the first part the 32 bytes at `anchor`, -1: none."""
    blake2b.begin(h, fill, 32, _PERSON[person])
    for i in range(count):
        for p in range(parts.shape[0]):
            blake2b.feed(h, block, fill, work, data, at + i * stride + parts[p, 0], parts[p, 1])
            if p == 0 and anchor >= 0:
                blake2b.feed(h, block, fill, work, data, anchor, 32)
    blake2b.finish(h, block, fill, work, out, place, 32)


@nb.njit(nogil=True, cache=True)
def _node(h, block, fill, work, person, hashes, count, data, at, size, out, place):  # type: ignore[no-untyped-def]
    """Hash the first `count` child hashes, and behind them `size` bytes of `data`."""
    blake2b.begin(h, fill, 32, _PERSON[person])
    blake2b.feed(h, block, fill, work, hashes, 0, 32 * count)
    blake2b.feed(h, block, fill, work, data, at, size)
    blake2b.finish(h, block, fill, work, out, place, 32)


@nb.njit(nogil=True, cache=True)
def _transparent(h, block, fill, work, data, at, end, leaves, out):  # type: ignore[no-untyped-def]
    """Second child of the root, from the count of inputs on; returns where the outputs end."""
    inputs, first = compact(data, at, end, MOST)
    for person in (_PREVOUTS, _SEQUENCE):
        blake2b.begin(h, fill, 32, _PERSON[person])
        at = first
        for _ in range(inputs):
            size, script = compact(data, at + 36, end, MOST)
            if person == _PREVOUTS:
                blake2b.feed(h, block, fill, work, data, at, 36)
            else:
                blake2b.feed(h, block, fill, work, data, script + size, 4)
            at = script + size + 4
        blake2b.finish(h, block, fill, work, leaves, 32 * (person - _PREVOUTS), 32)
    outputs, first = compact(data, at, end, MOST)
    at = first
    for _ in range(outputs):
        size, script = compact(data, at + 8, end, MOST)
        at = script + size
    blake2b.begin(h, fill, 32, _PERSON[_OUTPUTS])
    blake2b.feed(h, block, fill, work, data, first, at - first)
    blake2b.finish(h, block, fill, work, leaves, 64, 32)
    children = 3 if inputs + outputs else 0
    _node(h, block, fill, work, _TRANSPARENT, leaves, children, data, 0, 0, out, 32)
    return at


@nb.njit(nogil=True, cache=True)
def _sapling(h, block, fill, work, data, at, end, old, leaves, out):  # type: ignore[no-untyped-def]
    """Third child of the root, from the count of spends on; returns where the Sapling part ends."""
    spends, spend = compact(data, at, end, MOST)
    receipts, receipt = compact(data, spend + SPEND * spends, end, MOST)
    at = receipt + RECEIPT * receipts
    if spends + receipts == 0:
        _node(h, block, fill, work, _SAPLING, leaves, 0, data, 0, 0, out, 64)
        return at
    balance = at
    at += 8
    if spends:
        rest = _SPEND_REST if old else _SPEND_REST_6
        anchor = at if old else -1
        _records(h, block, fill, work, _SPEND_NOTES, data, spend, spends, SPEND, _NULLIFIER, -1, leaves, 0)
        _records(h, block, fill, work, rest, data, spend, spends, SPEND, _CV_RK, anchor, leaves, 32)
        at += 32
    _node(h, block, fill, work, _SPENDS, leaves, 2 if spends else 0, data, 0, 0, out, 64)
    if receipts:
        _records(
            h, block, fill, work, _RECEIPT_NOTES, data, receipt, receipts, RECEIPT, _RECEIPT_A, -1, leaves, 0
        )
        _records(
            h, block, fill, work, _RECEIPT_MEMOS, data, receipt, receipts, RECEIPT, _RECEIPT_B, -1, leaves, 32
        )
        _records(
            h, block, fill, work, _RECEIPT_REST, data, receipt, receipts, RECEIPT, _RECEIPT_C, -1, leaves, 64
        )
    _node(h, block, fill, work, _RECEIPTS, leaves, 3 if receipts else 0, data, 0, 0, leaves, 32)
    leaves[:32] = out[64:96]
    _node(h, block, fill, work, _SAPLING, leaves, 2, data, balance, 8, out, 64)
    return at + (192 + 64) * spends + 192 * receipts + 64


@nb.njit(nogil=True, cache=True)
def _actions(h, block, fill, work, data, at, end, person, first, old, leaves, out, place):  # type: ignore[no-untyped-def]
    """An Orchard-shaped child of the root; `first` of three persons of its leaves. Returns where the part ends."""
    actions, action = compact(data, at, end, MOST)
    at = action + ACTION * actions
    if actions == 0:
        _node(h, block, fill, work, person, leaves, 0, data, 0, 0, out, place)
        return at
    _records(h, block, fill, work, first, data, action, actions, ACTION, _ACTION_A, -1, leaves, 0)
    _records(h, block, fill, work, first + 1, data, action, actions, ACTION, _ACTION_B, -1, leaves, 32)
    _records(h, block, fill, work, first + 2, data, action, actions, ACTION, _ACTION_C, -1, leaves, 64)
    # flags, value balance, and the anchor in version 5
    _node(h, block, fill, work, person, leaves, 3, data, at, 41 if old else 9, out, place)
    proofs, at = compact(data, at + 41, end, MOST)
    return at + proofs + 64 * actions + 64


@nb.njit(nogil=True, cache=True)
def _tree_txids(data, starts, ends, h, block, fill, work, children, leaves, out):  # type: ignore[no-untyped-def]
    person = _PERSON[_ROOT].copy()
    for t in range(starts.shape[0]):
        start = starts[t]
        end = ends[t]
        old = data[start] == 5
        _node(h, block, fill, work, _HEADERS, leaves, 0, data, start, 20, children, 0)
        at = _transparent(h, block, fill, work, data, start + 20, end, leaves, children)
        at = _sapling(h, block, fill, work, data, at, end, old, leaves, children)
        orchard = _ORCHARD if old else _ORCHARD_6
        at = _actions(h, block, fill, work, data, at, end, orchard, _ACTION_NOTES, old, leaves, children, 96)
        if not old:
            _actions(
                h, block, fill, work, data, at, end, _IRONWOOD, _IRONWOOD_NOTES, old, leaves, children, 128
            )
        person[12:] = data[start + 8 : start + 12]  # the consensus branch
        blake2b.begin(h, fill, 32, person)
        blake2b.feed(h, block, fill, work, children, 0, 128 if old else 160)
        blake2b.finish(h, block, fill, work, out[t], 0, 32)
