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
    """Tron's main network, or a test network.

    genesis     id of its first block; its last four bytes are the chain id (TIP-474)
    wrapped     contracts of wrapped TRX (20 bytes each): their Deposit and Withdrawal events are 1:1
    trc10_from  first block in which TRC-10 tokens are named by number (proposal 14); before, by a name
    """

    name: str = "tron"
    caip2: str = "tron:0x2b6653dc"
    genesis: bytes = bytes.fromhex("00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc")
    wrapped: tuple[bytes, ...] = (bytes.fromhex("891cdb91d149f23b1a45d9c5ca78a88d0cb44c18"),)
    trc10_from: int = 5_537_806
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
            "transactions are not executed again and signatures are not checked: the node is believed about results, "
            "and that it reads transactions out of their signed bytes as they are (ids and roots are recomputed)",
            "a balance of TRX is what an account owns, staked or not; rewards are booked when they are withdrawn",
            "the adapter was tested on recorded answers only: no Tron node runs in the tests",
        )


CHAINS: Mapping[str, TronChain] = {"tron": TronChain()}
"""The entries by short name."""


def named(text: str) -> TronChain | None:
    """The entry of a short name or CAIP-2 id, the number of the chain in hex or decimal; None where there is none."""
    return next((entry for entry in CHAINS.values() if text in (entry.name, *_caip2(entry.caip2))), None)


def _caip2(text: str) -> tuple[str, str]:
    """Both spellings of a CAIP-2 id: wallets wrote the chain id in hex before the namespace settled on decimal."""
    return text, f"tron:{int(text.removeprefix('tron:'), 16)}"
