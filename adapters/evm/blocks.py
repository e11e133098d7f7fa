"""Blocks and their transactions: whole, consecutive, one branch, with the hashes their headers have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adapters.evm import tape
from adapters.evm.answers import AGAIN, Fields, inside
from adapters.evm.header import HEADER, verified
from adapters.evm.walk import OBJECT, STRING
from tracer.chain import BLOCK_INDEX, TX_INDEX_BITS
from tracer.errors import BadBlock, SourceUnavailable

_HEIGHTS = 2**31
_BLOCK = (*HEADER, "hash", "transactions")
_TX = (
    "hash", "transactionIndex", "from", "to", "value", "input", "nonce", "type", "gasPrice", "gas", "mint",
)  # fmt: skip
_WITHDRAWAL = ("address", "amount")
_BLOCK_WORDS = tuple(dict.fromkeys(("result", "error", *_BLOCK, "uncles", "withdrawals", *_TX, *_WITHDRAWAL)))


@dataclass(frozen=True)
class Blocks:
    """A run of blocks and their transactions; rows of `txs` are in the order of the chain.

    heights      (b,) consecutive
    fields       (b,) values of the blocks
    firsts       (b,) first transaction of each; counts (b,) how many
    tx_block     (n,) row of each transaction's block
    txs          (n,) values of the transactions
    withdrawals  values of the withdrawals, in order; withdrawal_block their blocks' rows
    uncles       (b,) how many
    checked      (b,) whether the hash was made again from the header
    """

    heights: NDArray[np.int64]
    hashes: NDArray[np.uint8]
    fields: Fields
    firsts: NDArray[np.int64]
    counts: NDArray[np.int64]
    tx_block: NDArray[np.int64]
    txs: Fields
    withdrawals: Fields
    withdrawal_block: NDArray[np.int64]
    uncles: NDArray[np.int64]
    checked: NDArray[np.bool_]

    @cached_property
    def tx_ids(self) -> NDArray[np.int64]:
        """(n,) height << 24 | index."""
        index = np.arange(len(self.tx_block)) - self.firsts[self.tx_block]
        ids: NDArray[np.int64] = self.heights[self.tx_block] << TX_INDEX_BITS | index
        return ids

    @cached_property
    def tx_hashes(self) -> NDArray[np.uint8]:
        """(n, 32)."""
        return self.txs.fixed("hash", 32)

    def own_ids(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ids of what the blocks of these rows did themselves."""
        ids: NDArray[np.int64] = self.heights[rows] << TX_INDEX_BITS | BLOCK_INDEX
        return ids

    def name_trace(self, row: int) -> tuple[str, bytes | None]:
        """What the trace of a transaction is called in messages."""
        tx, digest = self.name_tx(row)
        return f"The trace of t{tx[1:]}", digest

    def name_tx(self, row: int) -> tuple[str, bytes | None]:
        """What a transaction is called in messages."""
        block = int(self.tx_block[row])
        number = f"{row - int(self.firsts[block])} of block {self.heights[block]}"
        return f"Transaction {number}", self.hashes[block].tobytes()


def read_blocks(bodies: Sequence[bytes]) -> Blocks:
    """Answers of `eth_getBlockByNumber(height, true)` as a run of blocks; errors as `adapters.evm.decode` says."""
    text = tape.read("eth_getBlockByNumber", bodies, _BLOCK_WORDS)
    text.refuse_errors()
    entries = text.find("result", OBJECT)
    heights = Fields(
        text, text.columns(entries, ("number",)), ("number",), lambda _: ("A block", None)
    ).integers("number")
    order = np.argsort(heights, kind="stable")
    heights, entries = heights[order], entries[order]
    _refuse_gaps(heights)
    fields = Fields(text, text.columns(entries, _BLOCK), _BLOCK, lambda row: (f"Block {heights[row]}", None))
    hashes = fields.fixed("hash", 32)
    fields.refuse_absent("transactions")
    named = Fields(text, fields.entries, _BLOCK, lambda row: (f"Block {heights[row]}", hashes[row].tobytes()))
    _refuse_forks(heights, hashes, named.fixed("parentHash", 32))

    row_of = text.rows(entries)
    tx_block, txs = inside(text, "transactions", row_of, heights)
    index = Fields(
        text, text.columns(txs, ("transactionIndex",)), ("transactionIndex",),
        lambda row: (f"A transaction of block {heights[tx_block[row]]}", hashes[tx_block[row]].tobytes()),
    ).integers("transactionIndex")  # fmt: skip
    order = np.lexsort((index, tx_block))
    tx_block, txs, index = tx_block[order], txs[order], index[order]
    counts = np.bincount(tx_block, minlength=len(heights))
    firsts = np.cumsum(counts) - counts
    gaps = np.flatnonzero(index != np.arange(len(txs)) - firsts[tx_block])
    if len(gaps):
        block = int(tx_block[gaps[0]])
        raise BadBlock(
            f"Block {heights[block]}: transaction {gaps[0] - firsts[block]} is missing or there twice.",
            block_hash=hashes[block].tobytes(),
        )
    withdrawal_block, withdrawals = inside(text, "withdrawals", row_of, heights)
    uncle_block = text.owners(text.find("uncles", STRING), row_of)

    def name_tx(row: int) -> tuple[str, bytes | None]:
        block = int(tx_block[row])
        return f"Transaction {row - firsts[block]} of block {heights[block]}", hashes[block].tobytes()

    def name_withdrawal(row: int) -> tuple[str, bytes | None]:
        block = int(withdrawal_block[row])
        return f"A withdrawal of block {heights[block]}", hashes[block].tobytes()

    return Blocks(
        heights, hashes, named, firsts, counts, tx_block, Fields(text, text.columns(txs, _TX), _TX, name_tx),
        Fields(text, text.columns(withdrawals, _WITHDRAWAL), _WITHDRAWAL, name_withdrawal), withdrawal_block,
        np.bincount(uncle_block[uncle_block >= 0], minlength=len(heights)),
        verified(text, entries, named.entries[:, : len(HEADER)], heights, hashes),
    )  # fmt: skip


def _refuse_gaps(heights: NDArray[np.int64]) -> None:
    wrong = np.flatnonzero(np.diff(heights) != 1)
    if len(wrong):
        raise SourceUnavailable(
            f"Blocks {heights[wrong[0]]} and {heights[wrong[0] + 1]} are not consecutive.", hint=AGAIN
        )
    if len(heights) and not 0 <= heights[0] <= heights[-1] < _HEIGHTS:
        raise BadBlock(f"Block {heights[-1]} has a height beyond 2^31.")


def _refuse_forks(heights: NDArray[np.int64], hashes: NDArray[np.uint8], parents: NDArray[np.uint8]) -> None:
    wrong = np.flatnonzero((hashes[:-1] != parents[1:]).any(axis=1))
    if len(wrong):
        raise SourceUnavailable(
            f"Block {heights[wrong[0] + 1]} does not build on the block {heights[wrong[0]]} that the node gave.",
            hint=AGAIN,
        )
