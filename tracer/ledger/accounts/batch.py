"""What an adapter of an account chain hands over: columns, and the header chain they extend.

A batch holds whole blocks of one branch in height order. One row of `transfers` is one movement of one asset, in
the order of execution. Addresses are 20 bytes, hashes 32 as shown after 0x, amounts decimal128(38, 0) in base units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class AccountBatch:
    """Decoded blocks of an account chain as Arrow tables; types and nulls as `schemas` says, null where absent.

    blocks       consecutive heights
    txs          sorted by tx_id
    transfers    sorted by (tx_id, position), position unique in its transaction; fees after everything else.
                 `standard`, `contract`, `token_id` name the asset. `tx_id` of what no transaction did (rewards,
                 withdrawals) is height << 24 | tracer.chain.BLOCK_INDEX, without a row in `txs`. An amount
                 of more than 38 digits is null here, and raw in `quarantine`. Amounts of 0 are kept: they are facts
    relations    sorted by (tx_id, position)
    events       sorted by (tx_id, log_index); `topics` holds topics 1 to 3 one after the other
    quarantine   what could not be understood: `place` names transaction and log or frame, `raw` are its bytes
    """

    blocks: pa.Table
    txs: pa.Table
    transfers: pa.Table
    relations: pa.Table
    events: pa.Table
    quarantine: pa.Table


@cache
def schemas() -> dict[str, pa.Schema]:
    """Columns of each table of a batch, and of `openings` and `tokens`, by name."""
    import pyarrow as pa

    address, digest, units = pa.binary(20), pa.binary(32), pa.decimal128(38, 0)

    def of(*columns: tuple[str, pa.DataType], absent: Sequence[str] = ()) -> pa.Schema:
        return pa.schema([pa.field(name, kind, nullable=name in absent) for name, kind in columns])

    asset = (("standard", pa.uint8()), ("contract", address), ("token_id", digest))
    return {
        "blocks": of(
            ("height", pa.int32()), ("hash", digest), ("prev_hash", digest), ("time", pa.int64()),
            ("tx_count", pa.int32()), ("producer", address), ("base_fee", units), ("traced", pa.bool_()),
            absent=("producer", "base_fee"),
        ),
        "txs": of(
            ("tx_id", pa.int64()), ("txid", digest), ("sender", address), ("recipient", address),
            ("created", address), ("status", pa.uint8()), ("kind", pa.uint8()), ("nonce", pa.int64()),
            ("selector", pa.binary(4)), ("gas_used", pa.int64()), ("gas_price", units), ("fee", units),
            absent=("recipient", "created", "status", "nonce", "selector", "gas_used", "gas_price", "fee"),
        ),
        "transfers": of(
            ("tx_id", pa.int64()), ("position", pa.int32()), ("kind", pa.uint8()), *asset,
            ("source", address), ("target", address), ("amount", units), ("log_index", pa.int32()),
            absent=("contract", "token_id", "source", "target", "amount", "log_index"),
        ),
        "relations": of(
            ("tx_id", pa.int64()), ("position", pa.int32()), ("kind", pa.uint8()), ("giver", address),
            ("receiver", address), ("contract", address), ("amount", units), absent=("contract", "amount"),
        ),
        "events": of(
            ("tx_id", pa.int64()), ("log_index", pa.int32()), ("emitter", address), ("topic", digest),
            ("topics", pa.binary()), ("data", pa.binary()),
        ),
        "quarantine": of(
            ("tx_id", pa.int64()), ("place", pa.string()), ("reason", pa.string()), ("raw", pa.binary()),
        ),
        "openings": of(
            ("height", pa.int32()), ("address", address), *asset, ("amount", units),
            absent=("contract", "token_id", "amount"),
        ),
        "tokens": of(
            ("contract", address), ("symbol", pa.string()), ("name", pa.string()), ("decimals", pa.uint8()),
            ("height", pa.int32()), ("problem", pa.string()), ("genuine", pa.bool_()),
            absent=("symbol", "name", "decimals"),
        ),
    }  # fmt: skip
