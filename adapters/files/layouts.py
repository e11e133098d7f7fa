"""What the files of ethereum-etl 2.4.2 and cryo 0.3.2 are called and what their columns mean.

Sources: ethereum-etl's item exporters and docs/schema.md, cryo's dataset definitions, and the files both wrote of one
anvil chain (tests/adapters/files). A file is recognised by its columns, never by its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Dataset(StrEnum):
    """What rows of a file are. The values are ethereum-etl's names."""

    BLOCKS = "blocks"
    TRANSACTIONS = "transactions"
    RECEIPTS = "receipts"
    LOGS = "logs"
    TOKEN_TRANSFERS = "token_transfers"  # noqa: S105 - no password
    TRACES = "traces"
    NATIVE_TRANSFERS = "native_transfers"


class Kind(StrEnum):
    """How a column is read."""

    WHOLE = "whole"  # a number below 2^62
    AMOUNT = "amount"  # a uint256
    ADDRESS = "address"
    HASH = "hash"
    BLOOM = "bloom"  # the 256 bytes that tell of a block's logs
    BYTES = "bytes"
    TEXT = "text"
    FLAG = "flag"  # 0 or 1, true or false
    TOPICS = "topics"  # a list of hashes
    PATH = "path"  # the place of a frame in its call tree
    WITHDRAWALS = "withdrawals"  # a list of withdrawals


@dataclass(frozen=True)
class Field:
    """One column: what a node calls it, how it is read, and what the tools call it, best first."""

    name: str
    kind: Kind
    columns: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True)
class Layout:
    """One kind of file.

    marks  columns that no other kind of file has together
    """

    dataset: Dataset
    tool: str
    marks: frozenset[str]
    fields: tuple[Field, ...]

    @property
    def height(self) -> str:
        """The column that holds the height."""
        return self.fields[0].columns[0]


def _field(name: str, kind: Kind, *columns: str, required: bool = False) -> Field:
    return Field(name, kind, columns or (name,), required)


def _needs(name: str, kind: Kind, *columns: str) -> Field:
    return _field(name, kind, *columns, required=True)


def _uint256(name: str, column: str) -> Field:
    """A column of cryo, which writes each uint256 in up to seven forms; only these are exact."""
    return _needs(name, Kind.AMOUNT, f"{column}_binary", f"{column}_string", f"{column}_d128", column)


_HEIGHT = _needs("number", Kind.WHOLE, "block_number")
_TXID = _needs("transactionHash", Kind.HASH, "transaction_hash")
_INDEX = _needs("transactionIndex", Kind.WHOLE, "transaction_index")
_LOG_INDEX = _needs("logIndex", Kind.WHOLE, "log_index")
_BLOOM = _field("logsBloom", Kind.BLOOM, "logs_bloom")
_CHAIN_ID = _field("chainId", Kind.WHOLE, "chain_id")
_SOURCE = _needs("from", Kind.ADDRESS, "from_address")
_TARGET = _field("to", Kind.ADDRESS, "to_address")
_TX = (
    _needs("nonce", Kind.WHOLE), _needs("from", Kind.ADDRESS, "from_address"),
    _needs("to", Kind.ADDRESS, "to_address"), _needs("input", Kind.BYTES),
    _field("type", Kind.WHOLE, "transaction_type"), _field("gasPrice", Kind.AMOUNT, "gas_price"),
    _field("gas", Kind.WHOLE, "gas", "gas_limit"),
)  # fmt: skip

