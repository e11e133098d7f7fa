"""Read runs of blocks from a Tron node: blocks and results that belong together, decoded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from adapters.evm.decode import Decoded
from adapters.evm.reading import Job
from adapters.http import Unreachable
from adapters.tron.api import Api, Missing
from adapters.tron.chains import TronChain
from adapters.tron.decode import decode
from tracer.errors import SourceUnavailable

JOB_BYTES = 6 << 20
"""Answers read and decoded at a time (P): with those under way, well under 100 MB."""
BLOCK_BYTES = 400_000
"""What a block with its results is thought to take before one was read (P): one of the main network with 300 calls."""
JOB_BLOCKS = 100
"""Most blocks that java-tron gives in one answer (`BLOCK_LIMIT_NUM`)."""


class Reader:
    """Reads jobs, in any number of threads. What the node turns out not to offer is not asked for again."""

    def __init__(self, api: Api, chain: TronChain, wanted: frozenset[bytes]) -> None:
        self.api, self.chain, self.wanted = api, chain, wanted
        self._block_bytes = float(BLOCK_BYTES)
        self._ranges = self._results = self._headers = True

    def serves(self) -> None:
        """`SourceUnavailable` where the node's first block is not the chain's."""
        genesis = self.hash_at(0)
        if genesis != self.chain.genesis:
            theirs = genesis.hex() if genesis else "nothing"
            raise Unreachable(
                f"{self.api.host} serves another network: its first block is {theirs}, and that of "
                f"{self.chain.name} is {self.chain.genesis.hex()}.",
                hint=f"Name a node of {self.chain.name}.",
            )

    def hash_at(self, height: int) -> bytes | None:
        """The node's block id at a height; None where it has no such block."""
        return _id(self._header({"id_or_num": str(height)}, "/wallet/getblockbynum", {"num": height}))

    def head(self) -> int:
        """Height of its newest block."""
        return self._height(self._header({}, "/wallet/getnowblock", {}))

    def final(self) -> int:
        """Height of the newest block that two thirds of the witnesses built on; it can no longer be undone."""
        return self._height(self.api.ask("/walletsolidity/getnowblock", {}))

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
            except Unreachable:
                raise
            except SourceUnavailable:  # answers of two branches, or an error in place of one
                attempt += 1
                if attempt >= self.api.patience.attempts:
                    raise
                time.sleep(self.api.patience.wait(attempt - 1))

    def raw(self, block_hash: bytes) -> bytes:
        """What the node says of a block, by its id; its results are of that height."""
        block = self.api.raw("/wallet/getblockbyid", {"value": block_hash.hex()})
        infos, receipts = self._told([int.from_bytes(block_hash[:8], "big")])
        return b"\n".join((block, *infos, *receipts))

    def has(self, block_hash: bytes) -> bool:
        """Whether the node still has a block on its branch."""
        return self.hash_at(int.from_bytes(block_hash[:8], "big")) == block_hash

    def _read(self, job: Job) -> Decoded:
        blocks = self._blocks(job)
        infos, receipts = self._told(job.heights)
        decoded = decode(self.chain, blocks, infos, receipts, wanted=self.wanted)
        read = decoded.batch.blocks
        if read.column("height").to_pylist() != list(job.heights):
            raise SourceUnavailable(
                f"{self.api.host} gave {read.num_rows} of the {job.blocks} blocks from height {job.first} on."
            )
        if read.column("hash")[:-1].to_pylist() != read.column("prev_hash")[1:].to_pylist():
            raise SourceUnavailable(f"{self.api.host} changed its branch while it was read.")
        size = sum(map(len, (*blocks, *infos, *receipts)))
        self._block_bytes = max(size / job.blocks, 0.7 * self._block_bytes)
        return decoded

    def _blocks(self, job: Job) -> list[bytes]:
        if self._ranges:
            try:
                bounds = {"startNum": job.first, "endNum": job.first + job.blocks, "visible": False}
                return [self.api.raw("/wallet/getblockbylimitnext", bounds)]
            except Missing:
                self._ranges = False
        # JSON-RPC is no way out here: its `value` does not say of which asset it is
        return [self.api.raw("/wallet/getblockbynum", {"num": at, "visible": False}) for at in job.heights]

    def _told(self, heights: Sequence[int]) -> tuple[list[bytes], list[bytes]]:
        """Results of transactions, from the HTTP API, else from JSON-RPC."""
        if self._results:
            try:
                path = "/wallet/gettransactioninfobyblocknum"
                return [self.api.raw(path, {"num": at, "visible": False}) for at in heights], []
            except Missing:
                self._results = False
        calls = (
            {"jsonrpc": "2.0", "id": at, "method": "eth_getBlockReceipts", "params": [hex(at)]}
            for at in heights
        )
        return [], [self.api.raw("/jsonrpc", call) for call in calls]

    def _header(self, question: dict[str, object], other: str, otherwise: dict[str, object]) -> Any:
        """A block's header; nodes before 4.7 give it with all transactions only."""
        if self._headers:
            try:
                return self.api.ask("/wallet/getblock", {**question, "detail": False})
            except Missing:
                self._headers = False
        return self.api.ask(other, otherwise)

    def _height(self, block: Any) -> int:
        block_id = _id(block)
        if block_id is None:
            raise SourceUnavailable(f"{self.api.host} does not say which block is its newest.")
        return int.from_bytes(block_id[:8], "big")


def _id(block: Any) -> bytes | None:
    """The id of a block as the API writes it; None where the answer is no block."""
    text = block.get("blockID") if isinstance(block, dict) else None
    try:
        found = bytes.fromhex(text or "")
    except (TypeError, ValueError):
        return None
    return found if len(found) == 32 else None
