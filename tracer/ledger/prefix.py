"""The 64-bit prefixes that look-up tables are sorted by. They find candidates; full bytes decide."""

from __future__ import annotations

from tracer.chain import AddressKey


def txid_prefix(txid: bytes) -> int:
    """First eight bytes of a txid in wire order, as a signed little-endian integer."""
    return int.from_bytes(txid[:8], "little", signed=True)


def address_prefix(key: AddressKey) -> int:
    """First eight payload bytes (zero-padded), signed little-endian, with the kind mixed into the top byte.

    The decode kernels compute the same value column-wise; `tests/adapters/test_decode.py` holds them equal.
    """
    head = int.from_bytes(key.payload[:8].ljust(8, b"\0"), "little") ^ (key.kind << 56)
    return head - (1 << 64) if head >= 1 << 63 else head
