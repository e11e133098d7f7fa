"""Logs as columns: found by topic 0 and shape, decoded only where something asks for them.

A topic 0 is Keccak-256 of the event's signature (contract ABI specification). What has a standard's topic 0 and not
its shape is quarantined by name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adapters.evm.amounts import WIDE, Amounts
from adapters.evm.answers import Fields
from adapters.evm.blocks import Blocks
from adapters.evm.moves import Ends, Moves, Quarantine, somebody
from adapters.evm.receipts import Receipts
from tracer.chain import AssetStandard, TransferKind
from tracer.errors import BadBlock

SIGNATURES = {
    "Transfer": "Transfer(address,address,uint256)",  # ERC-20, ERC-721
    "TransferSingle": "TransferSingle(address,address,address,uint256,uint256)",  # ERC-1155
    "TransferBatch": "TransferBatch(address,address,address,uint256[],uint256[])",
    "Approval": "Approval(address,address,uint256)",  # ERC-20, ERC-721
    "ApprovalForAll": "ApprovalForAll(address,address,bool)",  # ERC-721, ERC-1155
    "Deposit": "Deposit(address,uint256)",  # WETH9
    "Withdrawal": "Withdrawal(address,uint256)",
}
TOPICS = {
    "Transfer": "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
    "TransferSingle": "c3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62",
    "TransferBatch": "4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb",
    "Approval": "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
    "ApprovalForAll": "17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31",
    "Deposit": "e1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c",
    "Withdrawal": "7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65",
}
"""Topic 0 of each signature."""
TOPIC_WORDS = ("topic 0", "topic 1", "topic 2", "topic 3")


def topic(name: str) -> bytes:
    """Topic 0 of an event of that name."""
    return bytes.fromhex(TOPICS[name])


def between(
    logs: Logs, rows: NDArray[np.int64], first: int, what: str
) -> tuple[NDArray[np.int64], Ends, Ends]:
    """The rows whose topics `first` and the next are addresses, and these; others are quarantined."""
    source, sound = logs.address(rows, first)
    target, also = logs.address(rows, first + 1)
    sound &= also
    logs.refuse(rows[~sound], f"{what} event with a topic that is no address")
    return rows[sound], somebody(source[sound]), somebody(target[sound])


class Logs:
    """The logs as columns; what is asked of some rows is decoded for those only."""

    def __init__(
        self, blocks: Blocks, receipts: Receipts, order: NDArray[np.int64], quarantine: Quarantine
    ) -> None:
        self.blocks, self.fields, self.quarantine = blocks, receipts.logs, quarantine
        self.tx, self.tx_id, self.order = receipts.log_tx, blocks.tx_ids[receipts.log_tx], order
        self.index = self.fields.integers("logIndex")
        again = (np.diff(self.tx) == 0) & (np.diff(self.index) <= 0)
        if again.any() or (len(self.index) and self.index.max() >= 1 << 31):
            name, digest = self.fields.place(int(np.argmax(again)))
            raise BadBlock(f"{name}: the log after it has no higher 'logIndex'.", block_hash=digest)
        self.emitter = self.fields.fixed("address", 20)
        self.topics = Fields(self.fields.tape, receipts.topics, TOPIC_WORDS, self.fields.place)
        self.count = (receipts.topics >= 0).sum(axis=1)
        self.topic0 = self.topics.fixed("topic 0", 32, must=False)
        entries = self.fields.of("data")
        self.size = np.where(
            entries >= 0, (self.fields.tape.ends - self.fields.tape.starts)[entries] // 2 - 1, 0
        )

    def named(self, topic: bytes) -> NDArray[np.int64]:
        """Rows of that topic 0."""
        words = self.topic0.view(np.uint64)
        rows = np.flatnonzero((words[:, 0] == np.frombuffer(topic[:8], np.uint64)) & (self.count > 0))
        same: NDArray[np.int64] = rows[(self.topic0[rows] == np.frombuffer(topic, np.uint8)).all(axis=1)]
        return same

    def shaped(self, rows: NDArray[np.int64], topics: int, size: int | None) -> NDArray[np.bool_]:
        """(rows,) where there are so many topics and bytes of data."""
        fit: NDArray[np.bool_] = self.count[rows] == topics
        return fit if size is None else fit & (self.size[rows] == size)

    def data(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Data of the rows, and (n + 1,) offsets."""
        return self.fields.at(rows).strings("data", must=False)

    def address(self, rows: NDArray[np.int64], topic: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(n, 20) the address in a topic, and (n,) where it is one: the bytes before it are zeros."""
        words = self.word(rows, topic)
        fit: NDArray[np.bool_] = ~np.asarray(words[:, :12].any(axis=1))
        return np.ascontiguousarray(words[:, 12:]), fit

    def word(self, rows: NDArray[np.int64], topic: int, *, must: bool = True) -> NDArray[np.uint8]:
        """(n, 32) a topic."""
        return self.topics.at(rows).fixed(TOPIC_WORDS[topic], 32, must=must)

    def refuse(self, rows: NDArray[np.int64], what: str) -> None:
        """Quarantine logs: reason, topics and data."""
        if not len(rows):
            return
        data, offsets = self.data(rows)
        topics = np.concatenate([self.word(rows, number, must=False) for number in range(4)], axis=1)
        for at, row in enumerate(rows.tolist()):
            text, count = data[offsets[at] : offsets[at + 1]].tobytes(), int(self.count[row])
            reason = f"{what} ({count} topics, {len(text)} bytes of data)"
            raw = topics[at, : 32 * count].tobytes() + text
            self.quarantine.add(int(self.tx_id[row]), self.place(row), reason, raw)

    def refuse_wide(self, rows: NDArray[np.int64], amount: Amounts, words: NDArray[np.uint8]) -> None:
        """Quarantine the amounts of more than 38 digits; `words` (n, 32) are all of them as they stand."""
        for at in np.flatnonzero(amount.states == WIDE).tolist():
            row = int(rows[at])
            self.quarantine.add(
                int(self.tx_id[row]), self.place(row), "an amount of more than 38 digits", words[at].tobytes()
            )

    def place(self, row: int) -> str:
        """What quarantine calls a log."""
        return f"transaction 0x{self.blocks.tx_hashes[self.tx[row]].tobytes().hex()} log {self.index[row]}"

    def moves(
        self, rows: NDArray[np.int64], kind: TransferKind, standard: AssetStandard, source: Ends, target: Ends,
        amount: Amounts, token_id: NDArray[np.uint8] | None = None,
    ) -> Moves:  # fmt: skip
        """Transfers that these rows tell."""
        count = len(rows)
        return Moves(
            self.tx_id[rows], self.order[rows], np.full(count, kind, np.uint8), np.full(count, standard, np.uint8),
            self.emitter[rows], np.zeros((count, 32), np.uint8) if token_id is None else token_id,
            source, target, amount, self.index[rows],
        )  # fmt: skip
