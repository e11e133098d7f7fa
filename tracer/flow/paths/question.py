"""One question about paths, from seeds to the `tracer.paths/1` document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracer.chain import Family
from tracer.clustering import state as clustering
from tracer.clustering.pools import rule_of
from tracer.clustering.rules import RuleSet
from tracer.errors import UsageError
from tracer.flow import services as service_room
from tracer.flow.bridges.rules import Bridges
from tracer.flow.closure import Closure
from tracer.flow.deposits import DEPOSIT_SWEEP
from tracer.flow.facts import Facts, Rates
from tracer.flow.fates import Fate, last_gap
from tracer.flow.movements import I64
from tracer.flow.paths.answer import PathAnswer
from tracer.flow.paths.document import path_document
from tracer.flow.paths.ends import Back, Place, Towards, services_met
from tracer.flow.paths.search import Network, Paths, by_name
from tracer.flow.question import Exits, Question
from tracer.flow.seeding import seeds as seeding_room
from tracer.flow.seeding.grammar import parse
from tracer.flow.seeding.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.trail import Pulse, Trail
from tracer.flow.untagged import Untagged
from tracer.flow.worth import Worth
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger, Tip

Read = tuple[Tip, Sequence[tuple[int, int]]]
"""The tip, and the runs of blocks that were read."""
MadeBy = tuple[RuleSet, Rates, str]
"""Rules, how often each errs, and the version of the engine."""
MOST_HOPS = 100
"""Ours (P): a width is kept for every transaction and number of hops, 160 MB for 200,000 transactions."""
MOST_PATHS = 1_000
"""More paths than anybody reads (P)."""


@dataclass(frozen=True)
class PathQuestion:
    """From where (`asked.seeds`, one of them), within which limits, and where to: a place, else services.

    target  a seed, as the command line takes it; None: services, those that `asked.exits` shows
    best    how many paths
    """

    asked: Question
    target: str | None = None
    best: int = 20

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; `UsageError` says what."""
        if self.target is not None and self.asked.exits:
            raise UsageError(
                "--exits asks for services, and a place to reach was named too.", hint="Ask for one of them."
            )
        if not 1 <= self.asked.hops <= MOST_HOPS:
            raise UsageError(f"--hops of a path is from 1 to {MOST_HOPS}.")
        if not 1 <= self.best <= MOST_PATHS:
            raise UsageError(f"--best is from 1 to {MOST_PATHS}.")

    def parameters(self) -> dict[str, object]:
        """As the document repeats them."""
        said = self.asked.parameters()
        own = (
            "hops",
            "max_txs",
            "min_value",
            "after",
            "before",
            "seed_after",
            "seed_before",
            "exits",
            "pools",
            "high_degree",
            "stop",
        )
        return {
            **{name: said[name] for name in own},
            "best": self.best,
            "currency": said["currency"],
            "price_source": said["price_source"],
        }


def paths(
    ledger: Ledger,
    snapshot: Snapshot,
    question: PathQuestion,
    *,
    rules: RuleSet,
    engine: str,
    rates: Rates = lambda _id, _version, _family: None,
    pulse: Pulse = lambda _hop, _txs: True,
    bridges: Bridges | None = None,
) -> dict[str, Any]:
    """The best paths of a question as `tracer.paths/1`; arguments as `tracer.flow.trace.trace` takes them.

    `bridges` say where an account chain is left; they lead to no other one. Raises `UsageError` where either end is
    unseen or ambiguous.
    """
    asked, tip = question.asked, ledger.tip()
    if tip is None:
        raise UsageError(
            f"the store of {ledger.chain.name} holds no blocks.",
            hint=f"Run `tracer sync {ledger.chain.name}` first.",
        )
    runs = ledger.runs()
    prices = Prices(snapshot.claims("prices"), asked.currency, asked.price_source)
    services = service_room.load(ledger, snapshot, frozenset(asked.stop))
    lots = seeding_room.resolve(
        ledger, services, [parse(text, ledger.chain) for text in asked.seeds],
        unit=asked.unit, after=asked.seed_after, before=asked.seed_before,
    )  # fmt: skip
    reach = None
    if question.target is not None:
        reach = seeding_room.resolve(ledger, services, [parse(question.target, ledger.chain)], unit="lot")
    read, made_by = (tip, runs), (rules, rates, engine)
    over = _over_accounts if ledger.chain.family is Family.ACCOUNT else _over_outputs
    return path_document(
        over(ledger, snapshot, question, prices, services, read, made_by, pulse, lots, reach, bridges)
    )


