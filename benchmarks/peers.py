"""Decoding of one real-sized block: our kernel, and the object parser of bitcoinlib, in the same run."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from io import BytesIO

import numpy as np

SAMPLE = 400
"""Transactions the object parser is timed on; it is linear."""


def measure(runs: int) -> list[str]:
    """Rows of a table; every figure per transaction."""
    from adapters.bitcoin.chains import CHAINS
    from adapters.bitcoin.decode import decode_blocks
    from adapters.simulation import build_world
    from adapters.simulation.encode import sha256d

    blocks = list(build_world("market", seed=1, txs=20_000).blocks())
    raw = np.frombuffer(b"".join(blocks), np.uint8).copy()
    ends = np.cumsum([len(b) for b in blocks])
    starts = ends - np.array([len(b) for b in blocks])
    hashes = np.array([np.frombuffer(sha256d(b[:80]), np.uint8) for b in blocks])
    chain = CHAINS["bitcoin-regtest"]
    ours, theirs = [], []
    count = 0
    for _ in range(runs + 1):
        began = time.perf_counter()
        decoded = decode_blocks(raw, starts, ends, 0, hashes, chain)
        seconds = time.perf_counter() - began
        assert decoded.batch is not None
        count = decoded.batch.txs.num_rows
        ours.append(seconds / count * 1e6)
        theirs.append(_bitcoinlib(blocks))
    mine, peer = statistics.median(ours[1:]), statistics.median(theirs[1:])
    return [
        "| parser | microseconds per transaction | ratio |",
        "|---|---|---|",
        f"| tracer: columns, txids, scripts, Merkle and witness checks ({count:,} transactions) | {mine:.1f} | 1 |",
        f"| bitcoinlib 0.7: objects, no Merkle check (sample of {SAMPLE}) | {peer:,.0f} | {peer / mine:,.0f} |",
    ]


def _bitcoinlib(blocks: list[bytes]) -> float:
    """Microseconds per transaction of the object parser."""
    os.environ.setdefault("BCL_DATA_DIR", tempfile.mkdtemp())
    from bitcoinlib.transactions import Transaction

    done, seconds = 0, 0.0
    for block in blocks[600:]:
        stream = BytesIO(block[80:])
        head = stream.read(1)[0]
        count = head if head < 0xFD else int.from_bytes(stream.read(2), "little")
        began = time.perf_counter()
        for _ in range(count):
            Transaction.parse_bytesio(stream, strict=False)
        seconds += time.perf_counter() - began
        done += count
        if done >= SAMPLE:
            break
    return seconds / done * 1e6
