"""What waits in a Core-like node's mempool: asked for in batches, checked against its txids, its spends taken out."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin import layouts
from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.core.rpc import Asked, Core, understood
from adapters.http import Refused
from tracer.ledger.unconfirmed import Arrived

PORTION = 2_000
"""Transactions asked for, checked and kept at a time (P)."""
_BEFORE = (
    b"\2"
    + struct.pack("<i", 1)
    + b"\1" + bytes(32) + b"\xff" * 4 + b"\2\0\0" + b"\xff" * 4
    + b"\1" + bytes(8) + b"\0"
    + bytes(4)
)  # fmt: skip
"""A count of two transactions and a coinbase: behind it every layout reads a transaction as in a block."""


@dataclass(frozen=True)
class Mempool:
    """Txids of what waits, in wire order, and the height of the node's newest block right after."""

    present: frozenset[bytes]
    height: int


@understood
def look(core: Core) -> Mempool:
    """Ask what waits."""
    txids = frozenset(bytes.fromhex(txid)[::-1] for txid in core.ask("getrawmempool"))
    return Mempool(txids, int(core.ask("getblockcount")))


def arrivals(
    core: Core, chain: BitcoinChain, mempool: Mempool, known: Collection[bytes]
) -> Iterator[tuple[list[Arrived], int]]:
    """Portions of what is new, and how many of each are left out: not what they are called, or not to be read.

    One that leaves the mempool before it is asked for is left out without a word.
    """
    new = sorted(mempool.present - set(known))
    for at in range(0, len(new), PORTION):
        part = new[at : at + PORTION]
        told = core.each([Asked("getrawtransaction", (txid[::-1].hex(),)) for txid in part])
        there = [(txid, raw) for txid, raw in zip(part, told, strict=True) if not isinstance(raw, Refused)]
        found = list(decoded([(txid, _bytes(raw)) for txid, raw in there], chain, mempool.height + 1))
        yield found, len(there) - len(found)


def decoded(txs: Sequence[tuple[bytes, bytes]], chain: BitcoinChain, height: int) -> Iterator[Arrived]:
    """Those whose bytes are the transaction of that txid, as they would be in blocks from `height` on."""
    at = 0
    while at < len(txs):
        rest = txs[at:]
        ends = np.cumsum([len(_BEFORE) + len(raw) for _, raw in rest]).astype(np.int64)
        bodies = np.concatenate(([0], ends[:-1])).astype(np.int64)
        buffer = np.frombuffer(b"".join(_BEFORE + raw for _, raw in rest), np.uint8)
        walked = layouts.walk(buffer, bodies, ends, height, chain)
        first = np.searchsorted(walked.txin[:, 0], np.arange(len(walked.tx) + 1))
        for index, (txid, raw) in enumerate(rest[: walked.sound]):
            row = 2 * index + 1
            if walked.txids[row].tobytes() == txid:
                places = walked.txin[first[row] : first[row + 1], 1].tolist()
                yield Arrived(txid, raw, [_outpoint(buffer, place) for place in places])
        at += walked.sound + 1  # behind the one that cannot be read, or behind the last


def _outpoint(buffer: NDArray[np.uint8], place: int) -> tuple[bytes, int]:
    raw = buffer[place : place + 36].tobytes()
    return raw[:32], int.from_bytes(raw[32:], "little")


def _bytes(text: object) -> bytes:
    """Nothing where it is no hexadecimal text: nothing is no transaction."""
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        return b""
