"""Litecoin's: the block is named by SHA-256d, and scrypt (N=1024, r=1, p=1; RFC 7914) of its header is the proof."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from adapters.bitcoin.work.hashed import HashedHeader
from adapters.bitcoin.work.header import MISSED


def scrypt_hash(header: bytes) -> bytes:
    """What proves the work of 80 header bytes, in wire order."""
    return hashlib.scrypt(header, salt=header, n=1024, r=1, p=1, dklen=32)


@dataclass(frozen=True)
class ScryptHeader(HashedHeader):
    """scrypt of 80 bytes; 0.25 ms each."""

    def problem(self, header: bytes, limit: int) -> str | None:
        """The scrypt hash against the target."""
        return None if int.from_bytes(scrypt_hash(header), "little") <= limit else MISSED
