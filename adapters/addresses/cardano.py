"""Cardano addresses: Shelley's in Bech32 of any length (CIP-19), Byron's in Base58 over CBOR with a CRC-32."""

from __future__ import annotations

import zlib

from adapters.addresses.base58 import base58_decode
from adapters.addresses.bech32 import decode_bytes
from adapters.addresses.refusal import other_network, refusal, text_key, wrong_checksum
from tracer.chain import AddressKey

_LONGEST = 200
_LENGTHS = {0: 57, 1: 57, 2: 57, 3: 57, 6: 29, 7: 29}
"""Header type -> bytes with the header: a payment part of 28 bytes, alone or with a stake part."""
_POINTERS = (4, 5)  # the stake part is a pointer of three variable-length numbers
_REWARDS = (14, 15)
_NETWORK_MAGIC = 2  # the Byron attribute that only test networks have


def read(text: str) -> tuple[str, AddressKey]:
    """Canonical text and key."""
    lowered = text.lower()
    if lowered.startswith(("addr_test1", "stake_test1")):
        raise other_network(text, "cardano")
    for hrp in ("addr", "stake"):
        if lowered.startswith(hrp + "1"):
            _check_shelley(text, decode_bytes(text, hrp, limit=_LONGEST), hrp)
            return text_key(lowered)
    _check_byron(text)
    return text_key(text)


def _check_shelley(text: str, data: bytes, hrp: str) -> None:
    if not data:
        raise refusal(text, "it is empty")
    kind = data[0] >> 4
    if data[0] & 15 != 1:
        raise other_network(text, "cardano")
    if hrp == "stake":
        sound = kind in _REWARDS and len(data) == 29
    else:
        sound = _LENGTHS.get(kind) == len(data) or (kind in _POINTERS and 32 <= len(data) <= 59)
    if not sound:
        raise refusal(text, f"{len(data)} bytes do not fit its header type {kind} (CIP-19)")


def _check_byron(text: str) -> None:
    """`[24(bytes(payload)), crc32(payload)]`, the payload `[root hash, attributes, type]`."""
    try:
        cbor = _Cbor(base58_decode(text))
        cbor.expect(4, 2)
        cbor.expect(6, 24)
        payload = cbor.bytes_()
        stated = cbor.head(0)
        inner = _Cbor(payload)
        inner.expect(4, 3)
        root = inner.bytes_()
        attributes = {inner.head(0): inner.bytes_() for _ in range(inner.head(5))}
        inner.head(0)
    except _NotCborError as error:
        raise refusal(text, "it is neither a Shelley address (addr1...) nor a Byron one") from error
    if zlib.crc32(payload) != stated:
        raise wrong_checksum(text)
    if len(root) != 28 or inner.left() or cbor.left():
        raise refusal(text, "its root hash has not 28 bytes, or something follows its end")
    if _NETWORK_MAGIC in attributes:
        raise other_network(text, "cardano")


class _NotCborError(Exception):
    """The bytes are not what was expected next."""


class _Cbor:
    """Just enough of RFC 8949: heads with a number, and byte strings."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise _NotCborError
        self._at += size
        return taken

    def head(self, major: int) -> int:
        """The number in the next head, which must be of this major type."""
        first = self._take(1)[0]
        info = first & 31
        if first >> 5 != major or info > 27:
            raise _NotCborError
        return info if info < 24 else int.from_bytes(self._take(1 << (info - 24)), "big")

    def expect(self, major: int, value: int) -> None:
        """The next head must be exactly this."""
        if self.head(major) != value:
            raise _NotCborError

    def bytes_(self) -> bytes:
        """The next byte string."""
        return self._take(self.head(2))

    def left(self) -> int:
        """Bytes after what was read."""
        return len(self._data) - self._at
