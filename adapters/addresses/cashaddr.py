"""CashAddr, the address form of Bitcoin Cash (spec: cashaddr.md of the Bitcoin Cash specifications; CashTokens CHIP).

Canonical is lower case with its prefix; without prefix, in upper case and in the old Base58 form it is the same
address. A token-aware address (types 2 and 3) has the locking script of the plain one and is written as that.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.addresses.bech32 import letters, single_case, to_bytes, to_values, values_of, xor_table
from adapters.addresses.refusal import other_network, refusal, wrong_checksum
from adapters.bitcoin.addresses import SCRIPT_PREFIX, AddressFormat
from tracer.chain import AddressKey, ScriptKind

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


def decode(text: str, prefix: str, network: str = "bitcoin-cash") -> tuple[int, bytes]:
    """(type, hash) behind a prefix, which may be left out; `BadAddress` says what is wrong."""
    lowered = single_case(text)
    given, colon, rest = lowered.rpartition(":")
    if colon and given != prefix:
        raise other_network(text, network)
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


def encode(kind: int, payload: bytes, prefix: str) -> str:
    """Prefix, colon, and type, hash and checksum in letters."""
    values = to_values(bytes([kind << 3 | _SIZES.index(len(payload))]) + payload)
    check = _polymod(_prefix_values(prefix) + values + bytes(8))
    return prefix + ":" + letters(values + bytes(check >> 5 * i & 31 for i in reversed(range(8))))


@dataclass(frozen=True)
class CashAddr:
    """CashAddr under a prefix; the old Base58 form of the same network is read too."""

    prefix: str
    old: AddressFormat

    def read(self, text: str, network: str) -> tuple[str, AddressKey]:
        """See `AddressCodec.read`: a CashAddr text, or one of the old form."""
        text = text.strip()
        if _is_old(text):
            _, key = self.old.read(text, network)
            return self.write(key), key
        kind, payload = decode(text, self.prefix, network)
        if kind >= len(_KINDS) or len(payload) not in (20, 32) or (len(payload) == 32 and not kind & 1):
            raise refusal(text, f"no address is known of CashAddr type {kind} with {len(payload)} bytes")
        key = AddressKey(int(_KINDS[kind]), payload)
        if kind > 1:
            return self.write(key), key
        return f"{self.prefix}:{text.lower().removeprefix(self.prefix + ':')}", key

    def write(self, key: AddressKey) -> str:
        """See `AddressCodec.write`; a P2SH payload of 32 bytes is P2SH32."""
        if key.kind not in _KINDS:
            return self.old.write(key)
        return encode(int(key.kind == ScriptKind.P2SH), key.payload, self.prefix)


def _is_old(text: str) -> bool:
    """Whether a text may be of the old form: 1..., 3..., m..., n..., 2...; CashAddr begins with q, p, z or r."""
    return text.startswith(("1", "2", "3", "m", "n", SCRIPT_PREFIX))


MAIN = CashAddr("bitcoincash", AddressFormat(b"\x00", b"\x05", ""))
TESTNET = CashAddr("bchtest", AddressFormat(b"\x6f", b"\xc4", ""))
REGTEST = CashAddr("bchreg", AddressFormat(b"\x6f", b"\xc4", ""))
