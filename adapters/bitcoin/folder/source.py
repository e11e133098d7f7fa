"""The `blocks:PATH` source: choose the best chain of what block files hold, and decode it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BufferedReader
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.ahead import ordered
from adapters.bitcoin.chains import BitcoinChain, Layout
from adapters.bitcoin.decode import Decoded, decode_blocks
from adapters.bitcoin.folder.files import find_blocks
from adapters.bitcoin.folder.index import Index, Place, index_files
from adapters.bitcoin.folder.obfuscation import reveal
from adapters.bitcoin.folder.undofiles import UndoFiles
from adapters.bitcoin.headers import Header
from adapters.bitcoin.planning import Plan, Planned, clip, plan
from adapters.bitcoin.zcash.scan import behind_version
from tracer.errors import BadBlock, BadBlockFile, SourceUnavailable
from tracer.ledger.batch import KnownBlock, KnownChain, UtxoBatch

RUN_BYTES = 32 << 20
RUN_BLOCKS = 20_000
DECODERS = 2
RUNS_AHEAD = 4
_FRONT = 4_000
"""Bytes of a block in which the height stands that its coinbase states."""
_AGAIN = "Run the same command again: it resumes."
_GONE = f"A node that prunes deletes its oldest files. {_AGAIN}"


class BlockFiles:
    """A `blocks:PATH` source (`tracer.ledger.batch.BlockSource`): block files, also as a node obfuscates them.

    What blocks spend is taken from the node's undo files where blocks below them were not read, and only there: else
    the ledger finds it at no extra cost. Each `plan` looks at what the files got since the last one.
    """

    def __init__(self, path: Path, chain: BitcoinChain) -> None:
        self.path = path
        self.chain = chain
        # what was asked of what, when nothing was new: weighing all headers again would tell the same
        self._idle: tuple[object, object] | None = None
        self.index = self._indexed()
        self._bad: set[bytes] = set()
        self._damaged: list[str] = []
        self._untold: list[str] = []
        self._said: Planned = Planned()
        self._whole = 0

    def _indexed(self, before: Index | None = None) -> Index:
        """The index of what is there now; `before` is brought up to date where it still holds."""
        folder = find_blocks(self.path, self.chain)
        if before is not None and before.key == folder.key and before.refresh(folder.files):
            return before
        self._idle = None
        return index_files(folder.files, self.chain, folder.key)

    def notes(self) -> list[str]:
        """What is normal in a live node's files but should be said."""
        tails = [
            f"{problem}: the last block there is not complete; read it again when the node has written it"
            for problem in self.index.tails
        ]
        return tails + self._damaged + self._said.notes + self._untold

    def plan(self, known: KnownChain, first: int | None = None, last: int | None = None) -> list[Plan]:
        """The runs to load, given what the ledger holds; most work wins, on equal work the branch we have."""
        self.index, self._untold = self._indexed(self.index), []
        asked = (len(self.index.places), len(self._bad), first, last)
        if self._idle is not None and self._idle[0] == asked and self._idle[1] == _outline(known):
            return []
        blocks = known.blocks()
        self._said = plan(
            [header for header in self.index.headers.values() if header.block_hash not in self._bad],
            blocks,
            self.chain.genesis_hash,
            self._stated_height,
            lambda header: self.index.where(header.place),
            trust_floating=not self.index.damage and not self._bad,
            checkpoints={height: bytes.fromhex(name)[::-1] for height, name in self.chain.checkpoints},
        )
        plans = [clipped for found in self._said.plans if (clipped := clip(found, first, last))]
        self._whole = _read_from_genesis(blocks, plans)
        self._idle = None if plans else (asked, _outline(known))
        return plans

    def reject(self, block_hash: bytes) -> bool:
        """A block turned out bad: use another copy of it (True), or nothing that builds on it (False)."""
        copies = self.index.copies.get(block_hash)
        if not copies:
            self._bad.add(block_hash)
            return False
        header = self.index.headers[block_hash]
        self._damaged.append(
            f"{self.index.where(header.place)} holds a damaged copy of a block; another was used"
        )
        self.index.headers[block_hash] = replace(header, place=copies.pop(0))
        return True

    def raw(self, block_hash: bytes) -> tuple[str, bytes]:
        """File and offset of a block, and its bytes."""
        header = self.index.headers[block_hash]
        place = self.index.places[header.place]
        return self.index.where(header.place), self._front(place, place.size)

    def _stated_height(self, header: Header) -> int | None:
        """Height from the coinbase, where the chain's rules make it state one."""
        place = self.index.places[header.place]
        # a header that carries another chain's proof may be of any length
        size = place.size if self.chain.proof.fixed is None else min(place.size, _FRONT)
        height = coinbase_height(self._front(place, size), self.chain)
        lowest = self.chain.bip34_height
        stated = height is not None and lowest is not None and lowest <= height < 1 << 31
        return height if stated else None

    def _front(self, place: Place, size: int) -> bytes:
        buffer = np.empty(size, np.uint8)
        with _Reader(self.index) as reader:
            reader.read(place, buffer)
        return buffer.tobytes()

    def batches(self, plan: Plan) -> Iterator[UtxoBatch]:
        """Decode a plan's blocks in order; raises `BadBlock` at the first unsound one."""
        undo = UndoFiles(self.index, self.raw) if plan.first_height > self._whole else None
        for height, run, decoded in self._decoded(plan, undo):
            if decoded.batch is not None:
                yield decoded.batch
            if undo is not None:
                self._untold = undo.notes()
            if decoded.problem is not None:
                bad = run[decoded.sound]
                raise BadBlock(
                    f"{self.index.where(bad.place)}: block {bad.block_hash[::-1].hex()} at height "
                    f"{height + decoded.sound} is refused, {decoded.problem}.",
                    block_hash=bad.block_hash,
                )

    def _decoded(self, plan: Plan, undo: UndoFiles | None) -> Iterator[tuple[int, list[Header], Decoded]]:
        """(first height, headers, result) of each run, decoded ahead by threads while the ledger commits."""

        def jobs() -> Iterator[tuple[int, list[Header]]]:
            height = plan.first_height
            for run in self._runs(plan.headers):
                yield height, run
                height += len(run)

        def work(job: tuple[int, list[Header]]) -> tuple[int, list[Header], Decoded]:
            return *job, self._decode(job[1], job[0], undo)

        return ordered(jobs(), work, DECODERS, RUNS_AHEAD)

    def _decode(self, run: list[Header], height: int, undo: UndoFiles | None) -> Decoded:
        buffer, starts, ends = self._fill(run)
        hashes = np.frombuffer(b"".join(h.block_hash for h in run), np.uint8).reshape(-1, 32).copy()
        decoded = decode_blocks(buffer, starts, ends, height, hashes, self.chain)
        if undo is None or decoded.batch is None:
            return decoded
        return replace(decoded, batch=undo.tell(decoded.batch, run))

    def _runs(self, headers: Sequence[Header]) -> Iterator[list[Header]]:
        run: list[Header] = []
        size = 0
        for header in headers:
            run.append(header)
            size += self.index.places[header.place].size
            if size >= RUN_BYTES or len(run) >= RUN_BLOCKS:
                yield run
                run, size = [], 0
        if run:
            yield run

    def _fill(self, run: Sequence[Header]) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Read a run of blocks into one buffer."""
        places = [self.index.places[header.place] for header in run]
        ends = np.cumsum(np.array([place.size for place in places], np.int64))
        starts = np.concatenate(([0], ends[:-1]))
        buffer = np.empty(int(ends[-1]), np.uint8)
        with _Reader(self.index) as reader:
            for place, start, end in zip(places, starts.tolist(), ends.tolist(), strict=True):
                reader.read(place, buffer[start:end])
        return buffer, starts, ends

    def finish(self) -> None:
        """Raise what is wrong with the files themselves."""
        damage = self.index.damage + self._said.damage
        if damage:
            others = f" ({len(damage) - 1} more like it)" if len(damage) > 1 else ""
            raise BadBlockFile(f"{damage[0]}{others}.")


class _Reader:
    """Reads blocks of an index; a file stays open until one of another file is wanted."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._opened = -1
        self._handle: BufferedReader | None = None

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.close()

    def read(self, place: Place, out: NDArray[np.uint8]) -> None:
        """Fill `out` with the front of a block."""
        file = self._index.files[place.file]
        try:
            if self._handle is None or place.file != self._opened:
                self.__exit__()
                self._handle, self._opened = file.open("rb"), place.file
                if os.fstat(self._handle.fileno()).st_ino != self._index.inode(place.file):
                    raise SourceUnavailable(f"{file} was replaced while it was read.", hint=_AGAIN)
            self._handle.seek(place.offset)
            got = self._handle.readinto(out.data)
        except OSError as error:
            raise SourceUnavailable(f"cannot read {file}: {error.strerror}.", hint=_GONE) from error
        if got < len(out):
            raise SourceUnavailable(f"{file} became shorter while it was read.", hint=_GONE)
        reveal(out, place.offset, self._index.key)


