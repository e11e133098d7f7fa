"""Addresses of the Bitcoin family: an AddressKey as text and back, by the version bytes of a network.

The codecs are in `adapters.addresses`. The checks say *why* a text is no address, because a mistyped address
must never be answered with "unseen".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adapters.addresses.base58 import base58check, base58check_decode
from adapters.addresses.bech32 import segwit, segwit_decode
from adapters.addresses.refusal import other_network
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadAddress

__all__ = [
    "SCRIPT_PREFIX",
    "AddressCodec",
    "AddressFormat",
    "base58check",
    "base58check_decode",
    "segwit",
    "segwit_decode",
]

SCRIPT_PREFIX = "script:"
"""Bare multisig has no address; it is named by the SHA-256 of its script in hex, as Electrum servers do."""
_HRPS = ("bc", "tb", "bcrt", "ltc", "rltc", "tltc")
_SEGWIT_KINDS = {(0, 20): ScriptKind.P2WPKH, (0, 32): ScriptKind.P2WSH, (1, 32): ScriptKind.P2TR}


class AddressCodec(Protocol):
    """How a chain writes addresses: `AddressFormat`, or a form of its own (`adapters.addresses`)."""

    def read(self, text: str, network: str) -> tuple[str, AddressKey]:
        """Canonical text and key of an address; `BadAddress` says why it is none of this network."""

    def write(self, key: AddressKey) -> str:
        """The canonical text of an address."""


@dataclass(frozen=True)
class AddressFormat:
    """How a network writes addresses: version bytes and the human-readable part.

    hrp       empty where the network has no witness programs
    old_p2sh  a former version byte, read but never written (Litecoin's 0x05)
    """

    p2pkh: bytes
    p2sh: bytes
    hrp: str
    old_p2sh: bytes | None = None

    def read(self, text: str, network: str) -> tuple[str, AddressKey]:
        """Canonical text and key of an address; `BadAddress` says why it is none of this network."""
        text = text.strip()
        if text.startswith(SCRIPT_PREFIX):
            key = _parse_script_name(text)
            return self.write(key), key
        if _looks_like_segwit(text, self.hrp):
            hrp, version, program = segwit_decode(text)
            if hrp != self.hrp:
                raise other_network(text, network)
            kind = _SEGWIT_KINDS.get((version, len(program)))
            if kind is None:
                return text.lower(), AddressKey(int(ScriptKind.WITNESS_UNKNOWN), bytes([version]) + program)
            return text.lower(), AddressKey(int(kind), program)
        data = base58check_decode(text)
        version_bytes, payload = data[:-20], data[-20:]
        if version_bytes == self.p2pkh:
            return text, AddressKey(int(ScriptKind.P2PKH), payload)
        if version_bytes == self.p2sh:
            return text, AddressKey(int(ScriptKind.P2SH), payload)
        if version_bytes == self.old_p2sh:
            return base58check(self.p2sh + payload), AddressKey(int(ScriptKind.P2SH), payload)
        raise other_network(text, network)

    def write(self, key: AddressKey) -> str:
        """The canonical text of an address."""
        match ScriptKind(key.kind):
            case ScriptKind.P2PKH:
                return base58check(self.p2pkh + key.payload)
            case ScriptKind.P2SH:
                return base58check(self.p2sh + key.payload)
            case ScriptKind.P2WPKH | ScriptKind.P2WSH:
                return segwit(self.hrp, 0, key.payload)
            case ScriptKind.P2TR:
                return segwit(self.hrp, 1, key.payload)
            case ScriptKind.WITNESS_UNKNOWN:
                return segwit(self.hrp, key.payload[0], key.payload[1:])
            case ScriptKind.MULTISIG:
                return SCRIPT_PREFIX + key.payload.hex()
            case _:
                raise ValueError(f"kind {key.kind} has no address")


def _looks_like_segwit(text: str, hrp: str) -> bool:
    """Whether a witness prefix leads; an upper-case one only where no letter is lower case (Base58 has `LTC1...`)."""
    prefix = text.partition("1")[0]
    lowered = prefix.lower()
    if not prefix or lowered not in (hrp, *_HRPS):
        return False
    return prefix == lowered or text == text.upper()


def _parse_script_name(text: str) -> AddressKey:
    try:
        digest = bytes.fromhex(text.removeprefix(SCRIPT_PREFIX))
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise BadAddress(f"{text!r} is no script name: 64 hexadecimal digits must follow {SCRIPT_PREFIX!r}.")
    return AddressKey(int(ScriptKind.MULTISIG), digest)
