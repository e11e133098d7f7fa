"""gas_funder: who sent an account its first native coin. It makes no link."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class Thresholds:
    """fan  accounts one funder started, at most: beyond, it is a service (P)."""

    fan: int = 100


@dataclass(frozen=True)
class GasFunder:
    """Without gas an account moves nothing: its first coin came from somebody who knew it."""

    id: str = "gas_funder"
    title: str = "sent an account its first native coin"
    version: int = 1
    tier: Tier = Tier.LEAD
    confidence: int = 30
    references: tuple[str, ...] = ("reference heuristics B6 (gas funder)",)
    limitations: tuple[str, ...] = (
        "Shops, faucets, relayers and friends send strangers their first coin.",
        "Exchanges fund many accounts: known services, and whoever funded more than a hundred, are left out.",
    )
    parameters: Thresholds = field(default_factory=Thresholds)
