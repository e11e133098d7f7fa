"""Where lots went on an account chain: closure, kernels, names; `tracer.flow.trace` writes the documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer.chain import tx_height
from tracer.clustering import state as clustering
from tracer.clustering.rules import RuleSet
from tracer.errors import StoreDamaged, UsageError
from tracer.flow.accounts import limits, words
from tracer.flow.accounts.assets import Assets, chosen, disbelieved
from tracer.flow.accounts.closure import SQL as CLOSURE
from tracer.flow.accounts.closure import Closure
from tracer.flow.accounts.columns import book, rows_of, with_sides
from tracer.flow.accounts.conversions import conversions
from tracer.flow.accounts.converted import with_converted
from tracer.flow.accounts.crossed import Entered
from tracer.flow.accounts.deposits import sweep_least
from tracer.flow.accounts.doubts import balanced, bearable
from tracer.flow.accounts.edges import account_graph
from tracer.flow.accounts.openings import NATIVE, Runs, openings
from tracer.flow.accounts.pools import look_at_pools
from tracer.flow.accounts.receipts import entering
from tracer.flow.accounts.rows import SWAP, schema
from tracer.flow.accounts.sides import sides
from tracer.flow.accounts.swaps import Swaps, pool_least
from tracer.flow.accounts.tips import tips
from tracer.flow.accounts.untold import untold
from tracer.flow.accounts.view import View, totals
from tracer.flow.beyond import CEILING, Beyond
from tracer.flow.facts import Answer, Facts, Rates
from tracer.flow.fates import Fate
from tracer.flow.movements import Limits, Seeding
from tracer.flow.overridden import overrides_met
from tracer.flow.question import Question
from tracer.flow.queues.balances import reverse
from tracer.flow.queues.ceiling import ceiling
from tracer.flow.queues.columns import Naming, QueueSeeding, Transfers
from tracer.flow.queues.methods import queue_apart, queue_method
from tracer.flow.seeding.seeds import Lots
from tracer.flow.services import Services
from tracer.flow.sets import distinct, union
from tracer.flow.trail import Pulse, Trail
from tracer.intel.prices import Prices
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger, Tip

if TYPE_CHECKING:
    import polars as pl


def check(question: Question) -> None:
    """Refuse what no account chain can be asked; `UsageError` says what."""
    chain = "is not asked of an account chain"
    if question.fees == "miners":
        raise UsageError(f"--fees miners {chain}: gas is burnt, or paid to whoever produced the block.")
    for name in question.methods:
        queue_method(name)


def follow(
    ledger: Ledger,
    snapshot: Snapshot,
    question: Question,
    prices: Prices,
    services: Services,
    read: tuple[Tip, Runs],
    made_by: tuple[RuleSet, Rates, str],
    pulse: Pulse,
    lots: Lots,
    beyond: Beyond,
) -> tuple[Facts, list[Answer]]:
    """Where lots went, and what bridges brought beside them.

    Raises as kernels do for what the ledger contradicts: `StoreDamaged`, `DataError`.
    """
    (tip, runs), (rules, rates, engine) = read, made_by
    backward = question.direction == "backward"
    wrong = disbelieved(ledger)
    swaps = Swaps(ledger, services, wrong, pool_least(rules))
    assert lots.moved is not None
    came = entering(lots.moved, swaps, leaving=lots.unit == "entity" and not backward)
    came = with_converted(ledger, came, lots.moved, swaps, backward=backward)
    own, beside, unread = _chosen(ledger, question, came, wrong)
    enters = Entered(ledger, swaps, own, beyond, len(lots.seeds) - 1)
    entered = enters.most
    budget = question.budget(0)
    closure = Closure(
        ledger, services, swaps, budget, home=np.array(sorted(lots.members), np.int64),
        own_set_stops=lots.unit == "entity", degree=question.degree, backward=backward,
        sweeps=sweep_least(rules), pulse=pulse, beyond=beyond,
    )  # fmt: skip
    seeds = entered.select(list(schema()))
    reach = closure.grow(seeds)
    found = openings(ledger, reach.queues, runs, backward=backward)
    rows = rows_of(ledger, swaps, reach, found, seeds, backward=backward)
    rows = closure.verdicts.timed(rows)
    assets = Assets(
        ledger, {*rows["asset_in"].to_list(), *rows["asset_out"].to_list(), *beside["asset_id"].to_list()}
    )
    ends = limits.Rests(ledger, reach, runs, rows, swaps.pools, backward=backward)
    made = book(
        with_sides(rows, entered),
        reach.queues,
        found,
        assets.numbers(),
        ends.fates,
        _naming(ledger, rows),
        backward=backward,
    )
    made, doubts = balanced(ledger, made, assets)
    transfers, by_method = made.transfers, enters.seedings(made, question.methods)
    by_method, hostile = bearable(transfers, by_method)
    if backward:
        transfers = reverse(transfers)
        by_method = {
            name: QueueSeeding(own.fixed[::-1].copy(), own.owner[::-1].copy())
            for name, own in by_method.items()
        }
    seeding = by_method[CEILING]
    floors = _floors(question, assets, seeding, transfers)
    bounds = Limits(question.hops, floors=floors)
    taints = {name: queue_method(name)(transfers, by_method[name], bounds) for name in question.methods}
    most = ceiling(transfers, seeding)
    view = View.of(made, transfers, list(taints.values()), most)
    apart = sides(ledger, made.rows)
    trail = view.trail(
        apart, union(closure.verdicts.seen, distinct(rows["source"].drop_nulls().to_numpy())),
        closure.verdicts.looked_at, stopped=reach.stopped,
    )  # fmt: skip
    owner = view.owner(seeding)
    worths = assets.worths(ledger, prices)
    facts = Facts(
        ledger=ledger, snapshot=snapshot, worth=worths[0], question=question, services=services, lots=lots,
        trail=trail, tip=tip, runs=runs, clustering=clustering.current(ledger), rules=rules, rates=rates,
        engine=engine, ceiling=view.units(most),
        seeding=Seeding(np.zeros(0, np.uint8), view.units(seeding.fixed), np.zeros(0, np.int64), np.zeros(0, np.int64)),
        owner=owner, floor=floors[0] if floors else 0, worths=worths, received=words.received(lots, assets, entered),
    )  # fmt: skip
    lots.flagged = words.beside_lots(entered)
    facts.gaps += [*untold(ledger, reach.queues), *words.gaps(assets, ends, doubts, unread, hostile)]
    facts.gaps += words.guessed(trail, np.asarray(facts.ceiling > 0), assets, closure.verdicts)
    if lost := enters.lost():
        facts.gaps.append(
            f"{lost} transfers that bridges brought were swapped at once: what came was not followed"
        )
    facts.said = beyond.said
    swapped = (rows["basis"] == SWAP).any() or rows["pool"].any()
    facts.swapped = swapped and len(swaps.unlabelled) > 0
    facts.notes += words.notes(question, assets, beside, swapped=facts.swapped)
    facts.notes += tips(ledger, view, taints.values(), assets.shown[0].coin.name)
    facts.logs = _logs(ledger, trail)
    facts.overrides = overrides_met(facts)
    facts.beside = words.keys(question, assets, floors, beside)
    answers = []
    for name, taint in taints.items():
        sums = totals(taint, transfers, len(assets.shown))
        _conserved(name, sums, assets)
        by_seed = _by_seed(name, view, lots, transfers, by_method[name], bounds)
        answers.append(Answer(name, view.taint(taint), by_seed, sums))
    facts.name_everything(answers)
    look_at_pools(facts, beyond.denominations)
    shown = [
        Answer(
            a.method, a.taint, a.by_seed, a.sums, conversions(facts, view, taints[a.method]),
            account_graph(facts, a, view, taints[a.method]) if question.edges else None,
        )
        for a in answers
    ]  # fmt: skip
    return facts, shown


def _chosen(
    ledger: Ledger, question: Question, came: pl.DataFrame, wrong: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """What is followed of what came, what is only summed because it is not believed, and how much could not be read."""
    import polars as pl

    narrowed = came
    own = ~pl.col("asset_id").is_in(pl.Series(wrong["asset_id"], dtype=pl.Int32).implode())
    if question.asset is not None:
        asked = chosen(ledger, question.asset)
        narrowed = came.filter(pl.col("asset_id").is_in(asked))
        own = pl.lit(value=True)
    believed = narrowed.filter(own)
    named = believed.filter(pl.col("units").is_not_null())
    return named, narrowed.filter(~own), believed.height - named.height


def _floors(
    question: Question, assets: Assets, seeding: QueueSeeding, transfers: Transfers
) -> tuple[int, ...]:
    """The value floor of each asset: `min_value` of the one that was asked for, `min_share` of what was seeded."""
    from tracer.flow.queues.wide import sums

    brought = sums(seeding.fixed, transfers.asset_of(), len(assets.shown))
    meant = question.asset
    floors = []
    for number, units in enumerate(brought):
        own = assets.shown[number].asset_id == NATIVE if meant is None else units > 0
        floors.append(question.floor(units) if own else question.share_of(units))
    return tuple(floors[: transfers.assets()]) if any(floors) else ()


def _logs(ledger: Ledger, trail: Trail) -> dict[tuple[int, int], int]:
    """(tx_id, position) -> log index of the token transfers that met services."""
    import polars as pl

    met = trail.point[trail.movements.out_fate == int(Fate.SERVICE)]
    with ledger.db.table("wanted", pl.DataFrame({"tx_id": distinct(met)}, schema={"tx_id": pl.Int64})):
        rows = ledger.db.rows(CLOSURE["logs"])
    return {(tx_id, position): log_index for tx_id, position, log_index in rows}


def _naming(ledger: Ledger, rows: pl.DataFrame) -> Naming:
    """How errors name a row: by transaction and place."""

    def name(row: int) -> str:
        tx_id, position = rows.row(row)[0], rows["position"][row]
        txids = ledger.render_txids([tx_id])
        return f"transfer {position} of {txids.get(tx_id, f'block {tx_height(tx_id)}')}"

    return name


def _conserved(name: str, sums: Sequence[dict[str, int]], assets: Assets) -> None:
    """Per asset, what was seeded and converted into it is what rests, was paid, cut, or converted out of it."""
    if name == "poison":
        return
    for asset, told in zip(assets.shown, sums, strict=True):
        entered = told["seed"] + told["converted_in"]
        rests = sum(units for bucket, units in told.items() if bucket not in ("seed", "converted_in"))
        if entered != rests:
            raise StoreDamaged(
                f"the {name} trace does not conserve value: {entered} {asset.coin.name} entered, {rests} were found.",
                hint="This is a fault of the engine or the store; please report it with the seeds.",
            )


def _by_seed(
    name: str, view: View, lots: Lots, transfers: Transfers, seeding: QueueSeeding, bounds: Limits
) -> dict[int, Any]:
    """Taint of each output per seed, under the cuts of all together; empty for a single seed."""
    from tracer.flow.outputs import MOST_SEEDS_APART  # which imports this

    if not 1 < len(lots.seeds) <= MOST_SEEDS_APART:
        return {}
    apart = queue_apart(name)(transfers, seeding, bounds)
    return {number: view.units(amount) for number, amount in apart.items()}
