"""Same key: one public key, several address types.

The addresses are found by `tracer.clustering.keys`; this is what a reader of a result is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class SameKey:
    """P2PK, P2PKH, P2WPKH and P2WPKH nested in P2SH of one public key are spent by whoever holds that key."""

    id: str = "same_key"
    title: str = "addresses of one public key"
    version: int = 1
    tier: Tier = Tier.CONSERVATIVE
    confidence: int = 99
    references: tuple[str, ...] = (
        "BIP 141, witness program; P2WPKH nested in P2SH",
        "BIP 49, derivation scheme for P2WPKH nested in P2SH",
        "Stütz et al. 2026, key reuse across blockchains, Financial Cryptography",
    )
    limitations: tuple[str, ...] = (
        "A key that several people hold, or that a custodian holds for them, is not one owner.",
        "Keys that anyone can guess (a weak passphrase, a puzzle) are held by everybody.",
        "A hash of no known key, as burn addresses use, is taken for a key; nothing is ever spent from it.",
        "Compressed and uncompressed form of one key have different hashes and are not joined.",
        "Keys inside multisig, P2WSH and other P2SH scripts are not seen; Taproot output keys are tweaked.",
        "Another chain is asked for the same key's addresses only where the key's hash is in the address there too; "
        "account chains hash keys differently.",
    )