LAYOUTS = (
    Layout(
        Dataset.BLOCKS, "ethereum-etl", frozenset(("number", "hash", "timestamp")),
        (
            _needs("number", Kind.WHOLE, "number"), _needs("hash", Kind.HASH),
            _needs("parentHash", Kind.HASH, "parent_hash"), _needs("timestamp", Kind.WHOLE),
            _needs("transactionCount", Kind.WHOLE, "transaction_count"),
            _field("miner", Kind.ADDRESS, "miner"), _field("baseFeePerGas", Kind.AMOUNT, "base_fee_per_gas"),
            _field("gasUsed", Kind.WHOLE, "gas_used"), _field("sha3Uncles", Kind.HASH, "sha3_uncles"),
            _field("blobGasUsed", Kind.WHOLE, "blob_gas_used"), _field("withdrawals", Kind.WITHDRAWALS), _BLOOM,
        ),
    ),
    Layout(
        Dataset.BLOCKS, "cryo", frozenset(("block_number", "block_hash", "timestamp", "author")),
        (
            _HEIGHT, _needs("hash", Kind.HASH, "block_hash"), _needs("parentHash", Kind.HASH, "parent_hash"),
            _needs("timestamp", Kind.WHOLE, "timestamp"), _field("miner", Kind.ADDRESS, "author"),
            _field("baseFeePerGas", Kind.AMOUNT, "base_fee_per_gas"), _field("gasUsed", Kind.WHOLE, "gas_used"),
            _field("sha3Uncles", Kind.HASH, "uncles_hash"), _BLOOM, _CHAIN_ID,
        ),
    ),
    Layout(
        Dataset.TRANSACTIONS, "ethereum-etl", frozenset(("hash", "block_number", "transaction_index", "nonce")),
        (
            _HEIGHT, _INDEX, _needs("hash", Kind.HASH), *_TX, _needs("value", Kind.AMOUNT),
            # what `stream` adds of the receipt
            _field("status", Kind.FLAG, "receipt_status"), _field("root", Kind.HASH, "receipt_root"),
            _field("gasUsed", Kind.WHOLE, "receipt_gas_used"),
            _field("effectiveGasPrice", Kind.AMOUNT, "receipt_effective_gas_price"),
            _field("contractAddress", Kind.ADDRESS, "receipt_contract_address"),
            _field("l1Fee", Kind.AMOUNT, "receipt_l1_fee"),
            _field("blobGasUsed", Kind.WHOLE, "receipt_blob_gas_used"),
            _field("blobGasPrice", Kind.AMOUNT, "receipt_blob_gas_price"),
        ),
    ),
    Layout(
        Dataset.TRANSACTIONS, "cryo", frozenset(("transaction_hash", "block_number", "transaction_index", "nonce")),
        (
            _HEIGHT, _INDEX, _needs("hash", Kind.HASH, "transaction_hash"), *_TX, _uint256("value", "value"),
            _needs("status", Kind.FLAG, "success"), _needs("gasUsed", Kind.WHOLE, "gas_used"), _CHAIN_ID,
        ),
    ),
    Layout(
        Dataset.RECEIPTS, "ethereum-etl", frozenset(("transaction_hash", "block_number", "cumulative_gas_used")),
        (
            _HEIGHT, _INDEX, _TXID, _needs("status", Kind.FLAG), _needs("gasUsed", Kind.WHOLE, "gas_used"),
            _field("root", Kind.HASH), _field("effectiveGasPrice", Kind.AMOUNT, "effective_gas_price"),
            _field("contractAddress", Kind.ADDRESS, "contract_address"), _field("l1Fee", Kind.AMOUNT, "l1_fee"),
            _field("blobGasUsed", Kind.WHOLE, "blob_gas_used"), _field("blobGasPrice", Kind.AMOUNT, "blob_gas_price"),
        ),
    ),
    Layout(
        Dataset.LOGS, "ethereum-etl", frozenset(("log_index", "address", "data", "topics")),
        (
            _HEIGHT, _INDEX, _TXID, _LOG_INDEX, _needs("address", Kind.ADDRESS),
            _needs("topics", Kind.TOPICS), _needs("data", Kind.BYTES),
        ),
    ),
    Layout(
        Dataset.LOGS, "cryo", frozenset(("log_index", "address", "data", "topic0")),
        (
            _HEIGHT, _INDEX, _TXID, _LOG_INDEX, _needs("address", Kind.ADDRESS),
            _needs("topic0", Kind.HASH), _needs("topic1", Kind.HASH), _needs("topic2", Kind.HASH),
            _needs("topic3", Kind.HASH), _needs("data", Kind.BYTES), _CHAIN_ID,
        ),
    ),
    Layout(
        Dataset.TOKEN_TRANSFERS, "ethereum-etl", frozenset(("token_address", "log_index", "value")),
        (
            _HEIGHT, _TXID, _LOG_INDEX, _needs("contract", Kind.ADDRESS, "token_address"), _SOURCE, _TARGET,
            _needs("value", Kind.AMOUNT),
            # columns that `tracer export` adds
            _field("token_type", Kind.TEXT), _field("token_id", Kind.AMOUNT),
        ),
    ),
    Layout(
        Dataset.TOKEN_TRANSFERS, "cryo", frozenset(("erc20", "log_index", "from_address", "value")),
        (
            _HEIGHT, _INDEX, _TXID, _LOG_INDEX, _needs("contract", Kind.ADDRESS, "erc20"), _SOURCE, _TARGET,
            _uint256("value", "value"), _CHAIN_ID,
        ),
    ),
    Layout(
        Dataset.TOKEN_TRANSFERS, "cryo", frozenset(("log_index", "from_address", "token_id")),
        (
            _HEIGHT, _INDEX, _TXID, _LOG_INDEX, _needs("contract", Kind.ADDRESS, "erc20", "erc721"), _SOURCE, _TARGET,
            _uint256("token_id", "token_id"), _CHAIN_ID,
        ),
    ),
    Layout(
        Dataset.TRACES, "ethereum-etl", frozenset(("trace_type", "trace_address", "call_type")),
        (
            _HEIGHT, _field("transactionHash", Kind.HASH, "transaction_hash"), _INDEX,
            _SOURCE, _TARGET, _needs("value", Kind.AMOUNT), _needs("what", Kind.TEXT, "trace_type"),
            _needs("call", Kind.TEXT, "call_type"), _needs("reward", Kind.TEXT, "reward_type"),
            _needs("path", Kind.PATH, "trace_address"), _needs("subtraces", Kind.WHOLE),
            _needs("error", Kind.TEXT), _needs("status", Kind.FLAG),
        ),
    ),
    Layout(
        Dataset.TRACES, "cryo", frozenset(("action_type", "trace_address", "action_call_type")),
        (
            _HEIGHT, _needs("transactionIndex", Kind.WHOLE, "transaction_index", "transaction_position"), _TXID,
            _needs("from", Kind.ADDRESS, "action_from"), _needs("to", Kind.ADDRESS, "action_to"),
            _needs("value", Kind.AMOUNT, "action_value"), _needs("what", Kind.TEXT, "action_type"),
            _needs("call", Kind.TEXT, "action_call_type"), _needs("reward", Kind.TEXT, "action_reward_type"),
            _needs("created", Kind.ADDRESS, "result_address"), _needs("path", Kind.PATH, "trace_address"),
            _needs("subtraces", Kind.WHOLE), _needs("error", Kind.TEXT), _CHAIN_ID,
        ),
    ),
    Layout(
        Dataset.NATIVE_TRANSFERS, "cryo", frozenset(("transfer_index", "block_number", "from_address")),
        (_HEIGHT, _CHAIN_ID),
    ),
)  # fmt: skip
"""Every kind of file, in the order in which columns are compared: more telling marks first."""
KINDS = {field.name: field.kind for layout in LAYOUTS for field in layout.fields}
"""How a field is read, by name: the same in all files."""

NOT_READ = {
    frozenset(("bytecode", "address")): "contracts",
    frozenset(("symbol", "decimals")): "tokens",
    frozenset(
        ("transaction_traces",)
    ): "traces as geth gave them (`ethereumetl extract_geth_traces` reads them)",
}
"""Files of ethereum-etl that hold no movement of value: passed over in a folder, refused where named."""
