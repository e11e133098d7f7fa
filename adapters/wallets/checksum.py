"""The checksum of output descriptors (BIP 380)."""

from __future__ import annotations

from adapters.addresses.bech32 import xor_table
from tracer.errors import UsageError

_INPUT = (
    "0123456789()[],'/*abcdefgh@:$%{}"
    "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~"
    "ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
)  # fmt: skip
_CHECK = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_TABLE = xor_table((0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD))
_LETTERS = 8


def split(text: str) -> tuple[str, bool]:
    """(descriptor without its checksum, whether it had one); `UsageError` where that is wrong.

    The message never tells the right one, which would make a changed descriptor look whole.
    """
    body, mark, given = text.strip().partition("#")
    strange = sorted({letter for letter in body if letter not in _INPUT})
    if strange:
        raise UsageError(
            f"the descriptor holds {strange[0]!r}, which no descriptor is written with (BIP 380)."
        )
    if not mark:
        return body, False
    if len(given) != _LETTERS or not set(given) <= set(_CHECK):
        raise UsageError(
            f"the descriptor's checksum is not {_LETTERS} letters of its alphabet (BIP 380).", hint=_HINT
        )
    if given != checksum(body):
        raise UsageError("the descriptor's checksum is wrong: it was mistyped, cut or changed.", hint=_HINT)
    return body, True


_HINT = "Copy the whole descriptor again from where it was found."


def checksum(body: str) -> str:
    """The eight letters that belong to a descriptor."""
    symbols, groups = [], []
    for letter in body:
        place = _INPUT.index(letter)
        symbols.append(place & 31)
        groups.append(place >> 5)
        if len(groups) == 3:
            symbols.append(groups[0] * 9 + groups[1] * 3 + groups[2])
            groups = []
    if groups:
        symbols.append(groups[0] if len(groups) == 1 else groups[0] * 3 + groups[1])
    state = 1
    for symbol in (*symbols, *[0] * _LETTERS):
        state = (state & 0x7FFFFFFFF) << 5 ^ symbol ^ _TABLE[state >> 35]
    state ^= 1
    return "".join(_CHECK[state >> 5 * place & 31] for place in reversed(range(_LETTERS)))
