"""Regtest address text for millions of scripts at once: base58check, bech32 and bech32m over whole columns.

Sources: BIP173, BIP350. One address in plain Python costs some 30 microseconds; a column costs one a row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adapters.simulation.encode import (
    P2PK,
    P2PKH,
    P2SH_MULTISIG,
    P2SH_P2WPKH,
    P2TR,
    P2WPKH,
    P2WSH_MULTISIG,
    sha256d,
)

U8 = npt.NDArray[np.uint8]
_HRP = "bcrt"
_BECH32 = np.frombuffer(b"qpzry9x8gf2tvdw0s3jn54khce6mua7l", dtype=np.uint8)
_BASE58 = np.frombuffer(b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", dtype=np.uint8)
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = {0: 1, 1: 0x2BC830A3}  # bech32 for witness version 0, bech32m for 1
PAYLOAD_BYTES = {
    P2PK: 20,
    P2PKH: 20,
    P2SH_P2WPKH: 20,
    P2WPKH: 20,
    P2TR: 32,
    P2SH_MULTISIG: 20,
    P2WSH_MULTISIG: 32,
}


def _texts(chars: U8, lengths: npt.NDArray[np.int64]) -> pa.Array:
    """An Arrow text column over the concatenated characters."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(chars))]
    return pa.Array.from_buffers(pa.large_string(), len(lengths), buffers)


def hex_texts(rows: U8) -> pa.Array:
    """Hex text of each row of bytes."""
    n, width = rows.shape
    text = np.frombuffer(rows.tobytes().hex().encode(), dtype=np.uint8)
    return _texts(text, np.full(n, 2 * width, dtype=np.int64))


def _regroup(payload: U8) -> U8:
    """Bytes to 5-bit groups, zero padded at the end."""
    bits = np.unpackbits(payload, axis=1)
    pad = -bits.shape[1] % 5
    bits = np.pad(bits, ((0, 0), (0, pad)))
    weights = np.array([16, 8, 4, 2, 1], dtype=np.uint8)
    groups: U8 = (bits.reshape(len(payload), -1, 5) * weights).sum(axis=2, dtype=np.uint8)
    return groups


def bech32_texts(version: int, payload: U8) -> pa.Array:
    """Segwit addresses of one witness version."""
    n = len(payload)
    data = np.concatenate([np.full((n, 1), version, dtype=np.uint8), _regroup(payload)], axis=1)
    head = [ord(c) >> 5 for c in _HRP] + [0] + [ord(c) & 31 for c in _HRP]
    check: npt.NDArray[np.uint32] = np.ones(n, dtype=np.uint32)
    columns = [np.full(n, v, dtype=np.uint8) for v in head]
    columns += [data[:, i] for i in range(data.shape[1])] + [np.zeros(n, dtype=np.uint8)] * 6
    for column in columns:
        top = check >> np.uint32(25)
        check = ((check & np.uint32(0x1FFFFFF)) << np.uint32(5)) ^ column.astype(np.uint32)
        for i, generator in enumerate(_GENERATOR):
            check ^= ((top >> np.uint32(i)) & np.uint32(1)) * np.uint32(generator)
    check ^= np.uint32(_CHECKSUM[version])
    tail = np.stack([((check >> (5 * (5 - i))) & 31).astype(np.uint8) for i in range(6)], axis=1)
    text = np.empty((n, len(_HRP) + 1 + data.shape[1] + 6), dtype=np.uint8)
    text[:, : len(_HRP) + 1] = np.frombuffer(f"{_HRP}1".encode(), dtype=np.uint8)
    text[:, len(_HRP) + 1 : -6] = _BECH32[data]
    text[:, -6:] = _BECH32[tail]
    return _texts(text.reshape(-1), np.full(n, text.shape[1], dtype=np.int64))


def base58_texts(version: int, payload: U8) -> pa.Array:
    """Base58check addresses; the version byte is not zero on regtest, so there are no leading ones."""
    n = len(payload)
    body = np.concatenate([np.full((n, 1), version, dtype=np.uint8), payload], axis=1)
    raw, width = body.tobytes(), body.shape[1]
    checks = b"".join(sha256d(raw[i * width : (i + 1) * width])[:4] for i in range(n))
    full = np.zeros((n, 28), dtype=np.uint8)
    full[:, 3:24] = body
    full[:, 24:] = np.frombuffer(checks, dtype=np.uint8).reshape(n, 4)
    words = full.view(">u4").astype(np.uint64)
    digits = np.empty((n, 35), dtype=np.uint8)
    for block in range(6, -1, -1):  # five base-58 digits a pass
        rest = np.zeros(n, dtype=np.uint64)
        for i in range(7):
            acc = (rest << np.uint64(32)) | words[:, i]
            words[:, i] = acc // np.uint64(58**5)
            rest = acc % np.uint64(58**5)
        for j in range(4, -1, -1):
            digits[:, 5 * block + j] = (rest % np.uint64(58)).astype(np.uint8)
            rest //= np.uint64(58)
    keep = np.maximum.accumulate(digits != 0, axis=1)
    return _texts(_BASE58[digits[keep]], keep.sum(axis=1).astype(np.int64))


def address_texts(kind: int, payload: bytes) -> pa.Array:
    """Addresses of one script kind from their concatenated payloads."""
    rows = np.frombuffer(payload, dtype=np.uint8).reshape(-1, PAYLOAD_BYTES[kind])
    if kind in (P2PK, P2PKH):
        return base58_texts(0x6F, rows)
    if kind in (P2SH_P2WPKH, P2SH_MULTISIG):
        return base58_texts(0xC4, rows)
    return bech32_texts(1 if kind == P2TR else 0, rows)
