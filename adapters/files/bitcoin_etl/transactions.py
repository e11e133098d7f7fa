"""Rows of transactions -> transactions as on the wire, their txids recomputed, and what else the rows tell of them.

Witnesses are not exported: what is written has none, which is what a txid hashes. The script of a coinbase stands with
its block; its sequence is not exported, and those that miners write are tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.hashing import sha256_pieces
from adapters.bitcoin.zcash.scan import POOLS
from adapters.files import columns as read
from adapters.files.bitcoin_etl import kernels
from adapters.files.bitcoin_etl.addresses import Addresses
from adapters.files.bitcoin_etl.heads import Heads
from adapters.files.bitcoin_etl.layout import SHIELDED
from adapters.files.bitcoin_etl.pools import net
from adapters.files.bitcoin_etl.values import Nested, Rows

if TYPE_CHECKING:
    import pyarrow as pa

PLAIN, CLOSED = 1, 2
"""How a txid follows from what is written: as it is, or with the empty list that zcash's version 2 ends in."""
U32 = 0xFFFFFFFF
MOST_VALUE = (1 << 62) - 1
_SEQUENCES = (0, U32 - 1)
"""What coinbases have where it is not the highest: nothing, and what lets a locktime count."""
_MINT_SEQUENCE = 4 + 1 + 36 + 1
"""Bytes before a coinbase's script, behind which its sequence stands."""


def on_wire(rows: Rows, heads: Heads, addresses: Addresses) -> pa.Table:
    """What is kept of these rows until their blocks are put together; `BadValue` for the first that cannot be used.

    `heads` (n) is the block of each row. Columns of what is made:
    height, index (-1 where not told), txid as stated, size and vsize (-1 where not told), coinbase, version
    fits    PLAIN or CLOSED where the txid follows from the rows, else 0; blind: scripts are missing, so that it cannot
    raw     the transaction without witness
    bare    1: no transparent input, 2: no transparent output; an empty one was written in its place
    told    spent outputs, `Addresses.dtype` each, or nothing
    and, by the name of each pool of `adapters.bitcoin.zcash.scan.POOLS`, what it adds to it
    """
    import pyarrow as pa

    _refuse_strangers(rows, heads)
    coinbase = rows.flags("is_coinbase")
    ins, outs = rows.nested("inputs"), rows.nested("outputs")
    version = rows.integers("version", -(1 << 31), U32)
    _refuse_sums(rows, ins, outs, coinbase)
    pools = net(ins, outs, version, heads.own)
    ins, outs = _transparent(ins), _transparent(outs)
    spending = np.diff(_starts(ins)) > 0
    if (wrong := coinbase & spending).any():
        raise rows.bad("is_coinbase", int(np.argmax(wrong)), "and the transaction spends outputs")
    addresses.check(outs)
    scripts, said = ins.scripts("script_hex")
    blind = np.zeros(len(rows), np.bool_)
    blind[ins.of[~said]] = True
    blind |= coinbase & ~heads.mints.is_valid().to_numpy(zero_copy_only=False)
    raw, offsets = _written(rows, heads, coinbase, version, ins, outs, scripts)
    txids = rows.hashes("hash").raw
    bare = (~coinbase & ~spending) + 2 * (np.diff(_starts(outs)) == 0)
    return pa.table(
        {
            "height": rows.heights,
            "index": rows.integers("index", 0, (1 << 24) - 1, absent=-1),
            "txid": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(32), len(rows), [None, pa.py_buffer(txids)]
            ),
            "size": rows.integers("size", 1, 1 << 31, absent=-1),
            "vsize": rows.integers("virtual_size", 1, 1 << 31, absent=-1),
            "fits": _fits(txids, raw, offsets, coinbase, version),
            "blind": blind,
            "coinbase": coinbase,
            "version": version,
            "bare": bare.astype(np.uint8),
            "raw": _binary(raw, offsets),
            "told": addresses.told(ins, txids),
            **{name: pools[:, number] for number, name in enumerate(POOLS)},
        }
    )


