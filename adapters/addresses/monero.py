"""Monero addresses: CryptoNote's Base58 in blocks, a network byte and four bytes of Keccak.

Standard, subaddress and integrated addresses are kept as written: an integrated address names one payment of
one customer. That the two keys are points of the curve is not checked. Source: Monero's `cryptonote_config.h`.
"""

from __future__ import annotations

from adapters.addresses import base58
from adapters.addresses.keccak import keccak256
from adapters.addresses.refusal import other_network, refusal, text_key, wrong_checksum
from tracer.chain import AddressKey

_BLOCK_LETTERS = 11
_BYTES_OF_LETTERS = {11: 8, 7: 5}
_LENGTHS = {18: 65, 42: 65, 19: 73}
"""Network byte of mainnet -> length with it: standard, subaddress, integrated (with an 8-byte payment id)."""
_OTHER_NETWORKS = (53, 54, 63, 24, 25, 36)  # testnet, stagenet


def read(text: str) -> tuple[str, AddressKey]:
    """Canonical text and key."""
    if len(text) == 64 and all(c in "0123456789abcdefABCDEF" for c in text):
        raise refusal(
            text, "64 hexadecimal digits are a transaction, payment or key id, not a Monero address"
        )
    if len(text) not in (95, 106):
        raise refusal(text, f"a Monero address has 95 or 106 letters, not {len(text)}")
    data = b"".join(_block(text[i : i + _BLOCK_LETTERS], text) for i in range(0, len(text), _BLOCK_LETTERS))
    if keccak256(data[:-4])[:4] != data[-4:]:
        raise wrong_checksum(text)
    if data[0] in _OTHER_NETWORKS:
        raise other_network(text, "monero")
    if _LENGTHS.get(data[0]) != len(data) - 4:
        raise refusal(text, "its network byte and its length do not agree")
    return text_key(text)


def _block(letters: str, text: str) -> bytes:
    size = _BYTES_OF_LETTERS[len(letters)]
    found = base58.number(letters, address=text)
    if found >> 8 * size:
        raise refusal(text, "one of its blocks holds too great a number")
    return found.to_bytes(size, "big")
