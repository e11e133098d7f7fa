"""What an examination is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HARM = frozenset(
    {
        "abuse", "account_hack", "child_sexual_abuse", "counterfeit", "data_breach", "drugs", "extortion", "extremism",
        "financial_crime", "hacking", "human_trafficking", "investment_fraud", "malware", "money_laundering", "murder",
        "payment_card_fraud", "perpetrator", "phishing", "ponzi_scheme", "pyramid_scheme", "ransomware", "sanction",
        "scam", "service_hack", "sextortion", "sexual_abuse", "terrorism", "terrorism_financing", "torture", "violence",
        "weapons",
    }
)  # fmt: skip
"""Words of the taxonomy that say harm, at whose holders an examination ends: whoever deals with them is told."""


@dataclass(frozen=True)
class Settings:
    """What an examination is asked for.

    hops      transactions between subject and counterparty, at most; 1: direct exposure alone
    own       who asks: actors, `vasp_id`s or labels (any case), whose wallets are no counterparty, nor looked through
    max_txs   transactions of one subject's trail in one direction; beyond them the examination is cut, and says so
    dust      chain -> base units up to which an inflow is dust; its own bound where a chain is not named
    stop      words a policy may ask about, besides `HARM`: an examination ends at their holders
    currency, price_source  of fiat values
    """

    hops: int = 3
    own: frozenset[str] = frozenset()
    max_txs: int = 20_000
    dust: Mapping[str, int] = field(default_factory=dict)
    stop: frozenset[str] = HARM
    currency: str = "USD"
    price_source: str | None = None
