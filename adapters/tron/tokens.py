"""Logs of contracts: TRC-20, TRC-721 and TRC-1155 transfers, wrapped TRX, approvals, events asked for.

The standards are those of Ethereum (EIP-20, EIP-721, EIP-1155), the wrapped coin is a WETH9. A log's address has 20
bytes without 0x41. A log that bears the name of a transfer and not its shape is in quarantine; nobody's word is taken
for more than the contract's own asset.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import numpy as np
import polars as pl

from adapters.evm.amounts import KNOWN, MOST_HIGH, MOST_LOW, WIDE, Amounts
from adapters.tron.answers import DIGEST, hex_addresses, raw
from adapters.tron.rows import MOVES, RELATIONS, UNITS, UNREAD, Stage, rows, stacked
from tracer.chain import AssetStandard, RelationKind, TransferKind
from tracer.errors import BadBlock

TRANSFER = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
TRANSFER_SINGLE = bytes.fromhex("c3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62")
TRANSFER_BATCH = bytes.fromhex("4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb")
DEPOSIT = bytes.fromhex("e1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c")
WITHDRAWAL = bytes.fromhex("7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65")
APPROVAL_FOR_ALL = bytes.fromhex("17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31")
APPROVAL = bytes.fromhex("8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925")
_WORD = 32
_ZERO = bytes(_WORD)
_ONE = bytes(_WORD - 1) + b"\x01"
_BEFORE = [bytes(12), bytes(11) + b"\x41"]  # an early TVM kept 0x41 before the 20 bytes of an address
_PLACE = pl.format("transaction {} log {}", "txID", "log_index")
_LOG = ("tx_id", "txID", "log_index", "emitter", "raw")


def logs(txs: pl.DataFrame) -> pl.DataFrame:
    """One row per log, in order.

    txs  of `decode.facts`; failed transactions have none
    -> tx_id, txID, log_index (in the block), emitter, topic0 to topic3, data: bytes; count of topics; raw: all of it
    """
    found = (
        txs.filter("ok")
        .select("tx_id", "txID", "block", "log")
        .explode("log", empty_as_null=False, keep_nulls=False)
        .unnest("log")
        .with_columns(log_index=pl.int_range(pl.len(), dtype=pl.Int32).over("block"))
        .with_columns(pl.col("topics").list.get(i, null_on_oob=True).alias(f"topic{i}") for i in range(4))
        .pipe(hex_addresses, "address")
    )
    whole = pl.concat_str(
        "address",
        pl.col("topics").list.join("").fill_null(""),
        pl.col("data").fill_null(""),
    )
    lost = found.filter(pl.col("address").is_null())
    if len(lost):
        raise BadBlock(f"transaction {lost['txID'][0]} has a log without a readable address.")
    return found.with_columns(
        emitter=raw("address", 20),
        count=pl.col("topics").list.len().fill_null(0),
        **{f"topic{i}": raw(f"topic{i}", DIGEST) for i in range(4)},
        data=raw("data").fill_null(b""),
        raw=whole.cast(pl.Binary),
    )


def movements(found: pl.DataFrame, wrapped: Collection[bytes]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Token movements of `logs` (`rows.MOVES`), and what bears their name and cannot be read (`rows.UNREAD`).

    wrapped  contracts of wrapped TRX (20 bytes each)
    """
    topic, count, data = pl.col("topic0"), pl.col("count"), pl.col("data")
    size, nobody = data.bin.size(), pl.lit(_ZERO)
    transfer, single = topic == TRANSFER, topic == TRANSFER_SINGLE
    wraps = pl.col("emitter").is_in(list(wrapped)) & topic.is_in((DEPOSIT, WITHDRAWAL))
    subject = found.filter(topic.is_in((TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH)) | wraps)
    wrapping = (count == 2) & (size == _WORD)
    fungible, unique, multi = AssetStandard.FUNGIBLE, AssetStandard.UNIQUE, AssetStandard.MULTI

    def units(
        where: pl.Expr, standard: AssetStandard, kind: TransferKind, source: pl.Expr, target: pl.Expr,
        token: pl.Expr, word: pl.Expr,
    ) -> pl.DataFrame:  # fmt: skip
        return subject.filter(where).select(
            *_LOG, standard=int(standard), kind=int(kind), source=source, target=target,
            token=token.cast(pl.Binary), word=word, part=0,
        )  # fmt: skip

    t1, t2, t3, none = pl.col("topic1"), pl.col("topic2"), pl.col("topic3"), pl.lit(None)
    first, second, token = data.bin.slice(0, _WORD), data.bin.slice(_WORD, _WORD), TransferKind.TOKEN
    parts = (
        units(transfer & (count == 3) & (size == _WORD), fungible, token, t1, t2, none, data),
        units(transfer & (count == 4) & (size == 0), unique, token, t1, t2, t3, pl.lit(_ONE)),
        units(single & (count == 4) & (size == 2 * _WORD), multi, token, t2, t3, first, second),
        _batches(subject.filter((topic == TRANSFER_BATCH) & (count == 4))),
        units(wrapping & (topic == DEPOSIT), fungible, TransferKind.WRAP, nobody, t1, none, data),
        units(wrapping & (topic == WITHDRAWAL), fungible, TransferKind.UNWRAP, t1, nobody, none, data),
    )
    read = pl.concat(
        part.with_columns(pl.col("standard", "kind", "part").cast(pl.Int64)) for part in parts
    ).filter(_is_address("source") & _is_address("target") & pl.col("emitter").is_not_null())
    return _moves(read), stacked(
        (_unread(subject, read, "transfer event of unknown shape"), _wide(read)), UNREAD
    )