def _refuse_strangers(rows: Rows, heads: Heads) -> None:
    """What a row says of its block must be so."""
    stated = rows.hashes("block_hash", must=False)
    wrong = stated.there & (stated.raw != heads.hashes).any(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        shown = heads.hashes[row].tobytes()[::-1].hex()
        raise rows.bad("block_hash", row, f"and the file of blocks holds {shown}", _BRANCH)
    times = rows.integers("block_timestamp", 0, U32, absent=-1)
    wrong = (times >= 0) & (times != heads.times)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise rows.bad("block_timestamp", row, f"and the file of blocks holds {heads.times[row]}", _BRANCH)


_BRANCH = "The files are of different branches or chains: export them again."


def _starts(nested: Nested) -> NDArray[np.int64]:
    assert nested.starts is not None
    return nested.starts


def _refuse_sums(rows: Rows, ins: Nested, outs: Nested, coinbase: NDArray[np.bool_]) -> None:
    """Counts and sums that a row states of its inputs and outputs."""
    put, got = (_sum(each) for each in (ins, outs))
    fee = np.where(coinbase, 0, put - got)
    for name, found, least in (
        ("input_count", np.diff(_starts(ins)), 0), ("output_count", np.diff(_starts(outs)), 0),
        ("input_value", put, 0), ("output_value", got, 0), ("fee", fee, -MOST_VALUE),
    ):  # fmt: skip
        stated = rows.integers(name, least, MOST_VALUE, absent=_UNSAID)
        wrong = (stated != _UNSAID) & (stated != found)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise rows.bad(
                name,
                row,
                f"and its inputs and outputs make {found[row]}",
                "The row was changed: export it again.",
            )


_UNSAID = -(1 << 63)


def _sum(nested: Nested) -> NDArray[np.int64]:
    """(n,) values of each list; what is not told counts nothing, as in bitcoin-etl."""
    values = nested.integers("value", 0, MOST_VALUE, absent=0)
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(values)))
    found: NDArray[np.int64] = np.diff(running[_starts(nested)])
    return found


def _transparent(nested: Nested) -> Nested:
    """Without what enters or leaves a shielded pool."""
    shielded = nested.words("type").among(SHIELDED)
    return nested.only(~shielded) if shielded.any() else nested


def _written(
    rows: Rows,
    heads: Heads,
    coinbase: NDArray[np.bool_],
    version: NDArray[np.int64],
    ins: Nested,
    outs: Nested,
    in_scripts: read.Bytes,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Transactions one after the other with a zero byte at the end, and (n + 1,) where each starts."""
    out_scripts, said = outs.scripts("script_hex")
    if not said.all():
        raise outs.bad("script_hex", int(np.argmin(said)), "where a script should stand")
    minted = np.flatnonzero(coinbase)
    mints, mint_starts = _mints(heads, minted)
    mint = np.full(len(rows), -1, np.int64)
    mint[minted] = np.arange(len(minted))
    room = 44 * len(rows) + 50 * len(ins) + 17 * len(outs) + 10 * len(rows) + 60 * len(minted)
    room += len(in_scripts.data) + len(out_scripts.data) + len(mints)
    raw, offsets = np.zeros(room + 1, np.uint8), np.zeros(len(rows) + 1, np.int64)
    kernels.write(
        version, rows.integers("lock_time", 0, U32), mint, mints, mint_starts,
        (
            _starts(ins), ins.hashes("spent_transaction_hash").raw, ins.integers("spent_output_index", 0, U32),
            ins.integers("sequence", 0, U32), in_scripts.data, in_scripts.starts,
        ),
        (_starts(outs), outs.integers("value", 0, MOST_VALUE), out_scripts.data, out_scripts.starts),
        raw, offsets,
    )  # fmt: skip
    return raw[: offsets[-1] + 1], offsets


def _mints(heads: Heads, minted: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Scripts of coinbases; two zero bytes, the least there may be, where none is told."""
    import pyarrow as pa

    scripts = heads.mints.take(pa.array(minted)).fill_null(b"\0\0")
    starts = np.frombuffer(scripts.buffers()[1], np.int64)[scripts.offset : scripts.offset + len(scripts) + 1]
    data = np.frombuffer(scripts.buffers()[2] or b"", np.uint8)
    return np.append(data, np.zeros(1, np.uint8)), starts if len(minted) else np.zeros(1, np.int64)


def _fits(
    txids: NDArray[np.uint8],
    raw: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    coinbase: NDArray[np.bool_],
    version: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """(n,) whether the stated txid is that of the bytes; coinbases are given the sequence for which it is."""

    def same(rows: NDArray[np.int64], *, closed: bool = False) -> NDArray[np.bool_]:
        pieces = np.zeros((len(rows), 6), np.int64)
        pieces[:, 0], pieces[:, 1] = offsets[rows], offsets[rows + 1]
        if closed:
            pieces[:, 2], pieces[:, 3] = len(raw) - 1, len(raw)
        equal: NDArray[np.bool_] = (sha256_pieces(raw, pieces, double=True) == txids[rows]).all(axis=1)
        return equal

    found = same(np.arange(len(txids))).astype(np.uint8)
    for sequence in _SEQUENCES:
        rows = np.flatnonzero(coinbase & (found == 0))
        at = offsets[rows] + _MINT_SEQUENCE + raw[offsets[rows] + _MINT_SEQUENCE - 1]
        raw[at[:, None] + np.arange(4)] = np.frombuffer(sequence.to_bytes(4, "little"), np.uint8)
        found[rows] = same(rows)
    # zcash's version 2 ends in how many JoinSplits there are: none
    rows = np.flatnonzero((version == 2) & (found == 0))
    found[rows] = CLOSED * same(rows, closed=True)
    return found


def _binary(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> pa.LargeBinaryArray:
    import pyarrow as pa

    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
