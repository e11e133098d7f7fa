"""Tron: one entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.addresses import tron
from adapters.addresses.refusal import TRON_ACCOUNT
from adapters.hashes import hash_bytes
from tracer.chain import AddressKey, Family


@dataclass(frozen=True)
class TronChain:
    """Tron's main network, or a test network."""

    name: str = "tron"
    caip2: str = "tron:0x2b6653dc"
    asset: str = "TRX"
    price_asset: str | None = "TRX"
    decimals: int = 6
    family = Family.ACCOUNT
    account_kind = TRON_ACCOUNT

    def parse_address(self, text: str) -> AddressKey:
        """Read a Base58Check address; `BadAddress` says why not."""
        return tron.read(text.strip())[1]

    def render_address(self, key: AddressKey) -> str:
        """The Base58Check form."""
        return tron.write(key)

    def hash_text(self, raw: bytes) -> str:
        """Plain hex, as Tron's people write hashes."""
        return raw.hex()

    def hash_bytes(self, text: str) -> bytes:
        """32 bytes, `0x` before them or not; `UsageError` where the text is no hash."""
        return hash_bytes(text, "0x")

    def unverified(self) -> tuple[str, ...]:
        """What reading this chain does not check."""
        return (
            "transactions are not executed again, and signatures and roots are not recomputed: the node is believed",
            "the adapter was tested on recorded answers only: no Tron node runs in the tests",
        )


CHAINS: Mapping[str, TronChain] = {"tron": TronChain()}
"""The entries by short name."""


def named(text: str) -> TronChain | None:
    """The entry of a short name or CAIP-2 id; None where there is none."""
    return next((entry for entry in CHAINS.values() if text in (entry.name, entry.caip2)), None)
