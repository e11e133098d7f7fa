"""How fast this machine loads a chain: a simulated one in two parts, each by a process of its own.

The second part is three times as long and goes on top of the first: their difference is the slope without fixed costs.
`python -m adapters.bitcoin.rehearsal BLOCKS WORKSPACE LAST MEMORY THREADS` is one part.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

from tracer.errors import SourceUnavailable

CHAIN = "bitcoin-regtest"
LEAST = 5_000
"""Fewer transactions measure nothing."""
WARM = 2


@dataclass(frozen=True)
class Part:
    """What one part of the blocks took: rows of transactions, inputs and outputs; time without start-up and compiling.

    store_bytes  of the whole store afterwards; peak_bytes: the most memory the process held
    """

    transactions: int
    inputs: int
    outputs: int
    seconds: float
    store_bytes: int
    peak_bytes: int

    @property
    def rows(self) -> int:
        """Transactions, inputs and outputs."""
        return self.transactions + self.inputs + self.outputs


def rehearse(
    txs: int,
    folder: Path,
    *,
    memory: str | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Part, Part]:
    """Make a simulated chain of about this many transactions below `folder`, load it, and leave nothing behind.

    memory, threads  as DuckDB is given them. `SourceUnavailable` where a process ends in an error, such as a full disk.
    """
    from adapters.simulation import build_world

    place = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=folder))
    say = progress or (lambda _done, _of: None)
    try:
        (place / "blocks").mkdir()
        world = build_world("market", seed=1, txs=txs)
        try:
            world.write_blocks(place / "blocks")
            counts = [_count(block) for block in world.blocks()]
        finally:
            world.close()
        say(1, 3)
        first = _part(place, _first(counts), memory, threads)
        say(2, 3)
        second = _part(place, len(counts) - 1, memory, threads)
        say(3, 3)
        return first, second
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _count(block: bytes) -> int:
    first = block[80]
    return first if first < 0xFD else int.from_bytes(block[81:83], "little")


def _first(counts: list[int]) -> int:
    """The height up to which a quarter of the transactions stand."""
    sums = list(accumulate(counts))
    return bisect_left(sums, sums[-1] // 4)


def _part(place: Path, last: int, memory: str | None, threads: int | None) -> Part:
    asked = [str(place / "blocks"), str(place / "workspace"), str(last), memory or "", str(threads or "")]
    words = [sys.executable, "-P", "-m", "adapters.bitcoin.rehearsal", *asked]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - this program itself
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise SourceUnavailable(f"the rehearsal stopped: {reason}.")
    return Part(**json.loads(done.stdout))


def _load(blocks: Path, folder: Path, last: int, memory: str | None, threads: int | None) -> Part:
    """Load blocks up to a height into a workspace; what was there before is not counted."""
    from adapters.bitcoin.chains import CHAINS
    from adapters.bitcoin.folder.source import BlockFiles
    from tracer.ledger.coverage import chain_status
    from tracer.ledger.pull import pull
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    chain = CHAINS[CHAIN]

    def opened(where: Workspace) -> Ledger:
        return Ledger.open(where, chain, read_only=False, memory=memory, threads=threads)

    def rows(where: Workspace) -> list[int]:
        with opened(where) as ledger:
            status = chain_status(ledger)
        return [int(status[name]) for name in ("txs", "inputs", "outputs")]

    workspace, other = Workspace(folder).ready(), Workspace(folder.parent / f"warm-{last}").ready()
    pull(lambda: opened(other), BlockFiles(blocks, chain), last=WARM)  # loads compiled kernels
    before = rows(workspace)
    began = time.perf_counter()
    pull(lambda: opened(workspace), BlockFiles(blocks, chain), last=last)
    seconds = time.perf_counter() - began
    txs, inputs, outputs = (now - then for now, then in zip(rows(workspace), before, strict=True))
    size = sum(file.stat().st_size for file in workspace.chains.rglob("*") if file.is_file())
    return Part(txs, inputs, outputs, seconds=seconds, store_bytes=size, peak_bytes=_peak())


def _peak() -> int:
    """Most memory this process held: of its own, where the system tells that apart from its parent's (Linux)."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    blocks, folder, last, memory, threads = sys.argv[1:]
    part = _load(Path(blocks), Path(folder), int(last), memory or None, int(threads) if threads else None)
    sys.stdout.write(json.dumps(asdict(part)))
