"""Undo files as a node writes them, made by hand: what the readers of `rev*.dat` are held to.

Written from the format (undo.h, compressor.h, serialize.h of Bitcoin Core), not from the decoder.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.simulation.encode import REGTEST_MAGIC, sha256d, varint


@dataclass(frozen=True)
class Coin:
    """A spent output: what an undo record keeps of it. `version` is what nodes before 0.15 wrote beside a height."""

    value: int
    script: bytes
    height: int = 1
    coinbase: bool = False
    version: int = 0


def number(value: int) -> bytes:
    """Base 128, most significant first, every digit but the last one too low."""
    out = [value & 0x7F]
    while value > 0x7F:
        value = (value >> 7) - 1
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def squeezed(value: int) -> int:
    """An amount without its trailing zeros."""
    if value == 0:
        return 0
    zeros = 0
    while value % 10 == 0 and zeros < 9:
        value, zeros = value // 10, zeros + 1
    if zeros == 9:
        return 1 + (value - 1) * 10 + 9
    return 1 + (value // 10 * 9 + value % 10 - 1) * 10 + zeros


def packed(script: bytes) -> bytes:
    """A script in its compressed form, where it has one."""
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return b"\x00" + script[3:23]
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return b"\x01" + script[2:22]
    if len(script) == 35 and script[0] == 33 and script[1] in (2, 3) and script[34] == 0xAC:
        return script[1:2] + script[2:34]
    if len(script) == 67 and script[0] == 65 and script[1] == 4 and script[66] == 0xAC:
        return bytes((4 | script[65] & 1,)) + script[2:34]
    return number(len(script) + 6) + script


def undo(txs: Sequence[Sequence[Coin]]) -> bytes:
    """The undo data of a block: the coins of each transaction but the coinbase."""
    out = varint(len(txs))
    for coins in txs:
        out += varint(len(coins))
        for coin in coins:
            out += number(2 * coin.height + coin.coinbase)
            if coin.height:
                out += number(coin.version)
            out += number(squeezed(coin.value)) + packed(coin.script)
    return out


def record(block: bytes, txs: Sequence[Sequence[Coin]], behind: bytes = b"") -> bytes:
    """What a node appends when it connects a block; `behind` is what other chains add to the undo data."""
    data = undo(txs) + behind
    return REGTEST_MAGIC + struct.pack("<I", len(data)) + data + sha256d(block[4:36] + data)


def hidden(content: bytes, key: bytes) -> bytes:
    """A file's content under the key of `xor.dat`."""
    return bytes(byte ^ key[at % len(key)] for at, byte in enumerate(content))
