"""The `tron:URL` source: blocks of a java-tron node as batches, in order, of one branch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from adapters.ahead import ordered
from adapters.branches import Plan, Planned, plan
from adapters.evm.decode import Decoded
from adapters.evm.reading import Job
from adapters.evm.source import FINAL, MOVES
from adapters.http import IN_FLIGHT, Patience
from adapters.tron.api import Api
from adapters.tron.chains import TronChain
from adapters.tron.reading import Reader
from tracer.errors import BadBlock, SourceUnavailable
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.batch import KnownChain

Problem = tuple[Job, BadBlock]


class TronSource:
    """A `tron:URL` source (`tracer.ledger.batch.BlockSource`).

    url            http(s) URL of a full node's HTTP API; user and password may be part of it
    wanted         topics 0 of the events to keep
    confirmations  blocks left out below the node's newest one, or FINAL: its newest solid block
    key            API key of a provider; else `TRON_PRO_API_KEY` of the environment
    """

    def __init__(
        self,
        url: str,
        chain: TronChain,
        wanted: frozenset[bytes] = frozenset(),
        *,
        confirmations: int = 0,
        key: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.confirmations = confirmations
        self.api = Api(url, key=key, patience=patience)
        self.reader = Reader(self.api, chain, wanted)
        self._served = False
        self._said: Counter[str] = Counter()
        self._planned = Planned()
        self._bad: set[bytes] = set()
        self._moved: set[bytes] = set()
        self._moves = 0

    def plan(self, known: KnownChain, first: int | None = None, last: int | None = None) -> list[Plan]:
        """What is new, between the heights asked for; a lost branch is found wherever the fork is."""
        if not self._served:
            self.reader.serves()
            self._served = True
        head = self.reader.head()
        limit = self.reader.final() if self.confirmations == FINAL else head - self.confirmations
        for block_hash in self._bad:
            if self.reader.has(block_hash):
                limit = min(limit, int.from_bytes(block_hash[:8], "big") - 1)
        self._planned = plan(
            known, self.reader.hash_at, head=head, limit=limit, first=first, last=last, host=self.api.host
        )
        return self._planned.plans

    def batches(self, plan: Plan) -> Iterator[AccountBatch]:
        """The blocks of a plan in order; raises `BadBlock` at the first unsound one.

        Where the node changes its branch meanwhile, it ends in a `BadBlock` that `reject` answers with True: what
        came before is of the old branch, and the next plan finds the fork.
        """
        parent = plan.parent
        jobs = self.reader.jobs(plan.first_height, plan.last_height)
        for read in ordered(jobs, _guarded(self.reader), IN_FLIGHT):
            for decoded in _parts(self.reader, read):
                blocks = decoded.batch.blocks
                if parent is not None and blocks.column("prev_hash")[0].as_py() != parent:
                    raise self._moved_away(blocks.column("hash")[0].as_py())
                parent = blocks.column("hash")[-1].as_py()
                self._moves = 0
                self._said.update(decoded.notes)
                yield decoded.batch

    def reject(self, block_hash: bytes) -> bool:
        """A block is bad: nothing that builds on it is planned (False). One that was only replaced is read anew."""
        if block_hash in self._moved:
            self._moved.discard(block_hash)
            return True
        self._bad.add(block_hash)
        return not self.reader.has(block_hash)

    def raw(self, block_hash: bytes) -> tuple[str, bytes]:
        """The node, and what it says of the block; empty where the node has dropped it."""
        return self.api.host, b"" if block_hash in self._moved else self.reader.raw(block_hash)

    def notes(self) -> list[str]:
        """What is normal but should be said, since it was last asked."""
        counted = [f"{said} ({count:,} blocks)" for said, count in sorted(self._said.items())]
        self._said.clear()
        return [*self._planned.notes, *counted]

    def finish(self) -> None:
        """Nothing: what is wrong with a node is raised where it shows."""

    def _moved_away(self, block_hash: bytes) -> BadBlock:
        self._moves += 1
        if self._moves > MOVES:
            raise SourceUnavailable(f"{self.api.host} changes its branch faster than it can be read.")
        self._moved.add(block_hash)
        return BadBlock(f"{self.api.host} changed its branch.", block_hash=block_hash)


def _guarded(reader: Reader) -> Callable[[Job], Decoded | Problem]:
    """Read a job; a bad block is told, not raised: the sound ones before it come first."""

    def read(job: Job) -> Decoded | Problem:
        try:
            return reader.read(job)
        except BadBlock as problem:
            return job, problem

    return read


def _parts(reader: Reader, read: Decoded | Problem) -> Iterator[Decoded]:
    if isinstance(read, Decoded):
        yield read
        return
    job, problem = read
    if job.blocks > 1:
        for height in job.heights:
            yield reader.read(Job(height, 1))
    raise problem
