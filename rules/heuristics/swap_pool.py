"""swap_pool: a contract that changes one asset into another for anybody, recognised by its events. It makes no link."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer.clustering.rules import Tier
from tracer.flow.accounts.swaps import SWAP_POOL, Thresholds


@dataclass(frozen=True)
class SwapPool:
    """Anybody can emit an event; a contract at which several strangers swapped is taken for a pool.

    What it says is that money which meets the contract goes on in another asset where one party lost and one gained,
    and ends there where nobody can say whose it is.
    """

    id: str = SWAP_POOL
    title: str = "untagged contract that swaps assets for several senders"
    version: int = 1
    tier: Tier = Tier.LEAD
    confidence: int = 60
    references: tuple[str, ...] = (
        "Uniswap v2, v3 and v4: the topics of their `Swap` events",
        "reference heuristics E (generic swap rule)",
    )
    limitations: tuple[str, ...] = (
        "Who signs as many accounts as it asks for can pass off a contract of their own as a pool: money that enters "
        "it ends there, or goes on in native coin or a token everybody knows that it paid out, however little.",
        "Who provides a pool's liquidity can take out what was swapped in: where what came out is worth nothing, look "
        "at who took liquidity out.",
        "A pool of fewer senders, or of events that are not listed, is not recognised: it holds money like an account.",
        "It judges the whole history read: a contract that became a pool later is one from the start.",
        "Where a third party gets or pays anything in the same transaction (a front end's fee, a rebate), nothing nets "
        "to one against one: the trail ends at the pool.",
    )
    parameters: Thresholds = field(default_factory=Thresholds)
