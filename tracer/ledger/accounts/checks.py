"""What only the ledger can check of a turn of an account chain: that its tables are of one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracer.chain import BLOCK_INDEX, TX_INDEX_BITS, AssetStandard, first_tx_id, tx_height
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.loading import Refused, column

if TYPE_CHECKING:
    import pyarrow as pa

_PARTS = {"transfers": "position", "relations": "position", "events": "log_index"}
_OF_CONTRACTS = [AssetStandard.FUNGIBLE, AssetStandard.UNIQUE, AssetStandard.MULTI]
_OF_TOKENS = [AssetStandard.UNIQUE, AssetStandard.MULTI, AssetStandard.TRC10]


class Units:
    """The transactions of a turn and the tails of its blocks, in the order of the chain.

    ids      (u,) int64: `tx_id` of each; a tail is what no transaction did (`BLOCK_INDEX`)
    firsts   for each table of the batch (u + 1,) int64: its rows in each unit
    """

    def __init__(self, batch: AccountBatch) -> None:
        rows = {part: column(getattr(batch, part), "tx_id") for part in ("txs", *_PARTS)}
        rows["blocks"] = column(batch.blocks, "height").astype(np.int64) << TX_INDEX_BITS | BLOCK_INDEX
        self.ids: NDArray[np.int64] = np.sort(np.concatenate((rows["txs"], rows["blocks"])))
        self.firsts: dict[str, NDArray[np.int64]] = {
            part: np.append(np.searchsorted(of, self.ids), len(of)).astype(np.int64)
            for part, of in rows.items()
        }


Problem = tuple[int, bool, str]
"""A `tx_id` of the block, whether that transaction itself is meant, and what is wrong."""


def check(batch: AccountBatch, units: Units) -> None:
    """Raise `Refused` for the first block whose parts do not fit together."""
    # where the blocks themselves are wrong, so is what is said of their rows; what comes before is checked again
    problems = _heights(batch) or [*_hashes(batch), *_txs(batch)]
    if not problems:
        problems = _assets(batch.transfers)
        for part, position in _PARTS.items():
            problems += _rows(part[:-1], getattr(batch, part), position, units)
    if not problems:
        return
    heights = column(batch.blocks, "height")
    tx_id, of_tx, reason = min(problems)
    if not heights[0] <= tx_height(tx_id) <= heights[-1]:  # rows of a block that is not there
        of_tx, tx_id = False, first_tx_id(int(np.clip(tx_height(tx_id), heights[0], heights[-1])))
    at = int(np.searchsorted(column(batch.txs, "tx_id"), tx_id))
    named = of_tx and at < batch.txs.num_rows and batch.txs.column("tx_id")[at].as_py() == tx_id
    raise Refused(tx_id, batch.txs.column("txid")[at].as_py() if named else None, reason)


def _first(bad: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(bad)) if bad.any() else None


def _heights(batch: AccountBatch) -> list[Problem]:
    heights = column(batch.blocks, "height").astype(np.int64)
    first = int(heights[0])
    at = _first(heights != first + np.arange(len(heights)))
    if at is None:
        return []
    return [(first_tx_id(first + at), False, f"it says height {heights[at]}, and {first + at} was next")]


def _hashes(batch: AccountBatch) -> list[Problem]:
    """Each block follows the one before it."""
    import pyarrow.compute as pc

    hashes = batch.blocks.column("hash").slice(0, batch.blocks.num_rows - 1)
    at = _first(pc.not_equal(hashes, batch.blocks.column("prev_hash").slice(1)).to_numpy())
    if at is None:
        return []
    height = int(column(batch.blocks, "height")[at + 1])
    return [(first_tx_id(height), False, "it does not follow the block before it")]


def _txs(batch: AccountBatch) -> list[Problem]:
    """Each block has the transactions it counts, each once and in order."""
    said, found = column(batch.blocks, "tx_count"), column(batch.txs, "tx_id")
    first = int(column(batch.blocks, "height")[0])
    block = (found >> TX_INDEX_BITS) - first
    outside = (block < 0) | (block >= len(said))
    if (row := _first(outside)) is not None:
        height = tx_height(int(found[row]))
        return [(int(found[row]), False, f"a transaction of height {height} came with it, and no such block")]
    have = np.bincount(block, minlength=len(said))
    if (at := _first(have != said)) is not None:
        reason = f"it counts {said[at]} transactions and has {have[at]}"
        return [(first_tx_id(first + at), False, reason)]
    before = np.repeat(np.cumsum(have) - have, have)
    heights = np.repeat(first + np.arange(len(have), dtype=np.int64), have)
    row = _first(found != heights << TX_INDEX_BITS | np.arange(len(found)) - before)
    if row is None:
        return []
    reason = "its transactions are not in order, or there twice"
    return [(first_tx_id(int(heights[row])), False, reason)]


def _rows(what: str, rows: pa.Table, position: str, units: Units) -> list[Problem]:
    """Each row is of a transaction that is there, in order, at a position of its own."""
    problems: list[Problem] = []
    tx_id, place = column(rows, "tx_id"), column(rows, position)
    at = np.searchsorted(units.ids, tx_id)
    there = np.append(units.ids, np.int64(-1))[at] == tx_id
    if (row := _first(~there)) is not None:
        problems.append(
            (
                int(tx_id[row]),
                False,
                f"a {what} is of transaction {int(tx_id[row]) & BLOCK_INDEX} of it, which is not there",
            )
        )
    ahead = (tx_id[1:] < tx_id[:-1]) | (tx_id[1:] == tx_id[:-1]) & (place[1:] <= place[:-1])
    if (row := _first(ahead)) is not None:
        problems.append((int(tx_id[row + 1]), True, f"has {what}s out of order, or two at one {position}"))
    return problems


def _assets(transfers: pa.Table) -> list[Problem]:
    """What moved is an asset there can be, and not less than nothing of it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    tx_id = column(transfers, "tx_id")
    problems: list[Problem] = []
    if (found := impossible_asset(transfers)) is not None:
        problems.append((int(tx_id[found[0]]), True, f"moves {found[1]}"))
    amounts = transfers.column("amount")
    negative = pc.fill_null(pc.less(amounts, pa.scalar(0, amounts.type)), False).to_numpy()
    if (row := _first(negative)) is not None:
        problems.append((int(tx_id[row]), True, "moves a negative amount"))
    return problems


def impossible_asset(rows: pa.Table) -> tuple[int, str] | None:
    """The first row whose standard, contract and token_id do not go together, and what it names instead."""
    standard = column(rows, "standard")
    for name, having in (("contract", _OF_CONTRACTS), ("token_id", _OF_TOKENS)):
        there = rows.column(name).is_valid().to_numpy()
        wrong = (there != np.isin(standard, having)) | (standard > max(AssetStandard))
        if (row := _first(wrong)) is not None:
            shown = "with" if there[row] else "without"
            return row, f"an asset of standard {standard[row]} {shown} a {name.replace('_', ' ')}"
    return None
