"""Answers of a java-tron node -> columns, every number still text.

Field names are those of the HTTP API (tronprotocol/documentation-en, protobuf `core/Tron.proto`). Numbers are read
as text: a JSON reader would turn one that does not fit into null, and a fraction into an integer, without a word.
Protobuf leaves defaults out, so an absent number of a known message is 0, and an absent list is empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from adapters.addresses import tron
from tracer.chain import TX_INDEX_BITS
from tracer.errors import BadAddress, SourceUnavailable

TEXT = pl.String()
ADDRESS, DIGEST = 20, 32
HINT = "Is this the HTTP API of a java-tron full node?"


def _texts(*names: str) -> dict[str, pl.DataType]:
    return dict.fromkeys(names, TEXT)


_VALUE = pl.Struct(
    {
        **_texts(
            "owner_address", "to_address", "amount", "asset_name", "contract_address", "data", "call_value",
            "call_token_value", "token_id", "account_address", "receiver_address", "balance", "frozen_balance",
            "total_supply",
        ),
        "new_contract": pl.Struct(_texts("call_value")),
    }
)  # fmt: skip
"""`parameter.value` of every contract type that moves value or names a second account: all fields optional."""

_TX = pl.Struct(
    {
        **_texts("txID", "raw_data_hex"),
        "signature": pl.List(TEXT),
        "ret": pl.List(pl.Struct(_texts("contractRet", "ret", "fee"))),
        "raw_data": pl.Struct(
            {
                "data": TEXT,
                "contract": pl.List(pl.Struct({"type": TEXT, "parameter": pl.Struct({"value": _VALUE})})),
            }
        ),
    }
)
HEADER = ("timestamp", "txTrieRoot", "parentHash", "number", "witness_id", "witness_address", "version",
          "accountStateRoot")  # fmt: skip
"""Fields of a block header, in the order of their protobuf numbers (1, 2, 3, 7, 8, 9, 10, 11)."""

_BLOCK: dict[str, pl.DataType] = {
    "blockID": TEXT,
    "block_header": pl.Struct({"raw_data": pl.Struct(_texts(*HEADER))}),
    "transactions": pl.List(_TX),
}
_BLOCKS = pl.Struct({**_BLOCK, "block": pl.List(pl.Struct(_BLOCK)), "Error": TEXT})

LOG = pl.Struct({"address": TEXT, "topics": pl.List(TEXT), "data": TEXT})
INTERNAL = pl.Struct(
    {
        **_texts("caller_address", "transferTo_address", "note", "rejected"),
        "callValueInfo": pl.List(pl.Struct(_texts("callValue", "tokenId"))),
    }
)
_INFO = pl.Struct(
    {
        **_texts("id", "fee", "packingFee", "blockNumber", "blockTimeStamp", "contract_address", "result"),
        **_texts("assetIssueID", "withdraw_amount", "unfreeze_amount", "Error"),
        "receipt": pl.Struct(_texts("energy_usage_total", "energy_fee", "net_fee", "result")),
        "log": pl.List(LOG),
        "internal_transactions": pl.List(INTERNAL),
    }
)
_RECEIPT = pl.Struct(
    {
        **_texts("transactionHash", "blockHash", "blockNumber", "contractAddress", "status", "gasUsed"),
        "logs": pl.List(LOG),
    }
)


def read_blocks(bodies: Sequence[bytes]) -> pl.DataFrame:
    """Blocks of `getblockbylimitnext` and `getblockbynum` answers, sorted by height.

    -> blockID, the fields of `HEADER`, transactions (list), all text; block int64 (its row). An answer without a block
    has no row. Raises `SourceUnavailable` where the node answered an error, or something else.
    """
    found = _decoded(bodies, _BLOCKS, "blocks")
    _refused(found["Error"], "blocks")
    lone = found.select("blockID", "block_header", "transactions").filter(pl.col("blockID").is_not_null())
    many = found.select(pl.col("block").explode(empty_as_null=False, keep_nulls=False)).select(
        pl.col("block").struct.unnest()
    )
    return (
        pl.concat([many, lone])
        .unnest("block_header")
        .unnest("raw_data")
        .with_columns(height=whole("number").fill_null(0), producer="witness_address")
        .pipe(hex_addresses, "producer")
        .sort("height")
        .with_row_index("block")
        .with_columns(pl.col("block").cast(pl.Int64))
    )


def read_transactions(blocks: pl.DataFrame) -> pl.DataFrame:
    """One row per transaction of `read_blocks`, in order.

    -> block, tx_id int64; txID, raw_data_hex, signature, ret, memo, contract type, contracts (how many it has), and
    the fields of its first contract, `call_value` of a created contract in its own column.
    """
    value = pl.col("parameter").struct.field("value")
    return (
        blocks.select("block", "height", "transactions")
        .explode("transactions", empty_as_null=False, keep_nulls=False)
        .with_columns(index=pl.int_range(pl.len()).over("block"))
        .unnest("transactions")
        .unnest("raw_data")
        .rename({"data": "memo"})
        .with_columns(
            contracts=pl.col("contract").list.len().fill_null(0),
            contract=pl.col("contract").list.first(),
            tx_id=pl.col("height") * (1 << TX_INDEX_BITS) + pl.col("index"),
        )
        .unnest("contract")
        .with_columns(value.struct.unnest())
        .with_columns(endowment=pl.col("new_contract").struct.field("call_value"))
        .drop("parameter", "new_contract")
        .pipe(
            hex_addresses,
            "owner_address",
            "to_address",
            "contract_address",
            "account_address",
            "receiver_address",
        )
    )


def read_infos(bodies: Sequence[bytes]) -> pl.DataFrame:
    """Results of `gettransactioninfobyblocknum` answers: a row per transaction, in no order, told = "http".

    A block without transactions is answered by `[]` or `{}`.
    """
    listed = [body if body.lstrip()[:1] == b"[" else b"[" + body + b"]" for body in bodies]
    rows = _decoded(listed, pl.List(_INFO), "results of transactions")
    found = rows.explode("answer", empty_as_null=False, keep_nulls=False).unnest("answer")
    _refused(found["Error"], "results of transactions")
    found = found.drop("Error").unnest("receipt", separator="_")
    return (
        found.filter(pl.col("id").is_not_null())
        .pipe(hex_addresses, "contract_address")
        .with_columns(told=pl.lit("http"), blockHash=pl.lit(None, TEXT))
    )


def read_receipts(bodies: Sequence[bytes]) -> pl.DataFrame:
    """The same out of `eth_getBlockReceipts` answers, told = "json-rpc": no fee, no reward, no internal transaction.

    java-tron's JSON-RPC cannot stand for blocks: its `value` is TRX, TRC-10, votes or stakes, and does not say which
    (`JsonRpcApiUtil.getTransactionAmount`). Its receipts hold status, created contract and logs.
    """
    schema = pl.Struct({"result": pl.List(_RECEIPT), "error": pl.Struct({"message": TEXT})})
    found = _decoded(bodies, schema, "receipts")
    _refused(found.select(pl.col("error").struct.field("message")).to_series(), "receipts")
    rows = (
        found.select("result")
        .explode("result", empty_as_null=False, keep_nulls=False)
        .select(pl.col("result").struct.unnest())
    )
    plain = {
        name: pl.col(name).str.strip_prefix("0x").str.to_lowercase()
        for name in _RECEIPT.to_schema()
        if name != "logs"
    }
    empty = pl.DataFrame(schema=_INFO.to_schema()).unnest("receipt", separator="_")
    told = rows.with_columns(**plain).select(
        "blockHash",
        id="transactionHash",
        blockNumber=pl.col("blockNumber").str.to_integer(base=16, strict=False).cast(TEXT),
        contract_address="contractAddress",
        result=pl.when(pl.col("status") == "0").then(pl.lit("FAILED")),
        receipt_energy_usage_total=pl.col("gasUsed").str.to_integer(base=16, strict=False).cast(TEXT),
        log=pl.col("logs").list.eval(
            pl.struct(
                pl.element().struct.field("address").str.strip_prefix("0x"),
                pl.element().struct.field("topics").list.eval(pl.element().str.strip_prefix("0x")),
                pl.element().struct.field("data").str.strip_prefix("0x"),
            )
        ),
        told=pl.lit("json-rpc"),
    )
    return pl.concat(
        [empty.with_columns(told=pl.lit("", TEXT), blockHash=pl.lit("", TEXT)), told], how="diagonal"
    )


def _decoded(bodies: Sequence[bytes], schema: pl.DataType, what: str) -> pl.DataFrame:
    """One row per body, an object's fields as columns; `SourceUnavailable` where one is no JSON of this shape."""
    try:
        texts = pl.Series("answer", [body.decode() for body in bodies], TEXT)
        found = texts.str.json_decode(schema).to_frame()
    except (pl.exceptions.ComputeError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0][:160]
        raise SourceUnavailable(f"the node's answer holds no {what}: {reason}.", hint=HINT) from error
    return found.unnest("answer") if isinstance(schema, pl.Struct) else found


