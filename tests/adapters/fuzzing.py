"""The fuzz drills of the kernels that read what others wrote: blocks of every chain, and undo data."""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adapters.bitcoin import layouts, scan
from adapters.bitcoin.chains import CHAINS, BitcoinChain, Layout
from adapters.bitcoin.decode import Decoded, decode_blocks
from adapters.bitcoin.folder.undo import complete_keys, find_records, read_coins
from adapters.bitcoin.zcash import scan as zcash_scan
from adapters.simulation.encode import merkle_root, sha256d
from tests import wire
from tests.adapters.fuzz_samples import UNDO, samples
from tests.mutations import mutant

MERKLE = {
    "its Merkle root does not match its transactions",
    "its transactions are duplicated in the Merkle tree (CVE-2012-2459)",
    "its transactions are not in the order of their txids",
}
WITNESS = {
    "it commits to witnesses that are missing here",
    "it carries witnesses without a witness commitment",
    "its witness commitment does not match its witnesses",
}
KNOWN = MERKLE | WITNESS | set(scan.PROBLEMS.values()) | set(zcash_scan.PROBLEMS.values())
WRITINGS = [
    CHAINS[f"{name}-regtest"] for name in ("bitcoin", "litecoin", "dogecoin", "bitcoin-cash", "zcash")
]
"""One chain for each way to write blocks."""


def decoded(chain: BitcoinChain, *blocks: bytes, around: bytes = b"") -> Decoded:
    """What the decoder makes of blocks that lie between other bytes."""
    buffer = np.frombuffer(around + b"".join(blocks) + around, np.uint8).copy()
    sizes = np.array([len(block) for block in blocks], np.int64)
    ends = np.cumsum(sizes) + len(around)
    hashes = np.frombuffer(b"".join(sha256d(block[:80]) for block in blocks), np.uint8).reshape(-1, 32).copy()
    return decode_blocks(buffer, ends - sizes, ends, 1, hashes, chain)


def rules(chain: BitcoinChain, raw: bytes) -> wire.Rules:
    """What the plain reader has to know of a chain, and of this block's header."""
    size = chain.proof.size(raw)
    return wire.Rules(
        chain.max_money,
        len(raw) if size is None else size,
        witness=chain.segwit_height is not None,
        mweb=chain.layout is Layout.MWEB,
        by_txid=chain.txid_order_height is not None,
    )


def rooted(chain: BitcoinChain, raw: bytes) -> bytes:
    """The block with the Merkle root that its transactions have, where it can be read."""
    try:
        found = rules(chain, raw)
        if chain.layout is Layout.ZCASH:
            names = _walked(chain, raw, found.header)
        else:
            names = [tx.txid for tx in wire.transactions(raw, found)]
    except wire.Malformed:
        return raw
    return raw[:36] + merkle_root(names) + raw[68:]


def _walked(chain: BitcoinChain, raw: bytes, header: int) -> list[bytes]:
    """Txids as the decoder has them: of Zcash there is no plain reader here."""
    buffer, end = np.frombuffer(raw + b"\0", np.uint8).copy(), np.array([len(raw)], np.int64)
    walked = layouts.walk(buffer, np.array([header], np.int64), end, 1, chain)
    if walked.problem is not None:
        raise wire.Malformed(walked.problem)
    return [name.tobytes() for name in walked.txids]


def judge(chain: BitcoinChain, raw: bytes, beside: bytes) -> str:
    """Hold what the decoder says of a block to what a plain reader says; the problem, or `sound`.

    beside  a sound block: before and behind this one it changes nothing
    """
    made = decoded(chain, raw)
    assert made.problem is None or made.problem in KNOWN, made.problem
    assert (made.sound, made.batch is None) == ((0, True) if made.problem else (1, False))
    for around in (b"\0" * 64, b"\xff" * 64):
        assert _same(made, decoded(chain, raw, around=around)), "bytes outside the block matter"
    run = decoded(chain, beside, raw, beside)
    assert (run.sound, run.problem) == ((1, made.problem) if made.problem else (3, None))
    if chain.layout is not Layout.ZCASH:
        try:
            txs = wire.sound(raw, rules(chain, raw))
        except wire.Malformed as malformed:
            assert made.problem is not None, f"accepted, though: {malformed}"
        else:
            assert made.problem is None, f"refused without need: {made.problem}"
            _hold(made, txs)
    return made.problem or "sound"


