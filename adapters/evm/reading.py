"""Read runs of blocks from a node: blocks, receipts and traces that belong together, decoded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from adapters.evm.chains import EvmChain
from adapters.evm.decode import Decoded, decode
from adapters.evm.probe import TRACER, Receipts, Traces
from adapters.evm.refusals import Call, NoState, parsed
from adapters.evm.rpc import Rpc
from adapters.http import Later, NoMethod, Refused, Unreachable
from tracer.errors import BadBlock, SourceUnavailable

JOB_BYTES = 6 << 20
"""Answers read and decoded at a time (P): with those under way, well under 100 MB."""
JOB_BLOCKS = 200
UNTRACED = "the node does not trace them: their internal transfers were not read"


@dataclass(frozen=True)
class Job:
    """A run of heights to read at once."""

    first: int
    blocks: int

    @property
    def heights(self) -> range:
        """Its heights."""
        return range(self.first, self.first + self.blocks)


class Reader:
    """Reads jobs, in any number of threads.

    receipts, traces  the ways the node offers (`adapters.evm.probe`); those that turn out not to work are dropped
    refused           answers about each bad block, read alone, by its hash
    """

    def __init__(
        self,
        rpc: Rpc,
        chain: EvmChain,
        wanted: frozenset[bytes],
        receipts: Receipts,
        traces: Sequence[Traces],
    ) -> None:
        self.rpc, self.chain, self.wanted = rpc, chain, wanted
        self.receipts, self.traces = receipts, tuple(traces)
        self.refused: dict[bytes, bytes] = {}
        self._block_bytes = JOB_BYTES / 4  # cautious until the first blocks came

    def hash_at(self, height: int) -> bytes | None:
        """The node's block hash at a height; None where it has no such block."""
        block = self.rpc.ask("eth_getBlockByNumber", hex(height), False)
        return None if block is None else self.chain.hash_bytes(block["hash"])

    def jobs(self, first: int, last: int) -> Iterator[Job]:
        """Runs of heights, each worth about JOB_BYTES by what blocks took so far."""
        while first <= last:
            worth = max(1, min(JOB_BLOCKS, int(JOB_BYTES / self._block_bytes)))
            yield (job := Job(first, min(worth, last - first + 1)))
            first += job.blocks

    def read(self, job: Job) -> Decoded:
        """Ask for a run of blocks until its answers fit together, and decode them.

        `BadBlock` where a block breaks a rule, `SourceUnavailable` where the node gives no fitting answers.
        """
        attempt = 0
        while True:
            try:
                return self._read(job)
            except (Refused, Unreachable):
                raise
            except SourceUnavailable:  # cut answers, or a reorg between two of them
                if attempt >= self.rpc.patience.attempts:
                    raise
                time.sleep(self.rpc.patience.wait(attempt))
                attempt += 1

    def _read(self, job: Job) -> Decoded:
        blocks = self.rpc.raw([Call("eth_getBlockByNumber", (hex(at), True), at) for at in job.heights])
        receipts = self._ask_receipts(job, blocks)
        frames, untraced = self._ask_frames(job)
        try:
            decoded = decode(self.chain, blocks, receipts, frames, wanted=self.wanted)
        except BadBlock as problem:
            if job.blocks == 1 and problem.block_hash is not None:
                self.refused[problem.block_hash] = b"\n".join((*blocks, *receipts, *(frames or ())))
            raise
        if frames is not None:
            self._check_unmoved(job, decoded)
        size = sum(map(len, (*blocks, *receipts, *(frames or ()))))
        self._block_bytes = max(size / job.blocks, 0.5 * self._block_bytes)
        if untraced:
            decoded = replace(decoded, notes={**decoded.notes, UNTRACED: untraced})
        return decoded

    def _ask_receipts(self, job: Job, blocks: Sequence[bytes]) -> list[bytes]:
        if self.receipts is Receipts.BLOCK:
            try:
                return self.rpc.raw([Call(Receipts.BLOCK, (hex(at),), at) for at in job.heights])
            except NoMethod:
                self.receipts = Receipts.TRANSACTION
        names = [name for body in blocks for name in _transactions(body)]
        return self.rpc.raw([Call(Receipts.TRANSACTION, (name,), at) for at, name in enumerate(names)])

    def _ask_frames(self, job: Job) -> tuple[list[bytes] | None, int]:
        """Traces, and of how many blocks there are none. None: of all.

        Nothing happens in a genesis block, and geth refuses to trace it.
        """
        heights = [at for at in job.heights if at > 0]
        genesis = [b'{"jsonrpc":"2.0","id":0,"result":[]}'] if job.first == 0 else []
        while self.traces:
            way = self.traces[0]
            try:
                return genesis + self.rpc.raw([_trace(way, at) for at in heights]), 0
            except NoMethod:
                self.traces = tuple(other for other in self.traces if other is not way)
            except Refused:
                traced = self._one_by_one(way, heights)
                return genesis + traced, len(heights) - len(traced)
        return None, job.blocks

    def _one_by_one(self, way: Traces, heights: Sequence[int]) -> list[bytes]:
        """Traces of those blocks that the node does trace: some are too large for it, or too old."""
        bodies: list[bytes] = []
        for height in reversed(heights):
            try:
                bodies += self.rpc.raw([_trace(way, height)])
            except NoState:
                break  # nor has it the state of any block below
            except Refused:
                continue
        return bodies

    def _check_unmoved(self, job: Job, decoded: Decoded) -> None:
        """A callTracer answer does not name its block: the branch must be the same after all answers came."""
        last = decoded.batch.blocks.column("hash")[-1].as_py()
        if self.hash_at(job.heights[-1]) != last:
            raise SourceUnavailable(f"{self.rpc.host} changed its branch while it was read.")


def _trace(way: Traces, height: int) -> Call:
    return Call(way, (hex(height), TRACER) if way is Traces.DEBUG else (hex(height),), height)


def _transactions(body: bytes) -> Iterator[str]:
    """Hashes of the transactions in answers of eth_getBlockByNumber."""
    try:
        answers = parsed(body)
    except Later as problem:
        raise SourceUnavailable(f"the node {problem.reason}.") from None
    for answer in answers if isinstance(answers, list) else [answers]:
        for transaction in (answer["result"] or {}).get("transactions", ()):
            yield transaction["hash"]
