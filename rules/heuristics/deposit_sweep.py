"""deposit_sweep: a service's deposit address, recognised by where its money goes."""

from __future__ import annotations

from dataclasses import dataclass

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class DepositSweep:
    """An address that spends only into the hot addresses of one service is that service's deposit address."""

    id: str = "deposit_sweep"
    title: str = "deposit address, swept to a known hot wallet"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 80
    references: tuple[str, ...] = (
        "Meiklejohn et al. 2013 (service deposit addresses); the account-model form is Victor 2020, "
        "Address Clustering Heuristics for Ethereum",
    )
    limitations: tuple[str, ...] = (
        "Who pays a whole coin, without change, straight to a published hot address looks like a deposit address: "
        "the service is right, the address named is the payer's own.",
        "A deposit that was not swept yet is not recognised.",
        "It names the service's address, never the customer.",
    )
