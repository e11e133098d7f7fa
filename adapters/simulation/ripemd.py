"""RIPEMD-160 (Dobbertin, Bosselaers, Preneel 1996): OpenSSL 3 may come without it, an address needs it."""

from __future__ import annotations

import hashlib
import struct

_MASK = 0xFFFFFFFF
# One hex digit per step: which message word, and how far to rotate, on the left and the right line.
_WORDS = (
    ("0123456789abcdef", "74d1a6f3c0952eb8", "3ae49f812706db5c", "19ba08c4d37fe562", "40597c2ae138b6fd"),
    ("5e7092b4d6f81a3c", "6b370d5aef8c4912", "f5137e69b8c2a04d", "86413bf05c2d97ae", "cfa4158762de039b"),
)
_TURNS = (
    ("befc5879bdef6798", "768db97f7cf9b7dc", "bd67e9dfe8d65c75", "bcefef989e56865c", "9f5b68dc5cdeb856"),
    ("899bdff5778beec6", "9df7c89b77c76fdb", "97fb866ecd5edd75", "f58bee6e69c9c5f8", "85c9c5e68d65fdbb"),
)
_CONSTANTS = (
    (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E),
    (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0),
)


def _mix(kind: int, x: int, y: int, z: int) -> int:
    if kind == 0:
        return x ^ y ^ z
    if kind == 1:
        return (x & y) | (~x & z)
    if kind == 2:
        return (x | ~y) ^ z
    if kind == 3:
        return (x & z) | (y & ~z)
    return x ^ (y | ~z)


def _rotate(x: int, n: int) -> int:
    x &= _MASK
    return ((x << n) | (x >> (32 - n))) & _MASK


def _line(state: list[int], words: tuple[int, ...], side: int) -> list[int]:
    a, b, c, d, e = state
    for rnd in range(5):
        kind = rnd if side == 0 else 4 - rnd
        for step in range(16):
            word = words[int(_WORDS[side][rnd][step], 16)]
            turned = _rotate(
                a + _mix(kind, b, c, d) + word + _CONSTANTS[side][rnd], int(_TURNS[side][rnd][step], 16)
            )
            a, e, d, c, b = e, d, _rotate(c, 10), b, (turned + e) & _MASK
    return [a, b, c, d, e]


def ripemd160_plain(data: bytes) -> bytes:
    """The digest in plain Python, about 0.2 ms a block of 64 bytes."""
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", 8 * len(data))
    for at in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, at)
        left, right = _line(state, words, 0), _line(state, words, 1)
        state = [(state[(i + 1) % 5] + left[(i + 2) % 5] + right[(i + 3) % 5]) & _MASK for i in range(5)]
    return struct.pack("<5I", *state)


def _available() -> bool:
    try:
        hashlib.new("ripemd160", usedforsecurity=False)
    except ValueError:
        return False
    return True


if _available():
    _EMPTY = hashlib.new("ripemd160", usedforsecurity=False)

    def ripemd160(data: bytes) -> bytes:
        """The digest, by OpenSSL; copying an empty state is faster than looking the name up again."""
        state = _EMPTY.copy()
        state.update(data)
        return state.digest()

else:
    ripemd160 = ripemd160_plain
