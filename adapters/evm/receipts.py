"""Receipts and logs: one receipt for each transaction of the blocks they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.evm import tape
from adapters.evm.answers import AGAIN, Fields, inside
from adapters.evm.blocks import Blocks
from adapters.evm.tape import Tape
from adapters.evm.walk import ARRAY, OBJECT
from tracer.errors import BadBlock, SourceUnavailable

_RECEIPT = (
    "blockHash", "blockNumber", "transactionHash", "transactionIndex", "status", "root", "gasUsed", "effectiveGasPrice",
    "contractAddress", "blobGasUsed", "blobGasPrice", "l1Fee", "operatorFeeScalar", "operatorFeeConstant",
    "logs",
)  # fmt: skip
_LOG = ("address", "topics", "data", "logIndex")
_RECEIPT_WORDS = ("result", "error", *_RECEIPT, *_LOG)


@dataclass(frozen=True)
class Receipts:
    """Receipts in the order of the transactions, and their logs in order.

    fields   (n,) values of the receipts, rows as in `Blocks.txs`
    logs     (l,) values of the logs
    log_tx   (l,) row of each log's transaction
    topics   (l, 4) entries of the topics, -1 where there are fewer
    """

    fields: Fields
    logs: Fields
    log_tx: NDArray[np.int64]
    topics: NDArray[np.int32]


def read_receipts(blocks: Blocks, bodies: Sequence[bytes]) -> Receipts:
    """Answers of `eth_getBlockReceipts` or `eth_getTransactionReceipt`, one receipt for each transaction."""
    text = tape.read("eth_getBlockReceipts", bodies, _RECEIPT_WORDS)
    text.refuse_errors()
    entries = text.find("result", OBJECT)
    raw = Fields(text, text.columns(entries, _RECEIPT), _RECEIPT, lambda _: ("A receipt", None))
    raw.refuse_absent("logs")
    block = raw.integers("blockNumber") - (blocks.heights[0] if len(blocks.heights) else 0)
    index = raw.integers("transactionIndex")
    inside = (block >= 0) & (block < len(blocks.heights))
    inside[inside] = index[inside] < blocks.counts[block[inside]]
    inside[inside] = (raw.at(inside).fixed("blockHash", 32) == blocks.hashes[block[inside]]).all(axis=1)
    row = np.where(inside, blocks.firsts[block * inside] + index, 0) if len(blocks.heights) else block * 0
    if not inside.all():
        odd = int(np.argmin(inside))
        raise SourceUnavailable(
            f"A receipt is of transaction {index[odd]} of another block than was asked for"
            f" ({text.said(int(raw.of('blockHash')[odd]))}).",
            hint=AGAIN,
        )
    times = np.bincount(row, minlength=len(blocks.tx_block))
    if (times != 1).any():
        odd = int(np.argmax(times != 1))
        many = "no receipt" if times[odd] == 0 else f"{times[odd]} receipts"
        raise SourceUnavailable(f"{blocks.name_tx(odd)[0]} has {many}.", hint=AGAIN)
    order = np.empty(len(row), np.int64)
    order[row] = np.arange(len(row))

    def name(row: int) -> tuple[str, bytes | None]:
        tx, digest = blocks.name_tx(row)
        return f"Receipt of t{tx[1:]}", digest

    fields = raw.at(order).called(name)
    wrong = np.flatnonzero((fields.fixed("transactionHash", 32) != blocks.tx_hashes).any(axis=1))
    if len(wrong):
        raise SourceUnavailable(f"{name(int(wrong[0]))[0]} is of another transaction.", hint=AGAIN)
    return Receipts(fields, *_logs(blocks, text, entries[order]))


def _logs(
    blocks: Blocks, text: Tape, entries: NDArray[np.int64]
) -> tuple[Fields, NDArray[np.int64], NDArray[np.int32]]:
    """The logs of receipts: their values, transactions and topics."""
    log_tx, logs = inside(text, "logs", text.rows(entries), blocks.heights)
    order = np.argsort(log_tx, kind="stable")
    log_tx, logs = log_tx[order], logs[order]
    topics = np.full((len(logs), 4), -1, np.int32)
    found = np.flatnonzero((text.keys == text.key("topics")) & (text.kinds != ARRAY))
    log_of = text.owners(found, text.rows(logs))
    rank = found - text.parents[found] - 1  # strings follow their list one by one

    def name(row: int) -> tuple[str, bytes | None]:
        tx, digest = blocks.name_tx(int(log_tx[row]))
        return f"A log of t{tx[1:]}", digest

    fields = Fields(text, text.columns(logs, _LOG), _LOG, name)
    fields.refuse_absent("topics")
    fields.refuse_absent("data")
    odd = np.flatnonzero((rank > 3) | (log_of < 0))
    if len(odd):
        where, digest = name(int(log_of[odd[0]])) if log_of[odd[0]] >= 0 else ("A log", None)
        raise BadBlock(f"{where} has no list of up to four topics.", block_hash=digest)
    topics[log_of, rank] = found
    return fields, log_tx, topics
