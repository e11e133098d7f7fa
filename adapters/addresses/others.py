"""Chains whose addresses are kept as canonical text: a checksum where the chain has one, else the shape alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from adapters.addresses.base58 import base58_decode
from adapters.addresses.bech32 import decode_bytes
from adapters.addresses.refusal import other_network, refusal, text_key, wrong_checksum
from tracer.chain import AddressKey

_EOS_NAME = re.compile(r"(?!\.)[a-z1-5.]{0,11}([a-z1-5]|[a-z1-5.][a-j1-5])")
_NEAR_NAME = re.compile(r"(?:(?:[a-z0-9]+[-_])*[a-z0-9]+\.)*(?:[a-z0-9]+[-_])*[a-z0-9]+")
_TON_RAW = re.compile(r"(0|-1):([0-9a-fA-F]{64})")
_STELLAR = {"G": (6 << 3, 32), "M": (12 << 3, 40), "C": (2 << 3, 32)}
"""Account, account with a customer's id, contract: version byte and payload length (SEP-23)."""


def solana(text: str) -> tuple[str, AddressKey]:
    """Base58 of 32 bytes; a Solana address has no checksum."""
    size = len(base58_decode(text))
    if size != 32:
        raise refusal(text, f"a Solana address holds 32 bytes, not {size}")
    return text_key(text)


def cosmos(text: str, hrp: str) -> tuple[str, AddressKey]:
    """Bech32 over 20 bytes (a key) or 32 (a module or contract), told apart by prefix (Cosmos SDK ADR-028)."""
    if len(decode_bytes(text, hrp)) not in (20, 32):
        raise refusal(text, "its length is not 20 or 32 bytes")
    return text_key(text.lower())


def avalanche(text: str, chain: str) -> tuple[str, AddressKey]:
    """The letter of the X or P chain, a hyphen and Bech32 over 20 bytes."""
    letter, _, rest = text.partition("-")
    if letter != chain:
        raise refusal(text, f"it does not begin with {chain}-avax1")
    if len(decode_bytes(rest, "avax")) != 20:
        raise refusal(text, "it does not hold 20 bytes")
    return text_key(f"{chain}-{rest.lower()}")


def algorand(text: str) -> tuple[str, AddressKey]:
    """Base32 over a public key and the last four bytes of its SHA-512/256."""
    from Crypto.Hash import SHA512

    data = _base32(text, 58)
    if SHA512.new(data[:32], truncate="256").digest()[-4:] != data[32:]:
        raise wrong_checksum(text)
    return text_key(text)


def substrate(text: str, network: int, name: str) -> tuple[str, AddressKey]:
    """SS58: Base58 over network, 32 bytes and two bytes of BLAKE2b."""
    data = base58_decode(text)
    if len(data) not in (35, 36):
        raise refusal(text, "its length is not that of an SS58 address")
    if hashlib.blake2b(b"SS58PRE" + data[:-2]).digest()[:2] != data[-2:]:
        raise wrong_checksum(text)
    if len(data) != 35 or data[0] != network:
        raise other_network(text, name)
    return text_key(text)


def eos(text: str) -> tuple[str, AddressKey]:
    """An account name: up to 12 of a-z, 1-5 and dots, a 13th up to j, no dot at either end."""
    if not _EOS_NAME.fullmatch(text):
        raise refusal(text, "an EOS account name has up to 13 of the letters a-z, 1-5 and dots")
    return text_key(text)


def near(text: str) -> tuple[str, AddressKey]:
    """An account name of 2 to 64 letters; 64 hex digits are an implicit account of a key (NEP-448)."""
    if not 2 <= len(text) <= 64 or not _NEAR_NAME.fullmatch(text):
        raise refusal(text, "a NEAR account has 2 to 64 of a-z, 0-9 and single . - _ between them")
    return text_key(text)


def ton(text: str) -> tuple[str, AddressKey]:
    """TEP-2: 36 bytes with a CRC-16 in Base64. One account has several spellings; canonical is the bounceable one."""
    if raw := _TON_RAW.fullmatch(text):
        account = (int(raw[1]) & 255).to_bytes(1, "big") + bytes.fromhex(raw[2])
    else:
        try:
            data = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if len(text) != 48 or len(data) != 36:
            raise refusal(text, "a TON address has 48 letters of Base64, or is workchain:hash")
        if binascii.crc_hqx(data[:-2], 0).to_bytes(2, "big") != data[-2:]:
            raise wrong_checksum(text)
        if data[0] & 0x80:
            raise other_network(text, "ton")
        if data[0] not in (0x11, 0x51):
            raise refusal(text, "its first byte is unknown (TEP-2)")
        account = data[1:34]
    body = b"\x11" + account
    return text_key(base64.urlsafe_b64encode(body + binascii.crc_hqx(body, 0).to_bytes(2, "big")).decode())


def stellar(text: str) -> tuple[str, AddressKey]:
    """StrKey (SEP-23): base32 over version, payload and a CRC-16. An M address names a customer and stays one."""
    if text[:1] not in _STELLAR:
        raise refusal(text, "a Stellar address begins with G, M or C")
    version, size = _STELLAR[text[0]]
    data = _base32(text, (size + 3) * 8 // 5 + ((size + 3) * 8 % 5 > 0))
    if binascii.crc_hqx(data[:-2], 0).to_bytes(2, "little") != data[-2:]:
        raise wrong_checksum(text)
    if data[0] != version:
        raise refusal(text, "its version byte is unknown")
    return text_key(text)


def _base32(text: str, letters: int) -> bytes:
    """Upper-case base32 of a known length without padding, one way to write each value."""
    if len(text) != letters:
        raise refusal(text, f"it has {len(text)} letters, not {letters}")
    try:
        data = base64.b32decode(text + "=" * (-letters % 8))
    except (binascii.Error, ValueError):
        data = b""
    if base64.b32encode(data).decode().rstrip("=") != text:
        raise refusal(text, "it is not upper-case base32")
    return data
