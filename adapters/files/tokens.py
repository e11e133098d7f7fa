"""Token transfers that a file states itself, beside or without the logs they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.evm.amounts import ABSENT, KNOWN, WIDE, Amounts, constant
from adapters.evm.blocks import Blocks
from adapters.evm.frames import AFTER_FRAMES
from adapters.evm.moves import Moves, Quarantine, somebody
from adapters.files.fields import Columns
from adapters.files.logrows import LogRows
from adapters.files.rows import Rows
from tracer.chain import AssetStandard, TransferKind
from tracer.errors import BadExport

STANDARDS = {"ERC20": AssetStandard.FUNGIBLE, "ERC721": AssetStandard.UNIQUE, "ERC1155": AssetStandard.MULTI}
"""Words of the column `token_type` that `tracer export` adds; without it a transfer is taken for one of units."""


@dataclass(frozen=True)
class Stated:
    """Token transfers of files.

    moves     those that no log tells
    told      rows of `columns` that a log tells too
    standard  (n,) the kind of token; typed (n,) where the files say it
    untyped   (b,) whether nothing says what kind of token moved, of the blocks
    """

    moves: Moves
    columns: Columns
    told: NDArray[np.int64]
    standard: NDArray[np.uint8]
    typed: NDArray[np.bool_]
    untyped: NDArray[np.bool_]


def stated_tokens(parts: Sequence[Rows], blocks: Blocks, logs: LogRows, quarantine: Quarantine) -> Stated:
    """Transfers that files state, of blocks whose transactions and logs are all given; logs have the last word."""
    columns = Columns(parts)
    keys = columns.heights << 32 | columns.integers("logIndex")
    told = np.isin(keys, logs.keys)
    standard, typed = _standards(columns, parts), ~_unsaid(columns, parts)
    _refuse_twice(columns, keys, standard != AssetStandard.MULTI)
    rows = np.flatnonzero(~told)
    alone = columns.at(rows)
    untyped = np.zeros(len(blocks.heights), np.bool_)
    untyped[np.searchsorted(blocks.heights, alone.heights[~typed[rows]])] = True
    moves = _moves(alone, standard[rows], blocks, quarantine)
    return Stated(moves, columns, np.flatnonzero(told), standard, typed, untyped)


def _moves(columns: Columns, standard: NDArray[np.uint8], blocks: Blocks, quarantine: Quarantine) -> Moves:
    tx = _transactions(columns, blocks)
    unique, many = standard == AssetStandard.UNIQUE, standard == AssetStandard.MULTI
    value, number = columns.amounts("value", must=False), columns.amounts("token_id", must=False)
    # ethereum-etl has the number of a collectible where the amount of others stands
    by_value = unique & (number.states == ABSENT)
    if (nameless := np.where(by_value, value.states, number.states)[unique | many] == ABSENT).any():
        row = int(np.flatnonzero(unique | many)[int(np.argmax(nameless))])
        raise BadExport(f"{columns.file(row)}: a token of block {columns.heights[row]} has no number.")
    token_id = np.where(by_value[:, None], number_words(columns, "value"), number_words(columns, "token_id"))
    token_id[~(unique | many)] = 0
    one = constant(1, len(columns))
    amount = Amounts(
        np.where(unique[:, None], one.limbs, value.limbs), np.where(unique, one.states, value.states)
    )
    index = columns.integers("logIndex")
    for row in np.flatnonzero(amount.states != KNOWN).tolist():
        place = f"transaction 0x{blocks.tx_hashes[tx[row]].tobytes().hex()} log {index[row]}"
        wide = amount.states[row] == WIDE
        reason = "an amount of more than 38 digits" if wide else "the file holds no amount"
        raw = columns.uint256("value", row) if wide else b""
        quarantine.add(int(blocks.tx_ids[tx[row]]), place, reason, raw)
    count = len(columns)
    return Moves(
        blocks.tx_ids[tx], np.full(count, AFTER_FRAMES), np.full(count, TransferKind.TOKEN, np.uint8), standard,
        columns.fixed("contract", 20), token_id, somebody(columns.fixed("from", 20)),
        somebody(columns.fixed("to", 20)), amount, index,
    )  # fmt: skip


def _transactions(columns: Columns, blocks: Blocks) -> NDArray[np.int64]:
    """(n,) row of each one's transaction, by its hash; `BadExport` where its block has no such one."""
    wanted = columns.fixed("transactionHash", 32)
    known, prefix = _prefix(blocks.tx_hashes), _prefix(wanted)
    order = np.argsort(known, kind="stable")
    known = known[order]
    at = np.searchsorted(known, prefix)
    found = np.zeros(len(wanted), np.int64)
    rows = np.arange(len(wanted))
    # hashes with the same first bytes stand together: on to the next until all 32 are equal
    while len(rows):
        ended = np.append(known, 0)[at[rows]] != prefix[rows]
        ended |= at[rows] >= len(known)
        if ended.any():
            raise _stray(columns, int(rows[int(np.argmax(ended))]), wanted)
        here = order[at[rows]]
        same = (blocks.tx_hashes[here] == wanted[rows]).all(axis=1)
        found[rows[same]] = here[same]
        rows = rows[~same]
        at[rows] += 1
    if (wrong := blocks.heights[blocks.tx_block[found]] != columns.heights).any():
        raise _stray(columns, int(np.argmax(wrong)), wanted)
    return found


