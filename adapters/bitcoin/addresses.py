"""Addresses as text: Base58Check, Bech32 (BIP 173) and Bech32m (BIP 350).

The checks say *why* a text is no address, because a mistyped address must never be answered with "unseen".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadAddress

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_CONST = 1
_BECH32M_CONST = 0x2BC830A3
SCRIPT_PREFIX = "script:"
"""Bare multisig has no address; it is named by the SHA-256 of its script in hex, as Electrum servers do."""


@dataclass(frozen=True)
class AddressFormat:
    """How a network writes addresses: version bytes and the human-readable part."""

    p2pkh: bytes
    p2sh: bytes
    hrp: str


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]


def base58check(data: bytes) -> str:
    """Encode version and payload with their checksum."""
    data += _checksum(data)
    number = int.from_bytes(data, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def base58check_decode(text: str) -> bytes:
    """Version and payload of a Base58Check text; `BadAddress` says what is wrong."""
    number = 0
    for character in text:
        digit = _BASE58.find(character)
        if digit < 0:
            raise BadAddress(f"{text!r} is no address: {character!r} is not in the Base58 alphabet.")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    data = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(data) < 5 or _checksum(data[:-4]) != data[-4:]:
        raise BadAddress(
            f"{text!r} is no address: its checksum is wrong.", hint="Check it for a typing error."
        )
    return data[:-4]


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                checksum ^= generator
    return checksum


def _expand(hrp: str) -> list[int]:
    return [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]


def _regroup(data: list[int], width: int, new_width: int, *, pad: bool) -> list[int] | None:
    """Bits in groups of `width` -> groups of `new_width`; None where padding is not canonical."""
    accumulator = bits = 0
    out = []
    for value in data:
        accumulator = accumulator << width | value
        bits += width
        while bits >= new_width:
            bits -= new_width
            out.append(accumulator >> bits & (1 << new_width) - 1)
        accumulator &= (1 << bits) - 1
    if pad and bits:
        out.append(accumulator << (new_width - bits) & (1 << new_width) - 1)
    elif not pad and (bits >= width or accumulator):
        return None
    return out


def segwit(hrp: str, version: int, program: bytes) -> str:
    """Encode a witness program: Bech32 for version 0, Bech32m above."""
    data = [version, *(_regroup(list(program), 8, 5, pad=True) or [])]
    constant = _BECH32M_CONST if version else _BECH32_CONST
    checksum = _polymod(_expand(hrp) + data + [0] * 6) ^ constant
    data += [checksum >> 5 * (5 - i) & 31 for i in range(6)]
    return hrp + "1" + "".join(_BECH32[d] for d in data)


def segwit_decode(text: str) -> tuple[str, int, bytes]:
    """(human-readable part, witness version, program); `BadAddress` says what is wrong."""
    if text != text.lower() and text != text.upper():
        raise BadAddress(f"{text!r} is no address: it mixes upper and lower case.")
    lowered = text.lower()
    hrp, _, rest = lowered.rpartition("1")
    data = [_BECH32.find(c) for c in rest]
    if not hrp or len(data) < 8 or len(lowered) > 90 or -1 in data:
        raise BadAddress(f"{text!r} is no address: it is not Bech32.")
    program = _regroup(data[1:-6], 5, 8, pad=False)
    constant = _BECH32M_CONST if data[0] else _BECH32_CONST
    if _polymod(_expand(hrp) + data) != constant:
        raise BadAddress(
            f"{text!r} is no address: its checksum is wrong.", hint="Check it for a typing error."
        )
    if program is None or data[0] > 16 or not 2 <= len(program) <= 40:
        raise BadAddress(f"{text!r} is no address: its witness program is malformed.")
    if data[0] == 0 and len(program) not in (20, 32):
        raise BadAddress(f"{text!r} is no address: a version 0 program has 20 or 32 bytes.")
    return hrp, data[0], bytes(program)


_SEGWIT_KINDS = {(0, 20): ScriptKind.P2WPKH, (0, 32): ScriptKind.P2WSH, (1, 32): ScriptKind.P2TR}


def parse(text: str, form: AddressFormat, network: str) -> AddressKey:
    """Read an address of one network."""
    text = text.strip()
    if text.startswith(SCRIPT_PREFIX):
        return _parse_script_name(text)
    if "1" in text and text.lower().startswith(
        (form.hrp + "1", "bc1", "tb1", "bcrt1", "ltc1", "rltc1", "tltc1")
    ):
        hrp, version, program = segwit_decode(text)
        if hrp != form.hrp:
            raise BadAddress(f"{text!r} is an address of another network, not of {network}.")
        kind = _SEGWIT_KINDS.get((version, len(program)))
        if kind is None:
            return AddressKey(int(ScriptKind.WITNESS_UNKNOWN), bytes([version]) + program)
        return AddressKey(int(kind), program)
    data = base58check_decode(text)
    for prefix, kind in ((form.p2pkh, ScriptKind.P2PKH), (form.p2sh, ScriptKind.P2SH)):
        if data.startswith(prefix) and len(data) == len(prefix) + 20:
            return AddressKey(int(kind), data[len(prefix) :])
    raise BadAddress(f"{text!r} is an address of another network, not of {network}.")


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
