"""Proofs of work: what a header has to show, and how many bytes it is. One file per kind."""

from __future__ import annotations

from adapters.bitcoin.work.auxpow import AuxPowHeader
from adapters.bitcoin.work.hashed import HashedHeader
from adapters.bitcoin.work.header import HEADER_SIZE, Bytes, ProofOfWork, block_hash, target
from adapters.bitcoin.work.scrypt import ScryptHeader

__all__ = [
    "BY_BLOCK_HASH",
    "BY_MERGED_MINING",
    "BY_MERGED_MINING_OF_ANYONE",
    "BY_SCRYPT",
    "HEADER_SIZE",
    "Bytes",
    "ProofOfWork",
    "block_hash",
    "target",
]

BY_BLOCK_HASH: ProofOfWork = HashedHeader()
BY_SCRYPT: ProofOfWork = ScryptHeader()
BY_MERGED_MINING: ProofOfWork = AuxPowHeader(chain_id=0x62)
"""Dogecoin's."""
BY_MERGED_MINING_OF_ANYONE: ProofOfWork = AuxPowHeader(chain_id=0x62, strict=False)
"""Dogecoin's testnet takes blocks of any chain id."""
