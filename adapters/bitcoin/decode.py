"""Raw blocks -> columns, verified on the way.

Checked here: the wire format, one coinbase and only at the front, the money range, the Merkle root (with the
duplicate-leaf mutation of CVE-2012-2459 refused), the witness commitment of BIP 141, the order by txid where the chain
has one, and its checkpoints. Header chain and proof of work are `adapters.bitcoin.headers`; what needs earlier
blocks is the ledger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin import scan
from adapters.bitcoin.bytecolumns import binary32, payload_column, slices
from adapters.bitcoin.checked import Blocks, gather, merkle
from adapters.bitcoin.classify import Scripts
from adapters.bitcoin.entry import BitcoinChain
from adapters.bitcoin.pools import with_pools
from tracer.chain import TX_INDEX_BITS, ScriptKind
from tracer.ledger.batch import UtxoBatch

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Decoded", "binary32", "decode_blocks", "decode_loose", "merkle", "payload_column"]

_KEEP_SCRIPT = (ScriptKind.NONSTANDARD, ScriptKind.P2PK, ScriptKind.MULTISIG, ScriptKind.OP_RETURN)
"""Kinds whose script the address does not tell."""


@dataclass(frozen=True)
class Decoded:
    """What came of a run of blocks: the sound ones, and why the next one is not."""

    batch: UtxoBatch | None
    sound: int
    problem: str | None


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
    blocks = Blocks(buffer, starts, ends, first_height, chain)
    blocks.check_merkle()
    blocks.check_place(hashes)
    blocks.check_target()
    blocks.check_order()
    if chain.segwit_height is not None:
        blocks.check_witness(max(0, chain.segwit_height - first_height))
    if not blocks.sound:
        return Decoded(None, 0, blocks.problem)
    return Decoded(_batch(blocks, first_height, hashes), blocks.sound, blocks.problem)


def decode_loose(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], chain: BitcoinChain
) -> Decoded:
    """Decode made-up blocks around single transactions (`adapters.bitcoin.explorer.loose`), as of heights 0, 1, 2 ...

    Of what `decode_blocks` checks: the wire format, values, the Merkle root. A witness commitment is of a whole block.
    """
    blocks = Blocks(buffer, starts, ends, 0, chain)
    blocks.check_merkle()
    if not blocks.sound:
        return Decoded(None, 0, blocks.problem)
    return Decoded(_batch(blocks, 0, np.zeros((len(starts), 32), np.uint8)), blocks.sound, blocks.problem)


def _batch(blocks: Blocks, first_height: int, hashes: NDArray[np.uint8]) -> UtxoBatch:
    import pyarrow as pa

    place = blocks.in_order_of_execution()
    tx = blocks.tx
    position = np.arange(len(tx)) - blocks.firsts[tx[:, 0]]
    tx_id = ((first_height + tx[:, 0]) << TX_INDEX_BITS) + position
    size = tx[:, 2] - tx[:, 1]
    stripped = np.where(tx[:, 3] == 0, size, tx[:, 3] + 2 - tx[:, 1])
    # what a flag other than SegWit's announces weighs nothing
    weight = np.where(tx[:, 9] == scan.WITNESS, 3 * stripped + size, 4 * stripped)
    txs = pa.table(
        {
            "tx_id": tx_id,
            "txid": binary32(blocks.txids),
            "version": tx[:, 4].astype(np.int32),
            "locktime": tx[:, 5],
            "size": size.astype(np.int32),
            "vsize": ((weight + 3) // 4).astype(np.int32),
            "inputs": np.where(position == 0, 0, tx[:, 6]).astype(np.int32),
            "outputs": tx[:, 7].astype(np.int32),
            "out_value": tx[:, 8],
            "block_index": pa.array(place.astype(np.int32), mask=place == position),
        }
    )
    batch = UtxoBatch(
        _block_table(blocks, first_height, hashes),
        txs,
        _output_table(blocks, tx_id),
        _input_table(blocks, position, tx_id),
    )
    return batch if blocks.pools is None else with_pools(batch, blocks.pools[: len(tx)])


def _block_table(blocks: Blocks, first_height: int, hashes: NDArray[np.uint8]) -> pa.Table:
    import pyarrow as pa

    def field(offset: int, dtype: str) -> NDArray[Any]:
        return blocks.header(offset, 4).view(dtype).reshape(-1)

    n, time_at = blocks.sound, blocks.chain.proof.time_at
    return pa.table(
        {
            "height": np.arange(first_height, first_height + n, dtype=np.int32),
            "hash": binary32(hashes[:n]),
            "prev_hash": binary32(blocks.header(4, 32)),
            "merkle_root": binary32(blocks.header(36, 32)),
            "time": field(time_at, "<u4").astype(np.int64),
            "version": field(0, "<i4"),
            "bits": field(time_at + 4, "<u4").astype(np.int64),
            "nonce": field(time_at + 8, "<u4").astype(np.int64),
            "tx_count": blocks.counts[:n].astype(np.int32),
            "size": (blocks.ends[:n] - blocks.starts[:n]).astype(np.int32),
        }
    )


def _output_table(blocks: Blocks, tx_id: NDArray[np.int64]) -> pa.Table:
    import pyarrow as pa

    buffer, tx, txout, chain = blocks.buffer, blocks.tx, blocks.txout, blocks.chain
    p2sh32_from = np.searchsorted(tx[txout[:, 0], 0], blocks.block_at(chain.tokens_height))
    scripts = Scripts(
        buffer,
        np.ascontiguousarray(txout[:, 2:4]),
        witness=chain.segwit_height is not None,
        p2sh32_from=int(p2sh32_from),
    )
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
            "script": slices(buffer, txout[:, 2], np.where(keep, txout[:, 3], 0), keep),
        }
    )


def _input_table(blocks: Blocks, position: NDArray[np.int64], tx_id: NDArray[np.int64]) -> pa.Table:
    import pyarrow as pa

    buffer, tx, txin = blocks.buffer, blocks.tx, blocks.txin
    first = np.cumsum(tx[:, 6]) - tx[:, 6]
    row = np.flatnonzero(position[txin[:, 0]] > 0)  # a coinbase input is no spend
    spends = txin[row]
    outpoint = np.empty((len(spends), 36), np.uint8)
    gather(buffer, np.ascontiguousarray(spends[:, 1]), outpoint)
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
