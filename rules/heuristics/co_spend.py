"""Co-spend: who signs the inputs of one transaction together shares control of them.

The kernel that follows it is `tracer.clustering.unionfind`; this is what a reader of a result is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class CoSpend:
    """All addresses spent in one transaction belong together, unless the transaction is a mix."""

    id: str = "co_spend"
    title: str = "spent together in one transaction"
    version: int = 1
    tier: Tier = Tier.CONSERVATIVE
    confidence: int = 95
    references: tuple[str, ...] = (
        "Nakamoto 2008, section 10",
        "Meiklejohn et al. 2013, A Fistful of Bitcoins, section 4.1",
    )
    limitations: tuple[str, ...] = (
        "PayJoins join payer and payee; they cannot be told apart by structure.",
        "A custodian's cluster is the custodian: its customers are not one owner.",
        "Trades signed by buyer and seller in one transaction join both.",
        "Outputs that anyone can spend (unknown witness versions) are left out.",
    )
