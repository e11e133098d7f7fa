"""The `blocks:PATH` source: choose the best chain of what block files hold, and decode it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.blockindex import block_files, index_files
from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.decode import Decoded, decode_blocks
from adapters.bitcoin.headers import HEADER_SIZE, Branch, Header, HeaderTree, work
from tracer.errors import BadBlock, BadBlockFile, DataError, SourceUnavailable
from tracer.ledger.batch import KnownChain, UtxoBatch

RUN_BYTES = 32 << 20
RUN_BLOCKS = 20_000
DECODERS = 2
RUNS_AHEAD = 6


@dataclass(frozen=True)
class Plan:
    """A run of consecutive blocks to load (`tracer.ledger.batch.Plan`)."""

    headers: Sequence[Header]
    first_height: int
    reorg_to: int | None
    work: int

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return len(self.headers)

    @property
    def last_height(self) -> int:
        """Height of its last block."""
        return self.first_height + len(self.headers) - 1


class BlockFiles:
    """A `blocks:PATH` source (`tracer.ledger.batch.BlockSource`): one block file, or a folder of them."""

    def __init__(self, path: Path, chain: BitcoinChain) -> None:
        self.chain = chain
        self.index = index_files(block_files(path), chain)
        self.failure: DataError | None = None
        self._tree = HeaderTree(self.index.headers)

    def notes(self) -> list[str]:
        """What is normal in a live node's files but should be said."""
        return [
            f"{problem}: the last block there is not complete; read it again when the node has written it"
            for _, problem in self.index.tails
        ]

    def plan(self, known: KnownChain, first: int | None = None, last: int | None = None) -> list[Plan]:
        """The branches to load, given what the ledger holds; most work wins, on equal work the one we have."""
        anchored: list[Plan] = []
        floating: list[Branch] = []
        for root in self._tree.roots():
            branch = self._tree.best_branch(root)
            height = self._anchor(branch, known)
            if height is None:
                floating.append(branch)
            else:
                anchored += self._new_parts(branch, height, known)
        plans = self._without_overlap(anchored)
        # what follows damaged blocks is not believed on its own word
        if not self.index.damage:
            plans = self._without_overlap(plans + self._float(floating, known, plans))
        return [clipped for plan in plans if (clipped := _clip(plan, first, last))]

    def _anchor(self, branch: Branch, known: KnownChain) -> int | None:
        """Height of a branch's first block where it hangs on the genesis or on a block of the ledger."""
        if branch.headers[0].block_hash == self.chain.genesis_hash:
            return 0
        parent = known.height_of(branch.parent)
        if parent is not None:
            return parent + 1
        return known.height_of(branch.headers[0].block_hash)

    def _float(self, branches: Sequence[Branch], known: KnownChain, anchored: Sequence[Plan]) -> list[Plan]:
        """Branches whose parent was never read, placed by the height their first coinbase states (BIP 34)."""
        plans: list[Plan] = []
        for branch in branches:
            first = branch.headers[0]
            height = self._stated_height(first)
            name = f"block {first.block_hash[::-1].hex()} ({self.index.where(first.place)})"
            if height is None:
                self.index.damage.append(
                    f"{name} follows no block that was read and states no height of its own"
                )
            elif known.hash_at(height - 1) is not None or any(
                plan.first_height < height <= plan.last_height + 1 for plan in anchored
            ):
                self.index.damage.append(f"{name} does not follow the block at height {height - 1}")
            else:
                plans += self._new_parts(branch, height, known)
        if not plans and not anchored and self.index.damage:
            raise BadBlockFile(
                f"{self.index.damage[0]}.",
                hint="Nothing was read. Add the files that hold the blocks before it.",
            )
        return plans

    def _new_parts(self, branch: Branch, height: int, known: KnownChain) -> list[Plan]:
        """The runs of a branch that the ledger lacks; where they contradict it, more work decides."""
        plans: list[Plan] = []
        run: list[Header] = []
        for at, header in enumerate(branch.headers, start=height):
            here = known.hash_at(at)
            if here is None:
                run.append(header)
                continue
            if here != header.block_hash:
                rest = branch.headers[at - height :]
                rival = sum(work(bits) for bits in known.bits_from(at))
                if sum(work(h.bits) for h in rest) > rival:
                    run += rest
                    plans.append(_plan(run, at - len(run) + len(rest), reorg_to=at - 1))
                return plans
            if run:
                plans.append(_plan(run, at - len(run)))
                run = []
        if run:
            plans.append(_plan(run, height + len(branch.headers) - len(run)))
        return plans

    @staticmethod
    def _without_overlap(plans: Sequence[Plan]) -> list[Plan]:
        """Most work first, dropping what would stand on the same heights; then in height order."""
        taken: list[Plan] = []
        for plan in sorted(plans, key=lambda p: (-p.work, p.first_height)):
            if all(plan.last_height < t.first_height or plan.first_height > t.last_height for t in taken):
                taken.append(plan)
        return sorted(taken, key=lambda p: p.first_height)

    def _stated_height(self, header: Header) -> int | None:
        """Height from the coinbase, where the chain's rules make it state one."""
        place = self.index.places[header.place]
        with self.index.files[place.file].open("rb") as handle:
            handle.seek(place.offset)
            height = coinbase_height(handle.read(place.size))
        return height if height is not None and height >= self.chain.bip34_height else None

    def batches(self, plan: Plan) -> Iterator[UtxoBatch]:
        """Decode a plan's blocks in order; stops at the first unsound one and remembers why."""
        for height, run, decoded in self._decoded(plan):
            if decoded.batch is not None:
                yield decoded.batch
            if decoded.problem is not None:
                bad = run[decoded.sound]
                self.failure = BadBlock(
                    f"{self.index.where(bad.place)}: block {bad.block_hash[::-1].hex()} at height "
                    f"{height + decoded.sound} is refused, {decoded.problem}.",
                    hint=kept_hint(height + decoded.sound - 1, "Get this file again from a node you trust."),
                )
                return

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
        return decode_blocks(buffer, starts, ends, height, hashes, self.chain.max_money)

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

    def finish(self, kept: int | None) -> None:
        """Raise what was wrong with the files, after everything sound was kept up to height `kept`."""
        if self.failure is not None:
            raise self.failure
        if self.index.damage:
            first = self.index.damage[0]
            more = len(self.index.damage) - 1
            others = f" ({more} more like it)" if more else ""
            raise BadBlockFile(
                f"{first}{others}.", hint=kept_hint(kept, "Get this file again from a node you trust.")
            )


def _plan(headers: Sequence[Header], first_height: int, reorg_to: int | None = None) -> Plan:
    return Plan(tuple(headers), first_height, reorg_to, sum(work(header.bits) for header in headers))


def _clip(plan: Plan, first: int | None, last: int | None) -> Plan | None:
    """The part of a plan between two heights; a lost branch above `last` is kept as it is."""
    skip = max(0, (first or 0) - plan.first_height)
    stop = len(plan.headers) if last is None else max(0, last - plan.first_height + 1)
    headers = plan.headers[skip:stop]
    if not headers or (plan.reorg_to is not None and stop < len(plan.headers)):
        return None
    return Plan(headers, plan.first_height + skip, plan.reorg_to if not skip else None, plan.work)


def kept_hint(height: int | None, advice: str) -> str:
    """What is safe after an error, and what to do."""
    if height is None or height < 0:
        return f"Nothing was kept. {advice}"
    return f"Blocks up to height {height} are kept. {advice} Then run the same command: it resumes."


def coinbase_height(raw: bytes) -> int | None:
    """The height a coinbase states as its first push (BIP 34), or None."""
    at = HEADER_SIZE
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
