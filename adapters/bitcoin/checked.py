"""What blocks are held to while they are decoded, and the order in which their transactions happened."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin import layouts, scan
from adapters.bitcoin.entry import BitcoinChain
from adapters.bitcoin.execution import execution_order, first_unsorted
from adapters.bitcoin.hashing import sha256_pieces, sha256_rows

_COMMITMENT = np.frombuffer(bytes.fromhex("6a24aa21a9ed"), np.uint8)


@nb.njit(nogil=True, cache=True)
def gather(buffer, offsets, out):  # type: ignore[no-untyped-def]
    """Copy `out.shape[1]` bytes at each offset into the rows of `out`."""
    for i in range(offsets.shape[0]):
        at = offsets[i]
        for k in range(out.shape[1]):
            out[i, k] = buffer[at + k]


@nb.njit(nogil=True, cache=True)
def _pair_up(level, firsts, counts, new_firsts, pairs, mutated):  # type: ignore[no-untyped-def]
    """One Merkle step for several trees at once: neighbours side by side, an odd last one twice."""
    for t in range(firsts.shape[0]):
        n = counts[t]
        for p in range((n + 1) // 2):
            left = firsts[t] + 2 * p
            right = left + 1 if 2 * p + 1 < n else left
            same = True
            row = new_firsts[t] + p
            for k in range(32):
                pairs[row, k] = level[left, k]
                pairs[row, 32 + k] = level[right, k]
                same = same and level[left, k] == level[right, k]
            if same and right != left:
                mutated[t] = True


def merkle(
    leaves: NDArray[np.uint8], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Merkle root of each tree, and whether two equal neighbours make its leaves ambiguous.

    leaves (n, 32): the trees' leaves one after the other; counts (t,): leaves per tree, all positive.
    """
    roots = np.empty((len(counts), 32), np.uint8)
    mutated = np.zeros(len(counts), np.bool_)
    trees = np.arange(len(counts))
    firsts = np.cumsum(counts) - counts
    level = leaves
    while True:
        done = counts == 1
        roots[trees[done]] = level[firsts[done]]
        trees, firsts, counts = trees[~done], firsts[~done], counts[~done]
        if not len(trees):
            return roots, mutated
        halves = (counts + 1) // 2
        new_firsts = np.cumsum(halves) - halves
        pairs = np.empty((int(halves.sum()), 64), np.uint8)
        twins = np.zeros(len(trees), np.bool_)
        _pair_up(level, firsts, counts, new_firsts, pairs, twins)
        mutated[trees] |= twins
        level = sha256_rows(pairs, double=True)
        firsts, counts = new_firsts, halves


