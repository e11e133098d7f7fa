"""Tell output scripts apart, column-wise.

The templates are Bitcoin Core's (`Solver` in script/solver.cpp as behaviour, not as code), BIP 16, BIP 141,
BIP 341, Core 28's pay-to-anchor, and P2SH32 (CHIP-2022-05) where the chain has it. What fits none is NONSTANDARD and
kept raw.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.hashing import hash160_pieces, sha256_pieces
from tracer.chain import ScriptKind

PAYLOAD_MAX = 42
"""Longest payload: a witness version byte and a 40-byte program, rounded up."""

_NONSTANDARD = int(ScriptKind.NONSTANDARD)
_P2PK = int(ScriptKind.P2PK)
_P2PKH = int(ScriptKind.P2PKH)
_P2SH = int(ScriptKind.P2SH)
_P2WPKH = int(ScriptKind.P2WPKH)
_P2WSH = int(ScriptKind.P2WSH)
_P2TR = int(ScriptKind.P2TR)
_MULTISIG = int(ScriptKind.MULTISIG)
_OP_RETURN = int(ScriptKind.OP_RETURN)
_ANCHOR = int(ScriptKind.ANCHOR)
_WITNESS_UNKNOWN = int(ScriptKind.WITNESS_UNKNOWN)


@nb.njit(nogil=True, cache=True)
def _key_size(first):  # type: ignore[no-untyped-def]
    """Length of a serialised public key from its first byte; 0 for none."""
    if first in (2, 3):
        return 33
    return 65 if first in (4, 6, 7) else 0


@nb.njit(nogil=True, cache=True)
def _is_multisig(buffer, at, length):  # type: ignore[no-untyped-def]
    """OP_m <key>... OP_n OP_CHECKMULTISIG with 1 <= m <= n <= 16."""
    end = at + length
    if length < 37 or buffer[end - 1] != 0xAE:
        return False
    m = np.int64(buffer[at]) - 0x50
    n = np.int64(buffer[end - 2]) - 0x50
    if m < 1 or n < m or n > 16:
        return False
    position = at + 1
    keys = 0
    while position < end - 2:
        size = np.int64(buffer[position])
        if size not in (33, 65) or position + 1 + size > end - 2 or _key_size(buffer[position + 1]) != size:
            return False
        position += 1 + size
        keys += 1
    return keys == n


@nb.njit(nogil=True, cache=True)
def classify(buffer, scripts, witness, p2sh32_from, kinds, payloads, lengths):  # type: ignore[no-untyped-def]
    """Kind and payload of each script.

    scripts (n, 2) int64: offset and length; witness and p2sh32_from as in `Scripts`; kinds (n,) uint8; payloads
    (n, PAYLOAD_MAX) uint8; lengths (n,) uint8, 0 where there is no payload yet (P2PK and MULTISIG payloads are
    hashes, filled by the caller).
    """
    for i in range(scripts.shape[0]):
        at = scripts[i, 0]
        size = scripts[i, 1]
        kind = _NONSTANDARD
        first = 0
        length = 0
        if size > 0:
            op = buffer[at]
            if size == 25 and op == 0x76 and buffer[at + 1] == 0xA9 and buffer[at + 2] == 20:
                if buffer[at + 23] == 0x88 and buffer[at + 24] == 0xAC:
                    kind, first, length = _P2PKH, at + 3, 20
            elif size == 23 and op == 0xA9 and buffer[at + 1] == 20 and buffer[at + 22] == 0x87:
                kind, first, length = _P2SH, at + 2, 20
            elif op == 0x6A:
                kind = _OP_RETURN
            elif i >= p2sh32_from and size == 35 and op == 0xAA and buffer[at + 1] == 32:
                if buffer[at + 34] == 0x87:
                    kind, first, length = _P2SH, at + 2, 32
            elif (
                witness and 4 <= size <= 42 and (op == 0 or 0x51 <= op <= 0x60) and buffer[at + 1] == size - 2
            ):
                if op == 0:
                    if size == 22:
                        kind, first, length = _P2WPKH, at + 2, 20
                    elif size == 34:
                        kind, first, length = _P2WSH, at + 2, 32
                elif op == 0x51 and size == 34:
                    kind, first, length = _P2TR, at + 2, 32
                elif op == 0x51 and size == 4 and buffer[at + 2] == 0x4E and buffer[at + 3] == 0x73:
                    kind = _ANCHOR
                else:
                    kind = _WITNESS_UNKNOWN
                    payloads[i, 0] = op - 0x50
                    for k in range(size - 2):
                        payloads[i, 1 + k] = buffer[at + 2 + k]
                    lengths[i] = size - 1
            elif size in (35, 67) and buffer[at + size - 1] == 0xAC and op == size - 2:
                if _key_size(buffer[at + 1]) == size - 2:
                    kind = _P2PK
            elif _is_multisig(buffer, at, size):
                kind = _MULTISIG
        kinds[i] = kind
        if length > 0:
            lengths[i] = length
            for k in range(length):
                payloads[i, k] = buffer[first + k]


@nb.njit(nogil=True, cache=True)
def prefixes_of(kinds, payloads, lengths, out):  # type: ignore[no-untyped-def]
    """`tracer.ledger.prefix.address_prefix`, column-wise; payloads are zero behind their length."""
    for i in range(kinds.shape[0]):
        head = np.uint64(0)
        for k in range(min(8, int(lengths[i]))):
            head |= np.uint64(payloads[i, k]) << np.uint64(8 * k)
        out[i] = np.int64(head ^ (np.uint64(kinds[i]) << np.uint64(56)))


class Scripts:
    """Classified scripts as columns: `kind` as written, and the address (kind, payload, prefix) or none."""

    def __init__(
        self,
        buffer: NDArray[np.uint8],
        places: NDArray[np.int64],
        *,
        witness: bool = True,
        p2sh32_from: int | None = None,
    ) -> None:
        """`places` (n, 2) int64 holds offset and length of each script in `buffer`.

        witness      whether the chain knows witness programs: elsewhere they are nobody's address
        p2sh32_from  the first row where `OP_HASH256 <32 bytes> OP_EQUAL` is P2SH (bitcoin-cash); None: nowhere
        """
        count = len(places)
        p2sh32_from = count if p2sh32_from is None else p2sh32_from
        self.kind = np.empty(count, np.uint8)
        self.payload = np.zeros((count, PAYLOAD_MAX), np.uint8)
        self.length = np.zeros(count, np.uint8)
        classify(buffer, places, witness, p2sh32_from, self.kind, self.payload, self.length)
        self._hash(buffer, places, _P2PK, 20)
        self._hash(buffer, places, _MULTISIG, 32)
        self.address_kind = np.where(self.kind == _P2PK, _P2PKH, self.kind).astype(np.uint8)
        self.prefix = np.empty(count, np.int64)
        prefixes_of(self.address_kind, self.payload, self.length, self.prefix)

    def _hash(self, buffer: NDArray[np.uint8], places: NDArray[np.int64], kind: int, width: int) -> None:
        """P2PK is the address of its key's hash160; a bare multisig is named by its script's SHA-256."""
        rows = np.flatnonzero(self.kind == kind)
        if not len(rows):
            return
        pieces = np.zeros((len(rows), 6), np.int64)
        start, size = places[rows, 0], places[rows, 1]
        if kind == _P2PK:
            pieces[:, 0], pieces[:, 1] = start + 1, start + size - 1
            self.payload[rows, :width] = hash160_pieces(buffer, pieces)
        else:
            pieces[:, 0], pieces[:, 1] = start, start + size
            self.payload[rows, :width] = sha256_pieces(buffer, pieces, double=False)
        self.length[rows] = width
