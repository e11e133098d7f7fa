"""The 64-bit prefixes that look-up tables are sorted by. They find candidates; full bytes decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer.chain import AddressKey

if TYPE_CHECKING:
    import polars as pl


def txid_prefix(txid: bytes) -> int:
    """First eight bytes of a txid in wire order, as a signed little-endian integer."""
    return int.from_bytes(txid[:8], "little", signed=True)


def address_prefix(key: AddressKey) -> int:
    """First eight payload bytes (zero-padded), signed little-endian, with the kind mixed into the top byte.

    The decode kernels compute the same value column-wise; `tests/adapters/test_decode.py` holds them equal.
    """
    head = int.from_bytes(key.payload[:8].ljust(8, b"\0"), "little") ^ (key.kind << 56)
    return head - (1 << 64) if head >= 1 << 63 else head


def address_prefixes(addresses: pl.DataFrame) -> pl.Series:
    """`address_prefix` of each row of (kind, payload), column-wise; rows of short payloads one by one."""
    import polars as pl

    head = pl.col("payload").bin.head(8).bin.reinterpret(dtype=pl.Int64, endianness="little")
    whole = pl.when(pl.col("payload").bin.size() >= 8).then(head ^ (pl.col("kind").cast(pl.Int64) * 2**56))
    found = addresses.select(whole.alias("prefix"))["prefix"]
    short = found.is_null().arg_true().to_list()
    if short:
        keys = [AddressKey(addresses["kind"][i], addresses["payload"][i]) for i in short]
        found = found.scatter(short, [address_prefix(key) for key in keys])
    return found
