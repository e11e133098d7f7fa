"""Paths over account transfers: the closure of a trace, and the best ways through what it found.

A trail stops where a trace stops, so that both say the same of the same question. What leaves the chain over a bridge
ends there: no path is looked for on another chain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tracer.clustering import state as clustering
from tracer.db import named_sql
from tracer.flow.accounts import limits, words
from tracer.flow.accounts.assets import NATIVE, Assets, chosen, disbelieved
from tracer.flow.accounts.closure import Closure
from tracer.flow.accounts.columns import with_sides
from tracer.flow.accounts.converted import with_converted
from tracer.flow.accounts.deposits import sweep_least
from tracer.flow.accounts.openings import Runs
from tracer.flow.accounts.paths_rows import (
    Looked,
    as_ints,
    named_in,
    network_of,
    seeded_at,
    steps_of,
    trail_of,
)
from tracer.flow.accounts.paths_search import AccountPaths, Bools
from tracer.flow.accounts.receipts import entering
from tracer.flow.accounts.rows import SWAP, schema
from tracer.flow.accounts.sides import sides
from tracer.flow.accounts.swaps import Swaps, pool_least
from tracer.flow.accounts.untold import untold
from tracer.flow.accounts.view import Units
from tracer.flow.beyond import NOTHING, Beyond, ends_of
from tracer.flow.bridges.crossings import told
from tracer.flow.bridges.matching import match
from tracer.flow.bridges.rules import Bridges
from tracer.flow.bridges.said import said_of
from tracer.flow.facts import Facts, Rates
from tracer.flow.fates import BUCKETS, Fate
from tracer.flow.movements import U8, Seeding
from tracer.flow.paths.ends import Met, Place, services_met
from tracer.flow.question import Exits, Question
from tracer.flow.queues.wide import Wide
from tracer.flow.seeding.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.sets import distinct, union
from tracer.flow.trail import Pulse
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger, Tip

if TYPE_CHECKING:
    import polars as pl

    from tracer.clustering.rules import RuleSet

_SQL = named_sql("tracer.flow.accounts", "paths.sql")
_BEYOND = "paths are not searched over bridges; `tracer trace` goes on where the other chain is read too"


@dataclass(frozen=True)
class Searched:
    """A question about paths on an account chain, looked through."""

    facts: Facts
    looked: Looked
    met: Met
    target: Bools
    paths: AccountPaths
    seed: Wide

    @property
    def came(self) -> Units:
        """The most that one path can have brought through each row, base units."""
        return as_ints(self.paths.reached)

    @property
    def start(self) -> Units:
        """What was seeded at each row, base units."""
        return as_ints(self.seed)


def searched(
    ledger: Ledger,
    snapshot: Snapshot,
    question: Question,
    prices: Prices,
    services: Services,
    read: tuple[Tip, Runs],
    made_by: tuple[RuleSet, Rates, str],
    pulse: Pulse,
    lots: Lots,
    to: Lots | None,
    bridges: Bridges | None,
) -> Searched:
    """Look through all that can be reached from lots, for ways to a place (`to`), or to services."""
    (tip, runs), (rules, rates, engine) = read, made_by
    beyond = NOTHING if bridges is None else alone(ledger, services, bridges)
    wrong = disbelieved(ledger)
    swaps = Swaps(ledger, services, wrong, pool_least(rules))
    assert lots.moved is not None
    came = entering(lots.moved, swaps, leaving=lots.unit == "entity")
    came = with_converted(ledger, came, lots.moved, swaps, backward=False)
    own, beside = _believed(ledger, question, came, wrong)
    readable = own.drop_nulls("units")
    closure = Closure(
        ledger, services, swaps, question.budget(0), home=np.array(sorted(lots.members), np.int64),
        own_set_stops=lots.unit == "entity", degree=question.degree, backward=False, sweeps=sweep_least(rules),
        pulse=pulse, beyond=beyond,
    )  # fmt: skip
    reach = closure.grow(readable.select(list(schema())))
    rows = with_sides(steps_of(reach), readable)
    rests = limits.Rests(ledger, reach, runs, rows, swaps.pools, backward=False)
    assets = Assets(
        ledger, {*rows["asset_in"].to_list(), *rows["asset_out"].to_list(), *beside["asset_id"].to_list()}
    )
    worths = assets.worths(ledger, prices)
    seen = union(closure.verdicts.seen, distinct(rows["source"].drop_nulls().to_numpy()))
    shown = sides(ledger, rows)["out_place"].to_numpy()
    trail = trail_of(rows, shown, assets, seen, closure.verdicts.looked_at, stopped=reach.stopped)
    seed = seeded_at(rows, readable)
    floors = _floors(ledger, question, assets)
    looked = Looked(rows, assets, floors, bool(np.any(rests.fates == int(Fate.TX_LIMIT))))
    facts = Facts(
        ledger=ledger, snapshot=snapshot, worth=worths[0], question=question, services=services, lots=lots,
        trail=trail, tip=tip, runs=runs, clustering=clustering.current(ledger), rules=rules, rates=rates,
        engine=engine, ceiling=np.zeros(len(trail.vout), np.int64), seeding=Seeding.empty(trail.movements),
        floor=question.min_value, worths=worths, said=beyond.said,
    )  # fmt: skip
    lots.flagged = words.beside_lots(readable)
    met = services_met(facts)
    named = np.zeros(rows.height, np.bool_)
    if to is None:
        target = met.shown(Exits.parse(question.exits))
    else:
        named = named_in(ledger, rows, swaps, to)
        target = Place.of(replace(to, points={})).among(trail, services) | named
    network = network_of(looked, reach, seed, target, named, own_starts=lots.unit == "entity")
    found = AccountPaths(network, question.hops)
    carried = found.reached.any(axis=1)
    facts.gaps += [
        *untold(ledger, reach.queues),
        *words.gaps(assets, rests, [], own.height - readable.height, []),
        *words.guessed(trail, carried, assets, closure.verdicts),
    ]
    pooled = ((rows["basis"] == SWAP) | rows["pool"]).to_numpy()
    facts.swapped = len(swaps.unlabelled) > 0 and bool(np.any(pooled & carried))
    facts.notes += words.notes(replace(question, min_value=0), assets, beside, swapped=facts.swapped)
    facts.notes += () if bridges is None else bridges.notes
    arrived = seed.any(axis=1) & ~rows["gave"].to_numpy()
    facts.notes += _at_once(trail.movements.out_fate[arrived], lots)
    facts.notes += [] if to is None else _passed(ledger, rows.filter(carried), to)
    facts.beside = words.keys(question, assets, [], beside)
    return Searched(facts, looked, met, target, found, seed)


def alone(ledger: Ledger, services: Services, bridges: Bridges) -> Beyond:
    """What bridges and lists of mixer pools say of one chain, where no other is looked at."""
    import polars as pl

    from tracer.flow.accounts.mixers import listed_pools

    name = ledger.chain.name
    sides = told(ledger, services, bridges.rules, bridges.pinned)
    single = match({name: sides.sides}).single.filter(pl.col("side") == "out")
    single = single.with_columns(why=pl.when(pl.col("why") == "").then(pl.lit(_BEYOND)).otherwise("why"))
    rows = single.drop_nulls("position").select("tx_id", "position", "asset_id", "units").iter_rows()
    pools = listed_pools(ledger, bridges.pools.get(name, {}))
    return Beyond(
        ends_of((*row, False) for row in rows),
        {**dict.fromkeys(sides.contracts, Fate.BRIDGE), **dict.fromkeys(pools, Fate.MIXER)},
        said=said_of(ledger, single, bridges.pinned, {name: ledger}),
        denominations=pools,
    )


def _believed(
    ledger: Ledger, question: Question, came: pl.DataFrame, wrong: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What paths start with, and what is only summed because it is not believed and --asset does not name it."""
    import polars as pl

    if question.asset is not None:
        asked = came.filter(pl.col("asset_id").is_in(chosen(ledger, question.asset)))
        return asked, asked.clear()
    own = ~pl.col("asset_id").is_in(pl.Series(wrong["asset_id"], dtype=pl.Int32).implode())
    return came.filter(own), came.filter(~own)


