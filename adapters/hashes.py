"""Transaction and block hashes as people write them."""

from __future__ import annotations

from tracer.errors import UsageError


def hash_bytes(text: str, prefix: str = "") -> bytes:
    """The 32 bytes that 64 hexadecimal digits stand for, `prefix` before them or not; else `UsageError`."""
    digits = text.strip()
    if prefix and digits[: len(prefix)].lower() == prefix:
        digits = digits[len(prefix) :]
    try:
        raw = bytes.fromhex(digits) if len(digits) == 64 else b""  # fromhex skips white space
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise UsageError(f"{text!r} is no txid.", hint="A txid is 64 hexadecimal digits.")
    return raw
