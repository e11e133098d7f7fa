"""What blocks of a Core-like node spend, as it tells it: `/rest/spenttxouts` (Core 30) or prevouts in `getblock 3`.

REST's form is that of Bitcoin Core's rest.cpp: for each transaction of the block, the coinbase with none, the outputs
it spends in the order of its inputs, each as on the wire: amount (8 bytes, little-endian) and locking script.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np

from adapters.bitcoin.entry import BitcoinChain
from adapters.bitcoin.prevouts import NOT_TOLD, spends, with_spent
from adapters.bitcoin.wire import MOST, compact
from tracer.ledger.batch import UtxoBatch

Told = bytes | Sequence[tuple[int, bytes]] | None
"""Of one block: REST's bytes, or value and script of each, or nothing."""


@nb.njit(nogil=True, cache=True)
def _read(data, at, end, counts, most, values, places):  # type: ignore[no-untyped-def]
    """Whether `data` from `at` to `end` holds exactly the spent outputs of transactions with so many inputs."""
    txs, at = compact(data, at, end, MOST)
    if at < 0 or txs != counts.shape[0]:
        return False
    row = 0
    for t in range(txs):
        coins, at = compact(data, at, end, MOST)
        if at < 0 or coins != counts[t]:
            return False
        for _ in range(coins):
            if at + 8 > end:
                return False
            value = np.int64(0)
            for i in range(8):
                value |= np.int64(data[at + i]) << (8 * i)
            length, at = compact(data, at + 8, end, MOST)
            if at < 0 or length > end - at or value < 0 or value > most:
                return False
            values[row] = value
            places[row, 0] = at
            places[row, 1] = length
            row += 1
            at += length
    return at == end


def tell(batch: UtxoBatch, told: Sequence[Told], chain: BitcoinChain) -> tuple[UtxoBatch, int | None]:
    """The batch with what its blocks spend, and the first block whose spent outputs do not fit its inputs.

    told   of each block of the batch, in order
    What is not told stays unknown.
    """
    found = spends(batch)
    txs = batch.blocks.column("tx_count").to_numpy().astype(np.int64)
    last_tx = np.cumsum(txs)
    first_row = np.concatenate(([0], np.cumsum(found.counts)))
    values = np.full(found.count, NOT_TOLD, np.int64)
    places = np.zeros((found.count, 2), np.int64)
    pieces: list[bytes] = []
    free = 0
    for block, (each, start, end) in enumerate(zip(told, last_tx - txs, last_tx, strict=True)):
        rows = slice(int(first_row[start]), int(first_row[end]))
        if each is None:
            continue
        if isinstance(each, bytes):
            data = np.frombuffer(each, np.uint8)
            counts = found.counts[start:end]
            if not _read(data, 0, len(data), counts, chain.max_money, values[rows], places[rows]):
                return batch, block
            pieces.append(each)
            size = len(each)
        else:
            if len(each) != rows.stop - rows.start:
                return batch, block
            scripts = [script for _, script in each]
            lengths = np.array([len(script) for script in scripts], np.int64)
            values[rows] = [value for value, _ in each]
            places[rows] = np.column_stack((np.cumsum(lengths) - lengths, lengths)).reshape(-1, 2)
            pieces += scripts
            size = int(lengths.sum())
        places[rows, 0] += free
        free += size
    buffer = np.frombuffer(b"".join(pieces), np.uint8)
    return with_spent(batch, values, buffer, places, chain), None
