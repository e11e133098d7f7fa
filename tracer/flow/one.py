"""One chain of a question, ready to be followed: what its claims, its family and its blocks decide, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from tracer.chain import Family
from tracer.clustering.rules import RuleSet
from tracer.errors import UsageError
from tracer.flow import services as service_room
from tracer.flow.beyond import Beyond
from tracer.flow.bridges.rules import Bridges
from tracer.flow.facts import Rates
from tracer.flow.offchain import Followed
from tracer.flow.question import Question
from tracer.flow.seeding import seeds as seeding_room
from tracer.flow.seeding.grammar import parse
from tracer.flow.seeding.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.trail import Pulse
from tracer.flow.worth import Worth
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger


@dataclass(frozen=True)
class OneChain:
    """One chain of a question.

    follow  where lots went, told what is known of other chains
    pools   address id of a listed mixer pool -> denomination, base units
    """

    ledger: Ledger
    services: Services
    question: Question
    follow: Callable[[Lots, Beyond], Followed]
    pools: Mapping[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Short name of the chain."""
        return self.ledger.chain.name

    @property
    def backward(self) -> bool:
        """Whether money is followed to where it came from."""
        return self.question.direction == "backward"

    def lots(self) -> Lots:
        """The seeds of the question on this chain."""
        asked = self.question
        return seeding_room.resolve(
            self.ledger,
            self.services,
            [parse(text, self.ledger.chain) for text in asked.seeds],
            unit=asked.unit,
            after=asked.seed_after,
            before=asked.seed_before,
            backward=self.backward,
            listed=asked.listed,
        )

    def nothing(self) -> Lots:
        """No seeds: of a chain that only bridges bring money to."""
        return seeding_room.resolve(self.ledger, self.services, [], unit="lot", backward=self.backward)


def one_chain(
    ledger: Ledger,
    snapshot: Snapshot,
    question: Question,
    *,
    rules: RuleSet,
    engine: str,
    rates: Rates,
    pulse: Pulse,
    bridges: Bridges | None = None,
) -> OneChain:
    """A chain ready to be followed. Raises `UsageError` where it holds no blocks, or cannot be asked this."""
    tip = ledger.tip()
    if tip is None:
        raise UsageError(
            f"the store of {ledger.chain.name} holds no blocks.",
            hint=f"Run `tracer sync {ledger.chain.name}` first.",
        )
    read = tip, ledger.runs()
    prices = Prices(snapshot.claims("prices"), question.currency, question.price_source)
    services = service_room.load(ledger, snapshot, frozenset(question.stop))
    made_by = rules, rates, engine
    if ledger.chain.family is Family.ACCOUNT:
        from tracer.flow.accounts import trace as accounts
        from tracer.flow.accounts.mixers import listed_pools

        accounts.check(question)
        follow = partial(accounts.follow, ledger, snapshot, question, prices, services, read, made_by, pulse)
        pools = listed_pools(ledger, {} if bridges is None else bridges.pools.get(ledger.chain.name, {}))
        return OneChain(ledger, services, question, follow, pools)
    from tracer.flow import outputs

    worth = Worth(ledger.chain, prices)
    return OneChain(
        ledger, services, question,
        partial(outputs.follow, ledger, snapshot, question, worth, services, read, made_by, pulse),
    )  # fmt: skip


def there(question: Question, chain_family: Family) -> Question:
    """The question as it is asked of a chain that only bridges lead to, without what is of the first chain alone."""
    accounts = chain_family is Family.ACCOUNT
    return replace(
        question, unit=None, min_value=0, asset=None, through=(),
        fees="sink" if accounts else question.fees,
    )  # fmt: skip
