"""The hash kernels equal hashlib at every length where padding changes."""

import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.bitcoin.hashing import hash160_pieces, sha256_pieces, sha256_rows
from adapters.simulation.ripemd import ripemd160

LENGTHS = [0, 1, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 127, 128, 129, 1000, 70_000]


def _pieces(lengths: list[int]) -> NDArray[np.int64]:
    pieces = np.zeros((len(lengths), 6), np.int64)
    for row, length in enumerate(lengths):
        cut = length // 3
        pieces[row] = [row, row + cut, 500, 500, 90_000 + row, 90_000 + row + length - cut]
    return pieces


@pytest.mark.parametrize("double", [False, True])
def test_pieces_hash_like_their_concatenation(double: bool) -> None:
    buffer = np.random.default_rng(7).integers(0, 256, 200_000, dtype=np.uint8)
    lengths = LENGTHS * 3
    pieces = _pieces(lengths)
    got = sha256_pieces(buffer, pieces, double=double)
    for row, (a, b, c, d, e, f) in enumerate(pieces.tolist()):
        message = buffer[a:b].tobytes() + buffer[c:d].tobytes() + buffer[e:f].tobytes()
        want = hashlib.sha256(message).digest()
        assert got[row].tobytes() == (hashlib.sha256(want).digest() if double else want), len(message)


def test_no_message_is_no_work() -> None:
    assert sha256_rows(np.empty((0, 64), np.uint8), double=True).shape == (0, 32)


def test_hash160_of_a_known_key() -> None:
    key = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    pieces = np.array([[0, len(key), 0, 0, 0, 0]], np.int64)
    got = hash160_pieces(np.frombuffer(key, np.uint8).copy(), pieces)[0].tobytes()
    assert got.hex() == "751e76e8199196d454941c45d1b3a323f1433bd6"  # BIP 173's example key
    assert got == ripemd160(hashlib.sha256(key).digest())
