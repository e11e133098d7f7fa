"""Litecoin addresses: as in Bitcoin, with an old version byte of P2SH, and MWEB addresses as text (LIP-0004)."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.addresses.bech32 import BECH32, decode, to_bytes
from adapters.addresses.refusal import TEXT, other_network, refusal, text_key
from adapters.bitcoin.addresses import AddressFormat
from tracer.chain import AddressKey

_MWEB = ("ltcmweb", "tmweb")
_LONGEST = 130


@dataclass(frozen=True)
class LitecoinFormat:
    """Bitcoin's form, and beside it MWEB addresses under a prefix of their own.

    An MWEB address (two public keys) is never seen on the ledger.
    """

    ledger: AddressFormat
    mweb: str

    def read(self, text: str, network: str) -> tuple[str, AddressKey]:
        """See `AddressCodec.read`."""
        prefix = text.strip().partition("1")[0].lower()
        if prefix not in _MWEB:
            return self.ledger.read(text, network)
        text = text.strip()
        _, values, constant = decode(text, _LONGEST)
        data = to_bytes(values[1:])
        if constant != BECH32 or values[:1] != b"\0" or data is None or len(data) != 66:
            raise refusal(text, "an MWEB address is version 0 and two public keys in Bech32")
        if prefix != self.mweb:
            raise other_network(text, network)
        return text_key(text.lower())

    def write(self, key: AddressKey) -> str:
        """See `AddressCodec.write`."""
        return key.payload.decode() if key.kind == TEXT else self.ledger.write(key)


MAIN = LitecoinFormat(AddressFormat(b"\x30", b"\x32", "ltc", old_p2sh=b"\x05"), "ltcmweb")
TESTNET = LitecoinFormat(AddressFormat(b"\x6f", b"\x3a", "tltc", old_p2sh=b"\xc4"), "tmweb")
REGTEST = LitecoinFormat(AddressFormat(b"\x6f", b"\x3a", "rltc", old_p2sh=b"\xc4"), "tmweb")