def _same(one: Decoded, other: Decoded) -> bool:
    if one.problem != other.problem or one.batch is None or other.batch is None:
        return one.problem == other.problem
    return all(
        getattr(one.batch, name).equals(getattr(other.batch, name))
        for name in ("blocks", "txs", "outputs", "inputs")
    )


def _hold(made: Decoded, txs: Sequence[wire.Tx]) -> None:
    """The columns say what the plain reader read, whatever the order of the transactions."""
    assert made.batch is not None
    batch = made.batch
    read = {tx.txid: tx for tx in txs}
    names, inputs = batch.txs["txid"].to_pylist(), batch.inputs
    assert sorted(names) == sorted(read)
    ordered = [read[name] for name in names]
    spends = [put for tx in ordered[1:] for put in tx.ins]
    assert batch.txs["size"].to_pylist() == [len(tx.raw) for tx in ordered]
    assert batch.outputs["value"].to_pylist() == [value for tx in ordered for value, _ in tx.outs]
    assert inputs["prev_txid"].to_pylist() == [prev for prev, _, _, _ in spends]
    assert [vout % (1 << 32) for vout in inputs["prev_vout"].to_pylist()] == [
        vout for _, vout, _, _ in spends
    ]
    assert inputs["sequence"].to_pylist() == [sequence for _, _, _, sequence in spends]


@functools.cache
def known(chain: BitcoinChain) -> Sequence[bytes]:
    """Sound blocks in a chain's own writing, each with the root of its transactions."""
    found = [rooted(chain, block) for block in samples(chain)]
    for block in found:
        assert judge(chain, block, found[0]) == "sound"
    return found


def drill(chain: BitcoinChain, count: int, dice: random.Random) -> Counter[str]:
    """Judge `count` mutants; how often each thing was said of them."""
    blocks, said = known(chain), Counter[str]()
    for _ in range(count):
        raw = mutant(dice, blocks)
        said[judge(chain, rooted(chain, raw) if dice.random() < 0.5 else raw, blocks[0])] += 1
    return said


def drill_undo(count: int, dice: random.Random) -> Counter[str]:
    """Read mutated undo data; what is told stands inside what was given, and amounts are amounts."""
    most, said = CHAINS["bitcoin"].max_money, Counter[str]()
    for _ in range(count):
        raw, wanted = mutant(dice, UNDO), dice.choice(([2, 1], [1], [4], [300]))
        counts = np.array(wanted, np.int64)
        rows = np.cumsum(counts) - counts
        values, places = np.full(counts.sum(), -1, np.int64), np.zeros((counts.sum(), 2), np.int64)
        forms, scripts = np.zeros(counts.sum(), np.uint8), np.zeros(2 * len(raw), np.uint8)
        data = np.frombuffer(raw, np.uint8).copy()
        free = int(read_coins(data, 0, len(raw), counts, rows, most, values, places, forms, scripts, 0))
        assert -1 <= free <= len(scripts)
        if free >= 0:
            assert ((values >= 0) & (values <= most)).all()
            assert (places >= 0).all()
            assert (places.sum(axis=1) <= free).all()
            complete_keys(values, places, forms, scripts)
        said["told" if free >= 0 else "not told"] += 1
        found = np.empty((len(data) // 41 + 1, 3), np.int64)
        records = find_records(data, np.frombuffer(raw[:4].ljust(4), np.uint8), found)
        assert (found[:records, 0] + found[:records, 1] + 32 <= len(data)).all()
    return said


def resident() -> int:
    """Bytes of memory this process holds now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) * 1024
