"""One question, one answer: seeds -> closure -> kernels -> the documents of CONTRACTS.

Nothing here depends on the clock, the host or the user: the same question on the same facts and claims gives
the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tracer.clustering import state as clustering
from tracer.clustering.constraints import overrides
from tracer.clustering.lookup import clusters_of
from tracer.clustering.overrides import touching
from tracer.clustering.pools import Thresholds, rule_of
from tracer.clustering.rules import RuleSet, Tier
from tracer.db import named_sql
from tracer.errors import StoreDamaged, UsageError
from tracer.flow import services as service_room
from tracer.flow.closure import Closure
from tracer.flow.deposits import DEPOSIT_SWEEP
from tracer.flow.document import compare, document
from tracer.flow.endpoints import look_at_accounts
from tracer.flow.facts import Answer, Facts, Rates
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.kernels.ceiling import ceiling
from tracer.flow.leads import leads
from tracer.flow.methods import apart, breaks_ties, method
from tracer.flow.movements import I64, Limits, Taint
from tracer.flow.offchain import Followed, Links, with_links
from tracer.flow.question import Question
from tracer.flow.seeding import seeds as seeding_room
from tracer.flow.seeding.arrivals import Arrivals, arrivals, brought
from tracer.flow.seeding.grammar import parse
from tracer.flow.seeding.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.sources import Sources
from tracer.flow.trail import Budget, Pulse, Trail
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
    pulse: Pulse = lambda _hop, _txs: True,
) -> dict[str, Any]:
    """Answer a question: `tracer.trace/1` for one method, `tracer.traces/1` for several.

    `rules` are those in force, with what they do; `engine` is the version of this program; both are quoted. `rates`
    tells the measured error rate of a rule. `pulse` is told of every hop, and may end the trace there: the answer then
    says that it is partial. Raises `UsageError` for seeds that are unseen or ambiguous, `StoreDamaged`
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
    services = service_room.load(ledger, snapshot, frozenset(question.stop))
    backward = question.direction == "backward"
    lots = seeding_room.resolve(
        ledger,
        services,
        [parse(text, ledger.chain) for text in question.seeds],
        unit=question.unit,
        after=question.seed_after,
        before=question.seed_before,
        backward=backward,
        listed=question.listed,
    )
    follow = partial(
        _follow, ledger, snapshot, question, worth, services, (tip, runs), (rules, rates, engine), pulse
    )
    first = follow(lots)
    lots_of = partial(seeding_room.resolve, ledger, services, backward=backward)
    links = Links(snapshot.legs(), follow, lots_of, backward=backward)
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
    pulse: Pulse,
    lots: Lots,
) -> Followed:
    """Where lots went: closure, kernels, names."""
    (tip, runs), (rules, rates, engine) = read, made_by
    pools = rule_of(rules) if question.pools == "all" else None
    thresholds = pools.parameters if pools else None
    floor = question.floor(brought(ledger, lots) if question.min_share else 0)
    walk = partial(
        _walk, ledger, services, question, lots, last_gap=runs[-1][0] - 1 if len(runs) > 1 else -1,
        sweeps=rules.heuristic(DEPOSIT_SWEEP) is not None, ties=breaks_ties(question.methods),
        thresholds=thresholds, pulse=pulse,
    )  # fmt: skip
    trail, entered = walk(question.budget(floor))
    seeding = entered.seeding(trail)
    limits = Limits(question.hops, floor)
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
        seeding=seeding,
        owner=entered.owner(trail),
        arrived=entered.paid if isinstance(entered, Arrivals) else None,
        floor=floor,
    )
    facts.overrides = _overrides(facts)
    answers = [
        Answer(name, taint, _by_seed(name, trail, lots, facts.owner, taint)) for name, taint in taints.items()
    ]
    facts.name_everything(answers)
    look_at_accounts(facts, answers, thresholds)
    if "mixer" in question.through:
        facts.leads, facts.led_by, facts.lead_notes = leads(
            facts, walk(question.budget(floor, mixers=False))[0]
        )
    return facts, answers


def _walk(
    ledger: Ledger,
    services: Services,
    question: Question,
    lots: Lots,
    budget: Budget,
    *,
    last_gap: int,
    sweeps: bool,
    ties: bool,
    thresholds: Thresholds | None,
    pulse: Pulse,
) -> tuple[Trail, Lots | Arrivals]:
    """The closure of lots in the direction of the question, and how they enter it."""
    untagged = Untagged(ledger, thresholds, question.degree)
    home, stops = np.array(sorted(lots.members), np.int64), lots.unit == "entity"
    if question.direction == "backward":
        entered = arrivals(ledger, lots)
        back = Sources(ledger, services, budget, untagged, home=home, own_set_stops=stops, pulse=pulse)
        return back.grow(entered.entries(), entered.transactions()), entered
    closure = Closure(
        ledger, services, budget, untagged, home=home, last_gap=last_gap, own_set_stops=stops, sweeps=sweeps, ties=ties,
        pulse=pulse,
    )  # fmt: skip
    return closure.grow(lots.entries()), lots


def _overrides(facts: Facts) -> list[dict[str, Any]]:
    """The analysts' overrides that touch a cluster the answer met: of the seed set, or of an address on the way."""
    said = overrides(facts.ledger, facts.snapshot)
    if not said:
        return []
    met = clusters_of(facts.ledger, [*facts.lots.members, *facts.trail.seen.tolist()])
    return touching(facts.ledger, said, set(met.values()), Tier.CONSERVATIVE)


def check_conservation(name: str, taint: Taint) -> None:
    """Seed = what rests in the buckets plus fees, to the base unit; else the engine is wrong and says so.

    Poison marks and does not divide: it conserves nothing.
    """
    if name == "poison":
        return
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


def _by_seed(name: str, trail: Trail, lots: Lots, owner: I64, taint: Taint) -> dict[int, I64]:
    """Taint per seed argument, under the cuts of all together; empty for a single seed."""
    if not 1 < len(lots.seeds) <= MOST_SEEDS_APART:
        return {}
    return apart(name)(trail.movements, taint, owner)
