"""tron_activation: who brought a Tron account into being, or lends it energy. It makes no link."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class Thresholds:
    """fan  accounts one account activated or lends to, at most: beyond, it is a service or rents energy out (P)."""

    fan: int = 20


@dataclass(frozen=True)
class TronActivation:
    """An account on Tron must be activated and needs energy to move tokens: an operator pays both for its own."""

    id: str = "tron_activation"
    title: str = "activated it, or lends it energy"
    version: int = 1
    tier: Tier = Tier.LEAD
    confidence: int = 30
    references: tuple[str, ...] = (
        "Tron developer hub: account activation, resource delegation (stake 2.0)",
        "reference heuristics B7 (Tron)",
    )
    limitations: tuple[str, ...] = (
        "Energy is rented out by businesses: whoever lends to more than twenty is left out.",
        "Whoever sends TRX first activates, a shop or an exchange too.",
    )
    parameters: Thresholds = field(default_factory=Thresholds)
