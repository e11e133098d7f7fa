"""Zcash addresses: transparent ones as in Bitcoin with two version bytes, and the shielded kinds as text.

`tex1` (ZIP 320) asks for transparent money only and has the script of the `t1` address it is written as. Sprout,
Sapling and unified addresses (ZIP 316) name no output on the ledger; of a unified one only the checksum is
checked, its receivers are not taken apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.addresses import base58
from adapters.addresses.bech32 import BECH32M, decode_bytes
from adapters.addresses.refusal import TEXT, refusal, text_key
from adapters.bitcoin.addresses import AddressFormat
from tracer.chain import AddressKey, ScriptKind

_UNIFIED_BYTES = 48  # the least F4Jumble takes
_LONGEST = 512


@dataclass(frozen=True)
class ZcashFormat:
    """The transparent forms with their two version bytes, and the shielded ones as text.

    sapling, unified, tex   human-readable parts
    sprout                  version bytes, and the letters they make
    """

    ledger: AddressFormat
    sapling: str
    unified: str
    tex: str
    sprout: tuple[bytes, str]

    def read(self, text: str, network: str) -> tuple[str, AddressKey]:
        """See `AddressCodec.read`."""
        text = text.strip()
        lowered = text.lower()
        if lowered.startswith(f"{self.sapling}1"):
            return _shielded(text, len(decode_bytes(text, self.sapling)) == 43)
        if lowered.startswith(f"{self.unified}1"):
            return _shielded(text, len(decode_bytes(text, self.unified, BECH32M, _LONGEST)) >= _UNIFIED_BYTES)
        if lowered.startswith(f"{self.tex}1"):
            payload = decode_bytes(text, self.tex, BECH32M)
            if len(payload) != 20:
                raise refusal(text, "a tex address holds 20 bytes")
            key = AddressKey(int(ScriptKind.P2PKH), payload)
            return self.write(key), key
        version, letters = self.sprout
        if text.startswith(letters):
            data = base58.base58check_decode(text)
            if not data.startswith(version) or len(data) != 66:
                raise refusal(text, "a Sprout address holds 64 bytes")
            return text_key(text)
        return self.ledger.read(text, network)

    def write(self, key: AddressKey) -> str:
        """See `AddressCodec.write`."""
        return key.payload.decode() if key.kind == TEXT else self.ledger.write(key)


MAIN = ZcashFormat(AddressFormat(b"\x1c\xb8", b"\x1c\xbd", ""), "zs", "u", "tex", (b"\x16\x9a", "zc"))
_TEST = AddressFormat(b"\x1d\x25", b"\x1c\xba", "")
TESTNET = ZcashFormat(_TEST, "ztestsapling", "utest", "textest", (b"\x16\xb6", "zt"))
REGTEST = ZcashFormat(_TEST, "zregtestsapling", "uregtest", "texregtest", (b"\x16\xb6", "zt"))


def _shielded(text: str, sound: bool) -> tuple[str, AddressKey]:
    if not sound:
        raise refusal(text, "its length is not that of its kind")
    return text_key(text.lower())
