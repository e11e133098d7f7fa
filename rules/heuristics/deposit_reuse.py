"""deposit_reuse: accounts that pay into one deposit account of a service are its customer's."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracer.clustering.rules import Tier


@dataclass(frozen=True)
class Thresholds:
    """What a customer does.

    blocks  between payment and sweep, at most
    fan     deposit accounts one payer uses, at most (P): who pays into several may pay for others, a payroll or a desk,
            and anybody can send dust into two strangers' accounts
    """

    blocks: int = 3_200
    fan: int = 1


@dataclass(frozen=True)
class DepositReuse:
    """A service gives each customer a deposit account: who pays into it, and sees it swept, is that customer."""

    id: str = "deposit_reuse"
    title: str = "several accounts pay into one deposit account"
    version: int = 1
    tier: Tier = Tier.EXTENDED
    confidence: int = 90
    references: tuple[str, ...] = (
        "Victor 2020, Address Clustering Heuristics for Ethereum, Financial Cryptography: at most 0.01 ETH less",
        "Wu et al. 2022, Tutela: 3,200 blocks; confidence from time and amount, as here",
    )
    limitations: tuple[str, ...] = (
        "A friend or an employer who pays into one other person's deposit account is taken for that person.",
        "A customer who uses several deposit accounts, at one service or at several, is not linked.",
        "Of tokens only those count that everybody knows.",
        "A deposit account that a firm's people share makes them one.",
        "Deposits swept together, or less than whole, are not matched.",
        "Only services with known hot accounts are seen.",
    )
    parameters: Thresholds = field(default_factory=Thresholds)
