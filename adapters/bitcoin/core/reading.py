"""Read runs of blocks from a Core-like node by their hashes, check every header, and decode them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adapters.bitcoin import written
from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.core.chain import HASHES, State, hashes_from
from adapters.bitcoin.core.rpc import Asked, Core, NodeError
from adapters.bitcoin.core.spent import Told, tell
from adapters.bitcoin.core.ways import Blocks, Spent, raw_block, spent_way, verbosity
from adapters.bitcoin.decode import decode_blocks
from adapters.bitcoin.headers import work_problem
from adapters.http import NoMethod, Refused
from tracer.errors import BadBlock
from tracer.ledger.batch import UtxoBatch

JOB_BYTES = 8 << 20
"""Blocks read and decoded at a time (P): with those under way, well under 200 MB."""
JOB_BLOCKS = 100
TEXT_BYTES = 4 << 20
"""Blocks asked for as text in one request (P)."""
FIRST_TOGETHER = 8
"""Blocks in the first request of several; twice as many in each further one, up to the node's batch (P)."""
SMALL = 16 << 10
"""Up to so many bytes a block, several in a request as text come faster than REST's one by one (P)."""


@dataclass(frozen=True)
class Job:
    """A run of blocks to read at once: their hashes in wire order, of consecutive heights."""

    first: int
    hashes: tuple[bytes, ...]

    def rest(self, done: int) -> Job | None:
        """What is left of it after its first blocks."""
        left = self.hashes[done:]
        return Job(self.first + done, left) if left else None

    def only(self, index: int) -> Job:
        """One block of it alone."""
        return Job(self.first + index, self.hashes[index : index + 1])


@dataclass(frozen=True)
class Read:
    """What came of a job: its sound front, and why the next block is not.

    moved   the next block does not follow the one below it: the node's branch changed, or its numbering is wrong
    """

    batch: UtxoBatch | None
    sound: int
    problem: str | None = None
    moved: bool = False