def _over_accounts(
    ledger: Ledger, snapshot: Snapshot, question: PathQuestion, prices: Prices, services: Services, read: Read,
    made_by: MadeBy, pulse: Pulse, lots: Lots, reach: Lots | None, bridges: Bridges | None,
) -> PathAnswer:  # fmt: skip
    """The best paths over account transfers."""
    from tracer.flow.accounts.paths import searched

    found = searched(
        ledger, snapshot, question.asked, prices, services, read, made_by, pulse, lots, reach, bridges
    )
    best = found.paths.best(question.best + 1)
    return PathAnswer(
        found.facts, question, reach, found.came, found.target, found.start, found.met, best, found.looked
    )


def _over_outputs(
    ledger: Ledger, snapshot: Snapshot, question: PathQuestion, prices: Prices, services: Services, read: Read,
    made_by: MadeBy, pulse: Pulse, lots: Lots, reach: Lots | None, _bridges: Bridges | None,
) -> PathAnswer:  # fmt: skip
    """The best paths over outpoints; there no bridge ends a trail."""
    asked, (tip, runs), (rules, rates, engine) = question.asked, read, made_by
    place = Place.of(reach) if reach else None
    trail = _closure(
        ledger,
        services,
        asked,
        rules,
        lots,
        place,
        gap=last_gap(runs, tip.height),
        pulse=pulse,
    ).grow(lots.entries())
    facts = Facts(
        ledger=ledger,
        snapshot=snapshot,
        worth=Worth(ledger.chain, prices),
        question=asked,
        services=services,
        lots=lots,
        trail=trail,
        tip=tip,
        runs=runs,
        clustering=clustering.current(ledger),
        rules=rules,
        rates=rates,
        engine=engine,
        ceiling=np.zeros(len(trail.vout), np.int64),
        seeding=lots.seeding(trail),
        floor=asked.min_value,
    )
    met = services_met(facts)
    target = place.among(trail, services) if place else met.shown(Exits.parse(asked.exits))
    start = _capacity(lots, trail)
    found = Paths(_network(trail, target, start), asked.hops, asked.min_value)
    names = ledger.render_txids(trail.tx_id[found.met].tolist())
    texts = [names.get(int(tx_id), "") for tx_id in trail.tx_id.tolist()]
    best = found.best(question.best + 1, by_name(texts, trail.movements.out_start))
    facts.txids.update(names)
    return PathAnswer(facts, question, reach, found.reached, target, start, met, best)


def _closure(
    ledger: Ledger,
    services: Services,
    asked: Question,
    rules: RuleSet,
    lots: Lots,
    place: Place | None,
    *,
    gap: int,
    pulse: Pulse,
) -> Closure:
    """What grows the trail that all paths lie in; as of a trace, so that both stop at the same things."""
    pools = rule_of(rules) if asked.pools == "all" else None
    untagged = Untagged(ledger, pools.parameters if pools else None, asked.degree)
    home, sweeps = np.array(sorted(lots.members), np.int64), rules.heuristic(DEPOSIT_SWEEP) is not None
    kind = Closure if place is None else Towards
    closure = kind(
        ledger, services, asked.budget(asked.min_value), untagged,
        home=home, last_gap=gap, own_set_stops=lots.unit == "entity", sweeps=sweeps, pulse=pulse,
    )  # fmt: skip
    if place is not None and isinstance(closure, Towards):
        behind = asked.hops // 2
        makers = place.makers(ledger, services)
        closure.aim(Back(ledger, makers, behind, asked.max_txs), asked.hops - behind)
    return closure


def _network(trail: Trail, target: np.ndarray[tuple[int], np.dtype[np.bool_]], start: I64) -> Network:
    """The trail as paths see it: what is not followed for any reason leads nowhere."""
    onward = np.full(len(trail.vout), -1, np.int64)
    followed = trail.movements.out_fate == int(Fate.SPENT)
    onward[followed] = trail.movement(trail.beyond[followed])
    return Network(trail.movements.out_start, trail.movements.out_value, onward, target, start)


def _capacity(lots: Lots, trail: Trail) -> I64:
    """With how much a path may start in each output, int64[k]: a lot's whole value, else what arrived or left net."""
    found = np.zeros(len(trail.vout), np.int64)
    if lots.flagged is not None and lots.net is not None:
        rows = lots.flagged.join(lots.net, on="tx_id", maintain_order="left")
        at = trail.index(rows["tx_id"].to_numpy(), rows["vout"].to_numpy())
        found[at] = np.minimum(rows["value"].to_numpy(), rows["net"].to_numpy())
    if lots.points:
        points = np.array(sorted(lots.points), np.int64)
        at = trail.index(points[:, 0], points[:, 1])
        found[at] = trail.movements.out_value[at]
    return found
