"""Keccak-256 as Ethereum and Monero use it: the padding before FIPS 202, which hashlib's SHA3-256 does not have."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def _new() -> Any:
    from Crypto.Hash import keccak

    return keccak.new


def keccak256(data: bytes) -> bytes:
    """The 32-byte digest."""
    digest: bytes = _new()(digest_bits=256, data=data).digest()
    return digest
