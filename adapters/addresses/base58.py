"""Base58 and Base58Check (Bitcoin's; the alphabet of the XRP Ledger too), through one big integer.

Decoding is one to one: a text that decodes, encodes back to itself, so a canonical text needs no re-encoding.
"""

from __future__ import annotations

import hashlib
from functools import cache

from adapters.addresses.refusal import refusal, wrong_checksum

BITCOIN = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_LONGEST = 512  # decoding takes quadratic time


@cache
def _values_of(alphabet: str) -> dict[str, int]:
    """Values of all pairs of letters, and of single ones: half the steps of a decoding."""
    singles = {letter: value for value, letter in enumerate(alphabet)}
    return singles | {a + b: 58 * x + y for a, x in singles.items() for b, y in singles.items()}


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]


def number(text: str, alphabet: str = BITCOIN, address: str = "") -> int:
    """The number a Base58 text writes; `BadAddress` names a wrong letter (of `address`, where this is a part)."""
    if len(text) > _LONGEST:
        raise refusal(address or text, f"no address has {len(text)} letters")
    values = _values_of(alphabet)
    found = 0
    try:
        if len(text) & 1:
            found, text = values[text[0]], text[1:]
        for i in range(0, len(text), 2):
            found = found * 3364 + values[text[i : i + 2]]
    except KeyError as error:
        wrong = next(letter for letter in error.args[0] if letter not in values)
        raise refusal(address or text, f"{wrong!r} is not in the Base58 alphabet") from None
    return found


def base58(data: bytes, alphabet: str = BITCOIN) -> str:
    """Encode bytes; each leading zero byte is one letter of value zero."""
    left = int.from_bytes(data, "big")
    letters = []
    while left:
        left, digit = divmod(left, 58)
        letters.append(alphabet[digit])
    return alphabet[0] * (len(data) - len(data.lstrip(b"\0"))) + "".join(reversed(letters))


def base58_decode(text: str, alphabet: str = BITCOIN) -> bytes:
    """Bytes of a Base58 text; `BadAddress` names a letter outside the alphabet."""
    found = number(text, alphabet, text)
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + found.to_bytes((found.bit_length() + 7) // 8, "big")


def base58check(data: bytes, alphabet: str = BITCOIN) -> str:
    """Encode version and payload with their checksum."""
    return base58(data + _checksum(data), alphabet)


def base58check_decode(text: str, alphabet: str = BITCOIN) -> bytes:
    """Version and payload of a Base58Check text; `BadAddress` says what is wrong."""
    data = base58_decode(text, alphabet)
    if len(data) < 5:
        raise refusal(text, "it is too short to hold a checksum")
    if _checksum(data[:-4]) != data[-4:]:
        raise wrong_checksum(text)
    return data[:-4]