def _refused(errors: pl.Series, what: str) -> None:
    """`SourceUnavailable` where the node answered an error instead (it does so with status 200)."""
    told = errors.drop_nulls()
    if len(told):
        raise SourceUnavailable(f"the node refused {what}: {told[0][:200]}.")


def whole(name: str) -> pl.Expr:
    """The int64 of a text column; null where it is absent or none (see `odd`)."""
    return pl.col(name).cast(pl.Int64, strict=False)


def odd(name: str) -> pl.Expr:
    """Where a text column says something that is no amount: a fraction, a negative number, more than int64."""
    return pl.col(name).is_not_null() & whole(name).is_null().or_(whole(name) < 0)


def raw(name: str, size: int | None = None) -> pl.Expr:
    """The bytes of a hex text column; null where it is no hex, or not of this size."""
    found = pl.col(name).str.decode("hex", strict=False)
    return found if size is None else pl.when(found.bin.size() == size).then(found)


def hex_addresses(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Address columns as 40 hex digits: from `41` and 40 digits, bare digits, or Base58Check (`visible=true`).

    Null where a text is none of these.
    """
    shown = pl.concat([frame[name] for name in names]).unique().drop_nulls()
    shown = shown.filter(shown.str.starts_with("T"))
    if len(shown):
        frame = frame.with_columns(pl.col(*names).replace({text: _payload(text) for text in shown}))
    text = pl.col(*names).str.to_lowercase()
    bare = (
        pl.when((text.str.len_bytes() == 42) & text.str.starts_with("41"))
        .then(text.str.slice(2))
        .when((text.str.len_bytes() == 40) & text.str.contains("^[0-9a-f]*$"))
        .then(text)
    )
    return frame.with_columns(bare)


def _payload(text: str) -> str | None:
    """The 40 digits of a Base58Check address; None where it is none."""
    try:
        return tron.read(text)[1].payload.hex()
    except BadAddress:
        return None
