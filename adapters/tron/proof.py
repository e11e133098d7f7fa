"""What can be recomputed of a Tron block: its id, its transactions' ids, the root over all its transactions.

The id is the height (8 bytes), then bytes 8 to 31 of the SHA-256 of the header's protobuf; a transaction's id is the
SHA-256 of its raw data; the root is a Merkle tree over the SHA-256 of whole transactions (signatures and result
included), in which an odd node moves up unhashed (java-tron `BlockCapsule`, `MerkleTree`; `core/Tron.proto`). With the
chain of ids this proves that no transaction of a block is missing and none was added.
"""

from __future__ import annotations

import hashlib
from typing import cast

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from adapters.addresses.base58 import base58check_decode
from adapters.bitcoin.hashing import sha256_pieces, sha256_rows
from adapters.tron.answers import DIGEST, HEADER, raw, whole
from tracer.errors import BadAddress, BadBlock

RESULTS = (
    "DEFAULT", "SUCCESS", "REVERT", "BAD_JUMP_DESTINATION", "OUT_OF_MEMORY", "PRECOMPILED_CONTRACT",
    "STACK_TOO_SMALL", "STACK_TOO_LARGE", "ILLEGAL_OPERATION", "STACK_OVERFLOW", "OUT_OF_ENERGY", "OUT_OF_TIME",
    "JVM_STACK_OVER_FLOW", "UNKNOWN", "TRANSFER_FAILED", "INVALID_CODE",
)  # fmt: skip
"""`Transaction.Result.contractResult` of the protobuf, by number."""
_NUMBERS = {"timestamp": 1, "number": 7, "witness_id": 8, "version": 10}
_BYTES = {"txTrieRoot": 2, "parentHash": 3, "witness_address": 9, "accountStateRoot": 11}
EMPTY_ROOT = "0" * 64
ROOTS_FROM = 7
"""Block version from which on a wrong root refuses a block (P): of older ones, only the first was at hand to try."""
_SHORT = {2 * size: f"{size:02x}" for size in range(128)}
"""Length of a hex text -> length of its bytes as one-byte varint."""


def check(blocks: pl.DataFrame, txs: pl.DataFrame) -> int:
    """Recompute ids and roots of `answers.read_blocks` and `read_transactions`; `BadBlock` names the first that is off.

    -> of how many blocks the root could not be recomputed (raw bytes left out by the node, or a result of a kind
    that is not known here)
    """
    for row in blocks.select("blockID", "height", *HEADER).iter_rows(named=True):
        _check_header(row)
    known = txs.filter(pl.col("raw_data_hex").is_not_null()).select(
        "block", "txID", stated=raw("txID", DIGEST), raw=raw("raw_data_hex")
    )
    broken = known.filter(pl.col("raw").is_null() | pl.col("stated").is_null())
    if not len(broken):
        broken = known.with_columns(made=_column(_hashes(known["raw"]))).filter(
            pl.col("made") != pl.col("stated")
        )
    if len(broken):
        block, txid = broken.row(0)[:2]
        raise _bad(blocks, block, f"its transaction {txid} is not the hash of its raw data")
    return _check_roots(blocks, txs)


def _check_header(row: dict[str, str]) -> None:
    """The id of one block, recomputed from its header."""
    try:
        number = int(row["number"] or 0)
        parts = [(_NUMBERS[name], _varint(int(row[name]))) for name in _NUMBERS if row[name]]
        parts += [(_BYTES[name], _prefixed(_bytes(row[name]))) for name in _BYTES if row[name]]
        stated, parent = bytes.fromhex(row["blockID"] or ""), bytes.fromhex(row["parentHash"] or "")
    except (ValueError, BadAddress) as error:
        raise BadBlock(f"block {row['height']} has a header that cannot be read: {error}") from error
    if len(stated) != 32 or len(parent) != 32:
        raise BadBlock(f"block {row['height']} has no id, or no parent, of 32 bytes.")
    if not 0 <= number < 1 << 31:
        raise BadBlock(f"block {row['height']} has the height {number}.")
    header = b"".join(
        _varint(field << 3 | (2 if field in _BYTES.values() else 0)) + part for field, part in sorted(parts)
    )
    if stated != number.to_bytes(8, "big") + hashlib.sha256(header).digest()[8:]:
        raise BadBlock(
            f"block {row['height']} ({row['blockID']}): its id is not made of its header.", block_hash=stated
        )


