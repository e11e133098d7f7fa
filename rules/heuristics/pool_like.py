"""pool_like: an untagged cluster that takes many people's coins, spends them as one and pays out in batches.

It makes no link. What it says is that a trace ends there, as it ends at a tagged pool: no convention says whose coins
come out (DESIGN section 5). The evidence is gathered by `tracer.clustering.pools`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer.clustering.pools import POOL_LIKE, Thresholds
from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class PoolLike:
    """Many depositors, batched withdrawals and commingling, all three; whose pool it is it does not say."""

    id: str = POOL_LIKE
    title: str = "untagged cluster that behaves like a custodian's pool"
    version: int = 1
    tier: Tier = Tier.LEAD
    confidence: int = 80
    references: tuple[str, ...] = (
        "D'Aloia v Persons Unknown [2024] EWHC 2342 (Ch): tracing through mixed exchange wallets held unreliable",
        "Ranshous et al. 2017, Exchange Pattern Mining in the Bitcoin Transaction Directed Hypergraph",
        "reference heuristics A7 (batch payout, exchange pattern)",
    )
    limitations: tuple[str, ...] = (
        "A business that keeps its takings and its payroll in one wallet looks the same.",
        "A custodian that never pays several people at once, or serves fewer than fifty, is not recognised.",
        "It counts clusters: depositors who are one person under several clusters are counted apart.",
        "Who pays a whole coin, without change, counts as a sweep: who paid them is taken for the depositor.",
        "It judges the whole history read: a wallet that became a pool later is one from the start.",
    )
    parameters: Thresholds = field(default_factory=Thresholds)
