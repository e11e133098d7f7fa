"""self_authorisation: who lets another account spend its tokens, and that account does. It makes no link."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class Thresholds:
    """fan  accounts that approved one spender, at most: beyond, it is a business (P)."""

    fan: int = 3


@dataclass(frozen=True)
class SelfAuthorisation:
    """An approval to an account that is no contract gives somebody one's tokens: people do so with themselves."""

    id: str = "self_authorisation"
    title: str = "approved to spend, and did, by a transaction of its own"
    version: int = 1
    tier: Tier = Tier.LEAD
    confidence: int = 40
    references: tuple[str, ...] = (
        "Victor 2020, Address Clustering Heuristics for Ethereum, Financial Cryptography (self-authorization)",
        "EIP-20: approve, transferFrom",
    )
    limitations: tuple[str, ...] = (
        "Victims of approval phishing let the thief spend: thief and victim look like one. So it is a lead, no link.",
        "A custodian or an assistant who spends for few looks the same.",
        "Permits (EIP-2612), which the owner does not send, are not seen.",
    )
    parameters: Thresholds = field(default_factory=Thresholds)