class Reader:
    """Reads jobs, in any number of threads.

    blocks    the way the node offers (`adapters.bitcoin.core.ways`)
    spent     the way to ask for spent outputs, None where there is none; dropped where it turns out not to work
    refused   the bytes of each bad block, by its hash; placed: at which height the node gave it
    untold    blocks whose spent outputs were wanted and not told
    """

    def __init__(self, core: Core, chain: BitcoinChain, blocks: Blocks, block_bytes: int) -> None:
        self.core, self.chain = core, chain
        self.blocks = blocks
        self.spent: Spent | None = None
        self._asked = False
        self.refused: dict[bytes, bytes] = {}
        self.placed: dict[bytes, int] = {}
        self.untold = 0
        # small ones as text also where REST is offered, until the node refuses that
        self._text = {Blocks.REST: Blocks.RAW, Blocks.RAW: blocks, Blocks.OLD_RAW: blocks}.get(blocks)
        self._block_bytes = float(block_bytes)  # until others came
        self._together = FIRST_TOGETHER

    def jobs(self, first: int, last: int) -> Iterator[Job]:
        """Runs of heights, each worth about JOB_BYTES by what blocks took so far; their hashes as the node has them."""
        while first <= last:
            hashes = hashes_from(self.core, first, min(HASHES, last - first + 1))
            if not hashes:
                return  # its branch became shorter: the next plan sees that
            while hashes:
                worth = max(1, min(JOB_BLOCKS, int(JOB_BYTES / self._block_bytes)))
                yield Job(first, tuple(hashes[:worth]))
                first += len(hashes[:worth])
                hashes = hashes[worth:]

    def tells(self, now: State) -> None:
        """Find out how the node tells what is spent; asked once."""
        if not self._asked:
            self.spent, self._asked = spent_way(self.core, now.head, now.lowest), True

    def read(self, job: Job, *, spent: bool) -> Read:
        """Ask for the blocks of a job and decode them; fewer of them where they are larger than expected.

        spent   ask for what they spend too
        """
        blocks = self._fetch(job)
        sound, problem, moved = self._checked(job, blocks)
        if not sound:
            return Read(None, 0, problem, moved)
        blocks = blocks[:sound]
        ends = np.cumsum(np.array([len(block) for block in blocks], np.int64))
        decoded = decode_blocks(
            np.frombuffer(b"".join(blocks), np.uint8),
            np.concatenate(([0], ends[:-1])).astype(np.int64),
            ends.astype(np.int64),
            job.first,
            np.frombuffer(b"".join(job.hashes[:sound]), np.uint8).reshape(-1, 32).copy(),
            self.chain,
        )
        batch = decoded.batch
        if decoded.problem is not None:
            self.refused[job.hashes[decoded.sound]] = blocks[decoded.sound]
            problem, moved = decoded.problem, False
        if batch is not None and spent:
            batch, misfit = tell(batch, self._told(job, decoded.sound), self.chain)
            if misfit is not None:
                self.refused[job.hashes[misfit]] = blocks[misfit]
                problem = "the spent outputs told with it do not fit its inputs"
                return self._before(job, misfit, problem)
        return Read(batch, decoded.sound, problem, moved)

    def _before(self, job: Job, bad: int, problem: str) -> Read:
        """The blocks before the one whose spent outputs do not fit."""
        if not bad:
            return Read(None, 0, problem)
        before = self.read(Job(job.first, job.hashes[:bad]), spent=True)
        return before if before.sound < bad else Read(before.batch, bad, problem)

    def raw(self, block_hash: bytes) -> bytes:
        """The bytes of a block that was refused, by us or by the ledger."""
        return self.refused.get(block_hash) or raw_block(self.core, self.blocks, block_hash)

    def _fetch(self, job: Job) -> list[bytes]:
        """The blocks' bytes, as many as are worth a job."""
        out: list[bytes] = []
        size = 0
        while len(out) < len(job.hashes) and size < 2 * JOB_BYTES:
            some = self._some(job.hashes[len(out) :])
            out += some
            size += sum(map(len, some))
        return out

    def _some(self, hashes: Sequence[bytes]) -> list[bytes]:
        """Bytes of the next blocks: several in a request where they are small."""
        way = self._text
        if way is None or (self.blocks is Blocks.REST and self._block_bytes > SMALL):
            return self._measured([raw_block(self.core, self.blocks, hashes[0])])
        most = max(1, min(self._together, int(TEXT_BYTES / self._block_bytes)))
        calls = [Asked("getblock", (each[::-1].hex(), verbosity(way))) for each in hashes[:most]]
        try:
            found = [bytes.fromhex(text) for text in self.core.all(calls)]
        except Refused:
            if self.blocks is not Blocks.REST:
                raise
            self._text = None
            return self._some(hashes)
        except (TypeError, ValueError):
            raise BadBlock(f"{self.core.host} gives blocks that are no hexadecimal text.") from None
        self._together = min(self.core.batch, 2 * most)
        return self._measured(found)

    def _measured(self, blocks: list[bytes]) -> list[bytes]:
        """The blocks, after a look at how long they are."""
        self._block_bytes = max(sum(map(len, blocks)) / len(blocks), 0.5 * self._block_bytes)
        return blocks

    def _checked(self, job: Job, blocks: Sequence[bytes]) -> tuple[int, str | None, bool]:
        """How many blocks are those asked for, with their work and in their order; what is wrong with the next."""
        proof = self.chain.proof
        for index, (block, asked) in enumerate(zip(blocks, job.hashes, strict=False)):
            size = proof.size(block)
            problem, moved = None, False
            if size is None or proof.hash(block[:size]) != asked:
                problem = "what the node gives for it is another block"
            elif index and block[4:36] != job.hashes[index - 1]:
                problem, moved = "its previous hash is not that of the block below it", True
            else:
                problem = work_problem(block[:size], self.chain)
            if problem is not None:
                self.refused[asked] = block
                return index, problem, moved
        return len(blocks), None, False

    def _told(self, job: Job, count: int) -> list[Told]:
        """What the first blocks of a job spend, as far as the node tells it."""
        out = [self._spent(each) for each in job.hashes[:count]]
        self.untold += sum(each is None for each in out)
        return out

    def _spent(self, block_hash: bytes) -> Told:
        name = block_hash[::-1].hex()
        try:
            if self.spent is Spent.REST:
                return self.core.rest(f"spenttxouts/{name}.bin")
            if self.spent is Spent.VERBOSE:
                told = written.spent(self.core.ask("getblock", name, 3))
                if told is None:
                    self.spent = None
                return told
        except NoMethod:
            self.spent = None
        except NodeError:  # of this block only: a pruned node may have it without what it spent
            return None
        return None

    def bad(self, job: Job, problem: str) -> BadBlock:
        """The error for the first block of a job."""
        self.placed[job.hashes[0]] = job.first
        return BadBlock(
            f"{self.core.host}: block {job.hashes[0][::-1].hex()} at height {job.first} is refused, {problem}.",
            hint="Ask another node, then run the same command: it resumes.",
            block_hash=job.hashes[0],
        )
