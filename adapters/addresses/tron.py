"""Tron accounts: Base58Check over 0x41 and the 20 bytes an EVM account of the same key would have."""

from __future__ import annotations

from adapters.addresses.base58 import base58check, base58check_decode
from adapters.addresses.refusal import TRON_ACCOUNT, other_network
from tracer.chain import AddressKey

_VERSION = b"\x41"


def read(text: str) -> tuple[str, AddressKey]:
    """Canonical text and key."""
    data = base58check_decode(text)
    if len(data) != 21 or data[:1] != _VERSION:
        raise other_network(text, "tron")
    return text, AddressKey(TRON_ACCOUNT, data[1:])


def write(key: AddressKey) -> str:
    """The Base58Check form."""
    return base58check(_VERSION + key.payload)
