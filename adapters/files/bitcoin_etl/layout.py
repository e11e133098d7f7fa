"""What the files of bitcoin-etl 1.5.2 are called and what their columns mean.

Sources: its exporters and mappers, and the rows it made of recorded answers (tests/real). A file is recognised by its
columns, never by its name. `previous_hash` is a column that only `tracer export` writes.
"""

from __future__ import annotations

from enum import StrEnum


class Dataset(StrEnum):
    """What rows of a file are. The values are bitcoin-etl's names."""

    BLOCKS = "blocks"
    TRANSACTIONS = "transactions"


MARKS = {
    Dataset.BLOCKS: frozenset(("number", "hash", "merkle_root", "bits")),
    Dataset.TRANSACTIONS: frozenset(("block_number", "is_coinbase", "lock_time")),
}
"""Columns that no other kind of file has together."""
HEIGHT = {Dataset.BLOCKS: "number", Dataset.TRANSACTIONS: "block_number"}

NEEDED = {
    Dataset.BLOCKS: (
        "number", "hash", "version", "merkle_root", "timestamp", "nonce", "bits", "coinbase_param", "transaction_count",
        "size",
    ),
    Dataset.TRANSACTIONS: (
        "block_number", "hash", "version", "lock_time", "is_coinbase", "inputs", "outputs",
    ),
}  # fmt: skip
OPTIONAL = {
    Dataset.BLOCKS: ("previous_hash",),
    Dataset.TRANSACTIONS: (
        "index", "size", "virtual_size", "block_hash", "block_timestamp", "input_count", "output_count", "input_value",
        "output_value", "fee",
    ),
}  # fmt: skip

INPUT = {
    "spent_transaction_hash": True, "spent_output_index": True, "script_hex": True, "sequence": True,
    "type": False, "addresses": False, "value": False,
}  # fmt: skip
OUTPUT = {"script_hex": True, "value": True, "type": False, "addresses": False}
"""What is read of one input or output, and whether it must be there as a field (it may still hold nothing)."""
NESTED = {"inputs": INPUT, "outputs": OUTPUT}

NUMBERS = (
    "number", "size", "version", "timestamp", "transaction_count", "block_number", "lock_time", "index", "virtual_size",
    "block_timestamp", "input_count", "output_count", "input_value", "output_value", "fee", "spent_output_index",
    "sequence", "value",
)  # fmt: skip
"""Fields that are whole numbers: JSON may write them as such or as text."""

SHIELDED = "shielded"
"""Type of what enters or leaves a pool of zcash."""
