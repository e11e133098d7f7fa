"""Single transactions with the proof of their place in a block -> columns, verified on the way.

Checked: the header's hash and proof of work, the Merkle branch from txid to header, that the bytes are that
transaction's. Not checked, because one transaction does not tell: that the header is of the best chain and of the
height it is said to have, and its witness. What it spends is told, not proved.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.decode import decode_loose
from adapters.bitcoin.headers import HEADER_SIZE, block_hash, work_problem
from adapters.bitcoin.prevouts import with_prevouts
from tracer.chain import BLOCK_INDEX, TX_INDEX_BITS
from tracer.errors import BadBlock
from tracer.ledger.batch import UtxoBatch

if TYPE_CHECKING:
    import pyarrow as pa

_HEADER = struct.Struct("<i32s32sIII")
_NODE = 64
"""Bytes of an inner node of a Merkle tree: a transaction as long could be one (CVE-2017-12842)."""


@dataclass(frozen=True)
class Loose:
    """A transaction as a source shows it. Hashes are 32 bytes in wire order.

    header   the 80 bytes of its block, `height` where that lies, `place` its index in the block
    branch   from its neighbour's hash up to below the root
    spends   value (base units) and script of what each input spends, in their order; empty for a coinbase
    """

    txid: bytes
    raw: bytes
    height: int
    header: bytes
    place: int
    branch: tuple[bytes, ...]
    spends: tuple[tuple[int, bytes], ...]

    @property
    def tx_id(self) -> int:
        """`height << 24 | place`."""
        return self.height << TX_INDEX_BITS | self.place


def header_problem(header: bytes, expected: bytes, chain: BitcoinChain) -> str | None:
    """Why these are not the bytes of the header of that hash (wire order), or None."""
    if len(header) != HEADER_SIZE or chain.proof.hash(header) != expected:
        return "its header has another hash"
    return work_problem(header, chain)


def branch_problem(loose: Loose) -> str | None:
    """Why a Merkle branch does not lead from a transaction to its header, or None."""
    node, place = loose.txid, loose.place
    for sibling in loose.branch:
        if place & 1 and sibling == node:
            return "its place is that of the copy of an odd last transaction"
        node = block_hash(sibling + node if place & 1 else node + sibling)
        place >>= 1
    if place or loose.place >= BLOCK_INDEX:
        return "its place lies outside its block"
    if len(loose.raw) == _NODE:
        return "it is as long as an inner node of a Merkle tree, and could be one"
    return None if node == loose.header[36:68] else "its Merkle branch does not lead to its block's header"


def loose_batch(loose: Sequence[Loose], chain: BitcoinChain, host: str) -> UtxoBatch:
    """Columns of transactions, each once: `UtxoBatch` with the headers of their blocks, `tx_count` and `size` 0.

    Headers were looked at (`header_problem`). Raises `BadBlock` naming the first that is not what it should be.
    """
    loose = sorted(loose, key=lambda each: each.tx_id)
    for each in loose:
        if problem := branch_problem(each):
            raise _refused(each, problem, chain, host)
    blocks = [around(each) for each in loose]
    ends = np.cumsum([len(block) for block in blocks])
    starts = ends - np.array([len(block) for block in blocks])
    decoded = decode_loose(np.frombuffer(b"".join(blocks), np.uint8), starts, ends, chain)
    if decoded.batch is None or decoded.sound < len(loose):
        wrong = "its bytes are not that transaction's"
        known = decoded.problem is not None and "Merkle" in decoded.problem
        raise _refused(loose[decoded.sound], wrong if known else str(decoded.problem), chain, host)
    batch = _placed(decoded.batch, loose)
    spends = [spend for each in loose for spend in each.spends]
    if len(spends) != batch.inputs.num_rows:
        counts = batch.txs.column("inputs").to_pylist()
        short = next(e for e, n in zip(loose, counts, strict=True) if len(e.spends) != n)
        raise _refused(short, "what it spends is not told of each of its inputs", chain, host)
    for each in loose:
        if any(value > chain.max_money for value, _ in each.spends):
            raise _refused(each, "it spends more than there can ever be", chain, host)
    return with_prevouts(batch, [value for value, _ in spends], [script for _, script in spends], chain)


def header_bytes(version: int, previous: bytes, root: bytes, time: int, bits: int, nonce: int) -> bytes:
    """The 80 bytes of a header from its fields."""
    return _HEADER.pack(version, previous, root, time, bits, nonce)


def header_table(headers: Sequence[tuple[int, bytes]]) -> pa.Table:
    """`UtxoBatch.blocks` of headers (height, 80 bytes), ascending."""
    import pyarrow as pa

    fields = [_HEADER.unpack(header) for _, header in headers]
    version, prev_hash, merkle_root, time, bits, nonce = zip(*fields, strict=True)
    none = pa.array([0] * len(headers), pa.int32())
    return pa.table(
        {
            "height": pa.array([height for height, _ in headers], pa.int32()),
            "hash": pa.array([block_hash(header) for _, header in headers], pa.binary(32)),
            "prev_hash": pa.array(prev_hash, pa.binary(32)),
            "merkle_root": pa.array(merkle_root, pa.binary(32)),
            "time": pa.array(time, pa.int64()),
            "version": pa.array(version, pa.int32()),
            "bits": pa.array(bits, pa.int64()),
            "nonce": pa.array(nonce, pa.int64()),
            "tx_count": none,
            "size": none,
        }
    )


def around(loose: Loose) -> bytes:
    """A block with this transaction, behind a coinbase of nothing where it is none itself: what the decoder reads."""
    if loose.place == 0:
        return bytes(36) + loose.txid + bytes(12) + b"\1" + loose.raw
    root = block_hash(block_hash(_FIRST) + loose.txid)
    hogex = b"\0" if loose.raw[4:6] == b"\0\x08" else b""  # no extension block behind it
    return bytes(36) + root + bytes(12) + b"\2" + _FIRST + loose.raw + hogex


_FIRST = (
    struct.pack("<i", 1)
    + b"\1" + bytes(32) + b"\xff" * 4 + b"\2\0\0" + b"\xff" * 4
    + b"\1" + bytes(8) + b"\0"
    + bytes(4)
)  # fmt: skip
"""A coinbase that pays nothing to nobody."""


def _placed(batch: UtxoBatch, loose: Sequence[Loose]) -> UtxoBatch:
    """The batch without the coinbases that were put in front, under the ids that the transactions have."""
    import pyarrow as pa

    ids = np.array([each.tx_id for each in loose], np.int64)
    first = np.array([each.place == 0 for each in loose], np.bool_)

    def own(table: pa.Table) -> pa.Table:
        made_up = table.column("tx_id").to_numpy()
        block = made_up >> TX_INDEX_BITS
        kept = first[block] | (made_up & BLOCK_INDEX == 1)
        rows = table.filter(pa.array(kept))
        at = rows.schema.get_field_index("tx_id")
        return rows.set_column(at, "tx_id", pa.array(ids[block[kept]])).combine_chunks()

    headers = {each.height: each.header for each in loose}
    return UtxoBatch(
        header_table(sorted(headers.items())), own(batch.txs), own(batch.outputs), own(batch.inputs)
    )


def _refused(loose: Loose, problem: str, chain: BitcoinChain, host: str) -> BadBlock:
    return BadBlock(
        f"transaction {chain.hash_text(loose.txid)}, as {host} shows it, is refused: {problem}.",
        hint="Nothing of it was kept; ask another source.",
    )
