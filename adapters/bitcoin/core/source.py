"""The `core:URL` source: blocks of a Core-like node as batches, of the branch with most work, checked throughout."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from adapters.ahead import ordered
from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.core import chain as core_chain
from adapters.bitcoin.core import probe as core_probe
from adapters.bitcoin.core.access import Access
from adapters.bitcoin.core.probe import Capabilities
from adapters.bitcoin.core.reading import Job, Read, Reader
from adapters.bitcoin.core.rpc import Core
from adapters.bitcoin.core.ways import blocks_way
from adapters.bitcoin.headers import work
from adapters.branches import Plan, Planned, plan
from adapters.http import NoMethod, Patience
from tracer.errors import BadBlock, SourceUnavailable
from tracer.ledger.batch import KnownChain, UtxoBatch

MOVES = 20
"""How often in a row a node may change its branch under our hands before we give up (P)."""
WAIT_SECONDS = 30.0
"""How long one call waits for a new block (P): proxies cut what takes longer."""


class CoreSource:
    """A `core:URL` source (`tracer.ledger.batch.BlockSource`).

    access         where the node is and who we are to it (`adapters.bitcoin.core.access`)
    confirmations  blocks left out below the node's newest one
    threads        jobs in flight
    """

    def __init__(
        self,
        access: Access,
        chain: BitcoinChain,
        *,
        confirmations: int = 0,
        patience: Patience | None = None,
        threads: int = 6,
    ) -> None:
        self.chain, self.confirmations, self.threads = chain, confirmations, threads
        self.core = Core(access, patience=patience)
        self.head = -1
        self._reader: Reader | None = None
        self._planned = Planned()
        self._notes: list[str] = []
        self._whole = 0
        self._bad: dict[bytes, int] = {}
        self._moved: set[bytes] = set()
        self._moves = 0
        self._waits = True

    def capabilities(self) -> Capabilities:
        """What the node offers; asks it."""
        return core_probe.capabilities(self.core, self.chain)

    # What the ledger's pull asks for ----------------------------------------------------------------

    def plan(self, known: KnownChain, first: int | None = None, last: int | None = None) -> list[Plan]:
        """What is new, between the heights asked for; a lost branch is found wherever the fork is.

        `SourceUnavailable` where the node is of another chain, or has pruned what is asked for.
        """
        now = core_chain.state(self.core)
        core_chain.serves(self.core, self.chain, now.head)
        self.head = now.head
        limit = now.head - self.confirmations
        for block_hash, height in self._bad.items():
            if height <= limit and self._hash_at(height) == block_hash:
                limit = height - 1
        self._planned = plan(
            known,
            self._hash_at,
            head=now.head,
            limit=limit,
            first=first,
            last=last,
            host=self.core.host,
            weigh=partial(self._outweighing, known, now.head),
        )
        self._notes = [core_chain.still_loading(self.core.host, now)] if now.loading else []
        plans = self._planned.plans
        if plans and plans[0].first_height < now.lowest:
            missing = min(plans[0].last_height, now.lowest - 1)
            raise SourceUnavailable(
                f"{self.core.host} is pruned: it no longer has blocks {plans[0].first_height} to {missing}.",
                hint=f"--from {now.lowest} reads what is there; or ask a node that keeps all blocks.",
            )
        self._whole = _whole_to(known.runs(), plans)
        if plans and self._reader is None:
            wanted = self._hash_at(plans[0].first_height) or now.best
            self._reader = Reader(self.core, self.chain, *blocks_way(self.core, self.chain, wanted))
        if self._reader is not None and any(each.first_height > self._whole for each in plans):
            self._reader.tells(now)
        return plans

    def batches(self, plan: Plan) -> Iterator[UtxoBatch]:
        """The blocks of a plan in order; raises `BadBlock` at the first unsound one.

        Where the node changes its branch meanwhile, it ends in a `BadBlock` that `reject` answers with True: what
        came before is of the old branch, and the next plan finds the fork.
        """
        reader = self._reader
        assert reader is not None
        # where every block below was read, the ledger knows what is spent
        read = partial(reader.read, spent=plan.first_height > self._whole)
        parent = plan.parent
        jobs = reader.jobs(plan.first_height, plan.last_height)
        for job, found in ordered(jobs, lambda job: (job, read(job)), self.threads):
            for part, batch in self._parts(reader, job, found, read):
                if parent is not None and batch.blocks.column("prev_hash")[0].as_py() != parent:
                    raise self._moved_away(reader, part, parent)
                parent = batch.blocks.column("hash")[-1].as_py()
                self._moves = 0
                yield batch

    def _parts(
        self, reader: Reader, job: Job, found: Read, read: Callable[[Job], Read]
    ) -> Iterator[tuple[Job, UtxoBatch]]:
        """What a job gave, and what is left of it, read here; a bad block is read once more, alone."""
        left: Job | None = job
        while left is not None:
            if found.batch is not None:
                yield left.only(0), found.batch
            done = found.sound
            if found.problem is not None:
                bad = left.only(done)
                if found.moved:
                    raise self._moved_away(reader, bad, left.hashes[done - 1])
                again = read(bad)
                if again.batch is None:
                    raise reader.bad(bad, again.problem or found.problem)
                yield bad, again.batch
                done += 1
            left = left.rest(done)
            if left is not None:
                found = read(left)

    def reject(self, block_hash: bytes) -> bool:
        """A block is bad: nothing that builds on it is planned (False). One that was only replaced is read anew."""
        if block_hash in self._moved:
            self._moved.discard(block_hash)
            return True
        height = None if self._reader is None else self._reader.placed.get(block_hash)
        if height is None:  # the ledger refused it
            height = core_chain.height_of(self.core, block_hash)
        if height is None or block_hash in self._bad:
            self._count_move()
            return True
        self._bad[block_hash] = height
        return False

    def raw(self, block_hash: bytes) -> tuple[str, bytes]:
        """The node, and the bytes it gave for the block; nothing for one that was only replaced."""
        if block_hash in self._moved or self._reader is None:
            return self.core.host, b""
        return self.core.host, self._reader.raw(block_hash)

    def notes(self) -> list[str]:
        """What is normal but should be said, since it was last asked."""
        untold = 0 if self._reader is None else self._reader.untold
        notes = [*self._notes, *self._planned.notes]
        if untold and self._reader is not None:
            self._reader.untold = 0
            notes.append(
                f"{self.core.host} does not tell what {untold:,} block(s) spend: inputs whose transaction was not read "
                "stay unresolved (`tracer status` counts them)"
            )
        return notes

    def finish(self) -> None:
        """Nothing: what is wrong with a node is raised where it shows."""

    # Following ---------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Return when the node has a block above the last plan's newest one, or after so many seconds.

        One call that the node answers late, where it offers that; else, or where it is away, a sleep.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not self._waits:
                time.sleep(left)
                return
            part = min(left, WAIT_SECONDS)
            try:
                told = self.core.once(
                    "waitforblockheight", self.head + 1, max(1, int(part * 1000)), timeout=part + 10
                )
                if not isinstance(told, dict) or told.get("height", 0) > self.head:
                    return
            except NoMethod:
                self._waits = False
            except SourceUnavailable:
                time.sleep(max(0.0, until - time.monotonic()))

    # Inside ------------------------------------------------------------------------------------------

    def _hash_at(self, height: int) -> bytes | None:
        return core_chain.hash_at(self.core, height)

    def _outweighing(self, known: KnownChain, head: int, kept: int) -> int | None:
        """How many blocks of the node's branch above a height have more work than all that is stored above it.

        Counted against the heights that were read: a gap in the store is no lack of work.
        """
        stored = [block for block in known.blocks() if block.height > kept]
        lost, done = sum(work(block.bits) for block in stored), 0
        for height, bits in enumerate(core_chain.bits(self.core, self.chain, kept + 1, head), kept + 1):
            if height >= stored[0].height:
                done += work(bits)
            if done > lost:
                return height - kept
        return None

    def _moved_away(self, reader: Reader, job: Job, below: bytes) -> BadBlock:
        """What it means that a block does not follow the one below it: another branch, or a wrong answer."""
        if self._hash_at(job.first) == job.hashes[0] and self._hash_at(job.first - 1) == below:
            return reader.bad(job, "its previous hash is not that of the block below it")
        self._count_move()
        self._moved.add(job.hashes[0])
        return BadBlock(f"{self.core.host} changed its branch.", block_hash=job.hashes[0])

    def _count_move(self) -> None:
        self._moves += 1
        if self._moves > MOVES:
            raise SourceUnavailable(f"{self.core.host} changes its branch faster than it can be read.")


def _whole_to(runs: Sequence[tuple[int, int]], plans: Sequence[Plan]) -> int:
    """Up to which height every block was read, or will be by these plans: the first that is missing."""
    at = 0
    for low, high in sorted([*runs, *((each.first_height, each.last_height) for each in plans)]):
        if low > at:
            break
        at = max(at, high + 1)
    return at
