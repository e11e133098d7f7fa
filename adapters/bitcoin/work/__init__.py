"""Proofs of work: what a header has to show, and how many bytes it is. One file per kind."""

from __future__ import annotations

from adapters.bitcoin.work.hashed import HashedHeader
from adapters.bitcoin.work.header import HEADER_SIZE, ProofOfWork, block_hash, target
from adapters.bitcoin.work.scrypt import ScryptHeader

__all__ = ["BY_BLOCK_HASH", "BY_SCRYPT", "HEADER_SIZE", "ProofOfWork", "block_hash", "target"]

BY_BLOCK_HASH: ProofOfWork = HashedHeader()
BY_SCRYPT: ProofOfWork = ScryptHeader()
