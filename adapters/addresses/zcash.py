"""Zcash addresses: transparent ones as in Bitcoin with two version bytes, and the shielded kinds as text.

`tex1` (ZIP 320) asks for transparent money only and has the script of the `t1` address it is written as. Sprout,
Sapling and unified addresses (ZIP 316) name no output on the ledger; of a unified one only the checksum is
checked, its receivers are not taken apart.
"""

from __future__ import annotations

from adapters.addresses import base58
from adapters.addresses.bech32 import BECH32M, decode_bytes
from adapters.addresses.refusal import refusal, text_key
from adapters.bitcoin import addresses as bitcoin
from tracer.chain import AddressKey, ScriptKind

FORMAT = bitcoin.AddressFormat(b"\x1c\xb8", b"\x1c\xbd", "")
_SPROUT = b"\x16\x9a"
_UNIFIED_BYTES = 48  # the least F4Jumble takes
_LONGEST = 512


def read(text: str) -> tuple[str, AddressKey]:
    """Canonical text and key."""
    lowered = text.lower()
    if lowered.startswith("zs1"):
        return _shielded(text, len(decode_bytes(text, "zs")) == 43)
    if lowered.startswith("u1"):
        return _shielded(text, len(decode_bytes(text, "u", BECH32M, _LONGEST)) >= _UNIFIED_BYTES)
    if lowered.startswith("tex1"):
        payload = decode_bytes(text, "tex", BECH32M)
        if len(payload) != 20:
            raise refusal(text, "a tex address holds 20 bytes")
        key = AddressKey(int(ScriptKind.P2PKH), payload)
        return bitcoin.render(key, FORMAT), key
    if text.startswith("zc"):
        data = base58.base58check_decode(text)
        if not data.startswith(_SPROUT) or len(data) != 66:
            raise refusal(text, "a Sprout address holds 64 bytes")
        return text_key(text)
    return bitcoin.read(text, FORMAT, "zcash")


def _shielded(text: str, sound: bool) -> tuple[str, AddressKey]:
    if not sound:
        raise refusal(text, "its length is not that of its kind")
    return text_key(text.lower())