def _check_roots(blocks: pl.DataFrame, txs: pl.DataFrame) -> int:
    """Roots of blocks whose transactions are all known in bytes; -> how many are not."""
    one = pl.element().struct
    plain_result = (
        one.field("fee").is_null()
        & (one.field("ret").is_null() | (one.field("ret") == "SUCESS"))
        & one.field("contractRet").fill_null("DEFAULT").is_in(RESULTS)
    )
    plain = (
        pl.col("raw_data_hex").is_not_null()
        & pl.col("ret").list.eval(plain_result).list.all().fill_null(value=True)
        & pl.col("signature")
        .list.eval(pl.element().str.len_bytes().is_in(list(_SHORT)))
        .list.all()
        .fill_null(value=True)
    )
    readable = txs.group_by("block").agg(ok=plain.all())
    unread = readable.filter(~pl.col("ok"))["block"]
    subject = blocks.filter(~pl.col("block").is_in(unread.implode()))
    wanted = subject.select(
        "block", "blockID", version="version", root=pl.col("txTrieRoot").fill_null(EMPTY_ROOT)
    )
    rows = txs.filter(pl.col("block").is_in(subject["block"].implode()))
    found = _roots(_leaves(rows), rows["block"].to_numpy())
    compared = wanted.join(found, on="block", how="left", maintain_order="left").with_columns(
        pl.col("made").fill_null(EMPTY_ROOT)
    )
    wrong = compared.filter(pl.col("root") != pl.col("made"))
    strange = wrong.filter(whole("version").fill_null(0) < ROOTS_FROM)
    if len(wrong) > len(strange):
        wrong = wrong.filter(whole("version").fill_null(0) >= ROOTS_FROM)
        reason = "its transactions are not those of its root: some are missing, added or changed"
        raise _bad(blocks, int(wrong["block"][0]), reason)
    return len(unread) + len(strange)


def _leaves(txs: pl.DataFrame) -> NDArray[np.uint8]:
    """SHA-256 of each whole transaction's protobuf: raw data (field 1), signatures (2), results (5)."""
    if not len(txs):
        return np.empty((0, 32), np.uint8)
    codes = {name: "2a00" if code == 0 else f"2a0218{code:02x}" for code, name in enumerate(RESULTS)}
    lengths = (txs["raw_data_hex"].str.len_bytes() // 2).unique()
    sizes = {2 * size: _varint(size).hex() for size in lengths}
    one = pl.element()
    signature = pl.lit("12") + (one.str.len_bytes()).replace_strict(_SHORT, return_dtype=pl.String) + one
    result = (
        one.struct.field("contractRet").fill_null("DEFAULT").replace_strict(codes, return_dtype=pl.String)
    )
    message = pl.concat_str(
        pl.lit("0a"),
        pl.col("raw_data_hex").str.len_bytes().replace_strict(sizes, return_dtype=pl.String),
        "raw_data_hex",
        pl.col("signature").list.eval(signature).list.join("").fill_null(""),
        pl.col("ret").list.eval(result).list.join("").fill_null(""),
    )
    return _hashes(txs.select(whole=message).select(raw("whole")).to_series())


def _roots(hashes: NDArray[np.uint8], block: NDArray[np.int64]) -> pl.DataFrame:
    """Merkle roots of runs of leaves: (n, 32) and the block of each -> block, made (hex)."""
    while True:
        first = np.flatnonzero(np.r_[True, block[1:] != block[:-1]]) if len(block) else np.empty(0, np.int64)
        if len(first) == len(block):
            return pl.DataFrame({"block": block, "made": _column(hashes).bin.encode("hex")})
        sizes = np.diff(np.r_[first, len(block)])
        place = np.arange(len(block)) - np.repeat(first, sizes)
        left = np.flatnonzero(place % 2 == 0)
        paired = np.r_[block[1:] == block[:-1], False][left]
        upper = hashes[left].copy()
        both = left[paired]
        upper[paired] = sha256_rows(np.hstack([hashes[both], hashes[both + 1]]), double=False)
        hashes, block = upper, block[left]


def _hashes(messages: pl.Series) -> NDArray[np.uint8]:
    """SHA-256 of each message of a binary column without nulls: (n, 32)."""
    if not len(messages):
        return np.empty((0, 32), np.uint8)
    arrow = messages.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, values = arrow.buffers()
    ends = np.frombuffer(offsets, np.int64)[arrow.offset : arrow.offset + len(arrow) + 1]
    segments = np.zeros((len(arrow), 6), np.int64)
    segments[:, 0], segments[:, 1] = ends[:-1], ends[1:]
    return sha256_pieces(np.frombuffer(values, np.uint8), segments, double=False)


def _column(hashes: NDArray[np.uint8]) -> pl.Series:
    """(n, 32) bytes as a binary column."""
    rows = np.ascontiguousarray(hashes)
    made = pl.from_arrow(
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(rows), [None, pa.py_buffer(rows)])
    )
    return cast("pl.Series", made).cast(pl.Binary)


def _varint(number: int) -> bytes:
    """A protobuf varint."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _bytes(text: str) -> bytes:
    """Bytes of a header's field: hex, or a producer in Base58Check (`visible=true`)."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return base58check_decode(text)


def _prefixed(data: bytes) -> bytes:
    """Bytes as a protobuf field holds them."""
    return _varint(len(data)) + data


def _bad(blocks: pl.DataFrame, block: int, reason: str) -> BadBlock:
    """The error that names a block."""
    row = blocks.row(block, named=True)
    return BadBlock(
        f"block {row['height']} ({row['blockID']}): {reason}.", block_hash=bytes.fromhex(row["blockID"])
    )
