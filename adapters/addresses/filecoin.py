"""Filecoin addresses: `f`, a protocol digit, and base32 with four bytes of BLAKE2b (spec: appendix/address).

f0 is an id without a checksum; f1 a secp256k1 key, f2 an actor, f3 a BLS key; f4 belongs to an address manager
(f410f is an Ethereum account on Filecoin).
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from adapters.addresses.refusal import other_network, refusal, text_key, wrong_checksum
from tracer.chain import AddressKey

_LENGTHS = {"1": 20, "2": 20, "3": 48}
_CHECK_BYTES = 4
_GREATEST = (1 << 63) - 1


def read(text: str) -> tuple[str, AddressKey]:
    """Canonical text and key."""
    if text[:2] in ("t0", "t1", "t2", "t3", "t4"):
        raise other_network(text, "filecoin")
    protocol, rest = text[1:2], text[2:]
    if text[:1] != "f" or protocol not in ("0", "1", "2", "3", "4"):
        raise refusal(text, "a Filecoin address begins with f0, f1, f2, f3 or f4")
    if protocol == "0":
        if _id(rest) is None:
            raise refusal(text, "a number must follow f0")
        return text_key(text)
    body = bytes([int(protocol)])
    if protocol == "4":
        manager, separator, rest = rest.partition("f")
        number = _id(manager)
        if number is None or not separator:
            raise refusal(text, "the manager's number and `f` must follow f4")
        body += _leb128(number)
    data = _base32(rest, text)
    payload, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    fits = len(payload) <= 54 if protocol == "4" else len(payload) == _LENGTHS[protocol]
    if len(data) < _CHECK_BYTES or not fits:
        raise refusal(text, f"{len(rest)} letters do not fit an f{protocol} address")
    if hashlib.blake2b(body + payload, digest_size=_CHECK_BYTES).digest() != check:
        raise wrong_checksum(text)
    return text_key(text)


def _id(digits: str) -> int | None:
    """A number without leading zeros, at most 63 bits; None for anything else."""
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19 or str(int(digits)) != digits:
        return None
    return int(digits) if int(digits) <= _GREATEST else None


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _base32(letters: str, text: str) -> bytes:
    """Lower-case base32 without padding, one way to write each value."""
    try:
        data = base64.b32decode(letters.upper() + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        data = b""
    if base64.b32encode(data).decode().rstrip("=").lower() != letters:
        raise refusal(text, "it is not lower-case base32")
    return data
