"""Blocks, transactions, receipts and logs of a run of blocks, joined and checked to belong together."""

from __future__ import annotations

import numpy as np

from adapters.evm.answers import Place
from adapters.evm.blocks import Blocks
from adapters.evm.header import created
from adapters.evm.receipts import Receipts
from adapters.files.columns import Fixed
from adapters.files.exports import Exports
from adapters.files.fields import Columns
from adapters.files.heads import Heads
from adapters.files.layouts import Dataset
from adapters.files.logrows import OTHERS, LogRows, read_logs
from adapters.files.stated import logs_as_text, stated, withdrawals_as_text
from tracer.errors import BadExport

SIGNED = (0, 1, 2, 3, 4)
"""Types of transactions that somebody signs (EIP-2718, 2930, 1559, 4844, 7702): what they create is named by sender and
nonce. Those of layers 2 are not all made that way."""


def _placed(columns: Columns, what: str) -> Place:
    """What a row is called in messages: its file, what it is, its block."""
    return lambda row: (f"{columns.file(row)}: a {what} of block {columns.heights[row]}", None)


def read_blocks(exports: Exports, heads: Heads, first: int, last: int) -> tuple[Blocks, Columns]:
    """Blocks and transactions of these heights, and the columns of the transactions.

    `BadExport` where the transactions of a block are not 0, 1, 2 ...
    """
    rows = heads.rows(first, last)
    heights, counts = heads.heights[rows], heads.counts[rows]
    fields = heads.fields.at(np.arange(rows.start, rows.stop))
    txs = Columns(exports.read(Dataset.TRANSACTIONS, first, last))
    txs = txs.at(np.lexsort((txs.integers("transactionIndex"), txs.heights)))
    firsts = np.cumsum(counts) - counts
    tx_block = np.repeat(np.arange(len(heights)), counts)
    if (wrong := txs.integers("transactionIndex") != np.arange(len(txs)) - firsts[tx_block]).any():
        row = int(np.argmax(wrong))
        raise BadExport(
            f"{txs.file(row)}: transaction {row - firsts[tx_block[row]]} of block {txs.heights[row]} is missing or "
            "there twice.",
            hint="Export the transactions of this block again, whole.",
        )
    whose, whom, gwei = fields.withdrawals()
    stakes = withdrawals_as_text(
        whom.raw, gwei, lambda row: (f"a withdrawal of block {heights[whose[row]]}", None)
    )
    blocks = Blocks(
        heights, heads.hashes[rows], stated(fields, _placed(fields, "row")), firsts, counts, tx_block,
        stated(txs, _placed(txs, "transaction")), stakes, whose, np.zeros(len(heights), np.int64),
        np.zeros(len(heights), np.bool_),
    )  # fmt: skip
    return blocks, txs


def read_receipts(
    exports: Exports, blocks: Blocks, txs: Columns, first: int, last: int
) -> tuple[Receipts, LogRows]:
    """Receipts of these blocks, or what stands of them beside the transactions, and the logs."""
    fields = txs
    if exports.of(Dataset.RECEIPTS):
        fields = Columns(exports.read(Dataset.RECEIPTS, first, last))
        fields = fields.at(np.lexsort((fields.integers("transactionIndex"), fields.heights)))
        other = (fields.fixed("transactionHash", 32) != blocks.tx_hashes).any(axis=1)
        if other.any():
            row = int(np.argmax(other))
            raise BadExport(
                f"{fields.file(row)}: the receipt of transaction {row - blocks.firsts[blocks.tx_block[row]]} of block "
                f"{fields.heights[row]} is of another transaction.",
                hint=OTHERS,
            )
    _gas_adds_up(blocks, fields)
    _name_contracts(blocks, txs, fields)
    logs = read_logs(exports, blocks, first, last)
    values, topics = logs_as_text(logs, _placed(logs.columns, "log"))
    return Receipts(stated(fields, _placed(fields, "receipt")), values, logs.tx, topics), logs


def _gas_adds_up(blocks: Blocks, fields: Columns) -> None:
    """Gas of a block is that of its transactions: where the last one is missing, only this shows it."""
    gas = blocks.fields.integers("gasUsed", must=False)
    total = np.zeros(len(gas), np.int64)
    np.add.at(total, blocks.tx_block, fields.integers("gasUsed"))
    if (wrong := blocks.fields.said("gasUsed") & (total != gas)).any():
        row = int(np.argmax(wrong))
        place, _ = blocks.fields.place(row)
        raise BadExport(
            f"{place} says that it used {gas[row]} gas, and its transactions used {total[row]}.",
            hint="A transaction is missing, or of another branch: export this block again.",
        )


def _name_contracts(blocks: Blocks, txs: Columns, fields: Columns) -> None:
    """What transactions created: the address follows from sender and nonce (Yellow Paper, section 7).

    It is put in where no file names it; `BadExport` where a file names another.
    """
    named = fields.maybe("contractAddress", 20)
    raw, there = named.raw.copy(), named.there.copy()
    rows = np.flatnonzero(~txs.there("to") & np.isin(txs.integers("type", must=False), SIGNED))
    if not len(rows):
        return
    senders, nonces = blocks.txs.fixed("from", 20)[rows], txs.integers("nonce")[rows]
    for row, sender, nonce in zip(rows.tolist(), senders, nonces.tolist(), strict=True):  # few of many
        made = created(sender.tobytes(), nonce)
        if there[row] and raw[row].tobytes() != made:
            raise BadExport(
                f"{fields.file(row)}: transaction {row - blocks.firsts[blocks.tx_block[row]]} of block "
                f"{fields.heights[row]} creates the contract 0x{made.hex()}, as its sender and nonce tell, and not "
                f"0x{raw[row].tobytes().hex()}.",
                hint=OTHERS,
            )
        raw[row], there[row] = np.frombuffer(made, np.uint8), True
    fields.give("contractAddress", Fixed(raw, there))
