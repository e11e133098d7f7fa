"""The `blocks:PATH` source: choose the best chain of what block files hold, and decode it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.blockindex import block_files, index_files
from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.decode import Decoded, decode_blocks
from adapters.bitcoin.headers import Header
from adapters.bitcoin.planning import Plan, Planned, clip, plan
from tracer.errors import BadBlock, BadBlockFile, SourceUnavailable
from tracer.ledger.batch import KnownChain, UtxoBatch

RUN_BYTES = 32 << 20
RUN_BLOCKS = 20_000
DECODERS = 2
RUNS_AHEAD = 6
_FRONT = 4_000
"""Bytes of a block in which the height stands that its coinbase states."""


class BlockFiles:
    """A `blocks:PATH` source (`tracer.ledger.batch.BlockSource`): one block file, or a folder of them."""

    def __init__(self, path: Path, chain: BitcoinChain) -> None:
        self.chain = chain
        self.index = index_files(block_files(path), chain)
        self._bad: set[bytes] = set()
        self._damaged: list[str] = []
        self._said: Planned = Planned()

    def notes(self) -> list[str]:
        """What is normal in a live node's files but should be said."""
        tails = [
            f"{problem}: the last block there is not complete; read it again when the node has written it"
            for problem in self.index.tails
        ]
        return tails + self._damaged + self._said.notes

    def plan(self, known: KnownChain, first: int | None = None, last: int | None = None) -> list[Plan]:
        """The runs to load, given what the ledger holds; most work wins, on equal work the branch we have."""
        self._said = plan(
            [header for header in self.index.headers.values() if header.block_hash not in self._bad],
            known.blocks(),
            self.chain.genesis_hash,
            self._stated_height,
            lambda header: self.index.where(header.place),
            trust_floating=not self.index.damage and not self._bad,
        )
        return [clipped for found in self._said.plans if (clipped := clip(found, first, last))]

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
        with self.index.files[place.file].open("rb") as handle:
            handle.seek(place.offset)
            return self.index.where(header.place), handle.read(place.size)

    def _stated_height(self, header: Header) -> int | None:
        """Height from the coinbase, where the chain's rules make it state one."""
        place = self.index.places[header.place]
        with self.index.files[place.file].open("rb") as handle:
            handle.seek(place.offset)
            height = coinbase_height(handle.read(min(place.size, _FRONT)), self.chain)
        lowest = self.chain.bip34_height
        return height if height is not None and lowest <= height < 1 << 31 else None

    def batches(self, plan: Plan) -> Iterator[UtxoBatch]:
        """Decode a plan's blocks in order; raises `BadBlock` at the first unsound one."""
        for height, run, decoded in self._decoded(plan):
            if decoded.batch is not None:
                yield decoded.batch
            if decoded.problem is not None:
                bad = run[decoded.sound]
                raise BadBlock(
                    f"{self.index.where(bad.place)}: block {bad.block_hash[::-1].hex()} at height "
                    f"{height + decoded.sound} is refused, {decoded.problem}.",
                    block_hash=bad.block_hash,
                )

    def _decoded(self, plan: Plan) -> Iterator[tuple[int, list[Header], Decoded]]:
        """(first height, headers, result) of each run, decoded ahead by threads while the ledger commits."""
        with ThreadPoolExecutor(DECODERS) as pool:
            ahead: deque[tuple[int, list[Header], Future[Decoded]]] = deque()
            height = plan.first_height
            for run in self._runs(plan.headers):
                ahead.append((height, run, pool.submit(self._decode, run, height)))
                height += len(run)
                if len(ahead) > RUNS_AHEAD:
                    first, headers, future = ahead.popleft()
                    yield first, headers, future.result()
            while ahead:
                first, headers, future = ahead.popleft()
                yield first, headers, future.result()

    def _decode(self, run: list[Header], height: int) -> Decoded:
        buffer, starts, ends = self._fill(run)
        hashes = np.frombuffer(b"".join(h.block_hash for h in run), np.uint8).reshape(-1, 32).copy()
        return decode_blocks(buffer, starts, ends, height, hashes, self.chain)

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
        """Read a run of blocks into one buffer, each file opened once per stretch."""
        sizes = np.array([self.index.places[h.place].size for h in run], np.int64)
        ends = np.cumsum(sizes)
        starts = ends - sizes
        buffer = np.empty(int(ends[-1]), np.uint8)
        view = memoryview(buffer.data)
        handle = None
        opened = -1
        try:
            for header, start, end in zip(run, starts.tolist(), ends.tolist(), strict=True):
                place = self.index.places[header.place]
                if place.file != opened:
                    if handle:
                        handle.close()
                    handle = self.index.files[place.file].open("rb")
                    opened = place.file
                assert handle is not None
                handle.seek(place.offset)
                handle.readinto(view[start:end])
        except OSError as error:
            raise SourceUnavailable(f"cannot read {self.index.files[opened]}: {error.strerror}.") from error
        finally:
            if handle:
                handle.close()
        return buffer, starts, ends

    def finish(self) -> None:
        """Raise what is wrong with the files themselves."""
        damage = self.index.damage + self._said.damage
        if damage:
            others = f" ({len(damage) - 1} more like it)" if len(damage) > 1 else ""
            raise BadBlockFile(f"{damage[0]}{others}.")


def coinbase_height(raw: bytes, chain: BitcoinChain) -> int | None:
    """The height a coinbase states as its first push (BIP 34), or None; `raw` is the front of a block."""
    at = chain.proof.size(raw)
    if at is None or len(raw) < at + 60:  # less than any transaction
        return None
    at += {0xFD: 3, 0xFE: 5, 0xFF: 9}.get(raw[at], 1) + 4
    if raw[at] == 0:
        at += 2
    at += 1 + 36 + 1
    push = raw[at]
    if 0x51 <= push <= 0x60:
        return push - 0x50
    if not 1 <= push <= 8:
        return None
    return int.from_bytes(raw[at + 1 : at + 1 + push], "little", signed=True)
