"""Equihash: solutions of a solver written from the paper pass, and nothing that was touched does."""

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.headers import work_problem
from adapters.bitcoin.work.equihash import EquihashHeader
from adapters.bitcoin.zcash import blake2b
from tests.zcashblocks import ZChain, genesis, solve

CHAIN = CHAINS["zcash-regtest"]
PROOF = EquihashHeader(48, 5)
FRONT = b"a header without its solution".ljust(140, b".")
PUZZLES = [FRONT[:-1] + bytes([n]) + b"\x24" + s for n in range(16) for s in solve(FRONT[:-1] + bytes([n]))]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=300), max_size=4), st.integers(1, 64))
def test_blake2b_is_hashlibs(pieces: list[bytes], size: int) -> None:
    h, block, fill, work = blake2b.state()
    person = b"ZTxIdHeadersHash"
    blake2b.begin(h, fill, size, np.frombuffer(person, np.uint8).copy())
    for piece in pieces:
        data = np.frombuffer(b"." + piece + b".", np.uint8).copy()
        blake2b.feed(h, block, fill, work, data, 1, len(piece))
    out = np.zeros(size + 2, np.uint8)
    blake2b.finish(h, block, fill, work, out, 1, size)
    right = hashlib.blake2b(b"".join(pieces), digest_size=size, person=person).digest()
    assert out.tobytes() == b"\0" + right + b"\0"


def test_every_solution_of_the_solver_solves_its_header() -> None:
    assert len(PUZZLES) >= 4
    assert all(PROOF.solved(puzzle) for puzzle in PUZZLES)


def test_headers_of_the_networks_are_of_their_sizes() -> None:
    assert [CHAINS[name].proof.fixed for name in ("zcash", "zcash-testnet", "zcash-regtest")] == [
        1487,
        1487,
        177,
    ]
    assert PROOF.size(bytes(176)) is None


def test_no_touched_solution_solves() -> None:
    """Every flipped bit, of the solution and of what it is a solution for."""
    puzzle = PUZZLES[0]
    for at in [*range(0, 140, 7), *range(141, 177)]:
        touched = bytearray(puzzle)
        touched[at] ^= 1 << at % 8
        assert not PROOF.solved(bytes(touched)), at


def _numbers(puzzle: bytes) -> list[int]:
    bits = int.from_bytes(puzzle[141:], "big")
    return [bits >> 9 * (31 - i) & 511 for i in range(32)]


def _with(numbers: list[int], puzzle: bytes) -> bytes:
    bits = 0
    for number in numbers:
        bits = bits << 9 | number
    return puzzle[:141] + bits.to_bytes(36, "big")


@pytest.mark.parametrize("level", range(5))
def test_halves_that_changed_places_are_another_writing_and_no_solution(level: int) -> None:
    """The collisions are the same; only one order of each pair counts."""
    numbers, step = _numbers(PUZZLES[0]), 1 << level
    assert _with(numbers, PUZZLES[0]) == PUZZLES[0]
    swapped = [*numbers[step : 2 * step], *numbers[:step], *numbers[2 * step :]]
    assert not PROOF.solved(_with(swapped, PUZZLES[0]))


def test_numbers_that_stand_twice_cancel_out_and_solve_nothing() -> None:
    numbers = _numbers(PUZZLES[0])
    for twice in ([7] * 32, [*numbers[:16], *numbers[:16]], [*sorted(numbers[:2]), *sorted(numbers[:2])] * 8):
        assert not PROOF.solved(_with(twice, PUZZLES[0]))


def test_a_header_is_refused_by_the_reason() -> None:
    header = ZChain([genesis()]).blocks[0][:177]
    assert work_problem(header, CHAIN) is None
    limit = (1 << 256) - 1
    assert PROOF.problem(header, limit) is None
    assert "is not of 36 bytes" in str(PROOF.problem(header[:140] + b"\x23" + header[141:], limit))
    assert "is not of 36 bytes" in str(PROOF.problem(header + b"\0", limit))
    assert "does not meet its own target" in str(PROOF.problem(header, 1 << 200))
    assert "does not solve" in str(PROOF.problem(header[:-1] + b"\0", limit))
    easy = header[:104] + struct.pack("<I", 0x207FFFFF) + header[108:]
    assert "easier than zcash-regtest allows" in str(work_problem(_linked(easy), CHAIN))


def _linked(header: bytes) -> bytes:
    """Not the first block of a chain, about which another question would be asked."""
    return header[:4] + b"\1" * 32 + header[36:]
