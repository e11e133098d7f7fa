"""RIPEMD-160 over columns of short messages: HASH160, as in an address, is RIPEMD-160 of a SHA-256 digest.

As published by Dobbertin, Bosselaers and Preneel (1996), ISO/IEC 10118-3. The kernel hashes 16 messages side by
side, one per lane, as the SHA-256 one does (docs/adr/0005): OpenSSL 3 no longer always offers RIPEMD-160, and takes one
Python call per message where it does. Tests hold it equal to the published vectors and to pycryptodome.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

LANES = 16
u32 = np.uint32


def _digits(text: str) -> NDArray[np.int64]:
    """One number per hexadecimal digit."""
    return np.array([int(digit, 16) for digit in text.replace(" ", "")], np.int64)


# message word and rotation of each of the 80 steps, left and right line
_R1 = _digits("0123456789abcdef 74d1a6f3c0952eb8 3ae49f812706db5c 19ba08c4d37fe562 40597c2ae138b6fd")
_R2 = _digits("5e7092b4d6f81a3c 6b370d5aef8c4912 f5137e69b8c2a04d 86413bf05c2d97ae cfa4158762de039b")
_S1 = _digits("befc5879bdef6798 768db97f7cf9b7dc bd67e9dfe8d65c75 bcefef989e56865c 9f5b68dc5cdeb856").astype(
    np.uint32
)
_S2 = _digits("899bdff5778beec6 9df7c89b77c76fdb 97fb866ecd5edd75 f58bee6e69c9c5f8 85c9c5e68d65fdbb").astype(
    np.uint32
)
_K1 = np.array([0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E], dtype=np.uint32)
_K2 = np.array([0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0], dtype=np.uint32)
_H = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0], dtype=np.uint32)


@nb.njit(nogil=True, inline="always")
def _turn(a, c, e, lane, total, by):  # type: ignore[no-untyped-def]
    # numba widens sums to 64 bits: cut back before each rotation
    t = u32(total)
    a[lane] = ((t << by) | (t >> (u32(32) - by))) + e[lane]
    c[lane] = (c[lane] << u32(10)) | (c[lane] >> u32(22))


@nb.njit(nogil=True, inline="always")
def _step(kind, a, b, c, d, e, x, k, by):  # type: ignore[no-untyped-def]
    """One step of one line in every lane: afterwards `a` holds the new b, and `c` is turned by ten."""
    if kind == 0:
        for lane in range(LANES):
            _turn(a, c, e, lane, a[lane] + (b[lane] ^ c[lane] ^ d[lane]) + x[lane] + k, by)
    elif kind == 1:
        for lane in range(LANES):
            _turn(a, c, e, lane, a[lane] + ((b[lane] & c[lane]) | (~b[lane] & d[lane])) + x[lane] + k, by)
    elif kind == 2:
        for lane in range(LANES):
            _turn(a, c, e, lane, a[lane] + ((b[lane] | ~c[lane]) ^ d[lane]) + x[lane] + k, by)
    elif kind == 3:
        for lane in range(LANES):
            _turn(a, c, e, lane, a[lane] + ((b[lane] & d[lane]) | (c[lane] & ~d[lane])) + x[lane] + k, by)
    else:
        for lane in range(LANES):
            _turn(a, c, e, lane, a[lane] + (b[lane] ^ (c[lane] | ~d[lane])) + x[lane] + k, by)


@nb.njit(nogil=True, cache=True)
def ripemd160_rows(rows, out):  # type: ignore[no-untyped-def]
    """RIPEMD-160 of messages of one block each: rows (n, <= 55) uint8 -> out (n, 20) uint8."""
    n, width = rows.shape
    scratch = np.zeros((LANES, 64), np.uint8)
    scratch[:, width] = 0x80
    scratch[:, 56] = (width * 8) & 0xFF
    scratch[:, 57] = (width * 8) >> 8
    words = scratch.view(np.uint32)
    x = np.zeros((16, LANES), np.uint32)
    left = np.empty((5, LANES), np.uint32)
    right = np.empty((5, LANES), np.uint32)
    for group in range(0, n, LANES):
        lanes = min(LANES, n - group)
        for lane in range(lanes):
            for i in range(width):
                scratch[lane, i] = rows[group + lane, i]
        for lane in range(LANES):
            for i in range(16):
                x[i, lane] = words[lane, i]
        for i in range(5):
            for lane in range(LANES):
                left[i, lane] = _H[i]
                right[i, lane] = _H[i]
        for j in range(80):
            # instead of moving five rows along, name them anew: after 80 steps they are back in place
            a, b, c, d, e = (80 - j) % 5, (81 - j) % 5, (82 - j) % 5, (83 - j) % 5, (84 - j) % 5
            kind = j // 16
            _step(kind, left[a], left[b], left[c], left[d], left[e], x[_R1[j]], _K1[kind], _S1[j])
            _step(4 - kind, right[a], right[b], right[c], right[d], right[e], x[_R2[j]], _K2[kind], _S2[j])
        for i in range(5):
            for lane in range(lanes):
                word = u32(_H[(i + 1) % 5] + left[(i + 2) % 5, lane] + right[(i + 3) % 5, lane])
                for k in range(4):
                    out[group + lane, 4 * i + k] = (word >> u32(8 * k)) & u32(0xFF)
