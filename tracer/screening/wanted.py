"""What a policy asks of an examination, and of the lists it leans on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tracer.screening.listed import KINDS
from tracer.screening.places import Item


@dataclass(frozen=True)
class Settings:
    """What the examination is asked for.

    hops      how many transactions away a counterparty may be
    max_txs   transactions looked at before the expansion is cut (and nothing may be called clear)
    dust      chain -> base units below which inflow is dust; where a chain is not named the examiner's own bound
    currency  of amounts in money; price_source  whose prices, None: any
    """

    hops: int = 3
    max_txs: int = 20_000
    tier: str = "conservative"
    dust: Mapping[str, int] = field(default_factory=dict)
    currency: str = "USD"
    price_source: str | None = None


@dataclass(frozen=True)
class Requirement:
    """Lists that must be there, and how old they may be: by name (a glob) or by kind.

    every  each of them must be young enough; else it is enough that the newest is
    """

    list: str | None = None
    kind: str | None = None
    max_age_days: int | None = None
    every: bool = True

    @property
    def name(self) -> str:
        """What it is called where nothing answers it."""
        return self.list or f"kind:{self.kind}"


def settings(item: Item) -> Settings:
    """Read `settings`; what is not said is as usual."""
    given = item.table(("hops", "max_txs", "tier", "dust", "currency", "price_source"))
    usual = Settings()
    return Settings(
        hops=given["hops"].integer(1, 20) if "hops" in given else usual.hops,
        max_txs=given["max_txs"].integer(1, 10**9) if "max_txs" in given else usual.max_txs,
        tier=given["tier"].word(("conservative",)) if "tier" in given else usual.tier,
        dust=_dust(given["dust"]) if "dust" in given else {},
        currency=given["currency"].text() if "currency" in given else usual.currency,
        price_source=given["price_source"].text() if "price_source" in given else None,
    )


def _dust(item: Item) -> dict[str, int]:
    found: dict[str, int] = {}
    for chain, units in item.pairs():
        if chain in found:
            raise units.bad(f"the dust of {chain} stands twice")
        found[chain] = units.integer(0, 10**38)
    return found


def requirement(item: Item, before: Sequence[Requirement]) -> Requirement:
    """Read one of `requires`, beside those before it."""
    given = item.table(("list", "kind", "max_age_days", "which"))
    if ("list" in given) == ("kind" in given):
        raise item.bad(
            "a requirement is of a list or of a kind of lists", "Write {list: ofac-*} or {kind: sanctions}."
        )
    found = Requirement(
        list=given["list"].text() if "list" in given else None,
        kind=given["kind"].word(KINDS) if "kind" in given else None,
        max_age_days=given["max_age_days"].integer(0, 36_600) if "max_age_days" in given else None,
        every=given["which"].word(("every", "newest")) == "every" if "which" in given else True,
    )
    if any(found.name == other.name for other in before):
        raise item.bad(f"{found.name} is required twice")
    return found