def _floors(ledger: Ledger, question: Question, assets: Assets) -> dict[int, int]:
    """Number of each asset that `min_value` is of -> base units."""
    if not question.min_value:
        return {}
    meant = {NATIVE} if question.asset is None else set(chosen(ledger, question.asset))
    return {
        number: question.min_value for number, asset in enumerate(assets.shown) if asset.asset_id in meant
    }


def _at_once(fates: U8, lots: Lots) -> list[str]:
    """Said where what was seeded came to who holds it for others: no path goes on from there."""
    ends = [int(fate) for fate in (Fate.SERVICE, *BUCKETS["stopped"])]
    count = int(np.count_nonzero(np.isin(fates, ends)))
    if lots.unit == "entity" or not count:
        return []
    return [
        f"{count} of the transfers that paths start from came to a service, a pool, a mixer or a bridge, and went no "
        "further: what left it is another question (--unit entity)"
    ]


def _passed(ledger: Ledger, carried: pl.DataFrame, to: Lots) -> list[str]:
    """Said where money went through the place itself by swaps or wraps, which end no path: it went on at once."""
    import polars as pl

    converted = carried.filter(pl.col("basis") > 0).select("tx_id", "source", "target")
    members = pl.DataFrame({"address_id": sorted(to.members)}, schema={"address_id": pl.Int32})
    with ledger.db.table("wanted", converted), ledger.db.table("members", members):
        count = int(ledger.db.value(_SQL["passed"]) or 0)
    if not count:
        return []
    return [
        f"{count} transactions swapped or wrapped money through the place itself: it went on in another asset to "
        "whoever got that, so no path ends there by them"
    ]
