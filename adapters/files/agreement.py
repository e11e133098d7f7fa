"""Files that say the same thing twice must say the same: receipts and traces, token transfers and logs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adapters.evm.blocks import Blocks
from adapters.evm.eventlogs import topic
from adapters.evm.frames import FrameRows
from adapters.evm.receipts import Receipts
from adapters.files.exports import Exports
from adapters.files.fields import Columns
from adapters.files.layouts import Dataset
from adapters.files.logrows import OTHERS, LogRows
from adapters.files.tokens import Stated, number_words
from tracer.chain import AssetStandard
from tracer.errors import BadExport


def refuse_outcomes(
    exports: Exports, blocks: Blocks, receipts: Receipts, logs: LogRows, traces: FrameRows
) -> None:
    """A failed transaction leaves no log, and its trace says that it failed; `BadExport` names both files."""
    status = np.where(receipts.fields.said("status"), receipts.fields.integers("status", must=False), -1)

    def told(tx: int, what: str) -> str:
        block = int(blocks.tx_block[tx])
        place, _ = receipts.fields.place(tx)
        return f"{place} says that transaction {tx - blocks.firsts[block]} {what}"

    if (odd := status[logs.tx] == 0).any():
        row = int(np.argmax(odd))
        raise BadExport(
            f"{told(int(logs.tx[row]), 'failed')}, and {logs.columns.file(row)} holds log {logs.index[row]} of it.",
            hint=OTHERS,
        )
    if (odd := (status >= 0) & (traces.failed >= 0) & (traces.failed == status)).any():
        tx = int(np.argmax(odd))
        file = exports.holding(Dataset.TRACES, int(blocks.heights[blocks.tx_block[tx]]))
        what, other = ("failed", "did not") if status[tx] == 0 else ("did not fail", "did")
        raise BadExport(f"{told(tx, what)}, and its trace in {file} that it {other}.", hint=OTHERS)


def refuse_contradictions(stated: Stated, blocks: Blocks, logs: LogRows, whole: NDArray[np.bool_]) -> None:
    """A token transfer that a log tells as well is that log's; `BadExport` names what differs.

    whole  (b,) blocks whose logs are all there: in these no transfer is without one

    Of a batch of ERC-1155 numbers and amounts are not compared: the log has the last word.
    """
    alone = np.ones(len(stated.columns), np.bool_)
    alone[stated.told] = False
    alone &= whole[np.searchsorted(blocks.heights, stated.columns.heights)]
    if alone.any():
        raise BadExport(
            f"{_place(stated.columns, int(np.argmax(alone)))} is of a log that is not there.", hint=OTHERS
        )
    columns = stated.columns.at(stated.told)
    rows = np.searchsorted(logs.keys, columns.heights << 32 | columns.integers("logIndex"))
    if not len(rows):
        return
    single, plain = logs.named(topic("TransferSingle"))[rows], logs.named(topic("Transfer"))[rows]
    if (alien := ~(plain | single | logs.named(topic("TransferBatch"))[rows])).any():
        row = int(np.argmax(alien))
        raise BadExport(
            f"{_place(columns, row)} is of a log that is none: see {logs.columns.file(int(rows[row]))}.",
            hint=OTHERS,
        )
    behind = np.where(plain, 0, 1)  # ERC-1155 names first who asked for it
    standard = np.select(
        [~plain, logs.many[rows] == 3, logs.many[rows] == 4],
        [AssetStandard.MULTI, AssetStandard.FUNGIBLE, AssetStandard.UNIQUE],
        stated.standard[stated.told],  # of no standard's shape, and in quarantine
    )
    differs = {
        "transaction": columns.fixed("transactionHash", 32) != blocks.tx_hashes[logs.tx[rows]],
        "contract": columns.fixed("contract", 20) != logs.emitter[rows],
        "kind of token": (stated.typed[stated.told] & (stated.standard[stated.told] != standard))[:, None],
        "sender": columns.fixed("from", 20) != logs.words(rows, behind)[:, 12:],
        "receiver": columns.fixed("to", 20) != logs.words(rows, behind + 1)[:, 12:],
        "amount": _differs(columns, logs, rows, "value", np.where(plain, 2, 4), plain | single),
        "number": _differs(columns, logs, rows, "token_id", np.where(plain, 2, 3), plain | single),
    }
    for what, where in differs.items():
        if (odd := where.any(axis=1)).any():
            row = int(np.argmax(odd))
            raise BadExport(
                f"{_place(columns, row)} has another {what} than that log in {logs.columns.file(int(rows[row]))}.",
                hint=OTHERS,
            )


def _place(columns: Columns, row: int) -> str:
    index = columns.integers("logIndex")[row]
    return f"{columns.file(row)}: the token transfer of log {index} of block {columns.heights[row]}"


def _differs(
    columns: Columns,
    logs: LogRows,
    rows: NDArray[np.int64],
    word: str,
    places: NDArray[np.int64],
    compared: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """(n, 32) where a number of the file is not the parameter of the log."""
    here = np.flatnonzero(compared & columns.there(word))
    found = np.zeros((len(rows), 32), np.bool_)
    found[here] = number_words(columns, word)[here] != logs.words(rows[here], places[here])
    return found