class Blocks:
    """The walked blocks of one call, as arrays cut to what was sound."""

    def __init__(
        self,
        buffer: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        first_height: int,
        chain: BitcoinChain,
    ) -> None:
        bodies = starts + _header_sizes(buffer, starts, ends, chain)
        walked = layouts.walk(buffer, bodies, ends, first_height, chain)
        self.buffer, self.starts, self.ends = buffer, starts, ends
        self.first_height, self.chain = first_height, chain
        self.tx, self.txin, self.txout, self.txids = walked.tx, walked.txin, walked.txout, walked.txids
        self.sound, self.problem, self.pools = walked.sound, walked.problem, walked.pools
        self.counts = walked.counts
        self.firsts = np.cumsum(self.counts) - self.counts

    def block_at(self, height: int | None) -> int:
        """The block of a height, or the end of all where there is none; the first where it is below."""
        return self.sound if height is None else min(self.sound, max(0, height - self.first_height))

    def header(self, offset: int, size: int) -> NDArray[np.uint8]:
        """The same `size` bytes of every sound header: (blocks, size)."""
        out = np.empty((self.sound, size), np.uint8)
        gather(self.buffer, self.starts[: self.sound] + offset, out)
        return out

    def cut(self, sound: int, problem: str) -> None:
        """Forget everything from block `sound` on."""
        if sound < self.sound:
            self.sound, self.problem = sound, problem

    def check_merkle(self) -> None:
        """Merkle root against the header."""
        if not self.sound:
            return
        roots, mutated = merkle(self.txids, self.counts)
        wrong = (roots != self.header(36, 32)).any(axis=1)
        for bad, reason in (
            (wrong, "its Merkle root does not match its transactions"),
            (mutated & ~wrong, "its transactions are duplicated in the Merkle tree (CVE-2012-2459)"),
        ):
            if bad.any():
                self.cut(int(np.flatnonzero(bad)[0]), reason)

    def check_place(self, hashes: NDArray[np.uint8]) -> None:
        """Checkpoints: chains with a common past have another block there."""
        for height, known in self.chain.checkpoints:
            block = height - self.first_height
            if 0 <= block < self.sound and hashes[block].tobytes()[::-1].hex() != known:
                self.cut(block, f"the block of {self.chain.name} at this height is {known}")

    def check_target(self) -> None:
        """Within an adjustment period all blocks have one target: those of a chain that left do not."""
        interval = self.chain.retarget_interval
        if interval is None or self.sound < 2:
            return
        bits = self.header(self.chain.proof.time_at + 4, 4).view("<u4").reshape(-1)
        inside = (self.first_height + np.arange(1, self.sound)) % interval != 0
        changed = np.flatnonzero((bits[1:] != bits[:-1]) & inside)
        if len(changed):
            self.cut(
                int(changed[0]) + 1, f"its target is not that of the block before, as in {self.chain.name}"
            )

    def check_order(self) -> None:
        """Order by txid, where the chain demands it."""
        found = first_unsorted(
            self.txids, self.firsts, self.counts[: self.sound], self.block_at(self.chain.txid_order_height)
        )
        if found is not None:
            self.cut(found, "its transactions are not in the order of their txids")

    def in_order_of_execution(self) -> NDArray[np.int64]:
        """Put the sound transactions into the order in which they happen; their places in their blocks."""
        kept = int(self.counts[: self.sound].sum())
        tx = self.tx[:kept]
        self.txin, self.txout = self.txin[: int(tx[:, 6].sum())], self.txout[: int(tx[:, 7].sum())]
        self.tx, self.txids = tx, self.txids[:kept]
        place = np.arange(kept) - self.firsts[tx[:, 0]]
        ordered_from = self.block_at(self.chain.txid_order_height)
        if ordered_from == self.sound:
            return place
        outpoints = np.empty((len(self.txin), 32), np.uint8)
        gather(self.buffer, np.ascontiguousarray(self.txin[:, 1]), outpoints)
        order = execution_order(
            self.txids, outpoints, np.ascontiguousarray(tx[:, 6]), self.counts[: self.sound], ordered_from
        )
        self.txin = _regrouped(self.txin, tx[:, 6], order)
        self.txout = _regrouped(self.txout, tx[:, 7], order)
        self.tx, self.txids = tx[order], self.txids[order]
        return place[order]

    def check_witness(self, segwit_from: int) -> None:
        """Witness commitment of BIP 141, where the block carries witnesses or says that it did."""
        has_witness = self.tx[:, 9] == scan.WITNESS
        bare = np.setdiff1d(np.arange(segwit_from, self.sound), self.tx[has_witness, 0])
        for block in bare.tolist():
            if self._commitment(int(self.firsts[block]))[1] is not None:
                self.cut(block, "it commits to witnesses that are missing here")
                break
        blocks = np.unique(self.tx[has_witness, 0])
        if not len(blocks):
            return
        wtxids = self.txids.copy()
        rows = np.flatnonzero(has_witness)
        pieces = np.zeros((len(rows), 6), np.int64)
        pieces[:, 0], pieces[:, 1] = self.tx[rows, 1], self.tx[rows, 2]
        wtxids[rows] = sha256_pieces(self.buffer, pieces, double=True)
        wtxids[self.firsts] = 0
        mask = np.isin(self.tx[:, 0], blocks)
        roots, _ = merkle(wtxids[mask], self.counts[blocks])
        committed = np.zeros((len(blocks), 64), np.uint8)
        committed[:, :32] = roots
        claimed = np.zeros((len(blocks), 32), np.uint8)
        for row, block in enumerate(blocks.tolist()):
            reserved, claim = self._commitment(int(self.firsts[block]))
            if reserved is None or claim is None:
                self.cut(block, "it carries witnesses without a witness commitment")
            else:
                committed[row, 32:], claimed[row] = reserved, claim
        wrong = (sha256_rows(committed, double=True) != claimed).any(axis=1)
        if wrong.any():
            self.cut(
                int(blocks[np.flatnonzero(wrong)[0]]), "its witness commitment does not match its witnesses"
            )

    def _commitment(self, coinbase: int) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
        """The coinbase's reserved value and the last commitment among its outputs (BIP 141)."""
        buffer, reserved, claim = self.buffer, None, None
        at = int(self.tx[coinbase, 3])
        if at and buffer[at] == 1 and buffer[at + 1] == 32:
            reserved = buffer[at + 2 : at + 34]
        first = int(np.searchsorted(self.txout[:, 0], coinbase))
        for _, _, start, size in self.txout[first : first + int(self.tx[coinbase, 7])].tolist():
            if size >= 38 and (buffer[start : start + 6] == _COMMITMENT).all():
                claim = buffer[start + 6 : start + 38]
        return reserved, claim


def _header_sizes(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], chain: BitcoinChain
) -> NDArray[np.int64]:
    """Bytes of each block's header; where a block does not say, all it has: then its body is cut off."""
    if chain.proof.fixed is not None:
        return np.full(len(starts), chain.proof.fixed, np.int64)
    view = memoryview(buffer.data)
    sizes = [
        chain.proof.size(view[start:end]) or end - start
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    return np.array(sizes, np.int64)


def _regrouped(
    rows: NDArray[np.int64], counts: NDArray[np.int64], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Inputs or outputs (`counts` of each transaction) in a new order of transactions; column 0 is numbered anew."""
    firsts = np.cumsum(counts) - counts
    moved = counts[order]
    ends = np.cumsum(moved)
    out = rows[np.repeat(firsts[order] - (ends - moved), moved) + np.arange(len(rows))]
    out[:, 0] = np.repeat(np.arange(len(order)), moved)
    return out