def _batches(found: pl.DataFrame) -> pl.DataFrame:
    """TransferBatch logs, one row per token: two lists of equal length, laid out as every compiler does (ABI)."""
    words = pl.col("data").bin.size() // _WORD
    sized = found.with_columns(n=(words.cast(pl.Int64) - 4) // 2).filter(
        (pl.col("n") > 0) & (pl.col("data").bin.size() == (4 + 2 * pl.col("n")) * _WORD)
    )
    heads = {
        n: b"".join(word.to_bytes(32, "big") for word in (0x40, 0x60 + 32 * n, n)) for n in {1, *sized["n"]}
    }
    inner = {n: n.to_bytes(32, "big") for n in heads}
    data, n = pl.col("data"), pl.col("n")
    return (
        sized.filter(
            (data.bin.slice(0, 3 * _WORD) == n.replace_strict(heads, return_dtype=pl.Binary))
            & (data.bin.slice((3 + n) * _WORD, _WORD) == n.replace_strict(inner, return_dtype=pl.Binary))
        )
        .with_columns(part=pl.int_ranges(n))
        .explode("part", empty_as_null=False)
        .select(
            *_LOG,
            standard=int(AssetStandard.MULTI),
            kind=int(TransferKind.TOKEN),
            source="topic2",
            target="topic3",
            token=data.bin.slice((3 + pl.col("part")) * _WORD, _WORD),
            word=data.bin.slice((4 + n + pl.col("part")) * _WORD, _WORD),
            part="part",
        )
    )


def relations(found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Approvals (`rows.RELATIONS`), and what bears their name and cannot be read (`rows.UNREAD`).

    Who lets whom spend: more than nothing, one token, everything. What ends an approval is not in here.
    """
    size, plain = pl.col("data").bin.size(), pl.col("topic0") == APPROVAL
    one = plain & (pl.col("count") == 4) & (size == 0)
    subject = found.filter(plain | (pl.col("topic0") == APPROVAL_FOR_ALL))
    read = subject.filter(
        (one | ((pl.col("count") == 3) & (size == _WORD))) & _is_address("topic1") & _is_address("topic2")
    )
    given = read.filter(pl.when(one).then(_party("topic2") != bytes(20)).otherwise(pl.col("data") != _ZERO))
    told = rows(
        given, RELATIONS, stage=int(Stage.LOGGED), order="log_index", kind=int(RelationKind.APPROVAL),
        giver=_party("topic1"), receiver=_party("topic2"), contract="emitter",
    )  # fmt: skip
    return told, _unread(subject, read, "approval event of unknown shape")


def events(found: pl.DataFrame, wanted: Collection[bytes]) -> pl.DataFrame:
    """Logs of `wanted` topics: tx_id, log_index, emitter, topic, topics (the others, one after the other), data."""
    others = [pl.col(f"topic{i}").bin.encode("hex").fill_null("") for i in range(1, 4)]
    return found.filter(pl.col("topic0").is_in(list(wanted))).select(
        "tx_id",
        "log_index",
        "emitter",
        topic="topic0",
        topics=pl.concat_str(others).str.decode("hex"),
        data="data",
    )


def _moves(read: pl.DataFrame) -> pl.DataFrame:
    """Rows of movements; who is nobody (20 zero bytes) is a mint or a burn."""
    ends = {
        end: pl.when(pl.col(end).bin.slice(12) != bytes(20)).then(_party(end)) for end in ("source", "target")
    }
    amounts = cast("pl.Series", pl.from_arrow(_amounts(read["word"]).arrow()))
    return rows(
        read.with_columns(amount=amounts.cast(UNITS)), MOVES, stage=int(Stage.LOGGED),
        order=pl.col("log_index").cast(pl.Int64) * (1 << 20) + pl.col("part"), kind="kind", standard="standard",
        contract="emitter", amount="amount", log_index="log_index", **ends,
    )  # fmt: skip


def _amounts(words: pl.Series) -> Amounts:
    """Words of 32 bytes as amounts, those of more than 38 digits told apart."""
    matrix = np.frombuffer(b"".join(words), np.uint8).reshape(len(words), _WORD)
    limbs = np.ascontiguousarray(matrix).view(">u8").astype(np.uint64)
    low, high = limbs[:, 3], limbs[:, 2]
    wide = (limbs[:, :2] != 0).any(axis=1) | (high > MOST_HIGH) | ((high == MOST_HIGH) & (low > MOST_LOW))
    kept = np.where(wide[:, None], np.uint64(0), np.stack([low, high], axis=1))
    return Amounts(np.ascontiguousarray(kept), np.where(wide, WIDE, KNOWN).astype(np.uint8))


def _wide(read: pl.DataFrame) -> pl.DataFrame:
    """Amounts of more than 38 digits, raw."""
    wide = read.filter(pl.Series(_amounts(read["word"]).states == WIDE))
    return rows(wide, UNREAD, place=_PLACE, reason=pl.lit("amount above 38 digits"), raw="word")


def _unread(subject: pl.DataFrame, read: pl.DataFrame, reason: str) -> pl.DataFrame:
    """Logs that nothing was read from."""
    left = subject.join(read, on=["tx_id", "log_index"], how="anti", maintain_order="left")
    return rows(left, UNREAD, place=_PLACE, reason=pl.lit(reason), raw="raw")


def _is_address(name: str) -> pl.Expr:
    """Where a word holds an address."""
    return pl.col(name).bin.slice(0, 12).is_in(_BEFORE)


def _party(name: str) -> pl.Expr:
    """The address in a word."""
    return pl.col(name).bin.slice(12)
