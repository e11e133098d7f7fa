"""Bytes as accidents and enemies leave them: flipped, cut, spliced, doubled, with lengths that lie."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

LENGTHS = (
    b"\0", b"\1", b"\xfc", b"\xfd\0\0", b"\xfd\xfc\0", b"\xfd\xff\xff", b"\xfe\0\0\1\0", b"\xfe\xff\xff\xff\x7f",
    b"\xfe\xff\xff\xff\xff", b"\xff" + b"\0" * 8, b"\xff" + b"\xff" * 8, b"\xff" + struct.pack("<Q", 1 << 62),
)  # fmt: skip


def _flip(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    for _ in range(dice.randint(1, 8)):
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)


def _overwrite(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(raw))
    raw[at : at + dice.choice((1, 2, 4, 8))] = dice.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * dice.choice(
        (1, 2, 4, 8)
    )


def _lie(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    """A length in place of a byte, often where blocks count their transactions."""
    at = min(80, len(raw) - 1) if dice.random() < 0.3 else dice.randrange(len(raw))
    raw[at : at + 1] = dice.choice(LENGTHS)


def _cut(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(raw))
    del raw[at : at + dice.choice((1, 4, 40, len(raw)))]


def _add(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    at = len(raw) if dice.random() < 0.3 else dice.randrange(len(raw))
    raw[at:at] = dice.randbytes(dice.choice((1, 4, 40)))


def _double(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    at = dice.randrange(len(raw))
    part = raw[at : at + dice.choice((1, 9, 41, 300))]
    to = dice.randrange(len(raw))
    raw[to:to] = part * dice.randint(1, 3)


def _splice(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    other = dice.choice(others)
    at, to = dice.randrange(len(raw)), dice.randrange(len(other))
    raw[at : at + dice.choice((0, 100, len(raw)))] = other[to : to + dice.choice((20, 200, len(other)))]


def _noise(dice: random.Random, raw: bytearray, others: Sequence[bytes]) -> None:
    at = min(len(raw), dice.choice((0, 4, 80, 81)))
    raw[at:] = dice.randbytes(dice.randrange(400))


_KINDS: Sequence[Callable[[random.Random, bytearray, Sequence[bytes]], None]] = (
    _flip, _flip, _overwrite, _lie, _lie, _cut, _add, _double, _splice, _noise,
)  # fmt: skip


def mutant(dice: random.Random, samples: Sequence[bytes]) -> bytes:
    """One of the samples, changed in one to three ways; not always another one, and sometimes empty."""
    raw = bytearray(dice.choice(samples))
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        if raw:
            dice.choice(_KINDS)(dice, raw, samples)
    return bytes(raw)