def _prefix(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    found: NDArray[np.uint64] = np.ascontiguousarray(hashes[:, :8]).view(np.uint64).reshape(-1)
    return found


def _stray(columns: Columns, row: int, wanted: NDArray[np.uint8]) -> BadExport:
    return BadExport(
        f"{columns.file(row)}: a row of block {columns.heights[row]} is of transaction "
        f"0x{wanted[row].tobytes().hex()}, which is not there.",
        hint="The files are of different exports: export them again.",
    )


def _refuse_twice(columns: Columns, keys: NDArray[np.int64], single: NDArray[np.bool_]) -> None:
    """Only a batch of ERC-1155 is several transfers in one log."""
    rows = np.flatnonzero(single)
    order = rows[np.argsort(keys[rows], kind="stable")]
    again = np.diff(keys[order]) == 0
    if again.any():
        row = int(order[int(np.argmax(again)) + 1])
        raise BadExport(
            f"{columns.file(row)}: the token transfer of log {keys[row] & 0xFFFFFFFF} of block "
            f"{columns.heights[row]} is there twice.",
            hint="Import each token transfer from one file.",
        )


def _by_file(columns: Columns, parts: Sequence[Rows]) -> NDArray[np.bool_]:
    """(n,) rows of files that say by their columns that all is collectibles: cryo's erc721_transfers."""
    flags = [np.full(len(part), part.has("token_id") and not part.has("value")) for part in parts]
    found = np.concatenate([np.zeros(0, np.bool_), *flags])
    return found if columns.order is None else found[columns.order]


def _standards(columns: Columns, parts: Sequence[Rows]) -> NDArray[np.uint8]:
    """(n,) what kind of token each row says it is."""
    found = np.full(len(columns), AssetStandard.FUNGIBLE, np.uint8)
    known = columns.among("token_type", "")
    for word, standard in STANDARDS.items():
        said = columns.among("token_type", word)
        found[said] = standard
        known |= said
    if not known.all():
        row = int(np.argmin(known))
        raise BadExport(
            f"{columns.file(row)}: column token_type holds no word that is known in block {columns.heights[row]}.",
            hint=f"Known: {', '.join(STANDARDS)}.",
        )
    found[_by_file(columns, parts)] = AssetStandard.UNIQUE
    return found


def _unsaid(columns: Columns, parts: Sequence[Rows]) -> NDArray[np.bool_]:
    """(n,) where nothing says what kind of token moved; cryo's erc20_transfers hold amounts only."""
    tools = [np.full(len(part), part.file.layout.tool == "cryo") for part in parts]
    cryo = np.concatenate([np.zeros(0, np.bool_), *tools])
    found: NDArray[np.bool_] = columns.among("token_type", "") & ~(
        cryo if columns.order is None else cryo[columns.order]
    )
    return found


def number_words(columns: Columns, word: str) -> NDArray[np.uint8]:
    """(n, 32) numbers as big-endian words; zeros where there is none."""
    numbers = columns.amounts(word, must=False)
    out = np.zeros((len(columns), 32), np.uint8)
    limbs: NDArray[Any] = numbers.limbs.astype(">u8")
    out[:, 16:24] = np.ascontiguousarray(limbs[:, 1]).view(np.uint8).reshape(-1, 8)
    out[:, 24:32] = np.ascontiguousarray(limbs[:, 0]).view(np.uint8).reshape(-1, 8)
    for row in np.flatnonzero(numbers.states == WIDE).tolist():
        out[row] = np.frombuffer(columns.uint256(word, row), np.uint8)
    return out
