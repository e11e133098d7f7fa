"""Addresses of the Bitcoin family: an AddressKey as text and back, by the version bytes of a network.

The codecs are in `adapters.addresses`. The checks say *why* a text is no address, because a mistyped address
must never be answered with "unseen".
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.addresses.base58 import base58check, base58check_decode
from adapters.addresses.bech32 import segwit, segwit_decode
from adapters.addresses.refusal import other_network
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadAddress

__all__ = [
    "SCRIPT_PREFIX",
    "AddressFormat",
    "base58check",
    "base58check_decode",
    "parse",
    "read",
    "render",
    "segwit",
    "segwit_decode",
]

SCRIPT_PREFIX = "script:"
"""Bare multisig has no address; it is named by the SHA-256 of its script in hex, as Electrum servers do."""
_HRPS = ("bc", "tb", "bcrt", "ltc", "rltc", "tltc")
_SEGWIT_KINDS = {(0, 20): ScriptKind.P2WPKH, (0, 32): ScriptKind.P2WSH, (1, 32): ScriptKind.P2TR}


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


def parse(text: str, form: AddressFormat, network: str) -> AddressKey:
    """Read an address of one network."""
    return read(text, form, network)[1]


def read(text: str, form: AddressFormat, network: str) -> tuple[str, AddressKey]:
    """Canonical text and key of an address of one network; `BadAddress` says why it is none."""
    text = text.strip()
    if text.startswith(SCRIPT_PREFIX):
        key = _parse_script_name(text)
        return render(key, form), key
    if _looks_like_segwit(text, form.hrp):
        hrp, version, program = segwit_decode(text)
        if hrp != form.hrp:
            raise other_network(text, network)
        kind = _SEGWIT_KINDS.get((version, len(program)))
        if kind is None:
            return text.lower(), AddressKey(int(ScriptKind.WITNESS_UNKNOWN), bytes([version]) + program)
        return text.lower(), AddressKey(int(kind), program)
    data = base58check_decode(text)
    version_bytes, payload = data[:-20], data[-20:]
    if version_bytes == form.p2pkh:
        return text, AddressKey(int(ScriptKind.P2PKH), payload)
    if version_bytes == form.p2sh:
        return text, AddressKey(int(ScriptKind.P2SH), payload)
    if version_bytes == form.old_p2sh:
        return base58check(form.p2sh + payload), AddressKey(int(ScriptKind.P2SH), payload)
    raise other_network(text, network)


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


def render(key: AddressKey, form: AddressFormat) -> str:
    """Write the canonical form of an address."""
    match ScriptKind(key.kind):
        case ScriptKind.P2PKH:
            return base58check(form.p2pkh + key.payload)
        case ScriptKind.P2SH:
            return base58check(form.p2sh + key.payload)
        case ScriptKind.P2WPKH | ScriptKind.P2WSH:
            return segwit(form.hrp, 0, key.payload)
        case ScriptKind.P2TR:
            return segwit(form.hrp, 1, key.payload)
        case ScriptKind.WITNESS_UNKNOWN:
            return segwit(form.hrp, key.payload[0], key.payload[1:])
        case ScriptKind.MULTISIG:
            return SCRIPT_PREFIX + key.payload.hex()
        case _:
            raise ValueError(f"kind {key.kind} has no address")
