"""Where lots went on a chain of outputs: closure, kernels, names; `tracer.flow.trace` writes the documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tracer.clustering import state as clustering
from tracer.clustering.pools import Thresholds, rule_of
from tracer.clustering.rules import RuleSet
from tracer.errors import StoreDamaged
from tracer.flow.beyond import CEILING, Beyond, Place
from tracer.flow.closure import Closure
from tracer.flow.deposits import DEPOSIT_SWEEP
from tracer.flow.endpoints import look_at_accounts
from tracer.flow.facts import Answer, Facts, Rates
from tracer.flow.fates import BUCKETS, Fate, last_gap
from tracer.flow.kernels.ceiling import ceiling
from tracer.flow.leads import leads
from tracer.flow.methods import apart, breaks_ties, method
from tracer.flow.movements import I64, Limits, Seeding, Taint
from tracer.flow.offchain import Followed
from tracer.flow.overridden import overrides_met
from tracer.flow.question import Question
from tracer.flow.seeding.arrivals import Arrivals, arrivals, brought
from tracer.flow.seeding.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.sources import Sources
from tracer.flow.trail import Budget, Pulse, Trail
from tracer.flow.untagged import Untagged
from tracer.flow.worth import Worth
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger, Tip

if TYPE_CHECKING:
    import polars as pl

MOST_SEEDS_APART = 64
"""Beyond this many seeds the answer does not say which seed brought how much."""


def follow(
    ledger: Ledger,
    snapshot: Snapshot,
    question: Question,
    worth: Worth,
    services: Services,
    read: tuple[Tip, Sequence[tuple[int, int]]],
    made_by: tuple[RuleSet, Rates, str],
    pulse: Pulse,
    lots: Lots,
    beyond: Beyond,
) -> Followed:
    """Where lots went, and what bridges brought beside them: closure, kernels, names."""
    (tip, runs), (rules, rates, engine) = read, made_by
    pools = rule_of(rules) if question.pools == "all" else None
    thresholds = pools.parameters if pools else None
    floor = question.floor(brought(ledger, lots) if question.min_share else 0)
    walk = partial(
        _walk, ledger, services, question, lots, beyond, gap=last_gap(runs, tip.height),
        sweeps=rules.heuristic(DEPOSIT_SWEEP) is not None, ties=breaks_ties(question.methods),
        thresholds=thresholds, pulse=pulse,
    )  # fmt: skip
    trail, entered = walk(question.budget(floor))
    seeded = entered.seeding(trail)
    seeding = {name: _with_brought(seeded, trail, beyond.of(name)) for name in (*question.methods, CEILING)}
    limits = Limits(question.hops, floor)
    taints = {name: method(name)(trail.movements, seeding[name], limits) for name in question.methods}
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
        ceiling=ceiling(trail.movements, seeding[CEILING]),
        seeding=seeding[CEILING],
        owner=_owner(entered, trail, beyond, len(lots.seeds) - 1),
        arrived=entered.paid if isinstance(entered, Arrivals) else None,
        floor=floor,
        said=beyond.said,
    )
    facts.overrides = overrides_met(facts)
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
    beyond: Beyond,
    budget: Budget,
    *,
    gap: int,
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
        return _ended(back.grow(_entries(entered, beyond), entered.transactions()), beyond), entered
    closure = Closure(
        ledger, services, budget, untagged, home=home, last_gap=gap, own_set_stops=stops, sweeps=sweeps, ties=ties,
        pulse=pulse,
    )  # fmt: skip
    return _ended(closure.grow(_entries(lots, beyond)), beyond), lots


def _entries(entered: Lots | Arrivals, beyond: Beyond) -> pl.DataFrame:
    """Outputs through which money enters: tx_id, vout; distinct, in chain order."""
    if not beyond.brought:
        return entered.entries()
    import polars as pl

    return pl.concat([entered.entries(), beyond.places()]).unique().sort("tx_id", "vout")


def _ended(trail: Trail, beyond: Beyond) -> Trail:
    """The trail with the ends that bridges made: what they took (backward: brought) goes no further on this chain."""
    if beyond.ends is None or not beyond.ends.height:
        return trail
    at = trail.index(beyond.ends["tx_id"].to_numpy(), beyond.ends["position"].to_numpy())
    crossed = beyond.ends["crossed"].to_numpy()
    fate = trail.movements.out_fate.copy()
    open_ended = at[(at >= 0) & ~crossed]
    # forward who holds the vault is known, and says how it ends
    fate[open_ended] = np.where(
        trail.backward | (fate[open_ended] == int(Fate.SPENT)), int(Fate.BRIDGE), fate[open_ended]
    )
    fate[at[(at >= 0) & crossed]] = int(Fate.CROSSED)
    return replace(trail, movements=replace(trail.movements, out_fate=fate))


def _with_brought(seeding: Seeding, trail: Trail, units: Mapping[Place, int]) -> Seeding:
    """The seeding with so much of each output that a bridge brought: never more than it is."""
    if not units:
        return seeding
    at = _at(trail, units)
    fixed = seeding.fixed.copy()
    came = np.array(list(units.values()), np.int64)
    fixed[at] = np.minimum(fixed[at] + came, trail.movements.out_value[at])
    return replace(seeding, fixed=fixed)


def _owner(entered: Lots | Arrivals, trail: Trail, beyond: Beyond, number: int) -> I64:
    """Number of the seed of each output; what bridges brought is the last one's."""
    owner = entered.owner(trail)
    at = _at(trail, beyond.most())
    owner[at] = np.where(owner[at] < 0, number, owner[at])
    return owner


def _at(trail: Trail, units: Mapping[Place, int]) -> I64:
    places = np.array(list(units), np.int64).reshape(-1, 2)
    return trail.index(places[:, 0], places[:, 1])


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
