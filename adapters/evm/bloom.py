"""Blooms: a header's `logsBloom` says which logs its block has, so that a node cannot leave one out, or add one.

Each address and each topic of a log sets three of 2,048 bits, taken from its Keccak-256 (Yellow Paper, section 4.4.1).
The block's hash covers the bloom.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.evm.answers import Fields
from adapters.evm.blocks import Blocks
from adapters.evm.eventlogs import TOPIC_WORDS
from adapters.evm.receipts import Receipts
from tracer.errors import SourceUnavailable

SIZE = 256
"""Bytes of a bloom."""
_RATE = 17  # words of the state that take a message (Keccak-256)


def _constants() -> NDArray[np.uint64]:
    """The 24 round constants: bits of a shift register (FIPS 202, section 3.2.5)."""
    register, found = 1, []
    for _ in range(24):
        word = 0
        for j in range(7):
            word |= (register & 1) << ((1 << j) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        found.append(word)
    return np.array(found, np.uint64)


def _path() -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Where rho and pi take the lanes: one after the other, and by how many bits each turns (sections 3.2.2, 3.2.3)."""
    x, y, lanes, turns = 1, 0, [], []
    for t in range(24):
        turns.append((t + 1) * (t + 2) // 2 % 64)
        x, y = y, (2 * x + 3 * y) % 5
        lanes.append(x + 5 * y)
    return np.array(lanes, np.int64), np.array(turns, np.uint64)


_ROUNDS = _constants()
_LANES, _TURNS = _path()


@nb.njit(nogil=True, cache=True)
def _permute(state, columns):  # type: ignore[no-untyped-def]
    """Keccak-f[1600]. `columns` is room for five words."""
    whole, one = np.uint64(64), np.uint64(1)
    for r in range(24):
        for x in range(5):
            columns[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
        for x in range(5):
            after = columns[(x + 1) % 5]
            change = columns[(x + 4) % 5] ^ (after << one | after >> np.uint64(63))
            for y in range(0, 25, 5):
                state[x + y] ^= change
        carried = state[1]
        for t in range(24):
            lane, turn = _LANES[t], _TURNS[t]
            kept = state[lane]
            state[lane] = carried << turn | carried >> (whole - turn)
            carried = kept
        for y in range(0, 25, 5):
            for x in range(5):
                columns[x] = state[x + y]
            for x in range(5):
                state[x + y] = columns[x] ^ (~columns[(x + 1) % 5] & columns[(x + 2) % 5])
        state[0] ^= _ROUNDS[r]


@nb.njit(nogil=True, cache=True)
def _add(values, rows, blooms):  # type: ignore[no-untyped-def]
    """Set the bits of each value (n, up to 135 bytes) in the bloom of its row."""
    width = values.shape[1]
    state, columns = np.empty(25, np.uint64), np.empty(5, np.uint64)
    for i in range(values.shape[0]):
        state[:] = 0
        for k in range(width):
            state[k >> 3] ^= np.uint64(values[i, k]) << np.uint64(8 * (k & 7))
        state[width >> 3] ^= np.uint64(1) << np.uint64(8 * (width & 7))
        state[_RATE - 1] ^= np.uint64(1) << np.uint64(63)
        _permute(state, columns)
        for pair in range(3):
            two = state[0] >> np.uint64(16 * pair)
            bit = ((two & np.uint64(255)) << np.uint64(8) | two >> np.uint64(8) & np.uint64(255)) & np.uint64(
                2047
            )
            blooms[rows[i], SIZE - 1 - np.int64(bit >> np.uint64(3))] |= np.uint8(1) << np.uint8(
                bit & np.uint64(7)
            )


def blooms(count: int, values: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(count, 256) blooms; `values` (n, w) are addresses or topics, `rows` (n,) the bloom each belongs to."""
    found = np.zeros((count, SIZE), np.uint8)
    _add(np.ascontiguousarray(values), rows, found)
    return found


def refuse_other_logs(blocks: Blocks, receipts: Receipts) -> None:
    """`SourceUnavailable` where a block's logs are not those its header speaks of.

    A bloom that the block's hash does not vouch for (`Blocks.checked`) may be anything; but where it speaks of logs,
    there must be one. Transactions from nobody are the chain's own (Polygon's state sync): no bloom has their logs.
    """
    said = blocks.fields.said("logsBloom")
    if not said.any():
        return
    header = blocks.fields.fixed("logsBloom", SIZE, must=False)
    block = blocks.tx_block[receipts.log_tx]
    senders: NDArray[np.uint8] = blocks.txs.fixed("from", 20)[receipts.log_tx]
    own = ~np.asarray(senders.any(axis=1))
    by_people, by_chain = (_of_logs(blocks, receipts, block, which) for which in (~own, own))
    none = np.bincount(block, minlength=len(blocks.heights)) == 0
    left_out = (header & ~(by_people | by_chain)).any(axis=1) & (blocks.checked | none)
    added = (by_people & ~header).any(axis=1) & blocks.checked
    wrong = said & (left_out | added)
    if wrong.any():
        row = int(np.argmax(wrong))
        what = "leaves out logs that its header has" if left_out[row] else "has logs that its header has not"
        raise SourceUnavailable(
            f"Block {blocks.heights[row]}: the node {what} (logsBloom).", hint="Ask again, or another node."
        )


def _of_logs(
    blocks: Blocks, receipts: Receipts, block: NDArray[np.int64], which: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """(b, 256) the blooms of some logs."""
    rows, logs = block[which], receipts.logs.at(which)
    found = blooms(len(blocks.heights), logs.fixed("address", 20), rows)
    topics = Fields(logs.tape, receipts.topics[which], TOPIC_WORDS, logs.place)
    for word in TOPIC_WORDS:
        there = topics.said(word)
        found |= blooms(len(found), topics.at(there).fixed(word, 32), rows[there])
    return found
