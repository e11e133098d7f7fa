"""One question, one answer: seeds -> closure -> kernels -> the documents of CONTRACTS.

Nothing here depends on the clock, the host or the user: the same question on the same facts and claims gives
the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tracer.clustering import state as clustering
from tracer.clustering.constraints import overrides
from tracer.clustering.lookup import clusters_of
from tracer.clustering.overrides import touching
from tracer.clustering.pools import rule_of
from tracer.clustering.rules import RuleSet, Tier
from tracer.db import named_sql
from tracer.errors import StoreDamaged, UsageError
from tracer.flow import seeds as seeding_room
from tracer.flow import services as service_room
from tracer.flow.closure import Closure
from tracer.flow.deposits import DEPOSIT_SWEEP
from tracer.flow.document import compare, document
from tracer.flow.endpoints import look_at_accounts
from tracer.flow.facts import Answer, Facts, Rates
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.grammar import Seed, parse
from tracer.flow.kernel_ceiling import ceiling
from tracer.flow.methods import apart, method
from tracer.flow.movements import I64, Limits, Taint
from tracer.flow.offchain import Followed, Links, with_links
from tracer.flow.question import Question
from tracer.flow.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.trail import Trail
from tracer.flow.untagged import Untagged
from tracer.flow.worth import Worth
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger, Tip

_SQL = named_sql("tracer.flow", "closure.sql")
MOST_SEEDS_APART = 64
"""Beyond this many seeds the answer does not say which seed brought how much."""


def trace(
    ledger: Ledger,
    snapshot: Snapshot,
    question: Question,
    *,
    rules: RuleSet,
    engine: str,
    rates: Rates = lambda _id, _version: None,
) -> dict[str, Any]:
    """Answer a question: `tracer.trace/1` for one method, `tracer.traces/1` for several.

    `rules` are those in force, with what they do; `engine` is the version of this program; both are quoted. `rates`
    tells the measured error rate of a rule. Raises `UsageError` for seeds that are unseen or ambiguous, `StoreDamaged`
    if a balance does not close.
    """
    tip = ledger.tip()
    if tip is None:
        raise UsageError(
            f"the store of {ledger.chain.name} holds no blocks.",
            hint=f"Run `tracer sync {ledger.chain.name}` first.",
        )
    runs = ledger.db.rows(_SQL["gaps"])
    worth = Worth(ledger.chain, Prices(snapshot.claims("prices"), question.currency, question.price_source))
    services = service_room.load(ledger, snapshot)
    lots = seeding_room.resolve(
        ledger,
        services,
        _distinct(parse(text, ledger.chain) for text in question.seeds),
        unit=question.unit,
        after=question.seed_after,
        before=question.seed_before,
    )
    follow = partial(
        _follow, ledger, snapshot, question, worth, services, (tip, runs), (rules, rates, engine)
    )
    first = follow(lots)
    links = Links(snapshot.legs(), follow, partial(seeding_room.resolve, ledger, services))
    facts, answers = first
    documents = [
        with_links(document(facts, answer, answers), links.reached(first, answer.method), document)
        for answer in answers
    ]
    if len(documents) == 1:
        return documents[0]
    return {
        "schema": "tracer.traces/1",
        "documents": documents,
        "comparison": compare(documents),
    }


def _follow(
    ledger: Ledger,
    snapshot: Snapshot,
    question: Question,
    worth: Worth,
    services: Services,
    read: tuple[Tip, Sequence[tuple[int, int]]],
    made_by: tuple[RuleSet, Rates, str],
    lots: Lots,
) -> Followed:
    """Where lots went: closure, kernels, names."""
    (tip, runs), (rules, rates, engine) = read, made_by
    pools = rule_of(rules) if question.pools == "all" else None
    thresholds = pools.parameters if pools else None
    closure = Closure(
        ledger,
        services,
        question.budget,
        Untagged(ledger, thresholds),
        home=np.array(sorted(lots.members), np.int64),
        last_gap=runs[-1][0] - 1 if len(runs) > 1 else -1,
        own_set_stops=lots.unit == "entity",
        sweeps=rules.heuristic(DEPOSIT_SWEEP) is not None,
    )
    trail = closure.grow(lots.entries())
    seeding = lots.seeding(trail)
    limits = Limits(question.hops, question.min_value)
    taints = {name: method(name)(trail.movements, seeding, limits) for name in question.methods}
    for name, taint in taints.items():
        check_conservation(name, taint)
    facts = Facts(
        ledger=ledger,
        snapshot=snapshot,
        worth=worth,
        question=question,
        services=services,
        lots=lots,
        trail=trail,
        tip=tip,
        runs=runs,
        clustering=clustering.current(ledger),
        rules=rules,
        rates=rates,
        engine=engine,
        ceiling=ceiling(trail.movements, seeding),
    )
    facts.overrides = _overrides(facts)
    answers = [Answer(name, taint, _by_seed(name, trail, lots, taint)) for name, taint in taints.items()]
    facts.name_everything(answers)
    look_at_accounts(facts, answers, thresholds)
    return facts, answers


def _overrides(facts: Facts) -> list[dict[str, Any]]:
    """The analysts' overrides that touch a cluster the answer met: of the seed set, or of an address on the way."""
    said = overrides(facts.ledger, facts.snapshot)
    if not said:
        return []
    met = clusters_of(facts.ledger, [*facts.lots.members, *facts.trail.seen.tolist()])
    return touching(facts.ledger, said, set(met.values()), Tier.CONSERVATIVE)


def _distinct(seeds: Iterable[Seed]) -> list[Seed]:
    """Each seed once and in one order, however often and however they were written."""
    return sorted(set(seeds), key=lambda seed: (seed.kind, seed.value))


def check_conservation(name: str, taint: Taint) -> None:
    """Seed = what rests in the buckets plus fees, to the base unit; else the engine is wrong and says so."""
    rests = taint.rests()
    seeded = sum(taint.seeded.tolist())
    found = sum(taint.fees.tolist()) + sum(
        sum(rests[taint.fate == int(fate)].tolist()) for fates in BUCKETS.values() for fate in fates
    )
    if seeded != found or np.any(taint.amount[taint.fate == int(Fate.SPENT)] < 0):
        raise StoreDamaged(
            f"the {name} trace does not conserve value: {seeded} entered, {found} were found.",
            hint="This is a fault of the engine or the store; please report it with the seeds.",
        )


def _by_seed(name: str, trail: Trail, lots: Lots, taint: Taint) -> dict[int, I64]:
    """Taint per seed argument, under the cuts of all together; empty for a single seed."""
    if not 1 < len(lots.seeds) <= MOST_SEEDS_APART:
        return {}
    return apart(name)(trail.movements, taint, lots.owner(trail))
