"""Undo files (`rev*.dat`): which record is of which block, and what the blocks of a run spend.

A record is the network's magic, a length, the undo data, and SHA-256d of the previous block's hash and that data. A
block's record lies in the undo file with its block file's number, in the order in which blocks were connected: also
of stale ones, and not of those that never were connected. Nothing here is an error: what no record tells is counted.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.decode import decode_blocks
from adapters.bitcoin.folder.files import undo_file
from adapters.bitcoin.folder.index import Index
from adapters.bitcoin.folder.obfuscation import reveal
from adapters.bitcoin.folder.undo import complete_keys, find_records, read_coins
from adapters.bitcoin.headers import Header
from adapters.bitcoin.prevouts import NOT_TOLD, spends, with_spent
from tracer.ledger.batch import UtxoBatch

if TYPE_CHECKING:
    import pyarrow as pa

_PATIENCE = 8
"""So many times a file's size is hashed in search of records: files of another node must not cost the square."""


class _Records:
    """The records of one undo file."""

    def __init__(self, path: Path, key: bytes, magic: bytes) -> None:
        self.path = path
        self.data = np.fromfile(path, np.uint8)
        reveal(self.data, 0, key)
        found = np.empty((len(self.data) // 41 + 1, 3), np.int64)
        count = find_records(self.data, np.frombuffer(magic, np.uint8), found)
        self.places = found[:count]
        self.by_txs: dict[int, list[int]] = {}
        for row, txs in enumerate(self.places[:, 2].tolist()):
            self.by_txs.setdefault(txs, []).append(row)
        self.next = 0
        self.budget = _PATIENCE * len(self.data)

    def of(self, prev_hash: bytes, txs: int) -> Iterator[tuple[int, int]]:
        """Start and end of the undo data with so many transactions that follow this block, likeliest first."""
        rows = self.by_txs.get(txs, [])
        at = bisect_left(rows, self.next)
        for row in rows[at:] + rows[:at]:
            start, size, _ = self.places[row].tolist()
            end = start + size
            self.budget -= size
            if self.budget < 0:
                return
            once = hashlib.sha256(prev_hash + self.data[start:end].tobytes()).digest()
            if hashlib.sha256(once).digest() == self.data[end : end + 32].tobytes():
                self.next = row + 1
                yield start, end


@dataclass
class _Told:
    """What was spent by the blocks of a run, filled record by record."""

    values: NDArray[np.int64]
    places: NDArray[np.int64]
    forms: NDArray[np.uint8]
    scripts: NDArray[np.uint8]
    free: int = 0

    def room(self, size: int) -> None:
        """Make place for the scripts of a record."""
        if self.free + size > len(self.scripts):
            longer = np.empty(2 * (self.free + size), np.uint8)
            longer[: self.free] = self.scripts[: self.free]
            self.scripts = longer


class UndoFiles:
    """The undo files beside the block files of an index."""

    def __init__(self, index: Index, raw: Callable[[bytes], tuple[str, bytes]]) -> None:
        """`raw` gives a block's bytes by its hash."""
        self._index, self._raw = index, raw
        self._silent: Counter[str] = Counter()
        self._lock = threading.Lock()  # runs are decoded side by side
        siblings: dict[tuple[bytes, int], list[Header]] = {}
        for header in index.headers.values():
            for file in self._files(header):
                siblings.setdefault((header.prev_hash, file), []).append(header)
        self._siblings = {place: found for place, found in siblings.items() if len(found) > 1}

    def _files(self, header: Header) -> list[int]:
        """The files that hold a block: a node that crashed may have written it again, and its record there."""
        places = [header.place, *self._index.copies.get(header.block_hash, [])]
        return list(dict.fromkeys(self._index.places[place].file for place in places))

    def notes(self) -> list[str]:
        """Why some blocks' spent outputs were not told."""
        with self._lock:
            silent = sorted(self._silent.items())
        return [
            f"{reason}: of {blocks:,} blocks it is not known what they spend of blocks that were not read"
            for reason, blocks in silent
        ]

    def tell(self, batch: UtxoBatch, headers: Sequence[Header]) -> UtxoBatch:
        """The batch with what its blocks spend, as far as records tell; `headers` are those of its blocks."""
        found = spends(batch)
        last = np.cumsum(batch.blocks.column("tx_count").to_numpy()).tolist()
        first_spend = np.concatenate(([0], np.cumsum(found.counts)))
        told = _Told(
            np.full(found.count, NOT_TOLD, np.int64),
            np.zeros((found.count, 2), np.int64),
            np.zeros(found.count, np.uint8),
            np.empty(64 * found.count, np.uint8),
        )
        # of each block: its transactions but the coinbase
        txs = [slice(start + 1, end) for start, end in zip([0, *last[:-1]], last, strict=True)]
        spending = [b for b, own in enumerate(txs) if first_spend[own.start] < first_spend[own.stop]]
        waiting = {block: self._files(headers[block]) for block in spending}
        while waiting:
            by_file: dict[int, list[int]] = {}
            for block, files in waiting.items():
                by_file.setdefault(files.pop(0), []).append(block)
            for file, blocks in by_file.items():
                records = self._records(file)
                for block in blocks:
                    own = txs[block]
                    rows = first_spend[own]
                    problem = self._fill(told, records, file, headers[block], found.counts[own], rows)
                    if problem is not None:
                        told.values[rows[0] : first_spend[own.stop]] = NOT_TOLD
                        if waiting[block]:
                            continue
                        with self._lock:
                            self._silent[problem] += 1
                    del waiting[block]
        complete_keys(told.values, told.places, told.forms, told.scripts)
        scripts = told.scripts[: told.free]
        return with_spent(batch, told.values, scripts, told.places, self._index.chain)

    def _records(self, file: int) -> _Records | str:
        """The undo file of a block file, or why there is none."""
        block_file = self._index.files[file]
        path = undo_file(block_file)
        if path is None:
            return f"{block_file} has no number that names an undo file"
        try:
            return _Records(path, self._index.key, self._index.chain.magic)
        except FileNotFoundError:
            return f"{path} is missing"
        except OSError as error:
            return f"cannot read {path} ({error.strerror})"

    def _fill(
        self,
        told: _Told,
        records: _Records | str,
        file: int,
        header: Header,
        counts: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> str | None:
        """Take one block's record; why not, where none fits or where two blocks could be meant."""
        if isinstance(records, str):
            return records
        most = self._index.chain.max_money
        for start, end in records.of(header.prev_hash, len(counts)):
            told.room(2 * (end - start))
            free = read_coins(
                records.data, start, end, counts, rows, most,
                told.values, told.places, told.forms, told.scripts, told.free,
            )  # fmt: skip
            if free < 0:
                continue
            if self._ambiguous(header, file):
                return f"{records.path} may mean another block of the same height"
            told.free = free
            return None
        return f"{records.path} holds no record that fits"

    def _ambiguous(self, header: Header, file: int) -> bool:
        """Whether a stale block beside this one has the same shape and spends something else."""
        beside = self._siblings.get((header.prev_hash, file), [])
        mine = self._spent(header) if beside else None
        for other in beside:
            if other.block_hash == header.block_hash:
                continue
            theirs = self._spent(other)
            # of one that is damaged here nobody knows what it was
            if theirs is None or mine is None or (theirs[0] == mine[0] and theirs[1] != mine[1]):
                return True
        return False

    def _spent(self, header: Header) -> tuple[list[int], pa.Table] | None:
        """Inputs of each transaction of a block, and the outpoints they name."""
        raw = np.frombuffer(self._raw(header.block_hash)[1], np.uint8)
        name = np.frombuffer(header.block_hash, np.uint8).reshape(1, 32)
        ends = np.array([len(raw)])
        batch = decode_blocks(raw.copy(), np.array([0]), ends, 0, name, self._index.chain).batch
        if batch is None:
            return None
        found = spends(batch)
        outpoints = batch.inputs.select(["prev_txid", "prev_vout"])
        return found.counts.tolist(), outpoints if found.rows is None else outpoints.take(found.rows)
