"""account_deposit_sweep: a service's deposit address on an account chain, recognised by where its money goes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer.clustering.rules import Tier
from tracer.flow.accounts.deposits import ACCOUNT_SWEEP, Thresholds


@dataclass(frozen=True)
class AccountDepositSweep:
    """An account that pays nobody but the hot accounts of one service is that service's deposit address.

    It makes no link: what it says is that a trace ends there, at the service.
    """

    id: str = ACCOUNT_SWEEP
    title: str = "deposit address on an account chain, swept to a known hot wallet"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 80
    references: tuple[str, ...] = (
        "Victor 2020, Address Clustering Heuristics for Ethereum, Financial Cryptography (deposit addresses)",
        "Wu et al. 2022, Tutela: at most 3,200 blocks between deposit and sweep",
        "reference heuristics B1",
    )
    limitations: tuple[str, ...] = (
        "Who pays all they have straight to a published hot account looks like a deposit address: the service is "
        "right, the address named is the payer's own.",
        "Only accounts tagged as hot (or as a pool) count as where deposits are swept to; a sweep to others is not "
        "recognised, and the trace goes on to where it ends.",
        "One payment to anybody else, a refund too, makes it an account like any other: what it paid is followed, and "
        "the trail ends at the hot account instead.",
        "What stays in it, up to 5 % of what came, is said to be the service's.",
        "A deposit that was not swept yet, or that was swept later than the limit, is not recognised.",
        "Each asset is judged for itself: what an account does with its other assets is not looked at.",
        "It judges the whole history read: a deposit address that its customer takes over later is none from the "
        "start.",
        "It names the service's address, never the customer.",
    )
    parameters: Thresholds = field(default_factory=Thresholds)
