"""Accounts of Ethereum and the chains like it, and their checksum in upper and lower case (EIP-55)."""

from __future__ import annotations

from adapters.addresses.keccak import keccak256
from adapters.addresses.refusal import EVM_ACCOUNT, TYPING_ERROR, refusal
from tracer.chain import AddressKey


def read(text: str) -> tuple[str, AddressKey]:
    """EIP-55 text and key. Hex in one case carries no checksum and is taken; mixed case must match."""
    digits = text[2:]
    if text[:2] not in ("0x", "0X"):
        raise refusal(text, "it does not begin with 0x")
    if len(digits) != 40:
        raise refusal(text, f"40 hexadecimal digits must follow 0x, not {len(digits)} letters")
    try:
        payload = bytes.fromhex(digits)
    except ValueError:
        payload = b""
    if len(payload) != 20:  # fromhex skips white space
        raise refusal(text, "not all of its letters are hexadecimal digits")
    canonical = write(AddressKey(EVM_ACCOUNT, payload))
    if digits not in (canonical[2:], digits.lower(), digits.upper()):
        raise refusal(text, "its upper and lower case do not match (EIP-55 checksum)", TYPING_ERROR)
    return canonical, AddressKey(EVM_ACCOUNT, payload)


def write(key: AddressKey) -> str:
    """The EIP-55 form: a letter is upper case where the hash of the lower-case text has a digit above 7."""
    lower = key.payload.hex()
    marks = keccak256(lower.encode()).hex()
    return "0x" + "".join([c.upper() if mark > "7" else c for c, mark in zip(lower, marks, strict=False)])