def _outline(known: KnownChain) -> object:
    """What tells whether the ledger's blocks are still the same."""
    runs = known.runs()
    tip = known.at(runs[-1][1]) if runs else None
    return list(runs), tip and tip.hash


def _read_from_genesis(known: Sequence[KnownBlock], plans: Sequence[Plan]) -> int:
    """Up to which height every block was read, or will be by these plans: the first that is missing."""
    at = 0
    planned = {plan.first_height: plan.last_height + 1 for plan in plans}
    heights = iter(known)
    block = next(heights, None)
    while True:
        if at in planned:
            at = planned[at]
        elif block is not None and block.height <= at:
            at = max(at, block.height + 1)
            block = next(heights, None)
        else:
            return at


def coinbase_height(raw: bytes, chain: BitcoinChain) -> int | None:
    """The height a coinbase states as its first push (BIP 34), or None; `raw` is the front of a block."""
    at = chain.proof.size(raw)
    if at is None or len(raw) < at + 60:  # less than any transaction
        return None
    at += {0xFD: 3, 0xFE: 5, 0xFF: 9}.get(raw[at], 1) + 4
    if chain.layout is Layout.ZCASH:
        at += behind_version(int.from_bytes(raw[at - 4 : at], "little"))
    elif raw[at] == 0:
        at += 2
    at += 1 + 36 + 1
    push = raw[at]
    if 0x51 <= push <= 0x60:
        return push - 0x50
    if not 1 <= push <= 8:
        return None
    return int.from_bytes(raw[at + 1 : at + 1 + push], "little", signed=True)
