"""Raw blocks -> columns, verified on the way.

Checked here: the wire format, one coinbase and only at the front, the money range, the Merkle root (with the
duplicate-leaf mutation of CVE-2012-2459 refused) and the witness commitment of BIP 141. Header chain and
proof of work are `adapters.bitcoin.headers`; what needs earlier blocks is the ledger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin import scan
from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.classify import Scripts
from adapters.bitcoin.hashing import sha256_pieces, sha256_rows
from tracer.chain import TX_INDEX_BITS, ScriptKind
from tracer.ledger.batch import UtxoBatch

if TYPE_CHECKING:
    import pyarrow as pa

_COMMITMENT = np.frombuffer(bytes.fromhex("6a24aa21a9ed"), np.uint8)
_KEEP_SCRIPT = (ScriptKind.NONSTANDARD, ScriptKind.P2PK, ScriptKind.MULTISIG, ScriptKind.OP_RETURN)
"""Kinds whose script the address does not tell."""


@dataclass(frozen=True)
class Decoded:
    """What came of a run of blocks: the sound ones, and why the next one is not."""

    batch: UtxoBatch | None
    sound: int
    problem: str | None


@nb.njit(nogil=True, cache=True)
def _gather(buffer, offsets, out):  # type: ignore[no-untyped-def]
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


class _Blocks:
    """The walked blocks of one call, as arrays cut to what was sound."""

    def __init__(
        self,
        buffer: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        chain: BitcoinChain,
    ) -> None:
        bodies = starts + _header_sizes(buffer, starts, ends, chain)
        tx, txin, txout = scan.columns(int((ends - starts).sum()))
        counts = np.zeros(len(starts), np.int64)
        problems = np.zeros(len(starts), np.int64)
        n_tx, n_in, n_out = scan.scan_blocks(
            buffer, bodies, ends, chain.max_money, tx, txin, txout, counts, problems
        )
        self.buffer, self.starts, self.ends = buffer, starts, ends
        self.tx, self.txin, self.txout = tx[:n_tx], txin[:n_in], txout[:n_out]
        bad = np.flatnonzero(problems)
        self.sound = int(bad[0]) if len(bad) else len(starts)
        self.problem = scan.PROBLEMS[int(problems[bad[0]])] if len(bad) else None
        self.counts = counts[: self.sound]
        self.firsts = np.cumsum(self.counts) - self.counts
        self.txids = self._txids()

    def _txids(self) -> NDArray[np.uint8]:
        """SHA-256d of each transaction without marker, flag and witness."""
        start, end, witness = self.tx[:, 1], self.tx[:, 2], self.tx[:, 3]
        pieces = np.zeros((len(self.tx), 6), np.int64)
        plain = witness == 0
        pieces[:, 0] = start
        pieces[:, 1] = np.where(plain, end, start + 4)
        pieces[:, 2] = np.where(plain, 0, start + 6)
        pieces[:, 3] = np.where(plain, 0, witness)
        pieces[:, 4] = np.where(plain, 0, end - 4)
        pieces[:, 5] = np.where(plain, 0, end)
        return sha256_pieces(self.buffer, pieces, double=True)

    def header(self, offset: int, size: int) -> NDArray[np.uint8]:
        """The same `size` bytes of every sound header: (blocks, size)."""
        out = np.empty((self.sound, size), np.uint8)
        _gather(self.buffer, self.starts[: self.sound] + offset, out)
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

    def check_witness(self, segwit_from: int) -> None:
        """Witness commitment of BIP 141, where the block carries witnesses or says that it did."""
        has_witness = self.tx[:, 3] > 0
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
    sizes = [
        chain.proof.size(buffer[start:end].tobytes()) or end - start
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    return np.array(sizes, np.int64)


def decode_blocks(
    buffer: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first_height: int,
    hashes: NDArray[np.uint8],
    chain: BitcoinChain,
) -> Decoded:
    """Decode whole blocks of consecutive heights into a batch.

    buffer (n,) uint8 holds each block from `starts[i]` to `ends[i]`; hashes (b, 32) are the block hashes in
    wire order; from the chain's `segwit_height` on a witness commitment without its reserved value means that
    somebody stripped the witnesses. Blocks before the first unsound one are returned; `problem` says what is wrong
    with the next.
    """
    blocks = _Blocks(buffer, starts, ends, chain)
    blocks.check_merkle()
    if chain.segwit_height is not None:
        blocks.check_witness(max(0, chain.segwit_height - first_height))
    if not blocks.sound:
        return Decoded(None, 0, blocks.problem)
    return Decoded(_batch(blocks, first_height, hashes), blocks.sound, blocks.problem)


def _batch(blocks: _Blocks, first_height: int, hashes: NDArray[np.uint8]) -> UtxoBatch:
    import pyarrow as pa

    kept = int(blocks.counts[: blocks.sound].sum())
    tx = blocks.tx[:kept]
    txin = blocks.txin[: int(tx[:, 6].sum())]
    txout = blocks.txout[: int(tx[:, 7].sum())]
    position = np.arange(kept) - blocks.firsts[tx[:, 0]]
    tx_id = ((first_height + tx[:, 0]) << TX_INDEX_BITS) + position
    stripped = np.where(tx[:, 3] == 0, tx[:, 2] - tx[:, 1], tx[:, 3] + 2 - tx[:, 1])
    size = tx[:, 2] - tx[:, 1]
    txs = pa.table(
        {
            "tx_id": tx_id,
            "txid": binary32(blocks.txids[:kept]),
            "version": tx[:, 4].astype(np.int32),
            "locktime": tx[:, 5],
            "size": size.astype(np.int32),
            "vsize": ((3 * stripped + size + 3) // 4).astype(np.int32),
            "inputs": np.where(position == 0, 0, tx[:, 6]).astype(np.int32),
            "outputs": tx[:, 7].astype(np.int32),
            "out_value": tx[:, 8],
        }
    )
    return UtxoBatch(
        _block_table(blocks, first_height, hashes),
        txs,
        _output_table(blocks.buffer, tx, txout, tx_id),
        _input_table(blocks.buffer, tx, txin, position, tx_id),
    )


def _block_table(blocks: _Blocks, first_height: int, hashes: NDArray[np.uint8]) -> pa.Table:
    import pyarrow as pa

    def field(offset: int, dtype: str) -> NDArray[Any]:
        return blocks.header(offset, 4).view(dtype).reshape(-1)

    n = blocks.sound
    return pa.table(
        {
            "height": np.arange(first_height, first_height + n, dtype=np.int32),
            "hash": binary32(hashes[:n]),
            "prev_hash": binary32(blocks.header(4, 32)),
            "merkle_root": binary32(blocks.header(36, 32)),
            "time": field(68, "<u4").astype(np.int64),
            "version": field(0, "<i4"),
            "bits": field(72, "<u4").astype(np.int64),
            "nonce": field(76, "<u4").astype(np.int64),
            "tx_count": blocks.counts[:n].astype(np.int32),
            "size": (blocks.ends[:n] - blocks.starts[:n]).astype(np.int32),
        }
    )


def _output_table(
    buffer: NDArray[np.uint8], tx: NDArray[np.int64], txout: NDArray[np.int64], tx_id: NDArray[np.int64]
) -> pa.Table:
    import pyarrow as pa

    scripts = Scripts(buffer, np.ascontiguousarray(txout[:, 2:4]))
    first = np.cumsum(tx[:, 7]) - tx[:, 7]
    keep = np.isin(scripts.kind, np.array([int(k) for k in _KEEP_SCRIPT], np.uint8))
    return pa.table(
        {
            "tx_id": tx_id[txout[:, 0]],
            "vout": (np.arange(len(txout)) - first[txout[:, 0]]).astype(np.int32),
            "value": np.ascontiguousarray(txout[:, 1]),
            "kind": scripts.kind,
            "address_kind": scripts.address_kind,
            "payload": payload_column(scripts),
            "prefix": scripts.prefix,
            "script": _slices(buffer, txout[:, 2], np.where(keep, txout[:, 3], 0), keep),
        }
    )


def _input_table(
    buffer: NDArray[np.uint8],
    tx: NDArray[np.int64],
    txin: NDArray[np.int64],
    position: NDArray[np.int64],
    tx_id: NDArray[np.int64],
) -> pa.Table:
    import pyarrow as pa

    first = np.cumsum(tx[:, 6]) - tx[:, 6]
    row = np.flatnonzero(position[txin[:, 0]] > 0)  # a coinbase input is no spend
    spends = txin[row]
    outpoint = np.empty((len(spends), 36), np.uint8)
    _gather(buffer, np.ascontiguousarray(spends[:, 1]), outpoint)
    n = len(spends)
    return pa.table(
        {
            "tx_id": tx_id[spends[:, 0]],
            "vin": (row - first[spends[:, 0]]).astype(np.int32),
            "prev_txid": binary32(np.ascontiguousarray(outpoint[:, :32])),
            "prev_vout": np.ascontiguousarray(outpoint[:, 32:]).view("<u4").reshape(-1).astype(np.int32),
            "sequence": np.ascontiguousarray(spends[:, 2]),
            "prev_value": pa.nulls(n, pa.int64()),
            "prev_kind": pa.nulls(n, pa.uint8()),
            "prev_address_kind": pa.nulls(n, pa.uint8()),
            "prev_payload": pa.nulls(n, pa.binary()),
        }
    )


def binary32(rows: NDArray[np.uint8]) -> pa.Array:
    """An (n, 32) byte matrix as an Arrow column, without a copy."""
    import pyarrow as pa

    rows = np.ascontiguousarray(rows)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(rows), [None, pa.py_buffer(rows)])


@nb.njit(nogil=True, cache=True)
def _pack(buffer, starts, offsets, out):  # type: ignore[no-untyped-def]
    """Copy slices of `buffer` one after the other; offsets (n + 1,) are their places in `out`."""
    for i in range(starts.shape[0]):
        for k in range(offsets[i + 1] - offsets[i]):
            out[offsets[i] + k] = buffer[starts[i] + k]


def _slices(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], sizes: NDArray[np.int64], valid: NDArray[np.bool_]
) -> pa.Array:
    """Byte slices as an Arrow binary column, null where not valid."""
    import pyarrow as pa

    offsets = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    data = np.empty(int(offsets[-1]), np.uint8)
    _pack(buffer, starts, offsets, data)
    mask = np.packbits(valid, bitorder="little")
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(sizes), [pa.py_buffer(mask), pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def payload_column(scripts: Scripts) -> pa.Array:
    """Payloads as an Arrow binary column, null where a script has no address."""
    width = scripts.payload.shape[1]
    starts = np.arange(len(scripts.payload)) * width
    sizes = scripts.length.astype(np.int64)
    return _slices(scripts.payload.reshape(-1), starts, sizes, scripts.length > 0)
