"""Bech32 (BIP 173), Bech32m (BIP 350) and the witness programs written in them.

The checksum runs a letter a step over a table of 32; groups of five bits become bytes through one big integer.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from adapters.addresses.refusal import refusal, wrong_checksum

BECH32 = 1
BECH32M = 0x2BC830A3
CHARSET = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_DIGITS = b"0123456789abcdefghijklmnopqrstuv"
_NO_LETTER = 255
_TO_VALUES = bytes(CHARSET.find(byte) & 0xFF for byte in range(256))  # -1 becomes _NO_LETTER
_TO_DIGITS = _DIGITS.ljust(256, b"!")


def xor_table(generators: Iterable[int]) -> tuple[int, ...]:
    """For each value of the five bits that leave the checksum register: what goes into it."""
    table = [0]
    for generator in generators:
        table += [entry ^ generator for entry in table]
    return tuple(table)


_TABLE = xor_table(_GENERATORS)


def _polymod(state: int, values: bytes) -> int:
    table = _TABLE
    for value in values:
        state = (state & 0x1FFFFFF) << 5 ^ value ^ table[state >> 25]
    return state


@lru_cache(maxsize=64)
def _after(hrp: str) -> int:
    """The checksum register after the human-readable part."""
    return _polymod(1, bytes([ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]))


def values_of(text: str, whole: str) -> bytes:
    """Five-bit values of letters; `BadAddress` (about `whole`) names a wrong letter."""
    values = text.encode().translate(_TO_VALUES)
    if _NO_LETTER in values:
        wrong = next(c for c in text if c not in CHARSET.decode())
        raise refusal(whole, f"{wrong!r} is not in the Bech32 alphabet")
    return values


def single_case(text: str) -> str:
    """The text in lower case; `BadAddress` where it mixes cases (BIP 173)."""
    lowered = text.lower()
    if text not in (lowered, text.upper()):
        raise refusal(text, "it mixes upper and lower case")
    return lowered


def to_bytes(values: bytes) -> bytes | None:
    """Groups of five bits -> bytes; None where the padding is too long or not zero."""
    spare = len(values) * 5 % 8
    if not values:
        return b""
    whole = int(values.translate(_TO_DIGITS), 32)
    if spare >= 5 or whole & ((1 << spare) - 1):
        return None
    return (whole >> spare).to_bytes(len(values) * 5 // 8, "big")


def to_values(data: bytes) -> bytes:
    """Bytes -> groups of five bits, padded with zeros."""
    count = (len(data) * 8 + 4) // 5
    whole = int.from_bytes(data, "big") << (count * 5 - len(data) * 8)
    return bytes(whole >> 5 * i & 31 for i in reversed(range(count)))


def letters(values: bytes) -> str:
    """Five-bit values as letters."""
    return values.translate(CHARSET.ljust(256, b"!")).decode()


def encode(hrp: str, values: bytes, constant: int) -> str:
    """Human-readable part, separator, five-bit values and checksum."""
    check = _polymod(_after(hrp), values + bytes(6)) ^ constant
    return hrp + "1" + letters(values + bytes(check >> 5 * i & 31 for i in reversed(range(6))))


def decode(text: str, limit: int = 90) -> tuple[str, bytes, int]:
    """(human-readable part, five-bit values without checksum, BECH32 or BECH32M).

    `limit` is the greatest length in letters: 90 by BIP 173; some chains allow more, where the checksum
    promises less. Raises `BadAddress` with the reason.
    """
    lowered = single_case(text)
    hrp, _, rest = lowered.rpartition("1")
    if not hrp or any(not "!" <= c <= "~" for c in hrp) or len(rest) < 6 or len(text) > limit:
        raise refusal(text, "it is not Bech32 (a prefix, `1`, then at least 6 letters)")
    values = values_of(rest, text)
    constant = _polymod(_after(hrp), values)
    if constant not in (BECH32, BECH32M):
        raise wrong_checksum(text)
    return hrp, values[:-6], constant


def decode_bytes(text: str, hrp: str, constant: int = BECH32, limit: int = 90) -> bytes:
    """The bytes behind one human-readable part; `BadAddress` says what is wrong."""
    found, values, form = decode(text, limit)
    if found != hrp:
        raise refusal(text, f"its prefix is {found!r}, not {hrp!r}")
    if form != constant:
        raise wrong_checksum(text)
    data = to_bytes(values)
    if data is None:
        raise refusal(text, "its last letters hold bits that belong to no byte")
    return data


def segwit(hrp: str, version: int, program: bytes) -> str:
    """Encode a witness program: Bech32 for version 0, Bech32m above."""
    return encode(hrp, bytes([version]) + to_values(program), BECH32M if version else BECH32)


def segwit_decode(text: str) -> tuple[str, int, bytes]:
    """(human-readable part, witness version, program); `BadAddress` says what is wrong."""
    hrp, values, constant = decode(text)
    if not values:
        raise refusal(text, "it holds no witness program")
    version, program = values[0], to_bytes(values[1:])
    if constant != (BECH32M if version else BECH32):
        raise wrong_checksum(text)
    if program is None or version > 16 or not 2 <= len(program) <= 40:
        raise refusal(text, "its witness program is malformed")
    if version == 0 and len(program) not in (20, 32):
        raise refusal(text, "a version 0 program has 20 or 32 bytes")
    return hrp, version, program
