"""Ids and roots of Tron blocks in plain Python, one message at a time: what `adapters.tron.proof` is held against."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

RESULTS = {"DEFAULT": 0, "SUCCESS": 1, "REVERT": 2, "OUT_OF_ENERGY": 10}
HEADER = {"timestamp": 1, "txTrieRoot": 2, "parentHash": 3, "number": 7, "witness_address": 9, "version": 10}


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value)


def data(field: int, value: bytes) -> bytes:
    """A field of bytes."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Seven bits a byte, least first."""
    head, rest = value & 127, value >> 7
    return bytes([head | 128]) + varint(rest) if rest else bytes([head])


def block_id(header: Mapping[str, Any]) -> str:
    """Height, then the end of the header's hash."""
    parts = b"".join(
        number(field, header[name])
        if isinstance(header[name], int)
        else data(field, bytes.fromhex(header[name]))
        for name, field in HEADER.items()
        if header.get(name)
    )
    height = int(header.get("number", 0))
    return (height.to_bytes(8, "big") + hashlib.sha256(parts).digest()[8:]).hex()


def transaction(answer: Mapping[str, Any]) -> bytes:
    """A whole transaction: what was signed, the signatures, the result."""
    code = RESULTS[answer["ret"][0]["contractRet"]]
    return b"".join(
        (
            data(1, bytes.fromhex(answer["raw_data_hex"])),
            *(data(2, bytes.fromhex(signature)) for signature in answer["signature"]),
            data(5, number(3, code) if code else b""),
        )
    )


def root(transactions: Sequence[bytes]) -> str:
    """The Merkle root; an odd node moves up as it is."""
    level = [hashlib.sha256(message).digest() for message in transactions] or [bytes(32)]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [hashlib.sha256(b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()
