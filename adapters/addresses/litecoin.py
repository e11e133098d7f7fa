"""Litecoin addresses: as in Bitcoin, with an old version byte of P2SH, and MWEB addresses as text (LIP-0004)."""

from __future__ import annotations

from adapters.addresses.bech32 import BECH32, decode, to_bytes
from adapters.addresses.refusal import refusal, text_key
from adapters.bitcoin import addresses as bitcoin
from tracer.chain import AddressKey

FORMAT = bitcoin.AddressFormat(b"\x30", b"\x32", "ltc", old_p2sh=b"\x05")
REGTEST = bitcoin.AddressFormat(b"\x6f", b"\x3a", "rltc", old_p2sh=b"\xc4")
_MWEB = "ltcmweb"
_LONGEST = 130


def read(text: str) -> tuple[str, AddressKey]:
    """Canonical text and key. An MWEB address (two public keys) is never seen on the ledger."""
    if not text.lower().startswith(_MWEB + "1"):
        return bitcoin.read(text, FORMAT, "litecoin")
    _, values, constant = decode(text, _LONGEST)
    data = to_bytes(values[1:])
    if constant != BECH32 or values[:1] != b"\0" or data is None or len(data) != 66:
        raise refusal(text, "an MWEB address is version 0 and two public keys in Bech32")
    return text_key(text.lower())
