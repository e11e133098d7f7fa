"""forwarder: contracts of one factory that send on what they get, to one account."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class Thresholds:
    """clones  contracts of the factory that pay the same account, at least (P); seconds  until it is sent on (P)."""

    clones: int = 3
    seconds: int = 3_600


@dataclass(frozen=True)
class Forwarder:
    """A sweep contract belongs to whom it pays. It joins no customers to each other."""

    id: str = "forwarder"
    title: str = "sweep contract of a service's factory"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 85
    references: tuple[str, ...] = (
        "EIP-1014 (CREATE2), EIP-1167 (minimal proxies): how such contracts are made",
        "reference heuristics B5 (sweep and forwarder contracts)",
    )
    limitations: tuple[str, ...] = (
        "A factory whose clones all pay one treasury, as of a fund, looks the same.",
        "A clone that was not swept yet is not recognised.",
        "A contract whose sweeps others sign than the account they pay, or its service, is not recognised.",
        "Without internal transfers, sweeps of the native coin are not seen.",
    )
    parameters: Thresholds = field(default_factory=Thresholds)
