"""Headers: a block's hash is Keccak-256 of the RLP of its header, so that a node cannot hand out a made-up one.

The order of the fields is of the Yellow Paper (section 4.4) and of EIP-1559, 4895, 4844, 4788 and 7685, each fork's at
the end. Chains with other headers (and later forks) are told apart: fields that are not in here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adapters.addresses.keccak import keccak256
from adapters.evm.tape import Tape
from adapters.evm.walk import STRING
from tracer.errors import BadBlock

_QUANTITIES = frozenset(
    {
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "baseFeePerGas",
        "blobGasUsed",
        "excessBlobGas",
    }
)
HEADER = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas", "withdrawalsRoot",
    "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
)  # fmt: skip
"""Names of the fields, in the order in which they are hashed."""
_FIRST_FORK = HEADER.index("baseFeePerGas")
_BESIDE = frozenset(
    {"hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals", "author", "sealFields"}
)
"""What an answer says of a block that is not in its header."""


def rlp(item: bytes | list[bytes]) -> bytes:
    """Recursive length prefix of bytes or of a flat list (Yellow Paper, appendix B)."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefixed(0x80, item)
    return _prefixed(0xC0, b"".join(map(rlp, item)))


def created(sender: bytes, nonce: int) -> bytes:
    """Address (20 bytes) of what a transaction of this sender and nonce creates (Yellow Paper, section 7)."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    return keccak256(rlp([sender, number]))[12:]


def _prefixed(base: int, body: bytes) -> bytes:
    if len(body) < 56:
        return bytes([base + len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size + body


def verified(
    tape: Tape,
    answers: NDArray[np.int64],
    entries: NDArray[np.int32],
    heights: NDArray[np.int64],
    hashes: NDArray[np.uint8],
) -> NDArray[np.bool_]:
    """(b,) whether each hash is that of its header.

    answers (b,) and entries (b, len(HEADER)): where the blocks and their fields are. False where a field is missing
    (a pruned answer), or where the hash differs and the header has fields that are not known here. `BadBlock` where
    the hash differs and every field is known.
    """
    checked = np.zeros(len(heights), np.bool_)
    for row in np.flatnonzero((entries[:, :_FIRST_FORK] >= 0).all(axis=1)).tolist():
        fields = []
        for word, entry in zip(HEADER, entries[row].tolist(), strict=True):
            if entry < 0:  # a later fork's
                continue
            value = _bytes(
                tape.text[tape.starts[entry] : tape.ends[entry]].tobytes(), word, int(tape.kinds[entry])
            )
            if value is None:
                raise BadBlock(
                    f"Block {heights[row]}: {word!r} is no hex: {tape.said(entry)!r}.",
                    block_hash=hashes[row].tobytes(),
                )
            fields.append(value)
        checked[row] = keccak256(rlp(fields)) == hashes[row].tobytes()
        if not checked[row] and not _unknown(tape, int(answers[row])):
            raise BadBlock(
                f"Block {heights[row]}: its hash is not that of its header.",
                hint="The node is wrong, or not of this chain.",
                block_hash=hashes[row].tobytes(),
            )
    return checked


def _bytes(text: bytes, word: str, kind: int) -> bytes | None:
    """A field as it is hashed: a quantity without leading zeros; None where it is no hex."""
    digits = text[2:]
    if kind != STRING or text[:2] != b"0x" or not set(digits) <= _HEX:
        return None
    if word in _QUANTITIES:
        digits = digits.lstrip(b"0")
        digits = b"0" * (len(digits) % 2) + digits
    return bytes.fromhex(digits.decode()) if len(digits) % 2 == 0 else None


_HEX = frozenset(b"0123456789abcdefABCDEF")


def _unknown(tape: Tape, answer: int) -> bool:
    """Whether the block's answer has fields that are neither of the header nor known to stand beside it."""
    block = tape.loads(answer)
    return isinstance(block, dict) and not block.keys() <= {*HEADER, *_BESIDE}
