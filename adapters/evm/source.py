"""The `evm:URL` source: blocks of an EVM node as batches, in order, of one branch, whatever the node does meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from adapters.ahead import ordered
from adapters.branches import Plan, Planned, plan
from adapters.evm.chains import EvmChain
from adapters.evm.decode import Decoded
from adapters.evm.probe import Capabilities, capabilities, finalized, head, receipts, serves, traces
from adapters.evm.reading import Job, Reader
from adapters.evm.refusals import Call
from adapters.evm.rpc import Rpc
from adapters.http import THREADS, Patience
from tracer.errors import BadBlock, SourceUnavailable
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.batch import KnownChain

MOVES = 20
"""How often in a row a node may change its branch under our hands before we give up (P)."""
FINAL = -1
"""As `confirmations`: what the node calls final."""


class EvmSource:
    """An `evm:URL` source (`tracer.ledger.batch.BlockSource`).

    url            http(s) URL of a JSON-RPC endpoint; user and password or key may be part of it
    wanted         topics 0 of the events to keep
    confirmations  blocks left out below the node's newest one, or FINAL
    authorization  value of the Authorization header, for nodes behind a bearer token
    internal       False: traces are not asked for, and blocks are said to be without internal transfers
    """

    def __init__(
        self,
        url: str,
        chain: EvmChain,
        wanted: frozenset[bytes] = frozenset(),
        *,
        confirmations: int = 0,
        authorization: str | None = None,
        internal: bool = True,
        patience: Patience | None = None,
    ) -> None:
        self.chain, self.wanted, self.confirmations, self.internal = chain, wanted, confirmations, internal
        self.rpc = Rpc(url, authorization=authorization, patience=patience)
        self._reader: Reader | None = None
        self._said: Counter[str] = Counter()
        self._planned = Planned()
        self._bad: dict[bytes, int] = {}
        self._moved: set[bytes] = set()
        self._moves = 0

    def capabilities(self) -> Capabilities:
        """What the node offers; asks it."""
        return capabilities(self.rpc, self.chain)

    # What the ledger's pull asks for ----------------------------------------------------------------

    def plan(self, known: KnownChain, first: int | None = None, last: int | None = None) -> list[Plan]:
        """What is new, between the heights asked for; a lost branch is found wherever the fork is."""
        reader = self._met()
        top = head(self.rpc)
        limit = top - self.confirmations
        if self.confirmations == FINAL:
            final = finalized(self.rpc)
            if final is None:
                raise SourceUnavailable(
                    f"{self.rpc.host} does not say which blocks are final.", hint="Give --confirmations N."
                )
            limit = final
        for block_hash, height in self._bad.items():
            if height <= limit and reader.hash_at(height) == block_hash:
                limit = height - 1
        self._planned = plan(
            known, reader.hash_at, head=top, limit=limit, first=first, last=last, host=self.rpc.host
        )
        return self._planned.plans

    def batches(self, plan: Plan) -> Iterator[AccountBatch]:
        """The blocks of a plan in order; raises `BadBlock` at the first unsound one.

        Where the node changes its branch meanwhile, it ends in a `BadBlock` that `reject` answers with True: what
        came before is of the old branch, and the next plan finds the fork.
        """
        reader = self._met()
        parent = plan.parent
        for read in ordered(reader.jobs(plan.first_height, plan.last_height), _guarded(reader), THREADS):
            for decoded in _parts(reader, read):
                blocks = decoded.batch.blocks
                follows = blocks.column("prev_hash")[0].as_py()
                if parent is not None and follows != parent:
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
        block = self.rpc.ask("eth_getBlockByHash", self.chain.hash_text(block_hash), False)
        if block is not None:
            self._bad[block_hash] = int(block["number"], 16)
        return block is None

    def raw(self, block_hash: bytes) -> tuple[str, bytes]:
        """The node, and its answers about the block as they came; nothing for one that was only replaced."""
        if block_hash in self._moved:
            return self.rpc.host, b""
        if kept := self._met().refused.get(block_hash):
            return self.rpc.host, kept
        bodies = self.rpc.raw([Call("eth_getBlockByHash", (self.chain.hash_text(block_hash), True), 1)])
        return self.rpc.host, b"\n".join(bodies)

    def notes(self) -> list[str]:
        """What is normal but should be said, since it was last asked."""
        counted = [f"{said} ({count:,} blocks)" for said, count in sorted(self._said.items())]
        self._said.clear()
        return [*self._planned.notes, *counted]

    def finish(self) -> None:
        """Nothing: what is wrong with a node is raised where it shows."""

    def _met(self) -> Reader:
        """The reader, once the node was asked what it is and what it offers."""
        if self._reader is None:
            serves(self.rpc, self.chain)
            ways = traces(self.rpc, every=False) if self.internal else ()
            self._reader = Reader(self.rpc, self.chain, self.wanted, receipts(self.rpc), ways)
        return self._reader

    def _moved_away(self, block_hash: bytes) -> BadBlock:
        self._moves += 1
        if self._moves > MOVES:
            raise SourceUnavailable(f"{self.rpc.host} changes its branch faster than it can be read.")
        self._moved.add(block_hash)
        return BadBlock(f"{self.rpc.host} changed its branch.", block_hash=block_hash)


def _guarded(reader: Reader) -> Callable[[Job], Decoded | Job]:
    """Read a job; one with a bad block comes back as it is: the sound ones before it come first."""

    def read(job: Job) -> Decoded | Job:
        try:
            return reader.read(job)
        except BadBlock:
            return job

    return read


def _parts(reader: Reader, read: Decoded | Job) -> Iterator[Decoded]:
    """What a job gave; where a block of it was bad, all of them once more, one by one, up to that block."""
    if isinstance(read, Decoded):
        yield read
        return
    for height in read.heights:
        yield reader.read(Job(height, 1))
