"""How an address is refused, and the keys of addresses without a Bitcoin script.

A mistyped address must never be answered with "unseen", so every refusal says *why* the text is no address.
"""

from __future__ import annotations

from adapters.wallets.secrets import key_in
from tracer.chain import AddressKey
from tracer.errors import BadAddress

EVM_ACCOUNT = 32
"""`AddressKey.kind` of an EVM account; the payload is its 20 bytes. Below 32 are the `ScriptKind` numbers."""
TRON_ACCOUNT = 33
"""`AddressKey.kind` of a Tron account; the payload is its 20 bytes, without the version byte."""
TEXT = 63
"""`AddressKey.kind` of an address without a byte form worth having; the payload is its canonical text, UTF-8."""

TYPING_ERROR = "Check it for a typing error."
_SHOWN = 120


def _shown(text: str) -> str:
    if key_in(text):
        return "A text that looks like a private key"
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def refusal(text: str, reason: str, hint: str = "") -> BadAddress:
    """The error for a text that is no address at all."""
    return BadAddress(f"{_shown(text)} is no address: {reason}.", hint=hint)


def wrong_checksum(text: str) -> BadAddress:
    """The error for a text whose letters and length are right and whose checksum is not."""
    return refusal(text, "its checksum is wrong", TYPING_ERROR)


def other_network(text: str, network: str) -> BadAddress:
    """The error for an address of some other network than the one it was given for."""
    return BadAddress(f"{_shown(text)} is an address of another network, not of {network}.")


def text_key(canonical: str) -> tuple[str, AddressKey]:
    """Canonical text and key of an address kept as text."""
    return canonical, AddressKey(TEXT, canonical.encode())
