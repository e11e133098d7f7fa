"""CashAddr, the address form of Bitcoin Cash (spec: cashaddr.md of the Bitcoin Cash specifications; CashTokens CHIP).

Canonical is lower case with its prefix; without prefix, in upper case and in the old Base58 form it is the same
address. A token-aware address (types 2 and 3) has the locking script of the plain one and is written as that.
"""

from __future__ import annotations

from adapters.addresses.bech32 import letters, single_case, to_bytes, to_values, values_of, xor_table
from adapters.addresses.refusal import other_network, refusal, wrong_checksum
from adapters.bitcoin import addresses as bitcoin
from tracer.chain import AddressKey, ScriptKind

PREFIX = "bitcoincash"
_OLD_FORMAT = bitcoin.AddressFormat(b"\x00", b"\x05", "")
_TABLE = xor_table((0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470))
_SIZES = (20, 24, 28, 32, 40, 48, 56, 64)
_KINDS = (ScriptKind.P2PKH, ScriptKind.P2SH, ScriptKind.P2PKH, ScriptKind.P2SH)


def _polymod(values: bytes) -> int:
    state, table = 1, _TABLE
    for value in values:
        state = (state & 0x7FFFFFFFF) << 5 ^ value ^ table[state >> 35]
    return state ^ 1


def _prefix_values(prefix: str) -> bytes:
    return bytes(ord(c) & 31 for c in prefix) + b"\0"


def decode(text: str, prefix: str = PREFIX) -> tuple[int, bytes]:
    """(type, hash) behind a prefix, which may be left out; `BadAddress` says what is wrong."""
    lowered = single_case(text)
    given, colon, rest = lowered.rpartition(":")
    if colon and given != prefix:
        raise other_network(text, "bitcoin-cash")
    values = values_of(rest, text)
    if not 42 <= len(values) <= 112:
        raise refusal(text, f"{len(values)} letters are not CashAddr")
    if _polymod(_prefix_values(prefix) + values):
        raise wrong_checksum(text)
    data = to_bytes(values[:-8])
    if not data:
        raise refusal(text, "its last letters hold bits that belong to no byte")
    version, payload = data[0], data[1:]
    if version & 0x80 or len(payload) != _SIZES[version & 7]:
        raise refusal(text, "its version byte and its length do not agree")
    return version >> 3, payload


def encode(kind: int, payload: bytes, prefix: str = PREFIX) -> str:
    """Prefix, colon, and type, hash and checksum in letters."""
    values = to_values(bytes([kind << 3 | _SIZES.index(len(payload))]) + payload)
    check = _polymod(_prefix_values(prefix) + values + bytes(8))
    return prefix + ":" + letters(values + bytes(check >> 5 * i & 31 for i in reversed(range(8))))


def read(text: str) -> tuple[str, AddressKey]:
    """Canonical text and key of a CashAddr text or of the old Base58 form."""
    if text.startswith(("1", "3", bitcoin.SCRIPT_PREFIX)):
        key = bitcoin.parse(text, _OLD_FORMAT, "bitcoin-cash")
        return write(key), key
    kind, payload = decode(text)
    if kind >= len(_KINDS) or len(payload) not in (20, 32) or (len(payload) == 32 and not kind & 1):
        raise refusal(text, f"no address is known of CashAddr type {kind} with {len(payload)} bytes")
    key = AddressKey(int(_KINDS[kind]), payload)
    if kind > 1:
        return write(key), key
    return f"{PREFIX}:{text.lower().removeprefix(PREFIX + ':')}", key


def write(key: AddressKey) -> str:
    """The canonical form of a key."""
    if key.kind not in _KINDS:
        return bitcoin.render(key, _OLD_FORMAT)
    return encode(int(key.kind == ScriptKind.P2SH), key.payload)
